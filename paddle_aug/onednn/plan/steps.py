"""Collects a plan's steps: primitives, with what they read and write.

Arrays are NHWC and dense. A step reads and writes Slots of the plan's block, and Externals, whose
addresses may change with every training step: parameters, gradients, inputs and outputs.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import paddle

from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.buffers import Layout, Slot
from paddle_aug.onednn.native.library import MemoryDesc, Primitive, PrimitiveDesc


@dataclass(frozen=True)
class External:
    """An array outside of the plan's block.

    role: "tensor" (parameters and buffers), "gradient" (of a parameter), "input", "output",
    "input gradient" or "output gradient"; index: which of them.
    """

    role: str
    index: int


Place = Slot | External


class Step(Protocol):
    """One step; `bind` sets the address of an argument before it is called."""

    def bind(self, argument: Any, address: int, /) -> None: ...

    def __call__(self) -> None: ...


@dataclass(frozen=True)
class Binding:
    """Says that argument `argument` of `step` is `offset` bytes after the start of `place`."""

    step: Step
    argument: Any
    place: Place
    offset: int = 0


def describe(shape: tuple[int, ...], dtype: int) -> MemoryDesc:
    """Layout of the plan's arrays: NHWC for four dimensions, rows for two."""
    return dnn.nhwc(shape, dtype) if len(shape) == 4 else dnn.rows(shape, dtype)


class StepWriter:
    """Collects steps, the arguments they are bound to, and the model's tensors among them."""

    def __init__(self) -> None:
        self.layout = Layout()
        self.forward: list[Step] = []
        self.backward: list[Step] = []
        self.bindings: list[Binding] = []
        self.tensors: list[paddle.Tensor] = []
        self.trained: dict[int, int] = {}  # index into tensors -> number of its gradient
        self.random: list[Callable[[Any], None]] = []  # each needs a seed for a pass
        self._steps = self.forward

    def go_backward(self) -> None:
        """Emit steps of the backward pass from now on."""
        self._steps = self.backward

    def emit(
        self,
        desc: PrimitiveDesc,
        arguments: Mapping[int, tuple[MemoryDesc, Place] | tuple[MemoryDesc, Place, int]],
    ) -> None:
        """Append a primitive; arguments: number -> (descriptor, place[, offset in bytes])."""
        primitive = Primitive(desc, {number: given[0] for number, given in arguments.items()})
        for number, given in arguments.items():
            offset = given[2] if len(given) == 3 else 0
            self.bindings.append(Binding(primitive, number, given[1], offset))
        if dnn.SCRATCHPAD in primitive.arguments:
            slot = self.layout.take(primitive.arguments[dnn.SCRATCHPAD].size)
            self.bindings.append(Binding(primitive, dnn.SCRATCHPAD, slot))
            self.layout.give(slot)
        self._steps.append(primitive)

    def emit_host(self, step: Step, places: Mapping[str, Place]) -> None:
        """Append a step that NumPy computes."""
        self.bindings.extend(Binding(step, name, place) for name, place in places.items())
        self._steps.append(step)

    def emit_reorder(
        self,
        source: MemoryDesc,
        source_place: Place,
        target: MemoryDesc,
        target_place: Place,
        source_offset: int = 0,
        target_offset: int = 0,
    ) -> None:
        """Append a copy into another layout or data type."""
        desc = PrimitiveDesc("reorder", source, target, dnn.attributes())
        arguments = {
            dnn.SRC: (source, source_place, source_offset),
            dnn.DST: (target, target_place, target_offset),
        }
        self.emit(desc, arguments)

    def emit_add(self, desc: MemoryDesc, first: Place, second: Place, result: Place) -> None:
        """Append result = first + second; the result may be one of them."""
        operation = PrimitiveDesc("binary", dnn.BINARY_ADD, desc, desc, desc, dnn.attributes())
        arguments = {
            dnn.SRC: (desc, first),
            dnn.SRC_1: (desc, second),
            dnn.DST: (desc, result),
        }
        self.emit(operation, arguments)

    def tensor(self, tensor: paddle.Tensor) -> External:
        """The place of a parameter or buffer."""
        for index, known in enumerate(self.tensors):
            if known is tensor:
                return External("tensor", index)
        self.tensors.append(tensor)
        return External("tensor", len(self.tensors) - 1)

    @contextmanager
    def in_layout(
        self,
        desc: MemoryDesc,
        place: Place,
        wanted: MemoryDesc,
        through: MemoryDesc | None = None,
    ) -> Iterator[tuple[MemoryDesc, Place]]:
        """An array in the layout `wanted` for what is emitted inside; copied where it has another.

        through: a layout on the way there, where two copies are faster than one.
        """
        layouts = [] if desc == wanted else [wanted]
        if layouts and through is not None and through not in (desc, wanted):
            layouts.insert(0, through)
        made: Slot | None = None
        for layout in layouts:
            slot = self.layout.take(layout.size)
            self.emit_reorder(desc, place, layout, slot)
            if made is not None:
                self.layout.give(made)
            desc, place, made = layout, slot, slot
        yield desc, place
        if made is not None:
            self.layout.give(made)

    def done_with(self, place: Place) -> None:
        """Give back a place from `layout.take`."""
        if isinstance(place, Slot):
            self.layout.give(place)

    def write_gradients(
        self,
        targets: Sequence[tuple[paddle.Tensor, MemoryDesc]],
        emit: Callable[..., None],
    ) -> None:
        """Call emit(place, ...) with a place for the gradient of each tensor, in `targets`' order.

        A second contribution to a tensor's gradient is added to the first; contributions to frozen
        tensors are dropped.
        """
        places: list[Place] = []
        later: list[tuple[Slot, External | None, MemoryDesc]] = []
        for tensor, desc in targets:
            index = self.tensor(tensor).index
            if not tensor.stop_gradient and index not in self.trained:
                self.trained[index] = len(self.trained)
                places.append(External("gradient", self.trained[index]))
                continue
            slot = self.layout.take(desc.size)
            places.append(slot)
            known = self.trained.get(index)
            later.append((slot, None if known is None else External("gradient", known), desc))
        emit(*places)
        for slot, target, desc in later:
            if target is not None:
                self.emit_add(desc, slot, target, target)
            self.layout.give(slot)
