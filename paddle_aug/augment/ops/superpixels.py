"""Superpixels: parts of an image painted in their mean colours, as imgaug 0.4.0 makes them.

imgaug takes the parts from scikit-image 0.16: SLIC (Achanta et al. 2012, "SLIC Superpixels Compared
to State-of-the-art Superpixel Methods"), ten rounds of k-means from a regular grid of centres, and
then joins every stray bit to a part beside it. The steps are the same here, with three differences:
a pixel chooses among the 25 centres around its cell of the grid (there: the centres less than two
cells away), a stray bit joins the neighbour that is met last with growing distance from its first
pixel (there: last in a breadth-first search), and parts larger than three cells are not split.
"""

import math

import cv2
import numpy as np

_MAX_SIDE = 128  # larger images are segmented at this size and scaled back
_COMPACTNESS = 10.0  # a difference of so much in Lab weighs as much as a cell's side in place
_ROUNDS = 10
_REACH = 2  # cells to each side whose centres a pixel may choose
# Features are whole multiples of 1/100. Their squared distances stay below 2 ** 24, so that float32
# is exact in whatever order BLAS adds them up, and every processor gives the same image.
_UNIT = 100
_NUMBER_BITS = 31  # the lowest bits of a distance, replaced by the candidate's number
_SECOND = 1 << 26  # factor of the second of two sums that share a number
_NOWHERE = 1e6  # the centre of a part without pixels is put there
_OUTSIDE = np.iinfo(np.int32).max

# From sRGB to CIE Lab by tables; OpenCV's own Lab is up to 0.4 off, enough to move borders.
_LIGHT_UNIT, _XYZ_UNIT, _TABLE_SIZE = 1 << 12, 1 << 12, 1 << 14
_levels = np.arange(256) / 255
_LIGHT = np.where(_levels > 0.04045, ((_levels + 0.055) / 1.055) ** 2.4, _levels / 12.92)
_LIGHT = np.rint(_LIGHT * _LIGHT_UNIT).astype(np.float32)
# XYZ relative to daylight (D65); each row sums to _XYZ_UNIT, so that gray has no colour.
_XYZ = np.array([[1777, 1541, 778], [871, 2929, 296], [73, 448, 3575]], np.float32)
_share = np.arange(_TABLE_SIZE + 1) / _TABLE_SIZE
_ROOT = np.where(_share > 0.008856, np.cbrt(_share), 7.787 * _share + 16 / 116).astype(np.float32)


def superpixels(image: np.ndarray, segments: int, replace: float, seed: int) -> np.ndarray:
    """Image cut into about `segments` parts, each with probability `replace` in its mean colour.

    segments: from 1. As in imgaug, an image with a side above 128 pixels is scaled down and up
    again, and so loses detail everywhere. The same seed paints the same parts.
    """
    painted = np.random.default_rng(seed).random(segments) < replace
    if not painted.any():
        return image
    height, width = image.shape[:2]
    small = _shrunk(image)
    labels = _joined(_slic(small, segments), small.shape[0] * small.shape[1] / segments / 2)
    sizes = np.bincount(labels.ravel())
    sums = (np.bincount(labels.ravel(), small[..., channel].ravel()) for channel in range(3))
    means = np.rint(np.stack([total / sizes for total in sums], -1)).astype(np.uint8)
    # There may be more parts than asked for: then the draws are repeated.
    result = np.where(painted[labels % segments][..., None], means[labels], small)
    if result.shape == image.shape:
        return result
    return cv2.resize(result, (width, height), interpolation=cv2.INTER_LINEAR)


