"""A model as a list of operations: the result of `trace`, from which `plan` makes a plan.

Shapes are Paddle's: [N, C, H, W] or [N, features]. Operations are in an order in which they can
run, and each makes one value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


class Unsupported(Exception):
    """Raised for an operation, or a form of it, that is not planned: it runs in Paddle."""


class Value:
    """One array that flows through the model; compared by identity."""

    __slots__ = ("shape",)

    def __init__(self, shape: Sequence[int]):
        self.shape = tuple(int(extent) for extent in shape)


@dataclass
class Operation:
    """One step of the model.

    kind: a key of lowerings.LOWERINGS, or "paddle" for a layer that runs in Paddle.
    tensors: the Paddle tensors it reads besides its inputs, by role ("weight", "bias", "mean").
    """

    kind: str
    inputs: list[Value]
    output: Value
    tensors: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)


@dataclass
class Graph:
    """A model's operations from its input to its outputs.

    sequence: None where the model returns one tensor, else the type (list or tuple) it returns.
    """

    input: Value
    outputs: list[Value]
    operations: list[Operation]
    sequence: type | None = None


@dataclass
class Segment:
    """Operations that run in one plan; `inputs` and `outputs` are Paddle tensors."""

    operations: list[Operation]
    inputs: list[Value]
    outputs: list[Value]


def split(graph: Graph) -> list[Segment | Operation]:
    """The graph as stages: planned segments, and between them the layers that run in Paddle."""
    stages: list[list[Operation] | Operation] = []
    for operation in graph.operations:
        if operation.kind == "paddle":
            stages.append(operation)
        elif stages and isinstance(stages[-1], list):
            stages[-1].append(operation)
        else:
            stages.append([operation])
    return [stage if isinstance(stage, Operation) else _segment(stage, graph) for stage in stages]


def _segment(operations: list[Operation], graph: Graph) -> Segment:
    inside = set(map(id, operations))
    made = [operation.output for operation in operations]
    read = _unique(value for operation in operations for value in operation.inputs)
    wanted = set(map(id, graph.outputs))
    for operation in graph.operations:
        if id(operation) not in inside:
            wanted.update(map(id, operation.inputs))
    made_ids = set(map(id, made))
    return Segment(
        operations,
        inputs=[value for value in read if id(value) not in made_ids],
        outputs=[value for value in made if id(value) in wanted],
    )


def _unique(values: Iterable[Value]) -> list[Value]:
    return list({id(value): value for value in values}.values())


# Operations that can apply max(0, .) to their result before storing it.
_TAKES_RELU = {"convolution", "batch_norm", "add", "linear"}


def fuse_relu(segment: Segment) -> Segment:
    """Merge a ReLU into the operation before it, if nothing else reads that operation's result."""
    uses = consumers(segment)
    made_by: dict[int, int] = {}  # value -> index in `kept` of the operation that makes it
    kept: list[Operation] = []
    for operation in segment.operations:
        place = made_by.get(id(operation.inputs[0]))
        if operation.kind == "relu" and place is not None and _takes_relu(kept[place], uses):
            # A new operation, as the graph may be planned again.
            options = {**kept[place].options, "relu": True}
            kept[place] = replace(kept[place], output=operation.output, options=options)
            made_by[id(operation.output)] = place
        else:
            made_by[id(operation.output)] = len(kept)
            kept.append(operation)
    return Segment(kept, segment.inputs, segment.outputs)


def _takes_relu(operation: Operation, uses: dict[int, int]) -> bool:
    only_reader = uses[id(operation.output)] == 1
    return operation.kind in _TAKES_RELU and only_reader and not operation.options.get("relu")


def consumers(segment: Segment) -> dict[int, int]:
    """How often each value is read, by id; being an output of the segment counts as one."""
    uses: dict[int, int] = {}
    for operation in segment.operations:
        uses.setdefault(id(operation.output), 0)
        for value in operation.inputs:
            uses[id(value)] = uses.get(id(value), 0) + 1
    for value in segment.outputs:
        uses[id(value)] += 1
    return uses
