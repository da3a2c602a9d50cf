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

import pytest
import yaml

from paddle_aug.__main__ import main
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


def suite(run: Path, output: Path) -> None:
    """Only to the point where it looks at its results' folder: before any run."""
    place = run.parent / "one.yaml"
    entry = {"label": "a", "config": "none.yaml", "options": {"augment": "no"}}
    place.write_text(yaml.safe_dump({"title": "t", "source": "s", "runs": [entry]}))
    (run.parent / "none.yaml").write_text("data: digits\n")
    main(["suite", str(place), "--dry-run", "--results", str(output.parent)])


WRITERS = {
    "evaluation": (evaluate, EVALUATION_FILES),
    "export": (export, EXPORT_FILES),
    "comparison": (comparison, FILES),
    "suite": (suite, FILES),
}


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
    ("write", "names"), [WRITERS[name] for name in ("evaluation", "export", "comparison")],
    ids=["evaluation", "export", "comparison"],
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
    "write", [WRITERS[name][0] for name in ("evaluation", "export", "comparison")],
    ids=["evaluation", "export", "comparison"],
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
