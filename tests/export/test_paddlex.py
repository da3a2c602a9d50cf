"""inference.yml says what the run does to an image, and PaddleX itself takes the folder."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image
from sklearn.datasets import load_sample_images

from paddle_aug.__main__ import main
from paddle_aug.build.data import evaluation_view
from paddle_aug.build.model import make_model
from paddle_aug.config import load_config, load_trained_config
from paddle_aug.data.load import load_data
from paddle_aug.data.options import DataOptions
from paddle_aug.export.paddlex import in_other_pixels, inference_yml, paddlex_name, why_not
from paddle_aug.export.program import outputs_of
from paddle_aug.runs.checkpoint import read_trained, trained_weights
from paddle_aug.weights.into_model import load_model
from tests.trained_runs import trained_run

CLASSES = ["no", "火锅", "3"]
CROPPED = [{"Resize": 40}, {"CenterCrop": [32, 32]}]

ASK = """
import json, sys
from paddlex import create_model
jobs, *images = sys.argv[1:]
answers = []
for name, folder in json.loads(jobs):
    model = create_model(name, model_dir=folder, device="cpu")
    results = list(model.predict(images, batch_size=4))
    answers.append([dict(zip(r["label_names"], r["scores"].tolist())) for r in results])
print(json.dumps(answers))
"""


def yml(**options) -> dict:
    return yaml.safe_load(inference_yml(load_config({"image_size": 32, **options}), CLASSES))


def test_the_default_is_opencvs_resize_and_one_value_a_channel():
    found = yml(mean=[0.1, 0.2, 0.3], std=[0.5])
    assert found["Global"] == {"model_name": "ResNet18"}
    assert found["PreProcess"]["transform_ops"] == [
        {"ResizeImage": {"size": [32, 32], "interpolation": "LINEAR", "backend": "cv2"}},
        {"NormalizeImage": {"scale": 1 / 255, "mean": [0.1, 0.2, 0.3], "std": [0.5] * 3,
                            "order": "", "channel_num": 3}},
        {"ToCHWImage": None},
    ]  # fmt: skip
    # Names that YAML would read as something else stay names.
    assert found["PostProcess"] == {"Topk": {"topk": 3, "label_list": CLASSES}}


def test_transforms_of_evaluation_are_in_paddlexs_words():
    steps = [{"Resize": {"size": [20, 30], "interpolation": "lanczos"}}, {"CenterCrop": [16, 24]}]
    resize, crop, *_ = yml(eval_transforms=steps)["PreProcess"]["transform_ops"]
    filters = {"interpolation": "LANCZOS4", "backend": "pil"}
    assert resize == {"ResizeImage": {"size": [30, 20], **filters}}  # width first
    assert crop == {"CropImage": {"size": [24, 16]}}
    resize, *_ = yml(eval_transforms=CROPPED)["PreProcess"]["transform_ops"]
    short = {"resize_short": 40, "interpolation": "BILINEAR", "backend": "pil"}
    assert resize == {"ResizeImage": short}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"channels": 1}, "three channels, this one takes gray"),
        ({"eval_transforms": ["Grayscale", {"Resize": [32, 32]}]}, "has Grayscale, Resize"),
        ({"eval_transforms": [{"CenterCrop": 32}]}, "the run has CenterCrop"),
        ({"eval_transforms": [{"Resize": [32, 32]}, "RandomHorizontalFlip"]}, "RandomHorizon"),
    ],
)
def test_what_paddlex_cannot_do_is_said_and_no_file_is_written(options, reason, tmp_path, capsys):
    assert reason in str(why_not(load_config({"image_size": 32, **options})))
    run = trained_run(tmp_path / "run", CLASSES, **options)
    assert main(["export", str(run)]) == 0
    said = capsys.readouterr().out
    assert "note: no inference.yml, so not for PaddleX: PaddleX" in said and reason in said
    assert not (run / "export" / "inference.yml").exists()


@pytest.mark.parametrize(
    ("steps", "said"),
    [
        (None, False),
        ([{"Resize": [40, 42]}, {"CenterCrop": 32}], False),
        ([{"Resize": [37, 36]}, {"CenterCrop": 32}], False),  # 2.5 rows are 2 to both
        ([{"Resize": [36, 39]}, {"CenterCrop": 32}], True),  # 3.5 columns: 4 here, 3 there
        (CROPPED, True),
    ],
)
def test_a_pixel_that_paddlex_scales_or_crops_otherwise_is_said(steps, said, tmp_path, capsys):
    config = load_config({"image_size": 32, "eval_transforms": steps})
    assert (in_other_pixels(config) is not None) == said
    if steps == CROPPED:
        assert main(["export", str(trained_run(tmp_path, CLASSES, eval_transforms=steps))]) == 0
        assert "note: PaddleX scales and crops up to one pixel" in capsys.readouterr().out


def test_a_model_of_paddlex_has_its_own_name_and_others_say_that_they_have_not():
    assert paddlex_name("ResNet50") == paddlex_name("paddle.vision:resnet50") == "ResNet50"
    assert paddlex_name("ResNet34Clas") == "ResNet34"
    assert paddlex_name("GoogLeNet") == "ResNet18"
    text = inference_yml(load_config({"model": "GoogLeNet", "image_size": 32}), CLASSES)
    assert text.startswith("# PaddleX has no GoogLeNet: it takes the folder under a name of its")
    text = inference_yml(load_config({"model": "ResNet50", "image_size": 32}), CLASSES)
    assert text.startswith("Global:")


RUNS = {  # options of a run, and what PaddleX may differ by; it gives five digits
    "default": ({}, 2e-5),
    "normalised": ({"mean": [0.485, 0.456, 0.406], "std": [0.2, 0.3, 0.4]}, 2e-5),
    "Pillow": ({"train_transforms": [{"Resize": [32, 32]}]}, 2e-5),
    "cropped": ({"eval_transforms": [{"Resize": [40, 42]}, {"CenterCrop": 32}]}, 2e-5),
    # Said when it is exported.
    "up to a pixel": ({"eval_transforms": CROPPED}, 0.06),
}


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """Nine parts of two photographs, none square, in three class folders."""
    folder = tmp_path_factory.mktemp("photographs")
    photos = load_sample_images().images
    for number, name in enumerate(CLASSES):
        (folder / name).mkdir()
        for i in range(3):
            top, left, height, width = 40 * i, 50 * number, 90 + 31 * i, 120 + 17 * number
            part = photos[i % 2][top : top + height, left : left + width]
            Image.fromarray(part).save(folder / name / f"{i}.png")
    return folder


@pytest.mark.skipif(importlib.util.find_spec("paddlex") is None, reason="needs paddlex")
def test_paddlex_takes_the_folder_and_gives_the_probabilities_of_evaluation(photographs, tmp_path):
    options = DataOptions(data=str(photographs), known_classes=tuple(CLASSES), eval_share=0.8)
    _, dataset = load_data(options)
    paths = [dataset.source(index) for index in range(len(dataset))]
    jobs = []
    for name, (settings, _) in RUNS.items():
        run = trained_run(tmp_path / name, CLASSES, **settings)
        assert main(["export", str(run)]) == 0
        jobs.append([paddlex_name("LeNet"), str(run / "export")])
    result = subprocess.run(
        [sys.executable, "-c", ASK, json.dumps(jobs), *paths],
        capture_output=True, text=True, cwd=tmp_path,
        env={**os.environ, "PADDLE_PDX_DISABLE_MODEL_SOURCE_CHECK": "True",
             "PADDLE_PDX_CACHE_HOME": str(tmp_path / "cache")},
    )  # fmt: skip
    assert result.returncode == 0, result.stderr
    answers = json.loads(result.stdout.splitlines()[-1])
    assert len(answers) == len(RUNS)
    for (name, (_, tolerance)), found in zip(RUNS.items(), answers, strict=True):
        arrays, state, _ = read_trained(tmp_path / name)
        config = load_trained_config(state["config"], where="")
        model = make_model(config, len(CLASSES))
        load_model(model, trained_weights(arrays))
        model.eval()
        view = evaluation_view(dataset, config)
        images = np.stack([view.sample(0, index).image for index in range(len(view))])
        expected = outputs_of(model, images)[0]
        got = np.array([[scores[kind] for kind in CLASSES] for scores in found])
        assert np.abs(got - expected).max() <= tolerance, name
        assert np.ptp(expected, axis=0).max() > 0.1, name  # the images are told apart
