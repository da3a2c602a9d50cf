"""From options to the device and the model."""

import contextlib
import inspect
import os
import re
from collections.abc import Callable, Sequence
from typing import Any

import paddle
from paddle.version import cuda as cuda_version

from models import VISION_PREFIX, build_model
from models.structure import freeze_backbone
from models.vision import check_image_size
from paddle_aug.build.first_weights import take_weights
from paddle_aug.config import Config
from paddle_aug.core.cpu import available_cores
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure, is_import_path, load_object
from paddle_aug.core.paddle_import import prepare_environment
from paddle_aug.core.text import Say
from paddle_aug.onednn import accelerate, attainable, is_available
from paddle_aug.onednn.native.openmp import usable_threads


def choose_device(name: str) -> None:
    """Select Paddle's device; "auto": a GPU where this Paddle can use one, else the CPU."""
    if name != "auto":
        _set_device(name)
    if paddle.device.get_device().startswith("gpu"):
        # cuDNN's other algorithms add up in an order that changes from one call to the next.
        with contextlib.suppress(ValueError):  # a Paddle that has no such flag
            paddle.set_flags({"FLAGS_cudnn_deterministic": True})


def _set_device(name: str) -> None:
    """Raises UserError where Paddle cannot use it."""
    if name.lower().partition(":")[0] == "gpu" and not paddle.device.is_compiled_with_cuda():
        raise UserError(
            f"device: {name!r} cannot be used here: this Paddle is a build for CPUs; use --device "
            "cpu, or install the build for GPUs in its place (requirements-gpu.txt says how)"
        )
    try:
        paddle.device.set_device(name)
    except (ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[-1]
        # Paddle's own message shows a match object instead of a device such as gpu:0.
        reason = re.sub(r"<re\.Match object;.*?match=('[^']*')>", r"\1", reason)
        raise UserError(f"device: {name!r} cannot be used here: {reason}") from None


def on_cpu() -> bool:
    """Whether Paddle computes on the CPU, and not on a GPU, XPU or NPU."""
    return paddle.device.get_device().startswith("cpu")


def describe_gpu() -> dict[str, Any]:
    """Name of the GPU in use and versions of CUDA and cuDNN; empty where none is in use."""
    if not paddle.device.get_device().startswith("gpu"):
        return {}
    return {
        "name": paddle.device.cuda.get_device_name(),
        "cuda": cuda_version(),
        "cudnn": paddle.device.get_cudnn_version(),
    }


def make_model(config: Config, num_classes: int) -> paddle.nn.Layer:
    """The model that the options name, with initial weights from Paddle's random generator."""
    if is_import_path(config.model):
        return own_model(config, num_classes)
    try:
        model = build_model(
            config.model, num_classes, config.channels, config.image_size,
            init=config.init, stem=config.stem,
        )  # fmt: skip
        if config.model.startswith(VISION_PREFIX):
            check_image_size(model, config.model, config.channels, config.image_size)
    except ValueError as error:
        raise UserError(f"model: {error}") from None
    return model


def own_model(config: Config, num_classes: int) -> paddle.nn.Layer:
    """A model of the user's own code, tried on two images.

    Called with those of num_classes, in_channels and image_size that it accepts by name, with all
    of them where it takes **options. Raises UserError where its output does not fit.
    """
    path, size = config.model, config.image_size
    make = load_object(path, "model")
    known = {"num_classes": num_classes, "in_channels": config.channels, "image_size": size}
    try:
        model = make(**_accepted(make, known))
    except Exception as error:
        raise UserError(f"model {path}: cannot be made ({failure(error)})") from None
    if not isinstance(model, paddle.nn.Layer):
        raise UserError(f"model {path}: makes {type(model).__name__}, not a paddle.nn.Layer")
    model.eval()
    shape = [2, config.channels, size, size]
    try:
        with paddle.no_grad():
            logits = model(paddle.zeros(shape))
    except Exception as error:
        raise UserError(f"model {path}: fails on images {shape} ({failure(error)})") from None
    model.train()
    given = list(logits.shape) if isinstance(logits, paddle.Tensor) else type(logits).__name__
    if given != [2, num_classes]:
        raise UserError(f"model {path}: gives {given}, not logits [2, {num_classes}]")
    return model


def _accepted(function: Callable[..., Any], known: dict[str, Any]) -> dict[str, Any]:
    """Those of the arguments that a function takes by their names."""
    parameters = inspect.signature(function).parameters.values()
    if any(each.kind is each.VAR_KEYWORD for each in parameters):
        return known
    named = {p.name for p in parameters if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)}
    return {name: value for name, value in known.items() if name in named}


def first_model(config: Config, classes: Sequence[str], say: Say, fresh: bool) -> paddle.nn.Layer:
    """The model that training starts with: weights loaded (--weights), layers frozen (--freeze)."""
    model = make_model(config, len(classes))
    if config.weights and fresh:
        say(take_weights(model, config, classes))
    if config.freeze_backbone:
        freeze_backbone(model)
    return model


def _why_fewer_threads() -> str:
    prepared = prepare_environment()
    if prepared["busy"] and "OMP_NUM_THREADS" in prepared["set"]:
        return (
            f"other programs keep {prepared['busy']:.1f} of them busy; OMP_NUM_THREADS="
            f"{prepared['cores']} takes all"
        )
    # May be unintended: Paddle sets it in a notebook, whose commands inherit it.
    return f"OMP_NUM_THREADS is {os.environ.get('OMP_NUM_THREADS')}"


def accelerated(model: paddle.nn.Layer, config: Config, say: Say) -> tuple[paddle.nn.Layer, str]:
    """(model, name of the backend): on a CPU it computes with oneDNN where that is possible."""
    if not on_cpu():
        if config.cpu_backend != "auto":
            say(f"note: --cpu-backend {config.cpu_backend} has no effect on a GPU")
        return model, "paddle"
    if config.amp == "fp16":
        raise UserError("amp: fp16 is for GPUs; on a CPU use --amp bf16 or no")
    asked = "bf16" if config.amp == "bf16" else None
    if config.cpu_backend == "paddle":
        if asked:
            raise UserError("amp: bf16 on a CPU needs the onednn backend, not --cpu-backend paddle")
        return model, "paddle"
    amp, missing = attainable(asked)
    if missing:
        say(f"warning: --amp bf16 has no effect here, float32 computes: {missing}")
    reason = is_available(amp)
    if reason is None:
        threads, cores = usable_threads(), available_cores()
        if threads < cores:
            say(f"{threads} of {cores} cores compute: {_why_fewer_threads()}")
        return accelerate(model, amp), f"onednn {amp or 'float32'}"
    if config.cpu_backend == "onednn":
        raise UserError(f"cpu_backend: onednn cannot be used here: {reason}")
    say(f"warning: Paddle's own kernels compute, which are slow: {reason}")
    return model, "paddle"
