"""Writes the results of imgaug 0.4.0 at fixed parameters to tests/golden/imgaug_040.npz.

    python tools/imgaug_golden.py tests/golden/imgaug_040.npz

This edition needs an environment of its own with old packages: Python 3.8 with numpy 1.18.5, scipy
1.4.1, scikit-image 0.16.2, opencv-python 4.2.0.34, Shapely 1.7.0 and imgaug 0.4.0. With
scikit-image from 0.19 on it paints superpixels in each other's colours.
"""

import json
import sys

import cv2
import imgaug
import imgaug.augmenters as iaa
import numpy as np
import scipy
import skimage
from imgaug import parameters
from scipy.spatial import Delaunay

EDITIONS = {"imgaug": imgaug, "scikit-image": skimage, "opencv": cv2, "scipy": scipy, "numpy": np}


class Fixed(parameters.StochasticParameter):
    """A parameter that always draws the same values."""

    def __init__(self, *values):
        super().__init__()
        self.values = np.array(values)

    def _draw_samples(self, size, random_state):
        return self.values.reshape(size)


def scene(height, width, seed):
    """A generated image with features of a photograph: gradient, sharp edges, fine grain."""
    rng = np.random.RandomState(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    image = np.stack([60 + 150 * y, 200 - 120 * x, 90 + 60 * np.sin(9 * (x + y))], axis=-1)
    for _ in range(14):
        (cy, cx), radius, colour = rng.rand(2), 0.05 + 0.15 * rng.rand(), 255 * rng.rand(3)
        inside = (y - cy) ** 2 + (x - cx) ** 2 * (0.3 + rng.rand()) < radius**2
        image[inside] = 0.7 * colour + 0.3 * image[inside]
    grain = rng.normal(0, 7, (height, width, 1)) + rng.normal(0, 3, (height, width, 3))
    return np.clip(image + grain, 0, 255).astype(np.uint8)


def cases(name, image):
    """Dicts of operation, arguments and result, for each operation on the small image."""
    rng = np.random.RandomState(7)

    def case(op, augmenter, **arguments):
        result = augmenter.augment_image(image.copy())
        return {"op": op, "image": name, "args": arguments, "result": result}

    for shares in ([0.1, 0.05, 0.0, 0.1], [0.06, 0.06, 0.06, 0.06]):
        yield case("crop_sides", iaa.Crop(percent=tuple(Fixed(s) for s in shares)), shares=shares)
    borders = ["constant", "edge", "symmetric", "reflect", "wrap"]
    for order, border in [(n % 2, border) for n, border in enumerate(borders * 2)]:
        scale, translate = rng.uniform(0.8, 1.2, 2), rng.uniform(-0.2, 0.2, 2)
        degrees, shear = rng.uniform(-45, 45), rng.uniform(-16, 16)
        fill = rng.randint(0, 255, 3)
        affine = iaa.Affine(
            scale={"x": scale[0], "y": scale[1]},
            translate_percent={"x": translate[0], "y": translate[1]},
            rotate=degrees,
            shear=Fixed(shear),
            order=order,
            cval=Fixed(*fill),
            mode=border,
        )
        yield case(
            "affine", affine, scale=scale.tolist(), translate=translate.tolist(), degrees=degrees,
            shear=shear, order=order, fill=fill.tolist(), border=border,
        )  # fmt: skip
    for sigma in (0.3, 1.7, 3.0):
        yield case("gaussian_blur", iaa.GaussianBlur(sigma), sigma=sigma)
    for size in (2, 5, 7):
        yield case("average_blur", iaa.AverageBlur(size), size=size)
    for size in (3, 6, 11):
        median = iaa.MedianBlur(3)
        median.k = Fixed(size)  # imgaug refuses an even size that is fixed, but not a drawn one
        yield case("median_blur", median, size=size)
    for alpha, amount in ((0.4, 0.8), (1.0, 1.5)):
        yield case("sharpen", iaa.Sharpen(alpha, amount), alpha=alpha, lightness=amount)
        yield case("emboss", iaa.Emboss(alpha, amount), alpha=alpha, strength=amount)
        yield case("edge_detect", iaa.EdgeDetect(0.7 * alpha), alpha=0.7 * alpha)
    for direction in (0.0, 0.336, 0.7775):  # 120.96 and 279.9 degrees
        detect = iaa.DirectedEdgeDetect(0.6, direction=direction)
        yield case("directed_edge_detect", detect, alpha=0.6, direction=direction)
    yield case("invert", iaa.Invert(Fixed(1, 0, 1), per_channel=True), channels=[True, False, True])
    for op, augmenter, key, values in (
        ("add", iaa.Add, "values", (-7, 10, 3)),
        ("multiply", iaa.Multiply, "factors", (0.55, 1.23, 1.5)),
        ("linear_contrast", iaa.LinearContrast, "factors", (0.55, 1.23, 1.9)),
    ):
        yield case(op, augmenter(Fixed(*values), per_channel=True), **{key: list(values)})
        yield case(op, augmenter(values[1]), **{key: [values[1]]})
    for alpha in (0.3, 1.0):
        yield case("blend_gray", iaa.Grayscale(alpha), alpha=alpha)
    for rows, columns in ((2, 2), (2, 3), (3, 4), (4, 4)):
        shifts = rng.normal(0, 0.04, (rows, columns, 2))
        piecewise = iaa.PiecewiseAffine(0.04, nb_rows=rows, nb_cols=columns)
        piecewise.jitter = Fixed(*shifts.reshape(-1, 2))
        falling = halved_from_top_left(*image.shape[:2], rows, columns)
        yield case("piecewise_affine", piecewise, shifts=shifts.tolist(), falling=falling)
    steps = 0.5 * np.arange(image.shape[0] * image.shape[1]).reshape(image.shape[:2])
    right, down = (3.5 * f(steps).astype(np.float32) for f in (np.sin, np.cos))
    shifted = iaa.ElasticTransformation._map_coordinates(image, right, down, order=3)
    yield {"op": "displaced", "image": name, "args": {"amount": 3.5}, "result": shifted}


def halved_from_top_left(height, width, rows, columns):
    """Which cells of a grid scikit-image's triangulation cuts from top left to bottom right."""
    x, y = np.meshgrid(np.linspace(0, width, columns), np.linspace(0, height, rows))
    falling = np.zeros((rows - 1, columns - 1), bool)
    for triangle in Delaunay(np.dstack([x.flat, y.flat])[0]).simplices:
        corners = {divmod(int(point), columns) for point in triangle}
        top, left = min(row for row, _ in corners), min(column for _, column in corners)
        falling[top, left] = {(top, left), (top + 1, left + 1)} <= corners
    return falling.tolist()


def main():
    """Write the file named on the command line."""
    images = {"small": scene(25, 34, 0), "middle": scene(96, 88, 1), "large": scene(133, 150, 2)}
    found = list(cases("small", images["small"]))
    for name, segments in (("middle", 20), ("middle", 100), ("large", 60), ("large", 200)):
        result = iaa.Superpixels(1.0, segments).augment_image(images[name].copy())
        arguments = {"segments": segments, "replace": 1.0, "seed": 0}
        found.append({"op": "superpixels", "image": name, "args": arguments, "result": result})
    arrays = {f"case{number}": case.pop("result") for number, case in enumerate(found)}
    editions = {name: module.__version__ for name, module in EDITIONS.items()}
    spec = json.dumps({"editions": editions, "cases": found}).encode()
    np.savez_compressed(sys.argv[1], spec=np.frombuffer(spec, np.uint8), **images, **arrays)


if __name__ == "__main__":
    main()
