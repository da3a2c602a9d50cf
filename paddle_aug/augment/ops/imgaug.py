"""The operations of imgaug's "heavy" example pipeline, on uint8 RGB images.

Like `ops`: [H, W, 3] in and out, the input never changed, nothing drawn but from a `seed`
argument, which stands for values of the image's size. Amounts "a channel" are lists of three, or
of one value for all. Definitions as in imgaug 0.4, but for superpixels and the piecewise affine
map, which imgaug takes from scikit-image: see there.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "symmetric": cv2.BORDER_REFLECT,
    "reflect": cv2.BORDER_REFLECT_101,
    "wrap": cv2.BORDER_WRAP,
}
_LEVELS = np.arange(256, dtype=np.float32)[:, None]
_SUPERPIXEL_MAX_SIDE = 128  # imgaug's own: it segments a smaller image
_SUPERPIXEL_COMPACTNESS = 10.0  # scikit-image's default
_SUPERPIXEL_ROUNDS = 2


def crop_sides(image: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Shares of the size cut off at the top, right, bottom, left; the rest scaled back."""
    height, width = image.shape[:2]
    top, bottom = (min(round(share * height), (height - 1) // 2) for share in shares[0::2])
    right, left = (min(round(share * width), (width - 1) // 2) for share in shares[1::2])
    inside = image[top : height - bottom, left : width - right]
    return cv2.resize(inside, (width, height), interpolation=cv2.INTER_CUBIC)


def affine(
    image: np.ndarray,
    scale: Sequence[float],
    translate: Sequence[float],
    degrees: float,
    shear: float,
    order: int,
    fill: int,
    border: str,
) -> np.ndarray:
    """Scale, shear, turn and move about the centre.

    scale, translate: (x, y), the latter as shares of the size; degrees, shear: clockwise, in
    degrees; order: 0 nearest, 1 bilinear; fill: 0..255; border: a key of BORDERS.
    """
    height, width = image.shape[:2]
    turn, slant = math.radians(degrees), math.radians(degrees + shear)
    linear = np.array(
        [
            [scale[0] * math.cos(turn), -scale[1] * math.sin(slant)],
            [scale[0] * math.sin(turn), scale[1] * math.cos(slant)],
        ]
    )
    centre = np.array([width / 2 - 0.5, height / 2 - 0.5])
    moved = centre + np.array(translate) * (width, height) - (linear * centre).sum(axis=1)
    return cv2.warpAffine(
        image,
        np.column_stack([linear, moved]),
        (width, height),
        flags=cv2.INTER_LINEAR if order else cv2.INTER_NEAREST,
        borderMode=BORDERS[border],
        borderValue=(fill, fill, fill),
    )


def superpixels(image: np.ndarray, segments: int, replace: float, seed: int) -> np.ndarray:
    """Segments of similar pixels; each painted in its mean colour with probability `replace`.

    SLIC (Achanta et al. 2012) on a regular grid of centres with two rounds of k-means, each pixel
    choosing among the nine centres round its cell. imgaug calls scikit-image's, which runs ten
    rounds and joins stray pixels: the look is the same, the time a twentieth.
    """
    height, width = image.shape[:2]
    shrink = min(1.0, _SUPERPIXEL_MAX_SIDE / max(height, width))
    step = max(math.sqrt(height * width * shrink**2 / segments), 1.0)
    rows = max(1, round(height * shrink / step))
    columns = max(1, round(width * shrink / step))
    side = max(1, round(step))
    small = cv2.resize(image, (columns * side, rows * side), interpolation=cv2.INTER_AREA)
    labels = _segment(small, rows, columns)
    count = rows * columns
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=count), 1)
    means = np.stack(
        [np.bincount(labels.ravel(), small[..., c].ravel(), count) / sizes for c in range(3)], -1
    )
    chosen = np.random.default_rng(seed).random(count) < replace
    painted = np.where(chosen[labels][..., None], np.rint(means).astype(np.uint8)[labels], small)
    return cv2.resize(painted, (width, height), interpolation=cv2.INTER_LINEAR)


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """sigma: pixels, 0 (no blur) to 3; the window holds 99 % of the weight."""
    if sigma < 1e-3:
        return image
    window = max(int(3.3 * sigma), 5) | 1
    return cv2.GaussianBlur(image, (window, window), sigma, borderType=cv2.BORDER_REFLECT_101)


def average_blur(image: np.ndarray, size: int) -> np.ndarray:
    """Mean of size x size pixels."""
    return cv2.blur(image, (size, size), borderType=cv2.BORDER_REFLECT_101)


def median_blur(image: np.ndarray, size: int) -> np.ndarray:
    """Median of size x size pixels; an even size becomes the next odd one."""
    return cv2.medianBlur(image, size | 1)


def sharpen(image: np.ndarray, alpha: float, lightness: float) -> np.ndarray:
    """Blend of the image (alpha 0) and a sharpened one (1); lightness weights its centre."""
    kernel = np.full((3, 3), -1.0)
    kernel[1, 1] = 8 + lightness
    return _filtered(image, kernel, alpha)


def emboss(image: np.ndarray, alpha: float, strength: float) -> np.ndarray:
    """Blend of the image (alpha 0) and an embossed one (1)."""
    s = strength
    return _filtered(image, np.array([[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]]), alpha)


def edge_detect(image: np.ndarray, alpha: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its edges (1)."""
    return _filtered(image, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), alpha)


def directed_edge_detect(image: np.ndarray, alpha: float, direction: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its edges in one direction (1).

    direction: 0..1 of a full turn, 0 upwards, clockwise.
    """
    turn = direction * 2 * math.pi
    y, x = np.mgrid[-1:2, -1:2]
    angles = np.arctan2(x, -y)
    distance = np.abs((angles - turn + math.pi) % (2 * math.pi) - math.pi) / math.pi
    kernel = (1 - distance) ** 4
    kernel[1, 1] = 0
    kernel /= -kernel.sum()
    kernel[1, 1] = 1
    return _filtered(image, kernel, alpha)


def dropout(image: np.ndarray, share: float, per_channel: bool, seed: int) -> np.ndarray:
    """A share of the pixels black, or of the values where per_channel."""
    height, width, channels = image.shape
    return image * _kept((height, width, channels if per_channel else 1), share, seed)


def coarse_dropout(
    image: np.ndarray, share: float, size: float, per_channel: bool, seed: int
) -> np.ndarray:
    """Dropout of rectangles: of the cells of a grid that has `size` times the image's rows."""
    height, width, channels = image.shape
    rows, columns = max(3, int(height * size)), max(3, int(width * size))
    kept = _kept((rows, columns, channels if per_channel else 1), share, seed)
    kept = cv2.resize(kept, (width, height), interpolation=cv2.INTER_NEAREST)
    return image * kept.reshape(height, width, -1)


def invert(image: np.ndarray, channels: Sequence[bool]) -> np.ndarray:
    """255 - value in the channels that are true."""
    return image ^ np.array(channels, np.uint8) * np.uint8(255)


def add(image: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Grey levels added a channel, clipped."""
    return _by_table(image, _LEVELS + np.array(values))


def multiply(image: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """Scaled a channel, clipped."""
    return _by_table(image, _LEVELS * np.array(factors))


def linear_contrast(image: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """Distance to the middle level scaled a channel, clipped."""
    return _by_table(image, 127 + (_LEVELS - 127) * np.array(factors))


def blend_gray(image: np.ndarray, alpha: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its gray version (1)."""
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(gray, alpha, image, 1 - alpha, 0)


def elastic(image: np.ndarray, alpha: float, sigma: float, seed: int) -> np.ndarray:
    """Every pixel displaced on its own by up to alpha pixels, the displacements smoothed by sigma.

    Source: Simard et al. 2003. Cubic interpolation, black outside.
    """
    height, width = image.shape[:2]
    shifts = np.random.default_rng(seed).random((2, height, width), np.float32) * 2 - 1
    shifts = [cv2.GaussianBlur(shift, (5, 5), sigma) * np.float32(alpha) for shift in shifts]
    x = shifts[0] + np.arange(width, dtype=np.float32)
    y = shifts[1] + np.arange(height, dtype=np.float32)[:, None]
    return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)


def piecewise_affine(image: np.ndarray, shifts: Sequence[Sequence[Sequence[float]]]) -> np.ndarray:
    """Image pulled along with the points of a regular grid, each triangle of it affinely.

    shifts: [rows][columns][2], (y, x) of each point as a share of the image's size. The grid is
    regular in the result, in imgaug in the source; for random shifts that is the same, and needs no
    Delaunay triangulation. Bilinear; points stay inside the image.
    """
    height, width = image.shape[:2]
    moves = np.asarray(shifts, np.float32)
    grid_y = np.linspace(0, height - 1, moves.shape[0], dtype=np.float32)
    grid_x = np.linspace(0, width - 1, moves.shape[1], dtype=np.float32)
    points_y = np.clip(grid_y[:, None] + moves[..., 0] * height, 0, height - 1)
    points_x = np.clip(grid_x + moves[..., 1] * width, 0, width - 1)
    # Place of every row and column: which cell it lies in, and how far through it.
    v, u = (_cell_position(size, len(grid)) for size, grid in ((height, grid_y), (width, grid_x)))
    map_y, map_x = (np.empty((height, width), np.float32) for _ in range(2))
    for i in range(len(grid_y) - 1):
        rows = slice(*np.searchsorted(v, [i, i + 1]))
        for j in range(len(grid_x) - 1):
            columns = slice(*np.searchsorted(u, [j, j + 1]))
            cell_v, cell_u = v[rows, None] - np.float32(i), u[columns] - np.float32(j)
            upper = cell_u + cell_v <= 1
            for target, points in ((map_y, points_y), (map_x, points_x)):
                (a, b), (c, d) = points[i : i + 2, j : j + 2]
                first = a + cell_u * (b - a) + cell_v * (c - a)
                second = d + (1 - cell_u) * (c - d) + (1 - cell_v) * (b - d)
                target[rows, columns] = np.where(upper, first, second)
    return cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _cell_position(size: int, points: int) -> np.ndarray:
    """Float32 [size]: position of each row or column in units of grid cells, below points - 1."""
    positions = np.arange(size, dtype=np.float32) * ((points - 1) / max(size - 1, 1))
    return np.minimum(positions, np.nextafter(np.float32(points - 1), np.float32(0)))


def _filtered(image: np.ndarray, kernel: np.ndarray, alpha: float) -> np.ndarray:
    """Image filtered by a blend of nothing (alpha 0) and a 3x3 kernel (1)."""
    kernel = alpha * kernel
    kernel[1, 1] += 1 - alpha
    return cv2.filter2D(image, -1, kernel.astype(np.float32))


def _by_table(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """table: [256, 1 or 3] new value of each level."""
    table = np.clip(np.rint(table), 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def _kept(shape: tuple[int, int, int], share: float, seed: int) -> np.ndarray:
    """uint8 of `shape`: 0 with probability share, else 1."""
    draws = np.random.default_rng(seed).integers(0, 1 << 16, shape, np.uint16)
    return (draws >= share * (1 << 16)).astype(np.uint8)


def _segment(image: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Labels int64 [H, W] in 0..rows*columns-1; H and W are whole multiples of rows and columns."""
    height, width = image.shape[:2]
    pace = _SUPERPIXEL_COMPACTNESS * rows / height
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2Lab)
    y, x = np.mgrid[:height, :width].astype(np.float32) * np.float32(pace)
    features = [*cv2.split(lab), y, x]
    cells = np.arange(rows * columns).reshape(rows, columns)
    labels = np.repeat(np.repeat(cells, height // rows, 0), width // columns, 1)
    blocks = (rows, height // rows, columns, width // columns)
    around = np.pad(cells, 1, mode="edge")
    for _ in range(_SUPERPIXEL_ROUNDS):
        sizes = np.maximum(np.bincount(labels.ravel(), minlength=cells.size), 1)
        centres = [
            (np.bincount(labels.ravel(), f.ravel(), cells.size) / sizes).astype(np.float32)
            for f in features
        ]
        best = np.full(blocks, np.inf, np.float32)
        nearest = np.zeros(blocks, np.int64)
        for dy in range(3):
            for dx in range(3):
                neighbour = around[dy : dy + rows, dx : dx + columns]
                distance = np.zeros(blocks, np.float32)
                for feature, centre in zip(features, centres, strict=True):
                    gap = feature.reshape(blocks) - centre[neighbour][:, None, :, None]
                    distance += gap * gap
                closer = distance < best
                np.copyto(best, distance, where=closer)
                np.copyto(nearest, neighbour[:, None, :, None], where=closer)
        labels = nearest.reshape(height, width)
    return labels
