"""The exported files, read with nothing of this project, classify as the run did."""

import json
import subprocess
import sys

import numpy as np
import pytest

from models import build_model
from paddle_aug.__main__ import main
from paddle_aug.commands import export
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.load import load_data
from paddle_aug.data.options import DataOptions
from paddle_aug.train.fit import fit

# What a stranger's program does: Paddle, OpenCV and export.json, nothing of this project.
CLASSIFY = """
import json, sys
import cv2, numpy as np, paddle
folder, images = sys.argv[1:]
about = json.load(open(f"{folder}/export.json"))
given = about["input"]
size = tuple(given["transforms"][0]["Resize"]["size"][::-1])
rows = [cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for image in np.load(images)]
rows = [cv2.cvtColor(row, cv2.COLOR_RGB2GRAY)[..., None] for row in rows] \\
    if given["colours"] == "gray" else rows
batch = (np.stack(rows) / 255 - given["mean"]) / given["std"]
batch = paddle.to_tensor(batch.transpose(0, 3, 1, 2), "float32")
logits = paddle.jit.load(f"{folder}/model")(batch)
print(json.dumps([about["classes"][k] for k in logits.argmax(-1).tolist()]))
"""


@pytest.mark.parametrize("channels", [3, 1])
def test_an_exported_model_classifies_as_the_run_did(channels, tmp_path, capsys):
    values = {
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 5, "batch_size": 10,
        "epochs": 3, "lr": 1e-3, "augment": "no", "channels": channels, "output": str(tmp_path),
    }  # fmt: skip
    run = fit(load_config(values), say=lambda line: None)
    assert main(["export", str(run), "--checkpoint", "last"]) == 0
    assert f"wrote {run}/export/model.json" in capsys.readouterr().out

    _, evaluation = load_data(DataOptions(data="digits", per_class=5))
    images, labels = zip(*(evaluation[index] for index in range(359)), strict=True)
    np.save(tmp_path / "images.npy", np.stack(images))
    command = [sys.executable, "-c", CLASSIFY, str(run / "export"), str(tmp_path / "images.npy")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = np.array(json.loads(result.stdout.splitlines()[-1]))
    truth = np.array(evaluation.classes)[list(labels)]
    accuracy = np.load(tmp_path / "noAug_accEval.npy")[-1]
    # Rounding may turn the one image whose two best logits are equal to the last digit.
    assert (found == truth).mean() == pytest.approx(accuracy, abs=1.5 / 359)


def test_what_evaluation_does_to_an_image_is_told(tmp_path):
    config = load_config({
        "image_size": 24, "channels": 1, "mean": [0.2, 0.4, 0.6], "std": [0.5],
        "eval_transforms": [{"Resize": 30}, {"CenterCrop": 24}],
    })  # fmt: skip
    told = export.description(config, {"classes": ["a", "b"], "epoch": 4})
    resize = {"size": 30, "interpolation": "bilinear", "antialias": True}
    assert told["input"]["transforms"] == [{"Resize": resize}, {"CenterCrop": {"size": [24, 24]}}]
    assert told["input"]["mean"] == [pytest.approx(0.4)] and told["input"]["std"] == [0.5]
    assert told["input"]["shape"] == ["batch", 1, 24, 24]
    assert (told["classes"], told["epoch"]) == (["a", "b"], 4)


def test_a_model_with_batch_normalisation_is_saved_for_batches_of_any_size(tmp_path):
    model = build_model("ResNetSmall", 5, 1, 32)
    model.eval()
    config = load_config({"model": "ResNetSmall", "image_size": 32, "channels": 1})
    assert export.save_program(model, config, tmp_path / "model") <= export.TOLERANCE


def test_a_program_that_differs_from_its_model_is_not_written(tmp_path, monkeypatch):
    model = build_model("LeNet", 5, 3, 32)
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="not written: the saved program's outputs differ"):
        export.save_program(model, load_config({"image_size": 32}), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_paddle_that_saves_in_an_older_format_is_named(tmp_path, monkeypatch):
    model = build_model("LeNet", 5, 3, 32)
    monkeypatch.setattr("paddle.jit.save", lambda *_, **__: None)
    with pytest.raises(
        UserError, match="this Paddle saves programs in an older format; export with"
    ):
        export.save_program(model, load_config({"image_size": 32}), tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="best.safetensors: no such file"):
        main(["export", str(tmp_path)])
