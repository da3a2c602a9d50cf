"""Made-up runs with known answers: figures, paired differences, crossings, claims, JSON."""

import json
import math
import re

import numpy as np
import pytest
from pydantic import ValidationError
from scipy import stats

from paddle_aug.commands.suite_plan import counts
from paddle_aug.core.errors import UserError
from paddle_aug.report.claim_text import published_figure
from paddle_aug.report.claims import Claim
from paddle_aug.report.groups import choose_baseline, group_runs
from paddle_aug.report.judge import every_figure, judge
from paddle_aug.report.judgement_text import (
    csv_columns,
    difference_table,
    figures_table,
    notes,
    verdict_lines,
    verdict_table,
)
from paddle_aug.report.seeds_to_settle import seeds_to_settle
from paddle_aug.report.side_by_side import for_terminal, put_side_by_side, write
from paddle_aug.report.statistics import estimate, seeds_to_show
from paddle_aug.report.verdicts import UNDECIDED, Verdict, direction
from paddle_aug.runs.reading import read_runs
from tests.run_folders import write_run

EPOCHS = 40


def flat(value, length=EPOCHS):
    return {"accEval": np.full(length, value)}


def runs_of(folder, mode, values, first_seed=0, label=None, rights=None, curves=None):
    """Runs with a constant evaluation accuracy each; returns LABEL=FOLDER for read_runs."""
    places = []
    for number, value in enumerate(values):
        place = folder / f"{label or mode}{number}"
        right = None if rights is None else rights[number]
        write_run(place, mode, curves or flat(value), right=right,
                  config={"seed": first_seed + number, "epochs": EPOCHS})  # fmt: skip
        places.append(f"{label or mode}={place}")
    return places


def judged(*places, baseline="no", claims=(), last=10):
    groups = group_runs(read_runs([place for some in places for place in some]), counts)
    return judge(groups, choose_baseline(groups, baseline), last, list(claims))


def claim(**values):
    return Claim(**{"text": "a claim", "method": "mixup", "tolerance": 0.02, **values})


def test_a_claim_and_a_baseline_are_of_what_is_called_so_and_not_of_the_same_mode(tmp_path):
    other = runs_of(tmp_path, "mixup", [0.9, 0.9], label="mixup, alpha 0.2")
    crop = runs_of(tmp_path, "userDef", [0.2, 0.2], label="small crop")
    places = [*other, *runs_of(tmp_path, "mixup", [0.5, 0.5], label="mixup"), *crop,
              *runs_of(tmp_path, "userDef", [0.4, 0.4], label="userDef")]  # fmt: skip
    found = judged(places, claims=[claim(difference=0.1)], baseline=None)
    assert found.groups[0].label == "userDef"
    assert found.claims[0].ours.mean == pytest.approx(0.1)
    labels = [group.label for group in found.groups]
    rows = dict(zip(labels, (row["verdicts"] for row in csv_columns(found)), strict=True))
    assert rows["mixup"].startswith("a claim: ") and not rows["mixup, alpha 0.2"]
    (unfinished,) = judged([*other, *crop], claims=[claim(difference=0.1)], baseline=None).claims
    assert unfinished.verdict == Verdict(UNDECIDED, "there is no finished run of mixup")
    with pytest.raises(UserError, match="--baseline mixup: not among the runs"):
        judged([*other, *crop], baseline="mixup")


def test_a_name_of_several_methods_decides_nothing(tmp_path):
    for alpha in (0.2, 1.0):
        write_run(tmp_path / str(alpha), "mixup", flat(0.5), config={"seed": 0, "alpha": alpha})
    write_run(tmp_path / "no", "no", flat(0.4), config={"seed": 0})
    places = [str(tmp_path / name) for name in ("0.2", "1.0", "no")]
    (found,) = judged(places, claims=[claim(difference=0.1)], baseline="no").claims
    assert found.verdict.word == UNDECIDED
    assert found.verdict.reason == "several methods are called mixup: 0.2/mixup; 1.0/mixup"
    with pytest.raises(UserError, match=r"--baseline mixup: several of the runs \(0.2/mixup, 1.0"):
        judged(places, baseline="mixup")


