"""The epoch from which one curve stays above another, as the SamplePairing article states it.

Single epochs vary by several points, so both curves are smoothed first. Answers are given with the
window of the smoothing.
"""

from collections.abc import Sequence

import numpy as np


def window_for(epochs: int) -> int:
    """Epochs that a value is smoothed over: a twentieth of all, an odd number, at least 1.

    25 of 500 epochs, 15 of 300, 5 of 100, 1 (no smoothing) of fewer than 40.
    """
    return epochs // 20 | 1


def smoothed(curve: Sequence[float] | np.ndarray, window: int) -> np.ndarray:
    """Mean over `window` epochs with the epoch in their middle; at the ends over fewer.

    curve: float [E]; window: an odd number. Returns float64 [E].
    """
    values = np.asarray(curve, np.float64)
    if window < 1 or window % 2 == 0:
        raise ValueError(f"window must be an odd number, got {window}")
    half = window // 2
    return np.array(
        [values[max(0, i - half) : i + half + 1].mean() for i in range(len(values))], np.float64
    )


def stays_above(
    curve: Sequence[float] | np.ndarray, baseline: Sequence[float] | np.ndarray, window: int
) -> int | None:
    """The first epoch, counted from 0, from which the smoothed curve stays above the baseline's to
    the end; None where that holds for fewer than the last `window` epochs.

    Curves of unequal length are compared as far as the shorter one goes. Equal is not above.
    """
    length = min(len(curve), len(baseline))
    above = smoothed(curve[:length], window) > smoothed(baseline[:length], window)
    below = np.flatnonzero(~above)
    first = int(below[-1]) + 1 if below.size else 0
    return first if length - first >= window else None
