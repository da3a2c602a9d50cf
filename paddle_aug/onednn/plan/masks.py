"""Undoing a ReLU in the backward pass, by the operation that applied it or by its reader.

See `arrays._deferred_masks` for when the reader does it.
"""

from paddle_aug.onednn.graph.operations import Operation
from paddle_aug.onednn.plan.arrays import Array, Gradient, Planner


def unmasked(planner: Planner, gradient: Gradient, held: Array | None) -> Gradient:
    """The gradient before a ReLU, from its result, which was kept for this."""
    if held is None:
        return gradient
    result = planner.mask_gradient(gradient, held)
    planner.drop(held)
    return result


def mask_to_hold(planner: Planner, operation: Operation, result: Array) -> Array | None:
    """The result, kept, if its ReLU is to be undone here and not by its reader."""
    needed = operation.options.get("relu") and planner.wants(operation.output)
    if needed and id(operation.output) not in planner.deferred_masks:
        return planner.hold(result)
    return None


def deferred_to_hold(planner: Planner, operation: Operation, result: Array) -> Array | None:
    """The result, kept, if this operation has to undo the ReLUs of its inputs."""
    took_over = all(id(value) in planner.deferred_masks for value in operation.inputs)
    passed_on = id(operation.output) in planner.deferred_masks
    if took_over and not passed_on and planner.wants(operation.output):
        return planner.hold(result)
    return None
