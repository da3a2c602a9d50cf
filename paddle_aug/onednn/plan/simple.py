"""Operations that move or combine values without weights."""

import ctypes
from collections.abc import Callable
from functools import partial
from math import prod

from paddle_aug.onednn.graph.operations import Operation, Value
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.library import MemoryDesc, PrimitiveDesc
from paddle_aug.onednn.plan.arrays import Gradient, Planner
from paddle_aug.onednn.plan.host_steps import DropoutMask
from paddle_aug.onednn.plan.masks import deferred_to_hold, mask_to_hold, unmasked
from paddle_aug.onednn.plan.steps import Place, describe

Backward = Callable[[], None]


def concat(planner: Planner, operation: Operation) -> Backward:
    """Concatenation of channels: each input is copied into its slice, each gradient out of it."""
    y = planner.new_array(operation.output)
    n, total, height, width = y.shape
    item = dnn.ITEM_SIZE[planner.dtype]
    slices: list[tuple[Value, MemoryDesc, int]] = []
    start = 0
    for value in operation.inputs:
        channels = value.shape[1]
        desc = dnn.nhwc((n, channels, height, width), planner.dtype, total)
        slices.append((value, desc, start * item))
        start += channels
    for value, desc, offset in slices:
        x = planner.array(value)
        planner.emit_reorder(x.desc, x.slot, desc, y.slot, target_offset=offset)
    held = deferred_to_hold(planner, operation, y)

    def copy_out(
        value: Value, desc: MemoryDesc, offset: int, gradient: Gradient, slot: Place
    ) -> None:
        target = describe(value.shape, planner.dtype)
        planner.emit_reorder(desc, gradient.slot, target, slot, source_offset=offset)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held)
        for value, desc, offset in slices:
            planner.add_gradient(value, partial(copy_out, value, desc, offset, gradient))
        planner.release(gradient)

    return backward


def add(planner: Planner, operation: Operation) -> Backward:
    """Sum of two arrays with optional ReLU; both inputs share one gradient."""
    a, b = (planner.array(value) for value in operation.inputs)
    y = planner.new_array(operation.output)
    attributes = dnn.attributes(relu=bool(operation.options.get("relu")))
    desc = PrimitiveDesc("binary", dnn.BINARY_ADD, a.desc, b.desc, y.desc, attributes)
    arguments = {
        dnn.SRC: (a.desc, a.slot),
        dnn.SRC_1: (b.desc, b.slot),
        dnn.DST: (y.desc, y.slot),
    }
    planner.emit(desc, arguments)
    held = mask_to_hold(planner, operation, y)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held)
        for value in operation.inputs:
            planner.share_gradient(value, gradient)
        planner.release(gradient)

    return backward


def relu(planner: Planner, operation: Operation) -> Backward:
    """A ReLU that could not be merged into the operation before it."""
    x, y = planner.array(operation.inputs[0]), planner.new_array(operation.output)
    zero = ctypes.c_float(0)
    desc = PrimitiveDesc(
        "eltwise_forward",
        *(dnn.FORWARD_TRAINING, dnn.ELTWISE_RELU, x.desc, y.desc, zero, zero, dnn.attributes()),
    )
    planner.emit(desc, {dnn.SRC: (x.desc, x.slot), dnn.DST: (y.desc, y.slot)})
    if planner.wants(operation.output):
        planner.hold(y)

    def backward() -> None:
        gradient = planner.mask_gradient(planner.take_gradient(operation.output), y)
        planner.drop(y)
        planner.share_gradient(operation.inputs[0], gradient)
        planner.release(gradient)

    return backward


def flatten(planner: Planner, operation: Operation) -> Backward:
    """[N, C, H, W] to [N, C*H*W] in Paddle's order: a copy, or nothing where H = W = 1."""
    x = planner.array(operation.inputs[0])
    dtype = planner.dtype
    if len(x.shape) != 4 or prod(x.shape[2:]) == 1:
        planner.view(operation.output, x)

        def pass_on() -> None:
            gradient = planner.take_gradient(operation.output)
            planner.share_gradient(operation.inputs[0], gradient)
            planner.release(gradient)

        return pass_on
    y = planner.new_array(operation.output)
    channels_first = dnn.rows(x.shape, dtype)
    planner.emit_reorder(x.desc, x.slot, channels_first, y.slot)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        dx = planner.gradient_desc(operation.inputs[0])

        def emit(slot: Place) -> None:
            planner.emit_reorder(channels_first, gradient.slot, dx, slot)

        planner.add_gradient(operation.inputs[0], emit)
        planner.release(gradient)

    return backward


def dropout(planner: Planner, operation: Operation) -> Backward:
    """x * mask, where mask is 0 or 1 / (1 - p) and drawn in every forward pass."""
    x, y = planner.array(operation.inputs[0]), planner.new_array(operation.output)
    mask_desc = describe(x.shape, dnn.F32)
    mask = planner.layout.take(mask_desc.size)
    draw = DropoutMask(operation.options["probability"], prod(x.shape))
    planner.random.append(draw.seed)
    planner.emit_host(draw, {"mask": mask})

    def multiply(source: Place, target: Place) -> None:
        desc = PrimitiveDesc("binary", dnn.BINARY_MUL, x.desc, mask_desc, x.desc, dnn.attributes())
        arguments = {
            dnn.SRC: (x.desc, source),
            dnn.SRC_1: (mask_desc, mask),
            dnn.DST: (x.desc, target),
        }
        planner.emit(desc, arguments)

    multiply(x.slot, y.slot)
    if not planner.wants(operation.output):
        planner.done_with(mask)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        planner.add_gradient(operation.inputs[0], partial(multiply, gradient.slot))
        planner.release(gradient)
        planner.done_with(mask)

    return backward
