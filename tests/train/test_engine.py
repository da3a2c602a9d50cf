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
from paddle_aug.train.distributed import Ranks
from paddle_aug.train.ema import ExponentialMovingAverage
from paddle_aug.train.engine import (
    Progress,
    Trainer,
    evaluate,
    predict,
    score,
    train_one_epoch,
    train_step,
)
from paddle_aug.train.learning_rate import LearningRate
from paddle_aug.train.losses import build_criterion
from paddle_aug.train.metrics import TrainingMeters
from paddle_aug.train.state import capture
from tests.helpers import policy, view
from tests.stand_in_gpu import StandInGpu


def make_trainer(mix=None, lr=0.1) -> Trainer:
    paddle.seed(0)
    with paddle.utils.unique_name.guard():
        model = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(192, 3))
        optimizer = paddle.optimizer.SGD(lr, parameters=model.parameters())
    return Trainer(
        config=Config(seed=5), model=model, optimizer=optimizer, criterion=build_criterion(),
        learning_rates=LearningRate("constant", lr, 10, 3), mix=mix, ema=None, scaler=None,
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
    meters.add_sums(train_step(trainer, batch, epoch=2, step=7)())

    assert meters.loss.value == pytest.approx(loss, rel=1e-5)
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
        return [train_step(trainer, batch, 0, s)()[0] for s in (3, 3, 4)]

    assert losses(False) == losses(True)


def test_a_loss_that_is_not_finite_stops_with_place_and_images():
    trainer = make_trainer()
    trainer.model[1].weight.set_value(np.full((192, 3), np.nan, np.float32))
    batch = collate(scaled_view(), 0, np.array([3, 8]))
    with pytest.raises(
        UserError, match=r"nan at epoch 2, batch 4 \(images: image 3 of .*image 8 of"
    ):
        train_step(trainer, batch, 2, 4)()


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
        train_step(trainer, next(loader.epoch(0)), 0, 0)()
    for index in range(23):
        assert f"numbered[{index}] with numbered[" in str(error.value)


def test_long_batches_are_named_in_part_and_counted():
    trainer = make_trainer()
    trainer.model[1].weight.set_value(np.full((192, 3), np.nan, np.float32))
    batch = collate(scaled_view(count=70), 0, np.arange(70))
    with pytest.raises(UserError, match=r"image 63 of epoch 0 and 6 more\)"):
        train_step(trainer, batch, 0, 0)()


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
    predicted, _ = predict(trainer.model, loader)
    np.testing.assert_allclose(predicted, logits, rtol=1e-5, atol=1e-5)
    assert result.loss == pytest.approx(
        cross_entropy(logits.astype(np.float64), images.labels).mean(), rel=1e-6
    )
    assert result.accuracy == np.mean(logits.argmax(1) == images.labels)


class OfTwo(Ranks):
    """The second of two processes; the first one evaluates the same images."""

    def __init__(self):
        super().__init__(1, 2)
        self.done: list[str] = []

    def meet(self, wait=True):
        self.done.append("meet")

    def sum(self, values):
        self.done.append("sum")
        return 2 * np.array(values, np.float64)


def test_processes_meet_after_an_evaluation_as_an_exchange_waits_for_30_seconds_only():
    trainer, ranks = make_trainer(), OfTwo()
    loader = Loader(scaled_view(), 10, shuffle=False)
    alone, shared = evaluate(trainer.model, loader), evaluate(trainer.model, loader, ranks=ranks)
    assert ranks.done == ["meet", "sum"]
    assert (shared.loss, shared.accuracy) == (pytest.approx(alone.loss), alone.accuracy)


def test_evaluation_switches_dropout_off_and_keeps_the_weights():
    trainer = make_trainer()
    model = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Dropout(0.9), trainer.model[1])
    before = model.state_dict()["2.weight"].numpy()
    loader = Loader(scaled_view(), 10, shuffle=False)
    first, second = predict(model, loader)[0], predict(model, loader)[0]
    np.testing.assert_array_equal(first, second)
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


class Announced(paddle.nn.Layer):
    """A classifier that tells the stand-in of each of its forward passes."""

    def __init__(self, classifier, gpu: StandInGpu):
        super().__init__()
        self.classifier, self.gpu = classifier, gpu

    def forward(self, images):
        self.gpu.launch()
        return self.classifier(images)


