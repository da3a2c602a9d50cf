"""Data for a trained model: named anew, read whole, and numbered by the model's classes."""

import logging

import numpy as np
import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ArrayDataset
from paddle_aug.data.load import DataOptions, load_data
from tests.data_sets import TRAIN, make_folder, picture, values, write_lists

CLASSES = ("disc", "square", "cross")


def read(path, classes=CLASSES, **options):
    settings = {"known_classes": classes, "whole": True, **options}
    return load_data(DataOptions(data=str(path), **settings))


def in_one_piece(path, classes=CLASSES, **options):
    train, evaluation = read(path, classes, **options)
    assert train is evaluation
    return evaluation


def write_tree(folder, counts):
    """Class folders with images of grey values 0, 1, ... in the order given."""
    value = 0
    for name, count in counts.items():
        (folder / name).mkdir(parents=True)
        for _ in range(count):
            picture(folder / name / f"{value}.png", value)
            value += 1
    return folder


def test_all_of_a_tree_is_read_and_numbered_by_the_models_order(tmp_path):
    tree = write_tree(tmp_path / "test", {"cross": 3, "disc": 2, "square": 4})
    dataset = in_one_piece(tree)
    assert dataset.classes == list(CLASSES)
    assert values(dataset) == [(v, label) for v, label in enumerate([2, 2, 2, 0, 0, 1, 1, 1, 1])]


