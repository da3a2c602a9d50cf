"""Writing a run's folder (layout.py has its files): its start, and its curves epoch by epoch."""

import contextlib
import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from paddle_aug.core.atomic import atomic_write, write_json, write_text
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import remove_leftovers
from paddle_aug.runs.layout import CURVES, RunPaths, curve_path
from paddle_aug.runs.ownership import is_run_file, refuse_unusable, remove_run

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
        self.paths = RunPaths(Path(output), mode)
        if self.paths.output.is_file():
            raise UserError(f"--output {output}: is a file; a folder is needed")

    def locked(self) -> contextlib.AbstractContextManager[None]:
        """Be the only process that writes here; UserError where another one does."""
        return locked(self.paths.folder) if self.writes else contextlib.nullcontext()

    def refuse_unusable(self, overwrite: bool) -> None:
        """Raise UserError where a new run would meet an earlier one, unless `overwrite`, or what
        no run has left."""
        if self.writes:
            refuse_unusable(self.paths, overwrite)

    def remove_existing(self) -> list[str]:
        """Delete an earlier run's files; names what else lies in its folder, and stays."""
        return remove_run(self.paths) if self.writes else []

    def remove_leftovers(self) -> None:
        """Delete the temporary files of a run that was killed; only under the lock."""
        if self.writes:
            curves = {path.name for path in self.paths.curves}
            remove_leftovers(self.paths.folder, is_run_file)
            remove_leftovers(self.paths.output, lambda name: name in curves)

    def write_options(
        self, config: Mapping[str, Any], changes: Mapping[str, Any], environment: Mapping[str, Any]
    ) -> None:
        """Save the options, those of them that are not defaults, and the environment."""
        if not self.writes:
            return
        for path, values in ((self.paths.config, config), (self.paths.changes, changes)):
            text = yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True)
            write_text(path, text)
        write_json(self.paths.environment, environment)

    def write_history(self, history: Sequence[Row], synced: bool = True) -> None:
        """Save the curves, then metrics.csv, with one value or line for each row of `history`.

        A metrics.csv with all epochs says that the run is finished. synced: as in atomic_write.
        """
        if not self.writes:
            return
        for curve in CURVES:
            values = np.array([row[curve] for row in history], np.float64)
            target = curve_path(self.paths.output, self.paths.mode, curve)
            with atomic_write(target, synced) as path, path.open("wb") as file:
                np.save(file, values)
        with (
            atomic_write(self.paths.metrics, synced) as path,
            path.open("w", newline="", encoding="utf-8") as file,
        ):
            writer: csv.DictWriter[str] = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
            writer.writeheader()
            writer.writerows({k: "" if v is None else v for k, v in row.items()} for row in history)
