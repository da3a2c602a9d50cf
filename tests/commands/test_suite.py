"""Suites: what is planned, what is run again and what not, and what is left behind."""

import io
import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from paddle_aug.command_line import parse_args, to_arguments
from paddle_aug.commands import suite as command
from paddle_aug.commands import suite_cells, suite_cost, suite_results
from paddle_aug.commands.suite_conditions import child_environment, refuse_other_conditions
from paddle_aug.commands.suite_plan import (
    FREE,
    epochs_done,
    epochs_left,
    is_finished,
    next_arguments,
    plan,
    read_suite,
    slug,
    studied_options,
)
from paddle_aug.commands.suite_progress import SuiteProgress
from paddle_aug.config import Config, load_config
from paddle_aug.core import own_code
from paddle_aug.core.cpu import available_cores
from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import parse_args as parse_evaluation
from paddle_aug.runs.environment import describe_environment, library_variables
from paddle_aug.runs.kept import ROOT, portable
from paddle_aug.runs.layout import CURVES
from paddle_aug.runs.predictions import read_predictions
from paddle_aug.train.fit import fit, resume
from tests.columns import out_of_column

BASE = {
    "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2, "batch_size": 6,
    "epochs": 3, "lr": 0.01, "max_steps": 2, "eval_share": 0.02,
}  # fmt: skip


PADDLE = ["--", "--cpu-backend", "paddle"]
PLAIN = Path("logs/suites/two/plain/seed0/no")
MIXUP = Path("logs/suites/two/mixup-alpha-0.2/seed5/mixup")
RESULTS = Path("logs/results/two")


def write_suite(folder: Path) -> Path:
    """Two configurations, one of them with two seeds."""
    (folder / "base.yaml").write_text(yaml.safe_dump(BASE), encoding="utf-8")
    suite = {
        "title": "Digits", "source": "nowhere", "baseline": "plain", "last": 1,
        "quick": {"epochs": 1},
        "runs": [
            {"label": "plain", "config": "../base.yaml", "options": {"augment": "no"},
             "published": {"accEval": 0.5, "lossTrain": 2.0}},
            {"label": "Mixup, alpha 0.2", "config": "../base.yaml", "seeds": [3, 5],
             "options": {"augment": "mixup", "alpha": 0.2}, "quick": {"epochs": 2}},
        ],
    }  # fmt: skip
    (folder / "suites").mkdir()
    path = folder / "suites" / "two.yaml"
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    return path


@pytest.fixture
def suite_file(tmp_path, monkeypatch) -> Path:
    """A suite in the folder one is in; nothing of it was run."""
    monkeypatch.chdir(tmp_path)
    return write_suite(tmp_path)


