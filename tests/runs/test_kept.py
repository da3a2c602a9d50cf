"""The small files of a run that a suite keeps: all of one state, or none."""

import errno
import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.runs.kept import copy_small_files, evaluation_accuracies, is_evaluated
from paddle_aug.runs.layout import CURVES, RunPaths
from paddle_aug.runs.predictions import evaluation_figures, read_predictions, write_predictions

NAMES = sorted([
    "changes.yaml", "config.yaml", "environment.json", "evaluation.json", "metrics.csv",
    "predictions.npz", *(f"noAug_{name}.npy" for name in CURVES),
])  # fmt: skip


def make_run(folder: Path, accuracy: float) -> RunPaths:
    """A run of two epochs with predictions of its last state."""
    paths = RunPaths(folder, "no")
    evaluation = paths.folder / "evaluation_last"
    evaluation.mkdir(parents=True, exist_ok=True)
    paths.metrics.write_text(f"epoch,lr,mixing,lossTrain,accEval\n0,1,,1,0.1\n1,1,,1,{accuracy}\n")
    for path in paths.curves:
        np.save(path, np.array([0.1, accuracy]))
    for path in (paths.config, paths.changes):
        path.write_text(yaml.safe_dump({"data": "/home/me/猫", "lr": accuracy}), encoding="utf-8")
    paths.environment.write_text(json.dumps({"command": "train.py", "accuracy": accuracy}))
    (evaluation / "evaluation.json").write_text(json.dumps({"checkpoint_epoch": 1, "x": accuracy}))
    chosen = np.array([[accuracy, 1 - accuracy]])
    write_predictions(evaluation / "predictions.npz", chosen, np.array([0]), ["a", "b"])
    return paths


def full_for(name: str, write):
    """A method of Path that finds the disk full where a temporary file for `name` is written."""

    def method(self, *arguments, **named):
        if self.name.startswith(f".{name}."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, *arguments, **named)

    return method


def content(place: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in place.iterdir()}


def test_all_of_a_run_is_kept_without_paths_of_this_machine(tmp_path):
    paths, place = make_run(tmp_path / "logs", 0.75), tmp_path / "kept"
    copy_small_files(place, paths)
    kept = content(place)
    assert sorted(kept) == NAMES
    assert kept["config.yaml"].decode() == "data: …/猫\nlr: 0.75\n" == kept["changes.yaml"].decode()
    assert kept["environment.json"] == b'{\n  "command": "train.py",\n  "accuracy": 0.75\n}'
    assert evaluation_figures(place)["checkpoint_epoch"] == 1
    predictions = paths.folder / "evaluation_last" / "predictions.npz"
    for path in (paths.metrics, *paths.curves, predictions):
        assert kept[path.name] == path.read_bytes()
    copy_small_files(place, paths)
    assert content(place) == kept


@pytest.mark.parametrize("name", NAMES)
def test_a_full_disk_leaves_what_was_kept_as_it_was(tmp_path, monkeypatch, name):
    place = tmp_path / "kept"
    copy_small_files(place, make_run(tmp_path / "logs", 0.75))
    before = content(place)
    paths = make_run(tmp_path / "logs", 0.5)  # trained again

    with monkeypatch.context() as patch:
        for method in ("open", "write_bytes", "write_text"):
            patch.setattr(Path, method, full_for(name, getattr(Path, method)))
        with pytest.raises(UserError, match=rf"cannot write .*{name}: No space left on device"):
            copy_small_files(place, paths)
    assert content(place) == before
    copy_small_files(place, paths)
    assert read_predictions(place / "predictions.npz").probability.tolist() == [0.5]


@pytest.mark.parametrize("damaged", ["noAug_lossEval.npy", "no/config.yaml", "no/environment.json"])
def test_a_source_that_cannot_be_read_is_named_and_nothing_is_replaced(tmp_path, damaged):
    place = tmp_path / "kept"
    copy_small_files(place, make_run(tmp_path / "logs", 0.75))
    before = content(place)
    paths = make_run(tmp_path / "logs", 0.5)
    path = tmp_path / "logs" / damaged
    path.unlink()
    if "lossEval" not in damaged:
        path.mkdir()
    with pytest.raises(UserError, match=rf"{path.name}: (no such file|is a directory)"):
        copy_small_files(place, paths)
    assert content(place) == before


def test_predictions_stay_while_the_training_is_the_same(tmp_path):
    paths, place = make_run(tmp_path / "logs", 0.75), tmp_path / "kept"
    copy_small_files(place, paths)
    before = content(place)
    (paths.folder / "evaluation_last" / "predictions.npz").unlink()
    copy_small_files(place, paths)
    assert content(place) == before
    paths.metrics.write_text(paths.metrics.read_text().replace("0.1", "0.2"))
    copy_small_files(place, paths)
    assert sorted({*NAMES} - content(place).keys()) == ["evaluation.json", "predictions.npz"]


@pytest.mark.parametrize(
    "change", [{"split": "train"}, {"data_options": {"data": "x"}}, {"tta": "flip"},
               {"checkpoint_epoch": 0}, {"checkpoint_step": 2}],
)  # fmt: skip
def test_predictions_of_other_images_are_not_those_of_the_last_state(tmp_path, change):
    paths = make_run(tmp_path / "logs", 0.75)
    figures = paths.folder / "evaluation_last" / "evaluation.json"
    figures.write_text(json.dumps({"checkpoint_epoch": 1, "split": "eval", "tta": "none"}))
    assert is_evaluated(paths)
    figures.write_text(json.dumps({"checkpoint_epoch": 1, **change}))
    assert not is_evaluated(paths)
    copy_small_files(tmp_path / "kept", paths)
    assert "predictions.npz" not in content(tmp_path / "kept")


def test_a_table_that_is_none_is_named(tmp_path):
    metrics = tmp_path / "metrics.csv"
    assert evaluation_accuracies(metrics) == []
    metrics.write_text("accEval,x\n0.5,1\n")
    assert evaluation_accuracies(metrics) == [0.5]
    for text in ("x\n1\n", "accEval\nmany\n", f"accEval,x\n0.5,{'1' * 200_000}\n"):
        metrics.write_text(text)
        with pytest.raises(UserError, match=r"metrics\.csv: no table of a run's epochs"):
            evaluation_accuracies(metrics)
