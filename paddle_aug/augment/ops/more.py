"""The further operations of RandAugment, TrivialAugment and ColorJitter, on uint8 RGB images.

As in `basic`: [H, W, 3] in and out, no random numbers, the input is never changed. The values are
Pillow's, which the papers used, but for `hue` and `grayscale`.
"""

import cv2
import numpy as np

from paddle_aug.augment.ops.basic import warp_nearest

_LEVELS = np.arange(256)


def hue(image: np.ndarray, turn: float) -> np.ndarray:
    """Every hue turned on the colour circle. turn: -0.5..0.5 of a full turn, rounded to 1/256.

    A value is up to 12 levels off that of exact hues, on average less than 1, where Pillow's hues
    of 8 bits with a turn cut to 1/255 (torchvision's way) are up to 17 and 1.6 off: both are up to
    19 apart.
    """
    steps = round(turn * 256) % 256
    if steps == 0:
        return image
    hsv = cv2.cvtColor(image, cv2.COLOR_RGB2HSV_FULL)
    hsv[..., 0] += np.uint8(steps)
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB_FULL)


def grayscale(image: np.ndarray) -> np.ndarray:
    """Luma (ITU-R 601) in all three channels: Pillow's, but for 1 level in 0.3 % of the colours."""
    return cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)


def posterize(image: np.ndarray, bits: int) -> np.ndarray:
    """The upper `bits` bits of every value, the others 0. bits: 0..8; 8 gives the image."""
    return image & np.uint8(256 - (1 << (8 - bits)))


def solarize(image: np.ndarray, threshold: float) -> np.ndarray:
    """Values of `threshold` (0..256) and above inverted; 0 gives the negative."""
    return cv2.LUT(image, np.where(threshold > _LEVELS, _LEVELS, 255 - _LEVELS).astype(np.uint8))


def autocontrast(image: np.ndarray) -> np.ndarray:
    """Each channel stretched to 0..255; a channel of one value stays."""
    table = np.empty((256, 3), np.uint8)
    for channel, plane in enumerate(cv2.split(image)):
        low, high = int(plane.min()), int(plane.max())
        scale = 255 / (high - low) if high > low else 1.0
        offset = -low * scale if high > low else 0.0
        table[:, channel] = np.clip(_LEVELS * scale + offset, 0, 255)
    return cv2.LUT(image, table[None])


def equalize(image: np.ndarray) -> np.ndarray:
    """Each channel with a flat histogram; a channel of one value stays."""
    table = np.empty((256, 3), np.uint8)
    for channel in range(3):
        counts = cv2.calcHist([image], [channel], None, [256], [0, 256])[:, 0].astype(np.int64)
        used = np.flatnonzero(counts)
        step = (counts.sum() - counts[used[-1]]) // 255
        if step == 0:
            table[:, channel] = _LEVELS
        else:
            below = np.cumsum(counts) - counts
            table[:, channel] = np.minimum((step // 2 + below) // step, 255)
    return cv2.LUT(image, table[None])


def shear(image: np.ndarray, x: float, y: float) -> np.ndarray:
    """Pixel (row r, column c) taken from (r + y * c, c + x * r); nearest neighbour, black fill."""
    return _sample_affine(image, np.array([[1, x, 0], [y, 1, 0]], np.float64))


def translate(image: np.ndarray, right: float, down: float) -> np.ndarray:
    """Image moved by whole pixels (fractions cut off), black where nothing is left."""
    return _sample_affine(image, np.array([[1, 0, -int(right)], [0, 1, -int(down)]], np.float64))


def erase(image: np.ndarray, top: int, left: int, height: int, width: int) -> np.ndarray:
    """A copy with one rectangle black; parts of it outside the image are ignored."""
    result = image.copy()
    result[max(top, 0) : max(top + height, 0), max(left, 0) : max(left + width, 0)] = 0
    return result


def _sample_affine(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """matrix: 2x3, from output to source positions, measured from the image's corner."""
    matrix[:, 2] += matrix[:, :2].sum(axis=1) / 2 - 0.5
    return warp_nearest(image, matrix)
