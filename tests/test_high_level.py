"""Dataset, loss and metric in paddle.Model.fit, by value."""

import numpy as np
import paddle
import pytest

from paddle_aug.errors import UserError
from paddle_aug.high_level import NewDraws, SoftLabelAccuracy, SoftLabelDataset, SoftLabelLoss
from tests.helpers import policy, view


def mixed(count: int = 23, **settings) -> SoftLabelDataset:
    cutmix = policy("cutmix", partner="dataset", probability=0.5)
    scaled = {"mean": [0.5], "std": [0.5]}
    return SoftLabelDataset(view(count, mix=cutmix, **{**scaled, **settings}), 3)


def test_items_are_float_images_and_distributions_that_weigh_the_pixels():
    data = SoftLabelDataset(view(23, mix=policy("cutmix", partner="dataset", probability=0.5)), 3)
    soft = 0
    for index in range(23):
        image, label = data[index]
        assert (image.shape, image.dtype, label.dtype) == ((3, 8, 8), np.float32, np.float32)
        assert label.sum() == pytest.approx(1)
        values, counts = np.unique(image[0], return_counts=True)
        if len(values) == 2 and label.max() < 1:
            soft += 1
            assert label[index % 3] in counts / 64
    assert soft > 2


def test_an_image_is_drawn_anew_in_each_reading_and_the_same_in_each_run():
    first, second = mixed(), mixed()
    readings = [first[4][0] for _ in range(3)]
    assert not np.array_equal(readings[0], readings[1])
    for reading in readings:
        np.testing.assert_array_equal(reading, second[4][0])


def test_the_accuracy_counts_the_share_of_the_label_and_weighs_batches_by_size():
    metric = SoftLabelAccuracy()
    labels = np.array([[0.75, 0.25, 0], [0, 0.4, 0.6], [1, 0, 0]], np.float32)
    scores = np.array([[3, 1, 0], [0, 2, 1], [0, 0, 5]], np.float32)
    parts = metric.compute(paddle.to_tensor(scores), paddle.to_tensor(labels))
    assert metric.update(*(part.numpy() for part in parts)) == pytest.approx((0.75 + 0.4 + 0) / 3)
    metric.update(np.array([2]), np.array([2]))
    assert metric.accumulate() == pytest.approx((0.75 + 0.4 + 0 + 1) / 4)
    metric.reset()
    assert np.isnan(metric.accumulate())


def test_plain_labels_in_a_column_give_the_plain_accuracy_and_loss():
    scores = paddle.to_tensor(np.array([[2, 0], [0, 3], [1, 0]], np.float32))
    column = paddle.to_tensor(np.array([[0], [1], [1]]))
    metric = SoftLabelAccuracy()
    metric.update(*(part.numpy() for part in metric.compute(scores, column)))
    assert metric.accumulate() == pytest.approx(2 / 3)
    expected = np.mean([np.log(1 + np.exp(-2)), np.log(1 + np.exp(-3)), np.log(1 + np.exp(1))])
    assert float(SoftLabelLoss()(scores, column)) == pytest.approx(expected, rel=1e-6)


def fit(epochs: int, new_draws: bool):
    """paddle.Model.fit of a linear model that does not learn: ((loss, accuracy) of each epoch, its
    weight)."""
    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(192, 3))
    weight = network[1].weight.numpy()
    model = paddle.Model(network)
    optimizer = paddle.optimizer.SGD(0.0, parameters=network.parameters())
    model.prepare(optimizer, SoftLabelLoss(), SoftLabelAccuracy())
    rows = []

    class Keep(paddle.callbacks.Callback):
        def on_epoch_end(self, epoch, logs=None):
            rows.append((float(np.ravel(logs["loss"])[0]), logs["acc"]))

    data = mixed()
    callbacks = [Keep(), *([NewDraws(data)] if new_draws else [])]
    model.fit(
        data, batch_size=5, epochs=epochs, verbose=0, shuffle=False, callbacks=callbacks
    )  # fmt: skip
    return rows, weight


def by_hand(weight: np.ndarray, epoch: int) -> tuple[float, float]:
    """(loss of the last batch, accuracy) of an epoch with weights that do not change."""
    data = mixed()
    data.epoch = epoch
    images, labels = (np.stack(part) for part in zip(*(data[i] for i in range(23)), strict=True))
    logits = images.reshape(23, -1).astype(np.float64) @ weight
    log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
    hits = labels[np.arange(23), logits.argmax(1)]
    return -(labels * log_p).sum(1)[-3:].mean(), hits.mean()


@pytest.mark.parametrize("new_draws", [False, True])
def test_model_fit_trains_on_the_soft_labels_and_reports_the_right_figures(new_draws):
    rows, weight = fit(2, new_draws)
    for epoch in (0, 1):
        loss, accuracy = by_hand(weight, epoch)
        assert rows[epoch][0] == pytest.approx(loss, rel=1e-5)
        assert rows[epoch][1] == pytest.approx(accuracy, rel=1e-6)
    assert rows[0] != rows[1]


def test_model_fit_updates_the_weights_by_the_gradient_of_the_soft_labels():
    paddle.seed(0)
    network = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(192, 3))
    before = network[1].weight.numpy().astype(np.float64)
    model = paddle.Model(network)
    optimizer = paddle.optimizer.SGD(0.1, parameters=network.parameters())
    model.prepare(optimizer, SoftLabelLoss(), SoftLabelAccuracy())
    model.fit(mixed(), batch_size=23, epochs=1, verbose=0)
    data = mixed()
    images, labels = (np.stack(part) for part in zip(*(data[i] for i in range(23)), strict=True))
    inputs = images.reshape(23, -1).astype(np.float64)
    odds = np.exp(inputs @ before)
    gradient = inputs.T @ (odds / odds.sum(1, keepdims=True) - labels) / 23
    np.testing.assert_allclose(
        network[1].weight.numpy(), before - 0.1 * gradient, rtol=1e-4, atol=1e-6
    )


def test_worker_processes_without_the_callback_would_repeat_themselves_and_are_refused(monkeypatch):
    data = mixed()
    monkeypatch.setattr(paddle.io, "get_worker_info", lambda: object())
    with pytest.raises(UserError, match="NewDraws"):
        data[0]
    NewDraws(data).on_epoch_begin(3)
    data[0]
