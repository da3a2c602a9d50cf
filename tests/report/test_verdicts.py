"""The verdicts' rule at its edges, as its table in report/verdicts.py has it."""

import math

import pytest

from paddle_aug.report.statistics import estimate
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
    evidence_of,
    judge_difference,
    judge_epoch,
    judge_value,
)


def over(low, high, p=0.01, basis=SEEDS):
    return Evidence(basis, (low + high) / 2, low, high, p)


# Published: +6 points, 4 to 8 count as that.
@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (0.05, 0.07, 0.01, REPRODUCED),
        (0.001, 0.06, 0.049, REPRODUCED),  # holds 6, though ours is 3
        (0.06, 0.20, 0.01, REPRODUCED),  # and though ours is 13
        (0.03, 0.0502, 0.01, REPRODUCED),  # ours is within 4 to 8
        (0.0602, 0.0996, 0.01, REPRODUCED),
        (0.03, 0.0498, 0.01, SAME_DIRECTION),  # meets 4 to 8, but ours is smaller
        (0.0602, 0.11, 0.01, SAME_DIRECTION),  # meets it, but ours is larger
        (0.001, 0.0399, 0.01, SAME_DIRECTION),
        (0.0801, 0.20, 0.01, SAME_DIRECTION),
        (0.0, 0.07, 0.049, UNDECIDED),  # zero at the edge of the interval is not excluded
        (-0.02, 0.04, 0.5, UNDECIDED),
        (-0.02, 0.0399, 0.5, NOT_SEEN),
        (-0.02, 0.0, 0.049, NOT_SEEN),
        (-0.02, -0.001, 0.01, CONTRADICTED),
        (-0.30, -0.001, 0.049, CONTRADICTED),
    ],
)
def test_a_published_gain(low, high, p, word):
    assert judge_difference(over(low, high, p), 0.06, 0.02).word == word


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (-0.07, -0.05, 0.01, REPRODUCED),
        (-0.0399, -0.001, 0.01, SAME_DIRECTION),
        (-0.04, 0.02, 0.5, UNDECIDED),
        (-0.0399, 0.02, 0.5, NOT_SEEN),
        (0.001, 0.02, 0.01, CONTRADICTED),
    ],
)
def test_a_published_loss_is_the_mirror_image(low, high, p, word):
    assert judge_difference(over(low, high, p), -0.06, 0.02).word == word


def test_a_direction_needs_the_corrected_p_too():
    assert judge_difference(over(0.05, 0.07, 0.05), 0.06, 0.02).word == UNDECIDED
    assert judge_difference(over(0.01, 0.03, 0.05), 0.06, 0.02).word == NOT_SEEN
    assert judge_difference(over(-0.07, -0.05, 0.05), 0.06, 0.02).word == NOT_SEEN


def test_why_no_difference_is_undecided_is_said():
    beyond = judge_difference(over(0.021, 0.05, 0.06), 0.0, 0.02)
    assert beyond.word == UNDECIDED
    assert beyond.reason.startswith("the interval lies beyond the tolerance, but after the corr")
    both = judge_difference(over(-0.01, 0.05, 0.06), 0.0, 0.02)
    assert both.reason.endswith("one beyond it are both possible")


def test_same_direction_says_which_is_larger():
    assert "smaller" in judge_difference(over(0.01, 0.03), 0.06, 0.02).reason
    assert "larger" in judge_difference(over(0.09, 0.12), 0.06, 0.02).reason


@pytest.mark.parametrize(
    ("low", "high", "p", "word"),
    [
        (-0.02, 0.02, 0.9, REPRODUCED),
        (0.005, 0.02, 0.01, REPRODUCED),  # shown, but too small to be seen
        (-0.021, 0.02, 0.9, UNDECIDED),
        (0.02, 0.05, 0.01, UNDECIDED),  # touches the tolerance
        (0.021, 0.05, 0.01, CONTRADICTED),
        (-0.05, -0.021, 0.01, CONTRADICTED),
        (0.021, 0.05, 0.05, UNDECIDED),
    ],
)
def test_a_published_no_difference(low, high, p, word):
    assert judge_difference(over(low, high, p), 0.0, 0.02).word == word


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.75, 0.76, REPRODUCED),
        (0.734, 0.774, REPRODUCED),
        (0.7339, 0.774, UNDECIDED),
        (0.70, 0.734, UNDECIDED),
        (0.70, 0.7339, NOT_SEEN),
        (0.7741, 0.79, NOT_SEEN),
    ],
)
def test_a_published_value(low, high, word):
    verdict = judge_value(over(low, high, math.nan), 0.754, 0.02)
    assert verdict.word == word
    if word == NOT_SEEN:
        assert ("below" if low < 0.754 else "above") in verdict.reason


# One seed


