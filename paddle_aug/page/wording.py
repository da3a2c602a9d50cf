"""Writes figures in words for the page, in its language."""

import math
from collections.abc import Sequence

from paddle_aug.core.text import time_parts
from paddle_aug.page.sentences import Language
from paddle_aug.report.claim_text import amount_parts
from paddle_aug.report.claims import Claim
from paddle_aug.report.judge import Comparison, Crossing, JudgedClaim
from paddle_aug.report.judgement_text import (
    crossing_in_words,
    needed_in_words,
    of_last_state_instead,
    p_in_words,
    points_in_words,
)
from paddle_aug.report.statistics import MOST_SEEDS, Estimate
from paddle_aug.report.verdicts import (
    CONTRADICTED,
    IMAGES,
    NOT_SEEN,
    NOTHING,
    REPRODUCED,
    SAME_DIRECTION,
    SEEDS,
    UNDECIDED,
    Evidence,
    direction,
)
from paddle_aug.runs.stats import Spread

UNKNOWN = "–"
# Verdict: its key in the sentences and the style sheet.
VERDICT_KEYS = {
    REPRODUCED: "reproduced", SAME_DIRECTION: "same_direction", NOT_SEEN: "not_seen",
    CONTRADICTED: "contradicted", UNDECIDED: "undecided",
}  # fmt: skip
# What each says of a method; with one seed it says that of one pair of trainings (`meaning`).
MEANINGS = {
    REPRODUCED: "means_reproduced", SAME_DIRECTION: "means_same_direction",
    NOT_SEEN: "means_not_seen", CONTRADICTED: "means_contradicted", UNDECIDED: "means_undecided",
}  # fmt: skip
TIMES = {"s": "time_s", "min": "time_min", "h": "time_h", "days": "time_days"}  # see time_parts
BASES = {SEEDS: "seeds", IMAGES: "images", NOTHING: "nothing"}


def text(value: object) -> str:
    """A recorded value; a dash for None."""
    return UNKNOWN if value is None else str(value)


def share(value: float) -> str:
    """A share, in [0, 1], with four decimals as in table.md; a dash for NaN."""
    return UNKNOWN if math.isnan(value) else f"{value:.4f}"


def estimate(found: Estimate) -> str:
    """Mean and deviation, and below them the interval, if there is one."""
    if found.n < 2 or math.isnan(found.std):
        return share(found.mean)
    interval = "" if math.isnan(found.low) else f"\n[{found.low:.4f}, {found.high:.4f}]"
    return f"{found.mean:.4f} ± {found.std:.4f}{interval}"


def spread(found: Spread) -> str:
    """Mean and deviation."""
    return share(found.mean) + ("" if math.isnan(found.std) else f" ± {found.std:.4f}")


def points(value: float) -> str:
    """A difference of shares, in [-1, 1], as percentage points with their sign; a dash for NaN."""
    return points_in_words(value, UNKNOWN)


def points_judged(found: Comparison, last: int, say: Language) -> str:
    """The difference in points that the interval is of; where that is of the last state in place of
    the last epochs, theirs too."""
    value = points(found.evidence.mean)
    if found.basis != IMAGES:
        return value
    return say("points_judged", value=value, n=last, mean=points(found.difference.mean))


def points_interval(evidence: Evidence, say: Language) -> str:
    """The interval of a difference of shares, as percentage points; a dash where there is none."""
    if math.isnan(evidence.low):
        return UNKNOWN
    return say("range", low=points(evidence.low), high=points(evidence.high))


def p_value(value: float) -> str:
    """A p value, in [0, 1], with three decimals or as "< 0.001"; a dash for NaN."""
    return p_in_words(value, UNKNOWN)


def seeds_needed(found: Comparison, say: Language) -> str:
    """How many seeds would show the difference, the word for one that is shown, "> " and the most
    that are tried, "?" for a difference over images, or a dash where nothing measures it."""
    return needed_in_words(found, UNKNOWN, say("shown"))


def crossing(found: Crossing, say: Language) -> str:
    """The epoch of the mean curves, from 0, and in brackets that of each of several seeds."""
    return crossing_in_words(found, say("never"))


def duration(seconds: float | None, say: Language) -> str:
    """A time in s, min, h or days, whichever suits its length; a dash for None."""
    if seconds is None:
        return UNKNOWN
    number, unit = time_parts(seconds)
    return say(TIMES[unit], n=number)


