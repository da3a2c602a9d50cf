"""The real commands on the bundled digits: what they write, refuse and continue."""

import csv
import json
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml
from sklearn.datasets import load_sample_image

from paddle_aug.augment.policies import PolicyOptions
from paddle_aug.config import Config, load_config
from paddle_aug.core import atomic
from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.program import python
from paddle_aug.data import options as data_options
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.modes import AUGMENTS
from paddle_aug.runs.checkpoint import load_state, save_state
from paddle_aug.train import engine
from paddle_aug.train import fit as fit_module
from paddle_aug.train import run as run_module
from paddle_aug.train.fit import fit, resume
from paddle_aug.train.one_pass import OnePass
from tests.warm_python import warm_python

ROOT = Path(__file__).parent.parent.parent
# LeNet on two digits a class: an epoch takes a fraction of a second.
TINY = [
    "--data", "digits", "--model", "LeNet", "--image-size", "32", "--per-class", "2",
    "--batch-size", "6", "--epochs", "2", "--max-steps", "3", "--eval-share", "0.2",
]  # fmt: skip
CURVES = ("lossTrain", "accTrain", "lossEval", "accEval")


def quiet(line: str) -> None:
    pass


def tiny(output: Path, **options) -> Config:
    values = {
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2, "batch_size": 6,
        "epochs": 3, "output": str(output), "lr": 1e-3, **options,
    }  # fmt: skip
    return load_config(values)


def run(*arguments: str, cwd: Path = ROOT, **kwargs) -> subprocess.CompletedProcess:
    return subprocess.run(
        [*warm_python(), *arguments], cwd=cwd, capture_output=True, text=True, **kwargs
    )


def result_bytes(output: Path, mode: str) -> dict[str, bytes]:
    """Curves and final weights of a run, to the byte."""
    found = {c: (output / f"{mode}Aug_{c}.npy").read_bytes() for c in CURVES}
    newest = max((output / mode / "checkpoints").glob("state-*"))
    arrays, _ = load_state(newest)
    return found | {name: array.tobytes() for name, array in arrays.items()}


def test_states_last_through_a_power_cut_and_curves_from_the_end_of_the_run(tmp_path, monkeypatch):
    synced: list[str] = []
    monkeypatch.setattr(atomic, "_sync", lambda path: synced.append(path.name))
    fit(tiny(tmp_path, augment="no", checkpoint_minutes=1e9), quiet)
    states = [at for at, name in enumerate(synced) if "state-" in name]
    curves = [at for at, name in enumerate(synced) if "metrics.csv" in name or ".npy" in name]
    assert len(states) == 3 and len(curves) == len(CURVES) + 1
    assert max(states) < min(curves)


