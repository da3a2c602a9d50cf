"""A judgement for people: verdicts, figures and differences as lines and Markdown tables, and as
columns of table.csv."""

import math
from collections.abc import Sequence
from typing import Any

from tabulate import tabulate

from paddle_aug.core.text import counted
from paddle_aug.language import translated
from paddle_aug.report.claim_text import amount, claim_interval, published_figure
from paddle_aug.report.groups import groups_named, with_common_seeds
from paddle_aug.report.judge import Comparison, Crossing, JudgedClaim, Judgement, figures
from paddle_aug.report.statistics import CONFIDENCE, MOST_SEEDS, RESAMPLES, Estimate
from paddle_aug.report.verdicts import IMAGES, NOTHING, SEEDS, UNDECIDED, direction

FIGURE_NAMES = {"mean": "mean of the last {}", "last": "last epoch", "best": "best epoch",
                "whole": "whole evaluation set"}  # fmt: skip
CURVE_NAMES = {"lossTrain": "training loss", "accTrain": "training accuracy",
               "lossEval": "evaluation loss", "accEval": "evaluation accuracy"}  # fmt: skip
_PERCENT = f"{CONFIDENCE:.0%}"


def verdict_lines(judgement: Judgement) -> list[str]:
    """Each claim with its verdict and the figures behind it, in words."""
    return [_verdict_line(judged, judgement.last) for judged in judgement.claims]


def verdict_table(judgement: Judgement) -> str:
    """The claims as a Markdown table, with a line each below on reason and scale; may be empty."""
    if not judgement.claims:
        return ""
    head = ["claim", "published (± our tolerance)", "ours", f"{_PERCENT} interval", "over", "seeds",
            "verdict"]  # fmt: skip
    rows = []
    for judged in judgement.claims:
        claim, evidence = judged.claim, judged.evidence
        rows.append([
            claim.text, published_figure(claim), our_figure(judged, judgement.last),
            claim_interval(claim, evidence.low, evidence.high), over(evidence.basis),
            str(len(judged.epochs) or judged.ours.n), f"**{judged.verdict.word}**",
        ])  # fmt: skip
    remarks = [f"- {line}" for line in verdict_lines(judgement)]
    return "\n".join([_table(head, rows, "github"), "", *remarks])


def figures_table(judgement: Judgement) -> str:
    """Table of each group's evaluation accuracy: all figures with deviation and interval."""
    columns: dict[str, list[str]] = {
        "run": [group.label for group in judgement.groups],
        "seeds": [str(len(group.runs)) for group in judgement.groups],
    }
    for figure, name in FIGURE_NAMES.items():
        found = [figures(group, "accEval", figure, judgement.last)[0] for group in judgement.groups]
        if any(each.n for each in found):
            columns[name.format(judgement.last)] = [_estimate(each) for each in found]
    return _table(list(columns), list(zip(*columns.values(), strict=True)), "github")


def difference_table(judgement: Judgement, style: str = "github") -> str:
    """Table of the differences to the baseline; empty where there is only one group."""
    if not judgement.comparisons:
        return ""
    head = ["run", "seeds", "points", f"{_PERCENT} interval", "over", "p", "p (Holm)",
            "seeds needed", "above from epoch"]  # fmt: skip
    words = ["never"]
    (never,) = words if style == "github" else translated(words)  # files stay English
    rows = []
    for found, crossed in zip(judgement.comparisons, judgement.crossings, strict=True):
        evidence = found.evidence
        rows.append([
            found.method, str(len(found.seeds)), _points_judged(found, judgement.last),
            _points_interval(evidence.low, evidence.high), over(found.basis), p_in_words(found.p),
            p_in_words(found.p_holm), needed_in_words(found), crossing_in_words(crossed, never),
        ])  # fmt: skip
    return _table(head, rows, style)