def test_differences_are_paired_by_seed(tmp_path):
    # The deviation of the accuracies is ten times that of their differences.
    base, better = [0.40, 0.50, 0.60], [0.45, 0.56, 0.64]
    found = judged(runs_of(tmp_path, "no", base), runs_of(tmp_path, "mixup", better))
    (comparison,) = found.comparisons
    assert (comparison.method, comparison.baseline) == ("mixup", "no")
    assert comparison.seeds == (0, 1, 2)
    assert comparison.values == pytest.approx((0.05, 0.06, 0.04))
    expected = stats.ttest_rel(better, base)
    assert comparison.p == comparison.p_holm == pytest.approx(expected.pvalue)
    interval = expected.confidence_interval(0.95)
    evidence = comparison.evidence
    assert (evidence.low, evidence.high) == pytest.approx((interval.low, interval.high))
    assert comparison.seeds_needed is None  # shown


def test_only_seeds_that_both_have_are_compared(tmp_path):
    better = runs_of(tmp_path, "mixup", [0.6, 0.8, 0.7, 0.7], first_seed=1)
    found = judged(runs_of(tmp_path, "no", [0.4, 0.5, 0.9]), better)
    (comparison,) = found.comparisons
    assert comparison.seeds == (1, 2) and comparison.values == pytest.approx((0.1, -0.1))


def test_a_seed_that_is_there_twice_pairs_nothing(tmp_path):
    twice = runs_of(tmp_path, "mixup", [0.5]) + runs_of(tmp_path, "mixup", [0.6], label="x")
    places = [place.replace("x=", "mixup=") for place in twice]
    (comparison,) = judged(runs_of(tmp_path, "no", [0.4]), places).comparisons
    assert comparison.seeds == () and math.isnan(comparison.p)


def test_an_open_difference_says_how_many_seeds_would_show_it(tmp_path):
    # Differences 0, 0.02, 0.04: deviation equal to the mean, so 10 seeds (power tables, d = 1).
    found = judged(
        runs_of(tmp_path, "no", [0.5] * 3), runs_of(tmp_path, "mixup", [0.5, 0.52, 0.54])
    )
    assert found.comparisons[0].seeds_needed == 10
    assert "|             10 |" in difference_table(found)


def test_several_comparisons_are_corrected(tmp_path):
    places = [runs_of(tmp_path, "no", [0.5, 0.52, 0.51])]
    for label, values in (("a", [0.53, 0.56, 0.54]), ("b", [0.5, 0.56, 0.49])):
        places.append(runs_of(tmp_path, "mixup", values, label=label))
    first, second = judged(*places).comparisons
    assert first.p < second.p
    assert first.p_holm == pytest.approx(2 * first.p) and second.p_holm == second.p


def test_the_same_accuracies_in_another_order_are_no_difference(tmp_path):
    values = [0.97, 0.98, 0.96, 0.97, 0.97, 0.98, 0.97, 0.96, 0.98, 0.97]
    places = []
    for mode, order in (("no", values), ("mixup", [*values[5:], *values[:5]])):
        for seed in (0, 1):
            curves = {"accEval": order[seed:] + order[:seed]}
            write_run(tmp_path / f"{mode}{seed}", mode, curves, config={"seed": seed})
            places.append(str(tmp_path / f"{mode}{seed}"))
    (found,) = judged(places).comparisons
    assert found.values == (0.0, 0.0) and direction(found.evidence) == 0 and math.isnan(found.p)


