"""Which images train and which are evaluated on: pure functions of the labels and a seed."""

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream


def order_split(count: int, eval_share: float) -> tuple[np.ndarray, np.ndarray]:
    """First part for training, the rest for evaluation, in the rows' order.

    eval_share: in (0, 1). The training part is cut, not rounded, to whole rows, as int(0.8 * n) of
    the CutMix document (docs/sources.md) does; each part gets at least one row.
    Returns two int64 index arrays. Raises UserError for fewer than two rows.
    """
    if count < 2:
        raise UserError(f"{count} image(s) cannot be split into training and evaluation")
    train_share = round(1 - eval_share, 12)  # 1 - 0.9 is a little less than 0.1
    cut = min(max(int(train_share * count), 1), count - 1)
    return np.arange(cut), np.arange(cut, count)


def stratified_split(
    labels: np.ndarray, eval_share: float, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Put `eval_share` of every class into evaluation, chosen by the seed.

    labels: int64 [N]. A class of two or more images is in both parts, a class of one only trains.
    Returns two sorted int64 index arrays. Raises UserError where no class can be split.
    """
    train, evaluation = [], []
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        members = stream(seed, 0, int(label), "split").permutation(members)
        cut = min(max(round(len(members) * eval_share), 1), len(members) - 1)
        evaluation.append(members[:cut])
        train.append(members[cut:])
    if sum(map(len, evaluation)) == 0:
        raise UserError("every class has a single image: nothing is left for evaluation")
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(evaluation))


def per_class_subset(labels: np.ndarray, per_class: int, seed: int) -> np.ndarray:
    """Indices of at most `per_class` images a class, chosen by the seed, sorted.

    labels: int64 [N]. With the same seed a smaller choice is part of a larger one.
    """
    chosen = [
        stream(seed, 0, int(label), "subset").permutation(np.flatnonzero(labels == label))
        for label in np.unique(labels)
    ]
    return np.sort(np.concatenate([members[:per_class] for members in chosen]))
