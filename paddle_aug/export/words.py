"""Describes in words how to prepare an image with Pillow, OpenCV and NumPy alone.

Following the words gives the same input as evaluate.py, bit for bit but for the last rounding of
float32.
"""

import dataclasses
from typing import Any

from paddle_aug.augment.transforms.base import Transform
from paddle_aug.augment.transforms.crops_and_boxes import CenterCrop, Pad, Resize
from paddle_aug.augment.transforms.flips_and_colours import Grayscale
from paddle_aug.build.scaling import evaluation_transforms
from paddle_aug.config import Config

_GRAY = (
    "cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), in whole numbers "
    "(9798 red + 19235 green + 3735 blue + 16384) // 32768"
)


def spelled_out(config: Config) -> list[dict[str, dict[str, Any]]]:
    """The transforms of an evaluation image, each with all its arguments."""
    return [
        {type(step).__name__: _plain(dataclasses.asdict(step))}  # pyright: ignore[reportArgumentType]
        for step in evaluation_transforms(config)
    ]


def random_steps(config: Config) -> list[str]:
    """Names of the transforms with random numbers, which words cannot describe."""
    return [
        type(step).__name__ for step in evaluation_transforms(config) if type(step) not in _WORDS
    ]


def steps_in_words(config: Config) -> list[str]:
    """A sentence for each step, from the file to the model's input."""
    size, channels = config.image_size, config.channels
    gray = [f"make it gray, uint8 [{size}, {size}]: {_GRAY}"] if channels == 1 else []
    return [
        "decode the file to an RGB image, uint8 [height, width, 3]: its EXIF orientation applied, "
        "gray as three equal channels, transparent parts on white, of 16 bits the high byte, of "
        "several frames the first",
        *[_words(step) for step in evaluation_transforms(config)],
        *gray,
        "divide by 255, subtract `mean` and divide by `std`, each of its channel; float32 "
        f"[{channels}, {size}, {size}], channels first",
    ]


def _words(step: Transform) -> str:
    if type(step) not in _WORDS:
        return f"{type(step).__name__}: evaluate.py draws it at random; left out, figures differ"
    return _WORDS[type(step)](step)


def _resize(step: Resize) -> str:
    if isinstance(step.size, tuple):
        height, width = step.size
        size = f"scale to height {height} and width {width}"
    else:
        height, width = "height", "width"
        size = (
            f"scale both sides by {step.size} / min(old height, old width), rounded down, to the "
            "new height and width"
        )
    method = f"cv2.resize(image, ({width}, {height}), interpolation=cv2.INTER_LINEAR)"
    if step.antialias:
        name = step.interpolation.upper()
        method = f"Pillow's image.resize(({width}, {height}), Image.Resampling.{name})"
    return f"{size}, where it has not that size already: {method}"


def _centre_crop(step: CenterCrop) -> str:
    height, width = step.size if isinstance(step.size, tuple) else (step.size, step.size)
    return (
        f"cut out {height} rows and {width} columns, the first of them row "
        f"round((height - {height}) / 2) and column round((width - {width}) / 2), counted from 0, "
        "halves rounded to the even number"
    )


def _pad(step: Pad) -> str:
    return f"{_PADDED[step.padding_mode].format(fill=step.fill)}: {_sides(step)}"


def _sides(step: Pad) -> str:
    sides = (step.padding,) if isinstance(step.padding, int) else tuple(step.padding)
    left, top, right, bottom = sides * (4 // len(sides))
    return f"{left} columns left, {top} rows above, {right} columns right, {bottom} rows below"


_PADDED = {
    "constant": "add pixels of the value {fill} in all channels",
    "edge": "repeat the outermost pixels (cv2.BORDER_REPLICATE)",
    "reflect": "mirror the image at its outermost pixels (cv2.BORDER_REFLECT_101)",
    "symmetric": "mirror the image at its edges (cv2.BORDER_REFLECT)",
}
_WORDS: dict[type, Any] = {  # every transform without randomness
    Resize: _resize,
    CenterCrop: _centre_crop,
    Pad: _pad,
    Grayscale: lambda step: f"make it gray, {_GRAY}, in three equal channels",
}


def _plain(value: Any) -> Any:
    """Pairs as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, tuple) else value