def test_the_same_difference_in_every_seed_shows_nothing(tmp_path):
    """Though the accuracies of each method have a deviation."""
    places = runs_of(tmp_path, "no", [0.5, 0.75]), runs_of(tmp_path, "mixup", [0.53, 0.78])
    claims = [claim(baseline="no", difference=0.03), claim(baseline="no", difference=0.0)]
    found = judged(*places, claims=claims)
    (comparison,) = found.comparisons
    assert comparison.basis == "nothing" and math.isnan(comparison.p)
    assert comparison.evidence.mean == pytest.approx(0.03) and comparison.difference.std == 0
    row = "| mixup | 2 | +3.00 | - | - | - | - | - | 0 (0, 0) |"
    assert re.sub(" +", " ", difference_table(found)).endswith(row)
    text = " ".join(notes(found))
    assert "a diverged run, or the same difference in every seed or image." in text
    assert "Over seeds" not in text and "p (Holm)" not in text
    for only, line in zip(found.claims, verdict_lines(found), strict=True):
        assert only.verdict.word == "undecided" and only.seeds_needed is None
        assert "(every seed or image gives the same, so that there is no interval)" in line
        assert "ours +3.0 points, 2 seeds." in line and "would settle" not in line


def test_seeds_that_are_all_alike_have_a_deviation_of_zero_and_no_interval(tmp_path):
    found = judged(runs_of(tmp_path, "no", [0.5, 0.5]))
    assert "0.5000 ± 0.0000 |" in figures_table(found)


def test_a_diverged_run_leaves_nothing_to_compare_and_no_number_of_seeds(tmp_path):
    places = [runs_of(tmp_path, "no", [0.5, 0.52, 0.51])]
    for label, values in (("a", [0.53, 0.56, 0.54]), ("b", [0.5, 0.56, 0.49]),
                          ("c", [0.5, math.nan, 0.5])):  # fmt: skip
        places.append(runs_of(tmp_path, "mixup", values, label=label))
    found = judged(*places)
    *others, diverged = found.comparisons
    assert [each.basis for each in others] == ["seeds", "seeds"] and diverged.basis == "nothing"
    table = re.sub(" +", " ", difference_table(found))
    assert "| c | 3 | - | - | - | - | - | - |" in table and "1000" not in table
    assert "The column p (Holm) is corrected for 2 comparisons over seeds." in notes(found)
    assert others[0].p_holm == pytest.approx(2 * others[0].p)


def test_without_a_seed_in_common_the_points_are_said_not_to_be_paired(tmp_path):
    base, same = runs_of(tmp_path, "no", [0.5]), runs_of(tmp_path, "mixup", [0.6], label="same")
    other = runs_of(tmp_path, "mixup", [0.7], first_seed=1, label="other")
    text = " ".join(notes(judged(base, same, other)))
    assert "No seed in common with no: other; the points are of all runs of both, and" in text
    assert "are paired: seed by seed." in text
    text = " ".join(notes(judged(base, other)))
    assert "No seed in common with no: other; " in text and "are paired: " not in text


def rights(count, share):
    """The first `share` of the images right."""
    return (np.arange(count) < share * count).astype(int)


def test_one_seed_is_compared_image_by_image(tmp_path):
    base, better = rights(200, 0.5), rights(200, 0.6)
    found = judged(
        runs_of(tmp_path, "no", [0.4], rights=[base]),
        runs_of(tmp_path, "mixup", [0.45], rights=[better]),
    )
    (comparison,) = found.comparisons
    assert comparison.basis == "images"
    ((seed, images),) = comparison.images
    assert (seed, images.images, images.gained, images.lost) == (0, 200, 20, 0)
    assert comparison.evidence.mean == pytest.approx(0.1)
    assert comparison.p == pytest.approx(2 / 2**20)
    text = " ".join(notes(found))
    assert "It is of this evaluation set and not of the seed" in text


