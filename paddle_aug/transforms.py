"""Random transforms: parameters drawn apart from applied, and the documents' eight operations.

A transform is an immutable description. `sample(rng)` draws parameters as plain values that JSON
can hold and that do not depend on the image (positions are fractions, noise is a seed);
`apply(image, params)` uses them. So any augmentation can be logged and replayed, and no transform
carries state from image to image. Images are contiguous uint8 RGB [H, W, 3], never changed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug import ops
from paddle_aug.checks import check_choice, check_probability, check_range
from paddle_aug.chw import to_chw as to_chw

Params = Any  # None, a number, or a list or dict of such

SEEDS = 1 << 31  # seeds that stand for noise are drawn below this


class Transform:
    """One image operation with random parameters."""

    def sample(self, rng: np.random.Generator) -> Params:
        """Parameters for one image; None where there are none."""
        return None

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        """The image under these parameters: a new array, or the input where nothing changes."""
        raise NotImplementedError

    def __call__(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The image under drawn parameters. Raises ValueError for what is no uint8 RGB image."""
        shape, dtype = getattr(image, "shape", ()), getattr(image, "dtype", type(image).__name__)
        if dtype != np.uint8 or len(shape) != 3 or shape[2] != 3:
            raise ValueError(f"need a uint8 array [H, W, 3], got {dtype} {list(shape)}")
        return self.apply(image, self.sample(rng))


@dataclass(frozen=True)
class Compose(Transform):
    """All transforms in the order given; without any, the image itself."""

    transforms: Sequence[Transform] = ()

    def sample(self, rng: np.random.Generator) -> Params:
        return [transform.sample(rng) for transform in self.transforms]

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for transform, own in zip(self.transforms, params, strict=True):
            image = transform.apply(image, own)
        return image


@dataclass(frozen=True)
class SomeOf(Transform):
    """From `least` to `most` of the transforms, how many and which drawn evenly, in random order.

    Parameters: a list of [index of the transform, its parameters].
    """

    transforms: Sequence[Transform]
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most:
            raise ValueError(f"need 0 <= least <= most, got {self.least} and {self.most}")

    def sample(self, rng: np.random.Generator) -> Params:
        count = self.most if self.least == self.most else rng.integers(self.least, self.most + 1)
        chosen = rng.permutation(len(self.transforms))[:count].tolist()
        return [[index, self.transforms[index].sample(rng)] for index in chosen]

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for index, own in params:
            image = self.transforms[index].apply(image, own)
        return image


class RandomOrder(SomeOf):
    """All transforms, each once, in random order."""

    def __init__(self, transforms: Sequence[Transform]):
        super().__init__(transforms, len(transforms), len(transforms))


class OneOf(SomeOf):
    """One of the transforms, all equally likely."""

    def __init__(self, transforms: Sequence[Transform]):
        super().__init__(transforms, 1, 1)


@dataclass(frozen=True)
class Sometimes(Transform):
    """The transform with probability p. Parameters: None where it is left out, else [its own]."""

    transform: Transform
    p: float = 0.5

    def __post_init__(self) -> None:
        check_probability("p", self.p)

    def sample(self, rng: np.random.Generator) -> Params:
        return [self.transform.sample(rng)] if rng.random() < self.p else None

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return image if params is None else self.transform.apply(image, params[0])


_ENHANCEMENTS = {
    "brightness": ops.brightness,
    "contrast": ops.contrast,
    "color": ops.color,
    "sharpness": ops.sharpness,
}


@dataclass(frozen=True)
class RandomEnhance(Transform):
    """Brightness, contrast, colour or sharpness by a factor ~ U(low, high).

    kind: a key of ops' four enhancements; low, high: from 0, 1 leaves the image as it is.
    """

    kind: str
    low: float = 0.5
    high: float = 1.5

    def __post_init__(self) -> None:
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
        check_range("max_ratio", (1, self.max_ratio), 1)
        object.__setattr__(self, "resamples", tuple(self.resamples))
        for resample in self.resamples:
            check_choice("resamples", resample, ops.RESAMPLES)

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
        check_probability("p", self.p)
        check_range("max_sigma", (0, self.max_sigma), 0)

    def sample(self, rng: np.random.Generator) -> Params:
        if rng.random() >= self.p:
            return None
        return {"sigma": draw_uniform(rng, 0, self.max_sigma), "seed": draw_seed(rng)}

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return image if params is None else ops.noise(image, **params)


def draw_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number in [low, high); a quarter of the time that rng.uniform takes."""
    return low + (high - low) * rng.random()


def draw_seed(rng: np.random.Generator) -> int:
    """A seed that stands for values of the image's size."""
    return int(rng.integers(SEEDS))
