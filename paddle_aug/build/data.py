"""Makes the data sets of the options, for training (augmented) and for evaluation (clean)."""

import numpy as np

from paddle_aug.augment.policies import build_policy
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.build.image_part import image_part
from paddle_aug.build.scaling import default_resize, describe_scaling
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import Say
from paddle_aug.data.cached import DEFAULT_LIMIT_BYTES, CachedDataset
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.data.load import DataOptions, describe, load_data
from paddle_aug.data.named import default_data
from paddle_aug.mix.methods import MixPolicy
from paddle_aug.modes import has_partners


def load_datasets(config: Config, say: Say) -> tuple[ImageDataset, ImageDataset]:
    """(training images, evaluation images) of the options.

    Raises UserError where all training images are of one class: any model is then right.
    """
    train, evaluation = load_data(DataOptions.of(config))
    classes = np.unique(train.labels)
    if len(classes) == 1:
        raise UserError(
            f"{train.description}: all {len(train)} training images are of one class, "
            f"{train.classes[classes[0]]!r}: there is nothing to tell apart; a second class is "
            "needed, such as images without it"
        )
    say(describe(train, evaluation))
    if train.changes_label:
        if config.train_transforms is not None:
            say("  but --train-transforms are applied as they stand, such operations too")
        elif is_import_path(config.image_part):
            say("  but code of your own is applied as it stands, such operations too")
    say(describe_scaling(config))
    return train, evaluation


def with_data_named(config: Config) -> Config:
    """With the data that were found where --data was left out, so that the options that are saved
    with a run say which: another data set may be there when it is resumed."""
    if config.data is not None:
        return config
    data, root = default_data()
    return config.model_copy(update={"data": data, "images_root": config.images_root or root})


def training_view(dataset: ImageDataset, config: Config, mix: MixPolicy | None) -> AugmentedDataset:
    """Augmented training images, scaled to --image-size first unless --train-transforms do it.

    dataset: the images as they are, or what `train.smote.images_to_learn` makes of them.
    """
    transform = image_part(config, dataset.changes_label)
    images = dataset if config.train_transforms is not None else resized(dataset, config)
    return _view(images, config, transform, mix)


def evaluation_view(dataset: ImageDataset, config: Config) -> AugmentedDataset:
    """Clean images, put through --eval-transforms or scaled to --image-size."""
    if config.eval_transforms is not None:
        return _view(dataset, config, build_transforms(config.eval_transforms), None)
    return _view(resized(dataset, config), config, build_policy("no"), None)


def resized(dataset: ImageDataset, config: Config) -> ImageDataset:
    """The images scaled to --image-size by the rule of `build.scaling`, and cached."""
    scale = default_resize(config)
    return CachedDataset(
        dataset,
        (config.image_size, config.image_size),
        limit_bytes=DEFAULT_LIMIT_BYTES if config.cache else 0,
        resample=scale.interpolation,
        antialias=scale.antialias,
    )


def _view(
    images: ImageDataset, config: Config, transform: Transform, mix: MixPolicy | None
) -> AugmentedDataset:
    return AugmentedDataset(
        images, transform, size=config.image_size, channels=config.channels, mean=config.mean,
        std=config.std, seed=config.seed, mix=mix, partners=has_partners(config.augment),
    )  # fmt: skip
