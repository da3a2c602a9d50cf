"""Run folders as train.py leaves them, made from given curves."""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from paddle_aug.runs.layout import CURVES, LAST_EVALUATION, PREDICTIONS
from paddle_aug.runs.predictions import write_predictions

# A short environment.json.
ENVIRONMENT: dict[str, Any] = {
    "python": "3.11.7", "versions": {"numpy": "2.3.5"}, "platform": "Linux x86_64",
    "cpu": "AMD EPYC", "cores": 2, "threads": {"OMP_NUM_THREADS": "1"}, "device": "cpu",
    "code": "c0de", "backend": "onednn",
    "data": {"name": "digits", "train": {"images": 100, "digest": "d1"},
             "eval": {"images": 359, "digest": "d2"}},
    "command": "train.py",
}  # fmt: skip


def write_run(
    folder: Path,
    mode: str,
    curves: dict[str, Sequence[float]] | None = None,
    epochs: int = 20,
    config: dict[str, Any] | None = None,
    mixing: Sequence[int] | None = None,
    seconds: Sequence[float] | None = None,
    environment: dict[str, Any] | None = None,
    right: Sequence[int] | np.ndarray | None = None,
) -> Path:
    """Write four curves (0, 1, 2, ... where none is given), and what else is given.

    right: for each image of the evaluation set 1 where its class was predicted, 0 where another.
    """
    (folder / mode).mkdir(parents=True, exist_ok=True)
    for name in CURVES:
        curve = (curves or {}).get(name, np.arange(epochs))
        np.save(folder / f"{mode}Aug_{name}.npy", np.asarray(curve, np.float64))
    if config is not None:
        text = yaml.safe_dump({"augment": mode, **config})
        (folder / mode / "config.yaml").write_text(text, encoding="utf-8")
    if mixing is not None or seconds is not None:
        length = len(mixing if mixing is not None else seconds or [])
        with (folder / mode / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["epoch", "mixing", "accTrainClean", "seconds"])
            for epoch in range(length):
                on = mixing[epoch] if mixing is not None else ""
                writer.writerow([epoch, on, "", seconds[epoch] if seconds is not None else ""])
    if environment is not None:
        (folder / mode / "environment.json").write_text(json.dumps(environment), encoding="utf-8")
    if right is not None:
        place = folder / mode / LAST_EVALUATION
        place.mkdir(exist_ok=True)
        # Every image is of class 0.
        probabilities = np.where(np.asarray(right)[:, None] == 1, [0.8, 0.2], [0.3, 0.7])
        labels = np.zeros(len(probabilities), np.int64)
        write_predictions(place / PREDICTIONS, probabilities, labels, ["cat", "dog"])
    return folder
