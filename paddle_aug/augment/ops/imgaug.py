"""The operations of imgaug's "heavy" example pipeline, on uint8 RGB images.

As in `basic`: [H, W, 3] in and out, the input is never changed, and random numbers come from the
argument `seed` alone. Amounts by channel are lists of three values, or of one for all. imgaug 0.4.0
(of 2020; later editions differ) is reproduced: at equal parameters the results are the same but for
changes in OpenCV since (tests/golden/imgaug_040.npz). Superpixels have a file of their own.
"""

import math
from collections.abc import Sequence

import cv2
import numpy as np

from paddle_aug.augment.ops import basic

BORDERS = {
    "constant": cv2.BORDER_CONSTANT,
    "edge": cv2.BORDER_REPLICATE,
    "symmetric": cv2.BORDER_REFLECT,
    "reflect": cv2.BORDER_REFLECT_101,
    "wrap": cv2.BORDER_WRAP,
}
_LEVELS = np.arange(256, dtype=np.float32)[:, None]


def crop_sides(image: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Cut off shares of the size at the top, right, bottom and left, and scale the rest back.

    At least one row and one column stay. Enlarged by OpenCV's INTER_AREA, which is close to
    nearest.
    """
    height, width = image.shape[:2]
    top, bottom = _cut(height, shares[0], shares[2])
    right, left = _cut(width, shares[1], shares[3])
    inside = image[top : height - bottom, left : width - right]
    return cv2.resize(inside, (width, height), interpolation=cv2.INTER_AREA)


def affine(
    image: np.ndarray,
    scale: Sequence[float],
    translate: Sequence[float],
    degrees: float,
    shear: float,
    order: int,
    fill: Sequence[int],
    border: str,
) -> np.ndarray:
    """Shear, scale, turn and move about the centre.

    scale, translate: (x, y), the latter as shares of the size; degrees: clockwise; shear: degrees,
    along y and then along x; order: 0 nearest, 1 bilinear; fill: 0..255 a channel; border: a key
    of BORDERS. Raises UserError as `ops.warp_nearest`.
    """
    basic.check_sides(image)
    height, width = image.shape[:2]
    lean, turn = math.radians(shear), math.radians(degrees)
    # Shear along x, scale and turn; the shear along y, which comes before these, follows below.
    xx, xy = scale[0] * math.cos(turn), -scale[1] * math.sin(turn + lean)
    yx, yy = scale[0] * math.sin(turn), scale[1] * math.cos(turn + lean)
    xx, yx = xx * math.cos(lean) + xy * math.sin(lean), yx * math.cos(lean) + yy * math.sin(lean)
    centre_x, centre_y = width / 2 - 0.5, height / 2 - 0.5
    matrix = [
        [xx, xy, centre_x + translate[0] * width - xx * centre_x - xy * centre_y],
        [yx, yy, centre_y + translate[1] * height - yx * centre_x - yy * centre_y],
    ]
    return cv2.warpAffine(
        image,
        np.array(matrix),
        (width, height),
        flags=cv2.INTER_LINEAR if order else cv2.INTER_NEAREST,
        borderMode=BORDERS[border],
        borderValue=tuple(fill),
    )


def gaussian_blur(image: np.ndarray, sigma: float) -> np.ndarray:
    """sigma: pixels, from 0 (no blur)."""
    if sigma < 1e-3:
        return image
    return cv2.GaussianBlur(image, _window(sigma), sigma, borderType=cv2.BORDER_REFLECT_101)


def average_blur(image: np.ndarray, size: int) -> np.ndarray:
    """Mean of size x size pixels; the image is mirrored at its border, whose pixels count once.

    size: 1 or more; 1 changes nothing. Source: imgaug 0.4.0's AverageBlur.
    """
    return cv2.blur(image, (size, size), borderType=cv2.BORDER_REFLECT_101)


def median_blur(image: np.ndarray, size: int) -> np.ndarray:
    """Median of size x size pixels; an even size becomes the next odd one."""
    return cv2.medianBlur(image, size | 1)


def sharpen(image: np.ndarray, alpha: float, lightness: float) -> np.ndarray:
    """Blend of the image (alpha 0) and a sharpened one (1): 8 + lightness times each pixel, less
    the eight around it.

    alpha: in [0, 1]. lightness: 0 or more; below 1 the sharpened image is darker, above it lighter.
    Values are rounded and cut to 0..255. Source: imgaug 0.4.0's Sharpen.
    """
    kernel = np.full((3, 3), -1.0)
    kernel[1, 1] = 8 + lightness
    return _filtered(image, kernel, alpha)


def emboss(image: np.ndarray, alpha: float, strength: float) -> np.ndarray:
    """Blend of the image (alpha 0) and an embossed one (1): each pixel, more of those below and to
    the right, less of those above and to the left.

    alpha: in [0, 1]. strength: 0 or more; 0 takes the two pixels on the diagonal alone. Values are
    rounded and cut to 0..255. Source: imgaug 0.4.0's Emboss.
    """
    s = strength
    return _filtered(image, np.array([[-1 - s, -s, 0], [-s, 1, s], [0, s, 1 + s]]), alpha)


def edge_detect(image: np.ndarray, alpha: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its edges (1): the four pixels beside each one, less four
    times itself; black where the image is even.

    alpha: in [0, 1]. Values are rounded and cut to 0..255. Source: imgaug 0.4.0's EdgeDetect.
    """
    return _filtered(image, np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]), alpha)


