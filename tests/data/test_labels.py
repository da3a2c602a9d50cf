"""Labels as users write them: one spelling a class, or a word about it."""

import unicodedata

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.load import describe
from tests.data.test_known_classes import in_one_piece
from tests.data_sets import load, picture


def write(root, *labels, between=" ", name="train.txt", head=()):
    """A list of one picture for each label; also the evaluation list."""
    lines = list(head)
    for number, label in enumerate(labels):
        picture(root / f"{number}.png", number)
        lines.append(f"{number}.png{between}{label}")
    (root / name).write_text("\n".join(lines), encoding="utf-8")
    (root / name.replace("train", "val")).write_text("\n".join(lines[:2]), encoding="utf-8")
    return root


def test_an_accent_has_one_spelling(tmp_path):
    two = [unicodedata.normalize(form, name) for name in ("é", "ü") for form in ("NFC", "NFD")]
    train, _ = load(write(tmp_path, *two))
    assert train.classes == ["é", "ü"] and list(train.labels) == [0, 0, 1, 1]
    (tmp_path / "classes.txt").write_text(unicodedata.normalize("NFD", "ü\né"), encoding="utf-8")
    train, _ = load(tmp_path)
    assert train.classes == ["ü", "é"] and list(train.labels) == [1, 1, 0, 0]


def test_numbers_that_are_written_otherwise_are_said(tmp_path):
    train, evaluation = load(write(tmp_path, "007", "7", "8.0"))
    assert train.classes == ["7", "8"] and list(train.labels) == [0, 0, 1]
    assert "labels as 007, 8.0 are read as numbers: 7, 8 (oth" in describe(train, evaluation)


def test_labels_that_are_the_models_classes_as_they_are_written_are_these(tmp_path):
    dataset = in_one_piece(write(tmp_path, "01", "1", "01") / "train.txt", ("1", "2", "01"))
    assert list(dataset.labels) == [2, 0, 2]


@pytest.mark.parametrize("names", [["Cat", "cat"], ["red cat", "red_cat"], ["a_b", "a-b"]], ids=str)
def test_classes_that_look_like_one_are_named(names, tmp_path, caplog):
    train, _ = load(write(tmp_path / "list", *names, "dog", between="\t"))
    assert sorted(train.classes) == sorted([*names, "dog"])
    said = "in capitals or blanks only, and are classes of their own"
    assert said in caplog.text and all(repr(name) in caplog.text for name in names)
    assert "'dog'" not in caplog.text
    caplog.clear()
    for folder in (*names, "dog"):
        for number in range(2):
            picture(tmp_path / "tree" / folder / f"{number}.png")
    load(tmp_path / "tree")
    assert said in caplog.text


def test_classes_that_differ_are_not_named(tmp_path, caplog):
    load(write(tmp_path, "cat", "cats", "dog"))
    assert "capitals" not in caplog.text


def test_several_labels_an_image_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"train.txt:1: label '0,1,1': several labels an image"):
        load(write(tmp_path, "0,1,1", "1,0,0", between="\t"))


def test_an_image_that_is_listed_again_is_said(tmp_path, caplog):
    write(tmp_path, "a", "b")
    text = (tmp_path / "train.txt").read_text()
    (tmp_path / "train.txt").write_text(f"{text}\n1.png b\n./1.png b\n")
    train, _ = load(tmp_path)
    assert len(train) == 4
    assert "2 lines of" in caplog.text and "such as line 3: the image is named in an" in caplog.text


def test_columns_that_are_not_used_are_said(tmp_path, caplog):
    rows = ["a,train,9", "b,test,7"]
    root = write(tmp_path, *rows, between=",", name="train.csv", head=["image,label,split,age"])
    train, evaluation = load(root / "train.csv")
    assert train.classes == ["a", "b"]
    assert "columns of train.csv that are not used: 'split, age'" in describe(train, evaluation)
    assert "its column 'split' (test, train) is not used, all rows are taken alike" in caplog.text


def test_two_columns_of_labels_are_refused(tmp_path):
    root = write(tmp_path, "a,b", "b,a", between=",", name="train.csv", head=["image,label,label"])
    with pytest.raises(UserError, match=r"train.csv:1: needs exactly one column 'label'"):
        load(root / "train.csv")
