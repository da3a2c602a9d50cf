"""RandAugment and TrivialAugment with the operations and magnitudes of torchvision."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.transforms.base import Params, Transform, check_kinds
from paddle_aug.core.argument_checks import check_number

MOST_OPERATIONS = 1000  # a number far beyond any use, with which an image still ends

# Amounts that are shares are of the image's width (x) or height (y).
_APPLY: Mapping[str, Callable[[np.ndarray, float], np.ndarray]] = {
    "Identity": lambda image, _: image,
    "ShearX": lambda image, amount: ops.shear(image, amount, 0),
    "ShearY": lambda image, amount: ops.shear(image, 0, amount),
    "TranslateX": lambda image, pixels: ops.translate(image, pixels, 0),
    "TranslateY": lambda image, pixels: ops.translate(image, 0, pixels),
    "TranslateXShare": lambda image, share: ops.translate(image, share * image.shape[1], 0),
    "TranslateYShare": lambda image, share: ops.translate(image, 0, share * image.shape[0]),
    "Rotate": ops.rotate,
    "Brightness": lambda image, amount: ops.brightness(image, 1 + amount),
    "Color": lambda image, amount: ops.color(image, 1 + amount),
    "Contrast": lambda image, amount: ops.contrast(image, 1 + amount),
    "Sharpness": lambda image, amount: ops.sharpness(image, 1 + amount),
    "Posterize": lambda image, bits: ops.posterize(image, int(bits)),
    "Solarize": ops.solarize,
    "AutoContrast": lambda image, _: ops.autocontrast(image),
    "Equalize": lambda image, _: ops.equalize(image),
}

_UNSIGNED = {"Identity", "Posterize", "Solarize", "AutoContrast", "Equalize"}

# Amounts at the lowest and the highest magnitude.
RAND_AUGMENT_RANGES: Mapping[str, tuple[float, float]] = {
    "Identity": (0, 0),
    "ShearX": (0, 0.3),
    "ShearY": (0, 0.3),
    "TranslateXShare": (0, 150 / 331),
    "TranslateYShare": (0, 150 / 331),
    "Rotate": (0, 30),
    "Brightness": (0, 0.9),
    "Color": (0, 0.9),
    "Contrast": (0, 0.9),
    "Sharpness": (0, 0.9),
    "Posterize": (8, 4),
    "Solarize": (255, 0),
    "AutoContrast": (0, 0),
    "Equalize": (0, 0),
}
TRIVIAL_AUGMENT_RANGES: Mapping[str, tuple[float, float]] = {
    "Identity": (0, 0),
    "ShearX": (0, 0.99),
    "ShearY": (0, 0.99),
    "TranslateX": (0, 32),
    "TranslateY": (0, 32),
    "Rotate": (0, 135),
    "Brightness": (0, 0.99),
    "Color": (0, 0.99),
    "Contrast": (0, 0.99),
    "Sharpness": (0, 0.99),
    "Posterize": (8, 2),
    "Solarize": (255, 0),
    "AutoContrast": (0, 0),
    "Equalize": (0, 0),
}


class _Drawn(Transform):
    """Operations drawn evenly out of `ranges`, each with an amount.

    num_magnitude_bins: magnitudes are 0..num_magnitude_bins - 1; max_rotation: degrees, limits the
    rotations of `ranges` (torchvision has no such argument), and is set to their end where that is
    less. Geometric operations are nearest neighbour with black fill. Parameters: a list of [name,
    amount]. Raises ValueError on numbers out of range.
    """

    num_magnitude_bins: int
    max_rotation: float
    ranges: Mapping[str, tuple[float, float]]

    def __post_init__(self) -> None:
        check_kinds(self)
        check_number("num_magnitude_bins", self.num_magnitude_bins, 2)
        check_number("max_rotation", self.max_rotation, 0)
        largest = self.ranges.get("Rotate", (0, 0))[1]
        object.__setattr__(self, "max_rotation", min(largest, self.max_rotation))

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        for name, amount in params:
            image = _APPLY[name](image, amount)
        return image

    def _draw(self, rng: np.random.Generator, magnitude: int) -> list[str | float]:
        names = list(self.ranges)
        name = names[int(rng.integers(len(names)))]
        low, high = self.ranges[name]
        if name == "Rotate":
            high = self.max_rotation
        amount = low + (high - low) * magnitude / (self.num_magnitude_bins - 1)
        if name == "Posterize":
            amount = round(amount)
        if name not in _UNSIGNED and rng.random() < 0.5:
            amount = -amount
        return [name, amount]


@dataclass(frozen=True)
class RandAugment(_Drawn):
    """Several operations, with replacement, all at one magnitude.

    num_ops: how many; magnitude: in 0..num_magnitude_bins - 1; the others: see _Drawn.
    Source: Cubuk et al. 2019, arXiv 1909.13719.
    """

    num_ops: int = 2
    magnitude: int = 9
    num_magnitude_bins: int = 31
    max_rotation: float = 180.0
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=lambda: RAND_AUGMENT_RANGES)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("num_ops", self.num_ops, 0, MOST_OPERATIONS)
        if not 0 <= self.magnitude < self.num_magnitude_bins:
            raise ValueError(
                f"magnitude must be in 0..{self.num_magnitude_bins - 1} "
                f"(num_magnitude_bins - 1), got {self.magnitude}"
            )

    def sample(self, rng: np.random.Generator) -> Params:
        return [self._draw(rng, self.magnitude) for _ in range(self.num_ops)]


@dataclass(frozen=True)
class TrivialAugmentWide(_Drawn):
    """One operation at an evenly drawn magnitude, from wide ranges. Arguments: see _Drawn.

    Source: Müller and Hutter 2021, arXiv 2103.10158.
    """

    num_magnitude_bins: int = 31
    max_rotation: float = 180.0
    ranges: Mapping[str, tuple[float, float]] = field(
        default_factory=lambda: TRIVIAL_AUGMENT_RANGES
    )

    def sample(self, rng: np.random.Generator) -> Params:
        return [self._draw(rng, int(rng.integers(self.num_magnitude_bins)))]
