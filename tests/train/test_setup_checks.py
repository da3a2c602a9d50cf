"""What is refused or said before training: one class, and batches of one image."""

import numpy as np
import paddle
import pytest
from PIL import Image

from paddle_aug.batches.loader import Loader
from paddle_aug.build.model import make_model
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.train.fit import fit, resume
from paddle_aug.train.messages import introduction
from paddle_aug.train.setup import build_setup, check_batch_norms
from tests.helpers import view


def write_images(folder, counts):
    rng = np.random.default_rng(0)
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for i in range(count):
            image = rng.integers(0, 256, (32, 32, 3), np.uint8)
            Image.fromarray(image).save(folder / name / f"{i}.png")
    return folder


def said(folder, **options):
    """The lines before training."""
    lines = []
    values = {
        "data": str(folder), "augment": "no", "image_size": 32, "cpu_backend": "paddle",
        "workers": 0, "cache": False, "model": "ResNet18", "stem": "imagenet", **options,
    }  # fmt: skip
    with paddle.utils.unique_name.guard():
        build_setup(load_config(values), lines.append)
    return lines


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """20 training images of two classes, and 6 to evaluate on."""
    folder = tmp_path_factory.mktemp("images")
    write_images(folder / "train", {"a": 10, "b": 10})
    write_images(folder / "val", {"a": 3, "b": 3})
    return folder


def test_batches_of_one_image_are_refused_where_nothing_would_be_learned(images):
    message = (
        r"^batch_size: with one image a step 5 batch normalisations of ResNet18 "
        r"\(layer4\.0\.bn1 \.\.\. layer4\.1\.bn2\) see a single value a channel, which .*take a "
        "--batch-size of 2 or more, or a larger --image-size$"
    )
    with pytest.raises(UserError, match=message):
        said(images, batch_size=1)


@pytest.mark.parametrize(
    ("options", "warned"),
    [
        ({"batch_size": 19}, True),  # the last of two batches
        ({"batch_size": 19, "max_steps": 1}, False),
        ({"batch_size": 6}, False),
        ({"batch_size": 1, "image_size": 64}, False),
        ({"batch_size": 1, "model": "LeNet", "stem": "auto"}, False),
    ],
    ids=str,
)
def test_a_last_batch_of_one_image_is_told(options, warned, images):
    lines = [line for line in said(images, **options) if line.startswith("warning")]
    told = [
        "warning: the last batch of an epoch has one image, of which 5 batch normalisations of "
        "ResNet18 (layer4.0.bn1 ... layer4.1.bn2) see a single value a channel, which cannot be "
        "normalised: that step undoes what others learn; another --batch-size avoids it"
    ]
    assert lines == (told if warned else [])


@pytest.mark.parametrize(
    ("images", "batch_size", "remedy"),
    [
        (3, 4, "fewer processes"),  # one process gets none
        (4, 4, "fewer processes"),
        (7, 1, "a --batch-size of 2 or more"),  # one each, then one for three of the four
        (6, 2, None),  # 2, 2, 1 and 1
        (9, 2, None),  # 2 each, then one for one of them
    ],
)
def test_four_processes_with_one_image_each_do_not_learn(images, batch_size, remedy):
    config = load_config({"model": "ResNet18", "stem": "imagenet", "image_size": 32})
    loader = Loader(view(images), batch_size, shuffle=True, ranks=4)
    lines = []
    try:
        check_batch_norms(make_model(config, 2), config, loader, lines.append)
    except UserError as error:
        lines.append(str(error))
    (line,) = lines
    if remedy:
        assert line.startswith("batch_size: with one image a step 5 batch normalisations of ")
        assert line.endswith(f"would not learn; take {remedy}, or a larger --image-size")
    else:
        assert line.startswith("warning: the last batch of an epoch has one image, of which 5 ")


def test_the_trial_changes_neither_weights_nor_draws(images):
    def curve(folder, trial):
        options = {
            "data": str(images), "augment": "no", "image_size": 32, "model": "LeNet", "epochs": 1,
            "batch_size": 19, "workers": 0, "cpu_backend": "paddle", "output": str(folder),
        }  # fmt: skip
        with pytest.MonkeyPatch.context() as patch:
            if not trial:
                patch.setattr("paddle_aug.train.setup.single_value_norms", lambda *a: [])
            fit(load_config(options), say=lambda line: None)
        return np.load(folder / "noAug_lossTrain.npy").tobytes()

    tmp = images / "logs"
    assert curve(tmp / "one", True) == curve(tmp / "two", False)


@pytest.mark.parametrize("names", [None, ["disc", "square"]])
def test_training_images_of_one_class_are_refused(names, tmp_path):
    folder = write_images(tmp_path / "d", {"disc": 10})
    (folder / "Train.txt").write_text("".join(f"disc/{i}.png 0\n" for i in range(10)))
    if names:
        (folder / "classes.txt").write_text("\n".join(names))
    name = names[0] if names else "0"
    message = f"Train.txt: all 8 training images are of one class, '{name}': there is nothing to"
    with pytest.raises(UserError, match=message):
        said(folder)


