"""The file of a model's answers: what is written comes back, and nothing else is read as one."""

import numpy as np
import pytest

from paddle_aug.core import safe_files
from paddle_aug.core.errors import UserError
from paddle_aug.runs.predictions import read_predictions, write_predictions

PROBABILITIES = np.array([[0.7, 0.2, 0.1], [0.25, 0.25, 0.5], [0.1, 0.8, 0.1], [1.0, 0.0, 0.0]])
LABELS = np.array([0, 1, 1, 2])
NAMES = ["猫", "dog", "a bird"]


def test_answers_come_back(tmp_path):
    write_predictions(tmp_path / "predictions.npz", PROBABILITIES, LABELS, NAMES)
    found = read_predictions(tmp_path / "predictions.npz")
    assert found.classes == ("猫", "dog", "a bird")
    assert found.labels.tolist() == [0, 1, 1, 2] and found.labels.dtype == np.int64
    assert found.predicted.tolist() == [0, 2, 1, 0]
    assert found.probability == pytest.approx([0.7, 0.5, 0.8, 1.0], abs=1e-3)
    assert found.right.tolist() == [True, False, True, False] and found.accuracy == 0.5


def test_only_answers_to_the_same_images_can_be_paired(tmp_path):
    def saved(labels, names=NAMES):
        write_predictions(tmp_path / "p.npz", PROBABILITIES[: len(labels)], np.array(labels), names)
        return read_predictions(tmp_path / "p.npz")

    first = saved([0, 1, 1, 2])
    assert first.same_images(saved([0, 1, 1, 2]))
    assert not first.same_images(saved([0, 1, 2, 1]))
    assert not first.same_images(saved([0, 1, 1]))
    assert not first.same_images(saved([0, 1, 1, 2], ["cat", "dog", "bird"]))


def test_the_file_is_small_and_the_same_every_time(tmp_path):
    probabilities = np.random.default_rng(0).dirichlet([1.0] * 10, 10_000)
    labels = np.arange(10_000) % 10
    for name in ("a", "b"):
        write_predictions(tmp_path / name, probabilities, labels, list("abcdefghij"))
    assert (tmp_path / "a").stat().st_size < 50_000
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@pytest.mark.parametrize(
    "arrays",
    [
        {"labels": LABELS},
        {"classes": NAMES, "labels": LABELS, "predicted": LABELS[:2], "probability": LABELS},
        {"classes": NAMES, "labels": [], "predicted": [], "probability": []},
        {"classes": NAMES, "labels": [[1]], "predicted": [[1]], "probability": [[1]]},
        {"classes": NAMES, "labels": np.array([{}]), "predicted": [1], "probability": [1]},
    ],
)
def test_another_file_is_named(tmp_path, arrays):
    np.savez(tmp_path / "other.npz", **arrays)
    with pytest.raises(UserError, match=r"other\.npz: (not an \.npz of plain|expected one label)"):
        read_predictions(tmp_path / "other.npz")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"labels": np.array([0, 1, 3])}, "beyond its 3 classes"),
        ({"predicted": np.array([0, 1, 60_000])}, "beyond its 3 classes"),
        ({"predicted": np.array([0, -1, 2])}, "beyond its 3 classes"),
        ({"labels": np.array([0.0, 1.0, 2.0])}, "numbers of classes, not float64"),
        ({"probability": np.array([0.5, np.nan, 1])}, "not between 0 and 1"),
        ({"probability": np.array([0.5, 1.5, 1])}, "not between 0 and 1"),
    ],
)
def test_values_that_no_model_gives_are_refused(tmp_path, changed, words):
    numbers = np.arange(3)
    arrays = {"classes": np.array(["a", "b", "c"]), "labels": numbers, "predicted": numbers,
              "probability": np.ones(3)}  # fmt: skip
    np.savez(tmp_path / "right.npz", **arrays)
    assert read_predictions(tmp_path / "right.npz").accuracy == 1
    np.savez(tmp_path / "wrong.npz", **{**arrays, **changed})
    with pytest.raises(UserError, match=words):
        read_predictions(tmp_path / "wrong.npz")


@pytest.mark.parametrize("cut", [0, 10, 300])
def test_a_damaged_file_is_named(tmp_path, cut):
    path = tmp_path / "predictions.npz"
    write_predictions(path, PROBABILITIES, LABELS, NAMES)
    path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(UserError, match=r"predictions\.npz: not an \.npz of plain arrays: damaged"):
        read_predictions(path)


def test_a_small_file_of_many_answers_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_files, "RATIO_FREE_BYTES", 1 << 16)
    zeros = np.zeros(1_000_000, np.uint8)
    np.savez_compressed(tmp_path / "bomb.npz", classes=["a"], labels=zeros, predicted=zeros,
                        probability=zeros)  # fmt: skip
    with pytest.raises(UserError, match=r"bomb\.npz: would take 3,000,\d+ bytes, more than 100"):
        read_predictions(tmp_path / "bomb.npz")


@pytest.mark.parametrize(("count", "kind"), [(3, "uint16"), (65_536, "uint16"), (65_537, "uint32")])
def test_numbers_of_many_classes_come_back(tmp_path, count, kind):
    probabilities = np.zeros((2, count), np.float32)
    probabilities[[0, 1], [count - 1, 0]] = 1
    path = tmp_path / "p.npz"
    write_predictions(path, probabilities, np.array([0, count - 1]), [str(i) for i in range(count)])
    found = read_predictions(path)
    assert found.labels.tolist() == [0, count - 1] and found.predicted.tolist() == [count - 1, 0]
    with np.load(path) as arrays:
        assert arrays["labels"].dtype == arrays["predicted"].dtype == kind