def test_several_seeds_are_not_judged_by_images_but_keep_them(tmp_path):
    some = [rights(100, 0.5)] * 2
    (comparison,) = judged(
        runs_of(tmp_path, "no", [0.4, 0.5], rights=some),
        runs_of(tmp_path, "mixup", [0.5, 0.5], rights=some),
    ).comparisons
    assert comparison.basis == "seeds" and [seed for seed, _ in comparison.images] == [0, 1]


def test_answers_to_other_images_are_not_paired(tmp_path):
    (comparison,) = judged(
        runs_of(tmp_path, "no", [0.4], rights=[rights(100, 0.5)]),
        runs_of(tmp_path, "mixup", [0.5], rights=[rights(99, 0.5)]),
    ).comparisons
    assert comparison.basis == "nothing" and comparison.images == ()


def test_last_mean_last_and_best_epoch_are_kept_apart(tmp_path):
    curve = np.array([0.1] * 29 + [0.9] + [0.5] * 9 + [0.6])
    places = runs_of(tmp_path, "no", [0], curves={"accEval": curve, "lossEval": 1 - curve},
                     rights=[rights(10, 0.7)])  # fmt: skip
    (group,) = group_runs(read_runs(places), counts)
    found = every_figure(group, 10)
    accuracy = {figure: estimate.mean for figure, (estimate, _) in found["accEval"].items()}
    assert accuracy == pytest.approx({"mean": 0.51, "last": 0.6, "best": 0.9, "whole": 0.7})
    assert found["lossEval"]["best"][0].mean == pytest.approx(0.1)
    assert "whole" not in found["lossEval"]


def test_the_crossing_is_told_with_its_window(tmp_path):
    rising = {"accEval": np.where(np.arange(EPOCHS) < 25, 0.4, 0.6)}
    found = judged(runs_of(tmp_path, "no", [0.5]), runs_of(tmp_path, "mixup", [0], curves=rising))
    assert found.windows == [3]
    (crossing,) = found.crossings
    # Smoothed over 3 epochs: 24 is (0.4 + 0.4 + 0.6) / 3 < 0.5, 25 is above.
    assert crossing.epochs == (25,) and crossing.of_means == 25
    assert "smoothed over 3 epochs" in " ".join(notes(found))


def test_a_shorter_run_beside_two_others_does_not_change_their_epoch(tmp_path):
    rising = {"accEval": np.where(np.arange(EPOCHS) < 25, 0.4, 0.6)}
    places = [runs_of(tmp_path, "no", [0.5]), runs_of(tmp_path, "mixup", [0], curves=rising),
              runs_of(tmp_path, "cutmix", [0], curves=flat(0.6, 10))]  # fmt: skip
    found = judged(*places, claims=[claim(baseline="no", epoch=25, tolerance=8)])
    assert [each.window for each in found.crossings] == [3, 1]
    assert found.claims[0].epochs == (25,)
    assert "smoothed over 1 to 3 epochs" in " ".join(notes(found))


def test_a_curve_that_is_not_finite_decides_no_epoch(tmp_path):
    broken = {"accEval": np.where(np.arange(EPOCHS) == 30, np.nan, 0.5)}
    places = [runs_of(tmp_path, "no", [0], curves=broken), runs_of(tmp_path, "mixup", [0.6])]
    (found,) = judged(*places, claims=[claim(baseline="no", epoch=9, tolerance=8)]).claims
    assert found.verdict == Verdict(UNDECIDED, "a curve has values that are not finite")


def test_seeds_that_one_of_two_lacks_count_nowhere(tmp_path):
    """Neither in the points nor in the epoch: seed 0, which only "no" has, is far above."""
    rising = {"accEval": np.where(np.arange(EPOCHS) < 25, 0.4, 0.6)}
    places = [*runs_of(tmp_path, "no", [0.9, 0.5]),
              *runs_of(tmp_path, "mixup", [0], first_seed=1, curves=rising)]  # fmt: skip
    found = put_side_by_side(read_runs(places), "no", 10, [], set(), counts)
    assert found.rows[1].difference == pytest.approx(10)
    assert found.judgement.comparisons[0].values == pytest.approx((0.1,))
    assert found.judgement.crossings[0].of_means == 25
    assert "Other seeds than no: mixup; the points and the epoch are" in " ".join(
        notes(found.judgement)
    )


