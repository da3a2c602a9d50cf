"""accelerate(model): the function through which the rest of the project uses this package."""

import logging

import paddle

from paddle_aug.core.cpu import cpu_flags
from paddle_aug.onednn.accelerated import DTYPES, make
from paddle_aug.onednn.native import library as dnn

logger = logging.getLogger("paddle_aug.onednn")


def is_available(amp: str | None = None) -> str | None:
    """None if `accelerate` works on this machine, else what is not supported.

    amp: None for float32, "bf16" for bfloat16 activations. Raises UserError if everything needed is
    there but the results differ from Paddle's.
    """
    if amp not in DTYPES:
        raise ValueError(f"amp is {amp!r}: it must be None or 'bf16'")
    if not paddle.device.get_device().startswith("cpu"):
        return f"the device is {paddle.device.get_device()}, not the CPU"
    if amp == "bf16" and "avx512_bf16" not in cpu_flags():
        return "this processor has no bfloat16 instructions (avx512_bf16)"
    if not hasattr(paddle, "pir"):
        return "this version of Paddle cannot list a model's operations (3.0 and later can)"
    try:
        dnn.library()
    except dnn.NotSupported as error:
        return str(error)
    from paddle_aug.onednn.selfcheck import missing_operation

    return missing_operation(amp)


def attainable(amp: str | None) -> tuple[str | None, str | None]:
    """(usable precision, reason): `amp` and None, or None (float32) and why `amp` is not supported.
    amp: see `is_available`."""
    reason = is_available(amp) if amp else None
    return (None, reason) if reason else (amp, None)


def accelerate(model: paddle.nn.Layer, amp: str | None = None) -> paddle.nn.Layer:
    """An equal model that is faster on a CPU: oneDNN runs it by a plan for each input shape.

    The result shares layers, parameters and buffers with `model`, so state_dicts, optimizers,
    train() and eval() work on either. Unknown layers run in Paddle, and a log line names them. If
    acceleration is not available the model itself is returned, with a warning on a CPU.
    The forward pass may decide by the modes of its layers and by numbers, words and arrays in
    them, also in lists, sets, dicts and plain objects, which may change between calls; not by what
    lies outside them, such as global variables. A model whose forward pass draws from Python's or
    NumPy's random numbers, whose layers hold a generator of these, or whose numbers change all the
    time, runs in Paddle.
    Gradients are parts of one block, all of which `p.grad.numpy()` would copy;
    `p.grad.clone().numpy()` copies its own part.
    amp: None for float32 throughout; "bf16" for activations in bfloat16, with parameters, their
    gradients and optimizer state in float32. If the processor has no bfloat16, float32 is used,
    with a warning. Raises ValueError for another amp, and UserError where acceleration is available
    and fails.
    """
    precision, missing = attainable(amp)
    reason = is_available(precision)
    if reason is None:
        if missing:
            logger.warning("accelerate: float32 computes, not %s: %s", amp, missing)
        return make(model, precision)
    level = logging.WARNING if paddle.device.get_device().startswith("cpu") else logging.INFO
    logger.log(level, "accelerate: the model runs in Paddle as it is: %s", reason)
    return model
