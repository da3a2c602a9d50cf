"""Where commands write, what they did not make stays: evaluations, exports, comparisons, suites."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from paddle_aug.__main__ import main
from paddle_aug.commands.check import FILES as CHECK_FILES
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.report.side_by_side import FILES
from paddle_aug.runs.layout import EVALUATION_FILES, EXPORT_FILES
from paddle_aug.train.fit import fit
from tests.end_to_end.test_train import ROOT, quiet, tiny
from tests.run_folders import write_run


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("run")
    return fit(tiny(output, augment="no", epochs=1, max_steps=1), say=quiet)


def evaluate(run: Path, output: Path) -> None:
    options = EvaluationOptions(str(run), output=str(output), json=True, workers=0)
    evaluate_checkpoint(options)


def export(run: Path, output: Path) -> None:
    main(["export", str(run), "--output", str(output)])


def comparison(run: Path, output: Path) -> None:
    main(["compare", str(run), "--output", str(output), "--last", "1"])


def write_suite(run: Path) -> Path:
    place = run.parent / "one.yaml"
    entry = {"label": "a", "config": "none.yaml", "options": {"augment": "no"}}
    place.write_text(yaml.safe_dump({"title": "t", "source": "s", "runs": [entry]}))
    (run.parent / "none.yaml").write_text("data: digits\n")
    return place


def suite(run: Path, output: Path) -> None:
    """Only to the point where it looks at its results' folder: before any run."""
    main(["suite", str(write_suite(run)), "--dry-run", "--results", str(output.parent)])


def check(run: Path, output: Path) -> None:
    main(["check", "digits", "--output", str(output)])


WRITERS = {
    "evaluation": (evaluate, EVALUATION_FILES),
    "export": (export, EXPORT_FILES),
    "comparison": (comparison, FILES),
    "check": (check, CHECK_FILES),
    "suite": (suite, FILES),
}
REPEATED = ("evaluation", "export", "comparison", "check")


@pytest.mark.parametrize(("write", "names"), WRITERS.values(), ids=WRITERS)
def test_files_of_the_same_names_that_it_did_not_write_stay(write, names, run, tmp_path):
    output = tmp_path / "one"
    output.mkdir()
    for name in names:
        (output / name).write_text("mine")
        with pytest.raises(UserError, match=f"one: is not an? .* would be replaced: {name}"):
            write(run, output)
        assert [path.name for path in output.iterdir()] == [name]
        assert (output / name).read_text() == "mine"
        (output / name).unlink()


@pytest.mark.parametrize(
    ("write", "names"), [WRITERS[name] for name in REPEATED], ids=REPEATED
)  # fmt: skip
def test_its_own_are_replaced_and_what_lies_beside_them_stays(write, names, run, tmp_path, capsys):
    output = tmp_path / "out"
    write(run, output)
    made = {path.name for path in output.iterdir()}
    assert made <= set(names)
    (output / "notes.txt").write_text("mine")
    for name in made - {names[0]}:
        (output / name).write_text("old")
    write(run, output)
    assert {path.name for path in output.iterdir()} == made | {"notes.txt"}
    assert not [name for name in made if (output / name).read_bytes() == b"old"]
    # As it is interrupted after its first file: it is its own, and is finished.
    for name in made - {names[0]}:
        (output / name).unlink()
    write(run, output)
    assert {path.name for path in output.iterdir()} == made | {"notes.txt"}


@pytest.mark.parametrize(
    "write", [WRITERS[name][0] for name in REPEATED], ids=REPEATED
)  # fmt: skip
def test_two_writers_take_turns(write, run, tmp_path, capsys, caplog):
    output, seen = tmp_path / "out", []
    with locked(output):
        writer = threading.Thread(target=write, args=(run, output))
        writer.start()
        deadline = time.perf_counter() + 60
        while "waiting for process" not in caplog.text and time.perf_counter() < deadline:
            time.sleep(0.02)
        seen.append(output.exists() and any(output.iterdir()))
    writer.join(60)
    assert seen == [False] and any(output.iterdir())


