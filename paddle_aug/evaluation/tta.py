"""Test-time augmentation: the views of an image whose predictions are averaged.

Views are made from the image that plain evaluation uses: after the run's --eval-transforms, or
scaled to --image-size. If those transforms end with a CenterCrop, crops are parts of that crop, and
nothing outside of it is in any view.
"""

import numpy as np

from paddle_aug.augment.policies import build_policy
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Compose, Transform
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.build.data import evaluation_view
from paddle_aug.build.scaling import evaluation_resize
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.evaluation.options import Views

CROP_SHARE = 7 / 8  # side of each of the five crops, as 224 of 256
FIVE_CROPS = ((0.0, 0.0), (0.0, 1.0), (1.0, 0.0), (1.0, 1.0), (0.5, 0.5))


class PlacedCrop(Transform):
    """A crop of CROP_SHARE of each side at a fixed place, (0, 0) top left, (1, 1) bottom right."""

    def __init__(self, down: float, right: float):
        self.down = down
        self.right = right

    def sample(self, rng: np.random.Generator) -> tuple[()]:
        return ()

    def apply(self, image: np.ndarray, params: tuple[()]) -> np.ndarray:
        height, width = image.shape[:2]
        side_h, side_w = max(1, round(height * CROP_SHARE)), max(1, round(width * CROP_SHARE))
        top, left = round((height - side_h) * self.down), round((width - side_w) * self.right)
        return np.ascontiguousarray(image[top : top + side_h, left : left + side_w])


def view_datasets(dataset: ImageDataset, config: Config, views: Views) -> list[AugmentedDataset]:
    """The images as the model sees them, once for each view.

    View n is to be asked for as epoch n: the draws of a policy are other ones in each. Raises
    UserError where a view would change this data set's labels.
    """
    clean = evaluation_view(dataset, config)
    transforms = build_views(views.kind, views.draws, views.policy, config, dataset.changes_label)
    return [
        AugmentedDataset(
            clean.dataset, Compose([clean.transform, transform]), config.image_size,
            config.channels, config.mean, config.std, config.seed,
        )
        for transform in transforms
    ]  # fmt: skip


def build_views(
    kind: str, draws: int, policy: str, config: Config, changes_label: frozenset[str]
) -> list[Transform]:
    """One transform for each view, to be applied to the image that plain evaluation uses.

    kind: "none"; "flip": the image and its mirror image; "crops": its four corners and its centre,
    each CROP_SHARE of height and width, scaled to the model's size; "draws": that many of a policy.
    Raises UserError where a view would change this data set's labels.
    """
    if kind == "none":
        return [build_policy("no")]
    if kind == "flip":
        if "horizontal_flip" in changes_label:
            raise UserError(
                "tta: in this data set mirrored images may be of another class: use crops"
            )
        return [build_policy("no"), build_transforms([{"RandomHorizontalFlip": {"p": 1.0}}])]
    if kind == "crops":
        size = evaluation_resize(config)
        return [Compose([PlacedCrop(*place), size]) for place in FIVE_CROPS]
    return [build_policy(policy, changes_label, config.policy)] * draws