@pytest.mark.parametrize(
    ("counts", "labels"),
    [({"square": 2}, [1, 1]), ({"disc": 0, "square": 2}, [1, 1]), ({"cross": 1, "disc": 1}, [2, 0]),
     ({"notes": 0, "square": 1}, [1])],
    ids=str,
)  # fmt: skip
def test_some_classes_may_have_no_image(counts, labels, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        dataset = in_one_piece(write_tree(tmp_path / "test", counts))
    assert dataset.labels.tolist() == labels and dataset.classes == list(CLASSES)
    assert f"no evaluation image in {'1 class' if len(set(labels)) == 2 else '2 classes'} of 3" in (
        caplog.text
    )
    assert "training" not in caplog.text


def test_a_class_that_the_model_does_not_know_is_named(tmp_path):
    tree = write_tree(tmp_path / "test", {"disc": 1, "ring": 1, "bar": 1})
    with pytest.raises(UserError) as error:
        in_one_piece(tree)
    assert str(error.value) == (
        f"{tree}: its classes are not those the model was trained on: bar, ring are none of its 3 "
        "(disc, square, cross)"
    )


@pytest.mark.parametrize("ending", [".csv", ".txt"])
def test_a_list_stands_for_itself_whatever_lies_beside_it(ending, tmp_path):
    folder = write_tree(tmp_path / "set", {"a": 3, "b": 3})
    mark, head = (",", "image,label\n") if ending == ".csv" else (" ", "")
    for name, rows in (("train", "a/0.png;disc b/3.png;cross"), ("val", "a/1.png;disc"),
                       ("test", "a/2.png;square b/4.png;cross b/5.png;disc")):  # fmt: skip
        lines = "\n".join(row.replace(";", mark) for row in rows.split())
        (folder / f"{name}_set{ending}").write_text(head + lines + "\n")
    assert values(in_one_piece(folder / f"test_set{ending}")) == [(2, 1), (4, 2), (5, 0)]
    # A training list has a pair, which is another one's part: it was not named.
    assert values(in_one_piece(folder / f"train_set{ending}")) == [(0, 0), (3, 2)]


def test_numbers_name_classes_and_may_have_gaps(tmp_path):
    folder = make_folder(tmp_path)
    (folder / "list.txt").write_text("a/0.png 2\nb/3.png 0\nb/4.png 7\n")
    numbers = tuple(str(i) for i in range(8))
    assert in_one_piece(folder / "list.txt", numbers).labels.tolist() == [2, 0, 7]
    with pytest.raises(UserError, match=r"0, 2, 7 are none of its 3 .*; a classes\.txt beside"):
        in_one_piece(folder / "list.txt")
    (folder / "classes.txt").write_text("\n".join("xycabds") + "\nsquare\n")
    with pytest.raises(UserError, match=r"c, x are none of its 3 \(disc, square, cross\)$"):
        in_one_piece(folder / "list.txt")
    (folder / "classes.txt").write_text("square\nx\ndisc\na\nb\nc\nd\ncross\n")
    assert in_one_piece(folder / "list.txt").labels.tolist() == [0, 1, 2]


def test_names_are_found_as_in_training(tmp_path):
    # Numbers are called as the folders, where these are the model's classes.
    folder = make_folder(tmp_path)
    (folder / "list.txt").write_text("a/0.png 1\nb/3.png 0\n")
    assert in_one_piece(folder / "list.txt", ("b", "a")).labels.tolist() == [1, 0]
    assert in_one_piece(folder / "list.txt", ("0", "1")).labels.tolist() == [1, 0]


def test_a_models_classes_do_not_keep_its_own_data_from_being_split(tmp_path):
    tree = write_tree(tmp_path / "d", {"disc": 10, "square": 5})
    train, evaluation = read(tree, whole=False)
    assert (len(train), len(evaluation)) == (12, 3)
    assert evaluation.classes == list(CLASSES)


def test_data_with_two_parts_keep_them(tmp_path):
    folder = write_lists(make_folder(tmp_path), TRAIN)
    train, evaluation = read(folder, ("1", "0"))
    assert values(train) == [(0, 1), (1, 1), (3, 0), (4, 0)]
    assert values(evaluation) == [(2, 1), (5, 0)]
    for part, counts in (("train", {"disc": 2, "cross": 2}), ("val", {"cross": 1})):
        write_tree(tmp_path / "parts" / part, counts)
    train, evaluation = read(tmp_path / "parts")
    assert train.labels.tolist() == [2, 2, 0, 0] and evaluation.labels.tolist() == [2]


def test_the_digits_keep_their_fixed_parts():
    digits = tuple(str(i) for i in range(9, -1, -1))
    train, evaluation = read("digits", digits)
    assert (len(train), len(evaluation)) == (1438, 359)
    plain = load_data(DataOptions(data="digits"))[1]
    np.testing.assert_array_equal(evaluation.labels, 9 - plain.labels)


def test_bad_images_are_left_out_of_what_is_in_one_piece(tmp_path, caplog):
    tree = write_tree(tmp_path / "test", {"disc": 3, "cross": 1})
    (tree / "disc" / "1.png").write_bytes(b"torn")
    dataset = in_one_piece(tree, skip_bad=True)
    assert len(dataset) == 3 and caplog.text.count("1 of 4 images cannot be read") == 1


def test_training_splits_as_ever(tmp_path):
    tree = write_tree(tmp_path / "d", {"disc": 10, "square": 5})
    train, evaluation = load_data(DataOptions(data=str(tree)))
    assert (len(train), len(evaluation)) == (12, 3)
    (tree / "empty").mkdir()
    with pytest.raises(UserError, match="class 'empty' has no images"):
        load_data(DataOptions(data=str(tree)))


def test_renumbering_leaves_the_data_set_itself_alone():
    images = np.zeros((3, 2, 2, 3), np.uint8)
    dataset = ArrayDataset(images, [0, 1, 1], ["b", "a"], "two")
    other = dataset.numbered_by(["a", "b", "c"])
    assert other.labels.tolist() == [1, 0, 0] and other.classes == ["a", "b", "c"]
    assert other[1][1] == 0 and dataset[1][1] == 1
    assert dataset.labels.tolist() == [0, 1, 1] and dataset.classes == ["b", "a"]
    assert dataset.numbered_by(["b", "a"]) is dataset
