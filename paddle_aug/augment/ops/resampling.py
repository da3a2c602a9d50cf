"""Scaling an image by a named filter: nearest, bilinear, bicubic or Lanczos.

`resize` scales whole images, wherever they are scaled: training, evaluation, previews, the cache,
exported models. `resize_fast` has the same filters within a grey level and scales random crops.
"""

import threading
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image

RESAMPLES = ("nearest", "bilinear", "bicubic", "lanczos")


_ROWS_A_BLOCK = 12  # fastest of 4..32 for images of 64 to 224 pixels


_WEIGHT_UNIT = 1 << 15  # resampling weights are whole multiples of 1 / _WEIGHT_UNIT


_MOST_AT_ONCE = 1 << 20  # values of an image resampled at once; limits the memory


_LOCAL = threading.local()


def resize(
    image: np.ndarray,
    height: int,
    width: int,
    resample: str = "bilinear",
    antialias: bool = True,
) -> np.ndarray:
    """Image scaled to height x width, uint8. An image of that size is returned as it is.

    antialias: every new pixel is a weighted mean of all the pixels that it covers, equal to
    Pillow's Image.resize bit for bit. Without it (bilinear only) every new pixel is a mean of the
    four pixels around its centre, however much the image shrinks, equal to OpenCV's INTER_LINEAR
    bit for bit. On fine textures the two differ widely: averaging removes noise, four pixels keep
    it.
    Raises ValueError on an unknown filter, and on one that is always antialiased.
    """
    check_filter(resample, antialias)
    if (height, width) == image.shape[:2]:
        return np.ascontiguousarray(image)
    if not antialias:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    method = Image.Resampling[resample.upper()]
    return np.array(Image.fromarray(image).resize((width, height), method))


def filter_in_words(resample: str, antialias: bool) -> str:
    """The filter's name for a line or a title: "bilinear, antialiased"."""
    return (
        resample
        if resample == "nearest"
        else f"{resample}, {'' if antialias else 'not '}antialiased"
    )


def check_filter(resample: str, antialias: bool) -> None:
    """Raise ValueError where there is no such filter."""
    if resample not in RESAMPLES:
        raise ValueError(f"unknown resample {resample!r}: one of {', '.join(RESAMPLES)}")
    if not isinstance(antialias, bool):
        raise ValueError(f"antialias must be true or false, got {antialias!r}")
    if not antialias and resample != "bilinear":
        raise ValueError(f"antialias false is for bilinear only, not for {resample}")


def resize_fast(
    image: np.ndarray, height: int, width: int, resample: str = "bilinear"
) -> np.ndarray:
    """`resize` with antialiasing in half the time and less, for random crops of training images.

    Nearest is exactly that of `resize`; the others are within a grey level but for a few values
    where bicubic and Lanczos overshoot. Raises ValueError on an unknown filter.
    """
    check_filter(resample, antialias=True)
    if (height, width) == image.shape[:2]:
        return np.ascontiguousarray(image)
    if resample == "nearest":
        return _resize_nearest(image, height, width)
    if resample == "bilinear" and height >= image.shape[0] and width >= image.shape[1]:
        return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    # As in Pillow, values are rounded and clipped between the two passes. We begin with the
    # columns; Pillow may begin with the rows where they shrink, which changes a result only where
    # an overshoot is clipped.
    columns = _resample_rows(cv2.transpose(image), width, resample)
    return _resample_rows(cv2.transpose(columns), height, resample)


def _resize_nearest(image: np.ndarray, height: int, width: int) -> np.ndarray:
    # Copying whole rows is much faster than copying single pixels: so both passes copy rows.
    columns = cv2.transpose(image).take(_nearest_indices(image.shape[1], width), axis=0)
    return cv2.transpose(columns).take(_nearest_indices(image.shape[0], height), axis=0)


@lru_cache(maxsize=1024)
def _nearest_indices(old: int, new: int) -> np.ndarray:
    """Source index of each of `new` pixels.

    Steps are added up in float64, as in Pillow, which decides the ties between two pixels.
    """
    positions = np.full(new, old / new)
    positions[0] /= 2
    return np.minimum(np.add.accumulate(positions).astype(np.intp), old - 1)


