"""SMOTE: new images for small classes, between real ones and their neighbours of the same class.

Needs imbalanced-learn (requirements-extra.txt). Every image is held in memory, decoded.
"""

import logging
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.errors import UserError
from paddle_aug.image_dataset import ArrayDataset, ImageDataset

log = logging.getLogger(__name__)

NEIGHBOURS = 5
WARN_BYTES = 1 << 30


class OversampledDataset(ArrayDataset):
    """The images of a data set, followed by made ones; all in memory, of one size."""

    def __init__(self, original: ImageDataset, images: np.ndarray, labels: np.ndarray):
        super().__init__(
            images, labels, original.classes, original.name, original.changes_label,
            f"{original.description} with SMOTE",
        )  # fmt: skip
        self._original = original

    def source(self, index: int) -> str:
        number = int(self._numbers[index])
        if number < len(self._original):
            return self._original.source(number)
        return f"SMOTE image {number - len(self._original)} of {self.classes[self.labels[index]]!r}"


def smote(dataset: ImageDataset, seed: int, neighbours: int = NEIGHBOURS) -> OversampledDataset:
    """The data set with as many images of every class as its largest has.

    A made image is x + u (y - x): x a real one, y one of its nearest neighbours of its class by
    Euclidean distance of the pixels, u ~ U(0, 1) (Chawla et al. 2002, arXiv 1106.1813).
    dataset: images of one size, uint8. neighbours: at most; a class of n has n - 1.
    Raises UserError without imbalanced-learn, for a class of one image, or where the memory that
    is needed is not there.
    """
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    present = counts[counts > 0]
    if present.min() == present.max():
        log.warning("oversample: all classes of %s have %d images, nothing is made",
                    dataset.name, present.max())  # fmt: skip
    if present.min() < 2:
        raise UserError(f"oversample: class {dataset.classes[int(np.argmax(counts == 1))]!r} has "
                        "one image only, and SMOTE needs a neighbour")  # fmt: skip
    first = dataset[0][0]
    check_memory(len(dataset), int(present.max()) * len(present), first.size)
    values = np.empty((len(dataset), first.size), np.float32)
    for index in range(len(dataset)):
        values[index] = dataset[index][0].reshape(-1)
    smallest = int(present.min())
    maker = _smote_class()(random_state=seed, k_neighbors=min(neighbours, smallest - 1))
    values, labels = maker.fit_resample(values, dataset.labels)
    images = np.rint(values).clip(0, 255).astype(np.uint8).reshape(-1, *first.shape)
    return OversampledDataset(dataset, images, labels)


def check_memory(images: int, images_after: int, values: int) -> None:
    """Say what SMOTE needs; UserError where Linux says that there is not as much.

    values: numbers in one image. SMOTE works on float32 copies of all images, old and new, twice.
    """
    need = values * (4 * images + 2 * 4 * images_after)
    available = available_bytes()
    text = f"oversample: SMOTE holds {images_after} images in memory, about {need >> 20} MB"
    if available is not None and need > available:
        raise UserError(
            f"{text}, and {available >> 20} MB are free: use a smaller --image-size, or "
            "--sampling balanced, which needs none"
        )
    if need > WARN_BYTES:
        log.warning(text)


def available_bytes() -> int | None:
    """Memory that can be had without swapping; None where the system does not tell."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) << 10
    except (OSError, ValueError):
        pass
    return None


def _smote_class() -> Any:
    try:
        from imblearn.over_sampling import SMOTE
    except ImportError as error:
        raise UserError(
            "oversample: smote needs imbalanced-learn: pip install -r requirements-extra.txt "
            f"({error})"
        ) from None
    return SMOTE
