"""Folders of runs without training: random weights whose outputs differ between images."""

from pathlib import Path
from typing import Any

import numpy as np
import paddle

from paddle_aug.build.model import make_model
from paddle_aug.config import load_config
from paddle_aug.data.dataset import ImageDataset, data_digest
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.runs.checkpoint import CheckpointFolder
from paddle_aug.weights.into_model import model_arrays


def trained_run(folder: Path, classes: list[str], **options: Any) -> Path:
    """A run of LeNet at 32 pixels, unless the options say otherwise, with its best checkpoint.

    Where the options name data, they are recorded as training records them.
    """
    config = load_config({"model": "LeNet", "image_size": 32, "augment": "no", **options})
    paddle.seed(3)
    model = make_model(config, len(classes))
    arrays = model_arrays(model)
    # Weights as initialised give nearly the same logits for every image.
    arrays = {n: a * np.float32(1.15) if n.endswith("weight") else a for n, a in arrays.items()}
    environment: dict[str, Any] = {}
    if config.data is not None:
        known = DataOptions.__dataclass_fields__
        given = {k: v for k, v in config if k in known}
        parts = load_data(DataOptions(**given, known_classes=tuple(classes)))
        environment["data"] = {
            name: record(part) for name, part in zip(("train", "eval"), parts, strict=True)
        }
    state = {
        "config": config.dump(), "classes": classes, "epoch": 0, "environment": environment,
    }  # fmt: skip
    CheckpointFolder(folder / "checkpoints").save_best(arrays, state)
    return folder


def record(part: ImageDataset) -> dict[str, Any]:
    """The record of a part, as training makes it."""
    return {"images": len(part), "digest": data_digest(part)}
