"""Estimates the memory of a step, and says which option to lower if there is too little."""

import contextlib
import errno
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle
from paddle import nn

from models.structure import on_trial
from paddle_aug.build.model import on_cpu
from paddle_aug.core.errors import UserError

# In messages of Paddle, NumPy and the system about lack of memory, beside MemoryError and ENOMEM.
_WORDS = ("cannot allocate memory", "resourceexhausted", "out of memory", "bad_alloc")
_MEMINFO = Path("/proc/meminfo")
# Files of this process's control group, of version 2 and of version 1: a container's limit, the
# memory in use, and counts of what it is used for, with the name of that of cached files.
_GROUP = Path("/sys/fs/cgroup")
_VERSION_2 = ("memory.max", "memory.current", "memory.stat", "inactive_file")
_VERSION_1 = ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat",
              "total_inactive_file")  # fmt: skip


# Measured on GoogLeNet, ResNet18 and 50, VGG11, MobileNetV2 and LeNet with batches of 8 to 1024:
# the memory of a training step relative to all layers' outputs (0.3 to 0.9 with oneDNN, where
# arrays share memory; 0.75 to 1.2 in Paddle), and that of an evaluation relative to its largest
# layer (0.6 to 2.1).
_KEPT = {"onednn": 0.6, "paddle": 1.0}
_LARGEST = 1.5


@dataclass(frozen=True)
class MemoryNeed:
    """Bytes that a model takes. weights: its parameters. outputs: what its layers make of one
    image. largest: the largest input and output of a layer together.

    An estimate within a factor of two, without Paddle itself and batches made ahead.
    """

    weights: int
    outputs: int
    largest: int

    def training(self, batch: int, backend: str) -> int:
        """Bytes of a training step: weights, gradients, the optimizer's two moments, and the
        outputs that are kept. backend: its name from `build.model.accelerated`."""
        return 4 * self.weights + int(_KEPT[backend.split()[0]] * batch * self.outputs)

    def evaluation(self, batch: int) -> int:
        """Bytes of an evaluation of one batch."""
        return self.weights + int(_LARGEST * batch * self.largest)


def memory_need(model: nn.Layer, shape: list[int]) -> MemoryNeed:
    """The memory for images of `shape` (channels, height, width), found by evaluating one.

    Leaves the model as it was.
    """
    outputs, both = [0], [0]

    def count(layer: nn.Layer, inputs: Any, output: Any) -> Any:
        outputs.append(_bytes(output))
        both.append(_bytes(output) + _bytes(inputs))

    leaves = [layer for layer in model.sublayers() if not layer.sublayers()]
    hooks = [layer.register_forward_post_hook(count) for layer in leaves]
    try:
        with on_trial(model):
            model(paddle.zeros([1, *shape]))
    finally:
        for hook in hooks:
            hook.remove()
    weights = sum(4 * int(parameter.size) for parameter in model.parameters())
    return MemoryNeed(weights, sum(outputs), max(both))


def free_bytes() -> int | None:
    """Memory that this process can still use where the model is, on a GPU or in the computer; None
    where that is not known."""
    if on_cpu():
        return _free_in_computer()
    with contextlib.suppress(ValueError, RuntimeError, OSError):  # no GPU, but another device
        cuda = paddle.device.cuda
        # What Paddle has reserved and not allocated is still to be had.
        return cuda.get_device_properties().total_memory - cuda.memory_allocated()
    return None


def _free_in_computer() -> int | None:
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        lines = _MEMINFO.read_text().splitlines()
        line = next(line for line in lines if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) << 10)
    for files in (_VERSION_2, _VERSION_1):
        with contextlib.suppress(OSError, ValueError):  # "max" where there is no limit
            found.append(_free_in_group(*files))
    with contextlib.suppress(ImportError, OSError, ValueError):
        import resource  # not on Windows

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        if limit != resource.RLIM_INFINITY:  # ulimit -v
            pages = int(Path("/proc/self/statm").read_text().split()[0])
            found.append(limit - pages * resource.getpagesize())
    return max(min(found), 0) if found else None


def _free_in_group(limit: str, used: str, counts: str, cached: str) -> int:
    """What a container's limit leaves: cached files that nobody reads make room where it is needed.

    Where version 1 has no limit it says a number that no machine has.
    """
    number = dict(line.split() for line in (_GROUP / counts).read_text().splitlines())
    in_use = int((_GROUP / used).read_text()) - int(number.get(cached, 0))
    return int((_GROUP / limit).read_text()) - in_use


def shortage(needed: int, free: int | None, option: str, batch: int) -> str:
    """A line that says which option to lower. needed: bytes of `batch` images."""
    there = "" if free is None else f", {_gigabytes(free)} are free"
    fits = 0 if free is None else int(batch * free * 0.8 / needed)
    to = f" to {fits} or less" if 0 < fits < batch else ""
    return (
        f"{batch} images at once need about {_gigabytes(needed)}{there}: lower {option}{to}, or "
        "--image-size, or choose a smaller --model"
    )


def warn_of_shortage(needed: int, option: str, batch: int) -> str | None:
    """That line as a warning where the batch will not fit, as the system may then kill the run
    silently; None where it will, or where that is not known."""
    free = free_bytes()
    if free is None or needed <= free:
        return None
    return "warning: memory may be short: " + shortage(needed, free, option, batch)


@contextlib.contextmanager
def shortage_named(needed: int, option: str, batch: int) -> Iterator[None]:
    """Context that turns running out of memory into a UserError with that line."""
    before = free_bytes()
    try:
        yield
    except (MemoryError, OSError, RuntimeError, SystemError) as error:
        if not is_shortage(error):
            raise
        raise UserError(f"out of memory: {shortage(needed, before, option, batch)}") from None


def is_shortage(error: BaseException) -> bool:
    """Whether the error says that memory ran out."""
    if isinstance(error, MemoryError) or getattr(error, "errno", None) == errno.ENOMEM:
        return True
    return any(word in str(error).lower() for word in _WORDS)


def _bytes(values: Any) -> int:
    """Bytes of a tensor, or of all tensors in a list or tuple."""
    tensors = values if isinstance(values, list | tuple) else [values]
    return sum(4 * int(t.size) for t in tensors if isinstance(t, paddle.Tensor))


def _gigabytes(count: int) -> str:
    return f"{count / 1e9:.0f} GB" if count >= 1e10 else f"{count / 1e9:.2g} GB"
