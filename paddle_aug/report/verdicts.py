"""The verdict on a published figure, in five words, and its rule.

Evidence is an estimate with a 95 % interval and a p value (with Holm's correction if a suite makes
several claims). The direction is shown if the interval excludes zero and p < 0.05. The size agrees
if the estimate lies within the tolerance of the published difference, or the interval holds that
difference itself; it is excluded if the whole interval lies beyond the tolerance.

A published difference (other than zero):

    direction         size              verdict
    the published     agrees            reproduced
    the published     does not agree    same direction (the effect is there, its size is another)
    not shown         excluded          not seen
    not shown         not excluded      undecided (both are still possible)
    the opposite      any               contradicted

A published "no difference": reproduced where the whole interval lies within ± tolerance;
contradicted where a difference is shown and the interval lies wholly outside; else undecided. A
published "no gain" is judged likewise, but a fall of any size is no gain.

A published value, or epoch: reproduced where the whole interval lies within ± tolerance of it; not
seen where it lies wholly outside; else undecided. These have no direction. An epoch is also "not
seen" where no seed's curve ever stays above the baseline's, in runs that go beyond that epoch.

With one seed the interval is over the images of the evaluation set and holds for this pair of
trainings alone, so weaker words are used: "same direction" instead of "reproduced" ("undecided" for
a value or no difference), and "not seen" instead of "contradicted".

No interval (one seed without predictions, a diverged run, the same figure in every seed or on every
image): undecided.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

from paddle_aug.report.statistics import LEVEL, Estimate, estimate

REPRODUCED = "reproduced"
SAME_DIRECTION = "same direction"
NOT_SEEN = "not seen"
CONTRADICTED = "contradicted"
UNDECIDED = "undecided"
VERDICTS = (REPRODUCED, SAME_DIRECTION, NOT_SEEN, CONTRADICTED, UNDECIDED)

# What an interval is taken over.
SEEDS, IMAGES, NOTHING = "seeds", "images", "nothing"


class Evidence(NamedTuple):
    """What we measured for a claim.

    basis: SEEDS, IMAGES (one seed: the interval is over the evaluation images) or NOTHING (no
    interval). p: corrected; NaN where a value is judged, which has no test. alike: every seed, or
    every image, gives the same, which is why there is no interval.
    """

    basis: str
    mean: float
    low: float
    high: float
    p: float = float("nan")
    alike: bool = False


class Verdict(NamedTuple):
    """One of VERDICTS, and why, in a sentence."""

    word: str
    reason: str


def direction(evidence: Evidence) -> int:
    """+1 or -1: the sign of a difference that is shown; 0 where none is."""
    if not evidence.p < LEVEL:
        return 0
    return 1 if evidence.low > 0 else -1 if evidence.high < 0 else 0


def judge_difference(
    evidence: Evidence, difference: float, tolerance: float, gain_only: bool = False
) -> Verdict:
    """The verdict on a published difference; 0 stands for "no difference", with gain_only for "no
    gain"."""
    if (missing := _no_interval(evidence)) is not None:
        return missing
    if difference == 0:
        return _judge_no_difference(evidence, tolerance, -math.inf if gain_only else -tolerance)
    shown = direction(evidence) * int(math.copysign(1, difference))
    holds = evidence.low <= difference <= evidence.high
    if shown < 0:
        return _verdict(evidence, CONTRADICTED, "a difference the other way is shown", NOT_SEEN)
    if shown > 0 and (holds or abs(evidence.mean - difference) <= tolerance):
        reason = (
            "the difference is shown, and the interval holds the published size"
            if holds
            else "the difference is shown, and ours is within the tolerance of the published size, "
            "though the interval does not hold that size itself"
        )
        return _verdict(evidence, REPRODUCED, reason, SAME_DIRECTION)
    if shown > 0:
        size = "smaller" if abs(evidence.mean) < abs(difference) else "larger"
        reason = f"the difference is shown, but {size} than the published one"
        return _verdict(evidence, SAME_DIRECTION, reason)
    if evidence.low <= difference + tolerance and evidence.high >= difference - tolerance:
        reason = "both the published difference and none are still possible"
        return _verdict(evidence, UNDECIDED, reason)
    reason = "no such difference is shown, and the interval excludes the published size"
    return _verdict(evidence, NOT_SEEN, reason)