@pytest.fixture(scope="module")
def run_once(tmp_path_factory) -> tuple[Path, list[list[str]]]:
    """The same, run to its end in this process; the folder, and the calls that it took."""
    folder = tmp_path_factory.mktemp("finished")
    write_suite(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.chdir(folder)
        calls = run_here(monkeypatch)
        assert command.main(["suites/two.yaml", *PADDLE]) == 0
    return folder, calls


@pytest.fixture
def finished(run_once, tmp_path, monkeypatch) -> Path:
    """The suite's file in a copy of its own; one is in the copy's folder."""
    shutil.copytree(run_once[0], tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Path("suites/two.yaml")


class Done:
    """A process that has ended already."""

    def __init__(self, code: int, lines: str = ""):
        self.code = code
        self.stdout = io.StringIO(lines)

    def poll(self) -> int:
        return self.code

    wait = poll

    def send_signal(self, number: int) -> None:
        """As subprocess does: nothing, once the process has ended."""


def run_here(monkeypatch) -> list[list[str]]:
    """Let the suite run train.py's and evaluate.py's work in this process; returns the calls."""
    calls = []

    def start(arguments, environment, output=None):
        calls.append(list(arguments))
        if arguments[0] == "evaluate":
            evaluate_checkpoint(parse_evaluation(arguments[1:]))
            return Done(0)
        config, control = parse_args(arguments[1:])
        quiet = {"say": lambda line: None}
        resume(control.resume, **quiet) if control.resume else fit(config, **quiet)
        return Done(0)

    monkeypatch.setattr(suite_cells, "start_process", start)
    return calls


def trainings(calls: list[list[str]]) -> list[list[str]]:
    return [call for call in calls if call[0] == "train"]


def test_options_given_as_arguments_come_back_the_same():
    options = {
        "augment": "mixup", "alpha": 0.2, "milestones": [3, 7], "overwrite": True, "cache": False,
        "train_transforms": [{"Resize": 40}, "RandomHorizontalFlip", {"RandomCrop": {"size": 32}}],
        "mean": [0.485, 0.456, 0.406], "policy": {"brightness": [0.7, 1.3]}, "seed": 11,
    }  # fmt: skip
    config, _ = parse_args(to_arguments(options))
    assert config == load_config(options)
    assert parse_args(to_arguments({"alpha": None}))[0].alpha is None


@pytest.mark.parametrize("channels", [1, 3])
def test_every_default_can_be_said_on_the_command_line(channels):
    defaults = {k: v for k, v in Config().dump().items() if v is not None and k != "resume"}
    given = {**defaults, "channels": channels}
    config, _ = parse_args(to_arguments(given))
    assert config.dump() == {**Config().dump(), "channels": channels}


def test_later_options_win_file_entry_quick_and_command_line(suite_file):
    suite = read_suite(suite_file)
    full = plan(suite_file, suite, False, {}, Path("logs"))
    assert [(run.entry.label, run.seed) for run in full] == [
        ("plain", 0), ("Mixup, alpha 0.2", 3), ("Mixup, alpha 0.2", 5),
    ]  # fmt: skip
    assert [run.config.epochs for run in full] == [3, 3, 3]
    assert full[2].folder == Path("logs/two/mixup-alpha-0.2/seed5/mixup")
    quick = plan(suite_file, suite, True, {"lr": 0.5}, Path("logs"))
    assert [run.config.epochs for run in quick] == [1, 2, 2]
    assert [run.config.lr for run in quick] == [0.5] * 3
    assert quick[1].folder == Path("logs/two_quick/mixup-alpha-0.2/seed3/mixup")


def test_options_of_the_suite_are_under_those_of_its_runs(suite_file):
    values = yaml.safe_load(suite_file.read_text(encoding="utf-8"))
    values["options"] = {"alpha": 0.7, "epochs": 7, "lr": 0.25}
    suite_file.write_text(yaml.safe_dump(values), encoding="utf-8")
    suite = read_suite(suite_file)
    full = plan(suite_file, suite, False, {}, Path("logs"))
    assert [run.config.epochs for run in full] == [7, 7, 7]
    assert [run.config.alpha for run in full] == [0.7, 0.2, 0.2]
    quick = plan(suite_file, suite, True, {"lr": 0.5}, Path("logs"))
    assert [run.config.epochs for run in quick] == [1, 2, 2]
    assert [run.config.lr for run in quick] == [0.5] * 3


def test_numbers_of_the_image_part_are_overridden_one_by_one_as_train_does_it(suite_file):
    base = suite_file.parent / "base.yaml"
    of_file = {"noise_max_sigma": 1.0, "brightness": [0.5, 1.5], "contrast": [0.9, 1.1]}
    base.write_text(yaml.safe_dump({"augment": "userDef", "policy": of_file}), encoding="utf-8")
    values = yaml.safe_load(suite_file.read_text(encoding="utf-8"))
    values["options"] = {"policy": {"brightness": [0.8, 1.2]}}
    values["runs"] = [{"label": "one", "config": "base.yaml",
                       "options": {"policy": {"color": [0.6, 1.4]}}}]  # fmt: skip
    values.pop("baseline", None)
    suite_file.write_text(yaml.safe_dump(values), encoding="utf-8")
    changes = {"policy": {"contrast": [0.7, 1.3]}}
    (run,) = plan(suite_file, read_suite(suite_file), False, changes, Path("logs"))
    policy = run.config.policy
    assert policy.noise_max_sigma == 1.0
    found = [tuple(getattr(policy, name)) for name in ("brightness", "color", "contrast")]
    assert found == [(0.8, 1.2), (0.6, 1.4), (0.7, 1.3)]
    assert parse_args(run.arguments)[0] == run.config


def test_seeds_are_the_outer_loop(suite_file):
    values = read_yaml(suite_file)
    values["runs"][0]["seeds"] = [5, 0]
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    runs = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    assert [(run.seed, run.entry.label) for run in runs] == [
        (5, "plain"), (5, "Mixup, alpha 0.2"), (0, "plain"), (3, "Mixup, alpha 0.2"),
    ]  # fmt: skip


def test_what_a_suite_studies_is_what_its_runs_differ_in(suite_file):
    runs = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    assert studied_options(runs) == {"augment", "alpha"}
    assert {"seed", "output", "workers"} <= FREE


def test_a_suite_trains_evaluates_compares_and_leaves_tables_pictures_and_small_files(
    run_once, finished
) -> None:
    assert [call[0] for call in run_once[1]] == ["train", "evaluate"] * 3
    names = {path.name for path in RESULTS.iterdir()}
    assert {"table.md", "table.csv", "table.json", "compare.png", "curves"} <= names
    cell = RESULTS / "curves" / "mixup-alpha-0.2" / "seed5"
    assert {path.name for path in cell.iterdir()} == {
        "metrics.csv", "config.yaml", "changes.yaml", "environment.json", "predictions.npz",
        "evaluation.json", *(f"mixupAug_{curve}.npy" for curve in CURVES),
    }  # fmt: skip
    curve = np.load(cell / "mixupAug_accEval.npy")
    assert curve.shape == (3,)
    last = np.load(PLAIN.parent / "noAug_accEval.npy")[-1]
    text = (RESULTS / "table.md").read_text(encoding="utf-8")
    assert f"| plain | accEval | 0.5 | {last:.4f} | {(last - 0.5) * 100:+.2f} points |" in text
    loss = np.load(PLAIN.parent / "noAug_lossTrain.npy")[-1]
    assert f"| plain | lossTrain | 2 | {loss:.4f} | {loss - 2:+.4f} |" in text
    assert "`python -m paddle_aug train --config base.yaml --alpha 0.2 --augment mixup" in text
    assert f"Command: `python -m paddle_aug suite suites/two.yaml {' '.join(PADDLE)}`" in text
    assert "paddlepaddle" in text
    for path in RESULTS.rglob("*"):
        assert path.is_dir() or str(run_once[0]).encode() not in path.read_bytes(), path
    evaluated = read_predictions(cell / "predictions.npz")
    assert evaluated.accuracy == pytest.approx(curve[-1])  # the same images, in the last epoch


def test_a_finished_suite_is_not_run_again(finished, monkeypatch, capsys):
    calls = run_here(monkeypatch)
    before = (RESULTS / "table.csv").read_bytes()
    (RESULTS / "table.csv").unlink()
    assert command.main([str(finished), *PADDLE]) == 0
    said = capsys.readouterr().out
    assert calls == [] and said.count("finished before") == 3 and "Mixup, alpha 0.2" in said
    assert (RESULTS / "table.csv").read_bytes() == before


def test_results_are_judged_again_from_the_small_files_alone(finished, monkeypatch):
    calls = run_here(monkeypatch)
    before = (RESULTS / "table.md").read_bytes()
    (RESULTS / "table.md").unlink()
    shutil.rmtree("logs/suites")
    assert command.main([str(finished), "--judge", *PADDLE]) == 0
    assert calls == [] and (RESULTS / "table.md").read_bytes() == before


def test_small_files_of_other_options_are_not_judged_as_these(finished):
    """They are not told to be of options that were not theirs."""
    before = (RESULTS / "table.md").read_bytes()
    with pytest.raises(UserError, match=r"seed0/no: was run with other options \(lr: was 0.01, is"):
        command.main([str(finished), "--judge", *PADDLE, "--lr", "0.5"])
    shutil.rmtree("logs/suites")
    with pytest.raises(UserError, match=r"of a run with other options \(lr: was 0.01, is 0.5\)"):
        command.main([str(finished), "--judge", *PADDLE, "--lr", "0.5"])
    assert (RESULTS / "table.md").read_bytes() == before
    (RESULTS / "curves" / "plain" / "seed0" / "changes.yaml").unlink()
    with pytest.raises(UserError, match=r"plain/seed0: the run's options .changes.yaml. are not"):
        command.main([str(finished), "--judge", *PADDLE])


def test_a_run_is_the_same_whatever_the_numbers_of_an_image_part_that_it_does_not_use(finished):
    """An earlier version had other defaults for some."""
    saved = yaml.safe_load((PLAIN / "config.yaml").read_text())
    assert saved["augment"] == "no"
    saved["policy"] |= {"rotation": [0, 90], "imgaug": {**saved["policy"]["imgaug"], "invert": 1}}
    (PLAIN / "config.yaml").write_text(yaml.safe_dump(saved))
    assert command.main([str(finished), "--dry-run", *PADDLE]) == 0
    saved["augment"] = "userDef"
    (PLAIN / "config.yaml").write_text(yaml.safe_dump(saved))
    with pytest.raises(UserError, match=r"options \(augment: was userDef, is no\): delete it"):
        command.main([str(finished), "--dry-run", *PADDLE])
    mixed = yaml.safe_load((MIXUP / "config.yaml").read_text())
    mixed["policy"]["rotation"] = [0, 90]
    (PLAIN / "config.yaml").write_text(yaml.safe_dump({**saved, "augment": "no"}))
    (MIXUP / "config.yaml").write_text(yaml.safe_dump(mixed))
    with pytest.raises(UserError, match=r"\(policy.rotation: was \[0, 90\], is \[0, 359\]\): de"):
        command.main([str(finished), "--dry-run", *PADDLE])


def test_a_number_of_jobs_is_refused_where_nothing_is_run(finished):
    with pytest.raises(UserError, match="jobs: --judge runs nothing; leave out one of the two"):
        command.main([str(finished), "--judge", "--jobs", "2"])


def test_its_tables_are_in_the_users_language_and_in_columns(finished, monkeypatch, capsys):
    monkeypatch.setenv("PADDLE_AUG_LANGUAGE", "zh")
    assert command.main([str(finished), "--judge", *PADDLE]) == 0
    said = capsys.readouterr().out
    assert re.search(r"^运行 .* 已发表 .* 差值$", said, re.M)
    assert re.search(r"^plain .* [+-][0-9.]+ 个百分点$", said, re.M)
    assert said.count("\n--") == 3 and out_of_column(said) == []
    assert "| published |" in (RESULTS / "table.md").read_text(encoding="utf-8")


def test_a_stopped_suite_can_be_judged(finished):
    shutil.rmtree(RESULTS)
    shutil.rmtree(MIXUP.parent)
    assert command.main([str(finished), "--judge", *PADDLE]) == 0
    text = (RESULTS / "table.md").read_text(encoding="utf-8")
    assert "Not finished: Mixup, alpha 0.2, seed 5." in text
    missing = json.loads((RESULTS / "table.json").read_text())["missing"]
    assert missing == ["Mixup, alpha 0.2, seed 5"]


def test_a_finished_run_leaves_its_small_files_at_once(finished, monkeypatch):
    shutil.rmtree(RESULTS)
    for folder in ("plain/seed0", "mixup-alpha-0.2/seed3"):
        shutil.rmtree(Path("logs/suites/two") / folder)
    calls = run_here(monkeypatch)
    start = suite_cells.start_process

    def second_is_stopped(arguments, environment, output=None):
        if len(trainings(calls)) == 1 and arguments[0] == "train":
            return Done(130)
        return start(arguments, environment, output)

    monkeypatch.setattr(suite_cells, "start_process", second_is_stopped)
    with pytest.raises(Interrupted):
        command.main([str(finished), *PADDLE])
    cells = sorted(path.parent.relative_to(RESULTS) for path in RESULTS.rglob("predictions.npz"))
    assert cells == [Path("curves/mixup-alpha-0.2/seed5"), Path("curves/plain/seed0")]
    assert not (RESULTS / "table.md").exists()


def test_nothing_is_judged_without_the_baseline(suite_file):
    with pytest.raises(UserError, match="no finished run of plain, with which the others"):
        command.main([str(suite_file), "--judge"])


def test_predictions_that_are_missing_or_of_an_earlier_state_are_made(finished, monkeypatch):
    (PLAIN / "evaluation_last" / "predictions.npz").unlink()
    (MIXUP / "evaluation_last" / "evaluation.json").write_text('{"checkpoint_epoch": 1}')
    calls = []
    monkeypatch.setattr(suite_cells, "start_process", lambda call, _: calls.append(call) or Done(0))
    assert command.main([str(finished), *PADDLE]) == 0
    assert calls == [
        ["evaluate", str(run), "--checkpoint", "last", "--device", "auto", "--cpu-backend",
         "paddle"]
        for run in (PLAIN, MIXUP)
    ]  # fmt: skip


def test_a_run_whose_states_are_gone_is_compared_without_predictions(finished, capsys):
    (PLAIN / "evaluation_last" / "predictions.npz").unlink()
    shutil.rmtree(PLAIN / "checkpoints")
    assert command.main([str(finished), *PADDLE]) == 0
    assert (
        "plain, seed 0: finished before; no predictions, as its states" in capsys.readouterr().out
    )


def test_an_evaluation_that_fails_is_told_and_the_suite_goes_on(finished, monkeypatch, capsys):
    for run in (PLAIN, MIXUP):
        (run / "evaluation_last" / "predictions.npz").unlink()
    failed = Done(2, "error: a damaged state\n")
    monkeypatch.setattr(suite_cells, "start_process", lambda *_: failed)
    assert command.main([str(finished), *PADDLE]) == 0
    said = capsys.readouterr().err
    assert said.count("evaluate ended with code 2, so there are no predictions") == 2
    assert "plain, seed 0 | error: a damaged state" in said


def test_predictions_of_an_earlier_training_do_not_stay_beside_new_curves(finished, monkeypatch):
    kept = RESULTS / "curves" / "plain" / "seed0"
    before = (kept / "predictions.npz").read_bytes()
    (PLAIN / "evaluation_last" / "predictions.npz").unlink()
    monkeypatch.setattr(suite_cells, "start_process", lambda *_: Done(2))
    assert command.main([str(finished), *PADDLE]) == 0
    assert (kept / "predictions.npz").read_bytes() == before  # of the same training
    metrics = PLAIN / "metrics.csv"
    metrics.write_text(metrics.read_text().replace(",0.", ",1.", 1))  # trained again
    assert command.main([str(finished), *PADDLE]) == 0
    assert not (kept / "predictions.npz").exists() and not (kept / "evaluation.json").exists()


def change_environment(run: Path, **changes: Any) -> None:
    path = run / "environment.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))


def test_a_kept_curve_that_is_not_whole_is_named_and_nothing_judged(finished):
    """Where its run is gone: it would count as not finished, with the others' figures shown."""
    alone = [str(finished), "--judge", "--logs", "gone", "--results", str(RESULTS.parent), *PADDLE]
    assert command.main(alone) == 0
    table = (RESULTS / "table.md").read_bytes()
    path = RESULTS / "curves/plain/seed0/noAug_accEval.npy"
    np.save(path, np.load(path)[:-1])
    with pytest.raises(UserError, match=r"noAug_accEval.npy: not the curve of \d+ epochs? that"):
        command.main(alone)
    path.write_bytes(b"junk")
    with pytest.raises(UserError, match="noAug_accEval.npy: damaged"):
        command.main(alone)
    assert (RESULTS / "table.md").read_bytes() == table


def test_what_is_wrong_with_kept_files_is_said_on_the_terminal(finished, capsys):
    (RESULTS / "curves/plain/seed0/predictions.npz").write_bytes(b"junk")
    shutil.rmtree(next((RESULTS / "curves").glob("mixup*/seed*")))
    options = ["--judge", "--logs", "gone", "--results", str(RESULTS.parent)]
    assert command.main([str(finished), *options, *PADDLE]) == 0
    told = capsys.readouterr().err
    assert re.search(r"^warning: .*predictions.npz: .*; the file is left out$", told, re.M)
    assert re.search(r"^note: not finished: Mixup.*, seed \d$", told, re.M)


def test_runs_that_differ_in_more_than_the_suite_varies_are_refused(finished, capsys):
    change_environment(PLAIN, code="other", backend="elsewhere")
    with pytest.raises(UserError, match=r"more than the suite varies: .*code: other \(plain\)"):
        command.main([str(finished), *PADDLE])
    assert command.main([str(finished), "--allow-differences", *PADDLE]) == 0
    text = (RESULTS / "table.md").read_text(encoding="utf-8")
    assert "**The runs differ in more than what is studied:**" in text
    assert "- code: other (plain)" in text and "- backend: elsewhere (plain)" in text
    assert "note: the runs differ in code: other (plain)" in capsys.readouterr().err


def test_before_work_it_is_checked_that_it_would_be_done_as_before(finished, monkeypatch):
    calls = run_here(monkeypatch)
    change_environment(PLAIN, cpu="another")
    shutil.rmtree(MIXUP.parent)
    with pytest.raises(UserError, match="made otherwise than the others would be now: cpu: was an"):
        command.main([str(finished), *PADDLE])
    for name, value in (("OMP_NUM_THREADS", "77"), ("DNNL_MAX_CPU_ISA", "AVX2")):
        monkeypatch.setenv(name, value)
        with pytest.raises(UserError, match=rf"{name}: was \w+, is {value}"):
            command.main([str(finished), *PADDLE])
    record = json.loads((PLAIN / "environment.json").read_text())
    del record["instructions"]  # as an earlier version left it
    (PLAIN / "environment.json").write_text(json.dumps(record))
    with pytest.raises(UserError, match="cpu: was another, is .*instructions: was None, is "):
        command.main([str(finished), *PADDLE])
    assert calls == []


def test_each_of_several_jobs_has_its_share_of_the_cores(suite_file, monkeypatch):
    given = []

    def start(arguments, environment, output=None):
        given.append(environment.get("OMP_NUM_THREADS"))
        return Done(2)

    monkeypatch.setattr(suite_cells, "start_process", start)
    conditions = "paddle_aug.commands.suite_conditions"
    monkeypatch.setattr(f"{conditions}.available_cores", lambda: 8)
    monkeypatch.setattr(f"{conditions}.busy_cores", lambda: 2.0)
    monkeypatch.setattr(f"{conditions}.free_cores", lambda busy: 8 - int(busy))
    monkeypatch.delenv("OMP_NUM_THREADS")
    for jobs in ("1", "2", "3", "16"):
        command.main([str(suite_file), "--jobs", jobs])
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    command.main([str(suite_file), "--jobs", "2"])
    # As many as were started before the first was seen to have failed.
    assert list(dict.fromkeys(given)) == ["6", "4", "2", "1", "5"]


def test_runs_of_a_suite_get_as_many_threads_as_its_first_ones(finished, monkeypatch):
    """Whatever the other programs are doing when it goes on."""
    calls = []

    def start(arguments, environment, output=None):
        calls.append(environment["OMP_NUM_THREADS"])
        return Done(2)

    monkeypatch.setattr(suite_cells, "start_process", start)
    monkeypatch.setattr("paddle_aug.commands.suite_conditions.busy_cores", lambda: 100.0)
    for run in (PLAIN, MIXUP.parent.parent / "seed3" / "mixup"):
        threads = json.loads((run / "environment.json").read_text())["threads"]
        change_environment(run, threads=threads | {"OMP_NUM_THREADS": str(available_cores())})
    shutil.rmtree(MIXUP.parent)
    monkeypatch.delenv("OMP_NUM_THREADS")
    command.main([str(finished), *PADDLE])
    assert calls == [str(available_cores())]


def test_an_unfinished_run_is_resumed_and_another_ones_folder_is_refused(suite_file, monkeypatch):
    suite = read_suite(suite_file)
    changes = {"cpu_backend": "paddle"}
    (run, *_) = plan(suite_file, suite, False, {**changes, "keep_states": 2}, Path("logs"))
    fit(run.config, say=lambda line: None)
    assert next_arguments(run) is None
    # As if it had been stopped after its second epoch.
    (run.folder / "checkpoints" / "state-00003-000000.safetensors").unlink()
    rows = (run.folder / "metrics.csv").read_text().splitlines()[:3]
    (run.folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    assert epochs_done(run) == 2
    assert next_arguments(run) == ["--resume", str(run.folder)]
    run_here(monkeypatch)
    suite_cells.start_process(["train", *(next_arguments(run) or [])], {})
    assert epochs_done(run) == 3 and is_finished(run)

    (other, *_) = plan(suite_file, suite, False, {**changes, "lr": 0.5}, Path("logs"))
    with pytest.raises(UserError, match=r"other options \(lr: was 0.01, is 0.5\)"):
        next_arguments(other)


def test_a_run_whose_curves_lack_its_last_epoch_is_resumed_and_repaired(finished, monkeypatch):
    """It was killed while its last epoch's files were replaced."""
    calls = run_here(monkeypatch)
    (run, *_) = plan(
        finished, read_suite(finished), False, {"cpu_backend": "paddle"}, Path("logs/suites")
    )
    path = run.paths.curves[2]
    whole = np.load(path)
    np.save(path, whole[:-1])
    assert epochs_done(run) == 3 and not is_finished(run)
    assert next_arguments(run) == ["--resume", str(run.folder)]
    assert command.main([str(finished), *PADDLE]) == 0
    assert trainings(calls) == [["train", "--resume", str(run.folder)]]
    assert np.load(path).tobytes() == whole.tobytes() and is_finished(run)
    path.unlink()
    for state in run.paths.states():
        state.unlink()
    assert is_finished(run), "without a state it cannot be repaired, and is not made anew"


def test_data_that_were_found_are_those_of_a_suite_that_names_none(suite_file):
    """Saved as "digits", asked for as nothing: the same run."""
    (base,) = suite_file.parent.parent.glob("base.yaml")
    values = {key: value for key, value in read_yaml(base).items() if key != "data"}
    base.write_text(yaml.safe_dump(values), encoding="utf-8")
    (run, *_) = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    fit(run.config, say=lambda line: None)
    assert read_yaml(run.paths.config)["data"] == "digits"
    assert next_arguments(run) is None


def test_what_an_earlier_call_gave_is_not_reported_as_the_suites_own(suite_file):
    suite = read_suite(suite_file)
    (run, *_) = plan(suite_file, suite, False, {"eval_per_class": 5}, Path("logs"))
    fit(run.config, say=lambda line: None)
    assert next_arguments(run) is None
    (plain, *_) = plan(suite_file, suite, False, {}, Path("logs"))
    with pytest.raises(UserError, match=r"other options \(eval_per_class: was 5, is None\)"):
        next_arguments(plain)


def test_the_places_of_a_configurations_data_are_not_used_for_others(suite_file):
    Path("base.yaml").write_text(yaml.safe_dump({**BASE, "data": "a.csv", "images_root": "camA"}))
    with pytest.raises(UserError, match=r"^images_root: .*base\.yaml has 'camA' for its own data"):
        plan(suite_file, read_suite(suite_file), False, {"data": "b.csv"}, Path("logs"))


@pytest.mark.parametrize(
    ("quick", "changes", "compared", "told"),
    [
        (False, {"cpu_backend": "paddle", "workers": 0}, True, ""),
        (False, {"amp": "bf16"}, True, "`--amp bf16`"),  # named, as it is no other scale
        (False, {"eval_per_class": 5}, False, "`--eval-per-class 5`; no claim is judged"),
        (False, {"amp": "bf16", "lr": 0.5}, False, "`--amp bf16 --lr 0.5`; no claim is judged"),
        (True, {}, False, ""),
    ],
)
def test_published_figures_stand_beside_the_suites_own_options_only(
    quick, changes, compared, told, suite_file
):
    values = read_yaml(suite_file)
    values["claims"] = [{"text": "x", "method": "plain", "value": 0.5, "tolerance": 0.1}]
    values["published"] = "words"
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    suite, note = suite_results.with_comparable_figures(read_suite(suite_file), quick, changes)
    assert bool(suite.claims) is bool(suite.runs[0].published) is compared
    assert (suite.published == "words") is (compared or quick)
    assert note == (f"not the suite's own options, for all runs: {told}" if told else "")


def test_options_that_are_not_the_suites_own_are_told_in_the_tables(finished, monkeypatch, capsys):
    for run in (PLAIN, MIXUP, MIXUP.parent.parent / "seed3" / "mixup"):
        for name in ("config.yaml", "changes.yaml"):
            options = {**read_yaml(run / name), "eval_per_class": 5}
            (run / name).write_text(yaml.safe_dump(options))
    options = ["--judge", *PADDLE, "--eval-per-class", "5"]
    assert command.main([str(finished), *options]) == 0
    text = (RESULTS / "table.md").read_text(encoding="utf-8")
    line = "ot the suite's own options, for all runs: `--eval-per-class 5`; no claim is judged"
    assert f"N{line}." in text and "| plain | accEval | 0.5 |" not in text
    said = capsys.readouterr()
    assert f"note: n{line}" in said.err and "published | ours" not in said.out


def test_a_run_that_fails_ends_the_suite_with_its_code(suite_file, monkeypatch, capsys):
    monkeypatch.setattr(suite_cells, "start_process", lambda *_: Done(2, "error: no such data\n"))
    assert command.main([str(suite_file)]) == 2
    said = capsys.readouterr()
    assert "[1/3] plain, seed 0 | error: no such data" in said.out
    assert "plain, seed 0: ended with code 2" in said.err
    for code in (130, -2):
        monkeypatch.setattr(suite_cells, "start_process", lambda *_, code=code: Done(code))
        with pytest.raises(Interrupted, match="the same command goes on") as caught:
            command.main([str(suite_file)])
        assert caught.value.signal == 2
        assert "ended with code" not in capsys.readouterr().err


def test_a_run_that_was_stopped_early_as_asked_is_finished(suite_file):
    suite = read_suite(suite_file)
    changes = {"early_stopping": 2, "epochs": 50}
    (run, *_) = plan(suite_file, suite, False, changes, Path("logs"))
    run.folder.mkdir(parents=True)
    for accuracies, finished in (([1, 2], False), ([1, 3, 2], False), ([1, 3, 2, 3], True)):
        rows = "".join(f"{epoch},{value}\n" for epoch, value in enumerate(accuracies))
        (run.folder / "metrics.csv").write_text(f"epoch,accEval\n{rows}")
        assert is_finished(run) is finished


def test_a_dry_run_prints_commands_and_precision_and_writes_nothing(suite_file, capsys):
    assert command.main([str(suite_file), "--quick", "--dry-run", "--", "--amp", "bf16"]) == 0
    said = capsys.readouterr().out
    assert said.count("train --config base.yaml") == 3
    assert "3 runs, 5 epochs; precision: bfloat16 (mixed); 1 side by side" in said
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["base.yaml", "suites"]


# Progress


def test_time_left_is_from_the_epochs_of_each_label(suite_file):
    plain, first, second = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    progress = SuiteProgress([plain, first, second], jobs=1)
    assert progress.share == 0 and progress.seconds_left() is None
    progress.note(plain, 1, 100.0)  # the start, with what comes before an epoch
    assert progress.seconds_left() is None
    progress.note(plain, 3, 104.0)  # two epochs of 2 s
    assert progress.share == pytest.approx(3 / 9)
    assert progress.seconds_left() == pytest.approx(6 * 2.0)  # nothing else is known
    progress.note(first, 1, 110.0)
    progress.note(first, 2, 120.0)
    assert progress.seconds_left() == pytest.approx(1 * 10 + 3 * 10)
    progress.end(first)
    assert progress.seconds_left() == pytest.approx(30)


def test_jobs_share_what_is_left_but_not_a_single_run(suite_file):
    runs = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    progress = SuiteProgress(runs, jobs=2)
    progress.note(runs[0], 1, 0.0)
    progress.note(runs[0], 2, 10.0)
    assert progress.seconds_left() == pytest.approx((10 + 30 + 30) / 2)
    progress.end(runs[0])
    progress.end(runs[1])
    assert progress.seconds_left() == pytest.approx(30)


def test_an_epoch_is_timed_for_each_kind_of_run(suite_file, monkeypatch):
    """plain and Mixup differ in their image part; two seeds, or two values of alpha, do not."""
    values = read_yaml(suite_file)
    other = {**values["runs"][1], "label": "Mixup, alpha 1", "options": {"augment": "mixup"}}
    values["runs"].append(other)
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    runs = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    timed = []
    monkeypatch.setattr(suite_cost, "_time_epoch", lambda run, jobs, _: timed.append(run) or 2.5)
    costs = suite_cost.time_epochs(runs, 1, {})
    assert [run.entry.label for run in timed] == ["plain", "Mixup, alpha 0.2"]
    assert [(len(cost.runs), cost.seconds, cost.epochs) for cost in costs] == [
        (1, 2.5, 3), (4, 2.5, 12),
    ]  # fmt: skip


def test_what_is_left_counts_no_epochs_of_runs_that_have_ended(suite_file, monkeypatch):
    """Of a run that was stopped early; and two runs on four jobs take as long as the longer."""
    runs = plan(suite_file, read_suite(suite_file), False, {"early_stopping": 1}, Path("logs"))
    ended, *others = runs
    ended.folder.mkdir(parents=True)
    (ended.folder / "metrics.csv").write_text("accEval\n0.5\n0.4\n", encoding="utf-8")
    assert epochs_left(ended) == 0 and [epochs_left(run) for run in others] == [3, 3]
    assert SuiteProgress(runs).share == pytest.approx(3 / 9)
    jobs_timed = []
    monkeypatch.setattr(
        suite_cost, "_time_epoch", lambda run, jobs, _: jobs_timed.append(jobs) or 2.0
    )
    costs = suite_cost.time_epochs(runs, 4, {})
    assert jobs_timed == [2] and [cost.epochs for cost in costs] == [6]
    assert suite_cost.seconds_left(costs, 4) == pytest.approx(6.0)
    assert suite_cost.seconds_left(costs, 1) == pytest.approx(12.0)
    assert suite_cost.time_epochs([ended], 4, {}) == [] and suite_cost.seconds_left([], 4) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"options": {"seed": 7}}, "options: seed: is each run's own: give seeds: of the run"),
        ({"quick": {"output": "x"}}, "quick: output: is each run's own: give --logs instead"),
        ({"claims": [{"text": "t", "method": "plain", "epoch": 1, "tolerance": 1}]},
         "claims.0: 'plain' is the suite's baseline, and would be compared with itself"),
    ],
)  # fmt: skip
def test_what_a_suite_would_ignore_or_cannot_mean_is_refused(suite_file, change, message):
    suite_file.write_text(json.dumps({**read_yaml(suite_file), **change}), encoding="utf-8")
    with pytest.raises(UserError, match=re.escape(message)):
        read_suite(suite_file)


