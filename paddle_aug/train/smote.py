"""SMOTE: new images for small classes, interpolated between neighbours of the same class.

Needs imbalanced-learn (the extra smote). All images are held in memory as bytes, and those of one
class at a time as floats.
"""

import logging
import os
from typing import Any

import numpy as np

from paddle_aug.build.data import resized
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.requirements import install, requirement
from paddle_aug.core.text import Say
from paddle_aug.data.dataset import ArrayDataset, ImageDataset
from paddle_aug.train.memory import free_bytes

log = logging.getLogger(__name__)

NEIGHBOURS = 5
WARN_BYTES = 1 << 30
_DISTANCES_MB = 32
_BESIDE_BYTES = 64 << 20  # for distances, their order and other buffers


class OversampledDataset(ArrayDataset):
    """The images of a data set, followed by the new ones; all in memory, of one size."""

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


def images_to_learn(train: ImageDataset, config: Config, say: Say) -> ImageDataset:
    """The training images, with those that --oversample adds: then all of --image-size."""
    if config.oversample == "no":
        return train
    more = smote(resized(train, config), config.seed)
    say(f"SMOTE: {len(more) - len(train)} images made, {len(more)} in all")
    return more


def smote(dataset: ImageDataset, seed: int, neighbours: int = NEIGHBOURS) -> OversampledDataset:
    """The data set with as many images of every class as its largest has.

    A new image is x + u (y - x): x a real one, y one of its nearest neighbours in its class by
    Euclidean distance of the pixels, u ~ U(0, 1) (Chawla et al. 2002, arXiv 1106.1813). dataset:
    images of one size, uint8. neighbours: at most; n - 1 in a class of n images. Raises UserError
    without imbalanced-learn, for a class of one image, or for too little memory.
    """
    counts = np.bincount(dataset.labels, minlength=len(dataset.classes))
    present = counts[counts > 0]
    if present.min() == present.max():
        log.warning("oversample: all classes of %s have %d images, nothing is made",
                    dataset.name, present.max())  # fmt: skip
    elif present.min() < 2:
        raise UserError(f"oversample: class {dataset.classes[int(np.argmax(counts == 1))]!r} has "
                        "one image only, and SMOTE needs a neighbour")  # fmt: skip
    _library()  # imported before the check, as it takes memory itself
    first = dataset[0][0]
    check_memory(counts, first.size)
    missing = np.where(counts > 0, present.max() - counts, 0)
    labels = np.concatenate([dataset.labels, np.repeat(np.arange(len(counts)), missing)])
    images = np.empty((len(labels), *first.shape), np.uint8)
    for index in range(len(dataset)):
        images[index] = dataset[index][0]
    end = len(dataset)
    # One class at a time: as floats all of them together would take far more memory.
    for label in np.flatnonzero(missing):
        start, end = end, end + int(missing[label])
        real = images[: len(dataset)][dataset.labels == label]
        images[start:end] = _between(real, end - start, seed, neighbours)
    return OversampledDataset(dataset, images, labels)


def _between(real: np.ndarray, count: int, seed: int, neighbours: int) -> np.ndarray:
    """`count` new images, whole numbers in float32, of the class whose images are `real`."""
    make, sklearn_settings = _library()
    # imbalanced-learn needs a second class: one black image, which is not used.
    values = np.zeros((len(real) + 1, real[0].size), np.float32)
    values[:-1] = real.reshape(len(real), -1)
    sampler = make(
        sampling_strategy={0: len(real) + count}, random_state=seed,
        k_neighbors=min(neighbours, len(real) - 1),
    )  # fmt: skip
    # scikit-learn's default for distances would hold 512 images in float64 for each thread.
    with sklearn_settings(enable_cython_pairwise_dist=False, working_memory=_DISTANCES_MB):
        result, _ = sampler.fit_resample(values, np.arange(len(values)) // len(real))
    made = result[len(values) :]
    return np.rint(made, out=made).reshape(count, *real.shape[1:])


def needed_bytes(counts: np.ndarray, values: int) -> int:
    """Upper bound of the memory that SMOTE needs beside that of the data set.

    counts: images of each class. values: numbers in one image. All images are held as bytes; those
    of the current class also four times as float32 (imbalanced-learn's copies).
    """
    largest = int(counts.max())
    return values * largest * (int(np.count_nonzero(counts)) + 16) + _BESIDE_BYTES


def check_memory(counts: np.ndarray, values: int) -> None:
    """Warn where SMOTE needs more than WARN_BYTES of memory; UserError where it needs more than is
    free (`memory.free_bytes`).

    counts, values: see `needed_bytes`. Under Paddle's launcher every process of this machine needs
    as much.
    """
    processes = int(os.environ.get("PADDLE_LOCAL_SIZE", "1"))
    need = processes * needed_bytes(counts, values)
    available = free_bytes()
    images = int(counts.max()) * int(np.count_nonzero(counts))
    each = f" in each of {processes} processes" if processes > 1 else ""
    text = f"oversample: SMOTE holds {images} images{each}, for which it takes {need >> 20} MB"
    if available is not None and need > available:
        raise UserError(
            f"{text}, and {available >> 20} MB are free: use a smaller --image-size, or "
            "--sampling balanced, which needs none"
        )
    if need > WARN_BYTES:
        log.warning(text)


def _library() -> tuple[Any, Any]:
    """imbalanced-learn's SMOTE, and the settings of scikit-learn, which it uses."""
    try:
        from imblearn.over_sampling import SMOTE
        from sklearn import config_context
    except ImportError as error:
        command = install(requirement("imbalanced-learn"))
        raise UserError(f"oversample: smote needs imbalanced-learn: {command} ({error})") from None
    return SMOTE, config_context
