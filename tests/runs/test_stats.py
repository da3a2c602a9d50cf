"""Figures of a curve, by value."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddle_aug.runs.stats import best, difference, last_mean, points, spread, stopped_early

numbers = st.floats(-1e3, 1e3)


def test_mean_of_the_last_ten_is_over_exactly_ten_values():
    assert last_mean(np.arange(20.0)) == (14.5, 10)


def test_the_notebook_slice_of_nine_values_is_not_repeated():
    curve = [0.0] * 10 + [0, 0, 0, 0, 0, 0, 0, 0, 0, 10.0]
    assert last_mean(curve).mean == 1.0


def test_fewer_than_ten_epochs_are_all_averaged_and_counted():
    assert last_mean([1, 2, 6]) == (3.0, 3)


def test_another_window():
    assert last_mean(np.arange(11.0), last=3) == (9.0, 3)


def test_the_order_of_the_last_epochs_moves_nothing():
    values = np.array([0.97, 0.98, 0.96, 0.97, 0.97, 0.98, 0.97, 0.96, 0.98, 0.97])
    orders = [np.random.default_rng(seed).permutation(values) for seed in range(100)]
    assert len({order.mean() for order in orders}) > 1  # as a plain sum has it
    assert {last_mean(order).mean for order in orders} == {math.fsum(values) / 10}
    assert last_mean([1.0, math.inf]).mean == math.inf
    assert math.isnan(last_mean([math.nan, math.inf]).mean)


def test_a_nan_among_the_last_makes_the_mean_nan():
    assert math.isnan(last_mean([1.0] * 19 + [math.nan]).mean)


def test_a_nan_before_the_last_does_not_matter():
    assert last_mean([math.nan] + [2.0] * 10) == (2.0, 10)


def test_an_empty_curve_has_no_mean():
    mean, n = last_mean([])
    assert math.isnan(mean) and n == 0


def test_a_window_of_nothing_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        last_mean([1.0], last=0)


def test_best_is_the_first_highest_epoch():
    assert best([0.1, 0.7, 0.3, 0.7]) == (1, 0.7)


def test_lowest_is_best_for_losses():
    assert best([3.0, 1.5, 2.0], highest=False) == (1, 1.5)


def test_best_passes_over_values_that_are_no_numbers():
    assert best([math.nan, 0.2, math.inf, 0.1]) == (1, 0.2)
    assert best([math.nan, math.inf]) is None
    assert best([]) is None


@pytest.mark.parametrize(
    ("accuracies", "patience", "stopped"),
    [
        ([], 1, False), ([0.5], 1, False), ([0.5, 0.4], 1, True), ([0.5, 0.5], 1, True),
        ([0.5, 0.4, 0.6], 1, False), ([0.1, 0.7, 0.3, 0.7], 2, True), ([0.7, 0.1], None, False),
    ],
)  # fmt: skip
def test_a_run_stops_early_after_epochs_that_are_not_better(accuracies, patience, stopped):
    assert stopped_early(accuracies, patience) is stopped


def test_spread_divides_by_n_minus_one():
    assert spread([1.0, 3.0]) == (2, 2.0, pytest.approx(math.sqrt(2)))


def test_one_run_has_no_standard_deviation():
    n, mean, std = spread([0.5])
    assert (n, mean) == (1, 0.5) and math.isnan(std)


def test_no_runs_have_no_mean():
    assert spread([]).n == 0 and math.isnan(spread([]).mean)


def test_points_are_percentage_points():
    assert points(0.65, 0.59) == pytest.approx(6.0)
    assert points(0.59, 0.65) == pytest.approx(-6.0)


def test_differences_of_rounding_are_none():
    assert 0.3 != 0.1 + 0.2 and points(0.3, 0.1 + 0.2) == difference(0.1 + 0.2, 0.3) == 0.0
    assert difference(0.5, 0.5 - 1e-9) == pytest.approx(1e-9)
    assert math.isnan(difference(math.nan, 0.5))


@given(st.lists(numbers, min_size=1, max_size=30), st.integers(1, 15))
def test_the_mean_is_that_of_the_tail_whatever_came_before(curve, last):
    tail = curve[max(0, len(curve) - last) :]
    mean, n = last_mean(curve, last)
    assert n == len(tail)
    assert mean == pytest.approx(sum(tail) / len(tail), abs=1e-9)
    assert last_mean([math.inf] * last + tail, len(tail)).mean == pytest.approx(mean)


@given(st.lists(numbers, min_size=2, max_size=9), numbers)
def test_spread_moves_with_a_shift_and_keeps_its_width(values, shift):
    before, after = spread(values), spread([value + shift for value in values])
    assert after.mean == pytest.approx(before.mean + shift, abs=1e-9)
    assert after.std == pytest.approx(before.std, abs=1e-9)
