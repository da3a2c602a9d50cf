"""The steps of a plan that NumPy computes: small ones, and those with random numbers."""

import numpy as np

from paddle_aug.onednn.native.tensors import floats


class StatisticsUpdate:
    """running = momentum * running + (1 - momentum) * of this batch, for mean and variance."""

    def __init__(self, momentum: float, channels: int):
        self._keep, self._take = np.float32(momentum), np.float32(1 - momentum)
        self._channels = channels
        self._arrays: dict[str, np.ndarray] = {}

    def bind(self, argument: str, address: int) -> None:
        """argument: mean, variance, running_mean or running_variance."""
        self._arrays[argument] = floats(address, self._channels)

    def __call__(self) -> None:
        for name in ("mean", "variance"):
            running = self._arrays[f"running_{name}"]
            running *= self._keep
            running += self._take * self._arrays[name]


class DropoutMask:
    """Fills its mask with 0 (with the given probability) and 1 / (1 - probability)."""

    def __init__(self, probability: float, count: int):
        self._probability, self._count = probability, count
        self._scale = np.float32(0 if probability >= 1 else 1 / (1 - probability))
        self._mask: np.ndarray | None = None
        self._draws = np.random.Generator(np.random.SFC64(0))

    def seed(self, seed: int) -> None:
        """Seed the stream from which the next mask is drawn."""
        self._draws = np.random.Generator(np.random.SFC64(seed))

    def bind(self, argument: str, address: int) -> None:
        """argument: mask."""
        self._mask = floats(address, self._count)

    def __call__(self) -> None:
        uniform = self._draws.random(out=self._mask, dtype=np.float32)
        np.multiply(uniform >= self._probability, self._scale, out=self._mask)
