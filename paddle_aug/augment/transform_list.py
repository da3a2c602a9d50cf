"""Transforms from a list of torchvision's names, as --train-transforms takes it."""

import dataclasses
from typing import Any

from paddle_aug.augment.paddle_vision import PaddleVision, is_paddle_vision
from paddle_aug.augment.transforms import crops_and_boxes, flips_and_colours, userdef
from paddle_aug.augment.transforms.auto_augment import RandAugment, TrivialAugmentWide
from paddle_aug.augment.transforms.base import Compose, Transform
from paddle_aug.core.errors import UserError, closest, did_you_mean


def build_transforms(spec: list[Any]) -> Transform:
    """Transforms from a list such as a YAML file holds, applied in order.

    spec: of names ("RandomHorizontalFlip"), {name: first argument} ({Resize: 120},
    {Resize: [96, 128]}) or {name: {argument: value}} ({ColorJitter: {hue: 0.5}}); names are the
    keys of VOCABULARY. Torchvision's names take torchvision's arguments in its order; some are
    missing, and max_rotation is our own. From Python also of transforms themselves, ours and
    paddle.vision's. Raises UserError on names, arguments or values that are not allowed.
    """
    if not isinstance(spec, list | tuple):
        raise UserError(f"transforms must be a list such as [{{Resize: 120}}], got {spec!r}")
    return Compose([_build_step(step) for step in spec])


VOCABULARY: dict[str, Any] = {  # name: dataclass that is a Transform
    kind.__name__: kind
    for kind in (
        crops_and_boxes.Resize,
        crops_and_boxes.CenterCrop,
        crops_and_boxes.RandomCrop,
        crops_and_boxes.RandomResizedCrop,
        crops_and_boxes.Pad,
        crops_and_boxes.RandomErasing,
        flips_and_colours.RandomHorizontalFlip,
        flips_and_colours.RandomVerticalFlip,
        flips_and_colours.RandomRotation,
        flips_and_colours.ColorJitter,
        flips_and_colours.Grayscale,
        RandAugment,
        TrivialAugmentWide,
        userdef.RandomEnhance,
        userdef.RandomCentreCrop,
        userdef.RandomFlip,
        userdef.RandomWholeRotation,
        userdef.RandomNoise,
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
    if isinstance(step, Transform):
        return step
    if is_paddle_vision(step):
        return PaddleVision(step)
    name, argument = step, {}
    if isinstance(step, dict) and len(step) == 1:
        name, argument = next(iter(step.items()))
    if not isinstance(name, str):
        raise UserError(f"transforms: expected a name or {{name: argument}}, got {step!r}")
    if name in _ELSEWHERE:
        raise UserError(f"transforms: {name}: {_ELSEWHERE[name]}")
    if name not in VOCABULARY:
        near = closest(name, VOCABULARY)
        hint = f"did you mean {near}?" if near else f"one of {', '.join(VOCABULARY)}"
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
            hint = did_you_mean(str(key), allowed)
            raise UserError(f"transforms: {name}: unknown argument {key!r}: it takes {names}{hint}")
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
    """YAML's lists as tuples, as the transforms take pairs."""
    return tuple(_frozen(v) for v in value) if isinstance(value, list) else value
