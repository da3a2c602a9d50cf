"""imgaug's "heavy" pipeline by the library itself, where its maintained edition is installed.

imgaug 0.4.0, which imgaugLib reproduces, runs on NumPy 1 only; imaug 0.4.3 is what can be installed
today. It draws the same distributions, and at equal parameters gives the same images, to within a
grey level, with two exceptions. Its affine map turns before it scales, and shears by other factors:
ours is used instead. Its superpixels are those of today's scikit-image, which stretches an image to
full contrast before it segments it.
"""

import threading
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug.augment.ops import imgaug as ops
from paddle_aug.augment.transforms.base import Params, Transform, draw_seed
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.augment.transforms.imgaug_pipeline import draw_affine
from paddle_aug.core.errors import UserError
from paddle_aug.core.requirements import install

_PIPELINES = threading.local()  # one for each thread, as seeding changes it


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
            # Otherwise values drawn before the seed was set would be used.
            with _load_imgaug().parameters.no_prefetching():
                _PIPELINES.pipeline, _PIPELINES.options = _build(self.options), self.options
        _PIPELINES.pipeline.seed_(params)
        return np.ascontiguousarray(_PIPELINES.pipeline(image=image))


def _load_imgaug() -> Any:
    try:
        import imgaug.augmenters
        import imgaug.parameters

        # imgaug 0.4.0 lacks this module. It is refused, as it paints superpixels in each other's
        # colours with scikit-image 0.19 or later.
        _ = imgaug.parameters.no_prefetching
    except (ImportError, AttributeError) as error:
        raise UserError(
            f"imgaug_backend 'imaug' needs the imgaug library ({error}): {install('imaug')}, "
            "or leave the backend at 'own'"
        ) from None
    return imgaug


def library_operations(o: ImgaugOptions) -> dict[str, Any]:
    """The library's augmenters under the names of our operations."""
    iaa = _load_imgaug().augmenters

    def affine(images: Any, random_state: Any, parents: Any, hooks: Any) -> list[np.ndarray]:
        return [ops.affine(image, **draw_affine(random_state.generator, o)) for image in images]

    # imgaug takes pairs as ranges and lists as choices.
    return {
        "crop_sides": iaa.Crop(percent=o.crop),
        "affine": iaa.Lambda(func_images=affine),
        "superpixels": iaa.Superpixels(
            p_replace=o.superpixels_replace, n_segments=o.superpixels_segments
        ),
        "gaussian_blur": iaa.GaussianBlur(o.gaussian_sigma),
        "average_blur": iaa.AverageBlur(k=o.average_size),
        "median_blur": iaa.MedianBlur(k=o.median_size),
        "sharpen": iaa.Sharpen(alpha=o.sharpen_alpha, lightness=o.sharpen_lightness),
        "emboss": iaa.Emboss(alpha=o.emboss_alpha, strength=o.emboss_strength),
        "edge_detect": iaa.EdgeDetect(alpha=o.edge_alpha),
        "directed_edge_detect": iaa.DirectedEdgeDetect(
            alpha=o.edge_alpha, direction=o.edge_direction
        ),
        "noise": iaa.AdditiveGaussianNoise(scale=o.noise_scale, per_channel=o.noise_per_channel),
        "dropout": iaa.Dropout(o.dropout_share, per_channel=o.dropout_per_channel),
        "coarse_dropout": iaa.CoarseDropout(
            o.coarse_dropout_share,
            size_percent=o.coarse_dropout_size,
            per_channel=o.coarse_dropout_per_channel,
        ),
        "invert": iaa.Invert(o.invert, per_channel=True),
        "add": iaa.Add(o.add, per_channel=o.add_per_channel),
        "multiply": iaa.Multiply(o.multiply, per_channel=o.multiply_per_channel),
        "linear_contrast": iaa.LinearContrast(o.contrast, per_channel=o.contrast_per_channel),
        "blend_gray": iaa.Grayscale(alpha=o.gray_alpha),
        "elastic": iaa.ElasticTransformation(alpha=o.elastic_alpha, sigma=o.elastic_sigma),
        "piecewise_affine": iaa.PiecewiseAffine(
            scale=o.piecewise_scale, nb_rows=o.piecewise_points, nb_cols=o.piecewise_points
        ),
    }


def _build(o: ImgaugOptions) -> Any:
    iaa = _load_imgaug().augmenters
    operations = library_operations(o)

    def sometimes(augmenter: Any) -> Any:
        # In a list, as imgaug takes a bare OneOf for the list of its children and then never seeds
        # it.
        return iaa.Sometimes(o.sometimes, [augmenter])

    def one_of(*names: str) -> Any:
        return iaa.OneOf([operations[name] for name in names])

    some = [
        sometimes(operations["superpixels"]),
        one_of("gaussian_blur", "average_blur", "median_blur"),
        operations["sharpen"],
        operations["emboss"],
        sometimes(one_of("edge_detect", "directed_edge_detect")),
        operations["noise"],
        one_of("dropout", "coarse_dropout"),
        operations["invert"],
        operations["add"],
        operations["multiply"],
        operations["linear_contrast"],
        operations["blend_gray"],
        sometimes(operations["elastic"]),
        sometimes(operations["piecewise_affine"]),
    ]
    return iaa.Sequential(
        [
            iaa.Fliplr(o.horizontal_flip),
            iaa.Flipud(o.vertical_flip),
            sometimes(operations["crop_sides"]),
            sometimes(operations["affine"]),
            iaa.SomeOf((o.least_operations, o.most_operations), some, random_order=True),
        ],
        random_order=True,
    )
