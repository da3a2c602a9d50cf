"""Convolution and linear layers: where the arithmetic is."""

import ctypes
from collections.abc import Callable

from . import library as dnn
from .graph import Operation
from .library import MemoryDesc, PrimitiveDesc
from .masks import mask_to_hold, unmasked
from .plan import Array, Planner
from .steps import Place

Backward = Callable[[], None]


def convolution(planner: Planner, operation: Operation) -> Backward:
    """Convolution with optional groups, dilation, bias and ReLU; weights as oneDNN likes them."""
    x, y = planner.array(operation.inputs[0]), planner.new_array(operation.output)
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    options, dtype = operation.options, planner.dtype
    shape = list(weight.shape)
    if options["groups"] > 1:
        shape = [options["groups"], shape[0] // options["groups"], *shape[1:]]
    plain = dnn.rows(shape, dnn.F32)
    bias_desc = None if bias is None else dnn.rows((y.shape[1],), dnn.F32)
    any_weight = MemoryDesc.any_format(shape, dtype)
    geometry = [
        dnn.dimensions(options["strides"]),
        dnn.dimensions([d - 1 for d in options["dilations"]]),
        dnn.dimensions(options["before"]),
        dnn.dimensions(options["after"]),
    ]

    def forward_desc(relu: bool) -> PrimitiveDesc:
        kind = dnn.FORWARD_TRAINING if planner.recording else dnn.FORWARD_INFERENCE
        descs = (x.desc, any_weight, bias_desc or dnn.NO_DESC, y.desc)
        attributes = dnn.attributes(relu=relu)
        algorithm = dnn.CONVOLUTION_DIRECT
        return PrimitiveDesc("convolution_forward", kind, algorithm, *descs, *geometry, attributes)

    forward = forward_desc(bool(options.get("relu")))
    weight_desc, place = planner.converted(weight, plain, forward.query(dnn.QUERY_WEIGHTS))
    arguments = {
        dnn.SRC: (x.desc, x.slot),
        dnn.WEIGHTS: (weight_desc, place),
        dnn.DST: (y.desc, y.slot),
    }
    if bias is not None:
        arguments[dnn.BIAS] = (bias_desc, planner.tensor(bias))
    planner.emit(forward, arguments)
    planner.done_with(place)

    trains = not weight.stop_gradient or (bias is not None and not bias.stop_gradient)
    held_x = planner.hold(x) if trains and planner.wants(operation.output) else None
    held_y = mask_to_hold(planner, operation, y)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held_y)
        dy = planner.gradient_desc(operation.output)
        hint = forward_desc(relu=False)
        if held_x is not None:
            _convolution_weights(
                planner, operation, hint, x, (dy, gradient.slot), plain, bias_desc, geometry
            )
            planner.drop(held_x)

        def data(slot: Place) -> None:
            dx = planner.gradient_desc(operation.inputs[0])
            descs = (dx, any_weight, dy)
            algorithm, attributes = dnn.CONVOLUTION_DIRECT, dnn.attributes()
            name = "convolution_backward_data"
            desc = PrimitiveDesc(name, algorithm, *descs, *geometry, hint, attributes)
            wanted = desc.query(dnn.QUERY_WEIGHTS)
            weight_desc, place = planner.converted(weight, plain, wanted)
            arguments = {
                dnn.DIFF_DST: (dy, gradient.slot),
                dnn.WEIGHTS: (weight_desc, place),
                dnn.DIFF_SRC: (dx, slot),
            }
            planner.emit(desc, arguments)
            planner.done_with(place)

        planner.add_gradient(operation.inputs[0], data)
        planner.release(gradient)

    return backward


