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
from paddle_aug.augment.ops.resampling import (
    RESAMPLES,
    check_filter,
    filter_in_words,
    resize,
    resize_fast,
)

__all__ = [
    "RESAMPLES",
    "autocontrast",
    "brightness",
    "check_filter",
    "color",
    "contrast",
    "crop",
    "equalize",
    "erase",
    "filter_in_words",
    "flip",
    "grayscale",
    "hue",
    "noise",
    "posterize",
    "resize",
    "resize_fast",
    "rotate",
    "sharpness",
    "shear",
    "solarize",
    "translate",
    "warp_nearest",
]
