"""From options to the random transforms of a single training image."""

from paddle_aug.augment.policies import build_policy
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.config import Config


def image_part(config: Config, changes_label: frozenset[str]) -> Transform:
    """The transforms of --train-transforms or, without these, of the policy that --augment names.

    changes_label: operations that would change the labels of this data set; policies leave these
    out.
    """
    if config.train_transforms is not None:
        return build_transforms(config.train_transforms)
    return build_policy(config.image_part, changes_label, config.policy)
