"""The random transforms of userDef, the base augmentation of the SamplePairing article."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.transforms.base import (
    Params,
    Transform,
    check_kinds,
    draw_seed,
    draw_uniform,
)
from paddle_aug.core.argument_checks import check_choice, check_probability, check_range

_ENHANCEMENTS = {
    "brightness": ops.brightness,
    "contrast": ops.contrast,
    "color": ops.color,
    "sharpness": ops.sharpness,
}


@dataclass(frozen=True)
class RandomEnhance(Transform):
    """Brightness, contrast, colour or sharpness by a factor ~ U(low, high).

    kind: brightness, contrast, color or sharpness. low, high: from 0; 1 leaves the image as it is.
    """

    kind: str
    low: float = 0.5
    high: float = 1.5

    def __post_init__(self) -> None:
        check_kinds(self)
        check_choice("kind", self.kind, _ENHANCEMENTS)
        check_range("factors", (self.low, self.high), 0)

    def sample(self, rng: np.random.Generator) -> Params:
        return draw_uniform(rng, self.low, self.high)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return _ENHANCEMENTS[self.kind](image, params)


@dataclass(frozen=True)
class RandomCentreCrop(Transform):
    """The centre box of W/m x H/n with m, n ~ U(1, max_ratio) each, scaled back.

    resamples: filters to draw from, out of ops.RESAMPLES.
    """

    max_ratio: float = 1.5
    resamples: tuple[str, ...] = ops.RESAMPLES

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range("max_ratio", (1, self.max_ratio), 1)
        check_filters("resamples", self.resamples)
        object.__setattr__(self, "resamples", tuple(self.resamples))

    def sample(self, rng: np.random.Generator) -> Params:
        return {
            "ratio_w": draw_uniform(rng, 1, self.max_ratio),
            "ratio_h": draw_uniform(rng, 1, self.max_ratio),
            "resample": self.resamples[int(rng.integers(len(self.resamples)))],
        }

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.crop(image, **params)


@dataclass(frozen=True)
class RandomFlip(Transform):
    """Mirrored left-right and top-bottom, each with its own probability."""

    horizontal: float = 0.5
    vertical: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self)
        check_probability("horizontal", self.horizontal)
        check_probability("vertical", self.vertical)

    def sample(self, rng: np.random.Generator) -> Params:
        return {
            "horizontal": rng.random() < self.horizontal,
            "vertical": rng.random() < self.vertical,
        }

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.flip(image, **params)


@dataclass(frozen=True)
class RandomWholeRotation(Transform):
    """Turned by a whole angle, all of low..high degrees equally likely."""

    low: int = 0
    high: int = 359

    def __post_init__(self) -> None:
        check_kinds(self)
        check_range("degrees", (self.low, self.high))

    def sample(self, rng: np.random.Generator) -> Params:
        return int(rng.integers(self.low, self.high + 1))

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.rotate(image, params)


@dataclass(frozen=True)
class RandomNoise(Transform):
    """With probability p Gaussian noise of sigma ~ U(0, max_sigma) grey levels."""

    p: float = 0.5
    max_sigma: float = 5.0

    def __post_init__(self) -> None:
        check_kinds(self)
        check_probability("p", self.p)
        check_range("max_sigma", (0, self.max_sigma), 0)

    def sample(self, rng: np.random.Generator) -> Params:
        if rng.random() >= self.p:
            return None
        return {"sigma": draw_uniform(rng, 0, self.max_sigma), "seed": draw_seed(rng)}

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return image if params is None else ops.noise(image, **params)


def check_filters(name: str, filters: Any) -> None:
    """Raise ValueError unless these are filters to draw from: some of ops.RESAMPLES."""
    if not isinstance(filters, list | tuple) or not filters:
        raise ValueError(
            f"{name} must be a list of some of {', '.join(ops.RESAMPLES)}, got {filters!r}"
        )
    for one in filters:
        check_choice(name, one, ops.RESAMPLES)
