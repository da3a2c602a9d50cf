"""The small files of a run that are kept beside the tables made from them, so that these can be
made again without the run's own folder and its large states: curves, metrics.csv, config.yaml,
changes.yaml, environment.json, predictions.npz and evaluation.json of the last state."""

import csv
import re
from pathlib import Path, PurePath
from typing import Any

import yaml

from paddle_aug.core.atomic import json_text, write_together
from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.core.safe_files import MATRIX_LIMIT, TEXT_LIMIT, read_bytes, read_json
from paddle_aug.runs.layout import FIGURES, LAST_EVALUATION, METRICS, PREDICTIONS, RunPaths
from paddle_aug.runs.predictions import evaluation_figures, is_of_last_state

# The project's folder: paths in it are written relative to it.
ROOT = Path(__file__).resolve().parents[2]
# An absolute path, not within a word or an address.
_HOST_PATH = re.compile(r"(?<![\w.:/~…-])(?:/[^\s'\",;:/]+)+/?|\b[A-Za-z]:\\[^\s'\",;]+")


def copy_small_files(place: Path, paths: RunPaths) -> None:
    """Copy a run's small files into the folder `place`, without paths of this machine in them: all
    of them, or none where one cannot be read or written.

    Raises UserError naming that file.
    """
    files, before = _small_files(paths), place / METRICS
    same = before.exists() and before.read_bytes() == files[METRICS]
    # Those of an earlier state or training are not to stand beside what is copied now.
    write_together(place, files, without=() if same else (PREDICTIONS, FIGURES))


def _small_files(paths: RunPaths) -> dict[str, str | bytes]:
    """Content of the small files by name: first what marks the folder, last what says of which
    epoch the predictions are."""
    files: dict[str, str | bytes] = {
        path.name: read_bytes(path, TEXT_LIMIT) for path in (paths.metrics, *paths.curves)
    }
    for path in (paths.config, paths.changes):
        values = portable(read_yaml(path))
        files[path.name] = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    if paths.environment.exists():
        files[paths.environment.name] = json_text(portable(read_json(paths.environment)))
    if is_evaluated(paths):
        evaluation = paths.folder / LAST_EVALUATION
        files[PREDICTIONS] = read_bytes(evaluation / PREDICTIONS, TEXT_LIMIT)
        files[FIGURES] = json_text(portable(read_json(evaluation / FIGURES, MATRIX_LIMIT)))
    return files


def is_evaluated(paths: RunPaths) -> bool:
    """Whether there are predictions of the run's last state on its evaluation set, and not of an
    earlier state or of other images."""
    figures = evaluation_figures(paths.folder / LAST_EVALUATION)
    last = len(evaluation_accuracies(paths.metrics)) - 1
    return bool(figures) and is_of_last_state(figures, last)


def evaluation_accuracies(metrics: Path) -> list[float]:
    """The evaluation accuracy of each epoch in a metrics.csv; empty where there is none yet.

    Raises UserError where it is not a table of a run's epochs.
    """
    try:
        with metrics.open(newline="", encoding="utf-8") as file:
            return [float(row["accEval"]) for row in csv.DictReader(file)]
    except OSError:
        return []
    except (KeyError, TypeError, ValueError, csv.Error) as error:
        raise UserError(f"{metrics}: no table of a run's epochs ({error!r})") from None


def portable(value: Any) -> Any:
    """Plain values with absolute paths shortened: relative to the project or the current folder,
    else an ellipsis and the last part."""
    if isinstance(value, dict):
        return {key: portable(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [portable(inner) for inner in value]
    if not isinstance(value, str):
        return value
    if PurePath(value).is_absolute():
        return _cut(value)
    return _HOST_PATH.sub(lambda match: _cut(match[0]), value)


def _cut(path: str) -> str:
    for start in (ROOT, Path.cwd()):
        if PurePath(path).is_relative_to(start):
            return PurePath(path).relative_to(start).as_posix()
    return f"…/{path.replace(chr(92), '/').rstrip('/').rpartition('/')[2]}"
