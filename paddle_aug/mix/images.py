"""Mixing two single images of any two sizes, as previews show them; uint8 works, too.

`paddle_aug.mix.formulas` mixes the float batches that a model is trained on.
"""

import numpy as np


def sample_pairing(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pixel mean of two images on a black canvas of the larger height and width.

    a, b: [H, W, C] of one dtype, any two sizes, aligned at the top left: floating, or uint8, whose
    mean is truncated as in the SamplePairing article. Raises ValueError on other pairs.
    Source: Inoue 2018, arXiv 1801.02929.
    """
    return mixup(a, b, 0.5)


def mixup(a: np.ndarray, b: np.ndarray, lam: float) -> np.ndarray:
    """lam * a + (1 - lam) * b on a black canvas of the larger height and width.

    a, b: as for `sample_pairing`; lam: in [0, 1]. Raises ValueError otherwise. Truncation, which is
    the SamplePairing article's too, makes uint8 up to a grey level darker, even an image mixed
    with itself.
    Source: Zhang et al. 2018, arXiv 1710.09412.
    """
    if a.dtype != b.dtype or a.shape[2:] != b.shape[2:]:
        raise ValueError(
            f"cannot mix {a.dtype} {list(a.shape)} with {b.dtype} {list(b.shape)}: "
            "dtype and channels must be the same"
        )
    if not 0 <= lam <= 1:
        raise ValueError(f"lam must be in [0, 1], got {lam}")
    height, width = max(a.shape[0], b.shape[0]), max(a.shape[1], b.shape[1])
    canvas = np.zeros((height, width, *a.shape[2:]), np.float32)
    canvas[: a.shape[0], : a.shape[1]] = a.astype(np.float32) * np.float32(lam)
    canvas[: b.shape[0], : b.shape[1]] += b.astype(np.float32) * np.float32(1 - lam)
    return canvas.astype(a.dtype)
