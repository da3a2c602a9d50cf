"""The judge: compares groups of runs with each other and with published claims.

Combines statistics.py, crossing.py and verdicts.py. judgement_text.py and judgement_json.py write
the result; docs/judging.md explains the rules.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from paddle_aug.report.claims import FIGURES, Claim
from paddle_aug.report.crossing import stays_above, window_for
from paddle_aug.report.groups import Group, by_common_seed, groups_named, with_common_seeds
from paddle_aug.report.seeds_to_settle import seeds_to_settle
from paddle_aug.report.statistics import (
    LEVEL,
    NAN,
    Estimate,
    ImageDifference,
    compare_images,
    estimate,
    holm,
    paired_p,
    seeds_to_show,
    share_interval,
)
from paddle_aug.report.verdicts import (
    IMAGES,
    NOTHING,
    SEEDS,
    UNDECIDED,
    Evidence,
    Verdict,
    direction,
    evidence_of,
    judge_difference,
    judge_epoch,
    judge_value,
)
from paddle_aug.runs.layout import CURVES
from paddle_aug.runs.reading import Run
from paddle_aug.runs.stats import LAST, best, difference, last_mean

Seed = int | None  # None for a single run that did not record its seed


@dataclass(frozen=True)
class Comparison:
    """A method against a baseline, in one figure of one curve, seed by seed.

    seeds: those that both have. values: the method's figure minus the baseline's, by seed.
    difference: their estimate. images: comparison image by image, for each seed with predictions of
    both. basis: whether the interval used is over seeds or over images (verdicts.py). p: of that
    basis; p_holm: corrected; level: what p has to be below for that, 5 % by itself.
    """

    method: str
    baseline: str
    curve: str
    figure: str
    seeds: tuple[Seed, ...]
    values: tuple[float, ...]
    difference: Estimate
    images: tuple[tuple[Seed, ImageDifference], ...]
    basis: str
    p: float
    p_holm: float
    level: float = LEVEL

    @property
    def evidence(self) -> Evidence:
        """What counts. Over images the mean is that of the last state on the whole evaluation set,
        as interval and p are, and not `difference`, which is of the figure that was asked for."""
        if self.basis == IMAGES:
            ((_, only),) = self.images
            return Evidence(IMAGES, only.difference, only.low, only.high, self.p_holm)
        found = evidence_of(self.difference, self.p_holm)
        alike = len(self.values) == 1 and any(np.isnan(each.low) for _, each in self.images)
        return found._replace(alike=found.alike or alike)

    @property
    def seeds_needed(self) -> int | None:
        """How many seeds would show a difference as large as ours; None where it is shown already,
        or where the deviation over seeds is not known."""
        if self.basis != SEEDS or direction(self.evidence):
            return None
        needed = seeds_to_show(self.difference.mean, self.difference.std, self.level)
        return needed and max(needed, len(self.values) + 1)


@dataclass(frozen=True)
class Crossing:
    """The epoch from which a method stays above the baseline, by seed and for the mean curves.

    window: epochs over which the curves are smoothed. diverged: a curve has values that are not
    finite.
    """

    seeds: tuple[Seed, ...]
    epochs: tuple[int | None, ...]
    of_means: int | None
    window: int
    diverged: bool


@dataclass(frozen=True)
class JudgedClaim:
    """A published claim, what we measured for it, and the verdict.

    ours: our figure over seeds. evidence: what the verdict is based on. epochs: ours by seed, for a
    claim about an epoch. seeds_needed: how many would decide an undecided claim over seeds if the
    true figure is ours; None for more than MOST_SEEDS, and for a claim about an epoch.
    """

    claim: Claim
    ours: Estimate
    evidence: Evidence
    verdict: Verdict
    seeds_needed: int | None = None
    epochs: tuple[int | None, ...] = ()


@dataclass(frozen=True)
class Judgement:
    """All results for some groups of runs; the first group is the baseline.

    comparisons and crossings: every other group with the baseline (accEval, mean of the last
    epochs), in the groups' order.
    """

    last: int
    groups: tuple[Group, ...]
    comparisons: tuple[Comparison, ...]
    crossings: tuple[Crossing, ...]
    claims: tuple[JudgedClaim, ...]

    @property
    def windows(self) -> list[int]:
        """The numbers of epochs over which curves are smoothed for the crossings, ascending."""
        return sorted({each.window for each in self.crossings})


def judge(
    groups: Sequence[Group], baseline: Group, last: int = LAST, claims: Sequence[Claim] = ()
) -> Judgement:
    """Compare every group with the baseline, and every claim with the runs it is about."""
    others = [group for group in groups if group is not baseline]
    comparisons = [compare(group, baseline, "accEval", "mean", last) for group in others]
    return Judgement(
        last,
        (baseline, *others),
        tuple(_corrected(comparisons)),
        tuple(crossing(group, baseline) for group in others),
        tuple(_judge_claims(claims, groups, baseline, last)),
    )


def figure_of(run: Run, curve: str, figure: str, last: int) -> float:
    """The figure, one of claims.FIGURES, of a run's curve; NaN where there is none."""
    if figure == "whole":
        return run.predictions.accuracy if run.predictions else NAN
    values = run.curves.get(curve, np.empty(0))
    if not len(values):
        return NAN
    if figure == "mean":
        return last_mean(values, last).mean
    if figure == "last":
        return float(values[-1])
    if figure == "best":
        found = best(values, highest=curve.startswith("acc"))
        return found.value if found else NAN
    raise ValueError(f"{figure!r} is none of {', '.join(FIGURES)}")


