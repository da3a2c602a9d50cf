"""Translates each operation of a traced program.

Paddle's operators with their attributes become our few kinds of Operation. Whatever is not fully
understood raises Unsupported, with the reason for the log.
"""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import paddle

from paddle_aug.onednn.graph.operations import Operation, Unsupported, Value


class Program:
    """A traced program while it is read: the meaning of its symbols, by their id."""

    def __init__(self, program: Any, tensors: dict[str, paddle.Tensor]):
        self.program, self.tensors = program, tensors
        self.values: dict[int, Value] = {}
        self.constants: dict[int, Any] = {}
        self.parameters: dict[int, paddle.Tensor] = {}
        self.lists: dict[int, list[Any]] = {}
        self.channel_vectors: dict[int, paddle.Tensor] = {}  # parameters seen as [1, C, 1, 1]
        self.makers: dict[int, Operation] = {}
        for op in program.global_block().ops:
            name = op.name()
            if name == "builtin.parameter":
                self.parameters[op.results()[0].id] = tensors[op.attrs()["parameter_name"]]
            elif name == "pd_op.data":
                self.input = self.values[op.results()[0].id] = Value(op.results()[0].shape)
            elif name in ("pd_op.full", "pd_op.full_int_array"):
                self.constants[op.results()[0].id] = op.attrs()["value"]

    def is_constant(self, symbol: Any) -> bool:
        """True for parameters and literals: what is the same wherever it is computed."""
        return symbol.id in self.parameters or symbol.id in self.constants

    def value(self, symbol: Any) -> Value:
        """The value that a symbol stands for."""
        try:
            return self.values[symbol.id]
        except KeyError:
            raise Unsupported("uses a tensor that does not come from x") from None

    def parameter(self, symbol: Any, what: str) -> paddle.Tensor:
        """The model's tensor that a symbol stands for."""
        try:
            return self.parameters[symbol.id]
        except KeyError:
            raise Unsupported(f"{what} is not a parameter") from None

    def constant(self, symbol: Any, what: str) -> Any:
        """The literal that a symbol stands for."""
        try:
            return self.constants[symbol.id]
        except KeyError:
            raise Unsupported(f"{what} is not a constant") from None

    def declare_results(self, op: Any) -> None:
        """Make values for the results of `op`, of whatever kind it is."""
        for symbol in op.results():
            if symbol.is_dense_tensor_type():
                self.values[symbol.id] = Value(symbol.shape)


def recognise(op: Any, program: Program) -> Operation | None:
    """`op` as an Operation; None if it computes nothing, or was merged into an earlier one.

    Raises Unsupported.
    """
    name = op.name().removeprefix("pd_op.")
    if name in ("data", "full", "full_int_array"):
        return None
    reader = _READERS.get(name)
    if reader is None:
        raise Unsupported(f"no operation of ours is {name}")
    operands = [
        symbol if symbol is not None and symbol.initialized() else None
        for symbol in op.operands_source()
    ]
    result = op.results()[0]
    found = reader(operands, op.attrs(), result, program)
    if found is not None:
        program.values[result.id] = found.output
        program.makers[result.id] = found
    return found


def _need(condition: bool, reason: str) -> None:
    if not condition:
        raise Unsupported(reason)


