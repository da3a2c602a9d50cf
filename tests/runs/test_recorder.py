"""The run folder: what the documents' plots read, and what is beside it."""

import csv
import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.runs.recorder import COLUMNS, Recorder


def row(epoch: int) -> dict:
    return {
        "epoch": epoch, "lr": 0.1, "mixing": 1, "lossTrain": 3.0 - epoch, "accTrain": 0.1 * epoch,
        "accTrainFirst": 0.2, "accTrainClean": None, "lossEval": 2.5, "accEval": 1 / 3,
        "seconds": 1.5, "imagesPerSecond": 100.0,
    }  # fmt: skip


def test_curves_hold_one_float64_an_epoch_under_the_documents_names(tmp_path):
    Recorder(tmp_path, "samplePairing").write_history([row(0), row(1)])
    loss = np.load(tmp_path / "samplePairingAug_lossTrain.npy", allow_pickle=False)
    np.testing.assert_array_equal(loss, [3.0, 2.0])
    assert loss.dtype == np.float64
    for curve, value in (("accTrain", 0.1), ("lossEval", 2.5), ("accEval", 1 / 3)):
        assert np.load(tmp_path / f"samplePairingAug_{curve}.npy")[1] == value


def test_metrics_hold_a_line_an_epoch_and_leave_the_unmeasured_empty(tmp_path):
    Recorder(tmp_path, "mixup").write_history([row(0), row(1)])
    with (tmp_path / "mixup" / "metrics.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert list(lines[0]) == list(COLUMNS)
    assert [line["epoch"] for line in lines] == ["0", "1"]
    assert float(lines[0]["accEval"]) == 1 / 3
    assert lines[0]["accTrainClean"] == ""


def test_metrics_that_say_a_run_is_finished_come_after_its_curves(tmp_path, monkeypatch):
    recorder = Recorder(tmp_path, "no")
    recorder.write_history([row(0)])
    save = np.save

    def killed(file, values):
        if len(np.load(tmp_path / "noAug_lossEval.npy")) == 2:
            raise KeyboardInterrupt
        save(file, values)

    monkeypatch.setattr(np, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        recorder.write_history([row(0), row(1)])
    assert len((tmp_path / "no" / "metrics.csv").read_text().splitlines()) == 1 + 1
    assert len(np.load(tmp_path / "noAug_lossTrain.npy")) == 2


def test_options_and_environment_are_saved_as_plain_yaml_and_json(tmp_path):
    recorder = Recorder(tmp_path, "no")
    recorder.write_options({"lr": 0.1, "data": None}, {"lr": 0.1}, {"cores": 2})
    assert yaml.safe_load((tmp_path / "no/config.yaml").read_text()) == {"lr": 0.1, "data": None}
    assert yaml.safe_load((tmp_path / "no/changes.yaml").read_text()) == {"lr": 0.1}
    assert json.loads((tmp_path / "no/environment.json").read_text()) == {"cores": 2}


def test_removing_a_run_leaves_the_other_modes_alone(tmp_path):
    for mode in ("mixup", "no"):
        Recorder(tmp_path, mode).write_history([row(0)])
    assert Recorder(tmp_path, "mixup").remove_existing() == []
    assert not list(tmp_path.glob("mixup*"))
    assert len(list(tmp_path.glob("noAug_*.npy"))) == 4


def test_a_run_that_cannot_be_deleted_is_a_clear_error(tmp_path, monkeypatch):
    Recorder(tmp_path, "mixup").write_history([row(0)])

    def refused(path, **_):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS), str(path))

    monkeypatch.setattr(Path, "unlink", refused)
    with pytest.raises(UserError, match="mixup: the earlier run cannot be deleted .Read-only file"):
        Recorder(tmp_path, "mixup").remove_existing()


def test_a_folder_that_cannot_be_made_is_a_clear_error(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot write .*Not a directory"):
        Recorder(tmp_path / "file" / "logs", "no").write_history([row(0)])


def test_a_file_is_no_output_folder(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="--output .*file: is a file; a folder is needed"):
        Recorder(tmp_path / "file", "no")
