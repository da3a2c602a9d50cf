"""Uncertainty of figures: intervals over seeds and over images, tests, number of seeds needed.

Pure functions of numbers. Intervals are 95 % intervals and tests are two-sided at 5 %.
docs/judging.md says which is used where, and why.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy import stats

from paddle_aug.runs.stats import ROUNDING
from paddle_aug.runs.stats import mean as mean_of

CONFIDENCE = 0.95
LEVEL = 0.05  # 1 - CONFIDENCE
POWER = 0.8
RESAMPLES = 10_000
# A larger number of needed seeds is given as "more than" this.
MOST_SEEDS = 1000

NAN = float("nan")


class Estimate(NamedTuple):
    """Mean of a figure over `n` seeds, its sample standard deviation and its 95 % interval.

    std, low and high are NaN for one seed, everything is NaN for none. low and high are NaN where
    every seed has the same figure, too: no deviation says how far another one may be.
    """

    n: int
    mean: float
    std: float
    low: float
    high: float


class ImageDifference(NamedTuple):
    """Two models on the same images: how much more of them the first one gets right.

    difference: in shares of `images`, with its 95 % interval (paired bootstrap; NaN where the two
    are right on the same images: no disagreement says how far another set may move it). gained:
    images that only the first has right; lost: that only the second has. p: McNemar's exact test,
    NaN where there is no interval.
    """

    images: int
    difference: float
    low: float
    high: float
    gained: int
    lost: int
    p: float


def estimate(values: Sequence[float] | np.ndarray) -> Estimate:
    """Mean, sample standard deviation (n - 1) and Student's t interval of the mean.

    A NaN among the values makes everything but n NaN: a diverged run is not left out.
    """
    array = np.asarray(values, np.float64)
    n = array.size
    if not np.isfinite(array).all() or n == 0:
        return Estimate(n, NAN, NAN, NAN, NAN)
    mean = mean_of(array)
    if n == 1:
        return Estimate(1, mean, NAN, NAN, NAN)
    std = float(array.std(ddof=1))
    if std < ROUNDING:
        return Estimate(n, mean, 0.0, NAN, NAN)
    half = float(_t_quantile(n)) * std / math.sqrt(n)
    return Estimate(n, mean, std, mean - half, mean + half)


def paired_p(differences: Sequence[float] | np.ndarray) -> float:
    """p of the paired t test that the mean difference is zero; NaN where there is no interval."""
    found = estimate(differences)
    if math.isnan(found.low):
        return NAN
    t = found.mean / (found.std / math.sqrt(found.n))
    return float(2 * stats.t.sf(abs(t), found.n - 1))


def compare_images(
    first: np.ndarray, second: np.ndarray, resamples: int = RESAMPLES, seed: int = 0
) -> ImageDifference:
    """Which of two models gets more of the same images right, and how sure that is.

    first, second: bool [N], image by image whether each model is right. The interval is the
    percentile interval of a paired bootstrap: images are drawn anew, both models' answers to one
    together. An image counts +1 (only the first right), -1 (only the second) or 0, so that a
    resample is three numbers of a multinomial draw; that gives the same distribution as drawing
    images by index. It covers how the difference varies with the evaluation set, but not with the
    seed. p: McNemar's exact test, a binomial test of the images on which the two disagree (McNemar
    1947). Raises ValueError for unequal lengths or no images.
    """
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(f"expected two equal rows of answers, got {first.shape}, {second.shape}")
    images = first.size
    gained, lost = int((first & ~second).sum()), int((~first & second).sum())
    if gained + lost == 0:
        return ImageDifference(images, 0.0, NAN, NAN, 0, 0, NAN)
    shares = np.array([gained, lost, images - gained - lost]) / images
    draws = np.random.default_rng(seed).multinomial(images, shares, resamples)
    low, high = np.quantile((draws[:, 0] - draws[:, 1]) / images, [LEVEL / 2, 1 - LEVEL / 2])
    p = float(stats.binomtest(gained, gained + lost).pvalue)
    return ImageDifference(
        images, (gained - lost) / images, float(low), float(high), gained, lost, p
    )


def share_interval(right: int, images: int) -> tuple[float, float]:
    """Wilson's 95 % interval of an accuracy: `right` of `images` are right."""
    interval = stats.binomtest(right, images).proportion_ci(CONFIDENCE, "wilson")
    return float(interval.low), float(interval.high)


def holm(p_values: Sequence[float]) -> list[float]:
    """Holm's corrected p values, in the order given (Holm 1979); NaN stays NaN and is not counted.

    The smallest of m is multiplied by m, the next by m - 1, and so on; none is smaller than the
    one before it, and none larger than 1.
    """
    corrected = [NAN] * len(p_values)
    known = sorted((p, index) for index, p in enumerate(p_values) if not math.isnan(p))
    least = 0.0
    for place, (p, index) in enumerate(known):
        least = max(least, min(1.0, p * (len(known) - place)))
        corrected[index] = least
    return corrected


def seeds_to_show(difference: float, std: float, level: float = LEVEL) -> int | None:
    """How many seeds a paired t test needs to find a true mean difference of that size in four
    cases of five (power 0.8, two-sided at `level`, noncentral t).

    std: standard deviation of the paired differences. level: below 5 % where several comparisons
    are corrected for. None for more than MOST_SEEDS, for a
    difference of zero, or where a number is not known.
    """
    if not (math.isfinite(difference) and math.isfinite(std)) or difference == 0:
        return None
    if std == 0:
        return 2
    n = np.arange(2, MOST_SEEDS + 1)
    # Far beyond the power asked for, the probability is 1 in effect and hard to compute.
    shift = np.minimum(np.abs(difference) * np.sqrt(n) / std, 30.0)
    enough = stats.nct.sf(_t_quantile(n, level), n - 1, shift) >= POWER
    return int(n[np.argmax(enough)]) if enough.any() else None


def seeds_to_enclose(tolerance: float, std: float) -> int | None:
    """How many seeds are needed for the whole interval of a mean to lie within ± tolerance of the
    true value in four cases of five, so that a published value, or no difference, can be called
    reproduced.

    None for more than MOST_SEEDS, for a tolerance of zero, or where a number is not known.
    """
    if not (math.isfinite(tolerance) and math.isfinite(std)) or tolerance <= 0:
        return None
    if std == 0:
        return 2
    n = np.arange(3, MOST_SEEDS + 1)  # of two the normal range below is too narrow
    # Distance of the mean from the true value (80 % range) plus half the interval's width.
    reach = (_t_quantile(n) + stats.norm.ppf(0.5 + POWER / 2)) * std / np.sqrt(n)
    enough = reach <= tolerance
    return int(n[np.argmax(enough)]) if enough.any() else None


def _t_quantile(n: int | np.ndarray, level: float = LEVEL) -> np.ndarray:
    """Half the width of Student's interval of `n` values (95 % by default), in standard errors."""
    return np.asarray(stats.t.ppf(1 - level / 2, np.asarray(n) - 1))
