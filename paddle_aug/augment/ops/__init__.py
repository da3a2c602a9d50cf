"""Operations on one image: uint8 RGB [H, W, 3] in, the same out, no randomness."""

from paddle_aug.augment.ops.basic import (
    brightness,
    color,
    contrast,
    crop,
    flip,
    noise,
    rotate,
    sharpness,
    warp_nearest,
)
from paddle_aug.augment.ops.more import (
    autocontrast,
    equalize,
    erase,
    grayscale,
    hue,
    posterize,
    shear,
    solarize,
    translate,
)
from paddle_aug.augment.ops.resampling import RESAMPLES, resize

__all__ = [
    "RESAMPLES",
    "autocontrast",
    "brightness",
    "color",
    "contrast",
    "crop",
    "equalize",
    "erase",
    "flip",
    "grayscale",
    "hue",
    "noise",
    "posterize",
    "resize",
    "rotate",
    "sharpness",
    "shear",
    "solarize",
    "translate",
    "warp_nearest",
]