def amount(claim: Claim, value: float, say: Language) -> str:
    """A figure of the claim's kind: a share, a loss or an epoch, or a difference of shares, which
    comes out in points; a dash for NaN."""
    return UNKNOWN if math.isnan(value) else _with_unit(*amount_parts(claim, value), say)


def _with_unit(number: str, unit: str, say: Language) -> str:
    if unit == "epoch":
        return say("epoch", epoch=number)
    return say("points", value=number) if unit == "points" else number


def published(claim: Claim, say: Language) -> str:
    """The published figure with its tolerance."""
    tolerance, unit = amount_parts(claim, claim.tolerance, signed=False)
    if claim.gain_only:
        return say("no_gain", tolerance=_with_unit(tolerance, unit, say))
    figure = getattr(claim, claim.kind)
    value = say("no_difference") if claim.no_difference else amount(claim, figure, say)
    return say("within", value=value, tolerance=tolerance)


def ours(judged: JudgedClaim, say: Language) -> str:
    """Our figure beside the published one: see `amount`; of an epoch, that of each seed."""
    if judged.claim.kind == "epoch":
        epochs = [
            say("never") if epoch is None else say("epoch", epoch=epoch) for epoch in judged.epochs
        ]
        return ", ".join(epochs) or UNKNOWN
    return amount(judged.claim, judged.evidence.mean, say)


def claim_interval(judged: JudgedClaim, say: Language) -> str:
    """The interval of our figure, in its unit; a dash where there is none."""
    claim, evidence = judged.claim, judged.evidence
    if math.isnan(evidence.low):
        return UNKNOWN
    (low, unit), (high, _) = (amount_parts(claim, end) for end in (evidence.low, evidence.high))
    return _with_unit(say("range", low=low, high=high), unit, say)


def figure_name(figure: str, last: int, say: Language) -> str:
    """One of claims.FIGURES in words. last: how many epochs "mean" is over, from 1."""
    names = {
        "mean": say("mean_of_last", n=last), "last": say("last"), "best": say("best"),
        "whole": say("whole"),
    }  # fmt: skip
    return names[figure]


def meaning(judged: JudgedClaim, say: Language) -> str:
    """What the verdict says, in a sentence; of one seed, that it says it of that seed alone."""
    sentence = say(MEANINGS[judged.verdict.word])
    return sentence + (say("of_one_seed") if judged.evidence.basis == IMAGES else "")


def remarks(judged: JudgedClaim, last: int, say: Language) -> list[str]:
    """Sentences below a verdict: reason, figure, number of further seeds, scale."""
    claim, evidence, verdict = judged.claim, judged.evidence, judged.verdict
    reason = say.remark(verdict.reason)
    lines = [f"{reason[:1].upper()}{reason[1:]}{'。' if say.name == 'zh' else '.'}"]
    if claim.kind != "epoch":
        figure = figure_name(claim.figure, last, say)
        lines.append(say("figure_judged", curve=say(claim.curve), figure=figure))
        if of_last_state_instead(judged):
            lines.append(say("of_last_state", value=amount(claim, judged.ours.mean, say)))
    if verdict.word == UNDECIDED and evidence.basis == SEEDS and claim.kind != "epoch":
        needed = judged.seeds_needed
        lines.append(
            say("to_settle_many", n=MOST_SEEDS) if needed is None else say("to_settle", n=needed)
        )
    if claim.scale:
        lines.append(say("scale", text=claim.scale))
    return lines


def comparison_sentence(found: Comparison, say: Language) -> str:
    """One difference in words, for pages without claims."""
    evidence = found.evidence
    over = {
        SEEDS: say("over_seeds", n=len(found.seeds)), IMAGES: say("over_images"),
        NOTHING: say("over_nothing"),
    }[found.basis]  # fmt: skip
    interval = points_interval(evidence, say)
    if interval != UNKNOWN:
        over = say("interval_is", interval=interval, over=over)
    sign = direction(evidence)
    key = {1: "shown_above", -1: "shown_below", 0: "none_shown"}[sign]
    value = points(evidence.mean)
    if sign:
        value = value.lstrip("+-")
    return say(key, method=found.method, baseline=found.baseline, points=value, interval=over)


def values_in_words(labels: Sequence[str], values: Sequence[float]) -> str:
    """ "none 0.4870, mixup 0.5421", for a figure's alternative text."""
    return ", ".join(f"{label} {share(v)}" for label, v in zip(labels, values, strict=True))