def _convolution(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    x, weight = program.value(operands[0]), program.parameter(operands[1], "the kernel")
    _need(attrs["data_format"] == "NCHW", "the layout is not NCHW")
    strides, dilations = list(attrs["strides"]), list(attrs["dilations"])
    if attrs["padding_algorithm"] == "SAME":
        dilations = [1, 1]  # Paddle computes without the given ones then
    kernel = [(k - 1) * d + 1 for k, d in zip(weight.shape[2:], dilations, strict=True)]
    before, after = _padding(attrs, x.shape[2:], result.shape[2:], kernel, strides)
    options = {
        "strides": strides,
        "dilations": dilations,
        "before": before,
        "after": after,
        "groups": attrs["groups"],
    }
    return Operation("convolution", [x], Value(result.shape), {"weight": weight}, options)


def _padding(
    attrs: dict, size: Sequence[int], out: Sequence[int], kernel: list[int], strides: list[int]
) -> tuple[list[int], list[int]]:
    """Padding (before, after) each of height and width, such that `size` gives `out`."""
    algorithm, given = attrs["padding_algorithm"], list(attrs["paddings"])
    needed = [(o - 1) * s + k - i for i, o, k, s in zip(size, out, kernel, strides, strict=True)]
    if algorithm == "SAME":
        before = [max(total, 0) // 2 for total in needed]
    elif algorithm == "VALID":
        before = [0, 0]
    else:
        before = given if len(given) == 2 else [given[0], given[2]]
    # Computed from the sizes: less than given if the last window does not reach the end.
    after = [total - first for total, first in zip(needed, before, strict=True)]
    return before, after


def _pool(operands: list, attrs: dict, result: Any, program: Program) -> Operation | None:
    x = program.value(operands[0])
    kernel = list(program.constant(operands[1], "the window"))
    _need(attrs["data_format"] == "NCHW" and len(x.shape) == 4, "the layout is not NCHW")
    size, out = x.shape[2:], result.shape[2:]
    if attrs["global_pooling"] or attrs["adaptive"]:
        even = all(i % o == 0 for i, o in zip(size, out, strict=True))
        _need(even, f"windows of {size[0]}x{size[1]} to {out[0]}x{out[1]} are not all alike")
        kernel = strides = [i // o for i, o in zip(size, out, strict=True)]
        before = after = [0, 0]
    else:
        strides = list(attrs["strides"])
        before, after = _padding(attrs, size, out, kernel, strides)
        reach = max(*before, *after) < min(kernel)
        _need(reach, "a window lies in the padding only")
    if kernel == strides == [1, 1] and before == after == [0, 0]:
        program.values[result.id] = x
        return None
    average = attrs["pooling_type"] == "avg"
    padded_end = any(a > b for a, b in zip(after, before, strict=True))
    _need(not (average and not attrs["exclusive"] and padded_end), "its padding is uneven")
    options = {
        "kernel": kernel,
        "strides": strides,
        "before": before,
        "after": after,
        "average": average,
        "exclusive": attrs["exclusive"],
    }
    return Operation("pool", [x], Value(result.shape), options=options)


def _batch_norm(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    x = program.value(operands[0])
    _need(attrs["data_format"] == "NCHW" and len(x.shape) == 4, "the layout is not NCHW")
    _need(not attrs["trainable_statistics"], "its statistics are trainable")
    # If one of them is missing, Paddle gives the other no gradient; that is not reproduced here.
    _need(all(symbol is not None for symbol in operands), "its scale or its shift is missing")
    tensors = {
        role: program.parameter(symbol, f"the {role}")
        for role, symbol in zip(("mean", "variance", "scale", "shift"), operands[1:], strict=True)
    }
    together = tensors["scale"].stop_gradient == tensors["shift"].stop_gradient
    _need(together, "only one of its scale and shift is trained")
    options = {
        "global_stats": attrs["is_test"] or attrs["use_global_stats"],
        "momentum": attrs["momentum"],
        "epsilon": attrs["epsilon"],
    }
    return Operation("batch_norm", [x], Value(result.shape), tensors, options)


def _relu(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    x = program.value(operands[0])
    _need(len(x.shape) in (2, 4), "the array has neither 2 nor 4 dimensions")
    return Operation("relu", [x], Value(result.shape))


def _add(operands: list, attrs: dict, result: Any, program: Program) -> Operation | None:
    for first, second in (operands, operands[::-1]):
        if first.id not in program.values:
            continue
        maker = program.makers.get(first.id)
        bias = program.channel_vectors.get(second.id)
        kind = "convolution"
        if bias is None and len(first.shape) == 2:
            bias, kind = program.parameters.get(second.id), "linear"
        if bias is None:
            continue
        takes_it = maker is not None and maker.kind == kind and "bias" not in maker.tensors
        if maker is None or not takes_it or len(first.all_used_ops()) != 1:
            raise Unsupported("a bias is added to something else")
        width = first.shape[1]
        by_channel = kind == "convolution" or list(bias.shape) in ([width], [1, width])
        _need(prod(bias.shape) == width and by_channel, "the bias has another shape")
        maker.tensors["bias"] = bias
        program.values[result.id] = maker.output
        program.makers[result.id] = maker
        return None
    a, b = (program.value(symbol) for symbol in operands)
    _need(a.shape == b.shape, "the shapes of a sum differ")
    _need(len(a.shape) in (2, 4), "the array has neither 2 nor 4 dimensions")
    return Operation("add", [a, b], Value(result.shape))


def _combine(operands: list, attrs: dict, result: Any, program: Program) -> None:
    program.lists[result.id] = operands


def _concat(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    inputs = [program.value(symbol) for symbol in program.lists[operands[0].id]]
    axis = program.constant(operands[1], "the axis")
    _need(all(len(x.shape) == 4 for x in inputs), "the array has not 4 dimensions")
    _need(axis in (1, -3), "the axis is not the channels'")
    return Operation("concat", inputs, Value(result.shape))


def _reshape(operands: list, attrs: dict, result: Any, program: Program) -> Operation | None:
    source = operands[0]
    if source.id in program.parameters:
        tensor = program.parameters[source.id]
        _need(list(result.shape) == [1, prod(tensor.shape), 1, 1], "a parameter is reshaped")
        program.channel_vectors[result.id] = tensor
        return None
    x, shape = program.value(source), tuple(result.shape)
    if shape == x.shape:
        program.values[result.id] = x
        return None
    _need(len(shape) == 2 and shape[0] == x.shape[0], "not a flattening of [N, C, H, W]")
    return Operation("flatten", [x], Value(shape))


def _mean(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    x = program.value(operands[0])
    axes = attrs["axis"] if "axis" in attrs else program.constant(operands[1], "the axis")
    _need(len(x.shape) == 4 and sorted(a % 4 for a in axes) == [2, 3], "not a mean over H and W")
    size = list(x.shape[2:])
    options = {
        "kernel": size,
        "strides": size,
        "before": [0, 0],
        "after": [0, 0],
        "average": True,
        "exclusive": True,
    }
    return Operation("pool", [x], Value(result.shape), options=options)


def _matmul(operands: list, attrs: dict, result: Any, program: Program) -> Operation:
    x, weight = program.value(operands[0]), program.parameter(operands[1], "the matrix")
    plain = not attrs["transpose_x"] and not attrs["transpose_y"]
    _need(plain and len(x.shape) == 2 and len(weight.shape) == 2, "not a plain linear layer")
    return Operation("linear", [x], Value(result.shape), {"weight": weight})


def _dropout(operands: list, attrs: dict, result: Any, program: Program) -> Operation | None:
    x = program.value(operands[0])
    _need(operands[1] is None and not attrs["fix_seed"], "its seed is fixed")
    _need(attrs["mode"] == "upscale_in_train", "its mode is not upscale_in_train")
    probability = float(program.constant(operands[2], "the probability"))
    if attrs["is_test"] or probability == 0:
        program.values[result.id] = x
        return None
    return Operation("dropout", [x], Value(result.shape), options={"probability": probability})


_READERS: dict[str, Callable[..., Operation | None]] = {
    "conv2d": _convolution,
    "depthwise_conv2d": _convolution,
    "pool2d": _pool,
    "batch_norm_": _batch_norm,
    "relu": _relu,
    "relu_": _relu,
    "add": _add,
    "builtin.combine": _combine,
    "concat": _concat,
    "reshape": _reshape,
    "flatten": _reshape,
    "squeeze": _reshape,
    "mean": _mean,
    "matmul": _matmul,
    "dropout": _dropout,
}
