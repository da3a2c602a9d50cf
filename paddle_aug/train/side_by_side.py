"""Puts parameters side by side in memory like their gradients, so that one call updates many."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import Tensor

from paddle_aug.onednn.native.buffers import Pool, return_freed_memory
from paddle_aug.onednn.native.tensors import floats, move, tensor_on

_ITEM = 4  # bytes of a float32
# Elements of a piece: long enough to be worth a call, short enough to stay in the cache between
# steps of the update.
PIECE = 1 << 20
_LARGE = 1 << 16  # from so many elements on the old memory is given back at once
_LARGEST_GAP = 4096  # bytes between neighbours: alignment leaves less, another gradient needs more


class Piece(NamedTuple):
    """A part of a Stretch: the elements of its parameters and of each of their states.

    weights: the memory of `parameter` as an array. offset: in the Stretch's gradients, in bytes.
    """

    parameter: Tensor
    weights: np.ndarray
    states: list[Tensor]
    offset: int


class Stretch:
    """Parameters whose gradients lie side by side, with their accumulators in the same order.

    parameters: in the order of their gradients' addresses. accumulators: for each parameter those
    of its shape (such as Adam's moments) and those of one number, which are equal for all.
    """

    def __init__(
        self,
        parameters: Sequence[Tensor],
        accumulators: Callable[[Tensor], tuple[list[Tensor], list[Tensor]]],
    ):
        self.parameters = parameters
        starts = [gradient_of(parameter).data_ptr() for parameter in parameters]
        self._offsets = [start - starts[0] for start in starts]
        sizes = [prod(parameter.shape) for parameter in parameters]
        self._size = self._offsets[-1] // _ITEM + sizes[-1]
        places = [
            slice(o // _ITEM, o // _ITEM + n) for o, n in zip(self._offsets, sizes, strict=True)
        ]
        self._tensors: list[Tensor] = []
        memories = [_memory(self._size)]
        for parameter, place in zip(parameters, places, strict=True):
            self._put(parameter, memories[0][place].reshape(parameter.shape))
        self._numbers: list[np.ndarray] = []
        # One parameter at a time, so that only its states are in memory twice: the largest first,
        # while there are no others yet.
        largest_first = sorted(range(len(parameters)), key=lambda i: -sizes[i])
        for index in largest_first:
            parameter, place = parameters[index], places[index]
            states, numbers = accumulators(parameter)
            if index == largest_first[0]:
                memories += [_memory(self._size) for _ in states]
                self._numbers = [np.empty(len(parameters), np.float32) for _ in numbers]
            for tensor, memory in zip(states, memories[1:], strict=True):
                self._put(tensor, memory[place].reshape(parameter.shape))
            for tensor, array in zip(numbers, self._numbers, strict=True):
                self._put(tensor, array[index : index + 1])
        self._addresses = [tensor.data_ptr() for tensor in self._tensors]
        self.numbers = [tensor_on(array[:1]) for array in self._numbers]
        self.pieces: list[Piece] = []
        for first in range(0, self._size, PIECE):
            parts = [memory[first : first + PIECE] for memory in memories]
            parameter, *states = map(tensor_on, parts)
            self.pieces.append(Piece(parameter, parts[0], states, first * _ITEM))

    def _put(self, tensor: Tensor, target: np.ndarray) -> None:
        move(tensor, target)
        self._tensors.append(tensor)
        if target.size >= _LARGE:
            return_freed_memory()

    def is_intact(self) -> bool:
        """True while everything lies where it was put, and the single numbers are equal."""
        return [tensor.data_ptr() for tensor in self._tensors] == self._addresses and all(
            bool((array == array[0]).all()) for array in self._numbers
        )

    def gradients(self) -> list[Tensor] | None:
        """The gradient of each piece without a copy; None where they do not lie side by side."""
        gradients = [gradient_of(parameter) for parameter in self.parameters]
        if any(gradient is None for gradient in gradients):
            return None
        first = gradients[0]
        start = first.data_ptr()
        if [gradient.data_ptr() - start for gradient in gradients] != self._offsets:
            return None
        # `first` keeps the whole block alive, so no other tensor can be in it.
        if first.offset + self._size * _ITEM > first._holder_size():
            return None
        return [
            paddle.as_strided(first, [piece.weights.size], [1], first.offset + piece.offset)
            for piece in self.pieces
        ]

    def multiply_numbers(self, factors: Sequence[float]) -> None:
        """Multiply each of the parameters' numbers by its factor, in float32."""
        for array, factor in zip(self._numbers, factors, strict=True):
            array *= np.float32(factor)


class GradientChange:
    """Scales gradients and adds weight decay, in memory that is used again."""

    def __init__(self) -> None:
        self._results = np.empty(PIECE, np.float32)
        self._decay = np.empty(PIECE, np.float32)

    def __call__(
        self, gradient: Tensor, weights: np.ndarray, factor: float | None, decay: float
    ) -> Tensor:
        """gradient * factor + decay * weights, rounded as Paddle's operations do one by one.

        Changes no gradient; the result holds until the next call.
        """
        if factor is None and not decay:
            return gradient
        size = weights.size
        values, result = floats(gradient.data_ptr(), size), self._results[:size]
        if factor is not None:
            values = np.multiply(values, np.float32(factor), out=result)
        if decay:
            added = np.multiply(weights, np.float32(decay), out=self._decay[:size])
            added += np.float32(0)  # as Paddle's scaling adds a bias of 0, which turns -0 into 0
            np.add(values, added, out=result)
        return tensor_on(result)


def gradient_of(parameter: Tensor) -> Any:
    return parameter.grad


def neighbours(parameters: Sequence[Tensor], width: int) -> list[list[Tensor]]:
    """`parameters` in groups that one call can update, sorted by their gradients' addresses.

    A group has one block of gradients, one learning rate, and sizes that are all multiples of
    `width`, or none of them is.
    """
    groups: list[list[Tensor]] = []
    end, kind = 0, None
    for parameter in sorted(parameters, key=lambda p: gradient_of(p).data_ptr()):
        gradient, size = gradient_of(parameter), prod(parameter.shape)
        start, rate = gradient.data_ptr(), parameter.optimize_attr["learning_rate"]
        same = (start - gradient.offset, rate, size % width == 0)
        if kind != same or not 0 <= start - end <= _LARGEST_GAP:
            groups.append([])
        groups[-1].append(parameter)
        end, kind = start + size * _ITEM, same
    return groups


def _memory(size: int) -> np.ndarray:
    """Memory for `size` float32, in huge pages where the system has them."""
    return np.asarray(Pool().lend(size * _ITEM)).view(np.float32)[:size]
