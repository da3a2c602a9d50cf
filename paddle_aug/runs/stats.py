"""The figures of a curve: mean of its last epochs, best epoch, spread over seeds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

LAST = 10
# A difference or deviation of figures below this is one of rounding.
ROUNDING = 1e-12


class LastMean(NamedTuple):
    """Mean of the last `n` values of a curve."""

    mean: float
    n: int


class Best(NamedTuple):
    """The best value of a curve and its epoch, counted from 0."""

    epoch: int
    value: float


class Spread(NamedTuple):
    """Mean and sample standard deviation (n - 1) over `n` runs; std is NaN for one run."""

    n: int
    mean: float
    std: float


def last_mean(curve: Sequence[float] | np.ndarray, last: int = LAST) -> LastMean:
    """Mean of the last `last` values, of all if there are fewer (the SamplePairing article's
    figure).

    A NaN among them makes the mean NaN: without the diverged epoch the run would look better. An
    empty curve gives (NaN, 0).
    """
    if last < 1:
        raise ValueError(f"last must be at least 1, got {last}")
    values = np.asarray(curve, np.float64)[-last:]
    if not values.size:
        return LastMean(float("nan"), 0)
    return LastMean(mean(values), int(values.size))


def mean(values: np.ndarray) -> float:
    """The mean, which is the same in any order of the values."""
    if not np.isfinite(values).all():
        return float(values.mean())
    return math.fsum(values) / len(values)


def best(curve: Sequence[float] | np.ndarray, highest: bool = True) -> Best | None:
    """The highest (or lowest) value and its first epoch; None where no value is a number."""
    values = np.asarray(curve, np.float64)
    if not np.isfinite(values).any():
        return None
    usable = np.where(np.isfinite(values), values, -np.inf if highest else np.inf)
    epoch = int(usable.argmax() if highest else usable.argmin())
    return Best(epoch, float(values[epoch]))


def spread(values: Sequence[float] | np.ndarray) -> Spread:
    """Number, mean and sample standard deviation of one figure over several runs.

    No values give (0, NaN, NaN).
    """
    array = np.asarray(values, np.float64)
    if not array.size:
        return Spread(0, float("nan"), float("nan"))
    std = float(array.std(ddof=1)) if array.size > 1 else float("nan")
    return Spread(int(array.size), mean(array), std)


def difference(value: float, baseline: float) -> float:
    """value - baseline; 0 where it is one of rounding only."""
    found = value - baseline
    return 0.0 if abs(found) < ROUNDING else found


def points(value: float, baseline: float) -> float:
    """Difference of two accuracies in [0, 1], in percentage points."""
    return 100.0 * difference(value, baseline)


def stopped_early(accuracies: Sequence[float] | np.ndarray, patience: int | None) -> bool:
    """Whether the last `patience` values brought none above those before; None: never."""
    if patience is None or not len(accuracies):
        return False
    return len(accuracies) - 1 - int(np.argmax(accuracies)) >= patience
