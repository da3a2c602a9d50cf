"""Run folders as train.py leaves them, made from given curves."""

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from paddle_aug.runs.layout import CURVES


def write_run(
    folder: Path,
    mode: str,
    curves: dict[str, Sequence[float]] | None = None,
    epochs: int = 20,
    config: dict[str, Any] | None = None,
    mixing: Sequence[int] | None = None,
    seconds: Sequence[float] | None = None,
) -> Path:
    """Write four curves (0, 1, 2, ... where none is given), and what else is given."""
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
    return folder
