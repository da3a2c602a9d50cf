"""Plans one segment for one input shape: its primitives, arrays and steps.

Goes through the operations forwards, where each emits its steps and keeps what its gradient needs,
and then backwards.
"""

from collections.abc import Callable

from paddle_aug.onednn.graph.operations import Operation, Segment, Value
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.buffers import Slot
from paddle_aug.onednn.plan.arrays import Planner
from paddle_aug.onednn.plan.lowerings import LOWERINGS
from paddle_aug.onednn.plan.steps import External


def plan(
    segment: Segment, dtype: int, needs_gradient: list[bool], recording: bool = True
) -> Planner:
    """The steps of a segment; see `Planner` for the arguments.

    Raises Refused where oneDNN has no primitive for an operation.
    """
    planner = Planner(segment, dtype, needs_gradient, recording)
    undo = _plan_forward(planner)
    planner.go_backward()
    _plan_backward(planner, undo)
    planner.block_size = planner.layout.finish()
    return planner


def _plan_forward(planner: Planner) -> list[tuple[Operation, Callable[[], None]]]:
    """Emit the forward steps; returns functions that emit the backward steps, in order."""
    segment = planner.segment
    for index, value in enumerate(segment.inputs):
        source = External("input", index)
        target = planner.new_array(value)
        planner.emit_reorder(dnn.rows(value.shape, dnn.F32), source, target.desc, target.slot)
    undo: list[tuple[Operation, Callable[[], None]]] = []
    for operation in segment.operations:
        if planner.recording and _is_trained(planner, operation):
            planner.want(operation.output)
        backward = LOWERINGS[operation.kind](planner, operation)
        for value in operation.inputs:
            planner.drop(planner.array(value))
        if planner.wants(operation.output):
            undo.append((operation, backward))
    for index, value in enumerate(segment.outputs):
        array = planner.array(value)
        target = dnn.rows(value.shape, dnn.F32)
        planner.emit_reorder(array.desc, array.slot, target, External("output", index))
        planner.drop(array)
    return undo


def _plan_backward(planner: Planner, undo: list[tuple[Operation, Callable[[], None]]]) -> None:
    segment = planner.segment
    for index, value in enumerate(segment.outputs):
        if planner.wants(value):
            source = External("output gradient", index)
            planner.add_gradient(value, _read_gradient(planner, value, source))
    for operation, backward in reversed(undo):
        if planner.has_gradient(operation.output):
            backward()
    for index, value in enumerate(segment.inputs):
        wanted = planner.has_gradient(value)
        planner.input_gradients.append(wanted)
        if wanted:
            gradient = planner.take_gradient(value)
            source, target = planner.gradient_desc(value), dnn.rows(value.shape, dnn.F32)
            place = External("input gradient", index)
            planner.emit_reorder(source, gradient.slot, target, place)


def _is_trained(planner: Planner, operation: Operation) -> bool:
    """True if the operation has trainable parameters, or an input whose gradient is wanted."""
    roles = ("weight", "bias", "scale", "shift")
    tensors = [operation.tensors[role] for role in roles if role in operation.tensors]
    return any(planner.wants(value) for value in operation.inputs) or any(
        not tensor.stop_gradient for tensor in tensors
    )


def _read_gradient(planner: Planner, value: Value, source: External) -> Callable[[Slot], None]:
    def emit(slot: Slot) -> None:
        given = dnn.rows(value.shape, dnn.F32)
        planner.emit_reorder(given, source, planner.gradient_desc(value), slot)

    return emit
