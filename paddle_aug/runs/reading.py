"""Reads run folders: curves, metrics.csv, config.yaml. Needs neither Paddle nor the trainer.

A run is four files `<folder>/<mode>Aug_{lossTrain,accTrain,lossEval,accEval}.npy`, one float an
epoch. Other files (`<folder>/<mode>/metrics.csv`, `config.yaml`) are used where present, so that
the curves of the original notebooks can be compared, too. A suite's results keep a run's small
files beside its curves, in one folder, which is read in the same way.
"""

import csv
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.core.safe_files import open_regular, read_json, read_npy_header
from paddle_aug.core.text import counted
from paddle_aug.core.user_paths import user_path
from paddle_aug.modes import mode_order
from paddle_aug.runs.environment import name_data, recorded_data
from paddle_aug.runs.layout import (
    CHANGES,
    CONFIG,
    CURVES,
    ENVIRONMENT,
    LAST_EVALUATION,
    METRICS,
    PREDICTIONS,
    curve_path,
)
from paddle_aug.runs.predictions import (
    Predictions,
    evaluation_figures,
    is_of_last_state,
    read_predictions,
)
from paddle_aug.runs.stats import stopped_early


@dataclass(frozen=True)
class Run:
    """One run as found on the disk.

    curves: float64 [epochs] by name of CURVES, only those that exist. metrics: columns of
    metrics.csv, NaN where empty. config: options of the run, empty where not saved; whole_config:
    False where config holds only the options that differ from the defaults. environment:
    environment.json, empty where not saved. predictions: of the last state on the whole evaluation
    set, None where not made. warnings: what is wrong with the files, each naming its file.
    """

    folder: Path
    mode: str
    curves: dict[str, np.ndarray]
    metrics: dict[str, np.ndarray] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()
    label: str | None = None
    whole_config: bool = True
    environment: dict[str, Any] = field(default_factory=dict)
    predictions: Predictions | None = None

    @property
    def epochs(self) -> int:
        """Epochs that have a value in any curve."""
        return max(len(curve) for curve in self.curves.values())

    @property
    def ended_early(self) -> bool:
        """Whether it was ended by its own --early-stopping."""
        return _ended_early(self.config, self.curves)

    @property
    def seed(self) -> int | None:
        """The run's seed; None where its options are not known."""
        seed = self.config.get("seed")
        return seed if isinstance(seed, int) else None

    def data(self, *keys: str) -> Any:
        """What is recorded of its data: see `environment.recorded_data`."""
        return recorded_data(self.environment, *keys)

    @property
    def seconds(self) -> float:
        """Median duration of an epoch in seconds (the first is slower); NaN where not recorded."""
        seconds = self.metrics.get("seconds", np.empty(0))
        seconds = seconds[np.isfinite(seconds)]
        return float(np.median(seconds)) if seconds.size else float("nan")

    @property
    def training_seconds(self) -> float | None:
        """Duration of all epochs together; None where one of them is not recorded."""
        seconds = self.metrics.get("seconds", np.empty(0))
        return float(seconds.sum()) if seconds.size and np.isfinite(seconds).all() else None

    @property
    def mixing(self) -> np.ndarray | None:
        """bool [epochs]: epochs in which images were mixed; None where not recorded."""
        mixing = self.metrics.get("mixing")
        return None if mixing is None else mixing == 1


def read_runs(arguments: Sequence[str]) -> list[Run]:
    """The runs that FOLDER, FOLDER/MODE, LABEL=FOLDER or LABEL=FOLDER/MODE name.

    A run that is named again is read once, with a warning: it would count as another seed. Under
    another label it is another run. Raises UserError naming the argument where nothing is found
    there.
    """
    return without_repeats(
        (label, read_run(folder, mode, label))
        for label, path in map(split_label, arguments)
        for folder, mode in _locate(path)
    )


