"""Batch normalisation and pooling."""

import ctypes
from collections.abc import Callable

from paddle_aug.onednn.graph.operations import Operation
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.library import PrimitiveDesc
from paddle_aug.onednn.plan.arrays import Gradient, Planner
from paddle_aug.onednn.plan.host_steps import StatisticsUpdate
from paddle_aug.onednn.plan.masks import deferred_to_hold, unmasked
from paddle_aug.onednn.plan.steps import Place

Backward = Callable[[], None]


def batch_norm(planner: Planner, operation: Operation) -> Backward:
    """Batch normalisation with optional ReLU; updates the running statistics as Paddle does."""
    x, y = planner.array(operation.inputs[0]), planner.new_array(operation.output)
    options, tensors = operation.options, operation.tensors
    global_stats, relu = options["global_stats"], bool(options.get("relu"))
    wanted = planner.wants(operation.output)
    vector = dnn.rows((x.shape[1],), dnn.F32)
    flags = dnn.USE_GLOBAL_STATS if global_stats else 0
    flags |= dnn.FUSE_NORM_RELU if relu else 0
    flags |= dnn.USE_SCALE | dnn.USE_SHIFT
    epsilon = ctypes.c_float(options["epsilon"])
    training = wanted or not global_stats
    kind = dnn.FORWARD_TRAINING if training else dnn.FORWARD_INFERENCE
    descs = (x.desc, y.desc)
    forward = PrimitiveDesc(
        "batch_normalization_forward", kind, *descs, epsilon, flags, dnn.attributes()
    )
    if global_stats:
        statistics: dict[int, Place] = {
            dnn.MEAN: planner.tensor(tensors["mean"]),
            dnn.VARIANCE: planner.tensor(tensors["variance"]),
        }
    else:
        statistics = {
            number: planner.layout.take(vector.size) for number in (dnn.MEAN, dnn.VARIANCE)
        }
    arguments = {number: (vector, place) for number, place in statistics.items()}
    arguments[dnn.SCALE] = (vector, planner.tensor(tensors["scale"]))
    arguments[dnn.SHIFT] = (vector, planner.tensor(tensors["shift"]))
    arguments |= {dnn.SRC: (x.desc, x.slot), dnn.DST: (y.desc, y.slot)}
    signs = forward.query(dnn.QUERY_WORKSPACE)
    if signs is not None:
        arguments[dnn.WORKSPACE] = (signs, planner.layout.take(signs.size))
    planner.emit(forward, arguments)
    if not global_stats:
        update = StatisticsUpdate(options["momentum"], x.shape[1])
        places = {
            "mean": statistics[dnn.MEAN],
            "variance": statistics[dnn.VARIANCE],
            "running_mean": planner.tensor(tensors["mean"]),
            "running_variance": planner.tensor(tensors["variance"]),
        }
        planner.emit_host(update, places)
    kept = [*statistics.values()]
    if signs is not None:
        kept.append(arguments[dnn.WORKSPACE][1])
    if wanted:
        planner.hold(x)
    else:
        for place in kept:
            planner.done_with(place)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        dy = planner.gradient_desc(operation.output)
        descs = (dy, dy, x.desc)
        desc = PrimitiveDesc(
            "batch_normalization_backward",
            *(dnn.BACKWARD, *descs, epsilon, flags, forward, dnn.attributes()),
        )
        given = {n: a for n, a in arguments.items() if n not in (dnn.DST, dnn.SHIFT)}
        given[dnn.DIFF_DST] = (dy, gradient.slot)
        result = Gradient(planner.layout.take(dy.size))

        def emit(scale: Place, shift: Place) -> None:
            given[dnn.DIFF_SCALE], given[dnn.DIFF_SHIFT] = (vector, scale), (vector, shift)
            given[dnn.DIFF_SRC] = (dy, result.slot)
            planner.emit(desc, given)

        planner.write_gradients([(tensors[role], vector) for role in ("scale", "shift")], emit)
        planner.share_gradient(operation.inputs[0], result)
        planner.release(result)
        planner.release(gradient)
        planner.drop(x)
        for place in kept:
            planner.done_with(place)

    return backward


def pool(planner: Planner, operation: Operation) -> Backward:
    """Maximum or average over windows; a maximum also undoes its input's ReLU where possible."""
    x, options = planner.array(operation.inputs[0]), operation.options
    y = planner.new_array(operation.output)
    n, channels, height, width = x.shape
    out = [
        (size + before + after - kernel) // stride + 1
        for size, before, after, kernel, stride in zip(
            (height, width),
            *(options[key] for key in ("before", "after", "kernel", "strides")),
            strict=True,
        )
    ]
    # A mean over H and W without these dimensions has two of them, but the same memory.
    y_desc = dnn.nhwc((n, channels, *out), planner.dtype)
    algorithm = dnn.POOLING_MAX
    if options["average"]:
        exclusive = options["exclusive"]
        algorithm = (
            dnn.POOLING_AVG_EXCLUDE_PADDING if exclusive else dnn.POOLING_AVG_INCLUDE_PADDING
        )
    geometry = [
        dnn.dimensions(options["strides"]),
        dnn.dimensions(options["kernel"]),
        dnn.dimensions([0, 0]),
        dnn.dimensions(options["before"]),
        dnn.dimensions(options["after"]),
    ]
    wanted = planner.wants(operation.output)
    kind = dnn.FORWARD_TRAINING if wanted else dnn.FORWARD_INFERENCE
    forward = PrimitiveDesc(
        "pooling_forward", kind, algorithm, x.desc, y_desc, *geometry, dnn.attributes()
    )
    arguments = {dnn.SRC: (x.desc, x.slot), dnn.DST: (y_desc, y.slot)}
    winners = forward.query(dnn.QUERY_WORKSPACE)
    kept = []
    if winners is not None:
        kept = [planner.layout.take(winners.size)]
        arguments[dnn.WORKSPACE] = (winners, kept[0])
    planner.emit(forward, arguments)
    if not wanted:
        for slot in kept:
            planner.done_with(slot)
    held = deferred_to_hold(planner, operation, y)

    def backward() -> None:
        gradient = planner.take_gradient(operation.output)
        gradient = unmasked(planner, gradient, held)
        dx = planner.gradient_desc(operation.inputs[0])
        desc = PrimitiveDesc(
            "pooling_backward", algorithm, dx, y_desc, *geometry, forward, dnn.attributes()
        )

        def emit(slot: Place) -> None:
            given = {dnn.DIFF_DST: (y_desc, gradient.slot), dnn.DIFF_SRC: (dx, slot)}
            if winners is not None:
                given[dnn.WORKSPACE] = (winners, kept[0])
            planner.emit(desc, given)

        planner.add_gradient(operation.inputs[0], emit)
        planner.release(gradient)
        for slot in kept:
            planner.done_with(slot)

    return backward