def test_warnings_are_shown(tmp_path):
    arguments = [*TINY, "--per-class", "999", "--max-steps", "1", "--epochs", "1"]
    result = run("train.py", *arguments, "--output", str(tmp_path))
    assert result.returncode == 0
    assert "\nwarning: --per-class 999 is more than 10 classes can give: " in f"\n{result.stderr}"


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Class folders of real photographs, cut from the two that scikit-learn ships."""
    root = tmp_path_factory.mktemp("photographs")
    for name in ("china.jpg", "flower.jpg"):
        image = load_sample_image(name)
        for number in range(6):
            place = root / Path(name).stem / f"{number}.png"
            place.parent.mkdir(exist_ok=True)
            cut = image[number * 60 : number * 60 + 120, number * 80 : number * 80 + 150]
            cv2.imwrite(str(place), cut[:, :, ::-1])
    return root


def test_mirroring_is_refused_on_digits_and_works_on_photographs(tmp_path, photographs):
    with pytest.raises(UserError, match="flip"):
        fit(tiny(tmp_path, augment="flip"), say=quiet)
    fit(tiny(tmp_path, augment="flip", data=str(photographs), epochs=1), say=quiet)
    assert len(np.load(tmp_path / "flipAug_accEval.npy")) == 1


@pytest.mark.parametrize("mode", [name for name in AUGMENTS if name != "flip"])
def test_every_augmentation_trains_and_leaves_its_curves(tmp_path, mode):
    fit(tiny(tmp_path, augment=mode, epochs=2, max_steps=2), say=quiet)
    for curve in CURVES:
        values = np.load(tmp_path / f"{mode}Aug_{curve}.npy", allow_pickle=False)
        assert values.shape == (2,)
        assert np.isfinite(values).all()


def test_the_command_writes_the_documented_files_and_an_epoch_line(tmp_path):
    result = run("train.py", *TINY, "--augment", "samplePairing", "--output", str(tmp_path))
    assert result.returncode == 0, result.stderr
    assert "epoch 0 of 2  train loss" in result.stdout
    assert "images/s" in result.stdout
    assert "evaluation accuracy:" in result.stdout
    folder = tmp_path / "samplePairing"
    assert sorted(path.name for path in folder.iterdir()) == [
        "changes.yaml", "checkpoints", "config.yaml", "environment.json", "metrics.csv",
        "train.log",
    ]  # fmt: skip
    # Line for line what the screen showed, under the command.
    command, *log = (folder / "train.log").read_text(encoding="utf-8").splitlines()
    assert command.endswith(
        f" train.py {' '.join(TINY)} --augment samplePairing --output {tmp_path}"
    )
    assert log == result.stdout.splitlines()
    config = yaml.safe_load((folder / "config.yaml").read_text())
    assert (config["model"], config["batch_size"]) == ("LeNet", 6)
    lines = result.stdout.splitlines()
    first = next(number for number, line in enumerate(lines) if line.startswith("epoch 0"))
    said = "\n".join(lines[:first])
    assert "LeNet, 62,006 parameters; images of 32x32 in 3 channels; 2 epochs of 3 steps" in said
    assert re.search(r"^about \d+ s to the end \(", said, re.M)
    environment = json.loads((folder / "environment.json").read_text())
    assert environment["device"] == "cpu"
    assert "paddlepaddle" in environment["versions"]
    names = sorted(path.name for path in (folder / "checkpoints").iterdir())
    assert names == ["best.safetensors", "state-00002-000000.safetensors"]
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        ".samplePairing.lock", *sorted(f"samplePairingAug_{curve}.npy" for curve in CURVES),
    ]  # fmt: skip


def test_bf16_where_there_is_none_trains_in_float32_and_records_it(tmp_path):
    # As on a processor with AVX2 only: oneDNN has no bfloat16 then.
    masked = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    arguments = [*TINY, "--epochs", "1", "--amp", "bf16", "--output", str(tmp_path)]
    result = run("train.py", *arguments, env=masked)
    assert result.returncode == 0
    assert "warning: --amp bf16 has no effect here, float32 computes: " in result.stdout
    record = json.loads((tmp_path / "samplePairing" / "environment.json").read_text())
    assert record["backend"] == "onednn float32"


def test_an_existing_run_is_refused_and_stays_as_it_was(tmp_path):
    config = tiny(tmp_path, augment="no", epochs=1)
    fit(config, say=quiet)
    before = result_bytes(tmp_path, "no")
    with pytest.raises(UserError, match="from an earlier run"):
        fit(config, say=quiet)
    assert result_bytes(tmp_path, "no") == before
    fit(tiny(tmp_path, augment="no", epochs=2, overwrite=True), say=quiet)
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == 2


@pytest.mark.parametrize("workers", ["thread", 2])
def test_the_same_seed_gives_the_same_bytes_whatever_the_workers(tmp_path, workers):
    for name, who in (("a", 0), ("b", workers)):
        fit(tiny(tmp_path / name, augment="mixup", workers=who, epochs=2), say=quiet)
    assert result_bytes(tmp_path / "a", "mixup") == result_bytes(tmp_path / "b", "mixup")


def test_another_seed_gives_other_bytes(tmp_path):
    for seed in (0, 1):
        fit(tiny(tmp_path / str(seed), augment="no", seed=seed, epochs=1), say=quiet)
    assert result_bytes(tmp_path / "0", "no") != result_bytes(tmp_path / "1", "no")


EXTRAS = {
    "everything": {
        "augment": "mixup", "model": "paddle.vision:squeezenet1_1", "image_size": 64, "epochs": 2,
        "optimizer": "AdamW", "ema": 0.9, "clip_norm": 1.0, "lr_schedule": "plateau",
        "plateau_patience": 1, "warmup_epochs": 1, "criterion": "focal", "label_smoothing": 0.1,
        "clean_accuracy": True, "early_stopping": 5, "partner": "dataset",
    },
    "batch norm": {
        "augment": "cutmix", "model": "ResNetSmall", "optimizer": "Momentum", "epochs": 2,
    },
}  # fmt: skip


@pytest.mark.parametrize("options", EXTRAS.values(), ids=EXTRAS)
def test_a_run_stopped_within_an_epoch_and_resumed_equals_an_uninterrupted_one(
    tmp_path, options, monkeypatch
):
    fit(tiny(tmp_path / "whole", **options), say=quiet)
    steps = []
    real = engine.train_step

    def counting(*args):
        steps.append(1)
        if len(steps) == 6:
            os.kill(os.getpid(), signal.SIGTERM)
        return real(*args)

    monkeypatch.setattr(engine, "train_step", counting)
    mode = options["augment"]
    with pytest.raises(Interrupted, match="stopped at epoch 1, step 2"):
        fit(tiny(tmp_path / "cut", **options), say=quiet)
    monkeypatch.undo()
    resume(tmp_path / "cut" / mode, say=quiet)
    assert result_bytes(tmp_path / "cut", mode) == result_bytes(tmp_path / "whole", mode)


def test_the_commands_stop_with_143_and_say_how_to_go_on_to_the_same_bytes(tmp_path):
    options = {"augment": "samplePairing"}
    fit(tiny(tmp_path / "whole", **options), say=quiet)
    options_text = repr(tiny(tmp_path / "cut", **options).dump())
    code = (
        "import os, signal\n"
        "from paddle_aug.core.paddle_import import prepare_environment as p; p()\n"
        "import paddle_aug.train.fit as f, paddle_aug.train.engine as e\n"
        "from paddle_aug.config import load_config\n"
        "from paddle_aug.core.errors import run_command\n"
        "step, count = e.train_step, [0]\n"
        "def counting(*args):\n"
        "    count[0] += 1\n"
        "    if count[0] == 6: os.kill(os.getpid(), signal.SIGTERM)\n"
        "    return step(*args)\n"
        "e.train_step = counting\n"
        f"run_command(lambda: f.fit(load_config({options_text})) and 0)"
    )
    stopped = run("-c", code)
    assert stopped.returncode == 143, stopped.stderr
    mode = options["augment"]
    assert (
        f"go on with: {python()} -m paddle_aug train --resume {tmp_path}/cut/{mode}"
        in stopped.stderr
    )
    log = tmp_path / "cut" / mode / "train.log"
    first = log.read_text()
    assert first.splitlines()[1:] == [*stopped.stdout.splitlines(), stopped.stderr.splitlines()[-1]]
    resumed = run("train.py", "--resume", str(tmp_path / "cut" / mode))
    assert resumed.returncode == 0, resumed.stderr
    assert log.read_text().startswith(first)
    added = log.read_text().removeprefix(first).splitlines()
    assert added[0].endswith(f" train.py --resume {tmp_path}/cut/{mode}")
    assert added[1:] == resumed.stdout.splitlines()
    assert "at epoch 1, step 2" in resumed.stdout
    assert result_bytes(tmp_path / "cut", mode) == result_bytes(tmp_path / "whole", mode)


@pytest.mark.parametrize("schedule", ["plateau", "cosine"])
def test_a_signal_during_the_evaluation_does_not_wait_for_its_end(tmp_path, monkeypatch, schedule):
    options = {"augment": "mixup", "ema": 0.9, "eval_batch_size": 50, "lr_schedule": schedule}
    fit(tiny(tmp_path / "whole", **options), say=quiet)
    calls, batches = [], []
    real = run_module.evaluate

    def evaluate(*args, after_batch, **kwargs):
        calls.append(1)
        if len(calls) == 2:
            os.kill(os.getpid(), signal.SIGTERM)

        def counted():
            batches.append(len(calls))
            after_batch()

        return real(*args, after_batch=counted, **kwargs)

    monkeypatch.setattr(run_module, "evaluate", evaluate)
    with pytest.raises(Interrupted, match="stopped at epoch 1, step 4; go on with") as stopped:
        fit(tiny(tmp_path / "cut", **options), say=quiet)
    assert stopped.value.signal == signal.SIGTERM
    assert batches == [1] * 8 + [2]
    resume(tmp_path / "cut" / "mixup", say=quiet)
    assert result_bytes(tmp_path / "cut", "mixup") == result_bytes(tmp_path / "whole", "mixup")
    assert rates(tmp_path / "cut" / "mixup") == rates(tmp_path / "whole" / "mixup")


def rates(run: Path) -> list[float]:
    """The learning rates in metrics.csv."""
    with (run / "metrics.csv").open(encoding="utf-8", newline="") as file:
        return [float(row["lr"]) for row in csv.DictReader(file)]


def test_a_run_that_diverges_ends_before_it_replaces_a_good_state(tmp_path):
    options = {"augment": "no", "optimizer": "SGD", "max_steps": 1, "lr": 1e30}
    with pytest.raises(UserError, match=r"outputs are not finite for \d+ of 359 images \(digits"):
        fit(tiny(tmp_path, **options), say=quiet)
    assert not list(tmp_path.rglob("*.safetensors"))


def test_a_killed_run_resumes_to_the_same_bytes(tmp_path):
    options = {"augment": "samplePairing", "epochs": 10, "checkpoint_minutes": 1e-4}
    fit(tiny(tmp_path / "whole", **options), say=quiet)
    (tmp_path / "cut.yaml").write_text(
        yaml.safe_dump(tiny(tmp_path / "cut", **options).dump()), encoding="utf-8"
    )
    folder = tmp_path / "cut" / "samplePairing"
    rng = random.Random(0)
    command = ["train.py", "--config", str(tmp_path / "cut.yaml")]
    for _ in range(1):
        process = subprocess.Popen(
            [sys.executable, *command], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for line in process.stdout:
            if line.startswith("epoch"):
                break
        time.sleep(rng.uniform(0, 0.4))
        process.send_signal(signal.SIGKILL)
        process.communicate()
        command = ["train.py", "--resume", str(folder)]
    assert run(*command).returncode == 0
    assert result_bytes(tmp_path / "cut", "samplePairing") == result_bytes(
        tmp_path / "whole", "samplePairing"
    )


def test_resuming_with_other_options_names_them_and_stops(tmp_path):
    fit(tiny(tmp_path, augment="no", epochs=1), say=quiet)
    folder = tmp_path / "no"
    with pytest.raises(UserError, match=r"batch_size: was 6, is 3; lr: was 0.001, is 0.01"):
        resume(folder, changes={"lr": 0.01, "batch_size": 3}, say=quiet)
    said = []
    resume(folder, allow_changes=True, changes={"epochs": 2}, say=said.append)
    assert "changed from here on: epochs: was 1, is 2" in said
    assert len(np.load(tmp_path / "noAug_lossTrain.npy")) == 2


@pytest.mark.parametrize("change", [{"weights": "other.npz"}, {"init": "xavier"}])
def test_what_only_a_new_run_begins_with_is_refused_when_resuming(tmp_path, change):
    run = fit(tiny(tmp_path, augment="no", epochs=1), say=quiet)
    before = (run / "config.yaml").read_bytes()
    with pytest.raises(UserError, match=f"--{next(iter(change))} is for a new run"):
        resume(run, allow_changes=True, changes={**change, "epochs": 2}, say=quiet)
    assert (run / "config.yaml").read_bytes() == before


def test_resuming_names_the_one_number_of_an_image_part_that_differs(tmp_path):
    fit(tiny(tmp_path, augment="userDef", epochs=1), say=quiet)
    other = PolicyOptions(rotation=(0, 90), flip_probability=0.1)  # of which it uses the first
    with pytest.raises(UserError, match=r"more: policy.rotation: was \[0, 359\], is \[0, 90\]"):
        resume(tmp_path / "userDef", changes={"policy": asdict(other)}, say=quiet)


def test_a_number_of_the_image_part_that_is_changed_leaves_the_others(tmp_path):
    policy = {"brightness": [0.9, 1.1], "noise_max_sigma": 2.0}
    run = fit(tiny(tmp_path, augment="userDef", epochs=1, policy=policy), say=quiet)
    said: list[str] = []
    changes = {"policy": {"brightness": [0.8, 1.2]}, "epochs": 2}
    resume(run, allow_changes=True, changes=changes, say=said.append)
    (line,) = [line for line in said if line.startswith("changed from here on: ")]
    assert "policy.brightness: was [0.9, 1.1], is [0.8, 1.2]" in line
    assert "noise_max_sigma" not in line
    policy = yaml.safe_load((run / "config.yaml").read_text(encoding="utf-8"))["policy"]
    assert (policy["brightness"], policy["noise_max_sigma"]) == ([0.8, 1.2], 2.0)


def test_a_resume_with_another_split_says_what_its_figures_are_worth(tmp_path, capsys):
    """Images it was trained on may be evaluated from there on: then, and by evaluate.py."""
    rng = np.random.default_rng(0)
    for number in range(20):
        place = tmp_path / "images" / f"class{number % 2}"
        place.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(place / f"{number}.png"), rng.integers(0, 256, (32, 32, 3), np.uint8))
    given = {"data": str(tmp_path / "images"), "per_class": None, "augment": "no"}
    run = fit(tiny(tmp_path, **given, epochs=1, eval_share=0.3), say=quiet)
    said: list[str] = []
    changes = {"eval_share": 0.5, "epochs": 2}
    resume(run, allow_changes=True, changes=changes, say=said.append)
    warning = "images that it was trained on may be among those it is evaluated on from here"
    assert any(warning in line for line in said)
    capsys.readouterr()
    # Of the last state: the best may be of before.
    evaluate_checkpoint(EvaluationOptions(str(run), checkpoint="last", workers=0))
    assert "the run went on with other images at epoch 1" in capsys.readouterr().out


def test_more_epochs_are_recorded_with_what_was_before(tmp_path, monkeypatch):
    run = fit(tiny(tmp_path, augment="samplePairing", epochs=1), say=quiet)

    def files() -> list[bytes]:
        return [(run / name).read_bytes() for name in ("config.yaml", "environment.json")]

    before = files()
    monkeypatch.setattr(sys, "argv", ["somewhere/train.py", "--resume", "x"])
    resume(run, say=quiet)
    assert files() == before, "resumed as it was: nothing is recorded"
    command = ["train.py", "--resume", str(run), "--epochs", "3", "--allow-changes"]
    monkeypatch.setattr(sys, "argv", command)
    resume(run, allow_changes=True, changes={"epochs": 3, "workers": 0}, say=quiet)

    for name in ("config.yaml", "changes.yaml"):
        options = yaml.safe_load((run / name).read_text())
        assert (options["epochs"], options["workers"]) == (3, 0)
    environment = json.loads((run / "environment.json").read_text())
    assert environment["command"] == " ".join(command)
    first, second = environment["history"]
    assert first["command"] == json.loads(before[1])["command"] != environment["command"]
    assert [first["epoch"], first["changes"]] == [0, []]
    assert second["command"] == environment["command"]
    assert [second["epoch"], second["step"]] == [1, 0]
    assert second["changes"] == ["epochs: was 1, is 3", "workers: was auto, is 0"]
    state = load_state(max((run / "checkpoints").glob("state-*")))[1]
    assert (state["config"]["epochs"], state["environment"]) == (3, environment)
    # The next one needs no word of it any more.
    resume(run, say=quiet)
    assert len(np.load(tmp_path / "samplePairingAug_accEval.npy")) == 3


def test_another_kind_of_gpu_is_named_and_another_one_of_the_kind_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(fit_module, "describe_gpu", lambda: {"name": "V100", "cudnn": 90501})
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=1), say=quiet)
    resume(run, changes={"device": "cpu"}, say=quiet)  # "auto" until now
    monkeypatch.setattr(fit_module, "describe_gpu", lambda: {"name": "A100", "cudnn": 90501})
    with pytest.raises(UserError, match=r"any more: gpu.name: was V100, is A100\n"):
        resume(run, say=quiet)


def test_a_run_that_has_ended_stays_recorded_as_it_was_made(tmp_path, monkeypatch):
    monkeypatch.setattr(fit_module, "describe_gpu", lambda: {"name": "V100"})
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=1), say=quiet)

    def files() -> dict[str, bytes]:
        paths = (path for path in run.rglob("*") if path.is_file() and path.name != "train.log")
        return {path.name: path.read_bytes() for path in paths}

    before = files()
    monkeypatch.setattr(fit_module, "describe_gpu", lambda: {"name": "A100"})
    resume(run, allow_changes=True, say=quiet)
    assert files() == before
    resume(run, allow_changes=True, changes={"workers": 0}, say=quiet)
    assert files()["environment.json"] == before["environment.json"]
    assert yaml.safe_load(files()["config.yaml"])["workers"] == 0
    (state,) = (run / "checkpoints").glob("state-*")
    assert load_state(state)[1]["environment"] == json.loads(before["environment.json"])


def test_the_advice_to_take_a_runs_weights_can_be_pasted(tmp_path):
    with pytest.raises(UserError, match=r"start a new run with --weights '.*/my runs/no'$"):
        fit_module._refuse_other_classes(tmp_path / "my runs" / "no", ["a"], ["b"])


def test_a_state_of_other_parameters_is_refused_and_not_left_out(tmp_path, monkeypatch):
    fit(tiny(tmp_path, augment="no", epochs=1), say=quiet)
    shapes = OnePass.state_shapes
    monkeypatch.setattr(
        OnePass, "state_shapes",
        lambda self, p: {f"other_{name}": shape for name, shape in shapes(self, p).items()},
    )  # fmt: skip
    with pytest.raises(UserError, match=r"optimizer's state is of other parameters \(.*_0\)"):
        resume(tmp_path / "no", say=quiet)


def test_another_optimizer_goes_on_from_the_weights_and_can_be_resumed(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=2), say=quiet)
    for name, note in (
        ("AdamW", False), ("SGD", False), ("Momentum", True), ("Adam", True), ("Adam", False),
    ):  # fmt: skip
        epochs = len(np.load(tmp_path / "noAug_accEval.npy")) + 1
        said = []
        changes = {"optimizer": name, "epochs": epochs}
        resume(run, allow_changes=True, changes=changes, say=said.append)
        line = f"note: {name} begins anew for 10 parameters, of which it has no saved state"
        assert (line in said) is note
        resume(run, say=quiet)
        assert len(np.load(tmp_path / "noAug_accEval.npy")) == epochs


def test_layers_that_were_frozen_begin_anew_where_they_learn_now(tmp_path):
    first = fit(tiny(tmp_path / "first", augment="no", epochs=1, max_steps=1), say=quiet)
    frozen = {"weights": str(first), "freeze_backbone": True, "augment": "no", "max_steps": 2}
    run = fit(tiny(tmp_path, epochs=1, **frozen), say=quiet)
    said = []
    changes = {"freeze_backbone": False, "epochs": 2}
    resume(run, allow_changes=True, changes=changes, say=said.append)
    assert "note: Adam begins anew for 8 parameters, of which it has no saved state" in said
    said.clear()
    changes = {"freeze_backbone": True, "epochs": 3}
    resume(run, allow_changes=True, changes=changes, say=said.append)
    assert not any("anew" in line for line in said)
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == 3


def test_changes_are_in_the_state_before_they_are_in_the_options(tmp_path, monkeypatch):
    run = fit(tiny(tmp_path, augment="no", epochs=1), say=quiet)
    before = (run / "config.yaml").read_bytes()

    def fail(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(run_module.RunLoop, "save", fail)
    with pytest.raises(KeyboardInterrupt):
        resume(run, allow_changes=True, changes={"epochs": 3}, say=quiet)
    assert (run / "config.yaml").read_bytes() == before


@pytest.mark.parametrize("keep", [0, 1, 2, 3])
def test_a_finished_run_keeps_as_many_states_as_asked_for(tmp_path, keep):
    run = fit(tiny(tmp_path, augment="no", epochs=3, max_steps=1, keep_states=keep), say=quiet)
    names = sorted(path.name for path in (run / "checkpoints").glob("state-*"))
    assert names == [f"state-{epoch:05d}-000000.safetensors" for epoch in (1, 2, 3)][3 - keep :]
    assert (run / "checkpoints" / "best.safetensors").exists()
    if not keep:
        with pytest.raises(UserError, match="nothing to resume from: none was kept"):
            resume(run, say=quiet)


def test_the_data_that_were_found_are_saved_and_resumed(tmp_path, monkeypatch, photographs):
    """Digits first, then AI Studio's data set: each run stays on its own."""
    digits = fit(tiny(tmp_path / "a", data=None, augment="no", epochs=1, max_steps=1), say=quiet)
    assert yaml.safe_load((digits / "config.yaml").read_text())["data"] == "digits"
    # As an earlier version saved it, with no data named.
    path = max((digits / "checkpoints").glob("state-*"))
    arrays, state = load_state(path)
    save_state(path, arrays, {**state, "config": {**state["config"], "data": None}})

    home = tmp_path / "home"
    lists = home / "data" / "data22612"
    lists.mkdir(parents=True)
    shutil.copytree(photographs, home / "work" / "Images")
    rows = [
        f"{path.relative_to(photographs)} {int(path.parent.name == 'china')}"
        for path in sorted(photographs.rglob("*.png"))
    ]
    (lists / "Train.txt").write_text("\n".join(rows[::2]) + "\n")
    (lists / "Eval.txt").write_text("\n".join(rows[1::2]) + "\n")
    monkeypatch.setattr(data_options, "AISTUDIO", home)
    resume(digits, say=quiet)
    resume(digits, allow_changes=True, changes={"epochs": 2}, say=quiet)
    assert yaml.safe_load((digits / "config.yaml").read_text())["data"] == "digits"

    options = tiny(tmp_path / "b", augment="no", epochs=1, max_steps=1).dump()
    for name in ("data", "per_class"):
        del options[name]
    there = fit(load_config(options), say=quiet)
    saved = yaml.safe_load((there / "config.yaml").read_text())
    assert saved["data"] == str(lists) and saved["images_root"] == str(home / "work" / "Images")
    monkeypatch.setattr(data_options, "AISTUDIO", tmp_path / "nowhere")
    resume(there, allow_changes=True, changes={"epochs": 2}, say=quiet)
    assert len(np.load(tmp_path / "b" / "noAug_accEval.npy")) == 2


