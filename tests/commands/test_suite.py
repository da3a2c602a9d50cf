"""Suites: what is planned, what is run again and what not, and what is left behind."""

import json
from pathlib import Path

import numpy as np
import pytest
import yaml

from paddle_aug.command_line import parse_args, to_arguments
from paddle_aug.commands import suite as command
from paddle_aug.commands.suite_plan import epochs_done, next_arguments, plan, read_suite, slug
from paddle_aug.config import Config, load_config
from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.train.fit import fit, resume

BASE = {
    "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2, "batch_size": 6,
    "epochs": 3, "lr": 0.01, "max_steps": 2, "eval_share": 0.02,
}  # fmt: skip


@pytest.fixture
def suite_file(tmp_path, monkeypatch) -> Path:
    """Two configurations, one of them with two seeds; runs are made in this process."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "base.yaml").write_text(yaml.safe_dump(BASE), encoding="utf-8")
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
    (tmp_path / "suites").mkdir()
    path = tmp_path / "suites" / "two.yaml"
    path.write_text(yaml.safe_dump(suite), encoding="utf-8")
    return path


def run_here(monkeypatch) -> list[list[str]]:
    """Let the command train in this process; returns the list of its calls."""
    calls = []

    def run(arguments):
        calls.append(list(arguments))
        config, control = parse_args(arguments)
        quiet = {"say": lambda line: None}
        resume(control.resume, **quiet) if control.resume else fit(config, **quiet)
        return 0

    monkeypatch.setattr(command, "train", run)
    return calls


def test_options_given_as_arguments_come_back_the_same():
    options = {
        "augment": "mixup", "alpha": 0.2, "milestones": [3, 7], "overwrite": True, "cache": False,
        "train_transforms": [{"Resize": 40}, "RandomHorizontalFlip", {"RandomCrop": {"size": 32}}],
        "mean": [0.485, 0.456, 0.406], "policy": {"brightness": [0.7, 1.3]}, "seed": 11,
    }  # fmt: skip
    config, _ = parse_args(to_arguments(options))
    assert config == load_config(options)
    with pytest.raises(ValueError, match="alpha"):
        to_arguments({"alpha": None})


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


def test_a_suite_runs_once_compares_and_leaves_table_pictures_and_curves(
    suite_file, monkeypatch, capsys
):
    calls = run_here(monkeypatch)
    assert command.main([str(suite_file), "--", "--cpu-backend", "paddle"]) == 0
    assert len(calls) == 3
    folder = Path("results/two")
    names = {path.name for path in folder.iterdir()}
    assert {"table.md", "table.csv", "compare.png", "compare_accuracy.png", "curves"} <= names
    curve = np.load(folder / "curves" / "mixup-alpha-0.2" / "seed5" / "mixupAug_accEval.npy")
    assert curve.shape == (3,)
    last = np.load("logs/suites/two/plain/seed0/noAug_accEval.npy")[-1]
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert f"| plain | accEval | 0.5 | {last:.4f} | {(last - 0.5) * 100:+.2f} points |" in text
    loss = np.load("logs/suites/two/plain/seed0/noAug_lossTrain.npy")[-1]
    assert f"| plain | lossTrain | 2 | {loss:.4f} | {loss - 2:+.4f} |" in text
    assert "`python -m paddle_aug train --config base.yaml --alpha 0.2 --augment mixup" in text
    assert "paddlepaddle" in text
    assert str(Path.cwd()) not in text
    assert "Mixup, alpha 0.2" in capsys.readouterr().out

    written = []
    monkeypatch.setattr(command, "write_results", lambda *arguments: written.append(arguments))
    assert command.main([str(suite_file), "--", "--cpu-backend", "paddle"]) == 0
    assert (len(calls), len(written)) == (3, 1)
    assert capsys.readouterr().out.count("finished before") == 3


def test_an_unfinished_run_is_resumed_and_another_ones_folder_is_refused(suite_file, monkeypatch):
    suite = read_suite(suite_file)
    changes = {"cpu_backend": "paddle"}
    (run, *_) = plan(suite_file, suite, False, changes, Path("logs"))
    fit(run.config, say=lambda line: None)
    assert next_arguments(run) is None
    # As if it had been stopped after its second epoch.
    (run.folder / "checkpoints" / "state-00003-000000.safetensors").unlink()
    rows = (run.folder / "metrics.csv").read_text().splitlines()[:3]
    (run.folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    assert epochs_done(run) == 2
    assert next_arguments(run) == ["--resume", str(run.folder)]
    run_here(monkeypatch)
    command.train(next_arguments(run))
    assert epochs_done(run) == 3

    (other, *_) = plan(suite_file, suite, False, {**changes, "lr": 0.5}, Path("logs"))
    with pytest.raises(UserError, match=r"other options \(lr: was 0.01, is 0.5\)"):
        next_arguments(other)


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
    ("changes", "compared"), [({"cpu_backend": "paddle"}, True), ({"eval_per_class": 5}, False)]
)
def test_published_figures_stand_beside_the_suites_own_options_only(
    changes, compared, suite_file, monkeypatch, capsys
):
    run_here(monkeypatch)
    assert command.main([str(suite_file), "--", *to_arguments(changes)]) == 0
    text = Path("results/two/table.md").read_text(encoding="utf-8")
    assert ("| plain | accEval | 0.5 |" in text) == compared
    line = "Not the suite's own options, for all runs: `--eval-per-class 5`."
    assert (line in text) == (not compared)
    assert ("published | ours" in capsys.readouterr().out) == compared


def test_a_run_that_fails_ends_the_suite_with_its_code(suite_file, monkeypatch, capsys):
    monkeypatch.setattr(command, "train", lambda arguments: 2)
    assert command.main([str(suite_file)]) == 2
    assert "plain, seed 0: ended with code 2" in capsys.readouterr().err
    monkeypatch.setattr(command, "train", lambda arguments: 130)
    with pytest.raises(Interrupted) as caught:
        command.main([str(suite_file)])
    assert caught.value.signal == 2


def test_a_dry_run_prints_the_commands_and_writes_nothing(suite_file, capsys):
    assert command.main([str(suite_file), "--quick", "--dry-run"]) == 0
    assert capsys.readouterr().out.count(" -m paddle_aug train --config base.yaml") == 3
    assert sorted(path.name for path in Path.cwd().iterdir()) == ["base.yaml", "suites"]


@pytest.mark.parametrize(
    ("change", "message"),
    [({"baseline": "none"}, "baseline: 'none' is none of plain, Mixup"),
     ({"runs": []}, "runs"),
     ({"titel": 3}, r"two\.yaml: titel: unknown option; did you mean title"),
     ({"last": 0}, "last: Input should be greater than or equal to 1")],
)  # fmt: skip
def test_mistakes_in_a_suite_are_named(suite_file, change, message):
    values = {**read_yaml(suite_file), **change}
    suite_file.write_text(json.dumps(values), encoding="utf-8")
    with pytest.raises(UserError, match=message):
        read_suite(suite_file)


@pytest.mark.parametrize(
    ("change", "message"),
    [({"seeds": [0, 1, 0]}, r"runs\.0\.seeds: the same seed twice in \[0, 1, 0\]"),
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


@pytest.mark.parametrize("own", [["--seed", "5"], ["--output", "x"], ["--resume"], ["--config=a"]])
def test_what_each_run_has_of_its_own_cannot_be_given_to_all(suite_file, own):
    (Path.cwd() / "a").write_text("lr: 1", encoding="utf-8")
    name = own[0].partition("=")[0]
    with pytest.raises(UserError, match=f"after --: {name} is each run's own"):
        command.main([str(suite_file), "--dry-run", "--", "--lr", "0.1", *own])


def test_a_mistake_in_an_option_names_suite_and_run(suite_file):
    suite = read_suite(suite_file)
    with pytest.raises(UserError, match=r"two\.yaml, plain: epochs: .*greater than or equal to 1"):
        plan(suite_file, suite, False, {"epochs": 0}, Path("logs"))


def test_labels_become_folder_names():
    assert slug("Flip + Mixup, alpha 0.5") == "flip-mixup-alpha-0.5"