def test_two_models_that_are_right_on_the_same_images_decide_nothing(tmp_path):
    """As where both have learned the largest class alone."""
    same = [np.arange(20) < 4]
    places = [runs_of(tmp_path, "no", [0.5], rights=same),
              runs_of(tmp_path, "mixup", [0.5], rights=same)]  # fmt: skip
    found = judged(*places, claims=[claim(baseline="no", difference=0.06)])
    (comparison,), (only,) = found.comparisons, found.claims
    assert comparison.basis == "nothing" and math.isnan(comparison.p)
    assert only.verdict.word == UNDECIDED
    assert only.verdict.reason.startswith("every seed or image gives the same")


def test_the_last_state_that_is_judged_stands_beside_the_claims_own_figure(tmp_path):
    places = [runs_of(tmp_path, "no", [0.5], rights=[rights(100, 0.5)]),
              runs_of(tmp_path, "mixup", [0.53], rights=[rights(100, 0.57)])]  # fmt: skip
    found = judged(*places, claims=[claim(baseline="no", difference=0.06)])
    assert "| +7.0 points (last state; mean of the last 10: +3.0 points) |" in verdict_table(found)
    assert "By the claim's own figure ours is +3.0 points." in verdict_lines(found)[0]


def test_seeds_needed_count_the_correction_for_several_comparisons(tmp_path):
    values = [0.0, 0.02, 0.04]  # alone: 10 seeds
    places = [runs_of(tmp_path, "no", [0.5] * 3)]
    for label in "abcd":
        shifted = [0.5 + value + 0.001 * "abcd".index(label) for value in values]
        places.append(runs_of(tmp_path, "mixup", shifted, label=label))
    found = judged(*places)
    least, most = found.comparisons[0], found.comparisons[-1]  # p of the first is the largest
    assert least.level == 0.05 and least.seeds_needed == 10
    assert most.level == 0.05 / 4 and most.seeds_needed == 12


def test_the_predictions_of_a_value_are_of_the_run_that_has_the_curve(tmp_path):
    places = runs_of(tmp_path, "mixup", [0.5, 0.8], rights=[rights(100, 0.5), rights(100, 0.8)])
    (tmp_path / "mixup0/mixupAug_accEval.npy").unlink()
    found = judged(places, claims=[claim(value=0.8)], baseline="mixup")
    assert found.claims[0].evidence.mean == pytest.approx(0.8)


# Claims


def claimed(tmp_path, base, better, **values):
    places = runs_of(tmp_path, "no", base), runs_of(tmp_path, "mixup", better)
    found = judged(*places, claims=[claim(**{"baseline": "no", **values})])
    return found, found.claims[0]


def test_a_gain_that_is_there_is_reproduced(tmp_path):
    found, (only) = claimed(tmp_path, [0.5, 0.5, 0.5], [0.56, 0.57, 0.56], difference=0.06)
    assert only.verdict.word == "reproduced" and only.seeds_needed is None
    (line,) = verdict_lines(found)
    assert line.startswith("a claim: reproduced (the difference is shown")
    assert "Published +6.0 points (± 2.0); ours +6.3 points, 95% interval +4.9 to +7.8" in line
    assert "3 seeds." in line
    assert "**reproduced**" in verdict_table(found)


def test_an_undecided_claim_says_how_many_seeds_would_settle_it(tmp_path):
    found, only = claimed(tmp_path, [0.5] * 3, [0.5, 0.54, 0.58], difference=0.06)
    assert only.verdict.word == "undecided"
    # Ours, 4 points, at a deviation of 4 points: d = 1.
    assert only.seeds_needed == 10 == found.comparisons[0].seeds_needed
    text = "About 10 seeds would settle it, if the true figure is ours (power 80 %"
    assert text in verdict_lines(found)[0]