def test_resuming_what_is_not_there_is_one_line(tmp_path):
    result = run("train.py", "--resume", str(tmp_path / "nothing"))
    assert result.returncode == 2
    assert result.stderr.startswith("error: ")
    assert f"{tmp_path / 'nothing'}: no such folder or run" in result.stderr


def test_early_stopping_ends_the_run(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=30, early_stopping=2, lr=1e-9), say=quiet)
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == 3
    before, lines = (run / "config.yaml").read_text(), []
    with pytest.raises(UserError, match=r"training has ended \(epoch 3 of 30\), so this .* lr: .*\n"
                       r"give a larger --early-stopping \(null: none\) to train on"):  # fmt: skip
        resume(run, True, {"lr": 0.5}, say=quiet)
    resume(run, say=lines.append)
    assert f"{run}: --early-stopping has ended it after 3 epochs" in lines
    assert (run / "config.yaml").read_text() == before
    resume(run, True, {"early_stopping": 3}, say=quiet)
    assert len(np.load(tmp_path / "noAug_accEval.npy")) == 4


def test_an_average_that_begins_with_a_resume_starts_from_the_weights_that_were_trained(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=2), say=quiet)
    trained, _ = load_state(max((run / "checkpoints").glob("state-*")))
    resume(run, True, {"epochs": 2, "ema": 0.999999, "lr": 1e-12}, say=quiet)
    arrays, _ = load_state(max((run / "checkpoints").glob("state-*")))
    weight = next(name for name in trained if name.startswith("model/") and "weight" in name)
    average = arrays[weight.replace("model/", "ema/average.")]
    np.testing.assert_allclose(average, trained[weight], rtol=1e-5)


