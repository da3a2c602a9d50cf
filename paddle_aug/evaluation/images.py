"""The images that evaluate.py evaluates: a part of the run's own data, or those of --data.

The run's options for its data (image root, columns, split, numbers of images) apply to its own data
only. With --data all of them start from their defaults.
"""

import os
from dataclasses import dataclass, replace
from typing import Any

from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import Say, counted
from paddle_aug.data.dataset import ImageDataset, data_digest
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.data.splits import per_class_subset
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.runs.environment import epoch_of_other_images, recorded_data

_PART = {"eval": "evaluation", "train": "training"}


@dataclass(frozen=True)
class Images:
    """What is evaluated.

    dataset: with the model's class numbers. split: "eval", "train", or "all" for data without
    parts. what: the images in words, such as "all 15 images of test.csv". own_evaluation: whether
    they are the images by which the run chose its best epoch. changed: whether they are of the
    run's own data, which have changed since it was trained.
    """

    dataset: ImageDataset
    split: str
    what: str
    own_evaluation: bool
    changed: bool


def choose_images(
    options: EvaluationOptions, config: Config, state: dict[str, Any], say: Say
) -> Images:
    """Read the data that the options name. state: the checkpoint's, with classes and environment.

    Raises UserError for classes that the model does not know, and for a part of data in one piece.
    """
    classes = tuple(state["classes"])
    if (given := options.named_data) is not None:
        data = DataOptions(**given, known_classes=classes, whole=True)
    else:  # --eval-per-class limits the evaluations during training only
        data = replace(DataOptions.of(config, known_classes=classes), eval_per_class=None)
    train, evaluation = load_data(data)
    split = options.split or "eval"
    dataset = evaluation if split == "eval" else train
    if train is not evaluation:
        number = counted(len(dataset), f"{_PART[split]} image")
        what = f"{number} of {dataset.description}"
    elif options.split is None:
        split, what = "all", f"all {counted(len(dataset), 'image')} of {dataset.description}"
    else:
        raise UserError(
            f"split: {options.data} comes in one piece: without --split all of it is evaluated"
        )
    digest = data_digest(dataset)
    changed = False
    if options.data is None:
        changed = say_if_changed(split, dataset, digest, config, state, say)
        epoch = epoch_of_other_images(state.get("environment", {}))
        if split == "eval" and epoch is not None:
            say(
                f"note: the run went on with other images at epoch {epoch}: it may have been "
                "trained on some of these before"
            )
    elif digest == _recorded(state, "train").get("digest") or _is_whole(options, config, split):
        say("note: the run was trained on these images, or on most of them: it knows their labels")
    own = digest == _recorded(state, "eval").get("digest")
    return Images(dataset, split, what, own, changed)


def say_if_changed(
    split: str, dataset: ImageDataset, digest: str, config: Config, state: dict[str, Any], say: Say
) -> bool:
    """Whether the run's data have changed since it was trained; a note says so. digest: of the
    dataset."""
    before = _recorded(state, split)
    if split == "eval" and config.eval_per_class is not None:  # those evaluated in training
        dataset = dataset.subset(per_class_subset(dataset.labels, config.eval_per_class, 0))
        digest = data_digest(dataset)
    changed = "digest" in before and before["digest"] != digest
    if changed:
        say(
            f"note: the {_PART[split]} images are not those of the run: "
            f"{counted(before.get('images', 0), 'image')} then, {len(dataset):,} now, of other "
            "labels, paths or contents"
        )
    return changed


def _recorded(state: dict[str, Any], split: str) -> dict[str, Any]:
    """Number and digest of a part's images from the run's record; empty where there is none."""
    part = recorded_data(state.get("environment", {}), split)
    return part if isinstance(part, dict) and isinstance(part.get("images"), int) else {}


def _is_whole(options: EvaluationOptions, config: Config, split: str) -> bool:
    """Whether --data names the run's own data, both parts of them."""
    if split != "all" or config.data is None or options.data is None:
        return False
    return os.path.realpath(options.data) == os.path.realpath(config.data)
