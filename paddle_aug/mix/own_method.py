"""Tries a user's own mixing Method before training begins."""

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.mix.methods import Method, Numbers


def check_method(method: Method, name: str) -> None:
    """Raise UserError where draw or apply fail or return something that does not fit."""
    rng = np.random.default_rng(0)
    images = rng.normal(size=(4, 3, 16, 24)).astype(np.float32)
    partners = images[::-1].copy()
    before = images.copy()
    try:
        draw = method.draw(rng, Numbers(), 16, 24)
        mixed = method.apply(images, partners, draw, Numbers())
        lam = np.asarray(draw.lam, np.float64)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"augment {name}: fails on a batch of 4 images ({reason})") from None
    if getattr(mixed, "shape", None) != images.shape or mixed.dtype != np.float32:
        kind = f"{getattr(mixed, 'dtype', type(mixed).__name__)} {np.shape(mixed)}"
        raise UserError(f"augment {name}: apply gives {kind}, not float32 {images.shape}")
    if not np.array_equal(images, before):
        raise UserError(f"augment {name}: apply changes the images that it is given")
    if not (lam.min() >= 0 and lam.max() <= 1):
        raise UserError(f"augment {name}: lam is {draw.lam}, not in [0, 1]")
