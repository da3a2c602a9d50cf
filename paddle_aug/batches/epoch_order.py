"""The order in which an epoch goes through the training images; NumPy alone."""

import numpy as np


def numbered_repeats(order: np.ndarray, count: int) -> np.ndarray:
    """The order with image i's r-th repeat in it (r from 1) as the number i + r * count, int64 [N].

    count: the number of images.
    """
    by_image = np.argsort(order, kind="stable")
    sorted_order = order[by_image]
    repeats = np.empty(len(order), np.int64)
    repeats[by_image] = np.arange(len(order)) - np.searchsorted(sorted_order, sorted_order)
    return order + repeats * count


def epoch_order(labels: np.ndarray, sampling: str, rng: np.random.Generator) -> np.ndarray:
    """Indices of one epoch, int64 [N], N the number of images.

    sampling: "shuffle": every image once; "balanced": every class equally often (but for a
    remainder of one), and within a class every image equally often (but for one), so that small
    classes are repeated and large ones cut, other images in each epoch.
    labels: int64 [N], from 0. Classes without an image are left out.
    """
    if sampling == "shuffle":
        return rng.permutation(len(labels))
    classes = np.unique(labels)
    share, rest = divmod(len(labels), len(classes))
    counts = np.full(len(classes), share)
    counts[rng.permutation(len(classes))[:rest]] += 1
    parts = []
    for label, count in zip(classes, counts, strict=True):
        images = np.flatnonzero(labels == label)
        turns = [rng.permutation(images) for _ in range(-(-int(count) // len(images)))]
        parts.append(np.concatenate(turns)[:count])
    return rng.permutation(np.concatenate(parts)).astype(np.int64)
