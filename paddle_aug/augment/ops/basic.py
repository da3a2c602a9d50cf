"""The eight operations of userDef, the base augmentation, on uint8 RGB images.

Every function takes contiguous uint8 [H, W, 3] and returns the same kind; none draws random
numbers or changes its input (one that has nothing to do may return the input itself). They
reproduce Pillow's ImageEnhance, crop, resize and rotate in OpenCV and NumPy at a fraction of the
time: brightness, contrast, flips and nearest exactly, the others within about one grey level
at factors up to 2 (docs/faults.md).
"""

import math
from functools import lru_cache

import cv2
import numpy as np

from paddle_aug.augment.ops.resampling import resize_fast
from paddle_aug.core.errors import UserError

_LEVELS = np.arange(256, dtype=np.float32)
_BYTES = np.arange(256, dtype=np.uint8)
_LUMA = (19595 / 65536, 38470 / 65536, 7471 / 65536)  # Pillow's conversion to L (ITU-R 601)
# round(x - _TRUNCATE) truncates x as Pillow does, and leaves whole numbers as they are.
_TRUNCATE = 0.4999
# The same for cv2.transform, which computes in multiples of 1/1024 on uint8.
_TRANSFORM_UNIT = 1024
_TRANSFORM_TRUNCATE = 511
_LONGEST_SIDE = 32766  # OpenCV counts positions in 16 bits
_NOISE_POOL = 1 << 22
_NOISE_UNIT = 32  # levels of the noise pool for one standard deviation


def brightness(image: np.ndarray, factor: float) -> np.ndarray:
    """Grey levels times `factor`, from 0 (black) over 1 (the image) on. Exactly Pillow's."""
    return _blend_with_level(image, 0, factor)


def contrast(image: np.ndarray, factor: float) -> np.ndarray:
    """Each value's distance to the image's mean luma times `factor`, from 0.

    Exactly Pillow's, but for large areas of one saturated colour, which may shift it by 1.
    """
    return _blend_with_level(image, _mean_luma(image), factor)


def color(image: np.ndarray, factor: float) -> np.ndarray:
    """Saturation: factor 0 gives the gray image, 1 the image and more than 1 stronger colours.

    Within 1 of Pillow's for factors up to 2, within half the factor (rounded up) beyond.
    """
    if factor == 1:
        return image
    # The channel's own weight is what makes the row sum to 1 after rounding: otherwise gray pixels
    # would change.
    r, g, b = (round(weight * (1 - factor) * _TRANSFORM_UNIT) for weight in _LUMA)
    rest = _TRANSFORM_UNIT - r - g - b
    rows = [[r + rest, g, b], [r, g + rest, b], [r, g, b + rest]]
    offset = [-_TRANSFORM_TRUNCATE]
    matrix = np.array([row + offset for row in rows], np.float32) / _TRANSFORM_UNIT
    return cv2.transform(image, matrix)


def sharpness(image: np.ndarray, factor: float) -> np.ndarray:
    """Blend of the smoothed image (factor 0), the image (1) and beyond.

    factor: from 0. Within 1 of Pillow's for factors up to 2, within the factor beyond. The
    outermost pixels keep their values, as in Pillow.
    """
    if factor == 1 or min(image.shape[:2]) < 3:
        return image
    # Pillow's smoothing kernel (ones around a 5, divided by 13) is 9/13 of the 3x3 mean plus 4/13
    # of the centre.
    mean = cv2.blur(image, (3, 3))
    rest = 1 - factor
    # Pillow rounds twice and then truncates. The offset lies between its mean loss for factors such
    # as 1.5 (a quarter) and for any other (a half).
    result = cv2.addWeighted(image, factor + rest * 4 / 13, mean, rest * 9 / 13, -0.4)
    result[0], result[-1] = image[0], image[-1]
    result[:, 0], result[:, -1] = image[:, 0], image[:, -1]
    return result


def crop(image: np.ndarray, ratio_w: float, ratio_h: float, resample: str) -> np.ndarray:
    """The centre box of W/ratio_w x H/ratio_h pixels, scaled back to W x H.

    ratio_w, ratio_h: from 1; resample: one of RESAMPLES. Raises ValueError otherwise.
    """
    if min(ratio_w, ratio_h) < 1:
        raise ValueError(f"crop ratios must be 1 or more, got {ratio_w} and {ratio_h}")
    height, width = image.shape[:2]
    x1, x2 = _centre_span(width, ratio_w)
    y1, y2 = _centre_span(height, ratio_h)
    return resize_fast(image[y1:y2, x1:x2], height, width, resample)


def flip(image: np.ndarray, horizontal: bool, vertical: bool) -> np.ndarray:
    """Image mirrored left-right where horizontal, top-bottom where vertical."""
    if not (horizontal or vertical):
        return image
    return cv2.flip(image, -1 if horizontal and vertical else int(horizontal))


def rotate(image: np.ndarray, degrees: float) -> np.ndarray:
    """Image turned counter-clockwise about its centre, nearest neighbour, black corners.

    The size stays. Equal to Pillow's on 99.9 % of the pixels; at 135 degrees, the worst whole
    angle, on 99.7 % at 224 x 224 and 97.4 % at 28 x 28.
    """
    height, width = image.shape[:2]
    degrees %= 360
    if degrees in (0, 180):
        return cv2.flip(image, -1) if degrees else image
    if height == width and degrees in (90, 270):
        turn = cv2.ROTATE_90_COUNTERCLOCKWISE if degrees == 90 else cv2.ROTATE_90_CLOCKWISE
        return cv2.rotate(image, turn)
    # Rounded, as an error of 1e-17 in a quarter turn would move pixels on the border.
    cos, sin = (round(f(math.radians(degrees)), 15) for f in (math.cos, math.sin))
    # The map from output to source positions, which are measured at pixel centres (the halves).
    cx, cy = width / 2 - 0.5, height / 2 - 0.5
    matrix = np.array([[cos, -sin, cx - cos * cx + sin * cy], [sin, cos, cy - sin * cx - cos * cy]])
    return warp_nearest(image, matrix)