def directed_edge_detect(image: np.ndarray, alpha: float, direction: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its edges in one direction (1).

    direction: 0..1 of a full turn, 0 upwards, clockwise; cut to whole degrees.
    """
    turn = math.radians(int(direction * 360))
    y, x = np.mgrid[-1:2, -1:2]
    angles = np.arctan2(x, -y)
    distance = np.abs((angles - turn + math.pi) % (2 * math.pi) - math.pi) / math.pi
    kernel = (1 - distance) ** 4
    kernel[1, 1] = 0
    kernel /= -kernel.sum()
    kernel[1, 1] = 1
    return _filtered(image, kernel, alpha)


def dropout(image: np.ndarray, share: float, per_channel: bool, seed: int) -> np.ndarray:
    """Set a share of the pixels to black, or with per_channel a share of the single values to 0."""
    height, width, channels = image.shape
    return _times(image, _kept((height, width, channels if per_channel else 1), share, seed))


def coarse_dropout(
    image: np.ndarray, share: float, size: Sequence[float], per_channel: bool, seed: int
) -> np.ndarray:
    """Dropout of rectangles: of the cells of a grid, at least 3 x 3.

    size: rows and columns of the grid as shares of the image's.
    """
    height, width, channels = image.shape
    rows, columns = max(3, int(height * size[0])), max(3, int(width * size[1]))
    kept = _kept((rows, columns, channels if per_channel else 1), share, seed)
    return _times(image, cv2.resize(kept, (width, height), interpolation=cv2.INTER_NEAREST))


def invert(image: np.ndarray, channels: Sequence[bool]) -> np.ndarray:
    """255 - value in the channels that are true."""
    return _by_table(image, np.where(channels, 255 - _LEVELS, _LEVELS))


def add(image: np.ndarray, values: Sequence[int]) -> np.ndarray:
    """Grey levels added, by channel; clipped."""
    return _by_table(image, _LEVELS + np.array(values))


def multiply(image: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """Values times a factor, by channel; clipped, fractions cut off."""
    return _by_table(image, _LEVELS * np.array(factors, np.float32))


def linear_contrast(image: np.ndarray, factors: Sequence[float]) -> np.ndarray:
    """Distance to the middle grey level times a factor, by channel; clipped, fractions cut off."""
    return _by_table(image, 127 + (_LEVELS - 127) * np.array(factors, np.float32))


def blend_gray(image: np.ndarray, alpha: float) -> np.ndarray:
    """Blend of the image (alpha 0) and its gray version (1)."""
    gray = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    return cv2.addWeighted(gray, alpha, image, 1 - alpha, 0)


def elastic(image: np.ndarray, alpha: float, sigma: float, seed: int) -> np.ndarray:
    """Every pixel displaced at random by up to alpha pixels, the displacements smoothed by sigma.

    Source: Simard et al. 2003. Cubic interpolation, black outside.
    """
    shifts = np.random.default_rng(seed).random((2, *image.shape[:2]), np.float32) * 2 - 1
    if sigma >= 1e-3:
        shifts = [cv2.GaussianBlur(shift, _window(sigma), sigma) for shift in shifts]
    return displaced(image, shifts[0] * np.float32(alpha), shifts[1] * np.float32(alpha))


def displaced(image: np.ndarray, right: np.ndarray, down: np.ndarray) -> np.ndarray:
    """Image whose pixel (y, x) moves by right[y, x] and down[y, x] pixels, float32 [H, W].

    Raises UserError as `ops.warp_nearest`.
    """
    basic.check_sides(image)
    height, width = image.shape[:2]
    x = np.arange(width, dtype=np.float32) - right
    y = np.arange(height, dtype=np.float32)[:, None] - down
    return cv2.remap(image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)


def piecewise_affine(
    image: np.ndarray,
    shifts: Sequence[Sequence[Sequence[float]]],
    falling: Sequence[Sequence[bool]],
) -> np.ndarray:
    """Image warped with the points of a regular grid; each triangle between them moves affinely.

    shifts: [rows][columns][2], (y, x) from each point to the place where its colour is taken from,
    as shares of the image's size. falling: [rows - 1][columns - 1], whether a cell is cut into
    triangles from its top left to its bottom right, else from its top right; in imgaug rounding
    errors of a triangulation decide that. Bilinear. Raises UserError as `ops.warp_nearest`.
    """
    basic.check_sides(image)
    height, width = image.shape[:2]
    moves = np.asarray(shifts, np.float64)
    # imgaug changes nothing if no draw is positive, as happens once in 256 for 2 x 2 points.
    if min(height, width) < 2 or not (moves > 0).any():
        return image
    rows, columns = moves.shape[:2]
    # The last points lie one pixel outside the image.
    grid_y, grid_x = np.linspace(0, height, rows), np.linspace(0, width, columns)
    points_y = np.clip(grid_y[:, None] + moves[..., 0] * height, 0, height - 1).astype(np.float32)
    points_x = np.clip(grid_x + moves[..., 1] * width, 0, width - 1).astype(np.float32)
    # For every row and column: the cell it lies in, and its position in it (0..1).
    v = np.arange(height, dtype=np.float32) * np.float32((rows - 1) / height)
    u = np.arange(width, dtype=np.float32) * np.float32((columns - 1) / width)
    map_y, map_x = (np.empty((height, width), np.float32) for _ in range(2))
    for i in range(rows - 1):
        inside_y = slice(*np.searchsorted(v, [i, i + 1]))
        for j in range(columns - 1):
            inside_x = slice(*np.searchsorted(u, [j, j + 1]))
            cell_v, cell_u = v[inside_y, None] - np.float32(i), u[inside_x] - np.float32(j)
            upper = cell_u >= cell_v if falling[i][j] else cell_u + cell_v <= 1
            for target, points in ((map_y, points_y), (map_x, points_x)):
                corners = points[i : i + 2, j : j + 2]
                first, second = _triangles(corners, cell_u, cell_v, falling[i][j])
                target[inside_y, inside_x] = np.where(upper, first, second)
    return cv2.remap(image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)


def _triangles(
    corners: np.ndarray, u: np.ndarray, v: np.ndarray, falling: bool
) -> tuple[np.ndarray, np.ndarray]:
    """Values of a cell's upper and lower triangle, each extended over the whole cell.

    corners: [2, 2]; u: [columns], v: [rows, 1] 0..1 through the cell.
    """
    (a, b), (c, d) = corners
    if falling:
        return a + u * (b - a) + v * (d - b), a + u * (d - c) + v * (c - a)
    return a + u * (b - a) + v * (c - a), d + (1 - u) * (c - d) + (1 - v) * (b - d)


def _cut(size: int, first: float, last: float) -> tuple[int, int]:
    """Pixels to cut off at the two ends of `size`; less where nothing would be left."""
    first_cut, last_cut = round(first * size), round(last * size)
    excess = max(0, first_cut + last_cut - size + 1)
    back = min(first_cut, max((excess + 1) // 2, excess - last_cut))
    return first_cut - back, last_cut - (excess - back)


def _window(sigma: float) -> tuple[int, int]:
    """Size of the window of a Gaussian blur, which holds 95 % of the Gaussian or more."""
    share = 3.3 if sigma < 3 else 2.9 if sigma < 5 else 2.6
    side = max(int(share * sigma), 5) | 1
    return side, side


def _filtered(image: np.ndarray, kernel: np.ndarray, alpha: float) -> np.ndarray:
    """Image filtered by a blend of nothing (alpha 0) and a 3x3 kernel (1)."""
    kernel = alpha * kernel
    kernel[1, 1] += 1 - alpha
    return cv2.filter2D(image, -1, kernel.astype(np.float32))


def _by_table(image: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Replace each level by its value in table [256, 1 or 3]; clipped, fractions cut off."""
    table = np.clip(table, 0, 255).astype(np.uint8)
    return cv2.LUT(image, table[None])


def _times(image: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Image set to 0 where `kept` is 0. kept: uint8 0 or 1, [H, W] or with one or three
    channels."""
    # NumPy's broadcasting over the three channels would take ten times as long.
    return image * (cv2.cvtColor(kept, cv2.COLOR_GRAY2RGB) if kept.size < image.size else kept)


def _kept(shape: tuple[int, int, int], share: float, seed: int) -> np.ndarray:
    """uint8 of `shape`: 0 with probability share, else 1."""
    draws = np.random.default_rng(seed).integers(0, 1 << 16, shape, np.uint16)
    return (draws >= share * (1 << 16)).astype(np.uint8)
