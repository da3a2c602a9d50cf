"""The image parts of --augment by name, and transforms from a list in a YAML file."""

import dataclasses
import difflib
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Literal

from paddle_aug import box_transforms, ops, transforms, vision_transforms
from paddle_aug.auto_augment import RandAugment, TrivialAugmentWide
from paddle_aug.checks import check_choice, check_probability, check_range
from paddle_aug.errors import UserError
from paddle_aug.imgaug_library import ImgaugLibrary
from paddle_aug.imgaug_options import ImgaugOptions
from paddle_aug.imgaug_transforms import imgaug_pipeline
from paddle_aug.transforms import Compose, Transform

# What can change the label of an image, and so may be excluded by a data set.
EXCLUDABLE = ("horizontal_flip", "vertical_flip", "large_rotation")


@dataclass(frozen=True)
class PolicyOptions:
    """Every number of the policies; the defaults are the documents' and the papers'.

    The first are userDef's; flip_probability is flip's; max_rotation limits RandAugment's and
    TrivialAugment's turns, in degrees; small_rotation limits every policy's on data whose labels a
    large turn changes. Raises ValueError on numbers out of range.
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
        for name in ("brightness", "contrast", "color", "sharpness"):
            check_range(name, getattr(self, name), 0)
        for name in ("horizontal_flip", "vertical_flip", "noise_probability", "flip_probability"):
            check_probability(name, getattr(self, name))
        for resample in self.crop_resamples:
            check_choice("crop_resamples", resample, ops.RESAMPLES)
        check_range("rotation", self.rotation)
        least = {
            "crop_max_ratio": 1,
            "noise_max_sigma": 0,
            "small_rotation": 0,
            "max_rotation": 0,
            "rand_augment_ops": 0,
            "magnitude_bins": 2,
        }
        for name, bound in least.items():
            if not bound <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be {bound} or more, got {getattr(self, name)!r}")
        if not self.crop_resamples:
            raise ValueError(f"crop_resamples must name some of {', '.join(ops.RESAMPLES)}")
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
    """Image part of an --augment name, without what would change the labels of this data set.

    name: a key of POLICIES; exclude: some of EXCLUDABLE; options: the defaults where None.
    Raises UserError on an unknown name, where nothing of the policy is left, and where a library
    is missing.
    """
    if name not in POLICIES:
        raise UserError(f"unknown augmentation {name!r}: one of {', '.join(POLICIES)}")
    unknown = exclude - set(EXCLUDABLE)
    if unknown:
        raise UserError(f"cannot exclude {sorted(unknown)}: only {', '.join(EXCLUDABLE)}")
    return POLICIES[name](_restricted(options or PolicyOptions(), exclude))


def build_transforms(spec: list[Any]) -> Transform:
    """Transforms from a list such as a YAML file holds, applied in order.

    spec: of names ("RandomHorizontalFlip"), {name: first argument} ({Resize: 120},
    {Resize: [96, 128]}) or {name: {argument: value}} ({ColorJitter: {hue: 0.5}}); names are the
    keys of VOCABULARY. Raises UserError on names, arguments or values that are not allowed.
    """
    if not isinstance(spec, list | tuple):
        raise UserError(f"transforms must be a list such as [{{Resize: 120}}], got {spec!r}")
    return Compose([_build_step(step) for step in spec])


def _restricted(options: PolicyOptions, exclude: frozenset[str]) -> PolicyOptions:
    """Options without the excluded operations."""
    imgaug, limit = options.imgaug, options.small_rotation
    if "horizontal_flip" in exclude:
        options = replace(options, horizontal_flip=0.0, flip_probability=0.0)
        imgaug = replace(imgaug, horizontal_flip=0.0)
    if "vertical_flip" in exclude:
        options = replace(options, vertical_flip=0.0)
        imgaug = replace(imgaug, vertical_flip=0.0)
    if "large_rotation" in exclude:
        options = replace(options, rotation=(-limit, limit), max_rotation=float(limit))
        low, high = (max(-limit, min(limit, degrees)) for degrees in imgaug.rotate)
        imgaug = replace(imgaug, rotate=(low, high))
    return replace(options, imgaug=imgaug)


def _no(options: PolicyOptions) -> Transform:
    return Compose()


def _user_def(options: PolicyOptions) -> Transform:
    return transforms.RandomOrder(
        [
            transforms.RandomEnhance("brightness", *options.brightness),
            transforms.RandomEnhance("contrast", *options.contrast),
            transforms.RandomEnhance("color", *options.color),
            transforms.RandomEnhance("sharpness", *options.sharpness),
            transforms.RandomCentreCrop(options.crop_max_ratio, options.crop_resamples),
            transforms.RandomFlip(options.horizontal_flip, options.vertical_flip),
            transforms.RandomWholeRotation(*options.rotation),
            transforms.RandomNoise(options.noise_probability, options.noise_max_sigma),
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
            "choose another augmentation"
        )
    return vision_transforms.RandomHorizontalFlip(options.flip_probability)


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
VOCABULARY: dict[str, Any] = {  # dataclasses, all kinds of Transform
    kind.__name__: kind
    for kind in (
        box_transforms.Resize,
        box_transforms.CenterCrop,
        box_transforms.RandomCrop,
        box_transforms.RandomResizedCrop,
        box_transforms.Pad,
        box_transforms.RandomErasing,
        vision_transforms.RandomHorizontalFlip,
        vision_transforms.RandomVerticalFlip,
        vision_transforms.RandomRotation,
        vision_transforms.ColorJitter,
        vision_transforms.Grayscale,
        RandAugment,
        TrivialAugmentWide,
        transforms.RandomEnhance,
        transforms.RandomCentreCrop,
        transforms.RandomFlip,
        transforms.RandomWholeRotation,
        transforms.RandomNoise,
    )
}
_ELSEWHERE = {
    "Normalize": "normalisation follows by itself: see the options mean and std",
    "ToTensor": "conversion follows by itself: leave it out",
    "Compose": "the list is composed by itself: leave it out",
}
_NOT_ARGUMENTS = {"ranges"}


def _build_step(step: Any) -> Transform:
    """One entry of the list."""
    name, argument = step, {}
    if isinstance(step, dict) and len(step) == 1:
        name, argument = next(iter(step.items()))
    if not isinstance(name, str):
        raise UserError(f"transforms: expected a name or {{name: argument}}, got {step!r}")
    if name in _ELSEWHERE:
        raise UserError(f"transforms: {name}: {_ELSEWHERE[name]}")
    if name not in VOCABULARY:
        close = difflib.get_close_matches(name, VOCABULARY, 1)
        hint = f"did you mean {close[0]}?" if close else f"one of {', '.join(VOCABULARY)}"
        raise UserError(f"transforms: unknown transform {name!r}: {hint}")
    kind = VOCABULARY[name]
    fields = [f for f in dataclasses.fields(kind) if f.name not in _NOT_ARGUMENTS]
    allowed = [f.name for f in fields]
    if argument is None:
        argument = {}
    if not isinstance(argument, dict):
        if not allowed:
            raise UserError(f"transforms: {name} takes no argument, got {argument!r}")
        argument = {allowed[0]: argument}
    for key in argument:
        if key not in allowed:
            names = ", ".join(allowed) or "none"
            raise UserError(f"transforms: {name}: unknown argument {key!r}: it takes {names}")
    missing = [
        f.name
        for f in fields
        if f.name not in argument
        and f.default is dataclasses.MISSING
        and f.default_factory is dataclasses.MISSING
    ]
    if missing:
        raise UserError(f"transforms: {name}: needs {', '.join(missing)}")
    try:
        return kind(**{key: _frozen(value) for key, value in argument.items()})
    except (ValueError, TypeError) as error:
        raise UserError(f"transforms: {name}: {error}") from None


def _frozen(value: Any) -> Any:
    """YAML's lists as tuples, which torchvision takes for pairs."""
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