def test_what_a_suite_did_not_keep_of_a_run_stays(run, tmp_path):
    place = tmp_path / "one" / "curves" / "a" / "seed0"
    place.mkdir(parents=True)
    (place / "config.yaml").write_text("mine")
    with pytest.raises(UserError, match=r"seed0: is not kept of a run .* replaced: config\.yaml;"):
        suite(run, tmp_path / "one")
    (place / "metrics.csv").write_text("epoch,lr,mixing,lossTrain,accTrain\n")  # of any version
    suite(run, tmp_path / "one")
    assert (place / "config.yaml").read_text() == "mine"


def test_of_two_suites_on_the_same_runs_the_second_one_is_refused(run, tmp_path):
    file = write_suite(run)
    with (
        locked(tmp_path / "one" / "runs"),
        pytest.raises(UserError, match="writes here: wait .* choose another --logs"),
    ):
        main(["suite", str(file), "--logs", str(tmp_path), "--results", str(tmp_path / "r")])
    assert not (tmp_path / "r").exists()


@pytest.mark.parametrize("ending", ["png", "jpg", "svg"])
def test_a_picture_replaces_only_a_picture_of_the_program(ending, tmp_path, capsys):
    picture = tmp_path / f"mine.{ending}"
    photo = np.zeros((20, 30, 3), np.uint8)
    Image.fromarray(photo).save(picture, format="png")
    before = picture.read_bytes()
    preview = ["preview", "--image", str(picture), "--augment", "userDef", "--output", str(picture)]
    with pytest.raises(UserError, match=f"mine.{ending}: is there, and nothing in it says"):
        main(preview)
    assert picture.read_bytes() == before
    again = ["preview", "--sheet", "mixup-lam", "--output", str(tmp_path / f"own.{ending}")]
    assert main(again) == main(again) == 0


def test_a_schedules_picture_replaces_none_of_the_user(tmp_path, capsys):
    mine = tmp_path / "mixup_schedule.png"
    mine.write_bytes(b"mine")
    with pytest.raises(UserError, match="it is not replaced"):
        main(["schedule", "--augment", "mixup", "--epochs", "2", "--output", str(tmp_path)])
    assert mine.read_bytes() == b"mine"
    mine.unlink()
    for _ in range(2):
        main(["schedule", "--augment", "mixup", "--epochs", "2", "--output", str(tmp_path)])


def test_pictures_of_a_comparison_that_was_replaced_do_not_stay(run, tmp_path, capsys):
    write_run(tmp_path / "long", "userDef", epochs=30)
    main(["compare", str(tmp_path / "long"), "--output", str(tmp_path / "out")])
    assert (tmp_path / "out" / "compare_loss_zoom.png").exists()
    comparison(run, tmp_path / "out")
    assert not (tmp_path / "out" / "compare_loss_zoom.png").exists()


def test_sigterm_to_a_suite_saves_the_run_that_it_started(tmp_path):
    entry = {"label": "a", "config": "base.yaml", "options": {"augment": "no"}}
    base = {"data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2, "epochs": 100000}
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(base))
    (tmp_path / "one.yaml").write_text(
        yaml.safe_dump({"title": "t", "source": "s", "runs": [entry]})
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "paddle_aug", "suite", str(tmp_path / "one.yaml"), "--logs",
         str(tmp_path / "logs"), "--results", str(tmp_path / "results")],
        cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        for line in process.stdout:
            if "| epoch" in line:
                break
        process.send_signal(signal.SIGTERM)  # to the suite alone
        rest, said = process.communicate(timeout=60)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    assert process.returncode == 143, said
    assert "stopped at epoch" in rest
    assert said.splitlines()[-1] == "suite stopped; the same command goes on from here"
    states = list((tmp_path / "logs").rglob("state-*.safetensors"))
    assert states and not (tmp_path / "results").exists()


def test_a_runs_evaluation_and_export_are_told_from_anything_else(run):
    marks = {"evaluation.json": evaluate, "export.json": export}
    for name, write in marks.items():
        output = run / name.removesuffix(".json")
        write(run, output)
        assert isinstance(json.loads((output / name).read_text(encoding="utf-8")), dict)