def warp_nearest(image: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Image whose pixel (x, y) is the source pixel nearest to matrix @ (x, y, 1), black outside.

    matrix: float64 [2, 3], from output to source positions at pixel centres. Raises UserError where
    the image is too large (see `check_sides`).
    """
    check_sides(image)
    height, width = image.shape[:2]
    # OpenCV moves pixels of one 32-bit value nearly twice as fast as those of three bytes.
    pixels = cv2.cvtColor(image, cv2.COLOR_RGB2RGBA).view(np.int32)
    flags = cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(pixels, matrix, (width, height), flags=flags).view(np.uint8)
    return cv2.cvtColor(pixels.reshape(height, width, 4), cv2.COLOR_RGBA2RGB)


def check_sides(image: np.ndarray) -> None:
    """Raise UserError where a side is too long for OpenCV to move pixels about: 32767 or more."""
    height, width = image.shape[:2]
    if max(height, width) > _LONGEST_SIDE:
        raise UserError(
            f"an image of {width} x {height} pixels cannot be turned, sheared or moved, at most "
            f"{_LONGEST_SIDE} a side can: put a Resize before it"
        )


def noise(image: np.ndarray, sigma: float, seed: int, per_channel: bool = True) -> np.ndarray:
    """Image plus Gaussian noise, clipped to 0..255: one value per pixel and channel, or per pixel.

    sigma: grey levels, from 0; seed: whole number from 0, the same seed gives the same noise. The
    values are a section of a fixed pool of four million, so two seeds may share some of them. What
    a larger image needs beyond the pool is drawn anew, so that no noise repeats within an image.
    """
    if sigma == 0:
        return image
    values = _noise_values(image.size if per_channel else image.shape[0] * image.shape[1], seed)
    if not per_channel:
        values = cv2.cvtColor(values.reshape(image.shape[:2]), cv2.COLOR_GRAY2RGB)
    unit = sigma / _NOISE_UNIT
    return cv2.addWeighted(image, 1.0, values.reshape(image.shape), unit, -128 * unit)


def _blend_with_level(image: np.ndarray, level: int, factor: float) -> np.ndarray:
    """level + factor * (image - level), truncated to 0..255 as Pillow's Image.blend does."""
    table = (level + np.float32(factor) * (_LEVELS - level)).clip(0, 255).astype(np.uint8)
    # Arithmetic on the image is twice as fast as a table but rounds differently: use it only if all
    # 256 levels come out right, which is nearly always so.
    offset = level * (1 - factor) - _TRUNCATE
    if _scaled(_BYTES, factor, offset).tobytes() == table.tobytes():
        return _scaled(image, factor, offset)
    return cv2.LUT(image, table)


def _scaled(image: np.ndarray, factor: float, offset: float) -> np.ndarray:
    """factor * image + offset, rounded and clipped."""
    if offset >= -0.5:
        # Fastest, but takes absolute values: used only if no result rounds to less than 0.
        return cv2.convertScaleAbs(image, alpha=factor, beta=offset)
    return cv2.addWeighted(image, factor, image, 0, offset)


def _mean_luma(image: np.ndarray) -> int:
    """Mean of Pillow's L, rounded half up."""
    # OpenCV's gray differs from Pillow's for one colour in a thousand, which changes the mean by
    # thousandths. Only near a half, where rounding could differ, is Pillow's computed, which takes
    # six times as long.
    mean = cv2.mean(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))[0]
    if image.size < 1 << 14 or abs(mean % 1 - 0.5) < 0.01:
        mean = cv2.mean(cv2.transform(image, np.array([_LUMA])))[0]
    return int(mean + 0.5)


def _centre_span(size: int, ratio: float) -> tuple[int, int]:
    """First and last whole pixel of the centre `size / ratio`, as Pillow rounds a crop box."""
    start = size * (1 - 1 / ratio) / 2
    first, last = round(start), round(start + size / ratio)
    first = min(first, size - 1)
    return first, max(last, first + 1)


def _noise_values(size: int, seed: int) -> np.ndarray:
    """Noise, uint8 [size], as _noise_bytes makes it: from the pool, and drawn beyond it."""
    start = seed % _NOISE_POOL
    values = _noise_pool()[start : start + size]
    if values.size == size:
        return values
    beyond = max(0, size - _NOISE_POOL)
    wrapped = _noise_pool()[: size - values.size - beyond]
    # With a second number, as seed 0 alone would give the pool again.
    drawn = _noise_bytes(np.random.default_rng((1, seed)), beyond)
    return np.concatenate([values, wrapped, drawn])


@lru_cache(maxsize=1)
def _noise_pool() -> np.ndarray:
    return _noise_bytes(np.random.default_rng(0), _NOISE_POOL)


def _noise_bytes(rng: np.random.Generator, size: int) -> np.ndarray:
    """Standard normal values as uint8 [size]: 128 + 32 z, cut at four standard deviations."""
    values = rng.standard_normal(size, dtype=np.float32)
    return np.clip(np.rint(values * _NOISE_UNIT) + 128, 0, 255).astype(np.uint8)
