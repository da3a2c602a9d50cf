"""Convolutions and linear layers, which take most of the time."""

from collections.abc import Callable, Mapping

import paddle

from paddle_aug.onednn.graph.operations import Operation
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.library import MemoryDesc, PrimitiveDesc
from paddle_aug.onednn.plan.arrays import Array, Gradient, Planner
from paddle_aug.onednn.plan.masks import mask_to_hold, unmasked
from paddle_aug.onednn.plan.steps import Place

Backward = Callable[[], None]
Arguments = dict[int, tuple[MemoryDesc, Place]]

# Kernels for the gradient of the weights that are slow in NHWC: in oneDNN's own layout they take
# 0.6 of the time at 224 pixels, both copies included, and never more (docs/performance.md).
_SLOW_IN_NHWC = ("jit:avx2",)


def convolution(planner: Planner, operation: Operation) -> Backward:
    """Convolution with optional groups, dilation, bias and ReLU; oneDNN chooses the weights'
    layout."""
    x, y = planner.array(operation.inputs[0]), planner.new_array(operation.output)
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    options = operation.options
    shape = list(weight.shape)
    if options["groups"] > 1:
        shape = [options["groups"], shape[0] // options["groups"], *shape[1:]]
    plain, bias_desc = dnn.rows(shape, dnn.F32), dnn.rows((y.shape[1],), dnn.F32)
    bias_or_none = dnn.NO_DESC if bias is None else bias_desc
    any_weight = MemoryDesc.any_format(shape, planner.dtype)
    # Into bf16 two copies take half the time of one, and give the same bytes; float32 has no such.
    in_bf16 = planner.dtype == dnn.BF16
    forwards = dnn.inputs_last(shape, dnn.BF16) if in_bf16 else None
    backwards = dnn.rows(shape, dnn.BF16) if in_bf16 else None
    geometry = [
        dnn.dimensions(options["strides"]),
        dnn.dimensions([d - 1 for d in options["dilations"]]),
        dnn.dimensions(options["before"]),
        dnn.dimensions(options["after"]),
    ]

    def forward_desc(source: MemoryDesc, target: MemoryDesc, relu: bool = False) -> PrimitiveDesc:
        kind = dnn.FORWARD_TRAINING if planner.recording else dnn.FORWARD_INFERENCE
        descs = (source, any_weight, bias_or_none, target)
        attributes = dnn.attributes(relu=relu)
        algorithm = dnn.CONVOLUTION_DIRECT
        return PrimitiveDesc("convolution_forward", kind, algorithm, *descs, *geometry, attributes)

    def backward_desc(of: str, hint: PrimitiveDesc, *descs: object) -> PrimitiveDesc:
        name, algorithm = f"convolution_backward_{of}", dnn.CONVOLUTION_DIRECT
        return PrimitiveDesc(name, algorithm, *descs, *geometry, hint, dnn.attributes())

    def weights_desc(source: MemoryDesc, gradient: MemoryDesc) -> PrimitiveDesc:
        any_gradient = MemoryDesc.any_format(shape, dnn.F32)
        descs = (source, any_gradient, bias_or_none, gradient)
        return backward_desc("weights", forward_desc(source, gradient), *descs)

    forward = forward_desc(x.desc, y.desc, bool(options.get("relu")))
    arguments: Arguments = {dnn.SRC: (x.desc, x.slot), dnn.DST: (y.desc, y.slot)}
    if bias is not None:
        arguments[dnn.BIAS] = (bias_desc, planner.tensor(bias))
    wanted = forward.layout(dnn.QUERY_WEIGHTS)
    _emit_with(planner, weight, plain, wanted, forward, arguments, through=forwards)

    def weights(dy: MemoryDesc, gradient: Gradient) -> None:
        desc = weights_desc(x.desc, dy)
        source, target = (x.desc, x.slot), (dy, gradient.slot)
        if desc.implementation not in _SLOW_IN_NHWC:
            _emit_weights(planner, operation, desc, source, target, plain, bias_desc)
            return
        any_x, any_y = (MemoryDesc.any_format(each.shape, each.dtype) for each in (x, y))
        desc = weights_desc(any_x, any_y)
        with (
            planner.in_layout(*source, desc.layout(dnn.QUERY_SRC)) as own_source,
            planner.in_layout(*target, desc.layout(dnn.QUERY_DIFF_DST)) as own_target,
        ):
            _emit_weights(planner, operation, desc, own_source, own_target, plain, bias_desc)

    def data(dy: MemoryDesc, gradient: Gradient, dx: MemoryDesc, slot: Place) -> None:
        desc = backward_desc("data", forward_desc(x.desc, y.desc), dx, any_weight, dy)
        arguments = {dnn.DIFF_DST: (dy, gradient.slot), dnn.DIFF_SRC: (dx, slot)}
        wanted = desc.layout(dnn.QUERY_WEIGHTS)
        _emit_with(planner, weight, plain, wanted, desc, arguments, through=backwards)

    return _backward(planner, operation, x, y, weights, data)


def linear(planner: Planner, operation: Operation) -> Backward:
    """x @ weight + bias with optional ReLU; Paddle's [in, out] weights are used without a copy."""
    x = planner.array(operation.inputs[0])
    relu = bool(operation.options.get("relu"))
    y = planner.new_array(
        operation.output, planner.dtype if relu else planner.dtype_of(operation.output)
    )
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    inputs, outputs = weight.shape
    plain = dnn.rows((inputs, outputs), dnn.F32)
    wanted = dnn.rows((inputs, outputs), planner.dtype)
    row = dnn.rows((1, outputs), dnn.F32)

    descs = (x.desc, wanted, dnn.NO_DESC if bias is None else row, y.desc)
    arguments: Arguments = {dnn.SRC: (x.desc, x.slot), dnn.DST: (y.desc, y.slot)}
    if bias is not None:
        arguments[dnn.BIAS] = (row, planner.tensor(bias))
    forward = PrimitiveDesc("matmul", *descs, dnn.attributes(relu=relu))
    _emit_with(planner, weight, plain, wanted, forward, arguments)

    def weights(dy: MemoryDesc, gradient: Gradient) -> None:
        # An inner product, which unlike a matrix product gives the gradient of the bias in the same
        # pass. Its weights are [out, in]; strides let it read Paddle's [in, out].
        lying = MemoryDesc.strided((outputs, inputs), dnn.F32, (1, outputs))
        bias_desc = dnn.rows((outputs,), dnn.F32)
        bias_or_none = dnn.NO_DESC if bias is None else bias_desc
        any_weight = MemoryDesc.any_format((outputs, inputs), planner.dtype)
        descs = (x.desc, any_weight, bias_or_none, dy)
        kind, attributes = dnn.FORWARD_TRAINING, dnn.attributes()
        hint = PrimitiveDesc("inner_product_forward", kind, *descs, attributes)
        descs = (x.desc, lying, bias_or_none, dy)
        desc = PrimitiveDesc("inner_product_backward_weights", *descs, hint, attributes)
        source, target = (x.desc, x.slot), (dy, gradient.slot)
        _emit_weights(planner, operation, desc, source, target, lying, bias_desc)

    def data(dy: MemoryDesc, gradient: Gradient, dx: MemoryDesc, slot: Place) -> None:
        transposed = MemoryDesc.strided((outputs, inputs), planner.dtype, (1, outputs))
        desc = PrimitiveDesc("matmul", dy, transposed, dnn.NO_DESC, dx, dnn.attributes())
        arguments = {dnn.SRC: (dy, gradient.slot), dnn.DST: (dx, slot)}
        _emit_with(planner, weight, plain, wanted, desc, arguments, transposed)

    return _backward(planner, operation, x, y, weights, data)


def _emit_with(
    planner: Planner,
    weight: paddle.Tensor,
    plain: MemoryDesc,
    wanted: MemoryDesc,
    desc: PrimitiveDesc,
    arguments: Mapping[int, tuple[MemoryDesc, Place]],
    seen_as: MemoryDesc | None = None,
    through: MemoryDesc | None = None,
) -> None:
    """Emit a primitive that reads `weight` in the layout `wanted`.

    seen_as: under another shape; through: as `StepWriter.in_layout` takes it.
    """
    with planner.in_layout(plain, planner.tensor(weight), wanted, through) as (layout, place):
        planner.emit(desc, {**arguments, dnn.WEIGHTS: (seen_as or layout, place)})


def _emit_weights(
    planner: Planner,
    operation: Operation,
    desc: PrimitiveDesc,
    x: tuple[MemoryDesc, Place],
    dy: tuple[MemoryDesc, Place],
    plain: MemoryDesc,
    bias_desc: MemoryDesc,
) -> None:
    """Gradients of weight and bias by `desc`, in float32 for all types of activations.

    plain: the layout of Paddle's gradient; if `desc` writes another one it is copied.
    """
    wanted = desc.layout(dnn.QUERY_DIFF_WEIGHTS)

    def emit(weight_place: Place, bias_place: Place | None = None) -> None:
        target = weight_place if wanted == plain else planner.layout.take(wanted.size)
        arguments = {
            dnn.SRC: x,
            dnn.DIFF_DST: dy,
            dnn.DIFF_WEIGHTS: (wanted, target),
        }
        if bias_place is not None:
            arguments[dnn.DIFF_BIAS] = (bias_desc, bias_place)
        planner.emit(desc, arguments)
        if target is not weight_place:
            planner.emit_reorder(wanted, target, plain, weight_place)
            planner.done_with(target)

    targets = [(operation.tensors["weight"], plain)]
    if "bias" in operation.tensors:
        targets.append((operation.tensors["bias"], bias_desc))
    planner.write_gradients(targets, emit)


def _backward(
    planner: Planner,
    operation: Operation,
    x: Array,
    y: Array,
    weights: Callable[[MemoryDesc, Gradient], None],
    data: Callable[[MemoryDesc, Gradient, MemoryDesc, Place], None],
) -> Backward:
    """A function that emits the backward steps: `weights` if something is trained, then `data`."""
    trains = any(not tensor.stop_gradient for tensor in operation.tensors.values())
    held_x = planner.hold(x) if trains and planner.wants(operation.output) else None
    held_y = mask_to_hold(planner, operation, y)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held_y)
        dy = planner.gradient_desc(operation.output)
        if held_x is not None:
            weights(dy, gradient)
            planner.drop(held_x)

        def emit(slot: Place) -> None:
            data(dy, gradient, planner.gradient_desc(operation.inputs[0]), slot)

        planner.add_gradient(operation.inputs[0], emit)
        planner.release(gradient)

    return backward
