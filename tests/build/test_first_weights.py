"""The line that names --weights says what they were trained for, where this run is otherwise."""

import numpy as np
import paddle
import pytest

from paddle_aug.build.first_weights import take_weights
from paddle_aug.build.model import make_model
from paddle_aug.config import load_config
from paddle_aug.runs.checkpoint import load_state, save_state
from tests.trained_runs import trained_run


def line_of(weights, classes=("a", "b"), **options) -> str:
    config = load_config({"model": "LeNet", "image_size": 32, "augment": "no",
                          "weights": str(weights), **options})  # fmt: skip
    return take_weights(make_model(config, len(classes)), config, classes)


def test_weights_of_a_run_with_the_same_images_need_no_remark(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"], mean=[0.5], std=[0.5, 0.5, 0.5])
    assert line_of(run) == f"weights of {run}: 10 of 10 arrays"


@pytest.mark.parametrize(
    ("before", "now", "remark"),
    [
        ({"mean": [0.1, 0.2, 0.3]}, {},
         "note: they were trained with --mean 0.1,0.2,0.3 (here 0.5,0.5,0.5)"),
        ({"std": [0.25]}, {"mean": [0.4]},
         "note: they were trained with --mean 0.5,0.5,0.5 (here 0.4,0.4,0.4) and --std "
         "0.25,0.25,0.25 (here 0.5,0.5,0.5)"),
        ({}, {"image_size": 40},
         "note: they were evaluated on images scaled to 32x32 (bilinear, not antialiased), here "
         "scaled to 40x40 (bilinear, not antialiased)"),
        ({}, {"train_transforms": [{"Resize": [32, 32]}]},
         "here scaled to 32x32 (bilinear, antialiased)"),
        ({"eval_transforms": [{"Resize": 40}, {"CenterCrop": 32}]},
         {"eval_transforms": [{"Resize": 36}, {"CenterCrop": 32}]},
         "by the run's --eval-transforms (bilinear, antialiased), here by other --eval-transforms"),
    ],
)  # fmt: skip
def test_another_normalisation_or_scaling_is_said(before, now, remark, tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"], **before)
    line = line_of(run, **now)
    assert line.startswith(f"weights of {run}: 10 of 10 arrays; note: ") and line.endswith(remark)


@pytest.mark.parametrize(
    ("classes", "said"), [(["a", "c"], "b there, c here"), (["b", "a"], "a there, b here")]
)
def test_a_head_of_as_many_other_classes_is_taken_and_said(classes, said, tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    line = line_of(run, classes)
    assert line == (f"weights of {run}: 10 of 10 arrays; note: they tell other classes apart "
                    f"({said}); the head is taken too")  # fmt: skip
    assert "new head" in line_of(run, ["a", "b", "c"]) and "apart" not in line_of(run, "abc")


def test_gray_compares_the_average(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"], channels=1, mean=[0.2, 0.4, 0.6])
    assert "note" not in line_of(run, channels=1, mean=[0.4])


def test_a_file_without_a_record_says_so(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    arrays, _ = load_state(run / "checkpoints" / "best.safetensors")
    np.savez(tmp_path / "a.npz", **{n.removeprefix("model/"): a for n, a in arrays.items()})
    assert line_of(tmp_path / "a.npz") == (
        f"weights of {tmp_path}/a.npz: 10 of 10 arrays; the file does not say for which --mean, "
        "--std and scaling of images"
    )


def test_weights_of_another_version_are_taken_all_the_same(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    best = run / "checkpoints" / "best.safetensors"
    arrays, state = load_state(best)
    state["config"]["an_option_of_later"] = 5
    save_state(best, arrays, state)
    assert "10 of 10 arrays; note: of another version, whose --mean" in line_of(run)


def test_imagenet_weights_say_their_normalisation(tmp_path, monkeypatch):
    config = load_config({"model": "ResNet18", "image_size": 64, "weights": "pretrained"})
    model = make_model(config, 1000)
    paddle.save(model.state_dict(), str(tmp_path / "a.pdparams"))
    monkeypatch.setattr(
        paddle.utils.download, "get_weights_path_from_url", lambda *_: str(tmp_path / "a.pdparams")
    )
    said = "note: they were trained with --mean 0.485,0.456,0.406 (here 0.5,0.5,0.5) and --std"
    classes = [str(number) for number in range(1000)]
    assert said in take_weights(model, config, classes)
    normalised = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    config = load_config({**config.dump(), **normalised})
    assert take_weights(model, config, classes) == "weights of pretrained: 102 of 102 arrays"