@pytest.mark.parametrize("label", [".", "..", "...", "?"])
def test_a_label_that_would_lead_out_of_the_suites_folder_is_refused(suite_file, label):
    values = read_yaml(suite_file)
    values["runs"][0]["label"] = label
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match="has no letter or digit to name a folder by"):
        read_suite(suite_file)


@pytest.mark.parametrize(
    ("name", "damage"),
    [
        ("metrics.csv", lambda text: re.sub(r"[^,]*,[^,]*$", ",", text.rstrip())),
        ("environment.json", lambda _: '{"versions": {}}'),
        ("environment.json", lambda _: '{"versions": [], "threads": [], "python": {"a": 1}}'),
    ],
)
def test_damaged_small_files_leave_a_gap_and_no_traceback(finished, name, damage):
    shutil.rmtree("logs/suites")
    path = RESULTS / "curves/plain/seed0" / name
    path.write_text(damage(path.read_text(encoding="utf-8")), encoding="utf-8")
    assert command.main([str(finished), "--judge", "--allow-differences", *PADDLE]) == 0
    text = (RESULTS / "table.md").read_text(encoding="utf-8")
    assert ("| plain | 0 | 3 | - |" in text) is (name == "metrics.csv")
    assert "device cpu" in text  # of the other runs


def test_a_trial_that_fails_says_why(suite_file):
    changes = {"data": "no-such-folder"}
    runs = plan(suite_file, read_suite(suite_file), False, changes, Path("logs"))
    with pytest.raises(UserError, match="plain: the trial ended with code 2: .*no-such-folder"):
        suite_cost.time_epochs(runs, 1, {**os.environ, "PYTHONPATH": str(ROOT)})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("/home/me/data/cifar", "…/cifar"),
        ("--data=/home/me/x.csv --lr 0.1", "--data=…/x.csv --lr 0.1"),
        ("train.py --config {root}/configs/s4.yaml", "train.py --config configs/s4.yaml"),
        ({"data": ["{cwd}/data/x", 3, None]}, {"data": ["data/x", 3, None]}),
        ("C:\\Users\\me\\data", "…/data"),
        ("data/cifar and 1/2, http://x.org/a/b", "data/cifar and 1/2, http://x.org/a/b"),
        ("[{Resize: 120}]", "[{Resize: 120}]"),
    ],
)
def test_paths_of_this_machine_are_cut(value, expected):
    def placed(text):
        return text.format(root=ROOT, cwd=Path.cwd()) if "{root}" in text or (
            "{cwd}" in text) else text  # fmt: skip

    if isinstance(value, dict):
        value = {"data": [placed(value["data"][0]), *value["data"][1:]]}
    else:
        value = placed(value)
    assert portable(value) == expected