def without_repeats(named: Iterable[tuple[str | None, Run]]) -> list[Run]:
    """The runs, each once under each label that it was given, with a warning where it is repeated.

    named: the label that the user gave, or None, and the run.
    """
    runs: dict[tuple[str | None, str, str], Run] = {}
    for label, run in named:
        place = label, os.path.realpath(run.folder), run.mode
        if place in runs:
            again = f"{run.folder / run.mode}: named more than once, taken once"
            first = runs[place]
            # A suite names the runs in it, a path to one of them does not.
            runs[place] = replace(
                first, label=first.label or run.label, warnings=(*first.warnings, again)
            )
        else:
            runs[place] = run
    return list(runs.values())


def read_run(folder: str | Path, mode: str, label: str | None = None) -> Run:
    """One run. Raises UserError where its files are damaged or none exists."""
    folder = Path(folder)
    warnings: list[str] = []
    curves = {}
    for name in CURVES:
        path = curve_path(folder, mode, name)
        if not path.exists():
            warnings.append(f"{path}: missing, left out")
            continue
        curves[name] = _read_curve(path)
        missing = np.flatnonzero(~np.isfinite(curves[name]))
        if missing.size:
            warnings.append(
                f"{path}: {missing.size} of {len(curves[name])} values are not finite, "
                f"first at epoch {missing[0]}: has the run diverged?"
            )
    if not curves:
        raise UserError(f"{folder}: no {mode}Aug_*.npy; expected {', '.join(CURVES)}")
    lengths = {name: len(curve) for name, curve in curves.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"{name} {length}" for name, length in lengths.items())
        warnings.append(f"{folder / mode}Aug_*.npy: curves of unequal length ({shown})")
    if max(lengths.values()) == 0:
        raise UserError(f"{folder}/{mode}Aug_*.npy: no epoch finished yet")
    place = folder / mode if (folder / mode).is_dir() else _flat_place(folder, mode)
    config = _read(read_yaml, place / CONFIG, warnings)
    whole_config = bool(config)
    if not config and (place / CHANGES).exists():
        # Options that it lacks have their defaults, the seed included.
        config = {"augment": mode, "seed": 0, **_read(read_yaml, place / CHANGES, warnings)}
    planned, epochs = config.get("epochs"), max(lengths.values())
    if isinstance(planned, int) and epochs < planned and not _ended_early(config, curves):
        warnings.append(f"{folder / mode}: unfinished, {epochs} of {planned} epochs")
    metrics = _read_metrics(place / METRICS, warnings)
    environment = _read(read_json, place / ENVIRONMENT, warnings)
    name_data(config, environment)
    predictions = _find_predictions(place, epochs, warnings)
    return Run(
        folder, mode, curves, metrics, config, tuple(warnings), label,
        whole_config, environment, predictions,
    )  # fmt: skip


def _ended_early(config: dict[str, Any], curves: dict[str, np.ndarray]) -> bool:
    patience = config.get("early_stopping")
    return isinstance(patience, int) and stopped_early(curves.get("accEval", ()), patience)


def find_modes(folder: str | Path) -> list[str]:
    """Modes with curves in the folder, in the order of MODES, others after them by name."""
    suffixes = [curve_path("", "", name).name for name in CURVES]
    modes = {
        path.name.removesuffix(suffix)
        for path in Path(folder).glob("*Aug_*.npy")
        for suffix in suffixes
        if path.name.endswith(suffix)
    }
    return sorted(modes, key=mode_order)


