"""imgaug's "heavy" example pipeline on our own operations: imgaugLib.

Probabilities and distributions are those of imgaug 0.4.0, down to its ways of rounding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.augment.ops import imgaug as imgaug_ops
from paddle_aug.augment.ops.superpixels import superpixels
from paddle_aug.augment.transforms.base import (
    OneOf,
    Params,
    RandomOrder,
    SomeOf,
    Sometimes,
    Transform,
    draw_seed,
)
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions, Range, WholeRange
from paddle_aug.augment.transforms.userdef import RandomFlip

Draw = Callable[[np.random.Generator, ImgaugOptions], dict[str, Any]]


@dataclass(frozen=True)
class PipelineOperation(Transform):
    """One operation of the pipeline: `draw` gives the arguments that `op` takes by name."""

    draw: Draw
    op: Callable[..., np.ndarray]
    options: ImgaugOptions

    def sample(self, rng: np.random.Generator) -> Params:
        return self.draw(rng, self.options)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        return self.op(image, **params)


def imgaug_pipeline(options: ImgaugOptions) -> Transform:
    """Flips, crop, affine map, and a few of fourteen further operations, all in random order."""

    def operation(draw: Draw, op: Callable[..., np.ndarray]) -> Transform:
        return PipelineOperation(draw, op, options)

    def sometimes(transform: Transform) -> Transform:
        return Sometimes(transform, options.sometimes)

    some = [
        sometimes(operation(_superpixels, superpixels)),
        OneOf(
            [
                operation(_gaussian, imgaug_ops.gaussian_blur),
                operation(_average, imgaug_ops.average_blur),
                operation(_median, imgaug_ops.median_blur),
            ]
        ),
        operation(_sharpen, imgaug_ops.sharpen),
        operation(_emboss, imgaug_ops.emboss),
        sometimes(
            OneOf(
                [
                    operation(_edge, imgaug_ops.edge_detect),
                    operation(_directed_edge, imgaug_ops.directed_edge_detect),
                ]
            )
        ),
        operation(_noise, ops.noise),
        OneOf(
            [
                operation(_dropout, imgaug_ops.dropout),
                operation(_coarse_dropout, imgaug_ops.coarse_dropout),
            ]
        ),
        operation(_invert, imgaug_ops.invert),
        operation(_add, imgaug_ops.add),
        operation(_multiply, imgaug_ops.multiply),
        operation(_contrast, imgaug_ops.linear_contrast),
        operation(_gray, imgaug_ops.blend_gray),
        sometimes(operation(_elastic, imgaug_ops.elastic)),
        sometimes(operation(_piecewise, imgaug_ops.piecewise_affine)),
    ]
    return RandomOrder(
        [
            RandomFlip(options.horizontal_flip, 0.0),
            RandomFlip(0.0, options.vertical_flip),
            sometimes(operation(_crop, imgaug_ops.crop_sides)),
            sometimes(operation(draw_affine, imgaug_ops.affine)),
            SomeOf(some, options.least_operations, options.most_operations),
        ]
    )


def _crop(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"shares": rng.uniform(*o.crop, 4).tolist()}


def draw_affine(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    """Arguments of the affine map."""
    borders = list(imgaug_ops.BORDERS)
    return {
        "scale": rng.uniform(*o.scale, 2).tolist(),
        "translate": rng.uniform(*o.translate, 2).tolist(),
        "degrees": rng.uniform(*o.rotate),
        "shear": rng.uniform(*o.shear),
        "order": int(rng.integers(2)),
        "fill": [int(level) for level in rng.uniform(0, 255, 3)],
        "border": borders[int(rng.integers(len(borders)))],
    }


def _superpixels(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "segments": _whole(rng, o.superpixels_segments),
        "replace": rng.uniform(*o.superpixels_replace),
        "seed": draw_seed(rng),
    }


def _gaussian(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"sigma": rng.uniform(*o.gaussian_sigma)}


def _average(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"size": _whole(rng, o.average_size)}


def _median(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"size": _whole(rng, o.median_size)}


def _sharpen(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "alpha": rng.uniform(*o.sharpen_alpha),
        "lightness": rng.uniform(*o.sharpen_lightness),
    }


def _emboss(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"alpha": rng.uniform(*o.emboss_alpha), "strength": rng.uniform(*o.emboss_strength)}


def _edge(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"alpha": rng.uniform(*o.edge_alpha)}


def _directed_edge(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"alpha": rng.uniform(*o.edge_alpha), "direction": rng.uniform(*o.edge_direction)}


def _noise(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "sigma": rng.uniform(*o.noise_scale),
        "seed": draw_seed(rng),
        "per_channel": bool(rng.random() < o.noise_per_channel),
    }


def _dropout(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "share": rng.uniform(*o.dropout_share),
        "per_channel": bool(rng.random() < o.dropout_per_channel),
        "seed": draw_seed(rng),
    }


def _coarse_dropout(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "share": rng.uniform(*o.coarse_dropout_share),
        "size": rng.uniform(*o.coarse_dropout_size, 2).tolist(),
        "per_channel": bool(rng.random() < o.coarse_dropout_per_channel),
        "seed": draw_seed(rng),
    }


def _invert(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"channels": (rng.random(3) < o.invert).tolist()}


def _add(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    # As in imgaug, rounded: so the ends of the range are drawn half as often as the rest.
    values = np.rint(rng.uniform(*o.add, _channels(rng, o.add_per_channel)))
    return {"values": values.astype(int).tolist()}


def _multiply(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"factors": rng.uniform(*o.multiply, _channels(rng, o.multiply_per_channel)).tolist()}


def _contrast(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"factors": rng.uniform(*o.contrast, _channels(rng, o.contrast_per_channel)).tolist()}


def _gray(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {"alpha": rng.uniform(*o.gray_alpha)}


def _elastic(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    return {
        "alpha": rng.uniform(*o.elastic_alpha),
        "sigma": o.elastic_sigma,
        "seed": draw_seed(rng),
    }


def _piecewise(rng: np.random.Generator, o: ImgaugOptions) -> dict[str, Any]:
    scale = rng.uniform(*o.piecewise_scale)
    rows, columns = _whole(rng, o.piecewise_points), _whole(rng, o.piecewise_points)
    return {
        "shifts": rng.normal(0, scale, (rows, columns, 2)).tolist(),
        "falling": (rng.random((rows - 1, columns - 1)) < 0.5).tolist(),
    }


def _whole(rng: np.random.Generator, limits: WholeRange | Range) -> int:
    """A whole number from low to high, both included."""
    return int(rng.integers(int(limits[0]), int(limits[1]) + 1))


def _channels(rng: np.random.Generator, p: float) -> int:
    """How many values to draw: three with probability p, else one for all channels."""
    return 3 if rng.random() < p else 1
