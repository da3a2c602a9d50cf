"""Mixing two images and their labels: formulas, the table of methods, the phases."""

from paddle_aug.mix.formulas import (
    box_lam,
    cutmix,
    cutout,
    mixup,
    rand_bbox,
    sample_centre,
    sample_lam,
    sample_pairing,
    sample_partners,
    soft_targets,
    square_bbox,
)
from paddle_aug.mix.phases import PairingSchedule

__all__ = [
    "PairingSchedule",
    "box_lam",
    "cutmix",
    "cutout",
    "mixup",
    "rand_bbox",
    "sample_centre",
    "sample_lam",
    "sample_pairing",
    "sample_partners",
    "soft_targets",
    "square_bbox",
]