def test_the_time_that_is_left_counts_evaluations(tmp_path, monkeypatch):
    evaluate, epoch_line, spent = run_module.evaluate, run_module.epoch_line, []

    def slow(*args, **kwargs):
        time.sleep(0.2)
        return evaluate(*args, **kwargs)

    def noted(row, epochs, seconds):
        spent.append((row["seconds"], seconds))
        return epoch_line(row, epochs, seconds)

    monkeypatch.setattr(run_module, "evaluate", slow)
    monkeypatch.setattr(run_module, "epoch_line", noted)
    fit(tiny(tmp_path, augment="no", epochs=2), say=quiet)
    assert len(spent) == 2
    assert all(whole >= training + 0.2 for training, whole in spent)
    row = {"epoch": 4, "seconds": 1.0, "imagesPerSecond": 5.0, "mixing": 0,
           "lossTrain": 1.0, "accTrain": 0.5, "lossEval": 1.0, "accEval": 0.5}  # fmt: skip
    assert epoch_line(row, 15, 60.0).endswith("1.0 s 5 images/s  10 min left")


def test_mixing_is_on_in_the_epochs_of_the_schedule(tmp_path):
    fit(tiny(tmp_path, augment="samplePairing", epochs=12, max_steps=1, eval_share=0.2), say=quiet)
    lines = (tmp_path / "samplePairing" / "metrics.csv").read_text().splitlines()
    mixing = [line.split(",")[2] for line in lines[1:]]
    assert "".join(mixing) == "011111110010"


def test_a_run_that_learns_beats_chance(tmp_path):
    fit(tiny(tmp_path, augment="no", epochs=12, per_class=10, batch_size=10), say=quiet)
    assert np.load(tmp_path / "noAug_accEval.npy")[-1] > 0.5


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_output_is_one_line(tmp_path):
    tmp_path.chmod(0o500)
    result = run("train.py", *TINY, "--output", str(tmp_path / "logs"))
    assert result.returncode == 2
    assert "Permission denied" in result.stderr