def figures(group: Group, curve: str, figure: str, last: int) -> tuple[Estimate, list[float]]:
    """Estimate of a figure over those runs of a group that have it, and the single values."""
    if figure == "whole":
        complete = curve == "accEval" and all(run.predictions for run in group.runs)
        runs = group.runs if complete else ()
    else:
        runs = tuple(run for run in group.runs if curve in run.curves)
    values = [figure_of(run, curve, figure, last) for run in runs]
    return estimate(values), values


def compare(group: Group, baseline: Group, curve: str, figure: str, last: int) -> Comparison:
    """The paired comparison of two groups; p_holm is that of a single comparison."""
    pairs = by_common_seed(group, baseline)
    values = [
        difference(figure_of(own, curve, figure, last), figure_of(other, curve, figure, last))
        for own, other in pairs.values()
    ]
    images = []
    if curve == "accEval" and figure != "best":  # predictions are of the last state
        for seed, (own, other) in pairs.items():
            first, second = own.predictions, other.predictions
            if first is not None and second is not None and first.same_images(second):
                images.append((seed, compare_images(first.right, second.right)))
    over_seeds = estimate(values)
    basis, p = evidence_of(over_seeds).basis, paired_p(values)
    if len(values) == 1 and np.isfinite(values[0]) and images:
        p = images[0][1].p
        basis = NOTHING if np.isnan(p) else IMAGES
    return Comparison(
        group.label, baseline.label, curve, figure, tuple(pairs), tuple(values), over_seeds,
        tuple(images), basis, p, p,
    )  # fmt: skip


def crossing(group: Group, baseline: Group) -> Crossing:
    """From which epoch the evaluation accuracy of `group` stays above the baseline's."""
    window = window_for(min(group.epochs, baseline.epochs))
    pairs = {
        seed: (own.curves["accEval"], other.curves["accEval"])
        for seed, (own, other) in by_common_seed(group, baseline).items()
        if "accEval" in own.curves and "accEval" in other.curves
    }
    epochs = tuple(stays_above(own, other, window) for own, other in pairs.values())
    own, other = (each.curve("accEval")[0] for each in with_common_seeds(group, baseline))
    diverged = not all(np.isfinite(curve).all() for pair in pairs.values() for curve in pair)
    return Crossing(tuple(pairs), epochs, stays_above(own, other, window), window, diverged)


def _corrected(comparisons: Sequence[Comparison]) -> list[Comparison]:
    """The comparisons with Holm's correction, made separately for those over seeds and those over
    images, as they answer different questions."""
    result = list(comparisons)
    for basis in (SEEDS, IMAGES):
        places = [i for i, found in enumerate(comparisons) if found.basis == basis]
        values = [comparisons[i].p for i in places]
        for i, p, corrected in zip(places, values, holm(values), strict=True):
            counted = max(1, sum(other >= p for other in values))
            result[i] = replace(result[i], p_holm=corrected, level=LEVEL / counted)
    return result


