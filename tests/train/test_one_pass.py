"""One pass over all parameters gives the bytes of Paddle's own step, in every case."""

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import paddle
import pytest
from paddle import nn
from paddle.base.unique_name import UniqueNameGenerator
from paddle.optimizer import Optimizer
from paddle.utils import unique_name

from models import build_model
from paddle_aug.onednn import accelerate
from paddle_aug.onednn.native.tensors import move
from paddle_aug.train import one_pass, side_by_side
from paddle_aug.train import optimizer as optimizers
from paddle_aug.train.optimizer import OPTIMIZERS, build_optimizer

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "weight decay": {"weight_decay": 0.1},
    "clipped": {"clip_norm": 0.05},
    "head": {"head_lr_ratio": 10.0},
    "all": {"weight_decay": 0.1, "clip_norm": 0.05, "head_lr_ratio": 10.0},
}
KERNELS = {"Adam": "adam_", "AdamW": "adamw_", "SGD": "sgd_", "Momentum": "momentum_"}


def small_model() -> nn.Sequential:
    """Eight parameters, whose sizes are multiples of 8."""
    return nn.Sequential(
        nn.Conv2D(1, 8, 3), nn.ReLU(), nn.MaxPool2D(2, 2), nn.Conv2D(8, 16, 3), nn.ReLU(),
        nn.AdaptiveAvgPool2D(1), nn.Flatten(), nn.Linear(16, 24), nn.ReLU(), nn.Linear(24, 8),
    )  # fmt: skip


def lenet() -> nn.Layer:
    """Of LeNet's ten parameters five have other sizes."""
    return build_model("LeNet", 10, in_channels=1, image_size=32)


class Training:
    """A model over oneDNN, with one of our optimizers or Paddle's own of the same name."""

    def __init__(
        self,
        name: str,
        paddles_own: bool = False,
        make: Callable[[], nn.Layer] = small_model,
        **settings: Any,
    ):
        # Names begin anew, and go on in the first step, which names the optimizer's state.
        self._names = UniqueNameGenerator()
        with pytest.MonkeyPatch.context() as patch, unique_name.guard(self._names):
            if paddles_own:
                patch.setattr(optimizers, name, getattr(paddle.optimizer, name))
            paddle.seed(3)
            self.model = make()
            self.run = accelerate(self.model)
            last = self.model.parameters()[-2:]
            self.optimizer: Optimizer = build_optimizer(
                name, self.model.parameters(), 0.01, head_parameters=last, **settings
            )

    def backward(self, step: int) -> None:
        rng = np.random.default_rng(step)
        images = paddle.to_tensor(rng.normal(0, 1, (6, 1, 32, 32)).astype(np.float32))
        scores = self.run(images)
        weights = paddle.to_tensor(rng.normal(0, 1, scores.shape).astype(np.float32))
        (scores * weights).sum().backward()

    def update(self, step: int) -> None:
        self.optimizer.set_lr(0.01 / (1 + step))
        with unique_name.guard(self._names):
            self.optimizer.step()
        self.optimizer.clear_grad(set_to_zero=False)

    def train(self, *steps: int) -> "Training":
        for step in steps:
            self.backward(step)
            self.update(step)
        return self

    def everything(self) -> dict[str, np.ndarray]:
        values = {**self.model.state_dict(), **self.optimizer.state_dict()}
        return {name: value.numpy() for name, value in values.items()}

    def stretches(self) -> list[int]:
        """Parameters of each Stretch; none where Paddle's own step updates."""
        found = getattr(self.optimizer, "_stretches", None) or ()
        return [len(stretch.parameters) for stretch in found]


