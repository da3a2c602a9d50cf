"""Class folders of any encoding are called by their names; files of any name are read."""

import os

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import data_digest
from paddle_aug.data.load import describe
from tests.data_sets import load, picture, values


def gbk_tree(root, *names, codec="gbk", file="图.png"):
    """Class folders with names of another encoding; grey values 0, 1, ..."""
    for value, name in enumerate(names):
        picture(root / f"{value}" / "x.png", value)
        os.rename(root / f"{value}" / "x.png", os.fsencode(root / f"{value}") + b"/"
                  + file.encode(codec))  # fmt: skip
        os.rename(root / f"{value}", os.fsencode(root) + b"/" + name.encode(codec))
    return root


def test_names_in_gbk_are_read_as_such_and_said(tmp_path):
    root = gbk_tree(tmp_path / "set", "圆盘", "方块", "十字", "cat")
    train, evaluation = load(root, eval_data=str(root))
    assert train.classes == ["cat", "十字", "圆盘", "方块"]
    assert values(train) == [(3, 0), (2, 1), (0, 2), (1, 3)]
    said = "names of folders that are not UTF-8 are read as GBK: 十字, 圆盘, 方块 (otherwise --enc"
    assert said in describe(train, evaluation)
    assert train.source(2) == str(root / "圆盘" / "图.png")
    same = tmp_path / "utf8"
    for value, name in enumerate(("圆盘", "方块", "十字", "cat")):
        picture(same / name / "图.png", value)
    assert load(same, eval_data=str(same))[0].classes == train.classes
    for text in (describe(train, evaluation), *map(train.source, range(4)), *train.classes):
        text.encode()  # nothing that cannot be printed or written
    assert len(data_digest(train)) == 16


def test_parts_may_be_of_two_encodings(tmp_path):
    gbk_tree(tmp_path / "set" / "train", "圆盘", "方块")
    picture(tmp_path / "set" / "test" / "方块" / "1.png", 9)
    train, evaluation = load(tmp_path / "set")
    assert train.classes == ["圆盘", "方块"] and values(evaluation) == [(9, 1)]


def test_an_image_that_cannot_be_read_is_named(tmp_path):
    root = gbk_tree(tmp_path / "set", "圆盘", "方块")
    path = os.fsencode(root) + b"/" + "圆盘/坏.png".encode("gbk")
    with open(path, "wb") as file:
        file.write(b"x")
    train, _ = load(root, eval_data=str(root))
    index = next(i for i in range(3) if "坏" in train.source(i))
    with pytest.raises(UserError, match="set/圆盘/坏.png: not an image"):
        train[index]
    os.remove(path)
    with pytest.raises(UserError, match="set/圆盘/坏.png: no such file"):
        train[index]


def test_names_in_an_unknown_encoding_are_refused_until_it_is_named(tmp_path):
    root = gbk_tree(tmp_path / "set", "größe", "breite", codec="latin-1", file="x.png")
    with pytest.raises(UserError, match=r"names of folders, such as b'gr\\xf6\\xdfe', are neither "
                       "UTF-8 nor GBK as far as can be told: name their encoding"):  # fmt: skip
        load(root, eval_data=str(root))
    train, _ = load(root, eval_data=str(root), encoding="latin-1")
    assert train.classes == ["breite", "größe"]


def test_two_folders_of_one_name_are_refused(tmp_path):
    root = gbk_tree(tmp_path / "set", "圆盘", "方块")
    picture(root / "圆盘" / "1.png")
    with pytest.raises(UserError, match="two class folders are called '圆盘'"):
        load(root)
    for name in ("café", "cafe\u0301"):
        picture(tmp_path / "accents" / name / "1.png")
    with pytest.raises(UserError, match="two class folders are called 'café'"):
        load(tmp_path / "accents")


def test_folders_inside_class_folders_are_said(tmp_path):
    for value, name in enumerate(["cat/train", "cat/test", "dog", "dog"]):
        picture(tmp_path / name / f"{value}.png", value)
    train, evaluation = load(tmp_path, eval_data=str(tmp_path))
    assert train.classes == ["cat", "dog"] and values(train) == [(1, 0), (0, 0), (2, 1), (3, 1)]
    said = "folders inside the class folders are no classes or parts of their own: cat/test, cat/tr"
    assert said in describe(train, evaluation)


@pytest.mark.parametrize(
    ("text", "told"),
    [("cat\ndog\n", False), ("0 cat\n1 dog\n", False), ("dog\ncat\n", True), ("a\nb\n", True),
     ("cat/0.png 0\ncat/0.png 0\n", False)],
)  # fmt: skip
def test_a_file_of_class_names_that_is_not_used_is_said(text, told, tmp_path, caplog):
    for name in ("cat", "dog"):
        picture(tmp_path / name / "0.png")
    (tmp_path / "labels.txt").write_text(text)
    assert load(tmp_path, eval_data=str(tmp_path))[0].classes == ["cat", "dog"]
    assert ("labels.txt is not used: classes are called as their folders" in caplog.text) is told
