"""evaluate.py on a real run: figures agree with the run's own, and files with each other."""

import csv
import json
import subprocess
from pathlib import Path

import cv2
import numpy as np
import pytest

from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import EvaluationOptions, parse_args
from paddle_aug.train.fit import fit
from tests.warm_python import warm_python

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Four epochs of LeNet on five digits a class."""
    output = tmp_path_factory.mktemp("logs")
    values = {
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 5, "batch_size": 10,
        "epochs": 4, "lr": 1e-3, "augment": "no", "output": str(output),
    }  # fmt: skip
    return fit(load_config(values), say=lambda line: None)


def evaluate(run: Path, output: Path, **options) -> dict:
    return evaluate_checkpoint(EvaluationOptions(str(run), output=str(output), **options))


@pytest.fixture(scope="module")
def plain(run, tmp_path_factory) -> tuple[dict, Path]:
    """The figures of the best checkpoint, and the folder that was written."""
    folder = tmp_path_factory.mktemp("plain")
    return evaluate(run, folder), folder


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.reader(file))


def test_the_last_checkpoint_has_the_figures_of_the_last_epoch(run, tmp_path):
    result = evaluate(run, tmp_path, checkpoint="last")
    history = rows(run / "metrics.csv")
    last = dict(zip(history[0], history[-1], strict=True))
    assert result["top1"] == float(last["accEval"])
    assert result["loss"] == pytest.approx(float(last["lossEval"]), rel=1e-5)
    assert result["images"] == 359


def test_the_last_checkpoint_of_averaged_weights_has_the_figures_of_the_last_epoch(tmp_path):
    config = load_config({
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 5, "batch_size": 10,
        "epochs": 3, "lr": 1e-3, "augment": "no", "ema": 0.999, "output": str(tmp_path),
    })  # fmt: skip
    run = fit(config, say=lambda line: None)
    result = evaluate(run, tmp_path / "out", checkpoint="last")
    assert result["top1"] == np.load(tmp_path / "noAug_accEval.npy")[-1]
    assert result["loss"] == pytest.approx(np.load(tmp_path / "noAug_lossEval.npy")[-1], rel=1e-5)


def test_the_best_checkpoint_is_the_epoch_with_the_highest_accuracy(run, plain):
    accuracies = np.load(run.parent / "noAug_accEval.npy")
    result, _ = plain
    assert result["checkpoint_epoch"] == int(accuracies.argmax())
    assert result["top1"] == accuracies.max()


def test_tables_pictures_and_json_agree(plain):
    result, folder = plain
    assert json.loads((folder / "evaluation.json").read_text()) == result
    confusion = np.array([row[1:] for row in rows(folder / "confusion.csv")[1:]], int)
    assert confusion.tolist() == result["confusion"]
    assert confusion.sum() == 359
    assert np.trace(confusion) / 359 == pytest.approx(result["top1"])
    classes = rows(folder / "classes.csv")
    assert classes[0] == ["class", "precision", "recall", "f1", "support"]
    recalls = np.array([float(row[2]) for row in classes[1:]])
    np.testing.assert_allclose(recalls, np.diag(confusion) / confusion.sum(1))
    mistakes = rows(folder / "mistakes.csv")[1:]
    assert len(mistakes) == 359 - np.trace(confusion)
    probabilities = [float(row[3]) for row in mistakes]
    assert probabilities == sorted(probabilities, reverse=True)
    assert all(row[1] != row[2] for row in mistakes)
    for name in ("confusion.png", "mistakes.png"):
        assert cv2.imread(str(folder / name)).std() > 5, f"{name} shows something"


def test_the_training_split_is_the_training_images(run, tmp_path):
    result = evaluate(run, tmp_path, split="train")
    assert result["images"] == 50


@pytest.mark.parametrize(
    "tta", [{"tta": "crops"}, {"tta": "draws", "tta_policy": "userDef", "tta_draws": 3}], ids=str
)
def test_augmented_views_change_the_probabilities_and_repeat_themselves(run, plain, tmp_path, tta):
    first = evaluate(run, tmp_path / "a", **tta)
    second = evaluate(run, tmp_path / "b", **tta)
    assert first["loss"] != plain[0]["loss"]
    assert first == second
    assert first["top1"] > 0.3


def test_draws_that_change_nothing_are_no_test_time_augmentation(run, tmp_path):
    with pytest.raises(UserError, match="all draws are alike: use --tta none"):
        evaluate(run, tmp_path, tta="draws", tta_policy="no", tta_draws=2)


def test_mirroring_digits_is_refused(run, tmp_path):
    with pytest.raises(UserError, match="mirror"):
        evaluate(run, tmp_path, tta="flip")


def test_other_classes_are_refused(run, tmp_path):
    for name in ("a", "b"):
        (tmp_path / "data" / name).mkdir(parents=True)
        for number in range(5):
            image = np.full((8, 8, 3), number * 10 + len(name), np.uint8)
            cv2.imwrite(str(tmp_path / "data" / name / f"{number}.png"), image)
    with pytest.raises(UserError, match=r"classes are not those the model was trained on"):
        evaluate(run, tmp_path / "out", data=str(tmp_path / "data"))


def test_the_command_prints_json_for_machines_and_nothing_else(run, tmp_path):
    command = [*warm_python(), "evaluate.py", str(run), "--json", "--output", str(tmp_path)]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["images"] == 359


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["x", "--batch-size", "0"], "batch_size: must be at least 1"),
        (["x", "--tta", "draws", "--tta-draws", "-1"], "tta_draws: must be at least 1"),
        (["x", "--workers", "two"], "workers: auto, thread or a number"),
    ],
)
def test_wrong_options_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        parse_args(arguments)


@pytest.mark.parametrize("content", [b"", b"\x80\x04evil", b"PK\x03\x04"])
def test_what_is_no_checkpoint_is_refused(tmp_path, content):
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match="not a readable checkpoint"):
        evaluate(path, tmp_path)