def test_one_seed_never_says_reproduced_or_contradicted():
    gain = {REPRODUCED: SAME_DIRECTION, CONTRADICTED: NOT_SEEN}
    for low, high in ((0.05, 0.07), (0.01, 0.03), (-0.02, 0.05), (-0.02, 0.01), (-0.07, -0.05)):
        seeds = judge_difference(over(low, high), 0.06, 0.02)
        images = judge_difference(over(low, high, basis=IMAGES), 0.06, 0.02)
        assert images.word == gain.get(seeds.word, seeds.word)
        assert images.reason == f"one seed, on this evaluation set: {seeds.reason}"


def test_one_seed_leaves_no_difference_and_values_undecided():
    within = judge_difference(over(0.005, 0.01, basis=IMAGES), 0.0, 0.02)
    assert within.word == UNDECIDED
    assert within.reason == (
        "one seed, on this evaluation set: the whole interval is within the tolerance around no "
        "difference; but with one seed no such claim counts as reproduced"
    )
    loss = judge_difference(over(-0.2, -0.1, basis=IMAGES), 0.0, 0.02, gain_only=True)
    assert loss.word == UNDECIDED and loss.reason.endswith(
        ": not a gain but a loss is shown; but with one seed no such claim counts as reproduced"
    )
    small = judge_difference(over(-0.01, 0.01, 0.9, IMAGES), 0.0, 0.02, gain_only=True)
    assert ": the whole interval is below the least gain that would be visible; " in small.reason
    assert judge_difference(over(0.03, 0.05, basis=IMAGES), 0.0, 0.02).word == NOT_SEEN
    assert judge_value(over(0.75, 0.76, basis=IMAGES), 0.754, 0.02).word == UNDECIDED
    assert judge_value(over(0.70, 0.71, basis=IMAGES), 0.754, 0.02).word == NOT_SEEN


@pytest.mark.parametrize(
    "evidence",
    [Evidence(NOTHING, 0.06, math.nan, math.nan), evidence_of(estimate([0.06])),
     evidence_of(estimate([])), evidence_of(estimate([0.06, math.nan]), 0.01),
     evidence_of(estimate([0.06, 0.06]), 0.0), evidence_of(estimate([0.0, 0.0]))],
)  # fmt: skip
def test_without_an_interval_everything_is_undecided(evidence):
    assert judge_difference(evidence, 0.06, 0.02).word == UNDECIDED
    assert judge_difference(evidence, 0.0, 0.02).word == UNDECIDED
    assert judge_value(evidence, 0.06, 0.02).word == UNDECIDED


def test_a_verdict_without_an_interval_says_why():
    def reason(*values):
        return judge_value(evidence_of(estimate(values)), 0.06, 0.02).reason

    assert reason(0.06) == "one seed, and no interval"
    alike = "every seed or image gives the same, so that there is no interval"
    assert reason(0.06, 0.06) == alike
    assert reason() == reason(0.06, math.nan) == "there is no figure to compare"


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (-0.30, 0.02, REPRODUCED),  # a loss is no gain
        (-0.30, -0.10, REPRODUCED),
        (-0.01, 0.021, UNDECIDED),
        (0.021, 0.05, CONTRADICTED),
    ],
)
def test_a_published_absence_of_gain(low, high, word):
    assert judge_difference(over(low, high), 0, 0.02, gain_only=True).word == word
    assert judge_difference(over(-0.30, -0.10), 0, 0.02).word == CONTRADICTED


def test_reproduced_says_whether_the_published_size_itself_is_in_the_interval():
    within, beside = (judge_difference(over(low, 0.09), 0.06, 0.02) for low in (0.05, 0.061))
    assert within.reason == "the difference is shown, and the interval holds the published size"
    assert beside.word == REPRODUCED
    assert beside.reason == (
        "the difference is shown, and ours is within the tolerance of the published size, though "
        "the interval does not hold that size itself"
    )


# Epochs: published 150 ± 50


@pytest.mark.parametrize(
    ("epochs", "length", "word"),
    [
        ([140, 150, 155], 500, REPRODUCED),
        ([150, 150, 150], 500, UNDECIDED),
        ([20, 30, 25], 500, NOT_SEEN),
        ([100, 150, 250], 500, UNDECIDED),
        ([150, None, 150], 500, UNDECIDED),
        ([None, None], 500, NOT_SEEN),
        ([None, None], 201, NOT_SEEN),
        ([None, None], 200, UNDECIDED),  # the runs end before it could be seen
        ([150], 500, UNDECIDED),  # one seed has no interval
        ([None], 500, NOT_SEEN),
        ([], 500, UNDECIDED),
    ],
)
def test_a_published_epoch(epochs, length, word):
    assert judge_epoch(epochs, 150, 50, length).word == word


def test_a_curve_that_never_stays_above_says_where_it_is_one_seed():
    assert judge_epoch([None], 150, 50, 500).reason.startswith("one seed: the curve never")
    assert judge_epoch([None, None], 150, 50, 500).reason.startswith("the curve never")


@pytest.mark.parametrize(("length", "word"), [(214, UNDECIDED), (215, NOT_SEEN)])
def test_a_curve_has_to_stay_above_for_the_window_at_the_end(length, word):
    """So a curve that passes within the last 15 epochs cannot be found."""
    assert judge_epoch([None], 150, 50, length, window=15).word == word
