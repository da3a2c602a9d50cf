"""Small real data sets and transforms that several tests share."""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from paddle_aug.augment.transforms.base import Transform
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.data.dataset import ArrayDataset
from paddle_aug.mix.methods import MixPolicy, Numbers
from paddle_aug.mix.phases import always_on


class AddDrawn(Transform):
    """Adds a random whole number to every pixel, so that tests can read it off the image."""

    def sample(self, rng: np.random.Generator) -> int:
        return int(rng.integers(0, 100))

    def apply(self, image: np.ndarray, params: int) -> np.ndarray:
        return image + np.uint8(params)


class Fails(Transform):
    """Raises the error when an image is read."""

    def __init__(self, error: Callable[[], BaseException]):
        self.error = error

    def sample(self, rng: np.random.Generator) -> None:
        return None

    def apply(self, image: np.ndarray, params: None) -> np.ndarray:
        raise self.error()


def load_program(path: Path) -> ModuleType:
    """The module of a file that is in no package, such as results/slips/slips.py."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def numbered(count: int, size: int = 8, classes: int = 3) -> ArrayDataset:
    """Image i is filled with the value i; its label is i modulo the number of classes."""
    images = np.repeat(np.arange(count, dtype=np.uint8), size * size * 3)
    names = [f"class {i}" for i in range(classes)]
    return ArrayDataset(
        images.reshape(count, size, size, 3), np.arange(count) % classes, names, "numbered"
    )


def view(count: int = 23, transform: Transform | None = None, **settings: Any) -> AugmentedDataset:
    """Augmented view of `numbered` whose float values are the pixel values 0..255."""
    settings = {"mean": [0.0], "std": [1 / 255], "seed": 5, **settings}
    return AugmentedDataset(numbered(count), transform or AddDrawn(), 8, **settings)


def policy(method: str, alpha: float = 1.0, cutout_size: float = 0.5, **settings: Any) -> MixPolicy:
    values = {"partner": "batch", "probability": 1.0, "phases": always_on(10), **settings}
    return MixPolicy(method, numbers=Numbers(alpha, cutout_size), **values)
