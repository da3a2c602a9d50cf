"""A model whose forward pass runs by a plan, with the same layers and parameters."""

import functools
import logging
from collections import OrderedDict
from typing import Any

import paddle

from paddle_aug.core.errors import UserError
from paddle_aug.core.stopping import held_back
from paddle_aug.onednn.graph.operations import (
    Graph,
    Operation,
    Segment,
    Unsupported,
    Value,
    fuse_relu,
    split,
)
from paddle_aug.onednn.graph.trace import trace
from paddle_aug.onednn.native import library as dnn
from paddle_aug.onednn.native.buffers import Pool
from paddle_aug.onednn.native.openmp import own_threads, usable_threads
from paddle_aug.onednn.plan.planner import plan
from paddle_aug.onednn.python_state import Changing, numbers_key, traced_unchanged
from paddle_aug.onednn.runner import Runner, run

logger = logging.getLogger("paddle_aug.onednn")

# Plans kept. A training run needs a few: training and evaluation, each with a short last batch.
MAX_PLANS = 8
# A model is left to Paddle after so many traces that failed as it changes, or that came within so
# many calls of the last one as its numbers change: a trace takes longer than many calls.
MAX_TRACES, FEW_CALLS = 3, 10
DTYPES = {None: dnn.F32, "bf16": dnn.BF16}


class Backend:
    """The plans of one model, by what they depend on, and the memory they share."""

    def __init__(self, amp: str | None):
        self.amp = amp
        self._stages: OrderedDict[Any, list[Any] | None] = OrderedDict()
        self._graphs: OrderedDict[Any, Graph | None] = OrderedDict()
        self._known: dict[int, Any] = {}  # keeps objects alive whose ids are in the keys above
        self._blocks, self._gradients = Pool(), Pool()
        self._noted: set[str] = set()
        self._calls = self._hurried = self._changed = 0
        self._traced_at: dict[Any, int] = {}  # the call of the last trace, whatever the numbers
        self._left_to_paddle = False
        self.refusal: dnn.Refused | None = None  # why the last plan was not made

    def __deepcopy__(self, memo: dict) -> "Backend":
        return Backend(self.amp)  # plans are bound to the parameters they were made for

    def __call__(self, model: "Accelerated", x: Any) -> Any:
        """model(x), by a plan where possible."""
        forward = model.plain_forward
        self._calls += 1
        if self._left_to_paddle:
            return forward(x)
        if not _is_image_batch(x):
            self._note("its input is not one float32 tensor on the CPU: this call runs in Paddle")
            return forward(x)
        recording = paddle.is_grad_enabled()
        structure = self._structure(model)
        threads = usable_threads()
        key = (tuple(x.shape), recording, recording and not x.stop_gradient, structure, threads)
        graph = self._graph(model, (tuple(x.shape), structure))
        if graph is None:
            return forward(x)
        if key not in self._stages:
            while len(self._stages) >= MAX_PLANS:
                self._stages.popitem(last=False)
            self._stages[key] = self._plan(graph, key)
        self._stages.move_to_end(key)
        stages = self._stages[key]
        if stages is None:
            return forward(x)
        values: dict[int, paddle.Tensor] = {id(graph.input): x}
        try:
            for stage in stages:
                stage(values)
        except _Surprise as surprise:
            self._stages[key] = None
            self._note(f"the whole model runs in Paddle: {surprise}")
            return forward(x)
        outputs = [values[id(value)] for value in graph.outputs]
        return outputs[0] if graph.sequence is None else graph.sequence(outputs)

    def is_planned(self) -> bool:
        """True if the last call ran on oneDNN, at least in part."""
        stages = next(reversed(self._stages.values()), None)
        return any(isinstance(stage, _PlannedStage) for stage in stages or ())

    def _graph(self, model: "Accelerated", key: Any) -> Graph | None:
        if key not in self._graphs:
            if self._changes_too_often(key):
                self._leave_to_paddle("numbers of its layers change again and again")
                return None
            while len(self._graphs) >= MAX_PLANS:
                self._graphs.popitem(last=False)
            try:
                self._graphs[key] = self._trace(model, key[0])
            except Changing as reason:
                self._changed += 1
                if self._changed >= MAX_TRACES:
                    self._leave_to_paddle(str(reason))
                return None  # for this call; the next one may be another
        self._graphs.move_to_end(key)
        return self._graphs[key]

    def _changes_too_often(self, key: Any) -> bool:
        """Whether traces for the sake of numbers alone follow each other too closely."""
        shape, structure = key
        without_numbers = shape, tuple(entry[:3] for entry in structure)
        before = self._traced_at.get(without_numbers)
        self._traced_at[without_numbers] = self._calls
        if before is None:
            return False
        self._hurried = self._hurried + 1 if self._calls - before < FEW_CALLS else 0
        return self._hurried >= MAX_TRACES

    def _leave_to_paddle(self, reason: str) -> None:
        self._left_to_paddle = True
        self._stages.clear()
        self._graphs.clear()
        self._note(f"the whole model runs in Paddle: {reason}")

    def _trace(self, model: "Accelerated", shape: tuple[int, ...]) -> Graph | None:
        """The model's operations; None, with a note, where Paddle must run all of it."""
        notes: list[str] = []
        try:
            with held_back() as deliver_signals:
                return traced_unchanged(
                    model,
                    lambda: trace(model, model.plain_forward, shape, notes, deliver_signals),
                )
        except Changing:
            raise
        except Unsupported as reason:
            self._note(f"the whole model runs in Paddle: {reason}")
            return None
        except (MemoryError, OSError):
            raise
        except Exception as error:
            raise fault(f"the model cannot be read ({type(error).__name__}: {error})") from error
        finally:
            for note in notes:
                self._note(f"runs in Paddle: {note}")

    def _plan(self, graph: Graph, key: Any) -> list[Any] | None:
        _, recording, input_needs_gradient, _, threads = key
        stages: list[Any] = []
        # Which input values of a segment need gradients.
        carrying = {id(graph.input)} if input_needs_gradient else set()
        try:
            for stage in split(graph):
                if isinstance(stage, Operation):
                    layer = stage.options["layer"]
                    trained = any(not p.stop_gradient for p in layer.parameters())
                    if recording and (trained or any(id(v) in carrying for v in stage.inputs)):
                        carrying.add(id(stage.output))
                    stages.append(_PaddleStage(stage))
                    continue
                segment = fuse_relu(stage)
                needs = [id(value) in carrying for value in segment.inputs]
                with own_threads(threads):
                    planner = plan(segment, DTYPES[self.amp], needs, recording)
                carrying.update(id(v) for v in segment.outputs if planner.wants(v))
                runner = Runner(segment, planner, self._blocks, self._gradients, threads)
                stages.append(_PlannedStage(segment, runner, recording))
        except dnn.Refused as refusal:
            self.refusal = refusal
            self._note(f"the whole model runs in Paddle: {refusal}")
            return None
        return stages

    def _structure(self, model: paddle.nn.Layer) -> tuple[Any, ...]:
        """What a plan depends on beside shapes: layers, their modes, hooks, numbers, parameters."""
        found: list[Any] = []
        known = self._known

        def visit(layer: paddle.nn.Layer, hooks: int) -> None:
            known[id(layer)] = layer
            found.append((id(layer), layer.training, hooks, numbers_key(layer)))
            for tensor in (*layer._parameters.values(), *layer._buffers.values()):
                if tensor is not None:
                    known[id(tensor)] = tensor
                    found.append((id(tensor), tensor.stop_gradient))
            for sublayer in layer._sub_layers.values():
                if sublayer is not None:
                    hooks = len(sublayer._forward_pre_hooks) + len(sublayer._forward_post_hooks)
                    visit(sublayer, hooks)

        visit(model, 0)
        return tuple(found)

    def _note(self, text: str) -> None:
        if text not in self._noted:
            self._noted.add(text)
            logger.warning("accelerate: %s", text)