def _shrunk(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    if max(height, width) <= _MAX_SIDE:
        return image
    scale = _MAX_SIDE / max(height, width)
    size = max(int(width * scale), 1), max(int(height * scale), 1)
    return cv2.resize(image, size, interpolation=cv2.INTER_LINEAR)


def _slic(image: np.ndarray, segments: int) -> np.ndarray:
    """Labels int64 [H, W] of the nearest centre after k-means over colour and place."""
    height, width = image.shape[:2]
    (tall, wide), rows, columns = _grid(height, width, segments)
    down, across = -(-height // tall), -(-width // wide)
    count, scale = len(rows) * len(columns), max(tall, wide) / _UNIT
    # Lab, y, x of each pixel, padded to the right and below to whole cells of the grid.
    features = np.zeros((5, down * tall, across * wide), np.float32)
    features[:3, :height, :width] = _lab(image)
    features[3:] = np.rint(np.mgrid[: down * tall, : across * wide] / scale)
    corners = features[3:, ::tall, ::wide].reshape(2, -1)
    pixels = _by_cells(features, corners, tall, wide)
    values = features[:, :height, :width].reshape(5, -1).astype(np.float64)

    candidates = _candidates(down, across, len(rows), len(columns))
    first_candidates = np.arange(0, candidates.size, candidates.shape[1])[:, None]
    distances = np.empty((len(pixels), candidates.shape[1], tall * wide), np.float32)
    # All centres begin without colour: the first round assigns pixels by place alone.
    centres = np.zeros((5, count))
    centres[3:] = np.repeat(rows, len(columns)) / scale, np.tile(columns, len(rows)) / scale
    labels = np.zeros(height * width, np.int64)
    for _ in range(_ROUNDS):
        number = _nearest(centres, candidates, pixels, corners, distances)
        nearest = candidates.take(number + first_candidates).reshape(down, across, tall, wide)
        nearest = nearest.transpose(0, 2, 1, 3).reshape(down * tall, across * wide)
        labels = nearest[:height, :width].ravel()
        centres = _means(values, labels, count)
    return labels.reshape(height, width)


def _by_cells(features: np.ndarray, corners: np.ndarray, tall: int, wide: int) -> np.ndarray:
    """float32 [cells, 7, pixels]: the features, places relative to the cell's corner; 1; |.|^2."""
    down, across = features.shape[1] // tall, features.shape[2] // wide
    cells = features.reshape(5, down, tall, across, wide).transpose(1, 3, 0, 2, 4)
    pixels = np.ones((down * across, 7, tall * wide), np.float32)
    pixels[:, :5] = cells.reshape(down * across, 5, tall * wide)
    pixels[:, 3:5] -= corners.T[..., None]
    pixels[:, 6] = (pixels[:, :5] ** 2).sum(axis=1)
    return pixels


def _nearest(
    centres: np.ndarray,
    candidates: np.ndarray,
    pixels: np.ndarray,
    corners: np.ndarray,
    distances: np.ndarray,
) -> np.ndarray:
    """int32 [cells, pixels]: the number of the nearest of each cell's candidates.

    distances: float32 [cells, candidates, pixels], a workspace.
    """
    # |centre - pixel| ** 2 as a product of matrices.
    weights = np.ones((7, *candidates.shape), np.float32)
    weights[:5] = np.rint(centres).astype(np.float32).take(candidates, axis=1)
    weights[3:5] -= corners[..., None]
    np.sum(weights[:5] ** 2, axis=0, out=weights[5])
    weights[:5] *= -2
    np.matmul(weights.transpose(1, 2, 0), pixels, out=distances)
    # Bits of floats from 0 on are ordered like the floats: with the candidates' numbers in the
    # lowest bits, a minimum finds the nearest candidate, twice as fast as argmin.
    bits = distances.view(np.int32)
    bits &= ~_NUMBER_BITS
    numbers = np.arange(candidates.shape[1], dtype=np.int32)
    bits |= np.repeat(numbers, bits.shape[2]).reshape(bits.shape[1:])
    return bits.min(axis=1) & _NUMBER_BITS


def _means(values: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    """float64 [5, count]: means of whole values [5, pixels] by label."""
    # Two sums in one pass: the second is multiplied by more than the first can reach.
    pairs = values[0] + _SECOND * values[1], values[2] + _SECOND * values[3], values[4] + _SECOND
    sums = np.stack([np.bincount(labels, pair, count) for pair in pairs])
    second = np.rint(sums / _SECOND)
    sums = np.stack([sums - _SECOND * second, second], axis=1).reshape(6, count)
    return np.where(sums[5], sums[:5] / np.maximum(sums[5], 1), _NOWHERE)


def _grid(height: int, width: int, segments: int) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Cell size (rows, columns) and the rows and columns of the first centres."""
    side = math.sqrt(height * width / segments)
    # If the image is thinner than a cell, there is one row of cells with longer sides.
    tall, wide = min(side, height), min(side, width)
    if tall < side:
        wide = max(width / segments, 1.0)
    elif wide < side:
        tall = max(height / segments, 1.0)
    steps = max(round(tall), 1), max(round(wide), 1)
    rows = np.arange(int(tall // 2), height, steps[0])
    columns = np.arange(int(wide // 2), width, steps[1])
    return steps, rows, columns


def _candidates(down: int, across: int, rows: int, columns: int) -> np.ndarray:
    """intp [down * across, 25]: the centres near each cell, some twice at the border."""
    near = np.arange(-_REACH, _REACH + 1)
    y = np.clip(np.arange(down)[:, None] + near, 0, rows - 1)
    x = np.clip(np.arange(across)[:, None] + near, 0, columns - 1)
    return (y[:, None, :, None] * columns + x[None, :, None, :]).reshape(down * across, -1)


def _lab(image: np.ndarray) -> np.ndarray:
    """CIE Lab of sRGB, whole float32 [3, H, W] in _COMPACTNESS / _UNIT."""
    shares = cv2.transform(cv2.LUT(image, _LIGHT), _XYZ)
    shares *= _TABLE_SIZE / (_LIGHT_UNIT * _XYZ_UNIT)
    x, y, z = cv2.split(_ROOT.take(shares.astype(np.int32)))
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)])
    return np.rint(lab * np.float32(_UNIT / _COMPACTNESS))


def _joined(labels: np.ndarray, smallest: float) -> np.ndarray:
    """Labels int64 [H, W] from 0 of connected parts, each of at least `smallest` pixels.

    A smaller part joins a neighbour that begins before it, in rows from the top left. That
    neighbour may be a small part that has joined another one.
    """
    parts = _connected(labels)
    width, count = parts.shape[1], int(parts.max()) + 1
    small = np.bincount(parts.ravel(), minlength=count) < int(smallest)
    # Right, left, below, above: the order matters, as of several neighbours the last is taken.
    around = np.pad(parts, 1, constant_values=_OUTSIDE)
    y, x = np.divmod(np.flatnonzero(small[parts.ravel()]), width)
    own = parts[y, x]
    neighbours = np.stack(
        [around[y + 1 + dy, x + 1 + dx] for dy, dx in ((0, 1), (0, -1), (1, 0), (-1, 0))], -1
    )
    first_y, first_x = np.divmod(_first_pixels(parts, count), width)
    distance = np.abs(y - first_y[own]) + np.abs(x - first_x[own])
    pixel, side = np.nonzero(neighbours < own[:, None])
    order = np.argsort(distance[pixel], kind="stable")
    # A small part without an earlier neighbour joins the first large one.
    target = np.where(small, np.argmin(small), np.arange(count))
    target[own[pixel[order]]] = neighbours[pixel[order], side[order]]
    while (target[target] != target).any():
        target = target[target]
    return (np.cumsum(np.bincount(target, minlength=count) > 0) - 1)[target][parts]


def _connected(labels: np.ndarray) -> np.ndarray:
    """int32 [H, W]: connected pixels of one label get a number from 0, in order of appearance."""
    height, width = labels.shape
    # Every second pixel stands for a pair of neighbours: bright where they belong together.
    bridges = np.zeros((2 * height - 1, 2 * width - 1), np.uint8)
    bridges[::2, ::2] = 1
    bridges[::2, 1::2] = labels[:, 1:] == labels[:, :-1]
    bridges[1::2, ::2] = labels[1:] == labels[:-1]
    return cv2.connectedComponents(bridges, connectivity=4)[1][::2, ::2] - 1


def _first_pixels(parts: np.ndarray, count: int) -> np.ndarray:
    """Flat index of each part's first pixel, row by row."""
    first = np.zeros(count, np.int64)
    first[parts.ravel()[::-1]] = np.arange(parts.size)[::-1]
    return first
