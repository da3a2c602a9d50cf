"""Every reader in the list: what it takes, what it gives, and that a new one is found.

A reader that is added to READERS needs a line in SAMPLES, or the first test fails.
"""

import re
from dataclasses import fields

import numpy as np
import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data import load as loading
from paddle_aug.data import options as data_options
from paddle_aug.data.dataset import ArrayDataset, Reader
from paddle_aug.data.from_arrays import CIFAR, IDX, NPZ
from paddle_aug.data.from_folders import CLASS_FOLDERS
from paddle_aug.data.from_lists import LISTS
from paddle_aug.data.load import READERS, DataOptions, layouts, load_data
from tests.data_sets import TRAIN, cifar_bytes, load, make_folder, picture, values, write_lists


def lists(folder):
    write_lists(make_folder(folder), TRAIN)
    return folder / "set", ["Train.txt"]


def cifar(folder):
    for name, labels in (("data_batch_1.bin", [3, 0]), ("test_batch.bin", [9])):
        (folder / name).write_bytes(cifar_bytes(len(labels), labels).tobytes())
    return folder, ["data_batch_1.bin", "test_batch.bin"]


def idx(folder):
    for part, count in (("train", 2), ("t10k", 1)):
        for kind, shape in (("images", (count, 3, 4)), ("labels", (count,))):
            head = bytes([0, 0, 8, len(shape)]) + np.array(shape, ">u4").tobytes()
            content = np.arange(np.prod(shape), dtype=np.uint8).tobytes()
            (folder / f"{part}-{kind}-idx{len(shape)}-ubyte").write_bytes(head + content)
    return folder, ["train-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]


def class_folders(folder):
    for value, name in enumerate(("train/a", "train/b", "test/b")):
        picture(folder / name / "x.png", value)
    return folder, []


def npz(folder):
    images = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    np.savez(folder / "x.npz", x_train=images, y_train=[0, 1], x_test=images[1:], y_test=[1])
    return folder, ["x.npz"]


# Reader: what writes a small data set and names files of it that may be given themselves, and what
# is read: (first grey value, label) of the training and the evaluation images.
SAMPLES = {
    LISTS: (lists, [(0, 0), (1, 0), (3, 1), (4, 1)], [(2, 0), (5, 1)]),
    CIFAR: (cifar, [(int(cifar_bytes(2, [3, 0])[i, 1]), (3, 0)[i]) for i in range(2)],
            [(int(cifar_bytes(1, [9])[0, 1]), 9)]),
    IDX: (idx, [(0, 0), (12, 1)], [(0, 0)]),
    CLASS_FOLDERS: (class_folders, [(0, 0), (1, 1)], [(2, 1)]),
    NPZ: (npz, [(0, 0), (6, 1)], [(6, 1)]),
}  # fmt: skip


def test_every_reader_has_its_sample():
    assert set(SAMPLES) == set(READERS)


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.layout[:20])
def test_a_reader_takes_its_own_and_nothing_else(reader, tmp_path):
    make, train_values, eval_values = SAMPLES[reader]
    for other in READERS:
        place = tmp_path / str(READERS.index(other))
        place.mkdir()
        path, files = SAMPLES[other][0](place)
        fitting = [r for r in READERS if r.fits(path)]
        assert fitting == [other]
        for name in files:
            assert [r for r in READERS if r.fits(path / name)] == [other]
    (tmp_path / "own").mkdir()
    folder, files = make(tmp_path / "own")
    for path in (folder, *(folder / name for name in files)):
        train, evaluation = load(path)
        assert (values(train), values(evaluation)) == (train_values, eval_values)
        assert train.classes == evaluation.classes
    empty = tmp_path / "empty"
    empty.mkdir()
    assert not reader.fits(empty) and not reader.fits(empty / "missing.jpg")


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.layout[:20])
def test_a_reader_is_described_and_uses_known_options(reader):
    assert reader.layout in layouts()
    assert reader.uses <= {field.name for field in fields(DataOptions)}


@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.layout[:20])
def test_an_option_that_a_reader_does_not_use_is_said(reader, tmp_path, caplog):
    folder, _ = SAMPLES[reader][0](tmp_path)
    given = {"folders": "parts", "class_names": "labels", "split": "stratified"}
    load(folder, **given)
    # What a reader uses may be without effect on the data at hand, which is said in other words.
    said = set(re.findall(r"--(\S+) has no effect on (?!.*not split)", caplog.text))
    assert said == {name.replace("_", "-") for name in given if name not in reader.uses}


def test_a_reader_that_is_added_to_the_list_is_used_and_told_of(tmp_path, monkeypatch):
    def read(path, options):
        pixels = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, 1, 1)
        return tuple(ArrayDataset(pixels, [0] * len(pixels), ["one"], "mine") for _ in range(2))

    mine = Reader("a file of raw pixels (.raw)", lambda path: path.suffix == ".raw", read)
    monkeypatch.setattr(loading, "READERS", [*READERS, mine])
    (tmp_path / "x.raw").write_bytes(b"\5\7")
    assert values(load(tmp_path / "x.raw")[0]) == [(5, 0), (7, 0)]
    (tmp_path / "x.jpg").write_bytes(b"x")
    with pytest.raises(UserError, match=r"(?s)x\.jpg: not understood\. It can be:.*raw pixels"):
        load(tmp_path / "x.jpg")


def test_options_without_an_effect_on_named_data_are_said(caplog):
    load("digits", class_names="a,b")
    assert "--class-names has no effect on digits" in caplog.text


def test_options_without_an_effect_on_the_digits_taken_without_data_are_said(
    caplog, monkeypatch, tmp_path
):
    monkeypatch.setattr(data_options, "AISTUDIO", tmp_path / "nowhere")
    monkeypatch.setenv("HOME", str(tmp_path))
    load_data(DataOptions(eval_data="mine.csv"))
    assert "--eval-data has no effect on digits" in caplog.text


def test_an_option_without_an_effect_on_the_data_at_hand_is_said(tmp_path, caplog):
    """Options that a reader uses, for data of its own that leave nothing for them to do."""
    picture(tmp_path / "two/train/a/1.png"), picture(tmp_path / "two/train/b/1.png")
    picture(tmp_path / "two/test/a/2.png"), picture(tmp_path / "two/test/b/2.png")
    load(tmp_path / "two", eval_share=0.5, images_root=str(tmp_path))
    assert "--eval-share has no effect on" in caplog.text and "which is not split" in caplog.text
    assert "--images-root has no effect on" in caplog.text and "no link leads" in caplog.text
    caplog.clear()
    folder = write_lists(make_folder(tmp_path), TRAIN, "b/5.png 1")
    load(folder, split="stratified")
    assert "--split has no effect on" in caplog.text and "which is not split" in caplog.text
