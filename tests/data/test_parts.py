"""Folders named as parts become parts, by any of their usual names; classes stay classes."""

import json
import time
from pathlib import Path

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.listing import Contents, contents, holds_image, is_result
from paddle_aug.data.load import describe
from paddle_aug.data.parts import part_of
from tests.data_sets import load, picture, values


def tree(root, *names):
    """A picture in each folder, of grey values 0, 1, ... in their order."""
    for value, name in enumerate(names):
        picture(root / name / "x.png", value)
    return root


@pytest.mark.parametrize(
    ("train", "evaluation"),
    [
        ("train", "test"), ("Train", "VAL"), ("training", "validation"), ("train", "eval"),
        ("training_set", "test_set"), ("seg_train", "seg_test"), ("TrainingSet", "TestSet"),
        ("trainset", "testset"), ("train2017", "val2017"), ("train_images", "valid_images"),
        ("data-train", "data-test"), ("train", "test_set"), ("flowers_train", "flowers_val"),
        ("训练集", "测试集"), ("train", "dev"), ("training_set/training_set", "test_set/test_set"),
        ("seg_train/seg_train", "seg_test/seg_test"), ("train/images", "val/images"),
    ],
)  # fmt: skip
def test_parts_are_found_by_their_names_and_said(tmp_path, train, evaluation):
    root = tree(tmp_path / "set", f"{train}/dog", f"{train}/cat", f"{evaluation}/dog")
    trained, evaluated = load(root)
    assert trained.classes == ["cat", "dog"]
    assert values(trained) == [(1, 0), (0, 1)] and values(evaluated) == [(2, 1)]
    line = f"{train}/ trains and {evaluation}/ is evaluated on, by the folders' names"
    assert line in describe(trained, evaluated)
    if "/" not in train:
        classes, _ = load(root, folders="classes", eval_data=str(root))
        assert sorted(classes.classes) == sorted([train, evaluation])


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("seg_train", ("train", ("seg",))), ("test2", ("test", ())), ("Test-Set", ("test", ())),
        ("train_station", ("train", ("station",))), ("station", None), ("train_test", None),
        ("contest", None), ("trains", None), ("7", None),
    ],
)  # fmt: skip
def test_words_are_told_from_parts_of_words(name, part):
    assert part_of(name) == part


def test_classes_that_are_called_like_parts_stay_classes(tmp_path):
    vehicles = tree(tmp_path / "v", "bus/a", "plane/a", "train/a", "train_station/day",
                    "train_station/night")  # fmt: skip
    for name in ("bus", "plane", "train", "train_station"):
        picture(vehicles / name / "y.png")
    train, _ = load(vehicles)
    assert train.classes == ["bus", "plane", "train", "train_station"]


REFUSED = {
    "images without class folders": (
        ("train", "test"),
        "train and test are named as parts, but train does not hold a folder for each",
    ),
    "one class only": (
        ("training_set/cat", "test_set/cat"),
        "training_set and test_set are named as parts, but training_set does not hold",
    ),
    "two training parts": (
        ("train/a", "train/b", "training_set/a", "training_set/b", "test/a"),
        "train, training_set could each be the training part: choose with --data",
    ),
    "a part among classes": (
        ("train/a", "train/b", "plane/a", "plane/b"),
        "train is named as a training part, plane is not: say --folders classes",
    ),
    "no training part": (
        ("val/a", "val/b", "test/a"),
        "val and test are named as evaluation parts, and there is no training part: choose with",
    ),
    "parts of two things": (
        ("flowers_train/a", "flowers_train/b", "birds_test/a"),
        "flowers_train and birds_test are named as parts, of two different things: say --folders",
    ),
    "other folders in each": (
        ("seg_train/a", "seg_train/b", "seg_test/c"),
        "seg_train and seg_test are named as parts but hold other folders: say --folders",
    ),
}


