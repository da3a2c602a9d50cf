"""Every rule by which something is concluded: it is said with the data, and can be overridden.

A rule that is added to RULES needs a line in CASES, or the first test fails.
"""

import numpy as np
import pytest

from paddle_aug.config import Config
from paddle_aug.data.guesses import RULES, Guesses
from paddle_aug.data.load import DataOptions, describe, load_data
from tests.data_sets import picture, raw_zip


def tree(root, *names, images=1):
    for name in names:
        for number in range(images):
            picture(root / name / f"{number}.png")
    return root


def lists(root, train, evaluation=None, **files):
    for text in (train, evaluation or ""):
        for line in text.splitlines():
            picture(root / line.split()[0])
    (root / "train.txt").write_text(train)
    if evaluation:
        (root / "val.txt").write_text(evaluation)
    for name, content in files.items():
        (root / f"{name}.txt").write_bytes(content)
    return root


def table(path, *lines):
    path.write_text("\n".join(lines))
    return path


def arrays(root, labels, side=8):
    images = np.zeros((len(labels), side, side), np.uint8)
    np.savez(root / "x.npz", x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
    return root / "x.npz"


def archive(root, codec):
    tree(root / "tree", "圆盘", "方块", images=2)
    paths = sorted((root / "tree").rglob("*.png"))
    members = [(str(p.relative_to(root)).encode(codec), p.read_bytes()) for p in paths]
    return raw_zip(root / "d.zip", members)


FLAT = "0.png 0\n1.png 1\n"
THREE = "0.png 0\n1.png 1\n2.png 1\n"
ROWS = THREE.replace(" ", ",").split()
DIGITS = list(range(10))
# Rule: what makes a data set of which it holds, and options with which it does not.
CASES = {
    "parts": (lambda r: tree(r, "train/a", "train/b", "test/a"), {"folders": "classes"}),
    "one part": (lambda r: tree(r, "train/a", "train/b", images=2), {"eval_data": "train"}),
    "pair": (lambda r: lists(r, FLAT, "v.png 1\n"), {"eval_data": "train.txt"}),
    "split": (lambda r: tree(r, "a", "b", images=2), {"eval_data": ""}),
    "root": (
        lambda r: lists(r / "Images", FLAT, FLAT) and [
            (r / "Images" / name).rename(r / name) for name in ("train.txt", "val.txt")
        ] and r,
        {"images_root": "Images"},
    ),
    "unlabelled": (
        lambda r: lists(r, THREE, "v.png 1\n") and table(r / "train.csv", "image,label", *ROWS)
        and table(r / "test.csv", "image,who", "v.png,x") and r / "train.csv",
        {"eval_data": "val.txt"},
    ),
    "evaluation root": (
        lambda r: lists(r / "val", "2.png 1\n") and lists(r, FLAT)
        and (r / "val" / "train.txt").rename(r / "val.txt") and r,
        {"eval_data": "train.txt"},
    ),
    "absolute": (lambda r: lists(r, f"{r}/0.png 0\n{r}/1.png 1\n", FLAT), {"images_root": ""}),
    "unpacked": (lambda r: archive(r, "utf-8"), {"data": "tree"}),
    "text": (
        lambda r: lists(r, FLAT, FLAT, label="0 圆盘\n1 方块".encode("gbk")),
        {"encoding": "gb18030"},
    ),
    "names": (lambda r: archive(r, "gbk"), {"encoding": "gb18030"}),
    "columns": (
        lambda r: lists(r, THREE) and table(r / "plain.csv", "image,label", *ROWS)
        and table(r / "t.csv", "image,label,who", *(f"{row},x" for row in ROWS)),
        {"data": "plain.csv"},
    ),
    "inner": (
        lambda r: tree(r, "a/c", "a/d", "b", images=2), {"data": "a"}
    ),
    "numbers": (lambda r: lists(r, "0.png 01\n1.png 02\n", "1.png 02\n"), {"class_names": "a,b"}),
    "numbered map": (
        lambda r: lists(r, FLAT, FLAT, label=b"1 a\n0 b"), {"class_names": "labels"}
    ),
    "line map": (lambda r: lists(r, FLAT, FLAT, label=b"a\nb"), {"class_names": "labels"}),
    "folder names": (
        lambda r: lists(r, "a/0.png 0\nb/0.png 1\n", "a/1.png 0\n"), {"class_names": "labels"}
    ),
    "renumbered": (lambda r: lists(r, "0.png 0\n1.png 2\n", "1.png 2\n"), {"class_names": "a,b,c"}),
    "digits": (lambda r: arrays(r, DIGITS), {"changes_label": []}),
    "not digits": (lambda r: arrays(r, [0, 1]), {"changes_label": ["vertical_flip"]}),
    "fashion": (
        lambda r: arrays(r, [9, 0, 0, 3, 0, 2, 7, 2, 5, 5], 28), {"class_names": "labels"}
    ),
    "ten classes": (
        lambda r: tree(r, *map(str, DIGITS), images=2), {"changes_label": ["horizontal_flip"]}
    ),
}  # fmt: skip


def test_every_rule_has_its_case_and_names_an_option():
    assert set(CASES) == set(RULES)
    for rule in RULES.values():
        words = rule.otherwise.replace(",", " ").split()
        flags = [word[2:].replace("-", "_") for word in words if word.startswith("--")]
        assert flags and set(flags) <= set(Config.model_fields), rule


def said(rule, options):
    """Whether the line of a rule is among what is said of data."""
    first, *lines = describe(*load_data(options)).split("\n  ")
    assert "training and" in first
    beginning, *rest = RULES[rule].says.partition("{")[0], RULES[rule].says.rpartition("}")[2]
    found = [
        line
        for line in lines
        if line.startswith(beginning)
        and all(part in line for part in rest)
        and line.endswith(f"(otherwise {RULES[rule].otherwise})")
    ]
    return bool(found)


@pytest.mark.parametrize("rule", RULES)
def test_a_conclusion_is_said_until_an_option_decides_it(rule, tmp_path):
    make, decided = CASES[rule]
    data = make(tmp_path)
    assert said(rule, DataOptions(str(data)))
    paths = {"eval_data", "images_root", "data"} & set(decided)
    decided = decided | {name: str(tmp_path / decided[name]) for name in paths}
    if rule == "parts":
        tree(tmp_path, "train/c", "test/c", images=3)
    options = {"data": str(data)} | decided
    if rule in ("text", "names"):  # an encoding that is named is still told
        assert said(rule, DataOptions(**options)) and "gb18030" in describe(
            *load_data(DataOptions(**options))
        )
    else:
        assert not said(rule, DataOptions(**options))


def test_an_unknown_rule_raises():
    with pytest.raises(KeyError):
        Guesses(DataOptions()).note("no such rule")