def _resample_rows(image: np.ndarray, size: int, resample: str) -> np.ndarray:
    """Image with `size` rows, each a weighted sum of old rows, rounded to uint8."""
    if len(image) == size:
        return image
    if image.size > _MOST_AT_ONCE and image.shape[1] > 1:
        halves = np.array_split(image, 2, axis=1)
        return np.hstack([_resample_rows(half, size, resample) for half in halves])
    rows, weights = _row_weights(len(image), size, resample)
    (blocks, height, taps), length = weights.shape, image[0].size
    workspace = _workspace(rows.size + blocks * height, length)
    source, result = workspace[: rows.size], workspace[rows.size :]
    np.copyto(source, image.reshape(-1, length).take(rows, axis=0))
    source = source.reshape(blocks, taps, length)
    np.matmul(weights, source, out=result.reshape(blocks, height, length))
    cv2.threshold(result, 0, 0, cv2.THRESH_TOZERO, dst=result)
    # Scales, rounds halves up and converts in one pass; no value is negative here.
    scaled = cv2.convertScaleAbs(result[:size], alpha=1 / _WEIGHT_UNIT, beta=0.5 / _WEIGHT_UNIT)
    return scaled.reshape(size, *image.shape[1:])


@lru_cache(maxsize=512)
def _row_weights(old: int, new: int, resample: str) -> tuple[np.ndarray, np.ndarray]:
    """The old rows that each block of new rows needs, intp [blocks * taps], and Pillow's weights.

    Weights: float32 [blocks, rows of a block, taps] in units of 1 / _WEIGHT_UNIT. They are whole
    numbers whose sums of products with uint8 stay below 2 ** 24, so float32 is exact in whatever
    order BLAS adds them up. In blocks, as one large matrix would be nearly all zeros and single
    rows are slow.
    """
    radius, kernel = _KERNELS[resample]
    scale = max(old / new, 1.0)
    block = min(_ROWS_A_BLOCK, new)
    # The last block is filled up with copies of the last row.
    new_rows = np.minimum(np.arange(-(-new // block) * block), new - 1).reshape(-1, block, 1)
    centres = (new_rows + 0.5) * (old / new)
    firsts = np.maximum((centres - radius * scale + 0.5).astype(int), 0)
    lasts = np.minimum((centres + radius * scale + 0.5).astype(int), old)
    taps = (lasts[:, -1] - firsts[:, 0]).max()
    rows = np.minimum(firsts[:, :1], old - taps) + np.arange(taps)
    weights = kernel((rows + 0.5 - centres) / scale)
    weights[(rows < firsts) | (rows >= lasts)] = 0
    weights /= weights.sum(axis=2, keepdims=True)
    return rows.ravel(), np.rint(weights * _WEIGHT_UNIT).astype(np.float32)


def _workspace(rows: int, length: int) -> np.ndarray:
    """Memory for float32 [rows, length], used again by the next call in this thread."""
    # Page faults of newly allocated memory would take longer than the resampling itself.
    buffer = getattr(_LOCAL, "workspace", None)
    if buffer is None or buffer.size < rows * length:
        buffer = _LOCAL.workspace = np.empty(rows * length, np.float32)
    return buffer[: rows * length].reshape(rows, length)


def _cubic(x: np.ndarray) -> np.ndarray:
    """Keys' cubic with a = -0.5 (OpenCV's has -0.75)."""
    x = np.abs(x)
    near, far = (1.5 * x - 2.5) * x * x + 1, ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0))


def _lanczos(x: np.ndarray) -> np.ndarray:
    """Lanczos over 3 pixels (OpenCV's is over 4)."""
    return np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0)


_KERNELS = {  # name: its radius in pixels, its weight by distance
    "bilinear": (1, lambda x: np.maximum(1 - np.abs(x), 0)),
    "bicubic": (2, _cubic),
    "lanczos": (3, _lanczos),
}
