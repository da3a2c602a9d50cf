"""Figures of a published claim in words, in the claim's own unit."""

import math

from paddle_aug.report.claims import Claim


def amount(claim: Claim, value: float, signed: bool | None = None) -> str:
    """A figure of the claim's kind: points, a share, a loss or an epoch. signed: with its sign;
    None: where it is a difference."""
    return "-" if math.isnan(value) else _with_unit(*amount_parts(claim, value, signed))


def amount_parts(claim: Claim, value: float, signed: bool | None = None) -> tuple[str, str]:
    """The number of such a figure, and its unit: "epoch", "points" or "" for a share or loss; to
    0.001, or a digit more where the published figure or its tolerance has one."""
    difference = claim.kind == "difference"
    sign = "+" if (difference if signed is None else signed) else ""
    if claim.kind == "epoch":
        return f"{value:.0f}", "epoch"
    digits = 3 + any(x != round(x, 3) for x in (getattr(claim, claim.kind), claim.tolerance))
    if difference and claim.curve.startswith("acc"):
        return f"{100 * value:{sign}.{digits - 2}f}", "points"
    return f"{value:{sign}.{digits}f}", ""


def _with_unit(number: str, unit: str) -> str:
    if unit == "epoch":
        return f"epoch {number}"
    return f"{number} points" if unit == "points" else number


def published_figure(claim: Claim) -> str:
    """In the claim's unit: "+6.0 points (± 2.0)" of the shares 0.06 and 0.02, "0.754 (± 0.010)"."""
    tolerance, unit = amount_parts(claim, claim.tolerance, signed=False)
    if claim.gain_only:
        return f"no gain (below {_with_unit(tolerance, unit)})"
    if claim.no_difference:
        return f"no difference (± {_with_unit(tolerance, unit)})"
    return f"{amount(claim, getattr(claim, claim.kind))} (± {tolerance})"


def claim_interval(claim: Claim, low: float, high: float) -> str:
    """An interval of shares, losses or epochs in the claim's unit; "-" where it is NaN."""
    if math.isnan(low):
        return "-"
    (first, unit), (last, _) = amount_parts(claim, low), amount_parts(claim, high)
    return _with_unit(f"{first} to {last}", unit)
