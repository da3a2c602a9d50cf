"""The numbers of imgaug's "heavy" example pipeline, as imgaug 0.4.0 runs it."""

from dataclasses import dataclass, fields
from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator

from paddle_aug.augment.transforms.base import check_kinds
from paddle_aug.core.argument_checks import LARGEST, check_number, check_probability, check_range

Range = tuple[float, float]
WholeRange = tuple[int, int]


def _as_range(value: Any) -> Any:
    """A whole number n as the range (n, n), as runs of version 0.1 were saved with 4."""
    return (value, value) if type(value) is int else value


OPERATIONS = 14  # of the pipeline, of which least_operations to most_operations are taken
# Single numbers from 0; all others are probabilities.
_NO_PROBABILITIES = ("least_operations", "most_operations", "elastic_sigma")
_WINDOWS = ("gaussian_sigma", "average_size", "median_size", "elastic_sigma", "piecewise_points")
_LARGEST_WINDOW = 100.0  # far larger ones take minutes an image, or OpenCV refuses them


@dataclass(frozen=True)
class ImgaugOptions:
    """Ranges to draw from evenly, and probabilities; the defaults are the example's.

    Angles in degrees, sizes as shares of the image's, grey levels 0..255. `*_per_channel`: how
    often the channels get values of their own.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # for config.py

    horizontal_flip: float = 0.5
    vertical_flip: float = 0.2
    sometimes: float = 0.5  # of the crop, the affine map and the four slow operations
    crop: Range = (0.0, 0.1)  # of each side
    scale: Range = (0.8, 1.2)
    translate: Range = (-0.2, 0.2)
    rotate: Range = (-45.0, 45.0)
    shear: Range = (-16.0, 16.0)
    least_operations: int = 0
    most_operations: int = 5
    superpixels_replace: Range = (0.0, 1.0)
    superpixels_segments: WholeRange = (20, 200)
    gaussian_sigma: Range = (0.0, 3.0)
    average_size: WholeRange = (2, 7)
    median_size: WholeRange = (3, 11)
    sharpen_alpha: Range = (0.0, 1.0)
    sharpen_lightness: Range = (0.75, 1.5)
    emboss_alpha: Range = (0.0, 1.0)
    emboss_strength: Range = (0.0, 2.0)
    edge_alpha: Range = (0.0, 0.7)
    edge_direction: Range = (0.0, 1.0)
    noise_scale: Range = (0.0, 0.05 * 255)
    noise_per_channel: float = 0.5
    dropout_share: Range = (0.01, 0.1)
    dropout_per_channel: float = 0.5
    coarse_dropout_share: Range = (0.03, 0.15)
    coarse_dropout_size: Range = (0.02, 0.05)
    coarse_dropout_per_channel: float = 0.2
    invert: float = 0.05  # of each channel
    add: WholeRange = (-10, 10)
    add_per_channel: float = 0.5
    multiply: Range = (0.5, 1.5)
    multiply_per_channel: float = 0.5
    contrast: Range = (0.5, 2.0)
    contrast_per_channel: float = 0.5
    gray_alpha: Range = (0.0, 1.0)
    elastic_alpha: Range = (0.5, 3.5)
    elastic_sigma: float = 0.25
    piecewise_scale: Range = (0.01, 0.05)
    piecewise_points: Annotated[WholeRange, BeforeValidator(_as_range)] = (2, 4)  # of the grid

    def __post_init__(self) -> None:
        """Raise ValueError on numbers that no operation can take."""
        check_kinds(self)
        signed = {"translate", "rotate", "shear", "add"}
        shares = ("crop", "dropout_share", "coarse_dropout_share", "coarse_dropout_size")
        most: dict[str, float] = {
            **dict.fromkeys(shares, 1.0), **dict.fromkeys(_WINDOWS, _LARGEST_WINDOW),
            "most_operations": OPERATIONS,
        }  # fmt: skip
        for name, default in ((f.name, f.default) for f in fields(self)):
            value = getattr(self, name)
            if isinstance(default, tuple):
                check_range(name, value, None if name in signed else 0, most.get(name))
            elif name not in _NO_PROBABILITIES:
                check_probability(name, value)
        for name in _NO_PROBABILITIES:
            check_number(name, getattr(self, name), 0, most.get(name, LARGEST))
        if not self.least_operations <= self.most_operations:
            raise ValueError("need 0 <= least_operations <= most_operations")
        if (
            self.piecewise_points[0] < 2
            or self.average_size[0] < 1
            or self.superpixels_segments[0] < 1
        ):
            raise ValueError(
                "need piecewise_points >= 2, average_size and superpixels_segments >= 1"
            )