def notes(judgement: Judgement) -> list[str]:
    """Sentences that explain the figures and intervals shown."""
    bases = {found.basis for found in judgement.comparisons}
    lines = [
        f"Figures are mean ± sample standard deviation over seeds, with Student's {_PERCENT} "
        "interval of the mean in brackets; the best epoch is chosen on the data it is measured on, "
        "so it flatters."
    ]
    unpaired = without_common_seed(judgement)
    if len(unpaired) < len(judgement.comparisons):
        lines.append(
            f"Differences to {judgement.groups[0].label}, of the mean of the last "
            f"{counted(judgement.last, 'epoch')}, are paired: seed by seed."
        )
    if unpaired:
        lines.append(
            f"No seed in common with {judgement.groups[0].label}: {', '.join(unpaired)}; the "
            "points are of all runs of both, and not paired."
        )
    if other := with_other_seeds(judgement):
        lines.append(
            f"Other seeds than {judgement.groups[0].label}: {', '.join(other)}; the points and the "
            "epoch are of the seeds that both have."
        )
    if SEEDS in bases:
        lines.append(
            "Over seeds: paired t interval and test; seeds needed: to show a difference as large "
            "as ours with a power of 80 % after Holm's correction, from the standard deviation of "
            "the paired differences."
        )
    if IMAGES in bases:
        lines.append(
            "Over images: one seed, so the difference is that of the last state on the whole "
            f"evaluation set, with the interval of a paired bootstrap ({RESAMPLES:,} draws) and "
            "McNemar's exact test. It is of this evaluation set and not of the seed: another seed, "
            "or another epoch, may differ by more."
        )
    if NOTHING in bases:
        lines.append(
            "Over -: no interval, as there is one seed and no predictions of both, no seed in "
            "common, a diverged run, or the same difference in every seed or image."
        )
    for basis in (SEEDS, IMAGES):
        count = sum(found.basis == basis for found in judgement.comparisons)
        if count > 1:
            lines.append(f"The column p (Holm) is corrected for {count} comparisons over {basis}.")
    if judgement.crossings:
        lines.append(
            "Above from epoch: the first (from 0) from which the evaluation accuracy, "
            f"{_smoothing(judgement.windows)}, "
            "stays above the baseline's to the end; of the mean curves, and of each seed in "
            "brackets."
        )
    return lines


def csv_columns(judgement: Judgement) -> list[dict[str, Any]]:
    """Further columns of table.csv, for each group in the groups' order."""
    rows: list[dict[str, Any]] = []
    by_label = {found.method: found for found in judgement.comparisons}
    crossed = {
        found.method: each
        for found, each in zip(judgement.comparisons, judgement.crossings, strict=True)
    }
    for group in judgement.groups:
        row: dict[str, Any] = {}
        for figure in FIGURE_NAMES:
            ours, _ = figures(group, "accEval", figure, judgement.last)
            name = f"{figure}AccEval"
            row |= {name: ours.mean, f"{name}Std": ours.std, f"{name}Low": ours.low,
                    f"{name}High": ours.high}  # fmt: skip
        found = by_label.get(group.label)
        names = ("pairedSeeds", "pairedDifference", "differenceLow", "differenceHigh", "over",
                 "p", "pHolm", "seedsNeeded", "staysAboveFrom")  # fmt: skip
        values: list[Any] = [None] * len(names)
        if found is not None:
            evidence = found.evidence
            values = [len(found.seeds), evidence.mean, evidence.low, evidence.high, found.basis,
                      found.p, found.p_holm, found.seeds_needed,
                      crossed[group.label].of_means]  # fmt: skip
        row |= dict(zip(names, values, strict=True))
        own = [each for each in judgement.claims
               if group in groups_named(judgement.groups, each.claim.method)]  # fmt: skip
        row["verdicts"] = "; ".join(f"{each.claim.text}: {each.verdict.word}" for each in own)
        rows.append(row)
    return rows


def _verdict_line(judged: JudgedClaim, last: int) -> str:
    claim, evidence = judged.claim, judged.evidence
    parts = [f"{claim.text}: {judged.verdict.word} ({judged.verdict.reason})."]
    if claim.kind == "epoch":
        ours = f"ours {_epochs_in_words(judged.epochs)}"
    else:
        figure = FIGURE_NAMES[claim.figure].format(counted(last, "epoch"))
        parts.append(f"Figure: {CURVE_NAMES[claim.curve]}, {figure}.")
        ours = f"ours {amount(claim, evidence.mean)}"
    facts = [ours]
    if evidence.basis != NOTHING:
        interval = claim_interval(claim, evidence.low, evidence.high)
        facts.append(f"{_PERCENT} interval {interval}")
    seeds = len(judged.epochs) if claim.kind == "epoch" else judged.ours.n
    facts.append(counted(seeds, "seed"))
    parts.append(f"Published {published_figure(claim)}; {', '.join(facts)}.")
    if of_last_state_instead(judged):
        parts.append("Ours and its interval are of the last state on the whole evaluation set.")
        parts.append(f"By the claim's own figure ours is {amount(claim, judged.ours.mean)}.")
    if judged.verdict.word == UNDECIDED and evidence.basis == SEEDS and claim.kind != "epoch":
        parts.append(_to_settle(judged.seeds_needed))
    if claim.scale:
        parts.append(f"Scale: {claim.scale}.")
    return " ".join(parts)


