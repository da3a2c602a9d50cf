"""torchvision's transforms that choose a size or a box: resize, pad, crops, erasing.

Names, arguments, defaults and distributions are torchvision's; arguments that are missing here are
refused. paddle.vision.transforms has most of these, too (`PaddleVision` takes them), but draws and
applies in one call, so that what was drawn cannot be read, needs Paddle in every worker, and does
not antialias arrays. Therefore these are our own, built on `ops`.
"""

import math
from dataclasses import dataclass

import cv2
import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.transforms.base import Params, Transform, check_kinds
from paddle_aug.core.argument_checks import check_choice, check_probability, check_range
from paddle_aug.core.errors import UserError

_TRIES = 10  # torchvision draws so many boxes before it takes the centre
_PADDING_MODES = {
    "constant": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "reflect": cv2.BORDER_REFLECT_101,
    "symmetric": cv2.BORDER_REFLECT,
}
_MOST_PIXELS = 1 << 14  # of a side; a picture of larger ones takes gigabytes
Size = int | tuple[int, int]


@dataclass(frozen=True)
class Resize(Transform):
    """Scaled so that the short side is `size`, or to (height, width); see `ops.resize`.

    antialias: false is how images are scaled for an image part by name (`build.scaling`).
    Raises UserError where the long side would have more than 16384 pixels.
    """

    size: Size
    interpolation: str = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_size(self, "size", pair_from_int=False)
        _check_filter(self)

    def target(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of what is made of an image of this size."""
        if isinstance(self.size, tuple):
            return self.size
        short = min(height, width)
        return max(1, int(self.size * height / short)), max(1, int(self.size * width / short))

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        height, width = image.shape[:2]
        target = self.target(height, width)
        if max(target) > _MOST_PIXELS:
            raise UserError(
                f"Resize {self.size} of an image of {width} x {height} pixels would make one of "
                f"{target[1]} x {target[0]}; at most {_MOST_PIXELS} a side are made"
            )
        return ops.resize(image, *target, self.interpolation, self.antialias)


@dataclass(frozen=True)
class Pad(Transform):
    """Pixels added around: padding on all sides, (sides, top and bottom), or (l, t, r, b).

    fill: grey level of "constant" padding; padding_mode: constant, edge, reflect or symmetric.
    """

    padding: int | tuple[int, ...]
    fill: int = 0
    padding_mode: str = "constant"

    def __post_init__(self) -> None:
        check_kinds(self)
        object.__setattr__(self, "padding", _sides(self.padding))
        check_choice("padding_mode", self.padding_mode, _PADDING_MODES)
        if not 0 <= self.fill <= 255:
            raise ValueError(f"fill must be a whole number 0..255, got {self.fill!r}")

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        left, top, right, bottom = _sides(self.padding)
        mode = _PADDING_MODES[self.padding_mode]
        return cv2.copyMakeBorder(image, top, bottom, left, right, mode, value=[self.fill] * 3)


@dataclass(frozen=True)
class RandomCrop(Transform):
    """A box of `size` anywhere in the image, after padding. Raises UserError on smaller images.

    pad_if_needed: pad images that are smaller than the box, by what they lack on both sides, as
    torchvision does. Parameters: top and left as fractions.
    """

    size: Size
    padding: int | tuple[int, ...] = 0
    pad_if_needed: bool = False
    fill: int = 0
    padding_mode: str = "constant"

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_size(self, "size")
        Pad(self.padding, self.fill, self.padding_mode)

    def sample(self, rng: np.random.Generator) -> Params:
        return rng.random(2).tolist()

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        if self.padding:
            image = Pad(self.padding, self.fill, self.padding_mode).apply(image, None)
        if self.pad_if_needed:
            height, width = _pair(self.size)
            rows, columns = max(0, height - image.shape[0]), max(0, width - image.shape[1])
            image = Pad((columns, rows), self.fill, self.padding_mode).apply(image, None)
        return _box_at(image, _pair(self.size), params, "RandomCrop")


@dataclass(frozen=True)
class CenterCrop(Transform):
    """The box of `size` at the centre. Raises UserError on smaller images."""

    size: Size

    def __post_init__(self) -> None:
        _check_size(self, "size")

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return _box_at(image, _pair(self.size), None, "CenterCrop")


@dataclass(frozen=True)
class RandomResizedCrop(Transform):
    """A box of a random share of the area and aspect ratio, scaled to `size`.

    scale: range of the share of the area; ratio: range of width / height, log-uniform. Parameters:
    ten pairs (share, ratio), of which the first that fits is used, and the place as fractions.
    Source: Szegedy et al. 2015, arXiv 1409.4842. Antialiased by `ops.resize_fast`.
    """

    size: Size
    scale: tuple[float, float] = (0.08, 1.0)
    ratio: tuple[float, float] = (3 / 4, 4 / 3)
    interpolation: str = "bilinear"
    antialias: bool = True

    def __post_init__(self) -> None:
        check_kinds(self)
        _check_size(self, "size")
        _check_box_ranges(self)
        _check_filter(self)

    def sample(self, rng: np.random.Generator) -> Params:
        return _sample_box(rng, self.scale, self.ratio)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        height, width = image.shape[:2]
        box, place = _first_fitting(height, width, params), params["place"]
        if box is None:
            # None fits: the whole image, cut at the centre to the nearest allowed ratio.
            ratio = min(max(width / height, self.ratio[0]), self.ratio[1])
            sides = round(width / ratio), round(height * ratio)
            box = max(1, min(height, sides[0])), max(1, min(width, sides[1]))
            place = None
        image = _box_at(image, box, place)
        if not self.antialias:
            return ops.resize(image, *_pair(self.size), self.interpolation, antialias=False)
        return ops.resize_fast(image, *_pair(self.size), self.interpolation)


@dataclass(frozen=True)
class RandomErasing(Transform):
    """With probability p a black rectangle that lies wholly inside the image.

    scale: range of its share of the area; ratio: range of height / width, log-uniform.
    Source: Zhong et al. 2017, arXiv 1708.04896.
    """

    p: float = 0.5
    scale: tuple[float, float] = (0.02, 0.33)
    ratio: tuple[float, float] = (0.3, 3.3)

    def __post_init__(self) -> None:
        check_kinds(self)
        check_probability("p", self.p)
        _check_box_ranges(self)

    def sample(self, rng: np.random.Generator) -> Params:
        if rng.random() >= self.p:
            return None
        return _sample_box(rng, self.scale, self.ratio)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        height, width = image.shape[:2]
        # torchvision's ratio is height / width here, and width / height in RandomResizedCrop.
        if params is None or (box := _first_fitting(width, height, params)) is None:
            return image
        box = box[1], box[0]
        return ops.erase(image, *_corner(height, width, box, params["place"]), *box)


def _sample_box(
    rng: np.random.Generator, scale: tuple[float, float], ratio: tuple[float, float]
) -> Params:
    shares = rng.uniform(*scale, _TRIES).tolist()
    ratios = np.exp(rng.uniform(math.log(ratio[0]), math.log(ratio[1]), _TRIES)).tolist()
    return {
        "tries": [list(t) for t in zip(shares, ratios, strict=True)],
        "place": rng.random(2).tolist(),
    }


def _first_fitting(height: int, width: int, params: Params) -> tuple[int, int] | None:
    """Height and width of the first box tried that fits, if any."""
    for share, ratio in params["tries"]:
        area = share * height * width
        box = (round(math.sqrt(area / ratio)), round(math.sqrt(area * ratio)))
        if 0 < box[0] <= height and 0 < box[1] <= width:
            return box
    return None


def _corner(
    height: int, width: int, box: tuple[int, int], place: list[float] | None
) -> tuple[int, int]:
    """Top and left of a box at a place given in fractions, or at the centre."""
    free_y, free_x = height - box[0], width - box[1]
    if place is None:
        return round(free_y / 2), round(free_x / 2)
    return int(place[0] * (free_y + 1)), int(place[1] * (free_x + 1))


def _box_at(
    image: np.ndarray, box: tuple[int, int], place: list[float] | None, name: str = ""
) -> np.ndarray:
    height, width = image.shape[:2]
    if box[0] > height or box[1] > width:
        raise UserError(
            f"{name} of {box[0]}x{box[1]} is larger than an image of {height}x{width} pixels: put "
            "a Resize before it, or make it smaller"
        )
    top, left = _corner(height, width, box, place)
    return np.ascontiguousarray(image[top : top + box[0], left : left + box[1]])


def _pair(size: Size) -> tuple[int, int]:
    return (size, size) if isinstance(size, int) else size


def _check_size(transform: Transform, name: str, pair_from_int: bool = True) -> None:
    """Raise ValueError unless the field is a positive whole number or a pair of such."""
    value = getattr(transform, name)
    pair = (value, value) if isinstance(value, int) else value
    whole = isinstance(pair, list | tuple) and all(
        type(v) is int and 0 < v <= _MOST_PIXELS for v in pair
    )
    if not whole or len(pair) != 2:
        raise ValueError(
            f"{name} must be a whole number of pixels up to {_MOST_PIXELS} or [height, width], got "
            f"{value!r}"
        )
    if pair_from_int or not isinstance(value, int):
        object.__setattr__(transform, name, tuple(pair))


def _check_filter(transform: "Resize | RandomResizedCrop") -> None:
    check_choice("interpolation", transform.interpolation, ops.RESAMPLES)
    ops.check_filter(transform.interpolation, transform.antialias)


def _check_box_ranges(transform: "RandomResizedCrop | RandomErasing") -> None:
    check_range("scale", transform.scale, 0, 1)
    if transform.scale[1] == 0:
        raise ValueError(f"scale must end above 0, got {transform.scale!r}")
    check_range("ratio", transform.ratio, 1e-3)
    for name in ("scale", "ratio"):
        object.__setattr__(transform, name, tuple(getattr(transform, name)))


def _sides(padding: int | tuple[int, ...]) -> tuple[int, int, int, int]:
    """Left, top, right, bottom."""
    sides = padding if isinstance(padding, list | tuple) else (padding,)
    whole = all(type(side) is int and 0 <= side <= _MOST_PIXELS for side in sides)
    if len(sides) not in (1, 2, 4) or not whole:
        raise ValueError(
            f"padding must be 1, 2 or 4 whole numbers from 0 to {_MOST_PIXELS}, got {padding!r}"
        )
    left, top, right, bottom = [*sides] * (4 // len(sides))
    return left, top, right, bottom
