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
EPOCHS = 40  # of the runs of write_method
CLAIM = {"text": "mixup brings 5 points", "method": "mixup", "baseline": "no", "difference": 0.05}


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


def write_method(
    folder: Path,
    mode: str,
    values: Sequence[float],
    rights: Sequence[Sequence[int]] | None = None,
    label: str | None = None,
    **config: Any,
) -> None:
    """Runs of one method with a constant evaluation accuracy each, by seed."""
    for seed, value in enumerate(values):
        curves = dict.fromkeys(CURVES, np.full(EPOCHS, value))
        write_run(
            folder / (label or mode) / f"seed{seed}", mode, curves,
            config={"seed": seed, "epochs": EPOCHS, **config}, environment=ENVIRONMENT,
            right=None if rights is None else rights[seed],
        )  # fmt: skip


def suite_results(folder: Path, claims: Sequence[dict[str, Any]], method: str = "mixup") -> Path:
    """A suite's folder of results with two methods over three seeds."""
    write_method(folder / "curves", "no", [0.40, 0.41, 0.42])
    write_method(folder / "curves", "mixup", [0.45, 0.46, 0.471], label=method, alpha=0.2)
    write_table(folder, claims, {"no": "no", method: "mixup"})
    return folder


def write_table(folder: Path, claims: Sequence[dict[str, Any]], methods: dict[str, str]) -> None:
    """The table.json of a suite. methods: mode by label, each with seeds 0, 1 and 2."""
    empty = {"baseline": None, "curve": "accEval", "figure": "mean", "difference": None,
             "value": None, "epoch": None, "scale": ""}  # fmt: skip
    table = {
        "format": 1, "title": "A suite", "source": "nobody", "published": "+5", "written": "today",
        "note": "", "quick": False, "missing": ["mixup, seed 3"], "command": "python all",
        "baseline": "no", "last": 10,
        "claims": [{**empty, "tolerance": 0.02, **each} for each in claims],
        "commands": [{"label": "no", "seed": 0, "command": "python one", "trainingSeconds": 600.0}],
        "methods": [
            {"label": label, "studied": {"augment": mode, "alpha": 1},
             "runs": [{"folder": f"curves/{label}/seed{seed}", "mode": mode} for seed in range(3)]}
            for label, mode in methods.items()
        ],
    }  # fmt: skip
    (folder / "table.json").write_text(json.dumps(table), encoding="utf-8")
