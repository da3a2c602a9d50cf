"""torchvision's transforms that keep the size: flips, rotation, colour."""

from dataclasses import dataclass
from typing import cast

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.transforms.base import Params, Transform, check_kinds, is_number
from paddle_aug.core.argument_checks import check_probability, check_range


@dataclass(frozen=True)
class RandomHorizontalFlip(Transform):
    """Mirrored left-right with probability p."""

    p: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self)
        check_probability("p", self.p)

    def sample(self, rng: np.random.Generator) -> Params:
        return bool(rng.random() < self.p)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.flip(image, params, False)


class RandomVerticalFlip(RandomHorizontalFlip):
    """Mirrored top-bottom with probability p."""

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.flip(image, False, params)


@dataclass(frozen=True)
class RandomRotation(Transform):
    """Turned by an angle ~ U(-degrees, degrees), or U(low, high) of a pair, with `ops.rotate`."""

    degrees: float | tuple[float, float]

    def __post_init__(self) -> None:
        if isinstance(self.degrees, int | float):
            object.__setattr__(self, "degrees", (-self.degrees, self.degrees))
        check_range("degrees", self.degrees)

    def sample(self, rng: np.random.Generator) -> Params:
        return rng.uniform(*cast(tuple[float, float], self.degrees))

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.rotate(image, params)


@dataclass(frozen=True)
class ColorJitter(Transform):
    """Brightness, contrast, saturation and hue changed at random, in random order.

    brightness, contrast, saturation: a number x gives factors ~ U(max(0, 1 - x), 1 + x), a pair
    U(low, high). hue: x up to 0.5 gives U(-x, x) of a full turn, a pair U(low, high).
    Parameters: a list of [what, amount].
    """

    brightness: float | tuple[float, float] = 0.0
    contrast: float | tuple[float, float] = 0.0
    saturation: float | tuple[float, float] = 0.0
    hue: float | tuple[float, float] = 0.0

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "saturation", "hue"):
            value, centre = getattr(self, name), 0 if name == "hue" else 1
            if is_number(value):
                low = centre - value if name == "hue" else max(0, centre - value)
                value = (low, centre + value)
            check_range(name, value, *((-0.5, 0.5) if name == "hue" else (0,)))
            object.__setattr__(self, name, tuple(value))

    def sample(self, rng: np.random.Generator) -> Params:
        names = ("brightness", "contrast", "saturation", "hue")
        order = [names[i] for i in rng.permutation(4).tolist()]
        drawn = [(name, getattr(self, name), 0 if name == "hue" else 1) for name in order]
        return [[name, rng.uniform(*r)] for name, r, same in drawn if r != (same, same)]

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for name, amount in params:
            image = _COLOR_OPS[name](image, amount)
        return image


_COLOR_OPS = {
    "brightness": ops.brightness,
    "contrast": ops.contrast,
    "saturation": ops.color,
    "hue": ops.hue,
}


@dataclass(frozen=True)
class Grayscale(Transform):
    """Luma in all three channels."""

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.grayscale(image)