@pytest.mark.parametrize(
    ("better", "values", "needed"),
    [
        # The size, 4 points at least, is excluded sooner than 0.5 points are shown: d = 1.75.
        ([0.485, 0.505, 0.525], {"difference": 0.06}, 5),
        # A loss of 6.3 points is told from a gain of 2 sooner than a difference of 2 is enclosed.
        ([0.49, 0.45, 0.37], {"difference": 0, "gain_only": True}, 7),
        # Ours is 1 point beyond the tolerance: to be excluded: d = 1/3.
        ([0.50, 0.53, 0.56], {"value": 0.50, "baseline": None}, 73),
        # Ours is the published value: to be enclosed.
        ([0.48, 0.50, 0.52], {"value": 0.50, "baseline": None}, 13),
    ],
)
def test_the_seeds_that_settle_a_claim_are_counted_from_ours(tmp_path, better, values, needed):
    _, only = claimed(tmp_path, [0.5] * 3, better, **values)
    assert only.verdict.word == "undecided" and only.seeds_needed == needed


def test_seeds_that_have_not_settled_a_claim_are_not_said_to_settle_it():
    """As they have where Holm's correction takes the p of another claim for this one's."""
    ours = estimate(np.array([0.02, 0.04] * 5))
    assert seeds_to_show(ours.mean, ours.std) == 4
    assert seeds_to_settle(claim(baseline="no", difference=0.03), ours) == 11


def test_a_run_without_a_figure_is_not_judged_by_its_predictions(tmp_path):
    """As a curve that came from elsewhere may end in values that are not finite."""
    ends = {"accEval": np.array([0.5] * 30 + [math.nan] * 10)}
    places = [runs_of(tmp_path, "no", [0.5], rights=[rights(100, 0.5)]),
              runs_of(tmp_path, "mixup", [0], rights=[rights(100, 0.9)], curves=ends)]  # fmt: skip
    claims = [claim(baseline="no", difference=0.4), claim(value=0.9)]
    for only in judged(*places, claims=claims).claims:
        assert only.verdict == ("undecided", "there is no figure to compare")


def test_a_claim_of_no_difference_is_settled_by_an_interval_within_its_tolerance(tmp_path):
    _, only = claimed(tmp_path, [0.5] * 3, [0.48, 0.5, 0.52], difference=0.0)
    assert only.verdict.word == "undecided" and only.seeds_needed == 13


def test_a_value_is_judged_over_seeds_or_over_images(tmp_path):
    _, only = claimed(tmp_path, [0.5], [0.75, 0.752, 0.754], value=0.754, baseline=None)
    assert only.verdict.word == "reproduced"
    places = (
        runs_of(tmp_path / "one", "no", [0.5]),
        runs_of(tmp_path / "one", "mixup", [0.5], rights=[rights(1000, 0.5)]),
    )
    found = judged(*places, claims=[claim(value=0.754)])
    assert found.claims[0].verdict.word == "not seen"
    assert found.claims[0].evidence.mean == 0.5


def test_the_figure_of_a_claim_is_the_one_it_names(tmp_path):
    curve = {"accEval": np.array([0.5] * 39 + [0.8])}
    places = [
        *runs_of(tmp_path, "no", [0.5, 0.501]),
        *runs_of(tmp_path, "mixup", [0, 0], curves=curve),
    ]
    claims = [claim(baseline="no", difference=0.3, figure=figure) for figure in ("last", "mean")]
    last, mean = judged(places, claims=claims).claims
    assert last.ours.mean == pytest.approx(0.2995) and last.verdict.word == "reproduced"
    assert mean.ours.mean == pytest.approx(0.0295) and mean.verdict.word == "same direction"


