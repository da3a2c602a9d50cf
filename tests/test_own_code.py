"""Code of a user's own by import path: trained with, and refused where it does not fit."""

import hashlib
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from paddle_aug.build.data import load_datasets
from paddle_aug.build.model import make_model
from paddle_aug.config import load_config, without_effect
from paddle_aug.core import own_code
from paddle_aug.core.errors import UserError
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.modes import MODES
from paddle_aug.train.fit import fit, resume
from tests.warm_python import warm_python

ROOT = Path(__file__).parent.parent
MODULE = """
import numpy as np, paddle
from paddle_aug.mix.methods import Draw, Method

def darker(image, rng):
    return (image * rng.uniform(0.5, 1)).astype("uint8")

def _half(rng, numbers, height, width):
    return Draw(lam=0.5)

def _apply(images, partners, draw, numbers):
    width = images.shape[-1] // 2
    mask = np.zeros((1, 1, 1, images.shape[-1]), "float32")
    mask[..., width:] = 1
    mask = mask if isinstance(images, np.ndarray) else paddle.to_tensor(mask)
    return images * (1 - mask) + partners * mask

right_half = Method(_half, _apply)

class Net(paddle.nn.Layer):
    def __init__(self, num_classes, in_channels):
        super().__init__()
        self.layers = paddle.nn.Sequential(
            paddle.nn.Conv2D(in_channels, 4, 3), paddle.nn.ReLU(),
            paddle.nn.AdaptiveAvgPool2D(2), paddle.nn.Flatten(),
            paddle.nn.Linear(16, num_classes))
    def forward(self, x):
        return self.layers(x)

class Squares:
    classes = ["dark", "light"]
    def __init__(self, count): self.count = count
    def __len__(self): return self.count
    def __getitem__(self, index):
        if index >= self.count: raise IndexError
        return np.full((12, 10, 3), 40 + 160 * (index % 2), np.uint8), index % 2

def load():
    return Squares(8), Squares(4)

# What does not fit.
number = 3
def changes(image, rng): image[:] = 0; return image
def floats(image, rng): return image / 255
def fails(image, rng): raise RuntimeError("no\\nand so on")
def unseeded(image, rng): return np.random.randint(0, 255, image.shape).astype("uint8")
def mixup(image, rng): return image
wrong_shape = Method(_half, lambda a, b, draw, numbers: a[:, :1])
wrong_lam = Method(lambda *_: Draw(lam=1.5), _apply)
class Features(Net):
    def forward(self, x): return super().forward(x)[:, :1]
def no_net(num_classes): return num_classes
def one_part(): return Squares(3)
def empty(): return Squares(3), Squares(0)
def strings(): return ["a", "b"], ["c"]
def labelled(labels=None, classes=None):
    def load():
        sets = Squares(6), Squares(4)
        if labels is not None: sets[0].labels = labels
        if classes is not None: sets[0].classes = sets[1].classes = classes
        return sets
    return load
wholes, bools = labelled([0.0, 1.0] * 3), labelled([False, True] * 3)
columns = labelled(np.array([[0], [1], [0], [1], [0], [1]]))
too_few, too_many = labelled([0, 1, 0]), labelled([0, 1] * 5)
names, halves = labelled(["dark", "light"] * 3), labelled([0.5, 1, 0, 1, 0, 1])
shifted, ragged = labelled([1, 0, 1, 0, 1, 0]), labelled([[0], [1, 2], 0, 1, 0, 1])
count, word = labelled(classes=2), labelled(classes="ab")
class Column(Squares):
    def __getitem__(self, index): return super().__getitem__(index)[0], np.array([index % 2])
class Bare(Squares):
    classes = None
    def __init__(self, last): self.count, self.labels = 6, np.array([0, 1, 0, 1, 0, last])
def many(): return Bare(4294967295), Bare(1)
def negative(): return Bare(-1), Bare(1)
class Half(Squares):
    def __getitem__(self, index): return super().__getitem__(index)[0], 0.5
def column_items(): return Column(4), Column(4)
def half_items(): return Half(4), Half(4)
class Torn(Squares):
    labels = [0, 1, 0, 1]
    def __getitem__(self, index):
        if index == 3: raise OSError("torn")
        return super().__getitem__(index)
def torn(): return Torn(4), Squares(4)
def fails_on_the_tried(image, rng):
    if image[0, 0, 0] == 200: raise ZeroDivisionError("light")
    return image.copy()
"""


def line_of(text: str) -> int:
    """The number of the module's line that has a text."""
    return next(n for n, line in enumerate(MODULE.splitlines(), 1) if text in line)


