"""Paddle's optimizers, updating many parameters in one call of Paddle's own kernel.

Paddle calls its kernel once for each parameter: for GoogLeNet 116 times a step, each time with
about 20 microseconds of Python and a start of the threads. With the oneDNN backend all gradients
lie side by side in one block of memory. Therefore the parameters and the optimizer's values for
them (its state) are put side by side in the same order and updated in long pieces. A kernel
computes each element independently, so the bytes are those of Paddle's own step. Names and shapes
in the optimizer's state, and so checkpoints, stay the same.

Where gradients do not lie side by side (on a GPU, with several processes, without the oneDNN
backend), Paddle's own step is used.
"""

import operator
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import paddle
from paddle import Tensor, _C_ops
from paddle.nn.clip import ClipGradByGlobalNorm, _squared_l2_norm
from paddle.regularizer import L2Decay

from paddle_aug.onednn.native.openmp import own_threads, usable_threads
from paddle_aug.train.side_by_side import GradientChange, Piece, Stretch, gradient_of, neighbours

_kernels: Any = _C_ops  # called as in Paddle's own optimizers
_POWERS_STAY = True  # tells the kernel not to update the powers of beta: there are several pieces
_MOST_LAYOUTS = 8  # more mean that gradients move in every step: Paddle's step is then used


# What pyright should know of the class that OnePass stands before.
_Base: Any = paddle.optimizer.Optimizer if TYPE_CHECKING else object


