"""Parameters laid out in memory as their gradients are, so that one kernel call updates many."""

from collections.abc import Callable, Sequence
from math import prod
from typing import Any, NamedTuple

import numpy as np
import paddle
from paddle import Tensor

from paddle_aug.onednn.native.buffers import Pool, return_freed_memory
from paddle_aug.onednn.native.tensors import floats, move, tensor_on

_ITEM = 4  # bytes of a float32
# Elements of a piece: long enough to call a kernel for, short enough for the cache to keep what is
# written in between.
PIECE = 1 << 20
_LARGE = 1 << 16  # elements whose former memory is worth giving back at once
_LARGEST_GAP = 4096  # bytes between neighbours: what alignment leaves, not others' gradients


class Piece(NamedTuple):
    """A part of a run: the elements of its parameters and of each of their states.

    weights: the same memory as `parameter`; offset: in the run's gradients, in bytes.
    """

    parameter: Tensor
    weights: np.ndarray
    states: list[Tensor]
    offset: int


class Run:
    """Parameters whose gradients lie side by side, with all that belongs to them laid out alike.

    parameters: in the order of their gradients' addresses; accumulators: of a parameter, those of
    its shape (such as Adam's moments) and those of one number, which are the same for all.
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
        for index, (parameter, place) in enumerate(zip(parameters, places, strict=True)):
            # One parameter at a time, so that no state is ever there twice.
            states, numbers = accumulators(parameter)
            if not index:
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
        """True where everything still lies where it was put, and the numbers are the same."""
        return [tensor.data_ptr() for tensor in self._tensors] == self._addresses and all(
            bool((array == array[0]).all()) for array in self._numbers
        )

    def gradients(self) -> list[Tensor] | None:
        """Of each piece its gradient, not copied; None where they lie otherwise."""
        gradients = [gradient_of(parameter) for parameter in self.parameters]
        if any(gradient is None for gradient in gradients):
            return None
        first = gradients[0]
        start = first.data_ptr()
        if [gradient.data_ptr() - start for gradient in gradients] != self._offsets:
            return None
        # What lies in the memory that `first` keeps alive is no other tensor's.
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
    """Gradients that are scaled and get weight decay on their way, in memory used again."""

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
            added += np.float32(0)  # Paddle's scaling adds a bias of 0: it gives no -0
            np.add(values, added, out=result)
        return tensor_on(result)


def gradient_of(parameter: Tensor) -> Any:
    return parameter.grad


def neighbours(parameters: Sequence[Tensor], width: int) -> list[list[Tensor]]:
    """`parameters` by their gradients' addresses, in groups that one call can update.

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
    """Room for `size` float32, in huge pages where the system has them."""
    return np.asarray(Pool().lend(size * _ITEM)).view(np.float32)[:size]
