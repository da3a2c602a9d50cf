"""Mixing the images of a batch: pure functions of the batch, the partners and the weights.

One formula serves NumPy arrays and Paddle tensors of shape [N, C, H, W] (any layout for
`sample_pairing` and `mixup`). The batch that comes in is never changed, and partners are always
read from it, so no image is paired with an already mixed one. `lam` weights the first image.
"""

from typing import Any

import numpy as np

from paddle_aug.core.transfer import to_device

Batch = Any  # numpy.ndarray or paddle.Tensor, shape [N, C, H, W]
Box = tuple[int, int, int, int]  # y1, x1, y2, x2; y2 and x2 are outside the box

MAX_ALPHA = 1e6  # lam is then 0.5 to three digits; far larger ones overflow


def sample_pairing(images: Batch, partners: Batch) -> Batch:
    """Mean of each image and its partner; the label stays the first image's.

    images, partners: same shape and floating dtype. Source: Inoue 2018, arXiv 1801.02929.
    """
    _refuse_bytes(images)
    return images * 0.5 + partners * 0.5


def mixup(images: Batch, partners: Batch, lam: float | Batch) -> Batch:
    """lam * images + (1 - lam) * partners.

    images, partners: floating. lam: in [0, 1], one number, or one per image (shape [N]); its dtype
    becomes the images'. Raises ValueError for another lam.
    Source: Zhang et al. 2018, arXiv 1710.09412.
    """
    _refuse_bytes(images)
    lam = _weights_like(lam, images)
    return images * lam + partners * (1 - lam)


def cutmix(images: Batch, partners: Batch, box: Box | np.ndarray) -> Batch:
    """Each image with the rectangle `box` taken from its partner.

    box: one for all images, or int [N, 4], one per image. The share of the first image that is left
    is `box_lam(box, height, width)`. Raises ValueError for a box that is not inside the images,
    which must be [N, C, H, W].
    Source: Yun et al. 2019, arXiv 1905.04899.
    """
    mask = _box_mask(box, images)
    return images * (1 - mask) + partners * mask


def cutout(images: Batch, box: Box | np.ndarray, fill: float = 0.0) -> Batch:
    """Each image with the rectangle `box` set to `fill`; the label stays.

    images: floating. box: one for all images, or int [N, 4], one per image, as in the paper.
    Source: DeVries and Taylor 2017, arXiv 1708.04552.
    """
    _refuse_bytes(images)
    mask = _box_mask(box, images)
    return images * (1 - mask) + mask * fill


def rand_bbox(height: int, width: int, lam: float, cy: int, cx: int) -> Box:
    """Box of the area share 1 - lam centred at row cy, column cx, clipped to the image.

    Returns (y1, x1, y2, x2). Source: CutMix, arXiv 1905.04899.
    """
    share = np.sqrt(1.0 - lam)
    up, left = int(height * share) // 2, int(width * share) // 2
    return _clipped(height, width, (cy - up, cx - left, cy + up, cx + left))


def square_bbox(height: int, width: int, side: int, cy: int, cx: int) -> Box:
    """Square of `side` pixels around row cy, column cx, clipped to the image (Cutout's).

    For an even side the centre is the first pixel of the second half, as in the paper's code.
    """
    top, left = cy - side // 2, cx - side // 2
    return _clipped(height, width, (top, left, top + side, left + side))


def box_lam(box: Box, height: int, width: int) -> float:
    """Share of the pixels outside the box: the first image's weight after CutMix."""
    y1, x1, y2, x2 = box
    return 1.0 - (y2 - y1) * (x2 - x1) / (height * width)


def sample_lam(rng: np.random.Generator, alpha: float) -> float:
    """lam ~ Beta(alpha, alpha), in [0, 1].

    alpha: 0 to MAX_ALPHA. The smaller it is, the nearer lam lies to 0 or 1, and rounding may make
    it exactly 0 or 1. alpha 0 means no mixing: lam is 1 (as in the mixup paper's code, arXiv
    1710.09412). Raises ValueError for another alpha.
    """
    if not 0 <= alpha <= MAX_ALPHA:
        raise ValueError(f"alpha must be from 0 to {MAX_ALPHA:g}, got {alpha!r}")
    if alpha == 0:
        return 1.0
    alpha = max(alpha, 1e-300)  # below, the generator's 1 / alpha overflows
    return float(rng.beta(alpha, alpha))


def sample_partners(rng: np.random.Generator, size: int, pairs: str = "replacement") -> np.ndarray:
    """A partner for each image of a batch; int64 [size] in [0, size).

    pairs: "replacement": each partner is drawn by itself, so that some images serve twice and
    others not at all (the SamplePairing article). "permutation": every image serves once (the
    code of the mixup and CutMix papers). An image may be its own partner in both.
    Raises ValueError for another word.
    """
    if pairs == "replacement":
        return rng.integers(0, size, size)
    if pairs == "permutation":
        return rng.permutation(size)
    raise ValueError(f"pairs is {pairs!r}: permutation or replacement")


def sample_centre(rng: np.random.Generator, height: int, width: int) -> tuple[int, int]:
    """A uniformly drawn pixel (row, column)."""
    return int(rng.integers(height)), int(rng.integers(width))


def soft_targets(
    labels: np.ndarray, partner_labels: np.ndarray, lam: float | np.ndarray, num_classes: int
) -> np.ndarray:
    """Label distributions lam * onehot(labels) + (1 - lam) * onehot(partner_labels).

    labels, partner_labels: int64 [N]; lam: in [0, 1], one number or [N]. Returns float32
    [N, num_classes], each row summing to 1.
    """
    lam = np.broadcast_to(np.asarray(lam, np.float32), np.shape(labels))
    rows = np.arange(len(lam))
    targets = np.zeros((len(lam), num_classes), np.float32)
    targets[rows, labels] = lam
    targets[rows, partner_labels] += 1 - lam
    return targets


def _refuse_bytes(images: Batch) -> None:
    """Raise ValueError for whole numbers: their mean would change the type, or be cut off."""
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
    return to_device(np.asarray(lam), images.dtype, images.place).reshape(shape)


def _box_mask(box: Box | np.ndarray, images: Batch) -> Batch:
    """1 inside the box and 0 outside, of the images' kind and dtype.

    Shape [1, 1, H, W], or [N, 1, H, W] where every image has a box of its own.
    """
    height, width = images.shape[-2:]
    boxes = np.atleast_2d(np.asarray(box))
    if len(boxes) not in (1, images.shape[0]):
        raise ValueError(f"{len(boxes)} boxes for {images.shape[0]} images: one, or one per image")
    mask = np.zeros((len(boxes), 1, height, width), np.float32)
    for row, (y1, x1, y2, x2) in enumerate(boxes.tolist()):
        if not (0 <= y1 <= y2 <= height and 0 <= x1 <= x2 <= width):
            raise ValueError(
                f"the box {(y1, x1, y2, x2)} is not inside {height}x{width}, the last two of the "
                f"shape {list(images.shape)}: images must be [N, C, H, W]"
            )
        mask[row, :, y1:y2, x1:x2] = 1
    if isinstance(images, np.ndarray):
        return mask.astype(images.dtype)
    return to_device(mask, images.dtype, images.place)


def _clipped(height: int, width: int, box: Box) -> Box:
    """The part of the box that lies inside the image."""
    y1, x1, y2, x2 = np.clip(box, 0, [height, width, height, width]).tolist()
    return y1, x1, y2, x2