@pytest.mark.parametrize(
    ("change", "message"),
    [({"baseline": "none"}, "baseline: 'none' is none of plain, Mixup"),
     ({"runs": []}, "runs"),
     ({"titel": 3}, r"two\.yaml: titel: unknown option; did you mean title"),
     ({"last": 0}, "last: must be at least 1"),
     ({"claims": [{"text": "x", "method": "plane", "value": 0.5, "tolerance": 0.1}]},
      r"claims\.0\.method: 'plane' is none of plain, Mixup"),
     ({"claims": [{"text": "x", "method": "plain", "value": 0.5, "tolerence": 0.1}]},
      r"claims\.0\.tolerence: unknown option; did you mean tolerance"),
     ({"claims": [{"text": "x", "method": "plain", "tolerance": 0.1}]},
      r"claims\.0: give one of difference, value, epoch")],
)  # fmt: skip
def test_mistakes_in_a_suite_are_named(suite_file, change, message):
    values = {**read_yaml(suite_file), **change}
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_suite(suite_file)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seeds": [0, 1, 0]}, r"runs\.0\.seeds: the same seed twice in \[0, 1, 0\]"),
     ({"seeds": "0-4,2"}, r"runs\.0\.seeds: the same seed twice in 0-4,2 would count"),
     ({"seeds": "0 to 4"}, r"runs\.0\.seeds: seeds are written as 0-4 or 0,2,5-7"),
     ({"label": "///"}, r"runs\.0\.label: '///' has no letter or digit"),
     ({"published": {"accuracy": 0.5}}, r"runs\.0\.published: 'accuracy' is none of lossTrain"),
     ({"seed": [3]}, r"runs\.0\.seed: unknown option; did you mean seeds")],
)  # fmt: skip
def test_mistakes_in_a_suites_runs_are_named(suite_file, change, message):
    values = read_yaml(suite_file)
    values["runs"][0].update(change)
    values.pop("baseline", None)
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_suite(suite_file)


