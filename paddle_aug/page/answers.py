"""Confusion matrices, and the images that a method gets right or wrong unlike the baseline; made
from predictions.npz alone."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paddle_aug.report.groups import Group, by_common_seed
from paddle_aug.runs.predictions import Predictions
from paddle_aug.runs.reading import Run

# A matrix of more classes is shown as a picture, without its numbers.
MOST_CLASSES = 20


@dataclass(frozen=True)
class Matrix:
    """Confusion matrix of a method, over all its runs with predictions.

    counts: int64 [C, C], rows are true classes. runs: number of runs counted; of: of the method's.
    """

    label: str
    classes: tuple[str, ...]
    counts: np.ndarray
    runs: int
    of: int

    @property
    def accuracy(self) -> float:
        return float(self.counts.trace() / self.counts.sum())

    @property
    def shares(self) -> np.ndarray:
        """float [C, C]: shares of the true class; 0 where it has no image."""
        totals = self.counts.sum(axis=1, keepdims=True)
        return np.divide(self.counts, totals, out=np.zeros(self.counts.shape), where=totals > 0)

    def largest_errors(self, most: int) -> list[tuple[str, str, int]]:
        """(true class, predicted class, images), the most frequent first."""
        wrong = self.counts.copy()
        np.fill_diagonal(wrong, 0)
        places = np.argsort(-wrong, axis=None, kind="stable")[:most]
        rows, columns = np.unravel_index(places, wrong.shape)
        return [
            (self.classes[row], self.classes[column], int(wrong[row, column]))
            for row, column in zip(rows, columns, strict=True)
            if wrong[row, column]
        ]


@dataclass(frozen=True)
class Change:
    """Images on which a method and the baseline disagree about being right, in one seed.

    gained: indices of images that only the method has right, its most confident answers first;
    lost: those that only the baseline has right, in the order of its confidence.
    """

    label: str
    run: Run
    own: Predictions
    other: Predictions
    gained: np.ndarray
    lost: np.ndarray


def matrices(groups: Sequence[Group]) -> list[Matrix]:
    """The matrices of all methods with predictions, in the groups' order."""
    found = []
    for group in groups:
        answers = [run.predictions for run in group.runs if run.predictions is not None]
        if not answers:
            continue
        classes = answers[0].classes
        same = [each for each in answers if each.classes == classes]
        count = len(classes)
        counts = np.zeros((count, count), np.int64)
        for each in same:
            np.add.at(counts, (each.labels, each.predicted), 1)
        found.append(Matrix(group.label, classes, counts, len(same), len(group.runs)))
    return found


def changes(groups: Sequence[Group], baseline: Group) -> list[Change]:
    """The comparisons of all other methods, in the first seed with predictions of the same
    images."""
    found = []
    for group in groups:
        if group is baseline:
            continue
        for run, other in by_common_seed(group, baseline).values():
            own, others = run.predictions, other.predictions
            if own is not None and others is not None and own.same_images(others):
                found.append(_change(group.label, run, own, others))
                break
    return found


def _change(label: str, run: Run, own: Predictions, other: Predictions) -> Change:
    gained = np.flatnonzero(own.right & ~other.right)
    lost = np.flatnonzero(other.right & ~own.right)
    return Change(
        label, run, own, other,
        gained[np.argsort(-own.probability[gained], kind="stable")],
        lost[np.argsort(-other.probability[lost], kind="stable")],
    )  # fmt: skip