def with_other_seeds(judgement: Judgement) -> list[str]:
    """Labels of the groups that are compared by a part of the seeds only."""
    reference, *others = judgement.groups
    return [
        group.label
        for group in others
        if any(
            len(each.runs) < len(whole.runs)
            for each, whole in zip(
                with_common_seeds(group, reference), (group, reference), strict=True
            )
        )
    ]


def without_common_seed(judgement: Judgement) -> list[str]:
    """Labels of the groups that have no seed in common with the baseline."""
    return [found.method for found in judgement.comparisons if not found.seeds]


def _smoothing(windows: Sequence[int]) -> str:
    if max(windows) == 1:
        return "as it is"
    of = str(windows[0]) if len(windows) == 1 else f"{windows[0]} to {windows[-1]}"
    return f"smoothed over {of} epochs"


def _epochs_in_words(epochs: Sequence[int | None]) -> str:
    words = ["never" if epoch is None else f"epoch {epoch}" for epoch in epochs]
    return ", ".join(words) or "-"


def our_figure(judged: JudgedClaim, last: int) -> str:
    """What was judged; where that is the last state in place of the claim's figure, that too."""
    claim = judged.claim
    if claim.kind == "epoch":
        return _epochs_in_words(judged.epochs)
    ours = amount(claim, judged.evidence.mean)
    if not of_last_state_instead(judged):
        return ours
    figure = FIGURE_NAMES[claim.figure].format(last)
    return f"{ours} (last state; {figure}: {amount(claim, judged.ours.mean)})"


def of_last_state_instead(judged: JudgedClaim) -> bool:
    """Whether the last state on the whole evaluation set was judged in the place of the claim's
    figure, as the images of that set give one seed its interval."""
    return judged.evidence.basis == IMAGES and judged.claim.figure != "whole"


def _to_settle(seeds: int | None) -> str:
    assumed = "if the true figure is ours (power 80 %, from the deviation of ours)"
    if seeds is None:
        return f"More than {MOST_SEEDS} seeds would settle it, {assumed}."
    return f"About {seeds} seeds would settle it, {assumed}."


def _points_interval(low: float, high: float) -> str:
    """An interval of shares in points; "-" where it is NaN."""
    return "-" if math.isnan(low) else f"{points_in_words(low)} to {points_in_words(high)}"


def _points_judged(found: Comparison, last: int) -> str:
    """The difference that the interval is of; where that is of the last state in place of the last
    epochs, theirs too."""
    points = points_in_words(found.evidence.mean)
    if found.basis != IMAGES:
        return points
    return f"{points} (last state; last {last}: {points_in_words(found.difference.mean)})"


def points_in_words(value: float, unknown: str = "-") -> str:
    """A share (0.06) in percentage points with their sign: "+6.00"."""
    return unknown if math.isnan(value) else f"{100 * value:+.2f}"


def _estimate(found: Estimate) -> str:
    if math.isnan(found.mean):
        return "-" if found.n == 0 else "nan"
    if found.n == 1:
        return f"{found.mean:.4f}"
    interval = "" if math.isnan(found.low) else f" [{found.low:.4f}, {found.high:.4f}]"
    return f"{found.mean:.4f} ± {found.std:.4f}{interval}"


def over(basis: str) -> str:
    return "-" if basis == NOTHING else basis


def p_in_words(value: float, unknown: str = "-") -> str:
    """A p value with three decimals."""
    if math.isnan(value):
        return unknown
    return f"{value:.3f}" if value >= 0.001 else "< 0.001"


def needed_in_words(found: Comparison, unknown: str = "-", shown: str = "shown") -> str:
    """How many seeds would show the difference, or that it is shown."""
    if found.basis != SEEDS:
        return unknown if found.basis == NOTHING else "?"
    if direction(found.evidence):
        return shown
    return f"> {MOST_SEEDS}" if found.seeds_needed is None else str(found.seeds_needed)


def crossing_in_words(crossed: Crossing, never: str = "never") -> str:
    """The epoch of the mean curves, and in brackets that of each seed."""
    words = [never if epoch is None else str(epoch) for epoch in crossed.epochs]
    whole = never if crossed.of_means is None else str(crossed.of_means)
    return f"{whole} ({', '.join(words)})" if len(words) > 1 else whole


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], style: str) -> str:
    if style == "github":
        rows = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    else:
        head = translated(head)
        rows = [[row[0], *translated(row[1:])] for row in rows]
    align = ["left"] + ["right"] * (len(head) - 1)
    return tabulate(rows, head, tablefmt=style, colalign=align, disable_numparse=True)
