"""Random transforms: drawing the parameters is separate from applying them.

A transform is an immutable description. `sample(rng)` draws parameters as plain values that JSON
can hold and that do not depend on the image (positions are fractions, noise is a seed);
`apply(image, params)` uses them. So any augmentation can be logged and replayed, and no transform
has a state that changes. Images are contiguous uint8 RGB [H, W, 3], never changed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cache
from typing import Any, get_type_hints

import numpy as np

from paddle_aug.core.argument_checks import check_probability

Params = Any  # None, a number, or a list or dict of such

SEEDS = 1 << 31  # seeds for noise are drawn below this


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
        if other := other_than_rgb(image):
            raise ValueError(f"need a uint8 array [H, W, 3], got {other}")
        return self.apply(image, self.sample(rng))


@dataclass(frozen=True)
class Compose(Transform):
    """All transforms in the given order; none leave the image as it is."""

    transforms: Sequence[Transform] = ()

    def sample(self, rng: np.random.Generator) -> Params:
        return [transform.sample(rng) for transform in self.transforms]

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for transform, own in zip(self.transforms, params, strict=True):
            image = transform.apply(image, own)
        return image


@dataclass(frozen=True)
class SomeOf(Transform):
    """`least` to `most` of the transforms in random order; number and choice are drawn evenly.

    least, most: 0 <= least <= most <= the number of transforms (ValueError otherwise).
    Parameters: a list of [index of the transform, its parameters].
    """

    transforms: Sequence[Transform]
    least: int
    most: int

    def __post_init__(self) -> None:
        if not 0 <= self.least <= self.most <= len(self.transforms):
            raise ValueError(
                f"need 0 <= least <= most <= {len(self.transforms)} transforms, got {self.least} "
                f"and {self.most}"
            )

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
    """The transform with probability p. Parameters: None if it is left out, else [its
    parameters]."""

    transform: Transform
    p: float = 0.5

    def __post_init__(self) -> None:
        check_probability("p", self.p)

    def sample(self, rng: np.random.Generator) -> Params:
        return [self.transform.sample(rng)] if rng.random() < self.p else None

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return image if params is None else self.transform.apply(image, params[0])


def draw_uniform(rng: np.random.Generator, low: float, high: float) -> float:
    """A number in [low, high), in a quarter of the time of rng.uniform."""
    return low + (high - low) * rng.random()


def draw_seed(rng: np.random.Generator) -> int:
    """A seed, as a parameter in place of random values for each pixel."""
    return int(rng.integers(SEEDS))


def other_than_rgb(thing: Any) -> str | None:
    """What a thing is, such as "float32 [4, 4, 3]"; None for a uint8 array [H, W, 3]."""
    shape, dtype = getattr(thing, "shape", ()), getattr(thing, "dtype", type(thing).__name__)
    is_rgb = dtype == np.uint8 and len(shape) == 3 and shape[2] == 3
    return None if is_rgb and isinstance(thing, np.ndarray) else f"{dtype} {list(shape)}"


def is_number(value: Any) -> bool:
    """Whether this is a number, which true and false are not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(value: Any) -> bool:
    return type(value) is int


# Declared type of an argument: what is taken for it, and how that is called.
_KINDS: dict[Any, tuple[Callable[[Any], bool], str]] = {
    bool: (lambda value: isinstance(value, bool), "true or false"),
    int: (_is_whole, "a whole number"),
    float: (is_number, "a number"),
    str: (lambda value: isinstance(value, str), "a word"),
    tuple[int, int]: (
        lambda value: isinstance(value, list | tuple) and all(map(_is_whole, value)),
        "whole numbers",
    ),
}


def check_kinds(numbers: Any) -> None:
    """Raise ValueError where a field of a dataclass is not what it is declared to be: a truth value
    for a number, a fraction for a whole number. Fields of other types are not looked at."""
    declared = _declared(type(numbers))
    for name in (field.name for field in fields(numbers)):
        fits, words = _KINDS.get(declared[name], (None, ""))
        if fits and not fits(value := getattr(numbers, name)):
            raise ValueError(f"{name} must be {words}, got {value!r}")


@cache
def _declared(kind: type) -> dict[str, Any]:
    return get_type_hints(kind)