def test_seeds_are_written_shortly_in_the_file_and_given_for_all_runs_on_the_line(
    suite_file, capsys
):
    values = read_yaml(suite_file)
    values["runs"][0]["seeds"] = "0-2"
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    assert [entry.seeds for entry in read_suite(suite_file).runs] == [[0, 1, 2], [3, 5]]
    assert command.main(["suites/two.yaml", "--dry-run", "--seeds", "4-5,1"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert [line.partition("] ")[2] for line in said if line.startswith("[")] == [
        f"{label}, seed {seed}" for seed in (4, 5, 1) for label in ("plain", "Mixup, alpha 0.2")
    ]
    assert said[-1].startswith("6 runs, ")
    repeated = command.whole_command(Path("suites/two.yaml"), False, [4, 5, 1], ["--lr", "1"])
    assert repeated.endswith("suite suites/two.yaml --seeds 4,5,1 -- --lr 1")


@pytest.mark.parametrize("own", [["--seed", "5"], ["--output", "x"], ["--resume"], ["--config=a"],
                                 ["--allow-changes"]])  # fmt: skip
def test_what_each_run_has_of_its_own_cannot_be_given_to_all(suite_file, own):
    (Path.cwd() / "a").write_text("lr: 1", encoding="utf-8")
    name = own[0].partition("=")[0]
    with pytest.raises(UserError, match=f"after --: {name} is each run's own"):
        command.main([str(suite_file), "--dry-run", "--", "--lr", "0.1", *own])


def with_values(suite_file: Path, **changes) -> None:
    """Change the suite's file."""
    suite_file.write_text(json.dumps({**read_yaml(suite_file), **changes}), encoding="utf-8")


def test_options_for_all_are_checked_beside_those_of_each_run(suite_file, capsys):
    with_values(suite_file, options={"weights": "first.npz"})
    options = ["--freeze-backbone", "--train-transforms", "[{Resize: [32, 32]}]"]
    assert command.main([str(suite_file), "--dry-run", "--", *options]) == 0
    said = capsys.readouterr().out
    assert said.count("--freeze-backbone") == said.count("--train-transforms") == 3
    with_values(suite_file, options={})
    message = r"two.yaml, plain: freeze_backbone: only with weights"
    with pytest.raises(UserError, match=message):
        command.main([str(suite_file), "--dry-run", "--", *options])


@pytest.mark.parametrize("option", [["--augment", "mixup"], ["-o", "alpha=null"]])
def test_what_a_suites_runs_differ_in_is_not_given_to_all(suite_file, option):
    name = "--alpha" if option[0] == "-o" else "--augment"
    with pytest.raises(UserError, match=f"^after --: {name} would be the same in all runs, which"):
        command.main([str(suite_file), "--dry-run", "--", *option])


def test_one_value_written_in_two_ways_is_no_difference(suite_file):
    content = yaml.safe_load(suite_file.read_text())
    for entry, rate in zip(content["runs"], (0.001, "1e-3", 0.001), strict=False):
        entry.setdefault("options", {})["lr"] = rate
    suite_file.write_text(yaml.safe_dump(content))
    assert command.main([str(suite_file), "--dry-run", "--", "--lr", "0.01"]) == 0


def test_an_option_in_which_only_the_small_scales_differ_is_given_to_the_full_one(suite_file):
    options = ["--dry-run", "--", "--epochs", "5"]
    assert command.main([str(suite_file), *options]) == 0
    with pytest.raises(UserError, match="--epochs would be the same in all runs"):
        command.main([str(suite_file), "--quick", *options])


def test_code_of_ones_own_is_allowed_to_every_command_of_a_suite(suite_file, monkeypatch, capsys):
    monkeypatch.setattr(own_code, "_all_allowed", False)
    monkeypatch.setattr(own_code, "_allowed", set())
    with_values(suite_file, options={"model": "mine:Net"})
    message = "^model mine:Net: code of your own is named in a file, not .* say --allow-imports"
    with pytest.raises(UserError, match=message):
        command.main([str(suite_file), "--dry-run"])
    for allowed in (["--", "--model", "mine:Net"], ["--", "--allow-imports"], ["--allow-imports"]):
        assert command.main([str(suite_file), "--dry-run", *allowed]) == 0
        assert capsys.readouterr().out.count(" --allow-imports") == 3

    (run, *_) = runs = plan(suite_file, read_suite(suite_file), False, {}, Path("logs"))
    (cell, *_) = command.unfinished_cells(runs, False)
    assert [call[0] for call in cell.commands if "--allow-imports" in call] == ["train", "evaluate"]
    (run.folder / "checkpoints").mkdir(parents=True)
    (run.folder / "checkpoints" / "state-00001-000000.safetensors").touch()
    run.paths.config.write_text(yaml.safe_dump(run.config.filled().dump()))
    assert next_arguments(run, True) == [
        "--resume", str(run.folder), "--allow-imports", "--allow-changes",
    ]  # fmt: skip
    repeated = command.whole_command(Path("s.yaml"), True, None, ["--lr", "1"], True)
    assert repeated.endswith("suite s.yaml --quick --allow-imports -- --lr 1")


def test_code_of_ones_own_is_compared_before_work(suite_file, monkeypatch):
    monkeypatch.syspath_prepend(str(Path.cwd()))
    source = Path("my_net_ahead.py")
    source.write_text("class Net:\n    pass\n")
    monkeypatch.setattr(own_code, "_all_allowed", True)
    changes = {"model": "my_net_ahead:Net"}
    first, *others = plan(suite_file, read_suite(suite_file), False, changes, Path("logs"))
    environment = child_environment(1, [])
    own_code.load_object("my_net_ahead:Net", "model")

    def record(digests):
        values = describe_environment("cpu", {}, own_code=digests)
        first.folder.mkdir(parents=True, exist_ok=True)
        threads = library_variables(environment)
        first.paths.environment.write_text(json.dumps(values | {"threads": threads}))

    record(own_code.source_digests(["my_net_ahead:Net"]))
    refuse_other_conditions([first], others, environment, False)
    record({"my_net_ahead": "edited since"})
    refuse_other_conditions([first], [], environment, False)  # nothing is missing
    refuse_other_conditions([first], others, environment, True)
    with pytest.raises(UserError, match="own_code.my_net_ahead: was edited since, is [0-9a-f]{16}"):
        refuse_other_conditions([first], others, environment, False)


def test_a_mistake_in_an_option_names_suite_and_run(suite_file):
    suite = read_suite(suite_file)
    with pytest.raises(UserError, match=r"two\.yaml, plain: epochs: must be at least 1, got 0$"):
        plan(suite_file, suite, False, {"epochs": 0}, Path("logs"))


def test_a_claim_about_a_difference_takes_the_suites_baseline(suite_file):
    one = {"text": "x", "method": "Mixup, alpha 0.2", "tolerance": 0.01}
    values = read_yaml(suite_file)
    values["claims"] = [{**one, "difference": 0.03}, {**one, "value": 0.5}]
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    assert [claim.baseline for claim in read_suite(suite_file).claims] == ["plain", None]
    del values["baseline"]
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    assert [claim.baseline for claim in read_suite(suite_file).claims] == ["plain", None]


def test_labels_become_folder_names():
    assert slug("Flip + Mixup, alpha 0.5") == "flip-mixup-alpha-0.5"