def test_a_loss_is_told_as_it_is(tmp_path):
    places = []
    for seed, loss in enumerate((0.2, 0.2002)):
        curves = {"lossTrain": np.full(EPOCHS, loss)}
        places += runs_of(tmp_path / str(seed), "mixup", [0], first_seed=seed, curves=curves)
    one = claim(curve="lossTrain", value=0.173, figure="last")
    found = judged(places, baseline="mixup", claims=[one])
    assert found.claims[0].verdict.word == "not seen"
    assert "training loss, last epoch" in verdict_lines(found)[0]
    assert "Published 0.173 (± 0.020); ours 0.200" in verdict_lines(found)[0]


@pytest.mark.parametrize(
    ("values", "shown"),
    [
        ({"value": 0.9305, "tolerance": 0.0055}, "0.9305 (± 0.0055)"),
        ({"value": 0.93, "tolerance": 0.0055}, "0.9300 (± 0.0055)"),
        ({"value": 0.754, "tolerance": 0.01}, "0.754 (± 0.010)"),
        ({"difference": 0.06, "tolerance": 0.0125}, "+6.00 points (± 1.25)"),
        ({"difference": -0.027, "tolerance": 0.01}, "-2.7 points (± 1.0)"),
        ({"difference": 0, "tolerance": 0.0125, "gain_only": True}, "no gain (below 1.25 points)"),
        ({"epoch": 150, "tolerance": 20}, "epoch 150 (± 20)"),
    ],
)
def test_a_published_figure_is_told_as_it_is(values, shown):
    assert published_figure(claim(**values)) == shown


def test_an_epoch_is_judged_by_the_crossings_of_the_seeds(tmp_path):
    places = runs_of(tmp_path, "no", [0.5] * 2)
    for seed, epoch in enumerate((25, 26)):
        rising = {"accEval": np.where(np.arange(EPOCHS) < epoch, 0.4, 0.6)}
        places += runs_of(tmp_path / str(seed), "mixup", [0], first_seed=seed, curves=rising)
    found = judged(places, claims=[claim(baseline="no", epoch=25, tolerance=8)])
    assert found.claims[0].epochs == (25, 26) and found.claims[0].verdict.word == "reproduced"
    assert (
        "ours epoch 25, epoch 26, 95% interval epoch 19 to 32, 2 seeds" in verdict_lines(found)[0]
    )


def test_a_claim_about_runs_that_are_not_there_is_undecided(tmp_path):
    found = judged(runs_of(tmp_path, "no", [0.5]), claims=[claim(difference=0.06, baseline="no")])
    assert found.claims[0].verdict == ("undecided", "there is no finished run of mixup")
    assert verdict_lines(found)[0].endswith("ours -, 0 seeds.")


def test_claims_are_corrected_among_themselves(tmp_path):
    base, better = [0.5, 0.5, 0.5], [0.527, 0.55, 0.548]
    one = claim(difference=0.04, baseline="no")
    places = runs_of(tmp_path, "no", base), runs_of(tmp_path, "mixup", better)
    (alone,) = judged(*places, claims=[one]).claims
    first, _ = judged(*places, claims=[one, one]).claims
    assert alone.verdict.word == "reproduced" and alone.evidence.p < 0.05 < first.evidence.p
    assert first.verdict.word == "undecided"


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({}, "give one of difference, value, epoch"),
        ({"difference": 0.06, "value": 0.5}, "give one of"),
        ({"difference": 6.0}, "accuracies are shares: 0.06 for 6 points"),
        ({"value": 43.1}, "accuracies are shares"),
        ({"difference": 0.02}, "tolerance: 0.02 would let no difference at all count"),
        ({"difference": 0.06, "tolerance": 0}, "greater than 0"),
        ({"value": 0.5, "baseline": "no"}, "a value is not measured against one"),
        ({"difference": 0.06, "gain_only": True}, "gain_only: says that there is no gain"),
        (
            {"difference": 0, "gain_only": True, "curve": "lossEval"},
            "only with a curve of accuracy",
        ),
        ({"difference": 0.06, "baseline": "mixup"}, "'mixup' would be compared with itself"),
        ({"value": 1.0, "curve": "lossEval", "figure": "whole"}, "whole is an accuracy"),
        ({"epoch": 150, "curve": "lossEval"}, "is found on accEval"),
        ({"epoch": 150, "tolerances": 3}, "Extra inputs are not permitted"),
        ({"value": math.nan}, "finite"),
    ],
)
def test_a_claim_that_cannot_be_meant_is_refused(values, message):
    with pytest.raises(ValidationError, match=message):
        claim(**values)