def _convolution_weights(
    planner: Planner,
    operation: Operation,
    hint: PrimitiveDesc,
    x: Array,
    dy: tuple[MemoryDesc, Place],
    plain: MemoryDesc,
    bias_desc: MemoryDesc | None,
    geometry: list[ctypes.Array],
) -> None:
    """Gradients of a convolution's weight and bias, in float32 whatever the activations are."""
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    shape = list(weight.shape)
    groups = operation.options["groups"]
    if groups > 1:
        shape = [groups, shape[0] // groups, *shape[1:]]
    descs = (x.desc, MemoryDesc.any_format(shape, dnn.F32), bias_desc or dnn.NO_DESC, dy[0])
    algorithm, attributes = dnn.CONVOLUTION_DIRECT, dnn.attributes()
    name = "convolution_backward_weights"
    desc = PrimitiveDesc(name, algorithm, *descs, *geometry, hint, attributes)
    wanted = desc.query(dnn.QUERY_DIFF_WEIGHTS)

    def emit(weight_place: Place, bias_place: Place | None = None) -> None:
        target = weight_place if wanted == plain else planner.layout.take(wanted.size)
        arguments = {
            dnn.SRC: (x.desc, x.slot),
            dnn.DIFF_DST: dy,
            dnn.DIFF_WEIGHTS: (wanted, target),
        }
        if bias_place is not None:
            arguments[dnn.DIFF_BIAS] = (bias_desc, bias_place)
        planner.emit(desc, arguments)
        if target is not weight_place:
            planner.emit_reorder(wanted, target, plain, weight_place)
            planner.done_with(target)

    targets = [(weight, plain)] + ([] if bias is None else [(bias, bias_desc)])
    planner.write_gradients(targets, emit)


def linear(planner: Planner, operation: Operation) -> Backward:
    """x @ weight + bias with optional ReLU; Paddle's [in, out] weights are used as they lie."""
    x = planner.array(operation.inputs[0])
    relu = bool(operation.options.get("relu"))
    y = planner.new_array(
        operation.output, planner.dtype if relu else planner.dtype_of(operation.output)
    )
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    inputs, outputs = weight.shape
    plain = dnn.rows((inputs, outputs), dnn.F32)
    wanted = dnn.rows((inputs, outputs), planner.dtype)
    bias_desc = dnn.rows((1, outputs), dnn.F32)

    descs = (x.desc, wanted, dnn.NO_DESC if bias is None else bias_desc, y.desc)
    weight_desc, place = planner.converted(weight, plain, wanted)
    arguments = {
        dnn.SRC: (x.desc, x.slot),
        dnn.WEIGHTS: (weight_desc, place),
        dnn.DST: (y.desc, y.slot),
    }
    if bias is not None:
        arguments[dnn.BIAS] = (bias_desc, planner.tensor(bias))
    planner.emit(PrimitiveDesc("matmul", *descs, dnn.attributes(relu=relu)), arguments)
    planner.done_with(place)

    trains = not weight.stop_gradient or (bias is not None and not bias.stop_gradient)
    held_x = planner.hold(x) if trains and planner.wants(operation.output) else None
    held_y = mask_to_hold(planner, operation, y)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held_y)
        dy = planner.gradient_desc(operation.output)
        if held_x is not None:
            _linear_weights(planner, operation, x, (dy, gradient.slot))
            planner.drop(held_x)

        def data(slot: Place) -> None:
            dx = planner.gradient_desc(operation.inputs[0])
            transposed = MemoryDesc.strided((outputs, inputs), planner.dtype, (1, outputs))
            _, place = planner.converted(weight, plain, wanted)
            arguments = {
                dnn.SRC: (dy, gradient.slot),
                dnn.WEIGHTS: (transposed, place),
                dnn.DST: (dx, slot),
            }
            planner.emit(
                PrimitiveDesc("matmul", dy, transposed, dnn.NO_DESC, dx, dnn.attributes()),
                arguments,
            )
            planner.done_with(place)

        planner.add_gradient(operation.inputs[0], data)
        planner.release(gradient)

    return backward


def _linear_weights(
    planner: Planner, operation: Operation, x: Array, dy: tuple[MemoryDesc, Place]
) -> None:
    """Gradients of a linear layer's weight and bias.

    As an inner product: unlike a matrix product it gives the bias' gradient in the same pass.
    """
    weight, bias = operation.tensors["weight"], operation.tensors.get("bias")
    inputs, outputs = weight.shape
    # Inner products see weights as [out, in]; the strides make that Paddle's [in, out].
    weight_desc = MemoryDesc.strided((outputs, inputs), dnn.F32, (1, outputs))
    bias_desc = None if bias is None else dnn.rows((outputs,), dnn.F32)
    any_weight = MemoryDesc.any_format((outputs, inputs), planner.dtype)
    hint = PrimitiveDesc(
        "inner_product_forward",
        dnn.FORWARD_TRAINING,
        *(x.desc, any_weight, bias_desc or dnn.NO_DESC, dy[0]),
        dnn.attributes(),
    )
    descs = (x.desc, weight_desc, bias_desc or dnn.NO_DESC, dy[0])
    desc = PrimitiveDesc("inner_product_backward_weights", *descs, hint, dnn.attributes())

    def emit(weight_place: Place, bias_place: Place | None = None) -> None:
        arguments = {
            dnn.SRC: (x.desc, x.slot),
            dnn.DIFF_DST: dy,
            dnn.DIFF_WEIGHTS: (weight_desc, weight_place),
        }
        if bias_place is not None:
            arguments[dnn.DIFF_BIAS] = (bias_desc, bias_place)
        planner.emit(desc, arguments)

    targets = [(weight, weight_desc)] + ([] if bias is None else [(bias, bias_desc)])
    planner.write_gradients(targets, emit)