def _judge_claims(
    claims: Sequence[Claim], groups: Sequence[Group], baseline: Group, last: int
) -> list[JudgedClaim]:
    """One verdict a claim. Holm's correction counts the claims of a difference only, as they were
    chosen before the runs; the comparisons of the table were not."""
    pairs = [_groups_of(claim, groups, baseline) for claim in claims]
    compared = {
        i: compare(*pair, claim.curve, claim.figure, last)
        for i, (claim, pair) in enumerate(zip(claims, pairs, strict=True))
        if claim.kind == "difference" and not isinstance(pair, str)
    }
    compared = dict(zip(compared, _corrected(list(compared.values())), strict=True))
    judged = []
    for i, (claim, pair) in enumerate(zip(claims, pairs, strict=True)):
        if isinstance(pair, str):
            none = estimate([])
            verdict = Verdict(UNDECIDED, pair)
            judged.append(JudgedClaim(claim, none, evidence_of(none), verdict))
        elif claim.kind == "difference":
            judged.append(_judge_difference(claim, compared[i]))
        elif claim.kind == "value":
            judged.append(_judge_value(claim, pair[0], last))
        else:
            length = min(group.epochs for group in pair)
            judged.append(_judge_epoch(claim, crossing(*pair), length))
    return judged


def _judge_difference(claim: Claim, found: Comparison) -> JudgedClaim:
    assert claim.difference is not None
    evidence, published = found.evidence, claim.difference
    verdict = judge_difference(evidence, published, claim.tolerance, claim.gain_only)
    needed = None
    if verdict.word == UNDECIDED and found.basis == SEEDS:
        needed = seeds_to_settle(claim, found.difference, found.level)
    return JudgedClaim(claim, found.difference, evidence, verdict, needed)


def _judge_value(claim: Claim, group: Group, last: int) -> JudgedClaim:
    assert claim.value is not None
    ours, _ = figures(group, claim.curve, claim.figure, last)
    evidence = evidence_of(ours)
    own = (run for run in group.runs if claim.figure == "whole" or claim.curve in run.curves)
    answers = next((run.predictions for run in own), None)
    of_last_state = claim.curve == "accEval" and claim.figure != "best"
    if np.isfinite(ours.mean) and ours.n == 1 and of_last_state and answers is not None:
        low, high = share_interval(int(answers.right.sum()), len(answers.labels))
        evidence = Evidence(IMAGES, answers.accuracy, low, high)
    verdict = judge_value(evidence, claim.value, claim.tolerance)
    undecided = verdict.word == UNDECIDED and evidence.basis == SEEDS
    needed = seeds_to_settle(claim, ours) if undecided else None
    return JudgedClaim(claim, ours, evidence, verdict, needed)


def _judge_epoch(claim: Claim, found: Crossing, length: int) -> JudgedClaim:
    assert claim.epoch is not None
    known = [epoch for epoch in found.epochs if epoch is not None]
    ours = estimate(known)
    if found.diverged:
        verdict = Verdict(UNDECIDED, "a curve has values that are not finite")
    else:
        verdict = judge_epoch(found.epochs, claim.epoch, claim.tolerance, length, found.window)
    return JudgedClaim(claim, ours, evidence_of(ours), verdict, None, found.epochs)


def _groups_of(claim: Claim, groups: Sequence[Group], baseline: Group) -> tuple[Group, Group] | str:
    """The claim's method and what it is compared with, or why it cannot be judged."""
    pair = []
    for name in (claim.method, claim.baseline):
        found = [baseline] if name is None else groups_named(groups, name)
        if not found:
            return f"there is no finished run of {name}"
        if len(found) > 1:
            alike = "; ".join(group.label for group in found)
            return f"several methods are called {name}: {alike}"
        pair += found
    return pair[0], pair[1]


def every_figure(group: Group, last: int) -> dict[str, dict[str, tuple[Estimate, list[float]]]]:
    """All figures of all curves that a group has, by curve and figure."""
    found = {
        curve: {figure: figures(group, curve, figure, last) for figure in FIGURES}
        for curve in CURVES
    }
    return {
        curve: {figure: pair for figure, pair in by.items() if pair[0].n}
        for curve, by in found.items()
    }
