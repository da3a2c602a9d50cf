"""Intervals, tests and numbers of seeds, against values worked out by hand or printed in books."""

import math

import numpy as np
import pytest
from scipy import stats

from paddle_aug.report.statistics import (
    LEVEL,
    MOST_SEEDS,
    compare_images,
    estimate,
    holm,
    paired_p,
    seeds_to_enclose,
    seeds_to_show,
    share_interval,
)


def test_the_interval_of_three_seeds_by_hand():
    # Student's t for 2 degrees of freedom is 4.3027; the deviation of 1, 2, 3 is 1.
    found = estimate([0.01, 0.02, 0.03])
    assert (found.n, found.mean, found.std) == (3, pytest.approx(0.02), pytest.approx(0.01))
    half = 4.302652729911275 * 0.01 / math.sqrt(3)
    assert found.low == pytest.approx(0.02 - half, abs=1e-12)
    assert found.high == pytest.approx(0.02 + half, abs=1e-12)


def test_the_interval_is_scipys():
    values = np.array([0.45, 0.52, 0.49, 0.5, 0.47])
    expected = stats.ttest_1samp(values, 0).confidence_interval(0.95)
    found = estimate(values)
    assert (found.low, found.high) == pytest.approx((expected.low, expected.high))


def test_one_value_has_no_interval_and_none_has_no_mean():
    assert estimate([0.5])[:2] == (1, 0.5)
    assert all(math.isnan(value) for value in estimate([0.5])[2:])
    assert estimate([]).n == 0 and math.isnan(estimate([]).mean)


def test_a_diverged_run_is_not_left_out():
    found = estimate([0.5, math.nan])
    assert found.n == 2 and math.isnan(found.mean) and math.isnan(found.low)
    assert math.isnan(paired_p([0.5, math.nan]))


def test_the_paired_test_is_scipys_and_has_its_ends():
    own, other = [0.50, 0.55, 0.53, 0.56], [0.48, 0.50, 0.52, 0.51]
    expected = stats.ttest_rel(own, other).pvalue
    assert paired_p(np.subtract(own, other)) == pytest.approx(expected)
    assert math.isnan(paired_p([0.1]))


@pytest.mark.parametrize("values", [[0.25, 0.25], [0.0, 0.0], [0.1, 0.1, 0.1], [0.1, 0.1 + 1e-16]])
def test_seeds_that_all_say_the_same_have_no_interval_and_no_p(values):
    found = estimate(values)
    assert (found.n, found.mean, found.std) == (len(values), pytest.approx(values[0]), 0.0)
    assert math.isnan(found.low) and math.isnan(found.high) and math.isnan(paired_p(values))


# Images


def answers(both, first_only, second_only, neither):
    first = [1] * both + [1] * first_only + [0] * second_only + [0] * neither
    second = [1] * both + [0] * first_only + [1] * second_only + [0] * neither
    return np.array(first, bool), np.array(second, bool)


def test_mcnemars_exact_test_by_hand():
    # 1 against 5: 2 (C(6, 0) + C(6, 1)) / 2^6 = 14/64.
    found = compare_images(*answers(10, 5, 1, 4))
    assert (found.images, found.gained, found.lost) == (20, 5, 1)
    assert found.difference == pytest.approx(4 / 20)
    assert found.p == pytest.approx(14 / 64)
    # 8 against 25: statsmodels' mcnemar(exact=True) gives the same binomial sum.
    expected = 2 * sum(math.comb(33, k) for k in range(9)) / 2**33
    assert compare_images(*answers(50, 8, 25, 17)).p == pytest.approx(expected)


def test_the_bootstrap_interval_is_that_of_images_drawn_by_index():
    first, second = answers(500, 90, 40, 370)
    found = compare_images(first, second)
    scores = first.astype(int) - second.astype(int)
    draws = np.random.default_rng(1).choice(scores, (4000, len(scores))).mean(1)
    assert (found.low, found.high) == pytest.approx(np.quantile(draws, [0.025, 0.975]), abs=2e-3)
    # The normal approximation: 1.96 standard errors of the mean score.
    error = scores.std() / math.sqrt(len(scores))
    assert found.high - found.low == pytest.approx(2 * 1.96 * error, rel=0.03)


