"""What the Python of a model's forward pass may decide by: values in its layers, random numbers.

A plan repeats what the model did when it was traced, so it holds for these values only.
"""

import copy
import random
from collections.abc import Callable
from enum import Enum
from types import ModuleType
from typing import Any, TypeVar

import numpy as np
import paddle

from paddle_aug.core.seeding import GLOBAL_GENERATORS
from paddle_aug.onednn.graph.operations import Unsupported

T = TypeVar("T")
_PLAIN = frozenset({bool, int, float, str, type(None), *np.sctypeDict.values()})
_OPAQUE = (paddle.nn.Layer, paddle.Tensor, ModuleType, type)
_IN_PLACE = (list, dict, set, np.ndarray)  # may change without being assigned anew
_DEPTH = 5
# Attributes that every layer has, and an accelerated one.
_NOT_ITS_OWN = frozenset({*paddle.nn.Layer().__dict__, "_backend"})
_GENERATORS = (random.Random, np.random.RandomState, np.random.Generator)
_TRIES = 3


class Changing(Unsupported):
    """The model's Python may do something else the next time."""


def numbers_key(layer: paddle.nn.Layer) -> tuple[Any, ...]:
    """Values of a layer's own attributes: numbers, words and arrays, also in lists, sets, dicts and
    plain objects, down to some depth; the type of anything else."""
    # Short, as this is asked for before every call of the model.
    return tuple(
        value if type(value) in _PLAIN else _frozen(value, _DEPTH)
        for name, value in layer.__dict__.items()
        if name not in _NOT_ITS_OWN
    )


def _frozen(value: Any, depth: int) -> Any:
    """A hashable copy of a value, with the values in it down to `depth` levels."""
    if type(value) in _PLAIN or isinstance(value, Enum):
        return value
    if depth == 0 or isinstance(value, _OPAQUE):
        return type(value)
    if isinstance(value, np.ndarray):
        return value.shape, value.dtype.str, hash(value.tobytes())
    if isinstance(value, (set, frozenset)):
        return frozenset(_frozen(item, depth - 1) for item in value)
    if not isinstance(value, (list, tuple, dict)):
        if not hasattr(value, "__dict__"):
            return type(value)
        value = vars(value)
    if isinstance(value, dict):
        value = [*value, *value.values()]
    return tuple(_frozen(item, depth - 1) for item in value)


def traced_unchanged(model: paddle.nn.Layer, trace: Callable[[], T]) -> T:
    """trace(), which runs the model's forward pass; what that changes is set back.

    Raises Changing where the pass changes numbers of a layer, or draws from Python's or NumPy's
    global random numbers; Unsupported where a layer holds a generator of its own.
    """
    layers = dict(model.named_sublayers(include_self=True))
    for name, layer in layers.items():
        if any(isinstance(value, _GENERATORS) for value in layer.__dict__.values()):
            raise Unsupported(f"{name or 'the model'} holds a generator of random numbers")
    with GLOBAL_GENERATORS:
        first = _states()
        for _ in range(_TRIES):
            before = _states()
            traced = _keeping_numbers(layers, trace)
            if _same(_states(), before):
                return traced
            # Perhaps another thread drew: one that reads ahead has soon read enough.
        random.setstate(first[0])
        np.random.set_state(first[1])
    raise Changing("its forward pass draws from Python's or NumPy's random numbers")


def _keeping_numbers(layers: dict[str, paddle.nn.Layer], trace: Callable[[], T]) -> T:
    numbers = {name: numbers_key(layer) for name, layer in layers.items()}
    attributes = {
        name: {key: copy.copy(value) if isinstance(value, _IN_PLACE) else value
               for key, value in layer.__dict__.items() if key not in _NOT_ITS_OWN}
        for name, layer in layers.items()
    }  # fmt: skip
    traced = trace()
    changed = [name for name, layer in layers.items() if numbers_key(layer) != numbers[name]]
    for name in changed:
        for key in layers[name].__dict__.keys() - _NOT_ITS_OWN:
            del layers[name].__dict__[key]
        layers[name].__dict__.update(attributes[name])
    if changed:
        raise Changing(f"its forward pass changes numbers of {changed[0] or 'the model'}")
    return traced


def _states() -> tuple[Any, Any]:
    return random.getstate(), np.random.get_state()


def _same(states: tuple[Any, Any], others: tuple[Any, Any]) -> bool:
    (python, numpy), (other_python, other_numpy) = states, others
    return python == other_python and all(map(np.array_equal, numpy, other_numpy))
