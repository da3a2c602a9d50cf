"""Compares oneDNN with Paddle on a small model before it is used."""

import functools

import numpy as np
import paddle
from paddle import nn

from paddle_aug.core.errors import UserError
from paddle_aug.core.stopping import held_back
from paddle_aug.onednn import accelerated
from paddle_aug.onednn.accelerated import fault
from paddle_aug.onednn.native.library import NotSupported

# Relative errors in the 2-norm. float32 differs by rounding only; bfloat16 has 8 significant bits.
TOLERANCES = {None: 1e-4, "bf16": 5e-2}


class _SmallCase(nn.Layer):
    """One of each: convolution, normalisation, residual sum, concatenation, pools, linear."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1 = nn.Conv2D(3, 16, 3, padding=1)
        self.norm = nn.BatchNorm2D(16)
        self.conv2 = nn.Conv2D(16, 16, 3, stride=2, padding=1)
        self.conv3 = nn.Conv2D(16, 16, 1)
        self.average = nn.AdaptiveAvgPool2D(1)
        self.linear = nn.Linear(32, 5)

    def forward(self, x: paddle.Tensor) -> paddle.Tensor:
        """x: [N, 3, H, W]; returns [N, 5]."""
        x = nn.functional.relu(self.conv1(x))
        x = nn.functional.max_pool2d(nn.functional.relu(self.norm(x)), 3, 2, 1)
        x = nn.functional.relu(self.conv2(x))
        x = paddle.concat([x, nn.functional.relu(self.conv3(x) + x)], 1)
        return self.linear(paddle.flatten(self.average(x), 1))


@functools.cache
def missing_operation(amp: str | None) -> str | None:
    """None if the small model has the same results in both, else what oneDNN does not support.

    Raises UserError if the results differ, or the check fails for another reason, instead of
    training slowly with Paddle's own kernels.
    """
    state, default = paddle.get_rng_state(), paddle.get_default_dtype()
    paddle.set_default_dtype("float32")
    try:
        with paddle.utils.unique_name.guard(), paddle.enable_grad(), held_back():
            return _compare(amp)
    except UserError:
        raise
    except Exception as error:
        raise fault(f"the self-check failed ({type(error).__name__}: {error})") from error
    finally:
        paddle.set_default_dtype(default)
        paddle.set_rng_state(state)


def _compare(amp: str | None) -> str | None:
    rng = np.random.default_rng(0)
    model = _SmallCase()
    for parameter in _trained(model).values():
        parameter.set_value(rng.normal(0, 0.3, parameter.shape).astype(np.float32))
    x = paddle.to_tensor(rng.normal(0, 1, (3, 3, 11, 9)).astype(np.float32))
    weights = paddle.to_tensor(rng.normal(0, 1, (3, 5)).astype(np.float32))
    planned = accelerated.make(model, amp)
    expected, found = (_results(each, model, x, weights) for each in (model, planned))
    if not planned._backend.is_planned():
        refusal = planned._backend.refusal
        if isinstance(refusal, NotSupported):
            return str(refusal)
        raise fault(f"the self-check's model could not be planned ({refusal})")
    for name, want in expected.items():
        error = float(np.linalg.norm(found[name] - want) / max(np.linalg.norm(want), 1e-20))
        if not error <= TOLERANCES[amp]:
            raise fault(f"the self-check's {name} differs from Paddle's by {error:.1e}")
    return None


def _results(
    run: nn.Layer, model: nn.Layer, x: paddle.Tensor, weights: paddle.Tensor
) -> dict[str, np.ndarray]:
    output = run(x)
    (output * weights).sum().backward()
    results = {"output": output.numpy()}
    for name, parameter in _trained(model).items():
        assert parameter.grad is not None, f"{name} has no gradient"
        results[f"gradient of {name}"] = parameter.grad.clone().numpy()
    model.clear_gradients()
    return results


def _trained(model: nn.Layer) -> dict[str, paddle.Tensor]:
    # Without the statistics of batch normalisation, which Paddle lists among the parameters.
    return {name: p for name, p in model.named_parameters() if not p.stop_gradient}