@pytest.mark.parametrize("names", REFUSED)
def test_where_two_readings_fit_both_ways_are_named(tmp_path, names):
    folders, error = REFUSED[names]
    root = tree(tmp_path / "set", *folders)
    with pytest.raises(UserError, match=error) as refused:
        load(root)
    assert "--folders classes" in str(refused.value)
    for folder in folders:
        picture(root / folder / "y.png")  # two images in each: none is left without a part
    tops = sorted({folder.split("/")[0] for folder in folders})
    assert load(root, folders="classes")[0].classes == tops
    if names == "a part among classes":
        train, _ = load(root, folders="parts")
        assert train.classes == ["a", "b"]
    if names in ("images without class folders", "one class only"):
        with pytest.raises(UserError, match="--folders parts, but no folder is named as a trai"):
            load(root, folders="parts")


def test_classes_must_be_there_where_the_user_says_so(tmp_path):
    root = tree(tmp_path / "set", "train/a", "train/b")
    with pytest.raises(UserError, match="--folders classes, but fewer than two folders hold imag"):
        load(root, folders="classes")


def test_what_is_neither_trained_nor_evaluated_on_is_said(tmp_path, caplog):
    root = tree(tmp_path / "set", "train/a", "train/b", "val/a", "test/b", "extra/deep")
    picture(root / "beside.png")
    picture(root / "train" / "in_no_class.png")
    train, evaluation = load(root)
    assert values(train) == [(0, 0), (1, 1)] and values(evaluation) == [(2, 0)]
    for part, count in (("test", "1 image"), ("extra", "1 image")):
        assert f"{part} with {count} is left out: it is neither" in caplog.text
    assert f"{root}: 1 image lies beside the parts" in caplog.text
    assert f"{root / 'train'}: 1 image lies beside the class folders" in caplog.text
    assert "such as in_no_class.png" in caplog.text


def test_a_part_without_labels_is_left_out_and_training_is_split(tmp_path, caplog):
    root = tmp_path / "kaggle"
    for name in ("cat", "dog"):
        for number in range(5):
            picture(root / "train" / name / f"{number}.png", number)
    for number in range(3):
        picture(root / "test" / f"{number}.png")
    train, evaluation = load(root)
    assert (len(train), len(evaluation)) == (8, 2)
    assert f"{root / 'test'} is left out: its 3 images lie in no class folders" in caplog.text
    assert "a share of the training part is evaluated on (otherwise --eval-data)" in caplog.text
    assert "train/ trains, by the folder's name" in describe(train, evaluation)
    assert "no evaluation part was found: 20% of the images are kept" in describe(train, evaluation)
    with pytest.raises(UserError, match="test: has no class folders, only images, which have no"):
        load(root, eval_data=str(root / "test"))


RUN = {"versions": {}, "cpu": "", "history": []}
CHECK = {"images": 2, "problems": [], "notes": []}
EVALUATION = {"classes": [], "confusion": [], "top1": 0.5}


def test_what_the_program_wrote_into_the_data_is_no_class_and_no_image(tmp_path, caplog):
    root = two_classes(tmp_path / "set")
    before = load(root)[0].classes, len(load(root)[0]) + len(load(root)[1])
    for place in (root, root / "logs", root / "a"):  # OUTPUT of runs
        mark(place / "no" / "environment.json", RUN)
        mark(place / "no" / "evaluation" / "evaluation.json", EVALUATION)
        picture(place / "no" / "evaluation" / "mistakes.png")
    (root / "logs" / "noAug_accEval.npy").write_bytes(b"")
    mark(root / "checked" / "check.json", CHECK)
    picture(root / "checked" / "contact_sheet.png")
    train, evaluation = load(root)
    assert (train.classes, len(train) + len(evaluation)) == before
    assert "4 folders in" in caplog.text and "written by this program" in caplog.text


