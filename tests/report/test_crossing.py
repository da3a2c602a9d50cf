"""From which epoch one curve stays above another, on curves whose answer is plain."""

import numpy as np
import pytest

from paddle_aug.report.crossing import smoothed, stays_above, window_for


def test_the_window_is_a_twentieth_and_odd():
    windows = [window_for(epochs) for epochs in (1, 30, 39, 40, 100, 300, 500)]
    assert windows == [1, 1, 1, 3, 5, 15, 25]


def test_smoothing_is_the_mean_around_an_epoch_and_of_fewer_at_the_ends():
    assert smoothed([1, 2, 3, 4, 10], 3).tolist() == [1.5, 2, 3, 17 / 3, 7]
    assert smoothed([5.0, 7.0], 1).tolist() == [5, 7]


@pytest.mark.parametrize("window", [0, 2, -1])
def test_a_window_without_a_middle_is_refused(window):
    with pytest.raises(ValueError, match="odd"):
        smoothed([1.0, 2.0], window)


def test_a_straight_crossing_is_found_at_its_epoch():
    baseline = np.full(300, 0.5)
    curve = 0.35 + 0.001 * np.arange(300)  # 0.5 at epoch 150
    assert stays_above(curve, baseline, 1) == 151
    assert stays_above(curve, baseline, 15) == 151


def test_only_the_last_crossing_counts():
    curve = [0, 2, 2, 0, 2, 2, 2]
    assert stays_above(curve, [1] * 7, 1) == 4


def test_a_single_swing_does_not_move_the_smoothed_crossing():
    baseline, curve = np.full(100, 0.5), np.full(100, 0.6)
    curve[:40], curve[80] = 0.4, 0.45
    assert stays_above(curve, baseline, 1) == 81
    assert stays_above(curve, baseline, 5) == 40


def test_above_from_the_beginning_is_epoch_zero():
    assert stays_above([2, 3, 4], [1, 1, 1], 1) == 0


def test_equal_or_below_at_the_end_is_never():
    assert stays_above([2, 2, 1], [1, 1, 1], 1) is None
    assert stays_above([2, 2, 0], [1, 1, 1], 1) is None


def test_the_last_epochs_must_fill_the_window():
    baseline = np.ones(20)
    for above, expected in ((4, None), (5, 15)):
        curve = np.where(np.arange(20) >= 20 - above, 100.0, 0.0)
        # Smoothing over 5 epochs lifts two epochs before the jump, so jump later by two.
        shifted = np.roll(curve, 2)
        shifted[:2] = 0
        assert stays_above(shifted, baseline, 5) == expected


def test_curves_of_unequal_length_are_compared_as_far_as_both_go():
    assert stays_above([0, 2, 2, 0], [1, 1, 1], 1) == 1


def test_a_diverged_curve_is_not_above():
    assert stays_above([2, 2, np.nan], [1, 1, 1], 1) is None