def test_the_interval_is_paired():
    # The same two accuracies with answers that agree as much, or as little, as they can.
    alike = compare_images(*answers(600, 50, 0, 350))
    unlike = compare_images(*answers(250, 400, 350, 0))
    assert alike.difference == unlike.difference == 0.05
    assert (unlike.high - unlike.low) > 3 * (alike.high - alike.low)


def test_the_same_images_give_the_same_interval_again():
    first, second = answers(70, 15, 5, 10)
    assert compare_images(first, second) == compare_images(first, second)
    assert compare_images(first, second) != compare_images(first, second, seed=1)


def test_models_that_are_right_on_the_same_images_have_no_interval():
    """One of no width would exclude every other size, as if it were certain."""
    found = compare_images(*answers(7, 0, 0, 3))
    assert (found.difference, found.gained, found.lost) == (0, 0, 0)
    assert all(map(math.isnan, (found.low, found.high, found.p)))


def test_a_stricter_level_needs_more_seeds():
    assert seeds_to_show(1, 1) == 10  # power tables, d = 1
    assert seeds_to_show(1, 1, LEVEL / 4) == 15


def test_answers_to_other_images_are_refused():
    with pytest.raises(ValueError, match="two equal rows"):
        compare_images(np.ones(3, bool), np.ones(4, bool))
    with pytest.raises(ValueError, match="two equal rows"):
        compare_images(np.ones(0, bool), np.ones(0, bool))


def test_wilsons_interval_of_seven_in_ten():
    # (p + z^2/2n ± z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n) with z = 1.959964, n = 10, p = 0.7
    assert share_interval(7, 10) == pytest.approx((0.396778, 0.892209), abs=1e-6)


# Several comparisons


def test_holms_correction_by_hand():
    # Sorted 0.005, 0.01, 0.03, 0.04, times 4, 3, 2, 1, none smaller than the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


def test_holm_stops_at_one_and_passes_over_what_is_not_known():
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    corrected = holm([math.nan, 0.02, 0.03])
    assert math.isnan(corrected[0]) and corrected[1:] == pytest.approx([0.04, 0.04])
    assert holm([]) == [] and holm([0.2]) == [0.2]


# Number of seeds


@pytest.mark.parametrize(("effect", "seeds"), [(0.5, 34), (0.8, 15), (1.0, 10), (1.5, 6)])
def test_seeds_for_a_power_of_eighty_percent_as_tables_of_the_paired_t_test_have_them(
    effect, seeds
):
    # Cohen's d 0.5, 0.8, 1, 1.5: G*Power, "means: difference between two dependent means".
    assert seeds_to_show(effect, 1.0) == seeds
    assert seeds_to_show(-effect * 0.03, 0.03) == seeds


def test_the_power_is_what_it_says_by_simulation():
    draws = np.random.default_rng(0).normal(1.0, 1.0, (20_000, 10))
    t = draws.mean(1) / (draws.std(1, ddof=1) / math.sqrt(10))
    assert (t > stats.t.ppf(0.975, 9)).mean() == pytest.approx(0.8, abs=0.01)


def test_seeds_that_enclose_by_simulation():
    seeds = seeds_to_enclose(1.0, 1.0)
    assert seeds == 13

    def share(n):
        draws = np.random.default_rng(0).normal(0.0, 1.0, (20_000, n))
        half = stats.t.ppf(0.975, n - 1) * draws.std(1, ddof=1) / math.sqrt(n)
        return (np.abs(draws.mean(1)) + half <= 1.0).mean()

    assert share(seeds) >= 0.8 > share(seeds - 1)


def test_numbers_of_seeds_have_their_ends():
    assert seeds_to_show(0.1, 0.0) == 2 and seeds_to_enclose(0.1, 0.0) == 2
    assert seeds_to_show(100.0, 1.0) == 2
    for function in (seeds_to_show, seeds_to_enclose):
        assert function(0.0, 1.0) is None
        assert function(0.01, 1.0) is None, f"more than {MOST_SEEDS}"
        assert function(math.nan, 1.0) is None and function(1.0, math.nan) is None