# What is written


def test_the_three_tables_say_the_same(tmp_path):
    places = [
        *runs_of(tmp_path, "no", [0.5, 0.5, 0.5]),
        *runs_of(tmp_path, "mixup", [0.56, 0.57, 0.56]),
    ]
    one = claim(baseline="no", difference=0.06, scale="smaller")
    found = put_side_by_side(read_runs(places), "no", 10, [one], {"augment"}, counts)
    paths = write(tmp_path / "out", found, ["# Title"], ["The end."], more={"title": "Title"})
    assert {path.name for path in paths} >= {"table.md", "table.csv", "table.json", "compare.png"}
    text = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert text.startswith("# Title\n") and text.endswith("The end.\n")
    assert text.index("## Verdicts") < text.index("| run ")
    values = json.loads((tmp_path / "out" / "table.json").read_text(encoding="utf-8"))
    assert values["title"] == "Title" and values["baseline"] == "no" and values["last"] == 10
    (only,) = values["claims"]
    assert (only["verdict"], only["over"], only["oneSeed"]) == ("reproduced", "seeds", False)
    assert only["ours"] == pytest.approx(0.19 / 3) and only["published"] == 0.06
    baseline, mixup = values["methods"]
    assert baseline["label"] == "no" and mixup["seeds"] == [0, 1, 2]
    assert mixup["figures"]["accEval"]["mean"]["values"] == pytest.approx([0.56, 0.57, 0.56])
    assert mixup["studied"] == {"augment": "mixup"}
    assert mixup["runs"][1]["folder"] == "../mixup1" and mixup["runs"][1]["imagesEvaluated"] is None
    (comparison,) = values["comparisons"]
    assert comparison["difference"] == pytest.approx(0.19 / 3) and comparison["direction"] == 1
    assert values["unknown"] and values["differences"] == []
    assert "reproduced" in (tmp_path / "out" / "table.csv").read_text(encoding="utf-8")
    assert for_terminal(found).startswith("a claim: reproduced")


def test_what_is_not_known_is_null_in_json(tmp_path):
    places = runs_of(tmp_path, "no", [0.5]) + runs_of(tmp_path, "mixup", [math.nan])
    found = put_side_by_side(read_runs(places), "no", 10, [], {"augment"}, counts)
    write(tmp_path / "out", found)
    text = (tmp_path / "out" / "table.json").read_text(encoding="utf-8")
    assert "NaN" not in text
    (comparison,) = json.loads(text)["comparisons"]
    assert comparison["difference"] is None and comparison["over"] == "nothing"


def test_no_heading_names_more_epochs_than_the_longest_run_has(tmp_path):
    for mode, epochs in (("no", 4), ("mixup", 6)):
        write_run(tmp_path, mode, epochs=epochs)
    found = put_side_by_side(read_runs([str(tmp_path)]), "no", 10, [], {"augment"}, counts)
    write(tmp_path / "out", found)
    for text in (for_terminal(found), (tmp_path / "out" / "table.md").read_text()):
        text = " ".join(text.split())
        assert "mean of the last 6" in text and "last 10" not in text
        assert "Where a run has fewer than 6 epochs, of all" in text
