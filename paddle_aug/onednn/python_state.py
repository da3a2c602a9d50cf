"""What the Python of a model's forward pass may decide by: numbers in its layers, random numbers.

A plan repeats what the model did when it was traced, so it holds for these values only.
"""

import random
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np
import paddle

from paddle_aug.core.seeding import GLOBAL_GENERATORS
from paddle_aug.onednn.graph.operations import Unsupported

T = TypeVar("T")
_PLAIN = frozenset({bool, int, float, str, type(None), *np.sctypeDict.values()})
_OF_PADDLE = frozenset(paddle.nn.Layer().__dict__)
_GENERATORS = (random.Random, np.random.RandomState, np.random.Generator)
_TRIES = 3


class Changing(Unsupported):
    """The model's Python may do something else the next time."""


def numbers_key(layer: paddle.nn.Layer) -> tuple[Any, ...]:
    """Values of a layer's own attributes that are numbers, words, or lists and dicts of these."""
    found: list[Any] = []
    # Short, as this is asked for before every call of the model.
    for name, value in layer.__dict__.items():
        if name in _OF_PADDLE:
            continue
        if type(value) in _PLAIN:
            found.append(value)
        elif isinstance(value, (list, tuple, dict)) and (frozen := _frozen(value)) is not None:
            found.append(frozen)
    return tuple(found)


def _frozen(value: Any) -> Any:
    """A hashable copy of numbers in lists and dicts; None where there is anything else in them."""
    if isinstance(value, dict):
        value = [*value, *value.values()]
    if not isinstance(value, (list, tuple)):
        return value if type(value) in _PLAIN else None
    parts = tuple(_frozen(item) for item in value)
    if any(new is None and old is not None for new, old in zip(parts, value, strict=True)):
        return None
    return parts


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
        name: {key: list(value) if isinstance(value, list) else value
               for key, value in layer.__dict__.items() if key not in _OF_PADDLE}
        for name, layer in layers.items()
    }  # fmt: skip
    traced = trace()
    changed = [name for name, layer in layers.items() if numbers_key(layer) != numbers[name]]
    for name in changed:
        for key in layers[name].__dict__.keys() - _OF_PADDLE:
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
