"""Paddle's optimizers, updating many parameters in one call of Paddle's own kernel.

Paddle calls its kernel once a parameter: for GoogLeNet 116 times a step, each with some 25
microseconds of Python and a start of the threads. The gradients of an accelerated model lie side by
side in one block. So the parameters, and what the optimizer keeps of them, are put side by side in
the same order, and one call updates them all. A kernel computes each element by itself: the bytes
are those of Paddle's own step. Names and shapes in the optimizer's state stay as they are, so
checkpoints do too.

Where gradients lie otherwise (on a GPU, with several processes, in a model that Paddle computes)
Paddle's own step updates.
"""

import operator
from collections.abc import Sequence
from math import prod
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import paddle
from paddle import Tensor, _C_ops
from paddle.nn.clip import ClipGradByGlobalNorm, _squared_l2_norm

from paddle_aug.onednn.native.buffers import Pool
from paddle_aug.onednn.native.openmp import own_threads, usable_threads
from paddle_aug.onednn.native.tensors import move, tensor_on

_kernels: Any = _C_ops  # their arguments are those of Paddle's own optimizers
_ITEM = 4  # bytes of a float32
_LARGEST_GAP = 4096  # bytes between neighbours: what alignment leaves, not others' gradients
_MOST_LAYOUTS = 8  # where more are needed, gradients lie elsewhere in every step


class Run:
    """Parameters whose gradients lie side by side, with all that belongs to them laid out alike.

    parameters: in the order of their gradients' addresses; states: accumulators of a parameter's
    shape, such as Adam's moments, powers: those of one number, each a list in the same order.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        states: Sequence[Sequence[Tensor]],
        powers: Sequence[Sequence[Tensor]],
    ):
        self.parameters = parameters
        starts = [_gradient(parameter).data_ptr() for parameter in parameters]
        self._offsets = [start - starts[0] for start in starts]
        places = [offset // _ITEM for offset in self._offsets]
        self._size = places[-1] + prod(parameters[-1].shape)
        self.whole = _side_by_side(parameters, places, self._size)
        self.states = [_side_by_side(tensors, places, self._size) for tensors in states]
        # Numbers that are the same for all: the kernel reads and writes the first.
        self.powers = [tensors[0] for tensors in powers]
        self._powers = [np.empty(len(parameters), np.float32) for _ in powers]
        for tensors, array in zip(powers, self._powers, strict=True):
            for index, tensor in enumerate(tensors):
                move(tensor, array[index : index + 1])
        self._tensors = [*parameters, *(t for group in (*states, *powers) for t in group)]
        self._addresses = [tensor.data_ptr() for tensor in self._tensors]

    def is_intact(self) -> bool:
        """True where everything still lies where it was put, and one call does for all."""
        return [tensor.data_ptr() for tensor in self._tensors] == self._addresses and all(
            bool((array == array[0]).all()) for array in self._powers
        )

    def gradient(self) -> Tensor | None:
        """The parameters' gradients as one tensor, not copied; None where they lie otherwise."""
        gradients = [_gradient(parameter) for parameter in self.parameters]
        if any(gradient is None for gradient in gradients):
            return None
        first = gradients[0]
        start = first.data_ptr()
        if [gradient.data_ptr() - start for gradient in gradients] != self._offsets:
            return None
        # What lies in the memory that `first` keeps alive is no other tensor's.
        if first.offset + self._size * _ITEM > first._holder_size():
            return None
        return paddle.as_strided(first, [self._size], [1], first.offset)

    def spread_powers(self) -> None:
        """Give every parameter the numbers that the kernel has written for the first."""
        for array in self._powers:
            array[1:] = array[0]


# What pyright should know of the class that OnePass stands before.
_Base: Any = paddle.optimizer.Optimizer if TYPE_CHECKING else object


