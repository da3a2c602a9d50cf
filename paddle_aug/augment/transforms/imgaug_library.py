"""The same pipeline by the imgaug library itself, where its maintained edition is installed."""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug.augment.transforms.base import Params, Transform, draw_seed
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.core.errors import UserError

_PIPELINES = threading.local()  # seeding an augmenter changes it, so threads must not share one


@dataclass(frozen=True)
class ImgaugLibrary(Transform):
    """imgaug's own "heavy" pipeline; the parameters are one seed.

    Needs `imaug`, which keeps `import imgaug`. Raises UserError where it is missing.
    """

    options: ImgaugOptions

    def __post_init__(self) -> None:
        _load_imgaug()

    def sample(self, rng: np.random.Generator) -> Params:
        return draw_seed(rng)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        if getattr(_PIPELINES, "options", None) != self.options:
            # Values drawn ahead would outlive the seed.
            with _load_imgaug().parameters.no_prefetching():
                _PIPELINES.pipeline, _PIPELINES.options = _build(self.options), self.options
        _PIPELINES.pipeline.seed_(params)
        return np.ascontiguousarray(_PIPELINES.pipeline(image=image))


def _load_imgaug() -> Any:
    try:
        import imgaug.augmenters
        import imgaug.parameters
    except ImportError as error:
        raise UserError(
            f"imgaug_backend 'imaug' needs the imgaug library ({error}): pip install imaug, "
            "or leave the backend at 'own'"
        ) from None
    return imgaug


def _build(o: ImgaugOptions) -> Any:
    imgaug = _load_imgaug()
    iaa = imgaug.augmenters

    def sometimes(augmenter: Any) -> Any:
        # In a list: imgaug takes a bare OneOf for the list of its children, and never seeds it.
        return iaa.Sometimes(o.sometimes, [augmenter])

    # imgaug takes pairs as ranges and lists as choices.
    edges = [
        iaa.EdgeDetect(alpha=o.edge_alpha),
        iaa.DirectedEdgeDetect(alpha=o.edge_alpha, direction=o.edge_direction),
    ]
    blurs = [
        iaa.GaussianBlur(o.gaussian_sigma),
        iaa.AverageBlur(k=o.average_size),
        iaa.MedianBlur(k=o.median_size),
    ]
    dropouts = [
        iaa.Dropout(o.dropout_share, per_channel=o.dropout_per_channel),
        iaa.CoarseDropout(
            o.coarse_dropout_share,
            size_percent=o.coarse_dropout_size,
            per_channel=o.coarse_dropout_per_channel,
        ),
    ]
    some = [
        sometimes(
            iaa.Superpixels(p_replace=o.superpixels_replace, n_segments=o.superpixels_segments)
        ),
        iaa.OneOf(blurs),
        iaa.Sharpen(alpha=o.sharpen_alpha, lightness=o.sharpen_lightness),
        iaa.Emboss(alpha=o.emboss_alpha, strength=o.emboss_strength),
        sometimes(iaa.OneOf(edges)),
        iaa.AdditiveGaussianNoise(scale=o.noise_scale, per_channel=o.noise_per_channel),
        iaa.OneOf(dropouts),
        iaa.Invert(o.invert, per_channel=True),
        iaa.Add(o.add, per_channel=o.add_per_channel),
        iaa.Multiply(o.multiply, per_channel=o.multiply_per_channel),
        iaa.LinearContrast(o.contrast, per_channel=o.contrast_per_channel),
        iaa.Grayscale(alpha=o.gray_alpha),
        sometimes(iaa.ElasticTransformation(alpha=o.elastic_alpha, sigma=o.elastic_sigma)),
        sometimes(
            iaa.PiecewiseAffine(
                scale=o.piecewise_scale, nb_rows=o.piecewise_points, nb_cols=o.piecewise_points
            )
        ),
    ]
    affine = iaa.Affine(
        scale={"x": o.scale, "y": o.scale},
        translate_percent={"x": o.translate, "y": o.translate},
        rotate=o.rotate,
        shear=o.shear,
        order=[0, 1],
        cval=(0, 255),
        mode=imgaug.ALL,
    )
    return iaa.Sequential(
        [
            iaa.Fliplr(o.horizontal_flip),
            iaa.Flipud(o.vertical_flip),
            sometimes(iaa.Crop(percent=o.crop)),
            sometimes(affine),
            iaa.SomeOf((o.least_operations, o.most_operations), some, random_order=True),
        ],
        random_order=True,
    )
