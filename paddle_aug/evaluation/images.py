"""Which images evaluate.py evaluates: a part of the run's own data, or what --data names.

The run's options for its own data (image root, columns, split, numbers of images) hold for these
alone. --data starts from the defaults of all of them.
"""

import os
from dataclasses import dataclass
from typing import Any

from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import Say, counted
from paddle_aug.data.dataset import ImageDataset, data_digest
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.evaluation.options import EvaluationOptions

_PART = {"eval": "evaluation", "train": "training"}


@dataclass(frozen=True)
class Images:
    """What is evaluated.

    dataset: numbered by the model's classes. split: "eval", "train", or "all" of data in one
    piece. what: the images in words, such as "all 15 images of test.csv". own_evaluation: whether
    they are those that the run evaluates itself on, and chose its best epoch by.
    """

    dataset: ImageDataset
    split: str
    what: str
    own_evaluation: bool


def choose_images(
    options: EvaluationOptions, config: Config, state: dict[str, Any], say: Say
) -> Images:
    """Read the data that the options name. state: of the checkpoint, with classes and environment.

    Raises UserError for classes that the model does not know, and for a part of data in one piece.
    """
    classes = tuple(state["classes"])
    given = options.named_data
    if given is None:
        fields = DataOptions.__dataclass_fields__
        given = {name: value for name, value in config if name in fields}
        given["eval_per_class"] = None  # a limit for the evaluations within training
    else:
        given["whole"] = True
    train, evaluation = load_data(DataOptions(**given, known_classes=classes))
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
    if options.data is None:
        say_if_changed(split, len(dataset), digest, config, state, say)
    elif digest == _recorded(state, "train").get("digest") or _is_whole(options, config, split):
        say("note: the run was trained on these images, or on most of them: it knows their labels")
    own = digest == _recorded(state, "eval").get("digest")
    return Images(dataset, split, what, own)


def say_if_changed(
    split: str, count: int, digest: str, config: Config, state: dict[str, Any], say: Say
) -> None:
    """Say where the run's data are not what they were when it was trained."""
    before = _recorded(state, split)
    limited = split == "eval" and config.eval_per_class is not None  # here all of them are read
    if "digest" in before and not limited and before["digest"] != digest:
        say(
            f"note: the {_PART[split]} images are not those of the run: "
            f"{counted(before.get('images', 0), 'image')} then, {count:,} now, of other labels, "
            "paths or contents"
        )


def _recorded(state: dict[str, Any], split: str) -> dict[str, Any]:
    """Number and digest of a part's images as the run recorded them; empty where it did not."""
    data = state.get("environment", {}).get("data")
    part = data.get(split) if isinstance(data, dict) else None
    return part if isinstance(part, dict) else {}


def _is_whole(options: EvaluationOptions, config: Config, split: str) -> bool:
    """Whether --data names the run's own data, both parts of them."""
    if split != "all" or config.data is None or options.data is None:
        return False
    return os.path.realpath(options.data) == os.path.realpath(config.data)
