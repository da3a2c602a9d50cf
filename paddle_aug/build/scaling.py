"""How images are scaled to the model's size, in training, evaluation and everywhere else.

- An image part by name (--augment no, userDef, ...) gets images that are scaled to --image-size
  before it, both sides, bilinear and not antialiased, as the source documents do.
- --train-transforms scale by themselves; their Resize and RandomResizedCrop are antialiased unless
  they say `antialias: false`. With --oversample smote, which needs images of one size, they get
  images that are scaled to --image-size by their own filter.
- Evaluation images are scaled to --image-size, both sides, by the filter that training images meet
  first: so a texture looks the same to the model in both. Where --train-transforms scale nothing
  it is bilinear, antialiased.
- --eval-transforms take the place of that. A filter other than training's is said in the line.

Needs no Paddle.
"""

from typing import Any

from paddle_aug.augment import ops
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Compose, Transform
from paddle_aug.augment.transforms.crops_and_boxes import RandomResizedCrop, Resize
from paddle_aug.config import Config

Scaling = Resize | RandomResizedCrop


def default_resize(config: Config) -> Resize:
    """The scaling to --image-size that is used without a list of transforms."""
    size = (config.image_size, config.image_size)
    if config.train_transforms is None:
        return Resize(size, antialias=False)
    first = first_scaling(config.train_transforms)
    return Resize(size) if first is None else Resize(size, first.interpolation, first.antialias)


def evaluation_resize(config: Config) -> Resize:
    """Scaling to --image-size with the filter of evaluation images, also used for crops of them."""
    default = default_resize(config)
    first = first_scaling(config.eval_transforms or [])
    return default if first is None else Resize(default.size, first.interpolation, first.antialias)


def evaluation_transforms(config: Config) -> list[Transform]:
    """The transforms of an evaluation image, up to normalisation."""
    if config.eval_transforms is None:
        return [default_resize(config)]
    return steps_of(config.eval_transforms)


def steps_of(spec: list[Any]) -> list[Transform]:
    """The transforms of a list, one by one."""
    composed = build_transforms(spec)
    assert isinstance(composed, Compose)
    return list(composed.transforms)


def first_scaling(spec: list[Any]) -> Scaling | None:
    """The first transform of a list that scales, and so gets the image in its original size."""
    return next((step for step in steps_of(spec) if isinstance(step, Scaling)), None)


def scaling_in_words(step: Scaling) -> str:
    """The filter of a scaling step: "bilinear, antialiased"."""
    return ops.filter_in_words(step.interpolation, step.antialias)


def describe_scaling(config: Config) -> str:
    """One line: how training and evaluation images are scaled, and whether they differ in it."""
    size = f"{config.image_size}x{config.image_size}"
    default = default_resize(config)
    lists = {"train": config.train_transforms, "eval": config.eval_transforms}
    train, evaluation = (
        default if spec is None else first_scaling(spec) for spec in lists.values()
    )
    if all(spec is None for spec in lists.values()):
        return f"images are scaled to {size} ({scaling_in_words(default)})"
    how = {
        name: (scaling_in_words(step) if step else "not scaled")
        + (f", to {size}" if lists[name] is None else f" (--{name}-transforms)")
        for name, step in (("train", train), ("eval", evaluation))
    }
    if config.oversample != "no" and config.train_transforms is not None:
        train = default
        how["train"] = f"{scaling_in_words(train)}, to {size} for SMOTE, then by --train-transforms"
    line = f"images are scaled in training: {how['train']}; in evaluation: {how['eval']}"
    if config.eval_transforms is None:
        return f"{line} (--eval-transforms chooses otherwise)"
    if not train or not evaluation or scaling_in_words(train) == scaling_in_words(evaluation):
        return line
    same = f"interpolation: {train.interpolation}, antialias: {str(train.antialias).lower()}"
    return (
        f"note: {line}. Two filters show a fine texture differently; in --eval-transforms "
        f"'Resize: {{size: ..., {same}}}' makes them one"
    )


def describe_evaluation(config: Config) -> str:
    """What evaluation images go through, for the line that tells what is evaluated."""
    size = (config.image_size, config.image_size)
    steps = evaluation_transforms(config)
    # An export lists this one step, too.
    if len(steps) == 1 and isinstance(steps[0], Resize) and steps[0].size == size:
        return f"scaled to {size[0]}x{size[1]} ({scaling_in_words(steps[0])})"
    assert config.eval_transforms is not None
    step = first_scaling(config.eval_transforms)
    return f"by the run's --eval-transforms ({scaling_in_words(step) if step else 'not scaled'})"
