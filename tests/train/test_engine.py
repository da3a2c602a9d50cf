"""Training steps and evaluation by value, against plain Paddle code."""

import numpy as np
import paddle
import pytest

from paddle_aug.augment.policies import build_policy
from paddle_aug.batches.augmented import collate
from paddle_aug.batches.loader import Loader
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas as mixing
from paddle_aug.mix.methods import METHODS
from paddle_aug.train.engine import Trainer, evaluate, score, train_step
from paddle_aug.train.learning_rate import LearningRate
from paddle_aug.train.losses import build_criterion
from paddle_aug.train.metrics import TrainingMeters
from tests.helpers import policy, view


def make_trainer(mix=None, lr=0.1) -> Trainer:
    paddle.seed(0)
    with paddle.utils.unique_name.guard():
        model = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(192, 3))
        optimizer = paddle.optimizer.SGD(lr, parameters=model.parameters())
    return Trainer(
        config=Config(seed=5), model=model, optimizer=optimizer, criterion=build_criterion(),
        schedule=LearningRate("constant", lr, 10, 3), mix=mix, ema=None, scaler=None,
        source=lambda epoch, i: f"image {i} of epoch {epoch}",
    )  # fmt: skip


def scaled_view(**settings):
    return view(mean=[0.5], std=[0.5], **settings)


def cross_entropy(logits, labels):
    shifted = logits - logits.max(1, keepdims=True)
    return np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]


@pytest.mark.parametrize("method", [None, *METHODS])
def test_a_step_is_the_blended_loss_of_the_mixed_batch_and_one_update(method):
    mix = policy(method) if method else None
    trainer = make_trainer(mix)
    weight, bias = (p.numpy().astype(np.float64) for p in trainer.model.parameters())
    batch = collate(scaled_view(), 2, np.array([4, 5, 6, 7, 9]))
    images, first, second, lam = batch.images, batch.labels, batch.labels, 1.0
    if mix:
        images, first, second, lam = mix.mix_batch(images, first, stream(5, 2, 7, "mix"))
    x = images.reshape(5, -1).astype(np.float64)
    logits = x @ weight + bias
    loss = np.mean(lam * cross_entropy(logits, first) + (1 - lam) * cross_entropy(logits, second))
    probabilities = np.exp(logits - logits.max(1, keepdims=True))
    probabilities /= probabilities.sum(1, keepdims=True)
    targets = mixing.soft_targets(first, second, lam, 3)
    gradient = x.T @ (probabilities - targets) / 5

    meters = TrainingMeters()
    value = train_step(trainer, batch, epoch=2, step=7, meters=meters)

    assert value == pytest.approx(loss, rel=1e-5)
    np.testing.assert_allclose(
        trainer.model[1].weight.numpy(), weight - 0.1 * gradient, rtol=1e-4, atol=1e-5
    )
    predicted = logits.argmax(1)
    hits = lam * (predicted == first) + (1 - lam) * (predicted == second)
    assert meters.accuracy_mixed.value == pytest.approx(hits.mean())
    assert meters.accuracy.value == pytest.approx(np.mean(predicted == first))
    assert meters.loss.weight == 5


def test_dropout_depends_on_the_step_only():
    def losses(repeat):
        trainer = make_trainer()
        trainer.model = paddle.nn.Sequential(
            paddle.nn.Flatten(), paddle.nn.Dropout(0.5), trainer.model[1]
        )
        batch = collate(scaled_view(), 0, np.arange(6))
        if repeat:
            paddle.rand([17])  # whatever ran before must not matter
        return [train_step(trainer, batch, 0, s, TrainingMeters()) for s in (3, 3, 4)]

    assert losses(False) == losses(True)


def test_a_loss_that_is_not_finite_stops_with_place_and_images():
    trainer = make_trainer()
    trainer.model[1].weight.set_value(np.full((192, 3), np.nan, np.float32))
    batch = collate(scaled_view(), 0, np.array([3, 8]))
    with pytest.raises(
        UserError, match=r"nan at epoch 2, batch 4 \(images: image 3 of .*image 8 of"
    ):
        train_step(trainer, batch, 2, 4, TrainingMeters())


def test_every_image_of_the_batch_is_named_and_what_was_mixed_into_it():
    data = scaled_view(mix=policy("cutmix", partner="dataset"))
    loader = Loader(data, 23, shuffle=False)
    for index in range(23):
        sample = data[2, index]
        own, partner = loader.source(2, index).split(" with ")
        assert own == f"numbered[{index}]"
        assert sample.partner_label == int(partner.removeprefix("numbered[").rstrip("]")) % 3
    trainer = make_trainer()
    trainer.source = loader.source
    trainer.model[1].weight.set_value(np.full((192, 3), np.inf, np.float32))
    with pytest.raises(UserError) as error:
        train_step(trainer, next(loader.epoch(0)), 0, 0, TrainingMeters())
    for index in range(23):
        assert f"numbered[{index}] with numbered[" in str(error.value)


def test_long_batches_are_named_in_part_and_counted():
    trainer = make_trainer()
    trainer.model[1].weight.set_value(np.full((192, 3), np.nan, np.float32))
    batch = collate(scaled_view(count=70), 0, np.arange(70))
    with pytest.raises(UserError, match=r"image 63 of epoch 0 and 6 more\)"):
        train_step(trainer, batch, 0, 0, TrainingMeters())


@pytest.mark.filterwarnings("ignore:invalid value")
def test_an_evaluation_that_is_not_finite_names_its_images():
    model = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(192, 3))
    model[1].weight.set_value(np.full((192, 3), 3e38, np.float32))
    loader = Loader(view(transform=build_policy("no")), 10, shuffle=False)  # image 0 is all zeros
    with pytest.raises(
        UserError, match=r"not finite for 22 of 23 images \(numbered\[1\], .*intact"
    ):
        evaluate(model, loader)


def test_evaluation_weights_the_short_last_batch_by_its_size():
    trainer = make_trainer()
    loader = Loader(scaled_view(), 10, shuffle=False)
    result = evaluate(trainer.model, loader)
    images = collate(scaled_view(), 0, np.arange(23))
    logits = trainer.model(paddle.to_tensor(images.images)).numpy()
    np.testing.assert_allclose(result.logits, logits, rtol=1e-5, atol=1e-5)
    assert result.loss == pytest.approx(
        cross_entropy(logits.astype(np.float64), images.labels).mean(), rel=1e-6
    )
    assert result.accuracy == np.mean(logits.argmax(1) == images.labels)


def test_evaluation_switches_dropout_off_and_keeps_the_weights():
    trainer = make_trainer()
    model = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Dropout(0.9), trainer.model[1])
    before = model.state_dict()["2.weight"].numpy()
    loader = Loader(scaled_view(), 10, shuffle=False)
    first, second = evaluate(model, loader), evaluate(model, loader)
    np.testing.assert_array_equal(first.logits, second.logits)
    np.testing.assert_array_equal(model.state_dict()["2.weight"].numpy(), before)


def test_score_of_known_logits():
    result = score(np.log(np.array([[0.5, 0.25, 0.25], [0.1, 0.1, 0.8]])), np.array([0, 1]))
    assert result.loss == pytest.approx(-(np.log(0.5) + np.log(0.1)) / 2)
    assert result.accuracy == 0.5


def test_score_of_large_logits_is_finite_and_a_loss_of_zero_has_no_sign():
    right, wrong = (
        score(np.array([[1000.0, -1000.0]], np.float32), np.array([label])) for label in (0, 1)
    )
    assert str(right.loss) == "0.0"
    assert wrong.loss == 2000.0
