"""Dataset, loss and metric in paddle.Model.fit, by value."""

import re
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.train.model_fit import (
    NewDraws,
    SoftLabelAccuracy,
    SoftLabelDataset,
    SoftLabelLoss,
    soft_label_datasets,
)
from tests.helpers import policy, view

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "model_fit.md"


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


@pytest.fixture
def pictures(tmp_path) -> np.ndarray:
    """uint8 [15, 32, 32, 3] of noise, also in data/train.csv, of 3 classes in turn."""
    images = np.random.default_rng(4).integers(0, 256, (15, 32, 32, 3), np.uint8)
    (tmp_path / "data").mkdir()
    for number, image in enumerate(images):
        cv2.imwrite(str(tmp_path / "data" / f"{number}.png"), image[:, :, ::-1])
    rows = [f"{number}.png,{number % 3}" for number in range(15)]
    (tmp_path / "data" / "train.csv").write_text("\n".join(["image,label", *rows]))
    return images


def test_the_documents_example_trains_on_a_csv(pictures, tmp_path, monkeypatch, capsys):
    text = DOCUMENT.read_text(encoding="utf-8")
    (code,) = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    assert code.count("256") == 2
    monkeypatch.chdir(tmp_path)
    names = {}
    exec(code.replace("256", "32"), names)
    train, evaluation, model = (names[name] for name in ("train", "evaluation", "model"))

    shown = capsys.readouterr().out
    assert "Epoch 2/2" in shown
    losses = [float(value) for value in re.findall(r"loss: (\S+) - acc", shown)]
    accuracies = [float(value) for value in re.findall(r"acc: (\S+)", shown)]
    assert len(losses) == len(accuracies) >= 4
    assert np.isfinite(losses).all() and min(losses) > 0 and max(losses) < 50
    assert 0 <= min(accuracies) <= max(accuracies) <= 1

    assert (len(train), len(evaluation), train.num_classes) == (12, 3, 3)
    images, labels = next(iter(paddle.io.DataLoader(train, batch_size=8)))
    assert (images.shape, labels.shape) == ([8, 3, 32, 32], [8, 3])
    np.testing.assert_allclose(labels.sum(1).numpy(), 1, rtol=1e-6)

    pixels = (pictures[12:].transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
    names["network"].eval()
    predicted = names["network"](paddle.to_tensor(pixels.astype(np.float32))).numpy().argmax(1)
    result = model.evaluate(evaluation, batch_size=2, verbose=0)
    assert result["acc"] == pytest.approx(np.mean(predicted == [0, 1, 2]))


def test_datasets_of_options_mix_a_fifth_of_the_training_images_alone(pictures, tmp_path):
    options = {"data": str(tmp_path / "data" / "train.csv"), "image_size": 32, "cache": False}
    train, evaluation = soft_label_datasets(**options, augment="cutmix", mix_prob=0.2)
    clean = (pictures.transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
    mixed = 0
    for epoch in range(20):
        train.epoch = epoch
        for index in range(12):
            image, label = train[index]
            own = np.isclose(image, clean[index], atol=1e-6).all(0).mean()
            mixed += own < 1
            assert label.sum() == pytest.approx(1)
            # At least what is left of the image; its partner may be of the same class.
            assert label[index % 3] >= own - 0.01
            if label[index % 3] < 1:
                assert label[index % 3] == pytest.approx(own, abs=0.01)
    assert 0.14 < mixed / 240 < 0.26
    for index in range(3):
        image, label = evaluation[index]
        np.testing.assert_allclose(image, clean[12 + index], atol=1e-6)
        assert label.tolist() == np.eye(3)[(12 + index) % 3].tolist()


def test_evaluation_images_need_no_callback_in_worker_processes(pictures, tmp_path, monkeypatch):
    _, evaluation = soft_label_datasets(
        data=str(tmp_path / "data" / "train.csv"), image_size=32, cache=False, augment="no"
    )
    monkeypatch.setattr(paddle.io, "get_worker_info", lambda: object())
    assert evaluation[1][1].tolist() == [0, 1, 0]


def test_oversampling_makes_images_of_small_classes_to_train_on(tmp_path, capsys):
    pytest.importorskip("imblearn")
    images = np.random.default_rng(4).integers(0, 256, (14, 32, 32, 3), np.uint8)
    labels = np.array([0] * 7 + [1] * 4 + [0] * 2 + [1])
    np.savez(tmp_path / "set.npz", x_train=images[:11], y_train=labels[:11],
             x_test=images[11:], y_test=labels[11:])  # fmt: skip
    options = {"data": str(tmp_path / "set.npz"), "image_size": 32, "augment": "no"}
    plain, _ = soft_label_datasets(**options)
    train, evaluation = soft_label_datasets(**options, oversample="smote")
    assert "SMOTE: 3 images made, 14 in all" in capsys.readouterr().out.splitlines()
    assert (len(plain), len(train), len(evaluation)) == (11, 14, 3)
    assert np.sum([train[index][1] for index in range(14)], axis=0).tolist() == [7, 7]
    for index in range(11):
        np.testing.assert_array_equal(train[index][0], plain[index][0])


def test_options_that_have_no_effect_here_are_said(capsys):
    soft_label_datasets(data="digits", augment="cutmix", pairs="replacement", pairing_start=0)
    notes = [line for line in capsys.readouterr().out.splitlines() if line.startswith("note")]
    assert notes == [
        "note: --pairs has no effect with --partner dataset: partners are drawn image by image",
        "note: --pairing-start 0 has no effect: without it the same epochs mix",
    ]


def test_an_order_of_images_is_refused_where_there_is_only_a_dataset():
    with pytest.raises(UserError, match=r"^sampling: .* give oversample=\"smote\", or .*Sampler$"):
        soft_label_datasets(data="digits", augment="no", sampling="balanced")


def test_mixing_in_the_batch_is_refused_where_there_is_only_a_dataset():
    with pytest.raises(UserError, match=r'mixup mixes in the batch.*partner="dataset"'):
        soft_label_datasets(data="digits", augment="mixup")
