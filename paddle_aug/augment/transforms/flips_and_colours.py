"""torchvision's transforms that keep the size: flips, rotation, colour."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, cast

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.transforms.base import Params, Transform, check_kinds, is_number
from paddle_aug.core.argument_checks import check_probability, check_range


@dataclass(frozen=True)
class WithProbability(Transform):
    """A change that is made with probability p. Parameters: whether it is made."""

    p: float = 0.5

    def __post_init__(self) -> None:
        check_kinds(self)
        check_probability("p", self.p)

    def sample(self, rng: np.random.Generator) -> Params:
        return bool(rng.random() < self.p)


class RandomHorizontalFlip(WithProbability):
    """Mirrored left-right with probability p."""

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.flip(image, params, False)


class RandomVerticalFlip(WithProbability):
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
        for name, kind in _JITTERS.items():
            value = getattr(self, name)
            if is_number(value):
                value = (max(kind.least, kind.same - value), kind.same + value)
            check_range(name, value, kind.least, kind.most)
            object.__setattr__(self, name, tuple(value))

    def sample(self, rng: np.random.Generator) -> Params:
        names = list(_JITTERS)
        order = [names[i] for i in rng.permutation(len(names)).tolist()]
        ranges = {name: getattr(self, name) for name in order}
        changing = [name for name in order if ranges[name] != (_JITTERS[name].same,) * 2]
        return [[name, rng.uniform(*ranges[name])] for name in changing]

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for name, amount in params:
            image = _JITTERS[name].op(image, amount)
        return image


class _Jitter(NamedTuple):
    """op: takes an image and an amount. same: the amount that changes nothing. least, most: the
    allowed amounts; None: as `check_range` has it."""

    op: Callable[[np.ndarray, float], np.ndarray]
    same: float
    least: float
    most: float | None


_JITTERS = {
    "brightness": _Jitter(ops.brightness, same=1, least=0, most=None),
    "contrast": _Jitter(ops.contrast, same=1, least=0, most=None),
    "saturation": _Jitter(ops.color, same=1, least=0, most=None),
    "hue": _Jitter(ops.hue, same=0, least=-0.5, most=0.5),
}


@dataclass(frozen=True)
class Grayscale(Transform):
    """Luma in all three channels."""

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return ops.grayscale(image)