def fault(what: str) -> UserError:
    """An error of the fast backend itself, which a slow run in Paddle must not hide."""
    return UserError(
        f"the fast CPU backend: {what}; --cpu-backend paddle computes without it, slower (in a "
        "program of your own: leave accelerate out). Please report it with your versions"
    )


class _Surprise(Exception):
    """A layer that runs in Paddle returned something that the plan was not made for."""


class _PlannedStage:
    """A segment that runs on oneDNN."""

    def __init__(self, segment: Segment, runner: Runner, recording: bool):
        self.inputs, self.outputs = segment.inputs, segment.outputs
        self.runner, self._recording = runner, recording

    def __call__(self, values: dict[int, paddle.Tensor]) -> None:
        results = run(self.runner, [values[id(v)] for v in self.inputs], self._recording)
        values.update((id(v), tensor) for v, tensor in zip(self.outputs, results, strict=True))


class _PaddleStage:
    """A layer that runs in Paddle, between the planned segments."""

    def __init__(self, operation: Operation):
        self._layer = operation.options["layer"]
        self._inputs: list[Value] = operation.inputs
        self._output = operation.output

    def __call__(self, values: dict[int, paddle.Tensor]) -> None:
        result = self._layer(*(values[id(v)] for v in self._inputs))
        # A hook may return something else than the layer did when it was traced.
        same = isinstance(result, paddle.Tensor) and tuple(result.shape) == self._output.shape
        if not same or result.dtype != paddle.float32:
            raise _Surprise(f"{type(self._layer).__name__} gives another result than when traced")
        values[id(self._output)] = result


class Accelerated(paddle.nn.Layer):
    """Mixin that `make` adds to a model's own class."""

    _backend: Backend
    _own_class: type[paddle.nn.Layer]

    def __call__(self, *inputs: Any, **options: Any) -> Any:
        """The result of the model's own call, hooks included.

        `forward` stays the model's own, so that exporting and `paddle.jit` see plain Paddle code.
        """
        replaced = "forward" in self.__dict__  # by paddle.jit.to_static
        if replaced or options or len(inputs) != 1 or not paddle.in_dynamic_mode():
            return super().__call__(*inputs, **options)
        if not (self._forward_pre_hooks or self._forward_post_hooks):
            return self._backend(self, inputs[0])
        self.__dict__["forward"] = functools.partial(self._backend, self)
        try:
            return super().__call__(*inputs)
        finally:
            del self.__dict__["forward"]

    def plain_forward(self, x: Any) -> Any:
        """The model's own forward pass, in Paddle."""
        return self._own_class.forward(self, x)


def make(model: paddle.nn.Layer, amp: str | None) -> paddle.nn.Layer:
    """A model of the same class that shares every layer, parameter and buffer with `model`."""
    own = type(model)
    accelerated = object.__new__(type(own.__name__, (Accelerated, own), {"_own_class": own}))
    accelerated.__dict__.update(model.__dict__)
    object.__setattr__(accelerated, "_backend", Backend(amp))
    return accelerated


def _is_image_batch(x: Any) -> bool:
    return (
        isinstance(x, paddle.Tensor)
        and x.dtype == paddle.float32
        and x.place.is_cpu_place()
        and len(x.shape) in (2, 4)
        and all(x.shape)
    )
