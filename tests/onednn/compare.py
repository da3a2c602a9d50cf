"""Running a model both ways and comparing everything that comes out."""

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import paddle
from paddle import nn

from paddle_aug.onednn import accelerate


@dataclass
class Results:
    """What a step gives: output, gradients by parameter name ("x" too), state after the step."""

    output: np.ndarray
    gradients: dict[str, np.ndarray]
    state: dict[str, np.ndarray]


def images(*shape: int, seed: int = 0, dtype: str = "float32") -> paddle.Tensor:
    """Normal values, the same for the same seed."""
    return paddle.to_tensor(np.random.default_rng(seed).normal(0, 1, shape).astype(dtype))


def scramble(model: nn.Layer, seed: int = 1) -> nn.Layer:
    """Give every trained parameter random values, so that no bias or scale is 0 or 1."""
    rng = np.random.default_rng(seed)
    for parameter in model.parameters():
        if not parameter.stop_gradient:
            fan_in = int(np.prod(parameter.shape[1:])) if len(parameter.shape) > 1 else 4
            values = rng.normal(0, (2 / fan_in) ** 0.5, parameter.shape)
            parameter.set_value(values.astype(np.float32))
    return model


def step(
    run: Callable[[paddle.Tensor], paddle.Tensor],
    model: nn.Layer,
    x: paddle.Tensor,
    input_gradient: bool = True,
) -> Results:
    """One forward and backward pass of `run`, with gradients copied out and cleared."""
    x = x.detach().clone()
    x.stop_gradient = not input_gradient
    output = run(x)
    weights = images(*output.shape, seed=99).astype(output.dtype)
    (output * weights).sum().backward()
    gradients = {}
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            gradients[name] = copied(parameter.grad)
    if input_gradient:
        gradients["x"] = copied(x.grad)
    state = {name: copied(value) for name, value in model.state_dict().items()}
    for parameter in model.parameters():
        parameter.clear_gradient(set_to_zero=False)
    return Results(copied(output), gradients, state)


def copied(tensor: paddle.Tensor) -> np.ndarray:
    """The values in memory of their own."""
    # A gradient is a part of one block, all of which `numpy` would copy and keep.
    return tensor.clone().numpy()


def distance(found: np.ndarray, wanted: np.ndarray) -> float:
    """Relative distance in the 2-norm."""
    assert found.shape == wanted.shape
    return float(np.linalg.norm(found - wanted) / max(np.linalg.norm(wanted), 1e-12))


def assert_equal_step(
    model: nn.Layer,
    x: paddle.Tensor,
    amp: str | None = None,
    tolerance: float = 1e-5,
    planned: bool = True,
    input_gradient: bool = True,
) -> None:
    """A step of the accelerated model gives what a step of the plain one gives."""
    plain = copy.deepcopy(model)
    fast = accelerate(model, amp)
    wanted = step(plain, plain, x, input_gradient)
    found = step(fast, model, x, input_gradient)
    assert fast._backend.is_planned() == planned
    assert distance(found.output, wanted.output) <= tolerance
    assert found.gradients.keys() == wanted.gradients.keys()
    for name, gradient in wanted.gradients.items():
        assert distance(found.gradients[name], gradient) <= tolerance, name
    for name, value in wanted.state.items():
        assert distance(found.state[name], value) <= tolerance, name