@pytest.fixture
def module(tmp_path, monkeypatch):
    """A folder with the module `mine`, which may be imported for the length of a test."""
    (tmp_path / "mine.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.setattr(own_code, "_allowed", set())
    monkeypatch.delitem(sys.modules, "mine", raising=False)
    yield tmp_path
    sys.modules.pop("mine", None)
    for name in [name for name in MODES if ":" in name]:
        del MODES[name]


def quiet(line: str) -> None:
    pass


def train(folder, *options):
    command = [*warm_python(), str(ROOT / "train.py"), "--image-size", "12", "--batch-size", "4",
               "--no-cache", "--epochs", "2", "--output", "logs", *options]  # fmt: skip
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)


def test_a_run_of_ones_own_policy_model_and_data_is_trained_resumed_and_evaluated(module):
    own = ["--model", "mine:Net", "--data", "mine:load"]
    done = train(module, "--augment", "mine:darker", *own)
    assert done.returncode == 0, done.stderr
    assert np.load(module / "logs/darkerAug_accEval.npy").shape == (2,)
    assert "mine:load: 8 training and 4 evaluation images, 2 classes" in done.stdout

    done = train(module, "--augment", "mine:right_half", "--base", "flip", *own)
    assert done.returncode == 0, done.stderr
    assert "mixing" in done.stdout
    assert np.load(module / "logs/right_halfAug_accEval.npy").shape == (2,)

    evaluate = [*warm_python(), str(ROOT / "evaluate.py"), "logs/darker"]
    done = subprocess.run(evaluate, cwd=module, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "error: model mine:Net: code of your own is named in a file" in done.stderr or (
        "error: data mine:load: code of your own is named in a file" in done.stderr
    )
    evaluate.append("--allow-imports")
    done = subprocess.run(evaluate, cwd=module, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "dark" in done.stdout and "light" in done.stdout


def test_a_method_of_ones_own_may_use_every_number_of_mixing(module):
    numbers = {"cutout_size": 0.2, "alpha": 0.3, "pairs": "replacement", "mix_draws": "image"}
    own_code.allow("mine:right_half", "mine:darker")
    assert without_effect(load_config({"augment": "mine:right_half", **numbers})) == []
    assert without_effect(load_config({"augment": "mine:darker", "cutout_size": 0.2})) == [
        "--cutout-size has no effect with --augment mine:darker"
    ]


def test_a_policy_of_ones_own_is_applied_as_it_stands_and_that_is_said(module):
    own_code.allow("mine:darker")
    options = {"augment": "mine:darker", "changes_label": ["horizontal_flip"]}
    assert without_effect(load_config(options)) == [
        "--changes-label has no effect on mine:darker, code of your own"
    ]
    lines: list[str] = []
    load_datasets(load_config({"augment": "mine:darker", "data": "digits"}), lines.append)
    assert lines[1] == "  but code of your own is applied as it stands, such operations too"


def test_an_edit_of_ones_own_code_between_stop_and_resume_is_noticed(module):
    own_code.allow("mine:Net", "mine:load")
    options = {"model": "mine:Net", "data": "mine:load", "augment": "no", "image_size": 12,
               "batch_size": 4, "epochs": 1, "cache": False}  # fmt: skip
    run = fit(load_config({**options, "output": str(module / "logs")}), say=quiet)
    known = json.loads((run / "environment.json").read_text())["own_code"]
    assert known == {"mine": hashlib.sha256(MODULE.encode()).hexdigest()[:16]}
    resume(run, say=quiet)
    (module / "mine.py").write_text(MODULE + "# edited\n")
    with pytest.raises(UserError, match=f"own_code.mine: was {known['mine']}, is [0-9a-f]{{16}}"):
        resume(run, say=quiet)


def test_digests_are_of_the_modules_that_values_name(module):
    own_code.allow("mine:Net")
    own_code.load_object("mine:Net", "model")
    digest = hashlib.sha256(MODULE.encode()).hexdigest()[:16]
    found = own_code.source_digests(["mine:Net", "mine:load", "sys:x", "absent:x"])
    assert found == {"mine": digest}  # sys has no file, and absent was never imported


def test_a_file_alone_imports_nothing(module):
    (module / "mine.py").write_text("raise SystemExit('was imported')")
    for values in ({"augment": "mine:darker"}, {"augment": "no", "data": "mine:load"}):
        with pytest.raises(UserError, match="named in a file, not on the command line.*--allow"):
            config = load_config(values)
            load_data(DataOptions(config.data))
    with pytest.raises(UserError, match="named in a file"):
        make_model(load_config({"model": "mine:Net"}), 2)


@pytest.mark.parametrize(
    ("augment", "reason"),
    [
        ("mine:nothing", r"mine\.py has no 'nothing'"),
        ("other:thing", "importing other failed .ModuleNotFoundError: No module named 'other'"),
        ("mine:number", "is int; a function .image, rng. -> image, a Transform or a mixing Method"),
        ("mine:changes", "changes the image that it is given"),
        ("mine:floats", r"returns float64 .32, 32, 3., not a uint8 array"),
        (
            "mine:fails",
            rf"fails on a uint8 image 32x32x3 \(mine.py:{line_of('def fails')}: RuntimeError: no\)",
        ),
        ("mine:unseeded", "gives other images for the same rng"),
        ("mine:mixup", "curves are named mixup, as the project's own"),
        ("mine:wrong_shape", "apply gives ndarray float32 .4, 1, 16, 24., not ndarray float32"),
        ("mine:wrong_lam", "lam is 1.5, not a number in"),
    ],
)
def test_what_does_not_fit_is_named_before_any_work(module, augment, reason):
    own_code.allow(augment)
    with pytest.raises(UserError, match=reason):
        load_config({"augment": augment})


@pytest.mark.parametrize(
    ("model", "reason"),
    [("mine:Features", r"gives \[2, 1\], not logits \[2, 3\]"),
     ("mine:no_net", "makes int, not a paddle.nn.Layer"),
     ("mine:right_half", "cannot be made")],
)  # fmt: skip
def test_a_model_that_does_not_fit_is_named(module, model, reason):
    own_code.allow(model)
    with pytest.raises(UserError, match=f"model {model}: {reason}"):
        make_model(load_config({"model": model, "image_size": 12}), 3)


@pytest.mark.parametrize(
    ("data", "reason"),
    [("mine:one_part", "calling it for .training, evaluation. data sets failed"),
     ("mine:empty", "the evaluation part is empty"),
     ("mine:strings", "item 0 is not .uint8 image"), ("mine:number", "is int; a function"),
     ("mine:half_items", "item 0 is not .* label 0.5"),
     ("mine:too_few", r"labels is int64 \[3\]; a class number for each of the 6 items is needed"),
     ("mine:too_many", r"labels is int64 \[10\]"), ("mine:names", r"labels is <U5 \[6\]"),
     ("mine:halves", r"labels is float64 \[6\]"), ("mine:ragged", "labels is not a list of class"),
     ("mine:shifted", r"item 0 has label 0, but labels\[0\] is 1"),
     ("mine:count", "classes is 2; a list of names"), ("mine:word", "classes is 'ab'; a list")],
)  # fmt: skip
def test_data_that_do_not_fit_are_named(module, data, reason):
    own_code.allow(data)
    with pytest.raises(UserError, match=f"data {data}: {reason}"):
        load_data(DataOptions(data))


@pytest.mark.parametrize(
    ("options", "said"),
    [(["--augment", "mine:fails_on_the_tried", "--data", "mine:load"],
      rf"mine:load\[[1357]\]: fails_on_the_tried fails on it "
      rf"\(mine.py:{line_of('raise ZeroDivision')}: ZeroDivisionError: light\)"),
     (["--augment", "no", "--data", "mine:torn"],
      rf"data mine:torn: item 3 cannot be read "
      rf"\(mine.py:{line_of('raise OSError')}: OSError: torn\)")],
    ids=["augment", "data"],
)  # fmt: skip
def test_a_line_of_ones_own_code_that_fails_during_training_is_named(module, options, said):
    done = train(module, "--model", "mine:Net", *options)
    assert done.returncode == 2
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_failure_without_a_part_of_the_user_s_own_code_has_no_place():
    with pytest.raises(TypeError) as caught:
        json.dumps(object())
    # This file counts as the user's; the library's own frames do not.
    assert own_code.failure(caught.value).startswith("test_own_code.py:")
    caught.value.__traceback__ = caught.value.__traceback__.tb_next
    assert (
        own_code.failure(caught.value)
        == "TypeError: Object of type object is not JSON serializable"
    )


@pytest.mark.parametrize(("data", "label"), [("mine:many", 4294967295), ("mine:negative", -1)])
def test_labels_that_are_no_numbers_of_classes_are_named(module, data, label):
    own_code.allow(data)
    with pytest.raises(UserError, match=rf"{data}: label {label} of image 5 is out of .*\.99999$"):
        load_data(DataOptions(data))


@pytest.mark.parametrize("data", ["mine:columns", "mine:column_items", "mine:wholes", "mine:bools"])
def test_labels_in_a_column_are_taken(module, data):
    own_code.allow(data)
    train, _ = load_data(DataOptions(data))
    assert train.labels.tolist() == [0, 1, 0, 1, 0, 1][: len(train)]
    assert [train[i][1] for i in range(3)] == [0, 1, 0]


@pytest.mark.parametrize(
    ("text", "is_path"),
    [("a:b", True), ("a.b_c:D", True), ("paddle.vision:resnet18", False), ("C:\\data", False),
     ("C:/data", False), ("a:b:c", False), ("mixup", False), (None, False), ("a:", False)],
)  # fmt: skip
def test_import_paths_are_told_from_other_texts(text, is_path):
    assert own_code.is_import_path(text) is is_path
