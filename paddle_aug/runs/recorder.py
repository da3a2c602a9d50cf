"""Writes the files of a run: npy curves, metrics.csv, its options and its environment.

OUTPUT/<mode>Aug_lossTrain.npy ...   curves, one float64 an epoch, as in the SamplePairing article
OUTPUT/<mode>/metrics.csv            the same and more, a line an epoch
OUTPUT/<mode>/config.yaml            the options; changes.yaml: those that are not defaults
OUTPUT/<mode>/environment.json       versions, threads, device, data
OUTPUT/<mode>/checkpoints/           states to resume from, and the best model
"""

import csv
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from paddle_aug.core.atomic import atomic_write, write_json, write_text
from paddle_aug.core.errors import UserError
from paddle_aug.runs.layout import CURVES, curve_path

# The four curves, and two further training accuracies for runs that mix images.
COLUMNS: tuple[str, ...] = (
    "epoch", "lr", "mixing", "lossTrain", "accTrain", "accTrainFirst", "accTrainClean",
    "lossEval", "accEval", "seconds", "imagesPerSecond",
)  # fmt: skip

Row = Mapping[str, Any]


class Recorder:
    """Writes one run's folder; each file is replaced whole or not at all.

    writes: False for all but the first process of a run, which writes and checks for earlier runs.
    """

    def __init__(self, output: str | Path, mode: str, writes: bool = True):
        self.writes = writes
        self.output = Path(output)
        self.mode = mode
        self.folder = self.output / mode
        self.checkpoints = self.folder / "checkpoints"
        if self.output.is_file():
            raise UserError(f"--output {self.output}: is a file; a folder is needed")

    def curve_path(self, curve: str) -> Path:
        return curve_path(self.output, self.mode, curve)

    def existing(self) -> Path | None:
        """A file or folder of an earlier run with this output and mode, if there is one."""
        places = [self.folder, *map(self.curve_path, CURVES)]
        return next((place for place in places if place.exists()), None)

    def refuse_existing(self) -> None:
        """Raise UserError where there is an earlier run."""
        if self.writes and (place := self.existing()):
            raise UserError(
                f"{place} is there already, from an earlier run: continue it with "
                f"--resume {self.folder}, replace it with --overwrite, or choose another --output"
            )

    def remove_existing(self) -> None:
        """Delete an earlier run with this output and mode: its curves and its folder."""
        if not self.writes:
            return
        try:
            for curve in CURVES:
                self.curve_path(curve).unlink(missing_ok=True)
            if self.folder.exists():
                shutil.rmtree(self.folder)
        except OSError as error:
            reason = error.strerror or error
            raise UserError(
                f"{self.folder}: the earlier run cannot be deleted ({reason}: {error.filename})"
            ) from None

    def write_start(
        self, config: Mapping[str, Any], changes: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> None:
        if not self.writes:
            return
        for name, values in (("config", config), ("changes", changes)):
            text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
            write_text(self.folder / f"{name}.yaml", text)
        write_json(self.folder / "environment.json", environment)

    def write_history(self, history: Sequence[Row]) -> None:
        """Save the curves and metrics.csv, with one value or line for each row of `history`."""
        if not self.writes:
            return
        with (
            atomic_write(self.folder / "metrics.csv") as path,
            path.open("w", newline="", encoding="utf-8") as file,
        ):
            writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in history)
        for curve in CURVES:
            values = np.array([row[curve] for row in history], np.float64)
            with atomic_write(self.curve_path(curve)) as path, path.open("wb") as file:
                np.save(file, values)
