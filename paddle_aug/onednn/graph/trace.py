"""Finds a model's operations: reads the program of Paddle's own tracing into a Graph.

`paddle.jit` runs the model's Python once on symbols and lists every operation with its attributes
and parameters, so that no model needs a second description and no operation is missed. An operation
that is not recognised runs in Paddle, with the smallest layer around it that can run alone.
"""

import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import paddle

from paddle_aug.onednn.graph.operations import Graph, Operation, Unsupported, Value
from paddle_aug.onednn.graph.recognise import Program, recognise

_Hook = Callable[..., Any]  # Paddle's stubs, unlike Paddle, require that hooks return something


@dataclass
class _Call:
    """One call of a layer during tracing; start, stop: its range of the program's operations."""

    layer: paddle.nn.Layer
    name: str
    inputs: tuple[Any, ...]
    start: int
    stop: int = -1
    output: Any = None
    hooked: bool = False


def trace(
    model: paddle.nn.Layer,
    forward: Callable[[Any], Any],
    shape: Sequence[int],
    notes: list[str] | None = None,
    between_layers: Callable[[], None] = lambda: None,
) -> Graph:
    """The operations of `forward(x)` for a float32 `x` of exactly this shape.

    model: the layer whose sublayers `forward` calls. notes: receives one line for each layer that
    will run in Paddle. between_layers: called before each layer; may raise. Raises Unsupported
    where the whole model must run in Paddle.
    """
    calls: list[_Call] = []
    returned: list[Any] = []

    # Paddle would rewrite the source of traced code, to support control flow that depends on
    # values. No plan could follow that, so the code is run unchanged.
    @paddle.jit.not_to_static
    def untransformed(x: Any) -> Any:
        result = forward(x)
        returned.append(result)
        return result

    def function(x: Any) -> Any:
        return untransformed(x)

    with (
        _recorded_calls(model, calls, between_layers),
        _unique_names(model) as tensors,
        paddle.utils.unique_name.guard(),
        warnings.catch_warnings(record=True) as warned,
    ):
        warnings.simplefilter("always")
        specification = paddle.static.InputSpec(list(shape), "float32")
        traced = paddle.jit.to_static(function, full_graph=True)
        try:
            program = traced.get_concrete_program(specification)[0].main_program
        except (Unsupported, MemoryError, OSError):
            raise
        except Exception as error:  # whatever the model's own code raises when it runs on symbols
            raise Unsupported(f"it cannot be traced ({error})") from error
    # Symbols never change, so a program would read the old value where Paddle reads the new one.
    if any("does not perform inplace" in str(warning.message) for warning in warned):
        raise Unsupported("it changes a value in place")
    operations = [op for op in program.global_block().ops if op.name() != "builtin.parameter"]
    source = Program(program, tensors)
    outputs, sequence = _outputs(returned[-1])
    return _Reader(source, operations, calls, notes if notes is not None else []).read(
        outputs, sequence
    )


def _outputs(returned: Any) -> tuple[list[Any], type | None]:
    if isinstance(returned, (list, tuple)):
        if not all(_is_symbol(value) for value in returned):
            raise Unsupported("the model returns something else than tensors")
        return list(returned), type(returned)
    if not _is_symbol(returned):
        raise Unsupported("the model returns something else than a tensor")
    return [returned], None


def _is_symbol(value: Any) -> bool:
    # Part of Paddle's interface, although its stubs treat the name as an import.
    return isinstance(value, paddle.pir.Value)  # pyright: ignore[reportPrivateImportUsage]


@contextmanager
def _recorded_calls(
    model: paddle.nn.Layer, calls: list[_Call], between_layers: Callable[[], None]
) -> Iterator[None]:
    """Context in which every call of a sublayer is added to `calls`, in the order of their ends."""
    begun: list[_Call] = []
    kept: list[tuple[paddle.nn.Layer, tuple[Any, Any]]] = []

    def before(name: str, hooked: bool) -> _Hook:
        def note(layer: paddle.nn.Layer, inputs: tuple[Any, ...]) -> None:
            between_layers()
            begun.append(_Call(layer, name, inputs, _position(), hooked=hooked))

        return note

    def after() -> _Hook:
        def note(layer: paddle.nn.Layer, inputs: tuple[Any, ...], output: Any) -> None:
            call = begun.pop()
            call.stop, call.output = _position(), output
            calls.append(call)

        return note

    try:
        for name, layer in model.named_sublayers():
            # The user's own hooks expect real values; they are called when the layer runs.
            hooks = (layer._forward_pre_hooks, layer._forward_post_hooks)
            kept.append((layer, hooks))
            layer._forward_pre_hooks, layer._forward_post_hooks = OrderedDict(), OrderedDict()
            layer.register_forward_pre_hook(before(name, any(hooks)))
            layer.register_forward_post_hook(after())
        yield
    finally:
        for layer, hooks in kept:
            layer._forward_pre_hooks, layer._forward_post_hooks = hooks


def _position() -> int:
    """Number of operations traced so far, without parameters, which are put at the front."""
    operations = paddle.static.default_main_program().global_block().ops
    return sum(op.name() != "builtin.parameter" for op in operations)


