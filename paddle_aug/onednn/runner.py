"""Running a planned segment, by itself or as one step of Paddle's autograd."""

from collections import defaultdict
from collections.abc import Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle.autograd import PyLayer

from paddle_aug.onednn.graph.operations import Segment
from paddle_aug.onednn.native.buffers import ALIGNMENT, Loan, Pool, Slot
from paddle_aug.onednn.native.openmp import own_threads
from paddle_aug.onednn.native.tensors import tensor_on
from paddle_aug.onednn.plan.arrays import Planner
from paddle_aug.onednn.plan.steps import Binding, External


class _View(NamedTuple):
    """Place of a parameter's gradient in the block of all gradients, as `paddle.as_strided` needs
    it.

    shape and strides count elements; offset counts bytes.
    """

    shape: list[int]
    strides: list[int]
    offset: int


class Runner:
    """A segment, planned for one input shape, that takes and gives Paddle tensors.

    blocks: gives the memory of a step. gradients: gives that of the parameters' gradients, which
    last as long as Paddle keeps them. threads: the number for which the plan was made.
    """

    def __init__(
        self, segment: Segment, planner: Planner, blocks: Pool, gradients: Pool, threads: int
    ):
        self._forward, self._backward = planner.forward, planner.backward
        self.output_shapes = [list(value.shape) for value in segment.outputs]
        self.input_shapes = [list(value.shape) for value in segment.inputs]
        self.tensors = planner.tensors
        self.block_size = planner.block_size
        self._input_gradients = planner.input_gradients
        self._random = planner.random
        self._blocks, self._gradient_pool = blocks, gradients
        self._threads = threads
        self._trained = planner.trained
        self._views, self._gradient_size = self._lay_out_gradients()
        self._inside: list[tuple[Binding, int]] = []  # with the offset in the block
        self._outside: dict[External, list[Binding]] = defaultdict(list)
        for binding in planner.bindings:
            place = binding.place
            if isinstance(place, Slot):
                self._inside.append((binding, place.offset + binding.offset))
            else:
                self._outside[place].append(binding)
        # The addresses that the steps are bound to.
        self._base = 0
        self._addresses: dict[str, list[int]] = {}  # by role, in the order of their indices

    @property
    def trains(self) -> bool:
        """True if a backward pass computes any gradient."""
        return bool(self._trained) or any(self._input_gradients)

    def _lay_out_gradients(self) -> tuple[list[_View], int]:
        views: list[_View] = []
        size = 0
        for index in self._trained:
            shape = self.tensors[index].shape
            strides = [prod(shape[axis + 1 :]) for axis in range(len(shape))]
            views.append(_View(shape, strides, size))
            size += -(-prod(shape) * 4 // ALIGNMENT) * ALIGNMENT
        return views, size

    def forward(self, inputs: Sequence[paddle.Tensor]) -> tuple[list[paddle.Tensor], Loan]:
        """The segment's outputs (float32), and the loan that `backward` needs."""
        loan = self._blocks.lend(self.block_size)
        outputs = [paddle.empty(shape, "float32") for shape in self.output_shapes]
        self._bind_block(loan.address)
        self._bind_tensors()
        self._bind("input", inputs)
        self._bind("output", outputs)
        if self._random:
            # Drawn from Paddle's generator, whose state is all that a resumed run has to restore.
            seed = int(paddle.randint(0, 2**31 - 1, [1], "int64"))
            for index, begin in enumerate(self._random):
                begin([seed, index])
        with own_threads(self._threads):
            for step in self._forward:
                step()
        return outputs, loan

    def backward(
        self, loan: Loan, output_gradients: Sequence[paddle.Tensor]
    ) -> tuple[list[paddle.Tensor | None], list[paddle.Tensor | None]]:
        """Gradients of the inputs and of `tensors`; None where none is wanted.

        Uses up `loan`: the memory of the forward pass becomes that of the backward pass.
        """
        if loan.block is None:
            raise RuntimeError(
                "an accelerated model can run backward() once only after each forward pass"
            )
        self._bind_block(loan.address)
        self._bind_tensors()
        self._bind("output gradient", [_contiguous(given) for given in output_gradients])
        input_gradients = [
            paddle.empty(shape, "float32") if wanted else None
            for shape, wanted in zip(self.input_shapes, self._input_gradients, strict=True)
        ]
        self._bind("input gradient", input_gradients)
        gradients = self._new_gradients()
        with own_threads(self._threads):
            for step in self._backward:
                step()
        loan.release()
        return input_gradients, gradients

    def _new_gradients(self) -> list[paddle.Tensor | None]:
        """Tensors for the parameters' gradients: views of one block, which lasts as long as they
        do."""
        gradients: list[paddle.Tensor | None] = [None] * len(self.tensors)
        if not self._trained:
            return gradients
        loan = self._gradient_pool.lend(self._gradient_size)
        whole = tensor_on(np.asarray(loan).view(np.float32))
        for index, view in zip(self._trained, self._views, strict=True):
            gradients[index] = paddle.as_strided(whole, *view)
        self._bind_addresses("gradient", [loan.address + view.offset for view in self._views])
        return gradients

    def _bind_block(self, base: int) -> None:
        if base != self._base:
            for binding, offset in self._inside:
                binding.step.bind(binding.argument, base + offset)
            self._base = base

    def _bind_tensors(self) -> None:
        # In every step, as loading a checkpoint may move a parameter.
        self._bind("tensor", self.tensors)

    def _bind(self, role: str, tensors: Sequence[paddle.Tensor | None]) -> None:
        self._bind_addresses(role, [0 if t is None else t.data_ptr() for t in tensors])

    def _bind_addresses(self, role: str, addresses: list[int]) -> None:
        known = self._addresses.get(role)
        if known == addresses:
            return
        self._addresses[role] = addresses
        for index, address in enumerate(addresses):
            if address and (known is None or known[index] != address):
                for binding in self._outside.get(External(role, index), ()):
                    binding.step.bind(binding.argument, address + binding.offset)


def _contiguous(tensor: paddle.Tensor) -> paddle.Tensor:
    return tensor if tensor.is_contiguous() else tensor.contiguous()


class _Step(PyLayer):
    """One segment as one node of Paddle's autograd graph."""

    @staticmethod
    def forward(ctx: Any, runner: Runner, count: int, *tensors: paddle.Tensor) -> Any:
        outputs, ctx.loan = runner.forward(tensors[:count])
        ctx.runner = runner
        return outputs[0] if len(outputs) == 1 else tuple(outputs)

    @staticmethod
    def backward(ctx: Any, *output_gradients: paddle.Tensor) -> Any:
        inputs, parameters = ctx.runner.backward(ctx.loan, output_gradients)
        gradients = [*inputs, *parameters]
        return gradients[0] if len(gradients) == 1 else tuple(gradients)


def run(runner: Runner, inputs: Sequence[paddle.Tensor], recording: bool) -> list[paddle.Tensor]:
    """The outputs of a planned segment, with gradients if `recording` and there are any."""
    inputs = [_contiguous(tensor) for tensor in inputs]
    if not (recording and runner.trains):
        outputs, loan = runner.forward([tensor.detach() for tensor in inputs])
        loan.release()
        return outputs
    outputs = _Step.apply(runner, len(inputs), *inputs, *runner.tensors)
    return list(outputs) if isinstance(outputs, tuple) else [outputs]
