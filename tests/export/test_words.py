"""The words of export.json, followed without this project, give evaluate.py's figures."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.datasets import load_sample_images

from paddle_aug.__main__ import main
from paddle_aug.augment.transform_list import VOCABULARY
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.config import load_config
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.export import words as export_words
from paddle_aug.export.words import random_steps, spelled_out, steps_in_words
from tests.trained_runs import trained_run
from tests.warm_python import warm_python

# What a stranger's program does: it reads the sentences, and knows Pillow, OpenCV, NumPy, Paddle.
FOLLOW = r"""
import json, re, sys
from pathlib import Path
import cv2, numpy as np, paddle
from PIL import Image, ImageOps

folder, data = map(Path, sys.argv[1:])
about = json.loads((folder / "export.json").read_text())
given = about["input"]

def gray(image):
    red, green, blue = image.astype(int).transpose(2, 0, 1)
    return ((9798 * red + 19235 * green + 3735 * blue + 16384) // 32768).astype(np.uint8)

def follow(words, image):
    if words.startswith("decode the file to an RGB image"):
        return np.asarray(ImageOps.exif_transpose(Image.open(image)).convert("RGB"))
    if words.startswith("scale"):
        height, width = image.shape[:2]
        least = min(height, width)
        if both := re.match(r"scale to height (\d+) and width (\d+)", words):
            height, width = map(int, both.groups())
        else:
            side = int(re.match(r"scale both sides by (\d+) / min\(old height, old", words)[1])
            height, width = side * height // least, side * width // least
        if "cv2.resize(image" in words:
            assert "INTER_LINEAR" in words
            return cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        method = Image.Resampling[re.search(r"Pillow's .* Image.Resampling.(\w+)", words)[1]]
        return np.asarray(Image.fromarray(image).resize((width, height), method))
    if cut := re.match(r"cut out (\d+) rows and (\d+) columns", words):
        (rows, columns), (height, width) = map(int, cut.groups()), image.shape[:2]
        top, left = round((height - rows) / 2), round((width - columns) / 2)
        return image[top : top + rows, left : left + columns]
    if added := re.match(r"add pixels of the value (\d+) in all channels: (\d+) columns left, "
                         r"(\d+) rows above, (\d+) columns right, (\d+) rows below", words):
        value, left, above, right, below = map(int, added.groups())
        sides = ((above, below), (left, right), (0, 0))
        return np.pad(image, sides, constant_values=value)
    if "9798 red + 19235 green + 3735 blue + 16384) // 32768" in words:
        image = gray(image)
        return np.stack([image] * 3, 2) if "three equal channels" in words else image[..., None]
    assert words.startswith("divide by 255, subtract `mean` and divide by `std`"), words
    image = (image / 255 - np.array(given["mean"])) / np.array(given["std"])
    return image.astype(np.float32).transpose(2, 0, 1)

images, labels = [], []
for number, name in enumerate(about["classes"]):
    for path in sorted((data / name).iterdir()):
        image = path
        for words in given["steps"]:
            image = follow(words, image)
        images.append(image)
        labels.append(number)
outputs = paddle.jit.load(str(folder / "inference"))(paddle.to_tensor(np.stack(images)))
logits = dict(zip(about["outputs"], outputs))["logits"].numpy().astype(np.float64)
log_sum = np.log(np.exp(logits - logits.max(1, keepdims=True)).sum(1)) + logits.max(1)
loss = np.mean(log_sum - logits[np.arange(len(labels)), labels])
print(json.dumps({"images": len(labels), "loss": loss,
                  "top1": float((logits.argmax(1) == labels).mean())}))
"""


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Parts of two photographs, none of them square, in colour and gray, JPEG and PNG."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for name, photo in zip(("china", "flower"), load_sample_images().images, strict=True):
        (folder / name).mkdir()
        for i in range(8):
            height, width = rng.integers(40, 200, 2)
            top, left = rng.integers(0, 427 - height), rng.integers(0, 640 - width)
            part = Image.fromarray(photo[top : top + height, left : left + width])
            part = part.convert("L") if i % 4 == 3 else part
            part.save(folder / name / f"{i}.{'jpg' if i % 2 else 'png'}")
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"channels": 1, "mean": [0.2, 0.4, 0.6], "std": [0.3]},
        {"eval_transforms": [{"Resize": 40}, {"CenterCrop": [32, 32]}]},
        {"eval_transforms": [{"Resize": {"size": 37, "interpolation": "bicubic"}},
                             {"CenterCrop": 31}, {"Pad": {"padding": [1, 0, 0, 1], "fill": 9}}],
         "channels": 1},
        {"eval_transforms": ["Grayscale", {"Resize": {"size": [32, 32], "antialias": False}}],
         "mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]},
        {"train_transforms": [{"RandomResizedCrop": {"size": 32, "interpolation": "lanczos"}}]},
    ],
    ids=["default", "gray", "crop", "gray-crop-pad", "opencv", "as-training"],
)  # fmt: skip
def test_the_words_give_the_figures_of_evaluate(options, photographs, tmp_path):
    run = trained_run(tmp_path / "run", ["china", "flower"], **options)
    settings = EvaluationOptions(str(run), data=str(photographs), workers=0)
    expected = evaluate_checkpoint(settings)
    assert main(["export", str(run)]) == 0
    command = [*warm_python(), "-c", FOLLOW, str(run / "export"), str(photographs)]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = json.loads(result.stdout.splitlines()[-1])
    assert found["images"] == expected["images"] == 16
    assert found["top1"] == expected["top1"]
    assert found["loss"] == pytest.approx(expected["loss"], abs=1e-6)


def test_every_transform_is_either_random_or_told_in_words():
    for name, kind in VOCABULARY.items():
        is_random = kind.sample is not Transform.sample
        assert is_random == (kind not in export_words._WORDS), name


def test_the_default_scaling_is_spelled_out_as_another_than_a_lists_resize():
    size = {"size": [32, 32], "interpolation": "bilinear"}
    default = load_config({"image_size": 32})
    assert spelled_out(default) == [{"Resize": {**size, "antialias": False}}]
    assert "cv2.INTER_LINEAR" in steps_in_words(default)[1]
    given = load_config({"image_size": 32, "eval_transforms": [{"Resize": [32, 32]}]})
    assert spelled_out(given) == [{"Resize": {**size, "antialias": True}}]
    assert "Image.Resampling.BILINEAR" in steps_in_words(given)[1]
    # What is spelled out is a list of transforms itself, of the same meaning.
    again = load_config({"image_size": 32, "eval_transforms": spelled_out(default)})
    assert steps_in_words(again) == steps_in_words(default)


def test_what_evaluation_draws_at_random_is_told(tmp_path, capsys):
    steps = [{"RandomCrop": 32}, "RandomHorizontalFlip"]
    run = trained_run(tmp_path / "run", ["a", "b"], eval_transforms=steps)
    assert main(["export", str(run)]) == 0
    note = "note: the run's --eval-transforms draw at random (RandomCrop, RandomHorizontalFlip)"
    assert note in capsys.readouterr().out
    told = json.loads((run / "export" / "export.json").read_text())["input"]["steps"]
    assert told[1] == "RandomCrop: evaluate.py draws it at random; left out, figures differ"
    assert random_steps(load_config({"image_size": 32})) == []


@pytest.mark.parametrize("mode", ["constant", "edge", "reflect", "symmetric"])
def test_padding_is_told_by_its_sides(mode):
    steps = [{"Resize": [20, 20]}, {"Pad": {"padding": [2, 6], "padding_mode": mode}}]
    words = steps_in_words(load_config({"image_size": 24, "eval_transforms": steps}))[2]
    assert words.endswith(": 2 columns left, 6 rows above, 2 columns right, 6 rows below")
