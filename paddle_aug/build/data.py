"""From options to data sets and their augmented and clean views."""

from paddle_aug.augment.policies import build_policy
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.build.image_part import image_part
from paddle_aug.config import Config
from paddle_aug.core.text import Say
from paddle_aug.data.cached import CachedDataset
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.data.load import DataOptions, describe, load_data
from paddle_aug.mix.methods import MixPolicy


def load_datasets(config: Config, say: Say) -> tuple[ImageDataset, ImageDataset]:
    """(training images, evaluation images) of the options."""
    names = DataOptions.__dataclass_fields__
    train, evaluation = load_data(DataOptions(**{k: v for k, v in config if k in names}))
    say(describe(train, evaluation))
    return train, evaluation


def training_view(dataset: ImageDataset, config: Config, mix: MixPolicy | None) -> AugmentedDataset:
    """Augmented training images; with --train-transforms these do their own resizing."""
    transform = image_part(config, dataset.changes_label)
    images = dataset if config.train_transforms is not None else resized(dataset, config)
    return _view(images, config, transform, mix)


def evaluation_view(dataset: ImageDataset, config: Config) -> AugmentedDataset:
    """Clean images; with --eval-transforms these do their own resizing."""
    if config.eval_transforms is not None:
        return _view(dataset, config, build_transforms(config.eval_transforms), None)
    return _view(resized(dataset, config), config, build_policy("no"), None)


def resized(dataset: ImageDataset, config: Config) -> ImageDataset:
    """The images at --image-size, both sides scaled as the documents do, kept for later."""
    size = (config.image_size, config.image_size)
    return (
        CachedDataset(dataset, size)
        if config.cache
        else CachedDataset(dataset, size, limit_bytes=0)
    )


def _view(
    images: ImageDataset, config: Config, transform: Transform, mix: MixPolicy | None
) -> AugmentedDataset:
    return AugmentedDataset(
        images, transform, config.image_size, config.channels, config.mean, config.std,
        config.seed, mix,
    )  # fmt: skip