def assert_same(found: Training, wanted: Training) -> None:
    left, right = found.everything(), wanted.everything()
    assert list(left) == list(right)
    for name, array in right.items():
        np.testing.assert_array_equal(left[name], array, err_msg=name)


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_weights_and_state_have_the_bytes_of_paddles_step(name, settings):
    ours = Training(name, **settings).train(*range(5))
    assert ours.stretches() == ([2, 6] if "head_lr_ratio" in settings else [8])
    assert_same(ours, Training(name, paddles_own=True, **settings).train(*range(5)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_sizes_of_every_kind_have_the_bytes_of_paddles_step(name):
    ours, own = (Training(name, each, lenet, weight_decay=0.1) for each in (False, True))
    assert_same(ours.train(*range(4)), own.train(*range(4)))
    # Paddle's kernel for SGD rounds otherwise where the size is no multiple of 8.
    assert ours.stretches() == ([] if name == "SGD" else [10])


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_stretch_of_several_pieces_has_them_too(name, monkeypatch):
    monkeypatch.setattr(side_by_side, "PIECE", 128)
    ours, own = (Training(name, each, **SETTINGS["all"]) for each in (False, True))
    assert_same(ours.train(*range(4)), own.train(*range(4)))
    assert len(ours.optimizer._stretches[1].pieces) > 8


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_one_call_of_the_kernel_updates_all(name, monkeypatch):
    calls = []

    class Counting:
        def __getattr__(self, kernel: str) -> Any:
            calls.append(kernel)
            return getattr(paddle._C_ops, kernel)

    monkeypatch.setattr(one_pass, "_kernels", Counting())
    Training(name).train(0, 1)
    assert calls == [KERNELS[name]] * 2


@pytest.mark.parametrize("first", [True, False], ids=["from Paddle's", "into Paddle's"])
@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_saved_state_goes_on_in_either(name, first):
    saved = Training(name, paddles_own=first).train(0, 1, 2)
    resumed = Training(name, paddles_own=not first)
    resumed.model.set_state_dict({n: v.clone() for n, v in saved.model.state_dict().items()})
    state = {n: v.clone() for n, v in saved.optimizer.state_dict().items()}
    resumed.optimizer.set_state_dict(state)
    assert_same(resumed.train(3, 4), Training(name).train(*range(5)))


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_state_loaded_between_two_steps_counts(name):
    trainings = [Training(name, paddles_own=own).train(0, 1, 2) for own in (False, True)]
    for training in trainings:
        state = training.optimizer.state_dict()
        # Powers of beta that are not the same for all: one call cannot do for them.
        values = {n: v * (0.5 if n.startswith("linear") else 0.75) for n, v in state.items()}
        training.optimizer.set_state_dict(values)
        training.train(3, 4)
    assert_same(*trainings)
    assert (trainings[0].stretches() == []) == (name in ("Adam", "AdamW"))


def test_a_resumed_state_with_more_steps_of_some_is_left_to_paddles_step():
    state = Training("Adam").train(0, 1, 2).optimizer.state_dict()
    values = {n: v * (0.5 if n.startswith("linear") else 0.75) for n, v in state.items()}
    trainings = [Training("Adam", paddles_own=own) for own in (False, True)]
    for training in trainings:
        training.optimizer.set_state_dict({n: v.clone() for n, v in values.items()})
        training.train(3, 4)
    assert_same(*trainings)
    assert trainings[0].stretches() == []


def test_a_parameter_that_moved_is_fetched_back():
    ours, own = Training("Adam").train(0, 1), Training("Adam", paddles_own=True).train(0, 1)
    moved = ours.model.parameters()[3]
    move(moved, np.empty(moved.shape, np.float32))
    address = moved.data_ptr()
    assert_same(ours.train(2, 3), own.train(2, 3))
    assert moved.data_ptr() != address
    assert ours.stretches() == [8]


@pytest.mark.parametrize("when", ["before the gradients", "after the gradients"])
def test_a_parameter_frozen_later_stays(when):
    trainings = [Training("Adam", paddles_own=own).train(0, 1) for own in (False, True)]
    for training in trainings:
        frozen = training.model.parameters()[4]
        before = frozen.numpy()
        if when == "after the gradients":
            training.backward(2)
        frozen.stop_gradient = True
        if when == "before the gradients":
            training.backward(2)
        training.update(2)
        np.testing.assert_array_equal(frozen.numpy(), before)
        frozen.stop_gradient = False
        training.train(3, 4)
    assert_same(*trainings)


@pytest.mark.parametrize("change", ["one is missing", "one lies elsewhere", "two are added"])
def test_gradients_of_one_step_that_are_not_as_before(change):
    trainings = [Training("Adam", paddles_own=own).train(0, 1) for own in (False, True)]
    for training in trainings:
        parameter = training.model.parameters()[2]
        training.backward(2)
        if change == "one is missing":
            parameter.grad = None
        else:
            if change == "one lies elsewhere":
                parameter.clear_gradient(set_to_zero=False)
            training.backward(3)
        training.update(2)
    assert_same(*trainings)
    for training in trainings:
        training.train(3, 4)
    assert_same(*trainings)


def test_gradients_that_lie_apart_are_left_to_paddles_step():
    trainings = [Training("Adam", paddles_own=own) for own in (False, True)]
    for training in trainings:
        training.run = training.model
    assert_same(*(training.train(*range(12)) for training in trainings))
    assert trainings[0].stretches() == []


def test_what_a_parameter_asks_for_itself_is_left_to_paddles_step():
    trainings = [Training("SGD", paddles_own=own) for own in (False, True)]
    for training in trainings:
        training.model.parameters()[0].regularizer = paddle.regularizer.L2Decay(0.5)
    assert_same(*(training.train(*range(3)) for training in trainings))
    assert trainings[0].stretches() == []


def test_gradients_stay_as_they_were_computed():
    training = Training("SGD", clip_norm=0.01, weight_decay=0.1).train(0)
    training.backward(1)
    before = [parameter.grad.numpy().copy() for parameter in training.model.parameters()]
    training.optimizer.step()
    for parameter, gradient in zip(training.model.parameters(), before, strict=True):
        np.testing.assert_array_equal(parameter.grad.numpy(), gradient)


class OnGpu:
    """A parameter as it looks on a GPU."""

    place = SimpleNamespace(is_cpu_place=lambda: False)

    def __init__(self, parameter: paddle.Tensor):
        self._parameter = parameter

    def __getattr__(self, name: str) -> Any:
        return getattr(self._parameter, name)


def test_parameters_on_a_gpu_are_left_to_paddles_step(monkeypatch):
    plain = one_pass._is_plain
    monkeypatch.setattr(one_pass, "_is_plain", lambda parameter: plain(OnGpu(parameter)))
    trainings = [Training("Adam", paddles_own=own).train(*range(4)) for own in (False, True)]
    assert_same(*trainings)
    assert trainings[0].stretches() == []