class OnePass(_Base):
    """Stands before one of Paddle's optimizers: `step` in one pass where that can be."""

    _STATES: ClassVar[tuple[str, ...]] = ()  # Paddle's names of accumulators, as in Run
    _POWERS: ClassVar[tuple[str, ...]] = ()
    # Of arrays whose size is a multiple of this Paddle's kernel rounds otherwise than of the rest.
    _WIDTH: ClassVar[int] = 1
    _runs: list[Run] | None = None
    _laid_out: list[Tensor] | None = None  # the parameters that the runs are of
    _layouts = 0

    def update(self, run: Run, gradient: Tensor, rate: Tensor) -> None:
        """Call Paddle's kernel on all of `run`; rate: the learning rate, one float32."""
        raise NotImplementedError

    @paddle.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, to the same bytes as Paddle's step."""
        parameters = [p for p in self._parameter_list if not p.stop_gradient]
        gradients = self._gradients(parameters)
        if self._runs is None or gradients is None:
            super().step()
            return
        with own_threads(usable_threads()):
            self._create_global_learning_rate()
            factor = self._clip_factor(parameters)
            for run, gradient in zip(self._runs, gradients, strict=True):
                if factor is not None:
                    gradient = paddle.multiply(gradient, factor)
                gradient = self._create_regularization_of_grad(
                    run.whole, gradient, self.regularization
                )
                self.update(run, gradient, self._create_param_lr((run.parameters[0], gradient)))
                run.spread_powers()

    def _gradients(self, parameters: list[Tensor]) -> list[Tensor] | None:
        """A gradient for each run of them; None where Paddle's own step must do it."""
        known = self._laid_out or ()
        same = len(known) == len(parameters) and all(map(operator.is_, known, parameters))
        if self._runs is None or not same or not all(run.is_intact() for run in self._runs):
            self._runs, self._laid_out = self._lay_out(parameters), parameters
        gradients = [run.gradient() for run in self._runs or ()]
        found = [gradient for gradient in gradients if gradient is not None]
        if len(found) < len(gradients) or not found:
            self._runs = None
            return None
        return found

    def _lay_out(self, parameters: Sequence[Tensor]) -> list[Run] | None:
        """Put what belongs together side by side; None where that cannot be."""
        if self._layouts >= _MOST_LAYOUTS or not self._can_run(parameters):
            return None
        groups = _neighbours(parameters, self._WIDTH)
        if len(groups) > 1 + len(parameters) // 4:
            return None  # scattered: nothing would be gained
        powers = [[self._of(name, group) for name in self._POWERS] for group in groups]
        if any(len(set(map(float, tensors))) > 1 for each in powers for tensors in each):
            return None  # some parameters have had more steps than others
        self._layouts += 1
        return [
            Run(group, [self._of(name, group) for name in self._STATES], numbers)
            for group, numbers in zip(groups, powers, strict=True)
        ]

    def _can_run(self, parameters: Sequence[Tensor]) -> bool:
        clips = self._grad_clip is None or type(self._grad_clip) is ClipGradByGlobalNorm
        return (
            bool(parameters)
            and clips
            and all(map(_is_plain, parameters))
            # Paddle makes them in its first step, or takes them from a state that was loaded.
            and all(
                parameter.name in self._accumulators[name]
                for name in (*self._STATES, *self._POWERS)
                for parameter in parameters
            )
        )

    def _of(self, name: str, parameters: Sequence[Tensor]) -> list[Tensor]:
        return [self._accumulators[name][parameter.name] for parameter in parameters]

    def _clip_factor(self, parameters: Sequence[Tensor]) -> Tensor | None:
        """What every gradient is multiplied by, summed up as ClipGradByGlobalNorm does."""
        if self._grad_clip is None:
            return None
        squares = paddle.stack([_squared_l2_norm(_gradient(p)) for p in parameters]).sum()
        norm = paddle.sqrt(paddle.stack([squares]).sum())
        limit = paddle.full([1], self._grad_clip.clip_norm, "float32")
        return paddle.divide(limit, paddle.maximum(norm, limit))


class Adam(OnePass, paddle.optimizer.Adam):
    """paddle.optimizer.Adam, in one pass."""

    _STATES = ("moment1", "moment2")
    _POWERS = ("beta1_pow_acc", "beta2_pow_acc")

    def update(self, run: Run, gradient: Tensor, rate: Tensor) -> None:
        _kernels.adam_(
            run.whole, gradient, rate, *run.states, None, *run.powers, None, None,
            self._beta1, self._beta2, self._epsilon, False, 1000, False, False, False,
        )  # fmt: skip


class AdamW(OnePass, paddle.optimizer.AdamW):
    """paddle.optimizer.AdamW, in one pass."""

    _STATES = Adam._STATES
    _POWERS = Adam._POWERS

    def update(self, run: Run, gradient: Tensor, rate: Tensor) -> None:
        _kernels.adamw_(
            run.whole, gradient, rate, *run.states, None, *run.powers, None, None,
            self._beta1, self._beta2, self._epsilon, 1.0, self._weight_decay, True,
            False, 1000, False, False, False,
        )  # fmt: skip


class SGD(OnePass, paddle.optimizer.SGD):
    """paddle.optimizer.SGD, in one pass."""

    _WIDTH = 8

    def update(self, run: Run, gradient: Tensor, rate: Tensor) -> None:
        _kernels.sgd_(run.whole, rate, gradient, None, False)


class Momentum(OnePass, paddle.optimizer.Momentum):
    """paddle.optimizer.Momentum, in one pass."""

    _STATES = ("velocity",)

    def update(self, run: Run, gradient: Tensor, rate: Tensor) -> None:
        _kernels.momentum_(
            run.whole, gradient, *run.states, rate, None, self._momentum, self._use_nesterov,
            self._regularization_method, self._regularization_coeff, False, self._rescale_grad,
        )  # fmt: skip


def _gradient(parameter: Tensor) -> Any:
    return parameter.grad


def _is_plain(parameter: Tensor) -> bool:
    """True for a float32 parameter on the CPU with such a gradient and no rules of its own."""
    gradient = _gradient(parameter)
    return (
        parameter.place.is_cpu_place()
        and gradient is not None
        and parameter.dtype == gradient.dtype == paddle.float32
        and gradient.place.is_cpu_place()
        and parameter.is_contiguous()
        and gradient.is_contiguous()
        and parameter.regularizer is None
        and parameter.need_clip
    )


def _neighbours(parameters: Sequence[Tensor], width: int) -> list[list[Tensor]]:
    """`parameters` by their gradients' addresses, in groups that one call can update.

    A group has one block of gradients, one learning rate, and sizes that are all multiples of
    `width`, or none of them is.
    """
    groups: list[list[Tensor]] = []
    end, kind = 0, None
    for parameter in sorted(parameters, key=lambda p: _gradient(p).data_ptr()):
        gradient, size = _gradient(parameter), prod(parameter.shape)
        start, rate = gradient.data_ptr(), parameter.optimize_attr["learning_rate"]
        same = (start - gradient.offset, rate, size % width == 0)
        if kind != same or not 0 <= start - end <= _LARGEST_GAP:
            groups.append([])
        groups[-1].append(parameter)
        end, kind = start + size * _ITEM, same
    return groups


def _side_by_side(tensors: Sequence[Tensor], places: Sequence[int], size: int) -> Tensor:
    """One tensor of `size` elements in which `tensors` lie from now on, each at its place."""
    memory = np.asarray(Pool().lend(size * _ITEM)).view(np.float32)[:size]
    for tensor, place in zip(tensors, places, strict=True):
        move(tensor, memory[place : place + prod(tensor.shape)].reshape(tensor.shape))
    return tensor_on(memory)
