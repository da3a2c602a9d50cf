"""Mixing the images of a batch: pure functions of the batch, the partners and the weights.

One formula serves NumPy arrays and Paddle tensors of shape [N, C, H, W] (any layout for
`sample_pairing` and `mixup`). The batch that comes in is never changed, and partners are always
read from it, so no image is paired with an already mixed one. `lam` weights the first image.
"""

from typing import Any

import numpy as np

Batch = Any  # numpy.ndarray or paddle.Tensor, shape [N, C, H, W]
Box = tuple[int, int, int, int]  # y1, x1, y2, x2; y2 and x2 are outside the box


def sample_pairing(images: Batch, partners: Batch) -> Batch:
    """Mean of each image and its partner; the label stays the first image's.

    images, partners: same shape and floating dtype. Source: Inoue 2018, arXiv 1801.02929.
    """
    _refuse_bytes(images)
    return images * 0.5 + partners * 0.5


def mixup(images: Batch, partners: Batch, lam: float | Batch) -> Batch:
    """lam * images + (1 - lam) * partners.

    images, partners: floating. lam: in [0, 1], one number or one an image (shape [N]); its dtype
    becomes the images'. Raises ValueError for another lam.
    Source: Zhang et al. 2018, arXiv 1710.09412.
    """
    _refuse_bytes(images)
    lam = _weights_like(lam, images)
    return images * lam + partners * (1 - lam)


def cutmix(images: Batch, partners: Batch, box: Box) -> Batch:
    """Each image with the rectangle `box` taken from its partner.

    The share of the first image that is left is `box_lam(box, height, width)`. Raises ValueError
    for a box that is not inside the images, which must be [N, C, H, W].
    Source: Yun et al. 2019, arXiv 1905.04899.
    """
    mask = _box_mask(box, images)
    return images * (1 - mask) + partners * mask


def cutout(images: Batch, box: Box, fill: float = 0.0) -> Batch:
    """Each image with the rectangle `box` set to `fill`; the label stays.

    Source: DeVries and Taylor 2017, arXiv 1708.04552.
    """
    mask = _box_mask(box, images)
    return images * (1 - mask) + mask * fill


def rand_bbox(height: int, width: int, lam: float, cy: int, cx: int) -> Box:
    """Box of the area share 1 - lam centred at row cy, column cx, clipped to the image.

    Returns (y1, x1, y2, x2). Source: CutMix, arXiv 1905.04899.
    """
    share = np.sqrt(1.0 - lam)
    return _clipped_box(height, width, int(height * share), int(width * share), cy, cx)


def square_bbox(height: int, width: int, side: int, cy: int, cx: int) -> Box:
    """Square of `side` pixels centred at row cy, column cx, clipped to the image (Cutout's)."""
    return _clipped_box(height, width, side, side, cy, cx)


def box_lam(box: Box, height: int, width: int) -> float:
    """Share of the pixels outside the box: the first image's weight after CutMix."""
    y1, x1, y2, x2 = box
    return 1.0 - (y2 - y1) * (x2 - x1) / (height * width)


def sample_lam(rng: np.random.Generator, alpha: float) -> float:
    """lam ~ Beta(alpha, alpha), strictly inside (0, 1)."""
    while True:
        lam = float(rng.beta(alpha, alpha))
        if 0.0 < lam < 1.0:
            return lam


def sample_partners(rng: np.random.Generator, size: int) -> np.ndarray:
    """A partner for each image of a batch, drawn with replacement as the article does.

    Returns int64 [size] in [0, size).
    """
    return rng.integers(0, size, size)


def sample_centre(rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    """A uniformly drawn pixel (row, column)."""
    return int(rng.integers(height)), int(rng.integers(width))


def soft_targets(
    first: np.ndarray, second: np.ndarray, lam: float | np.ndarray, num_classes: int
) -> np.ndarray:
    """Label distributions lam * onehot(first) + (1 - lam) * onehot(second).

    first, second: int64 [N]; lam: in [0, 1], one number or [N]. Returns float32
    [N, num_classes], each row summing to 1.
    """
    lam = np.broadcast_to(np.asarray(lam, np.float32), np.shape(first))
    rows = np.arange(len(lam))
    targets = np.zeros((len(lam), num_classes), np.float32)
    targets[rows, first] = lam
    targets[rows, second] += 1 - lam
    return targets


def _refuse_bytes(images: Batch) -> None:
    """Means of whole numbers would change the type, or be cut off."""
    if "int" in str(images.dtype):
        raise ValueError(f"images are {images.dtype}: float ones are mixed here; "
                         "paddle_aug.mix.images mixes two uint8 images")  # fmt: skip


def _weights_like(lam: float | Batch, images: Batch) -> float | Batch:
    """Weights that multiply `images` row by row without changing its dtype."""
    values = np.asarray(lam, np.float64)
    if not (values.min() >= 0 and values.max() <= 1):
        raise ValueError(f"lam must be in [0, 1], got {values}")
    if values.ndim == 0:
        return float(values)
    shape = [len(values)] + [1] * (images.ndim - 1)
    if isinstance(images, np.ndarray):
        return np.asarray(lam, images.dtype).reshape(shape)
    import paddle

    return paddle.to_tensor(np.asarray(lam), dtype=images.dtype).reshape(shape)


def _box_mask(box: Box, images: Batch) -> Batch:
    """1 inside the box and 0 outside, shape [1, 1, H, W], of the images' kind and dtype."""
    y1, x1, y2, x2 = box
    height, width = images.shape[-2:]
    if not (0 <= y1 <= y2 <= height and 0 <= x1 <= x2 <= width):
        raise ValueError(f"the box {box} is not inside {height}x{width}, the last two of the shape "
                         f"{list(images.shape)}: images must be [N, C, H, W]")  # fmt: skip
    mask = np.zeros((1, 1, height, width), np.float32)
    mask[..., y1:y2, x1:x2] = 1
    if isinstance(images, np.ndarray):
        return mask.astype(images.dtype)
    import paddle

    return paddle.to_tensor(mask, dtype=images.dtype)


def _clipped_box(height: int, width: int, box_h: int, box_w: int, cy: int, cx: int) -> Box:
    y1, y2 = np.clip([cy - box_h // 2, cy + box_h // 2], 0, height)
    x1, x2 = np.clip([cx - box_w // 2, cx + box_w // 2], 0, width)
    return int(y1), int(x1), int(y2), int(x2)