def test_folders_nested_deeply_are_read_in_a_moment(tmp_path):
    deep = [tmp_path / "deep"]
    for _ in range(1100):  # more than Python's limit of calls in one another
        deep.append(deep[-1] / "d")
    for folder in deep:
        folder.mkdir()
    image = deep[-1] / "7.png"
    picture(image)
    start = time.process_time()
    try:
        assert not is_result(deep[0])
        assert holds_image(deep[0])
        assert contents(tmp_path) == Contents(images=[str(image)])
    finally:  # pytest's own removal calls itself at each level
        image.unlink()
        for folder in reversed(deep[1:]):
            folder.rmdir()
    assert time.process_time() - start < 20


def test_a_result_in_folders_nested_deeper_than_results_are_is_none(tmp_path):
    for levels in (1, 5, 6, 20):
        place = tmp_path / str(levels)
        mark(place / "/".join("d" * levels) / "environment.json", RUN)
        assert is_result(place) == (levels <= 5), levels


def test_images_beside_the_classes_that_differ_in_capitals_are_all_counted(tmp_path, caplog):
    root = two_classes(tmp_path / "set")
    for name in ("X.JPG", "x.jpg"):
        picture(root / name)
    load(root)
    assert f"{root}: 2 images lie beside the class folders, in none of them" in caplog.text


def test_a_class_in_which_a_report_lies_stays_a_class(tmp_path):
    root = two_classes(tmp_path / "set")
    mark(root / "a" / "check.json", CHECK)
    assert load(root)[0].classes == ["a", "b"]


def test_a_part_in_which_a_report_lies_stays_a_part(tmp_path):
    for part in ("train", "test"):
        two_classes(tmp_path / "set" / part)
    mark(tmp_path / "set" / "train" / "check.json", CHECK)
    train, evaluation = load(tmp_path / "set")
    assert (train.classes, len(train), len(evaluation)) == (["a", "b"], 6, 6)


def two_classes(root: Path) -> Path:
    for name in ("a", "b"):
        for number in range(3):
            picture(root / name / f"{number}.png", number)
    return root


def mark(path: Path, values: dict) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(values), encoding="utf-8")


def test_linked_folders_inside_a_class_are_said(tmp_path, caplog):
    root = tree(tmp_path / "set", "a", "b", "a/more")
    (root / "b" / "linked").symlink_to(root / "a" / "more")
    train, _ = load(root, eval_data=str(root))
    assert values(train) == [(2, 0), (0, 0), (1, 1)]
    assert "1 linked folder in" in caplog.text and "b/linked; put the images there" in caplog.text


@pytest.mark.parametrize("clutter", ["__MACOSX", ".ipynb_checkpoints", ".hidden", "@eaDir"])
def test_what_systems_leave_behind_is_no_class_and_no_image(tmp_path, caplog, clutter):
    root = tree(tmp_path / "set", "a", "b", clutter, f"a/{clutter}", f"b/deep/{clutter}")
    for name in (".DS_Store", "Thumbs.db", "desktop.ini", "._x.png"):
        (root / "a" / name).write_bytes(b"x")
        (root / name).write_bytes(b"x")
    train, _ = load(root, eval_data=str(root))
    assert train.classes == ["a", "b"] and values(train) == [(0, 0), (1, 1)]
    assert "left out" not in caplog.text


def test_files_that_cannot_be_images_are_named_by_their_endings(tmp_path):
    for name in ("a", "b"):
        for number in range(4):
            (tmp_path / "all" / name / f"{number}.HEIC").parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "all" / name / f"{number}.HEIC").write_bytes(b"x")
    with pytest.raises(UserError, match=r"no data set was found; in it 8 files do not end as imag"
                       r"es do \(\.heic\)\. Looked for"):  # fmt: skip
        load(tmp_path / "all")
    tree(tmp_path / "all", "c", "d")
    with pytest.raises(UserError, match=r"class 'a' has no images, only 4 files do not end as ima"
                       r"ges do \(\.heic\); remove"):  # fmt: skip
        load(tmp_path / "all")