class OnePass(_Base):
    """Mixin for one of Paddle's optimizers: `step` in one pass where that is possible."""

    _STATES: ClassVar[tuple[str, ...]] = ()  # names of Paddle's accumulators, see Stretch
    _POWERS: ClassVar[tuple[str, ...]] = ()
    # Paddle's kernel rounds differently for arrays whose size is a multiple of this number.
    _WIDTH: ClassVar[int] = 1
    _stretches: list[Stretch] | None = None
    _laid_out: list[Tensor] | None = None  # the parameters in the stretches
    _layouts = 0

    def update(self, piece: Piece, powers: list[Tensor], gradient: Tensor, rate: Tensor) -> None:
        """Call Paddle's kernel on a piece, whose weights and states it changes in place.

        gradient: float32 of the piece's size, with clipping and L2 decay in it. powers, rate (the
        learning rate): float32 [1] each.
        """
        raise NotImplementedError

    def bases(self) -> list[float]:
        """The numbers, in [0, 1), whose powers are in _POWERS, such as Adam's betas."""
        return []

    @paddle.no_grad()
    def step(self) -> None:
        """Update every parameter that has a gradient, to the same bytes as Paddle's step."""
        parameters = [p for p in self._parameter_list if not p.stop_gradient]
        self._lay_out_anew(parameters)
        gradients = self._gradients()
        if self._stretches is None or gradients is None:
            self._stretches = None  # the next step tries again
            super().step()
            return
        with own_threads(usable_threads()):
            self._create_global_learning_rate()
            change, factor = GradientChange(), self._clip_factor(parameters)
            decay = 0.0 if self.regularization is None else self.regularization._coeff
            for stretch, parts in zip(self._stretches, gradients, strict=True):
                rate = self._create_param_lr((stretch.parameters[0], None))
                for piece, gradient in zip(stretch.pieces, parts, strict=True):
                    gradient = change(gradient, piece.weights, factor, decay)
                    self.update(piece, stretch.numbers, gradient, rate)
                stretch.multiply_numbers(self.bases())

    def state_shapes(self, parameter: Tensor) -> dict[str, list[int]]:
        """The shape of each entry of the state that is of the parameter, by Paddle's name of it."""
        shapes = {f"{parameter.name}_{name}_0": list(parameter.shape) for name in self._STATES}
        return shapes | {f"{parameter.name}_{name}_0": [1] for name in self._POWERS}

    def set_state_dict(self, state_dict: dict[str, Tensor]) -> None:
        """Take what fits of a state, which may be another optimizer's or of other parameters; what
        it lacks begins as in a new run."""
        own: dict[str, list[int]] = {}
        for parameter in self._parameter_list:
            own |= self.state_shapes(parameter)
        fitting = {name: v for name, v in state_dict.items() if own.get(name) == list(v.shape)}
        super().set_state_dict(fitting)

    def _add_accumulator(self, name: str, param: Tensor, **settings: Any) -> Tensor:
        # Paddle takes it from the loaded state, if there is one, and fails where that lacks it.
        loaded = self._accumulators_holder
        if f"{param.name}_{name}_0" not in loaded:
            self._accumulators_holder = {}
        try:
            return super()._add_accumulator(name, param, **settings)
        finally:
            self._accumulators_holder = loaded

    def _lay_out_anew(self, parameters: list[Tensor]) -> None:
        """Lay them out unless they lie as they were put; no stretches where that is not possible.

        parameters: those that are updated in this step.
        """
        known = self._laid_out or ()
        same = len(known) == len(parameters) and all(map(operator.is_, known, parameters))
        if same and self._stretches and all(each.is_intact() for each in self._stretches):
            return
        self._stretches, self._laid_out = self._lay_out(parameters), parameters
        if not all(stretch.is_intact() for stretch in self._stretches or ()):
            self._stretches = None  # some parameters have had more steps than others

    def _gradients(self) -> list[list[Tensor]] | None:
        """For each Stretch the gradients of its pieces; None where some lie apart."""
        gradients = [stretch.gradients() for stretch in self._stretches or ()]
        found = [parts for parts in gradients if parts is not None]
        return found if len(found) == len(gradients) else None

    def _lay_out(self, parameters: Sequence[Tensor]) -> list[Stretch] | None:
        """Put parameters and states side by side; None where that is not possible."""
        if self._layouts >= _MOST_LAYOUTS or not self._fits(parameters):
            return None
        groups = neighbours(parameters, self._WIDTH)
        if len(groups) > 1 + len(parameters) // 4:
            return None  # scattered in memory: nothing would be gained
        self._layouts += 1
        stretches = [Stretch(group, self._accumulators_of) for group in groups]
        for name in (*self._STATES, *self._POWERS):  # in Paddle's order, in which they are saved
            made = self._accumulators[name]
            names = [p.name for p in self._parameter_list if p.name in made]
            self._accumulators[name] = {each: made[each] for each in names}
        return stretches

    def _fits(self, parameters: Sequence[Tensor]) -> bool:
        """Whether `step` can clip, decay and update as Paddle does with these parameters."""
        known = type(self._grad_clip) in (type(None), ClipGradByGlobalNorm) and type(
            self.regularization
        ) in (type(None), L2Decay)
        return bool(parameters) and known and all(map(_is_plain, parameters))

    def _accumulators_of(self, parameter: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """A parameter's accumulators; Paddle makes missing ones, at 0 or from a loaded state."""
        block = paddle.static.default_main_program().global_block()
        self._create_accumulators(block, [parameter])
        states, powers = (
            [self._accumulators[name][parameter.name] for name in names]
            for names in (self._STATES, self._POWERS)
        )
        return states, powers

    def _clip_factor(self, parameters: Sequence[Tensor]) -> float | None:
        """What all gradients are multiplied by, in (0, 1]; None where they are not clipped. Added
        up in the order of ClipGradByGlobalNorm."""
        if self._grad_clip is None:
            return None
        # Array by array, as the order of a sum decides its last bit.
        squares = paddle.stack([_squared_l2_norm(gradient_of(p)) for p in parameters]).sum()
        norm = paddle.sqrt(paddle.stack([squares]).sum())
        limit = paddle.full([1], self._grad_clip.clip_norm, "float32")
        return float(paddle.divide(limit, paddle.maximum(norm, limit)))


class Adam(OnePass, paddle.optimizer.Adam):
    """paddle.optimizer.Adam, in one pass: two moments a weight, powers of both betas."""

    _STATES = ("moment1", "moment2")
    _POWERS = ("beta1_pow_acc", "beta2_pow_acc")

    def bases(self) -> list[float]:
        return [self._beta1, self._beta2]

    def update(self, piece: Piece, powers: list[Tensor], gradient: Tensor, rate: Tensor) -> None:
        _kernels.adam_(
            piece.parameter, gradient, rate, *piece.states, None, *powers, None, None,
            self._beta1, self._beta2, self._epsilon, False, 1000, False, _POWERS_STAY, False,
        )  # fmt: skip


class AdamW(OnePass, paddle.optimizer.AdamW):
    """paddle.optimizer.AdamW, in one pass; its decay is in the kernel, not in the gradient."""

    _STATES = Adam._STATES
    _POWERS = Adam._POWERS

    def bases(self) -> list[float]:
        return [self._beta1, self._beta2]

    def update(self, piece: Piece, powers: list[Tensor], gradient: Tensor, rate: Tensor) -> None:
        _kernels.adamw_(
            piece.parameter, gradient, rate, *piece.states, None, *powers, None, None,
            self._beta1, self._beta2, self._epsilon, 1.0, self._weight_decay, True,
            False, 1000, False, _POWERS_STAY, False,
        )  # fmt: skip


class SGD(OnePass, paddle.optimizer.SGD):
    """paddle.optimizer.SGD, in one pass; without a state."""

    _WIDTH = 8

    def update(self, piece: Piece, powers: list[Tensor], gradient: Tensor, rate: Tensor) -> None:
        _kernels.sgd_(piece.parameter, rate, gradient, None, False)


class Momentum(OnePass, paddle.optimizer.Momentum):
    """paddle.optimizer.Momentum, in one pass: a velocity a weight."""

    _STATES = ("velocity",)

    def update(self, piece: Piece, powers: list[Tensor], gradient: Tensor, rate: Tensor) -> None:
        _kernels.momentum_(
            piece.parameter, gradient, *piece.states, rate, None, self._momentum,
            self._use_nesterov, self._regularization_method, self._regularization_coeff,
            False, self._rescale_grad,
        )  # fmt: skip


def _is_plain(parameter: Tensor) -> bool:
    """True for a float32 parameter on the CPU with such a gradient and no options of its own."""
    gradient = gradient_of(parameter)
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
