"""A model's answer on every image of a data set: a small file for comparing two runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.atomic import atomic_write
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import MATRIX_LIMIT, open_npz, read_json
from paddle_aug.runs.layout import FIGURES, PREDICTIONS

_ARRAYS = ("classes", "labels", "predicted", "probability")


@dataclass(frozen=True)
class Predictions:
    """A model's answers, in the data set's order.

    labels, predicted: int64 [N]; probability: float32 [N], of the predicted class.
    """

    classes: tuple[str, ...]
    labels: np.ndarray
    predicted: np.ndarray
    probability: np.ndarray

    @property
    def right(self) -> np.ndarray:
        """bool [N]: images whose class was predicted."""
        return self.predicted == self.labels

    @property
    def accuracy(self) -> float:
        """The share of the images that is right, from 0 to 1."""
        return float(self.right.mean())

    def same_images(self, other: "Predictions") -> bool:
        """Whether both are of images with the same labels, in the same order."""
        return self.classes == other.classes and np.array_equal(self.labels, other.labels)


def evaluation_figures(folder: Path) -> dict[str, Any]:
    """The evaluation.json beside predictions; empty where one of the two is not there, or it cannot
    be read."""
    try:
        figures = read_json(folder / FIGURES, MATRIX_LIMIT)
    except UserError:
        return {}
    return figures if (folder / PREDICTIONS).exists() else {}


def is_of_last_state(figures: Mapping[str, Any], epoch: int) -> bool:
    """Whether an evaluation is of a run's last state, with the whole of its own evaluation set.

    Not so where its data have changed since it was trained. figures: of evaluation.json; what an
    earlier version did not record there is taken to be so. epoch: the run's last one, counted from
    0. A state within an epoch is none that figures are of.
    """
    return (
        figures.get("checkpoint_epoch") in (None, epoch)
        and not figures.get("checkpoint_step")
        and figures.get("split", "eval") in ("eval", "all")  # all: its own data have no parts
        and figures.get("data_options") is None
        and not figures.get("images_changed")
        and figures.get("tta", "none") == "none"
    )


def write_predictions(
    path: str | Path, probabilities: np.ndarray, labels: np.ndarray, classes: list[str]
) -> None:
    """Save the answers: about 4 bytes an image, compressed.

    probabilities: float [N, classes]; labels: int [N].
    """
    predicted = probabilities.argmax(1)
    kind = np.promote_types(np.uint16, np.min_scalar_type(len(classes) - 1))
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            classes=np.array(classes, np.str_),
            labels=labels.astype(kind),
            predicted=predicted.astype(kind),
            probability=probabilities.max(1).astype(np.float16),
        )


def read_predictions(path: str | Path) -> Predictions:
    """What write_predictions saved. Raises UserError for a damaged or any other file."""
    with open_npz(path) as file, np.load(file, allow_pickle=False) as arrays:
        classes, labels, predicted, probability = (arrays[name] for name in _ARRAYS)
        found = Predictions(
            tuple(map(str, classes)), labels.astype(np.int64), predicted.astype(np.int64),
            probability.astype(np.float32),
        )  # fmt: skip
    if not (found.labels.shape == found.predicted.shape == found.probability.shape) or (
        found.labels.ndim != 1 or not found.labels.size
    ):
        raise UserError(f"{path}: expected one label and one answer an image")
    if labels.dtype.kind not in "iu" or predicted.dtype.kind not in "iu":
        raise UserError(f"{path}: labels and answers are numbers of classes, not {labels.dtype}, "
                        f"{predicted.dtype}")  # fmt: skip
    numbers = np.concatenate([found.labels, found.predicted])
    if numbers.min() < 0 or numbers.max() >= len(found.classes):
        raise UserError(f"{path}: has a label or an answer beyond its {len(found.classes)} classes")
    if not ((found.probability >= 0) & (found.probability <= 1)).all():
        raise UserError(f"{path}: has probabilities that are not between 0 and 1")
    return found
