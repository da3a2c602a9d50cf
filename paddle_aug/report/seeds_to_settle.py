"""How many seeds would decide a claim that is undecided."""

from paddle_aug.report.claims import Claim
from paddle_aug.report.statistics import LEVEL, Estimate, seeds_to_enclose, seeds_to_show


def seeds_to_settle(claim: Claim, ours: Estimate, level: float = LEVEL) -> int | None:
    """How many seeds would give an undecided claim of a difference or a value another verdict, if
    the true figure is ours and the deviation, too; None for more than MOST_SEEDS.

    level: what p has to be below for a difference to be shown.
    """
    away = ours.mean - (claim.value or claim.difference or 0.0)
    inside = claim.tolerance - (away if claim.gain_only else abs(away))
    if claim.difference:
        # Either the direction is shown, or the published size excluded.
        numbers = [seeds_to_show(ours.mean, ours.std, level)]
        numbers += [seeds_to_show(inside, ours.std)] if inside < 0 else []
    elif inside < 0 or claim.gain_only:
        numbers = [seeds_to_show(inside, ours.std, level)]
    else:
        numbers = [seeds_to_enclose(inside, ours.std)]
    known = [number for number in numbers if number is not None]
    return max(min(known), ours.n + 1) if known else None
