"""Criteria against formulas written out in NumPy."""

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_aug.core.errors import UserError
from paddle_aug.train.losses import build_criterion, cross_entropy, mixed_loss, smooth_labels

RNG = np.random.default_rng(17)
LOGITS = RNG.normal(0, 3, (5, 7)).astype(np.float32)
LABELS = np.array([0, 6, 3, 3, 1])
OTHERS = np.array([2, 6, 0, 5, 4])
SOFT = RNG.dirichlet(np.ones(7), 5).astype(np.float32)
LOG_P = LOGITS - np.log(np.exp(LOGITS.astype(np.float64)).sum(1, keepdims=True))
P = np.exp(LOG_P)
ROWS = np.arange(5)


def run(criterion, target: np.ndarray, logits: np.ndarray = LOGITS) -> np.ndarray:
    loss = criterion(paddle.to_tensor(logits), paddle.to_tensor(target))
    assert loss.shape == [len(logits)] and loss.dtype == paddle.float32
    return loss.numpy()


def test_cross_entropy_of_labels_is_minus_the_log_of_their_probability():
    np.testing.assert_allclose(run(build_criterion(), LABELS), -LOG_P[ROWS, LABELS], rtol=1e-5)


def test_cross_entropy_of_distributions_is_the_mean_over_them():
    np.testing.assert_allclose(run(build_criterion(), SOFT), -(SOFT * LOG_P).sum(1), rtol=1e-5)


def test_label_smoothing_spreads_its_share_over_all_classes():
    smooth = np.full((5, 7), 0.1 / 7)
    smooth[ROWS, LABELS] += 0.9
    criterion = build_criterion(label_smoothing=0.1)
    np.testing.assert_allclose(run(criterion, LABELS), -(smooth * LOG_P).sum(1), rtol=1e-5)
    expected = -((0.9 * SOFT + 0.1 / 7) * LOG_P).sum(1)
    np.testing.assert_allclose(run(criterion, SOFT), expected, rtol=1e-5)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.0])
def test_focal_loss_weights_each_sample_by_its_doubt(gamma):
    criterion = build_criterion("focal", focal_gamma=gamma)
    p = P[ROWS, LABELS]
    np.testing.assert_allclose(run(criterion, LABELS), (1 - p) ** gamma * -np.log(p), rtol=1e-4)
    expected = (SOFT * (1 - P) ** gamma * -LOG_P).sum(1)
    np.testing.assert_allclose(run(criterion, SOFT), expected, rtol=1e-4)


def test_focal_loss_and_label_smoothing_work_together():
    smooth = np.full((5, 7), 0.2 / 7)
    smooth[ROWS, LABELS] += 0.8
    criterion = build_criterion("focal", label_smoothing=0.2, focal_gamma=2)
    np.testing.assert_allclose(
        run(criterion, LABELS), (smooth * (1 - P) ** 2 * -LOG_P).sum(1), rtol=1e-4
    )


def test_focal_loss_with_gamma_zero_is_cross_entropy():
    focal = build_criterion("focal", focal_gamma=0)
    np.testing.assert_allclose(run(focal, LABELS), run(build_criterion(), LABELS), rtol=1e-5)


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
@pytest.mark.parametrize("gamma", [0.0, 0.5, 2.0])
def test_certain_predictions_have_finite_losses_and_gradients(name, gamma):
    logits = paddle.to_tensor(np.array([[30, -30, 0], [-30, 30, 0]], np.float32))
    logits.stop_gradient = False
    loss = build_criterion(name, focal_gamma=gamma)(logits, paddle.to_tensor([0, 0]))
    loss.sum().backward()
    np.testing.assert_allclose(loss.numpy(), [0, 60], atol=1e-4)
    assert np.isfinite(logits.grad.numpy()).all()


def test_half_precision_logits_are_computed_in_float32():
    loss = cross_entropy(paddle.to_tensor(LOGITS).astype("float16"), paddle.to_tensor(LABELS))
    assert loss.dtype == paddle.float32
    np.testing.assert_allclose(loss.numpy(), -LOG_P[ROWS, LABELS], rtol=5e-3)


CRITERIA = {
    "cross entropy": build_criterion(),
    "label smoothing": build_criterion(label_smoothing=0.3),
    "focal": build_criterion("focal", focal_gamma=1.5),
}


def mixed(criterion, lam, y_a: np.ndarray = LABELS, y_b: np.ndarray = OTHERS) -> float:
    tensors = (paddle.to_tensor(x) for x in (LOGITS, y_a, y_b))
    loss = mixed_loss(criterion, *tensors, lam)
    assert loss.shape == []
    return float(loss)


@pytest.mark.parametrize("name", CRITERIA)
def test_mixed_loss_blends_any_criterion_by_lam(name):
    a, b = (run(CRITERIA[name], labels) for labels in (LABELS, OTHERS))
    assert mixed(CRITERIA[name], 0.3) == pytest.approx((0.3 * a + 0.7 * b).mean(), rel=1e-5)
    lam = np.array([0, 1, 0.25, 0.5, 0.9])
    expected = (lam * a + (1 - lam) * b).mean()
    assert mixed(CRITERIA[name], lam) == pytest.approx(expected, rel=1e-5)
    assert mixed(CRITERIA[name], paddle.to_tensor(lam)) == pytest.approx(expected, rel=1e-5)


def test_mixed_loss_with_lam_one_never_looks_at_the_second_label():
    impossible = np.full(5, 99)
    assert mixed(CRITERIA["focal"], 1.0, y_b=impossible) == mixed(CRITERIA["focal"], 1.0)


@settings(max_examples=25, deadline=None)
@given(lam=st.floats(0, 1), smoothing=st.floats(0, 0.9))
def test_blending_losses_equals_the_loss_of_the_blended_labels(lam, smoothing):
    """Cross entropy is linear in the target, so the batch form and soft labels agree."""
    criterion = build_criterion(label_smoothing=smoothing)
    soft = np.zeros((5, 7), np.float32)
    soft[ROWS, LABELS] += lam
    soft[ROWS, OTHERS] += 1 - lam
    assert mixed(criterion, lam) == pytest.approx(run(criterion, soft).mean(), rel=1e-4)


def test_smooth_labels_sum_to_one_and_keep_the_class_on_top():
    smooth = smooth_labels(paddle.to_tensor(LABELS), 7, 0.4).numpy()
    np.testing.assert_allclose(smooth.sum(1), 1, rtol=1e-6)
    np.testing.assert_array_equal(smooth.argmax(1), LABELS)
    assert smooth[0, 1] == pytest.approx(0.4 / 7)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "hinge"}, "criterion: 'hinge' is none of cross_entropy, focal"),
        ({"label_smoothing": 1.0}, r"label_smoothing: must be in \[0, 1\), got 1.0"),
        ({"focal_gamma": -0.5}, "focal_gamma: must be 0 or more, got -0.5"),
    ],
)
def test_wrong_settings_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        build_criterion(**arguments)