@contextmanager
def _unique_names(model: paddle.nn.Layer) -> Iterator[dict[str, paddle.Tensor]]:
    """Context in which the model's tensors have unique names; gives the tensors by name.

    The program refers to parameters by name only, and models made under different unique_name
    guards may use one name for two of them.
    """
    tensors = {id(tensor): tensor for tensor in (*model.parameters(), *model.buffers())}.values()
    names = [tensor.name for tensor in tensors]
    for index, tensor in enumerate(tensors):
        tensor.name = f"accelerated_{index}"
    try:
        yield {tensor.name: tensor for tensor in tensors}
    finally:
        for tensor, name in zip(tensors, names, strict=True):
            tensor.name = name


class _Reader:
    """Turns a traced program into a Graph."""

    def __init__(
        self, program: Program, operations: list[Any], calls: list[_Call], notes: list[str]
    ):
        self._program, self._operations = program, operations
        self._calls, self._notes = calls, notes

    def read(self, outputs: list[Any], sequence: type | None) -> Graph:
        """The graph; `outputs` are the symbols that the model returned."""
        operations: list[Operation] = []
        opaque = self._opaque_calls(outputs)
        position = 0
        while position < len(self._operations):
            call = opaque.get(position)
            if call is not None:
                operations.append(self._opaque(call))
                position = call.stop
                continue
            found = recognise(self._operations[position], self._program)
            if found is not None:
                operations.append(found)
            position += 1
        values = self._program.values
        try:
            wanted = [values[symbol.id] for symbol in outputs]
        except KeyError:
            raise Unsupported("the model returns a value that is not computed from x") from None
        return Graph(self._program.input, wanted, _needed(operations, wanted), sequence)

    def _opaque_calls(self, outputs: list[Any]) -> dict[int, _Call]:
        """The calls that must run in Paddle, by their first operation; none inside another."""
        chosen: list[_Call] = [call for call in self._calls if call.hooked]
        for call in chosen:
            self._check_alone(call, outputs, "has hooks")
            self._notes.append(f"{call.name} ({type(call.layer).__name__}): it has hooks")
        # A trial: its Program is thrown away, as merging a bias changes an operation in place.
        trial = Program(self._program.program, self._program.tensors)
        position = 0
        while position < len(self._operations):
            inside = [call for call in chosen if call.start <= position < call.stop]
            if not inside:
                try:
                    recognise(self._operations[position], trial)
                    position += 1
                    continue
                except Unsupported as reason:
                    call = self._smallest_around(position, outputs, str(reason))
                    self._notes.append(f"{call.name} ({type(call.layer).__name__}): {reason}")
                    chosen.append(call)
                    inside = [call]
            stop = max(call.stop for call in inside)
            for operation in self._operations[position:stop]:
                trial.declare_results(operation)
            position = stop
        return {call.start: call for call in chosen if not _inside_another(call, chosen)}

    def _smallest_around(self, position: int, outputs: list[Any], reason: str) -> _Call:
        # Calls are in the order of their ends, so the first one around the position is the
        # innermost.
        for call in self._calls:
            if call.start <= position < call.stop and self._is_alone(call, outputs):
                return call
        raise Unsupported(reason)

    def _check_alone(self, call: _Call, outputs: list[Any], reason: str) -> None:
        if not self._is_alone(call, outputs):
            raise Unsupported(f"{call.name} {reason}")

    def _is_alone(self, call: _Call, outputs: list[Any]) -> bool:
        """True if the layer computes one tensor from its arguments alone."""
        if not _is_symbol(call.output) or not all(map(_is_symbol, call.inputs)):
            return False
        inside = self._operations[call.start : call.stop]
        made = {symbol.id for op in inside for symbol in op.results()}
        given = {symbol.id for symbol in call.inputs}
        for op in inside:
            for symbol in op.operands_source():
                if symbol is None or not symbol.initialized() or symbol.id in made | given:
                    continue
                if not self._program.is_constant(symbol):
                    return False
        outside = self._operations[: call.start] + self._operations[call.stop :]
        used = {s.id for op in outside for s in op.operands_source() if s is not None}
        used |= {symbol.id for symbol in outputs}
        return not (made & used) - {call.output.id}

    def _opaque(self, call: _Call) -> Operation:
        inputs = [self._program.values[symbol.id] for symbol in call.inputs]
        output = self._program.values[call.output.id] = Value(call.output.shape)
        return Operation("paddle", inputs, output, options={"layer": call.layer})


def _inside_another(call: _Call, calls: list[_Call]) -> bool:
    return any(
        other is not call and other.start <= call.start and call.stop <= other.stop
        for other in calls
        if other.stop - other.start > call.stop - call.start
    )


def _needed(operations: list[Operation], outputs: list[Value]) -> list[Operation]:
    """The operations without those whose results are not read and that change nothing else."""
    wanted = set(map(id, outputs))
    kept = []
    for operation in reversed(operations):
        if id(operation.output) in wanted or operation.kind in ("paddle", "batch_norm"):
            kept.append(operation)
            wanted.update(map(id, operation.inputs))
    return kept[::-1]
