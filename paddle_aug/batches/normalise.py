"""From an augmented image to what a model takes, in one pass."""

from collections.abc import Sequence

import cv2
import numpy as np


def to_chw(
    image: np.ndarray,
    mean: float | Sequence[float] = 0.5,
    std: float | Sequence[float] = 0.5,
    channels: int = 3,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalised float32 [channels, H, W] of a uint8 RGB image: (pixel / 255 - mean) / std.

    image: uint8 [H, W, 3]; mean, std: in units of [0, 1], one number or one a channel (the
    default maps [0, 255] to [-1, 1], as the SamplePairing article does); channels: 3, or 1 for
    gray, which takes the average where mean or std has three; out: contiguous float32
    [channels, H, W] to write to, such as a row of the batch. Raises ValueError where these do not
    fit together.
    """
    if channels not in (1, 3):
        raise ValueError(f"channels must be 1 or 3, got {channels}")
    shape = (channels, *image.shape[:2])
    if out is None:
        out = np.empty(shape, np.float32)
    elif out.shape != shape or out.dtype != np.float32 or not out.flags.c_contiguous:
        raise ValueError(
            f"out must be contiguous float32 {list(shape)}, got {out.dtype} {out.shape}"
        )
    means, stds = per_channel(mean, channels), per_channel(std, channels)
    planes = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)] if channels == 1 else cv2.split(image)
    for plane, target, m, s in zip(planes, out, means, stds, strict=True):
        cv2.addWeighted(plane, 1 / (255 * s), plane, 0, -m / s, dst=target, dtype=cv2.CV_32F)
    return out


def to_pixels(
    image: np.ndarray, mean: float | Sequence[float] = 0.5, std: float | Sequence[float] = 0.5
) -> np.ndarray:
    """The uint8 RGB image [H, W, 3] of a normalised one, float [3, H, W] or [1, H, W]; what a mix
    has made darker than black or brighter than white is cut."""
    channels = image.shape[0]
    means, stds = (np.reshape(per_channel(v, channels), (channels, 1, 1)) for v in (mean, std))
    pixels = np.rint((image * stds + means) * 255).clip(0, 255).astype(np.uint8)
    return np.ascontiguousarray(np.broadcast_to(pixels, (3, *image.shape[1:])).transpose(1, 2, 0))


def per_channel(value: float | Sequence[float], channels: int) -> list[float]:
    """One value for each channel, from a number or a sequence; gray takes the average of three."""
    values = np.ravel(value).tolist()
    if channels == 1:
        return [sum(values) / len(values)]
    if len(values) not in (1, channels):
        raise ValueError(f"need one value or {channels}, got {len(values)}")
    return values * (channels // len(values))
