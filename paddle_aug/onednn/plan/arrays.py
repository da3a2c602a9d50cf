"""Places of a segment's values and gradients in memory, and counts of who still needs them.

A place that is not needed any more is used again.
"""

import ctypes
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import prod

from paddle_aug.onednn.graph.operations import Segment, Value, consumers
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.buffers import Slot
from paddle_aug.onednn.native.library import MemoryDesc, PrimitiveDesc
from paddle_aug.onednn.plan.steps import StepWriter, describe


class Array:
    """A value's array: its place and layout, and how many still need it."""

    def __init__(self, shape: tuple[int, ...], dtype: int, slot: Slot, holds: int):
        self.shape, self.dtype, self.slot = shape, dtype, slot
        self.holders = [holds]  # shared with every view of the same memory

    @property
    def desc(self) -> MemoryDesc:
        """NHWC for four dimensions, rows for two."""
        return describe(self.shape, self.dtype)

    def view(self, shape: tuple[int, ...]) -> "Array":
        """The same memory with another shape; kept as long as either of them is needed."""
        other = Array(shape, self.dtype, self.slot, 0)
        other.holders = self.holders
        return other


@dataclass
class Gradient:
    """The gradient of a value. A sum passes one array to both inputs, so it may have two owners."""

    slot: Slot
    owners: int = 1


class Planner(StepWriter):
    """Collects the steps of a segment and decides where values and gradients lie.

    `plan.planner.plan` makes one and fills it.

    dtype: of the activations, library.F32 or BF16; needs_gradient: for each of the segment's
    inputs; recording: whether a backward pass may follow.
    """

    def __init__(
        self, segment: Segment, dtype: int, needs_gradient: list[bool], recording: bool = True
    ):
        super().__init__()
        self.segment, self.dtype, self.recording = segment, dtype, recording
        self.input_gradients: list[bool] = []
        self.block_size = 0  # bytes, once the layout is finished
        self._uses = consumers(segment)
        self._arrays: dict[int, Array] = {}
        self._gradients: dict[int, Gradient] = {}
        self._wanted = {
            id(value) for value, need in zip(segment.inputs, needs_gradient, strict=True) if need
        }
        self._outputs = set(map(id, segment.outputs))
        self.deferred_masks = _deferred_masks(segment, self._uses)

    # Arrays of values

    def dtype_of(self, value: Value) -> int:
        """float32 for the output of a linear layer to Paddle (logits), else the plan's type."""
        last = id(value) in self._outputs and len(value.shape) == 2 and self._uses[id(value)] == 1
        return dnn.F32 if last else self.dtype

    def array(self, value: Value) -> Array:
        """The array of a value that has been computed."""
        return self._arrays[id(value)]

    def new_array(self, value: Value, dtype: int | None = None) -> Array:
        """An array for a value, kept until all its readers have dropped it."""
        size = prod(value.shape) * dnn.ITEM_SIZE[dtype or self.dtype]
        holds = self._uses[id(value)]
        array = Array(value.shape, dtype or self.dtype, self.layout.take(size), holds)
        self._arrays[id(value)] = array
        return array

    def view(self, value: Value, array: Array) -> None:
        """Use `array` for `value`."""
        array.holders[0] += self._uses[id(value)]
        self._arrays[id(value)] = array.view(value.shape)

    def hold(self, array: Array) -> Array:
        """Keep `array` for the backward pass, which must drop it."""
        array.holders[0] += 1
        return array

    def drop(self, array: Array) -> None:
        """One reader of `array` is done."""
        array.holders[0] -= 1
        if not array.holders[0]:
            self.layout.give(array.slot)

    # Gradients of values

    def wants(self, value: Value) -> bool:
        """True where the backward pass needs this value's gradient."""
        return id(value) in self._wanted

    def want(self, value: Value) -> None:
        """Note that the backward pass needs this value's gradient."""
        self._wanted.add(id(value))

    def has_gradient(self, value: Value) -> bool:
        """True where something was added to this value's gradient."""
        return id(value) in self._gradients

    def gradient_desc(self, value: Value) -> MemoryDesc:
        """Layout of a value's gradient: that of the value, in the plan's data type."""
        return describe(value.shape, self.dtype)

    def take_gradient(self, value: Value) -> Gradient:
        """The complete gradient of `value`, which the caller must `release`."""
        return self._gradients.pop(id(value))

    def release(self, gradient: Gradient) -> None:
        """One owner of `gradient` is done."""
        gradient.owners -= 1
        if not gradient.owners:
            self.layout.give(gradient.slot)

    def add_gradient(self, value: Value, emit: Callable[[Slot], None]) -> None:
        """Add the output of emit(slot) to the gradient of `value`, if that is wanted."""
        if not self.wants(value):
            return
        gradient = Gradient(self.layout.take(prod(value.shape) * dnn.ITEM_SIZE[self.dtype]))
        emit(gradient.slot)
        self.share_gradient(value, gradient)
        self.release(gradient)

    def share_gradient(self, value: Value, gradient: Gradient) -> None:
        """Add `gradient` to the gradient of `value`; its owners stay the same."""
        if not self.wants(value):
            return
        known = self._gradients.get(id(value))
        if known is None:
            gradient.owners += 1
            self._gradients[id(value)] = gradient
            return
        desc = self.gradient_desc(value)
        if known.owners == 1:
            self.emit_add(desc, known.slot, gradient.slot, known.slot)
            return
        total = Gradient(self.layout.take(desc.size))
        self.emit_add(desc, known.slot, gradient.slot, total.slot)
        self.release(known)
        self._gradients[id(value)] = total

    def mask_gradient(self, gradient: Gradient, array: Array) -> Gradient:
        """The gradient before a ReLU whose result is `array`; takes over the ownership."""
        desc = describe(array.shape, self.dtype)
        target = gradient
        if gradient.owners > 1:
            target = Gradient(self.layout.take(desc.size))
        descs, none = (desc, desc, desc), ctypes.c_float(0)
        algorithm, attributes = dnn.ELTWISE_RELU_USE_DST, dnn.attributes()
        training = (dnn.FORWARD_TRAINING, algorithm, desc, desc, none, none, attributes)
        hint = PrimitiveDesc("eltwise_forward", *training)
        operation = PrimitiveDesc(
            "eltwise_backward", algorithm, *descs, none, none, hint, attributes
        )
        arguments = {
            dnn.DST: (desc, array.slot),
            dnn.DIFF_DST: (desc, gradient.slot),
            dnn.DIFF_SRC: (desc, target.slot),
        }
        self.emit(operation, arguments)
        if target is not gradient:
            self.release(gradient)
        return target


def _deferred_masks(segment: Segment, uses: Mapping[int, int]) -> set[int]:
    """Values (by id) whose ReLU is undone in the backward pass by the operation that reads them.

    A maximum or a concatenation of max(0, x) has gradient 0 exactly where its own result is 0, so
    its result serves as the mask: after a pool with a quarter of the elements, and the value itself
    need not be kept.
    """
    owing: set[int] = set()
    deferred: set[int] = set()
    for operation in segment.operations:
        inputs = [id(value) for value in operation.inputs]
        if operation.kind in ("convolution", "add", "linear") and operation.options.get("relu"):
            owing.add(id(operation.output))
        maximum = operation.kind == "pool" and not operation.options["average"]
        leaves_it = all(value in owing and uses[value] == 1 for value in inputs)
        if leaves_it and (maximum or operation.kind == "concat"):
            deferred.update(inputs)
            owing.add(id(operation.output))
    return deferred
