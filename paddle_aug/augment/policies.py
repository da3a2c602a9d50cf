"""The image parts of --augment by name."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Literal

from paddle_aug.augment import ops
from paddle_aug.augment.transforms import base, flips_and_colours, userdef
from paddle_aug.augment.transforms.auto_augment import (
    MOST_OPERATIONS,
    RandAugment,
    TrivialAugmentWide,
)
from paddle_aug.augment.transforms.base import Compose, Transform, check_kinds
from paddle_aug.augment.transforms.imgaug_library import ImgaugLibrary
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.augment.transforms.imgaug_pipeline import imgaug_pipeline
from paddle_aug.core.argument_checks import check_number, check_probability, check_range
from paddle_aug.core.errors import UserError, unknown_value

# Operations that may change an image's label, which a data set can exclude.
EXCLUDABLE = ("horizontal_flip", "vertical_flip", "large_rotation")


@dataclass(frozen=True)
class PolicyOptions:
    """Every number of the policies; the defaults are those of each policy's source.

    The numbers from brightness to noise_max_sigma belong to userDef (the SamplePairing article),
    flip_probability to flip. max_rotation limits the rotations of RandAugment and TrivialAugment,
    which end at 30 and 135 degrees by themselves; small_rotation limits those of every policy for
    data whose labels a large rotation would change, such as digits. Raises ValueError on numbers
    out of range.
    """

    __pydantic_config__: ClassVar[dict[str, str]] = {"extra": "forbid"}  # for config.py

    brightness: tuple[float, float] = (0.5, 1.5)
    contrast: tuple[float, float] = (0.5, 1.5)
    color: tuple[float, float] = (0.5, 1.5)
    sharpness: tuple[float, float] = (0.5, 1.5)
    crop_max_ratio: float = 1.5
    crop_resamples: tuple[str, ...] = ops.RESAMPLES
    horizontal_flip: float = 0.5
    vertical_flip: float = 0.5
    rotation: tuple[int, int] = (0, 359)
    noise_probability: float = 0.5
    noise_max_sigma: float = 5.0
    small_rotation: int = 15
    flip_probability: float = 0.5
    rand_augment_ops: int = 2
    rand_augment_magnitude: int = 9
    magnitude_bins: int = 31
    max_rotation: float = 180.0
    imgaug_backend: Literal["own", "imaug"] = "own"
    imgaug: ImgaugOptions = field(default_factory=ImgaugOptions)

    def __post_init__(self) -> None:
        check_kinds(self)
        for name in ("brightness", "contrast", "color", "sharpness"):
            check_range(name, getattr(self, name), 0)
        for name in ("horizontal_flip", "vertical_flip", "noise_probability", "flip_probability"):
            check_probability(name, getattr(self, name))
        userdef.check_filters("crop_resamples", self.crop_resamples)
        check_range("rotation", self.rotation)
        least = {
            "crop_max_ratio": 1,
            "noise_max_sigma": 0,
            "small_rotation": 0,
            "max_rotation": 0,
            "magnitude_bins": 2,
        }
        for name, bound in least.items():
            check_number(name, getattr(self, name), bound)
        check_number("rand_augment_ops", self.rand_augment_ops, 0, MOST_OPERATIONS)
        if not 0 <= self.rand_augment_magnitude < self.magnitude_bins:
            raise ValueError(
                f"rand_augment_magnitude must be in 0..{self.magnitude_bins - 1} "
                f"(magnitude_bins - 1), got {self.rand_augment_magnitude}"
            )


def build_policy(
    name: str,
    exclude: frozenset[str] = frozenset(),
    options: PolicyOptions | None = None,
) -> Transform:
    """The image part that --augment names, without operations that change this data set's labels.

    name: a key of POLICIES; exclude: some of EXCLUDABLE; options: the defaults where None.
    Raises UserError for an unknown name, a policy of which nothing is left, or a missing library.
    """
    if name not in POLICIES:
        raise UserError(f"unknown augmentation: {unknown_value(name, POLICIES)}")
    unknown = exclude - set(EXCLUDABLE)
    if unknown:
        raise UserError(f"cannot exclude {sorted(unknown)}: only {', '.join(EXCLUDABLE)}")
    return POLICIES[name](restricted(options or PolicyOptions(), exclude))


def restricted(options: PolicyOptions, exclude: frozenset[str]) -> PolicyOptions:
    """Options without the excluded operations."""
    imgaug, limit = options.imgaug, options.small_rotation
    if "horizontal_flip" in exclude:
        options = replace(options, horizontal_flip=0.0, flip_probability=0.0)
        imgaug = replace(imgaug, horizontal_flip=0.0)
    if "vertical_flip" in exclude:
        options = replace(options, vertical_flip=0.0)
        imgaug = replace(imgaug, vertical_flip=0.0)
    if "large_rotation" in exclude:
        max_rotation = float(min(options.max_rotation, limit))
        rotation = _limited(options.rotation, limit)
        options = replace(options, rotation=rotation, max_rotation=max_rotation)
        imgaug = replace(imgaug, rotate=_limited(imgaug.rotate, limit))
    return replace(options, imgaug=imgaug)


def _limited(degrees: tuple[float, float], limit: int) -> tuple[float, float]:
    """The range of those of the angles that are turns of at most `limit` degrees, to the left or
    the right: 350..370 is -10..10. (0, 0) where none is: such a rotation is left out."""
    low, high = degrees
    turns = (low + 180) // 360 * 360
    low, high = low - turns, high - turns
    limit = min(limit, 180)
    found = [  # small turns about 0, and about a whole turn
        (max(low, whole - limit) - whole, min(high, whole + limit) - whole) for whole in (0, 360)
    ]
    found = [(first, last) for first, last in found if first <= last] or [(0, 0)]
    return min(first for first, _ in found), max(last for _, last in found)


def _no(options: PolicyOptions) -> Transform:
    return Compose()


def _user_def(options: PolicyOptions) -> Transform:
    return base.RandomOrder(
        [
            userdef.RandomEnhance("brightness", *options.brightness),
            userdef.RandomEnhance("contrast", *options.contrast),
            userdef.RandomEnhance("color", *options.color),
            userdef.RandomEnhance("sharpness", *options.sharpness),
            userdef.RandomCentreCrop(options.crop_max_ratio, options.crop_resamples),
            userdef.RandomFlip(options.horizontal_flip, options.vertical_flip),
            userdef.RandomWholeRotation(*options.rotation),
            userdef.RandomNoise(options.noise_probability, options.noise_max_sigma),
        ]
    )


def _imgaug(options: PolicyOptions) -> Transform:
    if options.imgaug_backend == "imaug":
        return ImgaugLibrary(options.imgaug)
    return imgaug_pipeline(options.imgaug)


def _flip(options: PolicyOptions) -> Transform:
    if options.flip_probability == 0:
        raise UserError(
            "'flip' only mirrors, which changes the labels of this data set or has probability 0: "
            "choose another augmentation, or say --changes-label none where a mirror keeps them"
        )
    return flips_and_colours.RandomHorizontalFlip(options.flip_probability)


def _rand_augment(options: PolicyOptions) -> Transform:
    return RandAugment(
        options.rand_augment_ops,
        options.rand_augment_magnitude,
        options.magnitude_bins,
        options.max_rotation,
    )


def _trivial_augment(options: PolicyOptions) -> Transform:
    return TrivialAugmentWide(
        num_magnitude_bins=options.magnitude_bins, max_rotation=options.max_rotation
    )


POLICIES: dict[str, Callable[[PolicyOptions], Transform]] = {
    "no": _no,
    "userDef": _user_def,
    "imgaugLib": _imgaug,
    "allab": lambda options: Compose([_user_def(options), _imgaug(options)]),
    "allba": lambda options: Compose([_imgaug(options), _user_def(options)]),
    "flip": _flip,
    "randAugment": _rand_augment,
    "trivialAugment": _trivial_augment,
}

_USER_DEF = (
    "brightness", "contrast", "color", "sharpness", "crop_max_ratio", "crop_resamples",
    "horizontal_flip", "vertical_flip", "rotation", "noise_probability", "noise_max_sigma",
    "small_rotation",
)  # fmt: skip
_IMGAUG = ("imgaug_backend", "imgaug", "small_rotation")
_TRIVIAL_AUGMENT = ("magnitude_bins", "max_rotation", "small_rotation")

# Names of the PolicyOptions that each policy uses; small_rotation counts on some data only.
NUMBERS_USED: dict[str, tuple[str, ...]] = {
    "no": (),
    "userDef": _USER_DEF,
    "imgaugLib": _IMGAUG,
    "allab": _USER_DEF + _IMGAUG,
    "allba": _USER_DEF + _IMGAUG,
    "flip": ("flip_probability",),
    "randAugment": ("rand_augment_ops", "rand_augment_magnitude", *_TRIVIAL_AUGMENT),
    "trivialAugment": _TRIVIAL_AUGMENT,
}
