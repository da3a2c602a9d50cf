"""Superpixels: parts of an image painted in their mean colours, as imgaug 0.4.0 makes them.

imgaug takes the parts from scikit-image 0.16: SLIC (Achanta et al. 2012, "SLIC Superpixels Compared
to State-of-the-art Superpixel Methods"), ten rounds of k-means from a regular grid of centres, and
then every stray bit joined to a part beside it. The steps are the same here. Different: a pixel
chooses among the 25 centres round its cell of the grid (there: those less than two cells away),
a stray bit joins the neighbour last met going away from its first pixel by distance (there: in the
order of a breadth-first search), and parts of more than three cells are not split.
"""

import math

import cv2
import numpy as np

_MAX_SIDE = 128  # larger images are segmented at this size and scaled back
_COMPACTNESS = 10.0  # Lab units that count as much as one cell's side
_ROUNDS = 10
_REACH = 2  # cells to each side whose centres a pixel may choose
_CANDIDATE_BITS = 31  # the lowest bits of a distance, which hold the candidate's number
_NOWHERE = 1e6  # place of the centre of a part that has lost all its pixels
_OUTSIDE = np.iinfo(np.int32).max

_levels = np.arange(256) / 255
_LINEAR = np.where(_levels > 0.04045, ((_levels + 0.055) / 1.055) ** 2.4, _levels / 12.92)
_LINEAR = _LINEAR.astype(np.float32)  # light of each grey level (sRGB)
_XYZ = np.array(
    [[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169], [0.019334, 0.119193, 0.950227]]
)
_XYZ = (_XYZ / [[0.95047], [1.0], [1.08883]]).astype(np.float32)  # relative to daylight (D65)
_LAB = np.array([[0, 116, 0], [500, -500, 0], [0, 200, -200]], np.float32)


def superpixels(image: np.ndarray, segments: int, replace: float, seed: int) -> np.ndarray:
    """Image cut into about `segments` parts, each with probability `replace` in its mean colour.

    segments: from 1. As in imgaug, an image with a side above 128 pixels loses detail in the parts
    that are not painted too. The same seed paints the same parts.
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
    # There may be more parts than were asked for: then the draws are used again.
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
    count, scale = len(rows) * len(columns), max(tall, wide)
    y, x = np.mgrid[:height, :width].astype(np.float32) / np.float32(scale)
    lab = _lab(image) / np.float32(_COMPACTNESS)
    features = np.stack([lab[..., 0], lab[..., 1], lab[..., 2], y, x])

    # Cells of the grid, filled up at the right and the bottom: [cells, values, pixels].
    down, across = -(-height // tall), -(-width // wide)
    values = np.concatenate([features, np.ones((1, height, width), np.float32)])
    values = np.concatenate([values, (features**2).sum(axis=0)[None]])
    filling = ((0, 0), (0, down * tall - height), (0, across * wide - width))
    pixels = np.pad(values, filling, mode="edge").reshape(-1, down, tall, across, wide)
    pixels = pixels.transpose(1, 3, 0, 2, 4).reshape(down * across, len(values), tall * wide)

    candidates = _candidates(down, across, len(rows), len(columns))
    numbers = np.arange(candidates.shape[1], dtype=np.int32)[:, None]
    first_candidates = np.arange(candidates.size, step=candidates.shape[1], dtype=np.int32)[:, None]
    distances = np.empty((len(pixels), candidates.shape[1], tall * wide), np.float32)
    places = features.reshape(len(features), -1).astype(np.float64)
    # All centres begin without colour, so that the first round goes by place alone.
    centres = np.zeros((count, len(features)))
    centres[:, 3:] = np.stack(np.meshgrid(rows, columns, indexing="ij"), -1).reshape(-1, 2) / scale
    labels = np.zeros(height * width, np.int64)
    for _ in range(_ROUNDS):
        # |centre - pixel|^2 as a product, a little more than 0 against rounding.
        lengths = (centres**2).sum(axis=1, keepdims=True) + 1e-3
        weights = np.hstack([-2 * centres, lengths, np.ones((count, 1))]).astype(np.float32)
        np.matmul(weights.take(candidates, axis=0), pixels, out=distances)
        # Positive floats are ordered as their bits are: with the candidate's number in the lowest
        # bits, one minimum finds the nearest. Twice as fast as argmin.
        bits = distances.view(np.int32)
        bits &= ~_CANDIDATE_BITS
        bits |= numbers
        nearest = candidates.take((bits.min(axis=1) & _CANDIDATE_BITS) + first_candidates)
        nearest = nearest.reshape(down, across, tall, wide).transpose(0, 2, 1, 3)
        labels = nearest.reshape(down * tall, across * wide)[:height, :width].ravel()
        sizes = np.bincount(labels, minlength=count)
        sums = np.stack([np.bincount(labels, place, count) for place in places], -1)
        centres = np.where(sizes[:, None], sums / np.maximum(sizes, 1)[:, None], _NOWHERE)
    return labels.reshape(height, width)


def _grid(
    height: int, width: int, segments: int
) -> tuple[tuple[int, int], np.ndarray, np.ndarray]:
    """Cell size (rows, columns) and the rows and columns of the first centres."""
    side = math.sqrt(height * width / segments)
    # Where the image is thinner than a cell, one row of cells as long as it takes.
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
    """intp [down * across, 25]: the centres near each cell; at the border some come twice."""
    near = np.arange(-_REACH, _REACH + 1)
    y = np.clip(np.arange(down)[:, None] + near, 0, rows - 1)
    x = np.clip(np.arange(across)[:, None] + near, 0, columns - 1)
    return (y[:, None, :, None] * columns + x[None, :, None, :]).reshape(down * across, -1)


def _lab(image: np.ndarray) -> np.ndarray:
    """CIE Lab float32 [H, W, 3] of sRGB; OpenCV's own is up to 0.4 off, enough to move borders."""
    xyz = cv2.transform(cv2.LUT(image, _LINEAR), _XYZ)
    steep = np.float32(7.787) * xyz + np.float32(16 / 116)
    return cv2.transform(np.where(xyz > 0.008856, np.cbrt(xyz), steep), _LAB)


def _joined(labels: np.ndarray, smallest: float) -> np.ndarray:
    """Labels int64 [H, W] from 0 of connected parts, each of at least `smallest` pixels.

    A smaller part joins a neighbour that begins before it, row by row from the top left; which
    may be a small one itself, that has joined another.
    """
    parts = _connected(labels)
    height, width = parts.shape
    count = int(parts.max()) + 1
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
