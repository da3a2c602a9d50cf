"""What the Python of a model's forward pass may decide by: numbers in its layers, random numbers.

A plan repeats what the model did when it was traced, so it holds for these values only.
"""

import contextlib
import random
from collections.abc import Iterator
from typing import Any

import numpy as np
import paddle

from paddle_aug.onednn.graph.operations import Unsupported

_PLAIN = frozenset({bool, int, float, str, type(None), *np.sctypeDict.values()})
_OF_PADDLE = frozenset(paddle.nn.Layer().__dict__)


def numbers_key(layer: paddle.nn.Layer) -> tuple[Any, ...]:
    """Names and values of a layer's own attributes that are numbers, words, or lists of these."""
    found: list[Any] = []
    # By exact types, as this is asked for before every call of the model.
    for name, value in layer.__dict__.items():
        kind = type(value)
        if kind in _PLAIN:
            if name not in _OF_PADDLE:
                found += (name, value)
        elif (kind is list or kind is tuple) and all(type(item) in _PLAIN for item in value):
            found += (name, tuple(value))
    return tuple(found)


@contextlib.contextmanager
def unchanged(model: paddle.nn.Layer) -> Iterator[None]:
    """Context for a trace: raises Unsupported where the forward pass draws from Python's or NumPy's
    random numbers, or changes a number of a layer. All of these are set back."""
    layers = dict(model.named_sublayers(include_self=True))
    attributes = {
        name: {key: list(value) if isinstance(value, list) else value
               for key, value in layer.__dict__.items() if key not in _OF_PADDLE}
        for name, layer in layers.items()
    }  # fmt: skip
    before = {name: numbers_key(layer) for name, layer in layers.items()}
    states = random.getstate(), np.random.get_state()
    try:
        yield
        changed = [name for name, layer in layers.items() if numbers_key(layer) != before[name]]
        drawn = _words((random.getstate(), np.random.get_state())) != _words(states)
    finally:
        random.setstate(states[0])
        np.random.set_state(states[1])
        for name, layer in layers.items():
            if numbers_key(layer) != before[name]:
                for key in layer.__dict__.keys() - _OF_PADDLE:
                    del layer.__dict__[key]
                layer.__dict__.update(attributes[name])
    if drawn:
        raise Unsupported("its forward pass draws from Python's or NumPy's random numbers")
    if changed:
        raise Unsupported(f"its forward pass changes numbers of {changed[0] or 'the model'}")


def _words(states: tuple[Any, Any]) -> tuple[Any, ...]:
    python, (kind, keys, *rest) = states
    return python, kind, keys.tobytes(), *rest