@pytest.mark.parametrize("options", [
    {"train_transforms": [{"RandomResizedCrop": 64}]},
    {"eval_transforms": [{"Resize": [64, 64]}]},
])  # fmt: skip
def test_transforms_that_end_in_another_size_are_refused_before_a_run_has_files(
    options, images, tmp_path
):
    output = tmp_path / "logs"
    values = {"data": str(images), "augment": "no", "image_size": 32, "model": "LeNet",
              "output": str(output), "workers": 0, "cache": False}  # fmt: skip
    with pytest.raises(UserError, match="is 64x64 after the transforms, but the model takes 32x32"):
        fit(load_config({**values, **options}))
    assert not (output / "no").exists()


FLIPS = [{"Resize": [32, 32]}, "RandomHorizontalFlip"]


@pytest.mark.parametrize(("transforms", "told"), [(FLIPS, True), (None, False)])
def test_of_digits_it_is_told_that_a_list_of_transforms_is_applied_as_it_stands(transforms, told):
    lines = said("digits", model="LeNet", stem="auto", per_class=2, train_transforms=transforms)
    assert "flips and large rotations would change what they show, and are off" in lines[0]
    assert any("applied as they stand" in line for line in lines) == told


def test_a_resumed_run_does_not_read_other_data_at_its_old_places(tmp_path):
    folder = write_images(tmp_path / "camA", {"a": 4, "b": 4})
    rows = "".join(f"{name}/{i}.png {name}\n" for name in "ab" for i in range(4))
    (tmp_path / "list.txt").write_text(rows)
    options = {
        "data": str(tmp_path / "list.txt"), "images_root": str(folder), "split": "stratified",
        "augment": "no", "model": "LeNet", "image_size": 32, "epochs": 1, "workers": 0,
        "cpu_backend": "paddle", "output": str(tmp_path / "logs"),
    }  # fmt: skip
    run = fit(load_config(options), say=lambda line: None)
    other = tmp_path / "other.txt"
    other.write_text(rows)
    with pytest.raises(UserError, match=r"^images_root: the run .*no has .*camA' for its own data"):
        resume(run, True, {"data": str(other), "epochs": 2}, say=lambda line: None)


def test_a_resumed_run_keeps_its_classes_and_its_record(tmp_path):
    write_images(tmp_path / "one", {"a": 4, "b": 4})
    write_images(tmp_path / "alike", {"a": 5, "b": 4})
    write_images(tmp_path / "two", {"a": 4, "c": 4})
    write_images(tmp_path / "three", {"a": 4, "b": 4, "c": 4})
    options = {
        "data": str(tmp_path / "one"), "augment": "no", "model": "LeNet", "image_size": 32,
        "epochs": 1, "workers": 0, "cpu_backend": "paddle", "output": str(tmp_path / "logs"),
    }  # fmt: skip
    run = fit(load_config(options), say=lambda line: None)
    lines = []

    def go_on(**changes):
        resume(run, True, changes, say=lines.append)

    for name, what in (("two", "b then, c now"), ("three", "2 then, 3 now")):
        with pytest.raises(UserError, match=rf"are not those of the run \({what}\)"):
            go_on(data=str(tmp_path / name), epochs=2)
    before = (run / "config.yaml").read_text()
    for changes in ({"data": str(tmp_path / "alike")}, {"lr": 0.5}):
        with pytest.raises(UserError, match=r"training has ended \(epoch 1 of 1\), so this would"):
            go_on(**changes)
    assert (run / "config.yaml").read_text() == before
    go_on(epochs=2, gamma=0.5)
    assert "note: --gamma has no effect with --lr-schedule constant" in lines
    assert len((run / "metrics.csv").read_text().splitlines()) == 3


@pytest.mark.parametrize(("steps", "told"), [(4, True), (3, True), (2, False)])
def test_a_limit_of_steps_that_limits_nothing_is_named(steps, told, images):
    lines = said(images, model="LeNet", stem="auto", batch_size=8, max_steps=steps)
    line = f"note: --max-steps {steps} has no effect: an epoch has 3 steps"
    assert (line in lines) is told
    lines = said(images, model="LeNet", stem="auto", batch_size=20, max_steps=1)
    assert "note: --max-steps 1 has no effect: an epoch has 1 step" in lines


def test_the_images_of_a_step_are_no_more_than_there_are(images):
    values = {"data": str(images), "model": "LeNet", "image_size": 32, "augment": "no",
              "cpu_backend": "paddle", "batch_size": 64, "workers": 0, "cache": False}  # fmt: skip
    with paddle.utils.unique_name.guard():
        setup = build_setup(load_config(values), lambda line: None)
    assert "of 1 step with 20 images" in introduction(setup)