def judge_value(evidence: Evidence, value: float, tolerance: float) -> Verdict:
    """The verdict on a published value."""
    if (missing := _no_interval(evidence)) is not None:
        return missing
    low, high = value - tolerance, value + tolerance
    if low <= evidence.low and evidence.high <= high:
        reason = "the whole interval is within the tolerance"
        return _verdict(evidence, REPRODUCED, reason, UNDECIDED)
    if evidence.high < low or evidence.low > high:
        side = "below" if evidence.mean < value else "above"
        return _verdict(evidence, NOT_SEEN, f"the whole interval is {side} the published value")
    return _verdict(evidence, UNDECIDED, "the interval is partly within the tolerance only")


def judge_epoch(
    epochs: Sequence[int | None], epoch: int, tolerance: float, length: int, window: int = 1
) -> Verdict:
    """The verdict on a published epoch. epochs: ours, one for each seed, None where the curve never
    stays above the baseline's. length: number of epochs of our runs. window: for how many epochs at
    the end a curve has to stay above."""
    found = [value for value in epochs if value is not None]
    if not epochs:
        return Verdict(UNDECIDED, "there are no curves to compare")
    if not found and length - window < epoch + tolerance:
        return Verdict(UNDECIDED, f"our runs end after {length} epochs, too early to tell")
    if not found:
        if len(epochs) == 1:
            return Verdict(NOT_SEEN, "one seed: the curve never stays above the baseline's")
        return Verdict(NOT_SEEN, "the curve never stays above the baseline's")
    if len(found) < len(epochs):
        return Verdict(UNDECIDED, f"it stays above in {len(found)} of {len(epochs)} seeds only")
    return judge_value(evidence_of(estimate(found)), epoch, tolerance)


def evidence_of(found: Estimate, p: float = float("nan")) -> Evidence:
    """Evidence from a mean over seeds."""
    basis = NOTHING if math.isnan(found.low) else SEEDS
    return Evidence(basis, found.mean, found.low, found.high, p, alike=found.std == 0)


def _judge_no_difference(evidence: Evidence, tolerance: float, least: float) -> Verdict:
    """least: the least difference that counts as none."""
    if least <= evidence.low and evidence.high <= tolerance:
        if not math.isinf(least):
            reason = "the whole interval is within the tolerance around no difference"
        elif direction(evidence) < 0:
            reason = "not a gain but a loss is shown"
        else:
            reason = "the whole interval is below the least gain that would be visible"
        return _verdict(evidence, REPRODUCED, reason, UNDECIDED)
    outside = evidence.low > tolerance or evidence.high < least
    if outside and direction(evidence):
        reason = "a difference is shown where none was published"
        return _verdict(evidence, CONTRADICTED, reason, NOT_SEEN)
    reason = (
        "the interval lies beyond the tolerance, but after the correction no difference is shown"
        if outside
        else "a difference within the tolerance and one beyond it are both possible"
    )
    return _verdict(evidence, UNDECIDED, reason)


def _no_interval(evidence: Evidence) -> Verdict | None:
    if evidence.basis != NOTHING and math.isfinite(evidence.low + evidence.high):
        return None
    if math.isnan(evidence.mean):
        return Verdict(UNDECIDED, "there is no figure to compare")
    if evidence.alike:
        return Verdict(
            UNDECIDED, "every seed or image gives the same, so that there is no interval"
        )
    return Verdict(UNDECIDED, "one seed, and no interval")


def _verdict(evidence: Evidence, word: str, reason: str, one_seed: str | None = None) -> Verdict:
    """The verdict; with one seed the weaker word `one_seed` is used, and the reason says so."""
    if evidence.basis != IMAGES:
        return Verdict(word, reason)
    if word == REPRODUCED and one_seed == UNDECIDED:  # the reason alone is one for that word
        reason = f"{reason}; but with one seed no such claim counts as reproduced"
    return Verdict(one_seed or word, f"one seed, on this evaluation set: {reason}")
