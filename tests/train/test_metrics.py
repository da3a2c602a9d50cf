"""Figures of a classifier, by value and against scikit-learn."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sklearn_metrics

from paddle_aug.mix.formulas import soft_targets
from paddle_aug.train.metrics import (
    TrainingMeters,
    WeightedMean,
    accuracy,
    confusion_matrix,
    mixed_hits,
    per_class,
    soft_hits,
    top_k_hits,
)

SCORES = np.array(
    [[0.1, 0.7, 0.2], [0.5, 0.3, 0.2], [0.2, 0.3, 0.5], [0.6, 0.1, 0.3], [0.1, 0.2, 0.7]]
)
LABELS = np.array([1, 1, 2, 1, 0])


def test_a_short_last_batch_counts_for_its_size_only():
    mean = WeightedMean()
    assert math.isnan(mean.value)
    mean.update(0.5, 8)
    mean.update(1.0, 8)
    mean.update(0.0, 3)
    assert mean.value == pytest.approx(12 / 19)


def test_a_mean_continues_from_its_saved_state():
    whole, first, second = WeightedMean(), WeightedMean(), WeightedMean()
    for value, weight in ((0.3, 7), (0.1, 11)):
        whole.update(value, weight)
        first.update(value, weight)
    second.set_state_dict(first.state_dict())
    for mean in (whole, second):
        mean.update(0.9, 5)
    assert second.value == whole.value == pytest.approx((2.1 + 1.1 + 4.5) / 23)


def test_training_meters_keep_the_accuracies_apart_and_weight_batches_by_size():
    meters = TrainingMeters()
    # Predictions are 1, 0, 2, 0, 2.
    meters.update(2.0, SCORES, LABELS, np.array([0, 0, 0, 1, 2]), 0.75)
    meters.update(0.5, SCORES[:2], LABELS[:2], LABELS[:2], 1.0)
    assert meters.loss.value == pytest.approx((5 * 2.0 + 2 * 0.5) / 7)
    assert meters.accuracy.value == pytest.approx((2 + 1) / 7)
    assert meters.accuracy_mixed.value == pytest.approx((2 * 0.75 + 2 * 0.25 + 1) / 7)
    copy = TrainingMeters()
    copy.set_state_dict(meters.state_dict())
    assert copy == meters


def test_accuracy_and_top_k_count_labels_among_the_highest_scores():
    assert accuracy(SCORES, LABELS) == pytest.approx(2 / 5)
    assert accuracy(SCORES, LABELS, k=2) == pytest.approx(3 / 5)
    assert accuracy(SCORES, LABELS, k=3) == 1.0
    np.testing.assert_array_equal(top_k_hits(SCORES, LABELS, 2), [True, True, True, False, False])


def test_of_equal_scores_the_lower_class_comes_first():
    scores = np.zeros((3, 5))
    labels = np.array([0, 1, 4])
    np.testing.assert_array_equal(top_k_hits(scores, labels, 1), [True, False, False])
    np.testing.assert_array_equal(top_k_hits(scores, labels, 2), [True, True, False])


def test_a_score_that_is_not_a_number_is_no_hit():
    scores = np.array([[np.nan, 1.0, 0.0], [np.nan] * 3, [np.nan, 5.0, 1.0]])
    np.testing.assert_array_equal(top_k_hits(scores, np.array([0, 0, 1]), 3), [False, False, True])
    np.testing.assert_array_equal(top_k_hits(scores, np.array([0, 0, 1]), 1), [False] * 3)


@settings(max_examples=50, deadline=None)
@given(
    n=st.integers(1, 11),
    classes=st.integers(1, 7),
    k=st.integers(1, 7),
    seed=st.integers(0, 2**32 - 1),
)
def test_top_k_hits_are_the_first_of_a_stable_sort(n, classes, k, seed):
    rng = np.random.default_rng(seed)
    scores = rng.integers(0, 4, (n, classes)).astype(np.float32)
    labels = rng.integers(0, classes, n)
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(top_k_hits(scores, labels, k), (best == labels[:, None]).any(1))


def test_under_mixing_each_label_counts_by_its_weight():
    predictions = np.array([0, 1, 2, 1])
    y_a, y_b = np.array([0, 0, 0, 1]), np.array([1, 1, 1, 1])
    np.testing.assert_allclose(mixed_hits(predictions, y_a, y_b, 0.7), [0.7, 0.3, 0, 1])
    lam = np.array([0.9, 0.6, 0.5, 0.2])
    np.testing.assert_allclose(mixed_hits(predictions, y_a, y_b, lam), [0.9, 0.4, 0, 1])


def test_soft_labels_give_the_same_accuracy_as_the_two_labels_they_mix():
    predictions = np.array([0, 1, 2, 1, 2])
    y_a, y_b = np.array([0, 0, 0, 1, 2]), np.array([1, 1, 1, 1, 0])
    lam = np.array([0.9, 0.6, 0.5, 0.2, 0.3])
    targets = soft_targets(y_a, y_b, lam, 3)
    np.testing.assert_allclose(
        soft_hits(predictions, targets), mixed_hits(predictions, y_a, y_b, lam), rtol=1e-6
    )


def test_confusion_matrix_has_true_classes_in_rows():
    confusion = confusion_matrix(LABELS, SCORES.argmax(1), 4)
    expected = [[0, 0, 1, 0], [2, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0]]
    np.testing.assert_array_equal(confusion, expected)
    assert confusion.dtype == np.int64


def test_table_of_classes_by_value():
    zero, one, two, absent = per_class(confusion_matrix(LABELS, SCORES.argmax(1), 4))
    assert (zero.precision, zero.recall, zero.f1, zero.support) == (0, 0, 0, 1)
    assert one.precision == 1 and one.recall == pytest.approx(1 / 3) and one.support == 3
    assert one.f1 == pytest.approx(0.5)
    assert (two.precision, two.recall, two.support) == (0.5, 1, 1)
    assert two.f1 == pytest.approx(2 / 3)
    assert (absent.precision, absent.recall, absent.f1, absent.support) == (0, 0, 0, 0)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(1, 31), classes=st.integers(2, 7), seed=st.integers(0, 2**32 - 1))
def test_confusion_matrix_and_table_are_those_of_scikit_learn(n, classes, seed):
    rng = np.random.default_rng(seed)
    labels, predictions = rng.integers(0, classes, (2, n))
    every = np.arange(classes)
    confusion = confusion_matrix(labels, predictions, classes)
    np.testing.assert_array_equal(
        confusion, sklearn_metrics.confusion_matrix(labels, predictions, labels=every)
    )
    expected = sklearn_metrics.precision_recall_fscore_support(
        labels, predictions, labels=every, zero_division=0
    )
    rows = [(row.precision, row.recall, row.f1, row.support) for row in per_class(confusion)]
    np.testing.assert_allclose(rows, np.transpose(expected), rtol=1e-12)
