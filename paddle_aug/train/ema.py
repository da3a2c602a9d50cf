"""Exponential moving average of a model's weights."""

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import paddle
from paddle import Tensor, nn


class ExponentialMovingAverage:
    """Average of everything in the model's state: parameters and running statistics alike.

    After each step average = d * average + (1 - d) * value, with d = min(decay, (1 + n) / (10 + n))
    after n updates, so that the initial weights lose their influence in a short run, too (as in
    TensorFlow's ExponentialMovingAverage). Values that are not floating-point are copied.

    model: the averages start with its current weights; updates do not change it.
    decay: in [0, 1). Raises ValueError otherwise.
    """

    def __init__(self, model: nn.Layer, decay: float) -> None:
        if not 0 <= decay < 1:
            raise ValueError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay
        self._model = model
        self.start()

    def start(self) -> None:
        """Begin anew with the model's current weights."""
        self.updates = 0
        self._averages = {name: _copy(value) for name, value in self._model.state_dict().items()}

    @paddle.no_grad()
    def update(self) -> None:
        """Add the model's current weights to the average; call it after each step."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        self.updates += 1
        for name, value in self._model.state_dict().items():
            average = self._averages[name]
            if average.is_floating_point():
                average.scale_(decay)
                average.add_(value.detach() * (1 - decay))
            else:
                average.set_value(value)

    @contextmanager
    def applied(self) -> Iterator[nn.Layer]:
        """Context with the averaged weights in the model; its own are restored bit for bit
        afterwards."""
        state = self._model.state_dict()
        own = {name: _copy(value) for name, value in state.items()}
        _assign(state, self._averages)
        try:
            yield self._model
        finally:
            _assign(state, own)

    def state_dict(self) -> dict[str, np.ndarray]:
        """Copies of the averages, keyed "average.NAME", and "updates" (int64, one value)."""
        averages = {f"average.{name}": value.numpy() for name, value in self._averages.items()}
        return {"updates": np.array(self.updates, np.int64), **averages}

    def set_state_dict(self, state: dict[str, np.ndarray]) -> None:
        """Continue from what `state_dict` gave. Raises ValueError where the names differ."""
        expected = {"updates", *(f"average.{name}" for name in self._averages)}
        if set(state) != expected:
            different = ", ".join(sorted(set(state) ^ expected)[:3])
            raise ValueError(f"the saved averages are of another model: {different}")
        self.updates = int(state["updates"])
        for name, average in self._averages.items():
            average.set_value(np.asarray(state[f"average.{name}"]))


def _copy(value: Tensor) -> Tensor:
    return value.detach().clone()


@paddle.no_grad()
def _assign(state: dict[str, Tensor], values: dict[str, Tensor]) -> None:
    for name, target in state.items():
        target.set_value(values[name])