IN_TURN = ["launch 0", "launch 1", "read 0", "launch 2", "read 1", "read 2"]
MIXES = {
    "none": None,
    **{f"{m} a batch": policy(m) for m in METHODS},
    **{f"{m} an image": policy(m, draws="image") for m in METHODS},
    **{f"{m} of the data set": policy(m, partner="dataset") for m in METHODS},
}


@pytest.mark.parametrize("mix", MIXES.values(), ids=MIXES)
def test_a_step_is_read_after_the_next_was_launched_and_nothing_waits_for_all(mix, monkeypatch):
    expected, progress = Progress(), Progress()
    loader = Loader(scaled_view(count=17, mix=mix), 6, shuffle=True)
    train_one_epoch(make_trainer(mix), loader, expected, lambda: None)
    trainer = make_trainer(mix)
    gpu = StandInGpu(monkeypatch)
    trainer.model = Announced(trainer.model, gpu)
    train_one_epoch(trainer, loader, progress, lambda: None)
    assert gpu.log == IN_TURN
    assert progress == expected


@pytest.mark.parametrize("name", ["cross_entropy", "focal"])
def test_nothing_waits_in_a_criterion_nor_for_averages_and_clipped_gradients(name, monkeypatch):
    trainer = make_trainer(policy("mixup"))
    trainer.criterion = build_criterion(name, label_smoothing=0.1)
    trainer.ema = ExponentialMovingAverage(trainer.model, 0.9)
    trainer.optimizer = paddle.optimizer.Adam(
        0.1, parameters=trainer.model.parameters(), grad_clip=paddle.nn.ClipGradByGlobalNorm(0.1)
    )
    gpu = StandInGpu(monkeypatch)
    trainer.model = Announced(trainer.model, gpu)
    loader = Loader(scaled_view(count=17), 6, shuffle=True)
    train_one_epoch(trainer, loader, Progress(), lambda: None)
    assert gpu.log == IN_TURN


def test_an_evaluation_reads_a_batch_after_the_next_was_launched(monkeypatch):
    model, loader = make_trainer().model, Loader(scaled_view(count=17), 6, shuffle=False)
    expected = evaluate(model, loader)
    gpu = StandInGpu(monkeypatch)
    found = evaluate(Announced(model, gpu), loader)
    assert gpu.log == IN_TURN
    assert (found.loss, found.accuracy) == (expected.loss, expected.accuracy)


def test_what_is_saved_has_every_step_that_the_weights_have():
    trainer, progress = make_trainer(), Progress()
    counts = []

    def after_step():
        _, state = capture(trainer, progress, {})
        counts.append(state["progress"]["meters"]["loss"]["weight"])

    train_one_epoch(trainer, Loader(scaled_view(count=17), 6, shuffle=True), progress, after_step)
    assert counts == [6, 12, 17]


@pytest.mark.parametrize("saves", [False, True])
def test_a_loss_that_is_not_finite_stops_a_step_later_and_before_anything_is_saved(saves):
    trainer, progress = make_trainer(), Progress()
    done = []

    def after_step():
        if saves:
            capture(trainer, progress, {})
        done.append(progress.step)
        trainer.model[1].weight.set_value(np.full((192, 3), np.nan, np.float32))

    with pytest.raises(UserError, match="nan at epoch 0, batch 1"):
        train_one_epoch(trainer, Loader(scaled_view(), 6, shuffle=True), progress, after_step)
    assert done == ([1] if saves else [1, 2])


def test_outputs_in_bfloat16_are_counted_by_their_values():
    class Halved(paddle.nn.Layer):
        def forward(self, images):
            # The second class is the highest; NumPy would see the bits of bfloat16 as numbers.
            logits = images.flatten(1)[:, :3] * 0 + paddle.to_tensor([-3.0, 1.0, -1.0])
            return logits.astype("bfloat16")

    trainer, meters = make_trainer(), TrainingMeters()
    trainer.model = paddle.nn.Sequential(trainer.model[0], trainer.model[1], Halved())
    meters.add_sums(train_step(trainer, collate(scaled_view(), 0, np.arange(6)), 0, 0)())
    assert meters.accuracy.value == 2 / 6
