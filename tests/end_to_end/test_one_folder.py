"""Nobody else writes in a run's folder: real trainings that meet there, are killed, go on."""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders import lock as folder_lock
from paddle_aug.runs.checkpoint import read_trained
from paddle_aug.train.fit import fit, resume
from tests.core.test_folder_lock import FAR, note
from tests.end_to_end.test_faults import LINUX, Training, folders, is_running, until
from tests.end_to_end.test_train import ROOT, quiet, result_bytes, tiny
from tests.warm_python import warm_python

__all__ = ["folders"]
LONG = ["--data", "digits", "--model", "LeNet", "--image-size", "32", "--per-class", "2",
        "--batch-size", "6", "--epochs", "100000", "--augment", "no"]  # fmt: skip


def start(*arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [*warm_python(), "train.py", *arguments], cwd=ROOT, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def one_of_two(*commands: list[str]) -> tuple[str, str]:
    """Start both at once; (what the one that is refused says, what the other says at its end)."""
    processes = [start(*command) for command in commands]
    try:
        until(lambda: any(process.poll() is not None for process in processes), 120)
        (loser,) = [process for process in processes if process.poll() is not None]
        (winner,) = [process for process in processes if process is not loser]
        _, refused = loser.communicate()
        assert loser.returncode == 2, refused
        for line in winner.stdout:
            if line.startswith("epoch"):
                break
        winner.send_signal(signal.SIGTERM)
        _, said = winner.communicate(timeout=60)
        assert winner.returncode == 143, said
    finally:
        for process in processes:
            process.kill()
    return refused, said


@pytest.mark.parametrize("more", [[], ["--overwrite"]], ids=["new", "overwrite"])
def test_of_two_trainings_that_start_together_one_is_refused(more, tmp_path):
    commands = [[*LONG, "--seed", seed, "--output", str(tmp_path), *more] for seed in "12"]
    refused, said = one_of_two(*commands)
    assert refused.startswith("error: ") and "Traceback" not in refused
    assert "writes here" in refused or "from an earlier run" in refused
    assert "stopped at epoch" in said
    run = tmp_path / "no"
    seeds = {yaml.safe_load((run / "config.yaml").read_text())["seed"]}
    seeds |= {read_trained(run, which)[1]["config"]["seed"] for which in ("best", "last")}
    assert len(seeds) == 1
    epochs = read_trained(run, "last")[1]["progress"]["epoch"]
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == epochs
    assert len((run / "metrics.csv").read_text().splitlines()) == epochs + 1


def test_of_two_that_resume_the_same_run_one_is_refused(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=2), say=quiet)
    more = ["--resume", str(run), "--epochs", "100000", "--allow-changes"]
    refused, said = one_of_two(more, more)
    assert refused.startswith(f"error: {run}: process ") and "writes here" in refused
    assert "stopped at epoch" in said


@LINUX
def test_a_run_at_work_is_neither_replaced_nor_resumed_but_evaluated(folders, tmp_path):
    with Training(folders, tmp_path / "logs") as training:
        run, pid = training.run, training.process.pid
        config = tiny(tmp_path / "logs", augment="no", epochs=1, overwrite=True)
        for use in (lambda: fit(config, say=quiet), lambda: resume(run, say=quiet)):
            with pytest.raises(UserError, match=f"no: process {pid} of this machine, since 20"):
                use()
        assert training.process.poll() is None
        reading = [*warm_python(), "evaluate.py", str(run), "--checkpoint", "last",
                   "--output", str(tmp_path / "out")]  # fmt: skip
        assert subprocess.run(reading, cwd=ROOT, capture_output=True).returncode == 0
        assert training.process.poll() is None


@LINUX
def test_a_killed_run_goes_on_at_once_though_its_workers_linger(folders, tmp_path, caplog):
    with Training(folders, tmp_path / "logs", "--workers", "2") as training:
        workers = training.workers()
        os.kill(training.process.pid, signal.SIGKILL)
        training.process.wait()
        epoch = read_trained(training.run, "last")[1]["progress"]["epoch"]
        started = time.perf_counter()
        resume(training.run, allow_changes=True, changes={"epochs": epoch + 1}, say=quiet)
        assert time.perf_counter() - started < 30
    assert f"process {training.process.pid} of this machine" in caplog.text
    assert "was ended while it wrote here" in caplog.text
    assert len(np.load(tmp_path / "logs" / "noAug_accEval.npy")) == epoch + 1
    assert not any(map(is_running, workers))


def test_a_run_that_another_machine_may_be_at_is_left_alone(tmp_path, monkeypatch):
    run = fit(tiny(tmp_path, augment="no", epochs=1), say=quiet)
    before = result_bytes(tmp_path, "no")
    note(tmp_path, **FAR)
    monkeypatch.setattr(folder_lock, "_file_system", lambda path: "nfs")
    config = tiny(tmp_path, augment="no", epochs=1, overwrite=True)
    for use in (lambda: fit(config, say=quiet), lambda: resume(run, say=quiet)):
        with pytest.raises(UserError, match="machine far.* it cannot be told whether it still"):
            use()
    assert result_bytes(tmp_path, "no") == before


def test_a_run_that_came_while_the_data_were_read_is_not_replaced(tmp_path, monkeypatch):
    """The second look, under the lock: the first one was before the data were read."""
    from paddle_aug.train import fit as fit_module

    real = fit_module.build_setup

    def slow(*args, **kwargs):
        setup = real(*args, **kwargs)
        monkeypatch.undo()
        fit(tiny(tmp_path, augment="no", epochs=1, seed=7), say=quiet)
        return setup

    monkeypatch.setattr(fit_module, "build_setup", slow)
    with pytest.raises(UserError, match="is there already, from an earlier run"):
        fit(tiny(tmp_path, augment="no", epochs=1, seed=8), say=quiet)
    assert yaml.safe_load((tmp_path / "no" / "config.yaml").read_text())["seed"] == 7


def test_overwriting_names_what_stays(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=1), say=quiet)
    (run / "notes.txt").write_text("mine")
    lines: list[str] = []
    fit(tiny(tmp_path, augment="no", epochs=2, max_steps=1, overwrite=True), say=lines.append)
    assert f"note: {run}: not of a run, stays: notes.txt" in lines
    assert (run / "notes.txt").read_text() == "mine"
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == 2


def test_a_class_folder_in_the_runs_place_keeps_its_images(tmp_path):
    rng = np.random.default_rng(0)
    from PIL import Image

    for name in ("yes", "no"):
        (tmp_path / name).mkdir()
        for number in range(6):
            image = rng.integers(0, 256, (9, 7, 3), np.uint8)
            Image.fromarray(image).save(tmp_path / name / f"{number}.png")
    before = sorted(tmp_path.rglob("*"))
    for overwrite in (False, True):
        config = tiny(tmp_path, data=str(tmp_path), augment="no", epochs=1, overwrite=overwrite)
        with pytest.raises(UserError, match="no: is there and is no run of this program"):
            fit(config, say=quiet)
    assert sorted(tmp_path.rglob("*")) == before


def test_a_run_folder_that_was_moved_resumes_in_its_new_place(tmp_path):
    fit(tiny(tmp_path / "a", augment="no", epochs=1, max_steps=1), say=quiet)
    shutil.move(tmp_path / "a", tmp_path / "b")
    run = tmp_path / "b" / "no"
    before = Path(run / "config.yaml").read_bytes()
    resume(run, say=quiet)
    assert (run / "config.yaml").read_bytes() == before