def _exists(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a long label is no name of a file
        return False


def split_label(argument: str) -> tuple[str | None, Path]:
    """Label and path of LABEL=PATH; what exists as written is a path, even with a = in it."""
    if "=" in argument and not _exists(user_path(argument)):
        label, _, path = argument.partition("=")
        if not label.strip() or not path:
            raise UserError(f"{argument}: expected LABEL=FOLDER or LABEL=FOLDER/MODE")
        return label.strip(), user_path(path)
    return None, user_path(argument)


def _locate(path: Path) -> list[tuple[Path, str]]:
    modes = find_modes(path)
    if modes:
        return [(path, mode) for mode in modes]
    # FOLDER/MODE: the curves lie in FOLDER, beside the run's own folder.
    if path.name in find_modes(path.parent):
        return [(path.parent, path.name)]
    refuse_missing(path)
    raise UserError(
        f"{path}: no curves found; expected files like {path / 'userDefAug_accEval.npy'}, "
        "as train.py writes them to its --output folder"
    )


def refuse_missing(path: Path) -> None:
    """Raise UserError where there is no such folder, with the runs that lie beside it."""
    if not path.is_dir():
        beside = find_modes(path.parent)
        hint = f"; {path.parent} has {', '.join(beside)}" if beside else ""
        raise UserError(f"{path}: no such folder or run{hint}")


def curve_length(folder: Path, mode: str, curve: str) -> int:
    """Number of epochs in a run's curve; 0 where it is not there, or damaged."""
    try:
        return len(_read_curve(curve_path(folder, mode, curve)))
    except UserError:
        return 0


def _read_curve(path: Path) -> np.ndarray:
    try:
        with open_regular(path) as file:
            read_npy_header(file, os.fstat(file.fileno()).st_size)
            file.seek(0)
            curve = np.load(file, allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{path}: damaged, or not a NumPy file of numbers ({reason})") from None
    if curve.ndim != 1 or curve.dtype.kind not in "fiu":
        raise UserError(
            f"{path}: expected one number an epoch, found {curve.dtype} of shape {curve.shape}"
        )
    return curve.astype(np.float64)


def _read(
    read: Callable[[Path], dict[str, Any]], path: Path, warnings: list[str]
) -> dict[str, Any]:
    """What the file holds; empty where it is missing, or with a warning where it is damaged."""
    if not path.exists():
        return {}
    try:
        return read(path)
    except (UserError, OSError) as error:
        warnings.append(f"{error}; the file is left out")
        return {}


def _flat_place(folder: Path, mode: str) -> Path:
    """The folder of the other files of a run that has no folder of its own: that of its curves, if
    no other run has curves there."""
    return folder if find_modes(folder) == [mode] else folder / mode


def _find_predictions(place: Path, epochs: int, warnings: list[str]) -> Predictions | None:
    """The predictions of the run's last state on its evaluation set: its own, or those kept beside
    its curves."""
    for folder in (place / LAST_EVALUATION, place):
        path = folder / PREDICTIONS
        if not path.exists():
            continue
        if not is_of_last_state(evaluation_figures(folder), epochs - 1):
            warnings.append(
                f"{path}: not of the run's last epoch, {epochs - 1}, on all images of its own "
                "evaluation set: left out; evaluate the run again with --checkpoint last"
            )
            continue
        try:
            return read_predictions(path)
        except UserError as error:
            warnings.append(f"{error}; the file is left out")
    return None


def _number(cell: str) -> float:
    return float({"": "nan", "True": "1", "False": "0"}.get(cell, cell))


def _read_metrics(path: Path, warnings: list[str]) -> dict[str, np.ndarray]:
    """Columns of metrics.csv as float64, NaN where a cell is empty."""
    if not path.exists():
        return {}
    try:
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = list(csv.reader(file)) or [[]]
        complete = [row for row in rows if len(row) == len(header)]
        table = np.array([[_number(cell) for cell in row] for row in complete])
    except (OSError, ValueError, csv.Error) as error:
        warnings.append(f"{path}: cannot be read ({error}), left out")
        return {}
    if len(complete) < len(rows):
        left_out = counted(len(rows) - len(complete), "incomplete line")
        warnings.append(f"{path}: {left_out} left out")
    return {name: table[:, i] for i, name in enumerate(header)} if complete else {}
