"""What evaluate.py says of a checkpoint, where it writes, and which folders are no runs."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ArrayDataset
from paddle_aug.evaluation import evaluate as evaluation
from paddle_aug.evaluation.evaluate import (
    checkpoint_place,
    describe_checkpoint,
    evaluate_checkpoint,
    folder_name,
    predict_views,
)
from paddle_aug.evaluation.options import EvaluationOptions, Views, parse_args
from paddle_aug.evaluation.results import figures, headline, write_evaluation
from paddle_aug.report.figure import can_show
from paddle_aug.runs.checkpoint import CheckpointFolder, read_trained, save_state
from paddle_aug.runs.layout import RunPaths
from paddle_aug.runs.ownership import RunStart
from paddle_aug.runs.predictions import evaluation_figures
from paddle_aug.train.fit import fit, resume
from tests.trained_runs import trained_run

STATE = {"config": {}, "classes": ["a", "b"]}
ARRAYS = {"model/weight": np.ones(3, np.float32)}


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Three epochs of LeNet on noise of three classes, two of them with Chinese names."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("狗 狗", "猫", "dog"):
        (folder / "set" / name).mkdir(parents=True)
        for number in range(5):
            path = folder / "set" / name / f"{number}.png"
            image = rng.integers(0, 256, (32, 32, 3), np.uint8)
            path.write_bytes(cv2.imencode(".png", image)[1].tobytes())
    values = {
        "data": str(folder / "set"), "model": "LeNet", "image_size": 32, "batch_size": 6,
        "epochs": 3, "augment": "no", "output": str(folder / "logs"),
    }  # fmt: skip
    return fit(load_config(values), say=lambda line: None)


def test_the_output_says_which_checkpoint_it_is_of(run, capsys):
    best = int(np.load(run.parent / "noAug_accEval.npy").argmax())
    result = evaluate_checkpoint(EvaluationOptions(str(run), workers=0))
    told = capsys.readouterr()
    lines = told.out.splitlines()
    assert lines[-3] == (
        f"best checkpoint, epoch {best} (counted from 0; chosen on these images, so it flatters)"
    )
    data = run.parent.parent / "set"
    assert lines[-2].startswith(f"3 evaluation images of {data}: loss ") and "top-5" not in told.out
    assert lines[-1] == f"written to {run / 'evaluation'}"
    saved = json.loads((run / "evaluation" / "evaluation.json").read_text(encoding="utf-8"))
    assert saved == result
    assert (saved["checkpoint"], saved["checkpoint_epoch"], saved["top5"]) == ("best", best, None)
    note = "note: no installed font can write some class names: #1 = 狗 狗, #2 = 猫"
    assert told.err.count(note) == (not can_show("猫"))


def test_no_evaluation_is_written_of_outputs_that_are_not_finite(tmp_path):
    """The weights are finite, their sums are not."""
    run = trained_run(tmp_path / "run", [str(i) for i in range(10)], data="digits", channels=1)
    arrays, state, _ = read_trained(run)
    (head,) = (name for name, array in arrays.items() if array.ndim == 2 and array.shape[1] == 10)
    arrays[head] = np.sign(arrays[head]) * np.float32(3e38)
    CheckpointFolder(run / "checkpoints").save_best(arrays, state)
    message = r"^view 1/1: the model's outputs are not finite for 359 of 359 images \(digits"
    with pytest.raises(UserError, match=message):
        evaluate_checkpoint(EvaluationOptions(str(run), workers=0, json=True))
    assert not (run / "evaluation").exists()


@pytest.mark.parametrize("workers", ["²", "٢", "two", "-1", "1.0", ""])
def test_workers_are_a_number_in_plain_digits(workers):
    with pytest.raises(UserError) as error:
        parse_args(["x", f"--workers={workers}"])
    assert str(error.value) == f"workers: auto, thread or a number, got {workers!r}"


@pytest.mark.parametrize(("given", "workers"), [("auto", "auto"), ("thread", "thread"), ("12", 12)])
def test_workers_are_those_of_train(given, workers):
    assert parse_args(["x", "--workers", given]).workers == workers
    with pytest.raises(UserError, match="\nworkers: must be at most 256, got '9999'$"):
        parse_args(["x", "--workers", "9999"])


def test_a_run_that_is_replaced_meanwhile_gets_no_figures_of_the_earlier_one(run, monkeypatch):
    """Another run comes while the weights of the first one are evaluated."""
    environment = RunPaths.of(run).environment
    before = environment.read_text(encoding="utf-8")

    def replaced(*arguments):
        again = json.loads(before)
        again["history"][0]["time"] = "2030-01-01 00:00:00"
        environment.write_text(json.dumps(again), encoding="utf-8")
        return predict_views(*arguments)

    monkeypatch.setattr(evaluation, "predict_views", replaced)
    options = EvaluationOptions(str(run), split="train", workers=0)
    try:
        with pytest.raises(UserError, match="another run has taken this place since its weights"):
            evaluate_checkpoint(options)
    finally:
        environment.write_text(before, encoding="utf-8")
    assert not (run / "evaluation_train").exists()


def test_earlier_predictions_do_not_stay_beside_the_figures_of_another_epoch(tmp_path, monkeypatch):
    """The disk is full when they would be replaced."""
    labels = np.array([0, 1])
    images = ArrayDataset(np.zeros((2, 8, 8, 3), np.uint8), labels, ["a", "b"], "x")

    def evaluate(epoch):
        probabilities = np.array([[0.9, 0.1], [0.2, 0.8]])
        result = {**figures(probabilities, labels, ["a", "b"]), "checkpoint_epoch": epoch}
        run = RunStart(tmp_path / "run")
        write_evaluation(tmp_path / "out", result, probabilities, labels, images, run)

    def full(*_, **__):
        raise OSError(errno.ENOSPC, "No space left on device")

    evaluate(9)
    assert evaluation_figures(tmp_path / "out")["checkpoint_epoch"] == 9
    with monkeypatch.context() as patch:
        patch.setattr(np, "savez_compressed", full)
        with pytest.raises(UserError, match="predictions.npz: No space left on device"):
            evaluate(19)
    assert evaluation_figures(tmp_path / "out") == {}
    assert not (tmp_path / "out" / "predictions.npz").exists()
    evaluate(19)
    assert evaluation_figures(tmp_path / "out")["checkpoint_epoch"] == 19


def test_an_output_folder_is_not_taken_from_another_evaluation(tmp_path, run):
    output = tmp_path / "out"
    output.mkdir()
    given: dict[str, Any] = {"output": str(output), "workers": 0}
    kept = {"classes": [], "confusion": [], "top1": 0.5, "run": str(run), "checkpoint": "best",
            "data_options": None}  # fmt: skip
    other = str(tmp_path / "other")
    for change, named in (
        ({"run": other}, f"another run ({other})"),
        ({"checkpoint": "last"}, "another checkpoint (last)"),
        ({"data_options": {"data": "x.csv"}}, "other data (x.csv)"),
    ):
        text = json.dumps(kept | change)
        (output / "evaluation.json").write_text(text)
        with pytest.raises(UserError) as error:
            evaluate_checkpoint(EvaluationOptions(str(run), **given))
        assert str(error.value) == (
            f"{output}: holds the evaluation of {named}; choose another folder with --output"
        )
        assert (output / "evaluation.json").read_text() == text
    (output / "evaluation.json").write_text(json.dumps(kept))
    evaluate_checkpoint(EvaluationOptions(os.path.relpath(run), **given))  # the same again
    assert json.loads((output / "evaluation.json").read_text())["images"] == 3


def test_another_checkpoint_and_split_leave_the_first_evaluation_alone(run, capsys):
    kept = run / "evaluation" / "evaluation.json"
    kept.parent.mkdir(exist_ok=True)
    kept.write_text("kept")
    options = EvaluationOptions(str(run), checkpoint="last", split="train", workers=0)
    result = evaluate_checkpoint(options)
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3] == "last checkpoint, epoch 2"
    assert lines[-1] == f"written to {run / 'evaluation_last_train'}"
    assert (result["checkpoint"], result["checkpoint_epoch"], result["images"]) == ("last", 2, 12)
    assert kept.read_text() == "kept"
    assert (run / "evaluation_last_train" / "mistakes.png").exists()


@pytest.mark.parametrize(
    ("options", "name"),
    [
        ({}, "evaluation"),
        ({"checkpoint": "last"}, "evaluation_last"),
        ({"split": "train"}, "evaluation_train"),
        ({"tta": "flip"}, "evaluation_tta-flip"),
        ({"tta": "draws", "tta_draws": 3}, "evaluation_tta-draws-flip-3"),
        ({"checkpoint": "last", "split": "train", "tta": "crops"},
         "evaluation_last_train_tta-crops"),
        ({"data": "/elsewhere/others.zip"}, "evaluation_data-others.zip"),
        ({"data": "my_module:load"}, "evaluation_data-my_module_load"),
    ],
)  # fmt: skip
def test_every_variant_has_a_folder_of_its_own(options, name, tmp_path):
    assert folder_name(EvaluationOptions(str(tmp_path), **options)) == name


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("checkpoints/best.safetensors", "evaluation"),
        ("checkpoints/state-00003-000000.safetensors", "evaluation_state-00003-000000"),
    ],
)
def test_a_file_among_checkpoints_is_evaluated_beside_the_run(file, name, tmp_path):
    save_state(tmp_path / "mixup" / file, ARRAYS, STATE)
    _, _, folder = read_trained(tmp_path / "mixup" / file)
    assert folder == tmp_path / "mixup"
    assert folder_name(EvaluationOptions(str(tmp_path / "mixup" / file))) == name


def test_a_file_elsewhere_is_evaluated_where_it_is(tmp_path):
    save_state(tmp_path / "mine.safetensors", ARRAYS, STATE)
    assert read_trained(tmp_path / "mine.safetensors")[2] == tmp_path
    assert folder_name(EvaluationOptions(str(tmp_path / "mine.safetensors"))) == "evaluation_mine"


@pytest.mark.parametrize("which", ["Best", "newest", ""])
def test_no_other_word_than_best_and_last_names_a_state(tmp_path, which):
    CheckpointFolder(tmp_path / "mixup" / "checkpoints").save_best(ARRAYS, STATE)
    with pytest.raises(UserError, match=f"the checkpoint '{which}' is none of best, last"):
        read_trained(tmp_path / "mixup", which)


def test_a_damaged_state_gives_way_to_an_older_one_with_a_warning(tmp_path, capsys):
    folder = tmp_path / "mixup" / "checkpoints"
    for name in ("state-00002-000000", "state-00003-000000"):
        save_state(folder / f"{name}.safetensors", {"a": np.full(2, float(name[10]))}, STATE)
    newest = folder / "state-00003-000000.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1] + b"x")
    arrays, _, _ = read_trained(tmp_path / "mixup", "last")
    assert arrays["a"].tolist() == [2, 2]
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"warning: {newest}: damaged: ") and line.endswith("older state is used")


def test_beside_a_damaged_best_model_the_last_state_is_named(tmp_path):
    folder = CheckpointFolder(tmp_path / "mixup" / "checkpoints")
    folder.save_best(ARRAYS, STATE)
    folder.best.write_bytes(b"")
    with pytest.raises(UserError) as error:
        read_trained(tmp_path / "mixup")
    assert str(error.value).startswith(f"{folder.best}: ") and "last" not in str(error.value)
    save_state(folder.folder / "state-00003-000000.safetensors", ARRAYS, STATE)
    with pytest.raises(UserError, match=r"\n--checkpoint last takes the newest state$"):
        read_trained(tmp_path / "mixup")


def test_a_file_has_no_last_checkpoint(tmp_path):
    save_state(tmp_path / "mine.safetensors", ARRAYS, STATE)
    with pytest.raises(UserError, match=r"checkpoint: 'last' is one of a run's folder, .* a file"):
        read_trained(tmp_path / "mine.safetensors", "last")


@pytest.mark.parametrize(
    ("state", "epoch", "step"),
    [
        ({"epoch": 34}, 34, None),
        ({"progress": {"epoch": 60, "step": 0}}, 59, None),
        ({"progress": {"epoch": 60, "step": 7}}, 60, 7),
        ({}, None, None),
    ],
)
def test_the_epoch_of_a_checkpoint_is_the_one_it_was_trained_in(state, epoch, step):
    assert checkpoint_place(state) == {"checkpoint_epoch": epoch, "checkpoint_step": step}


@pytest.mark.parametrize(
    ("own_evaluation", "remark"),
    [
        (True, "chosen on these images, so it flatters"),
        (False, "chosen on the run's evaluation images"),
    ],
)
def test_the_best_flatters_on_the_images_it_was_chosen_on(own_evaluation, remark):
    place = {"checkpoint": "best", "checkpoint_epoch": 34, "checkpoint_step": None}
    line = describe_checkpoint(place, chosen=True, own_evaluation=own_evaluation)
    assert line == f"best checkpoint, epoch 34 (counted from 0; {remark})"


def test_a_checkpoint_within_an_epoch_says_its_step():
    place = {"checkpoint": "last", "checkpoint_epoch": 60, "checkpoint_step": 7}
    line = describe_checkpoint(place, chosen=False, own_evaluation=True)
    assert line == "last checkpoint, epoch 60 after step 7"


def test_the_top_five_are_told_of_more_than_five_classes():
    probabilities = np.tile([0.3, 0.25, 0.2, 0.15, 0.1, 0.0], (2, 1))
    six = figures(probabilities, np.array([0, 5]), list("abcdef"))
    assert (six["top1"], six["top5"]) == (0.5, 0.5)
    six["what"] = "all 2 images of here"
    assert headline(six).startswith("all 2 images of here: loss ")
    assert headline(six).endswith("top-1 0.5000, top-5 0.5000")
    five = figures(probabilities[:1, :5], np.array([0]), list("abcde"))
    assert five["top5"] is None
    five["what"] = "all 1 image of here"
    assert headline(five) == "all 1 image of here: loss 1.2040, top-1 1.0000"  # -log 0.3
    assert headline(five, Views()) == headline(five)
    assert headline(five, Views("flip")).endswith(
        "top-1 1.0000; with test-time augmentation: the mean over the image and its mirror image"
    )


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        (["--tta-draws", "8"], "tta_draws"),  # the default, but given
        (["--tta", "flip", "--tta-draws", "3"], "tta_draws"),
        (["--tta", "crops", "--tta-policy", "userDef"], "tta_policy"),
    ],
)
def test_options_of_the_draws_are_refused_without_them(arguments, name):
    with pytest.raises(UserError, match=f"^{name}: only with --tta draws$"):
        parse_args(["logs/mixup", *arguments])


def test_options_of_the_draws_are_taken_with_them():
    options = parse_args(["x", "--tta", "draws", "--tta-draws", "3", "--tta-policy", "userDef"])
    assert (options.tta_draws, options.tta_policy) == (3, "userDef")
    options = parse_args(["x", "--tta", "draws"])
    assert (options.tta_draws, options.tta_policy) == (8, "flip")


def test_an_output_folder_is_told_from_a_run(tmp_path):
    for mode in ("userDef", "mixup"):
        CheckpointFolder(tmp_path / mode / "checkpoints").save_best(ARRAYS, STATE)
    (tmp_path / "comparison").mkdir()
    message = f"{tmp_path}: not a run, but has some: {tmp_path}/mixup, {tmp_path}/userDef"
    for use in (read_trained, resume):
        with pytest.raises(UserError) as error:
            use(tmp_path)
        assert str(error.value) == message
    assert read_trained(tmp_path / "mixup")[2] == tmp_path / "mixup"
