"""CIFAR, MNIST and .npz files are read by value, without pickle, sizes checked first."""

import gzip
import os
import pickle
import struct

import numpy as np
import pytest

from paddle_aug.core import safe_files
from paddle_aug.core.errors import UserError
from paddle_aug.data.from_arrays import read_cifar, read_idx
from paddle_aug.data.load import describe
from tests.data_sets import FLIPS, cifar_bytes, load, picture


class TestBinary:
    def test_cifar10_planes_become_rgb_images(self, tmp_path):
        first, second = cifar_bytes(2, [3, 0]), cifar_bytes(1, [9], seed=1)
        (tmp_path / "data_batch_1.bin").write_bytes(first.tobytes())
        (tmp_path / "data_batch_2.bin").write_bytes(second.tobytes())
        (tmp_path / "test_batch.bin").write_bytes(cifar_bytes(1, [5], seed=2).tobytes())
        train, evaluation = load(tmp_path)
        assert list(train.labels) == [3, 0, 9] and list(evaluation.labels) == [5]
        assert train.classes[3] == "cat" and train.changes_label == frozenset()
        image = train[1][0]
        assert image.shape == (32, 32, 3) and image.flags.c_contiguous
        for row, column, channel in ((0, 0, 0), (3, 7, 1), (31, 30, 2)):
            expected = first[1, 1 + channel * 1024 + row * 32 + column]
            assert image[row, column, channel] == expected

    def test_cifar100_takes_the_fine_label(self, tmp_path):
        for name, label in (("train.bin", 99), ("test.bin", 0)):
            (tmp_path / name).write_bytes(cifar_bytes(2, [label] * 2, head=2).tobytes())
        train, _ = load(tmp_path)
        assert list(train.labels) == [99, 99] and len(train.classes) == 100
        assert train[0][0][0, 0, 0] == cifar_bytes(2, [99] * 2, head=2)[0, 2]

    def test_cifar_of_a_wrong_size_or_label_is_refused(self, tmp_path):
        path = tmp_path / "data_batch_1.bin"
        path.write_bytes(cifar_bytes(2, [3, 10]).tobytes())
        with pytest.raises(UserError, match=r"label 10 of image 1 is out of range 0\.\.9"):
            read_cifar(path, 10)
        path.write_bytes(cifar_bytes(2, [3, 1]).tobytes()[:-1])
        with pytest.raises(UserError, match="not whole CIFAR-10 records"):
            read_cifar(path, 10)

    @pytest.mark.parametrize(
        ("held", "lacks"),
        [
            (["data_batch_1.bin"], r"CIFAR-10 is missing: test_batch\.bin$"),
            (["test_batch.bin"], r"CIFAR-10 is missing: data_batch_\*\.bin$"),
            (["train.bin"], r"CIFAR-100 is missing: test\.bin$"),
            (["train-images-idx3-ubyte.gz", "train-labels.idx1-ubyte"],
             "MNIST is missing: t10k-images, t10k-labels$"),
        ],
    )  # fmt: skip
    def test_a_part_of_a_data_set_is_refused_with_what_it_lacks(self, tmp_path, held, lacks):
        for name in held:
            (tmp_path / name).write_bytes(b"")
        with pytest.raises(UserError, match=f"part of {lacks}"):
            load(tmp_path)

    def test_a_folder_of_images_beside_a_file_of_that_name_is_told_of_its_images(self, tmp_path):
        picture(tmp_path / "a.png", 1)
        (tmp_path / "test.bin").write_bytes(b"")
        with pytest.raises(UserError, match="holds images, but each class needs a folder"):
            load(tmp_path)

    def test_some_of_cifars_training_files_are_read_and_counted(self, tmp_path, caplog):
        for number in (1, 3):
            (tmp_path / f"data_batch_{number}.bin").write_bytes(cifar_bytes(1, [3]).tobytes())
        (tmp_path / "test_batch.bin").write_bytes(cifar_bytes(1, [5]).tobytes())
        train, _ = load(tmp_path)
        assert len(train) == 2
        assert ": 2 of CIFAR-10's 5 training files" in caplog.text

    def test_pickled_cifar_is_refused_unread(self, tmp_path):
        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(tmp_path / "ran"),)

        (tmp_path / "data_batch_1").write_bytes(pickle.dumps(Evil()))
        with pytest.raises(UserError, match=r"could run code; use the official binary version"):
            load(tmp_path)
        assert not (tmp_path / "ran").exists()

    def write_mnist(self, folder, zipped):
        folder.mkdir()
        arrays = {}
        for stem, count in (("train", 5), ("t10k", 2)):
            images = np.arange(count * 12, dtype=np.uint8).reshape(count, 3, 4)
            labels = np.arange(count, dtype=np.uint8)
            for kind, array in (("images", images), ("labels", labels)):
                data = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
                name = f"{stem}-{kind}-idx{array.ndim}-ubyte"
                data += array.tobytes()
                if zipped:
                    name, data = f"{name}.gz", gzip.compress(data)
                (folder / name).write_bytes(data)
                arrays[name] = folder / name
        return folder

    @pytest.mark.parametrize("zipped", [False, True])
    def test_mnist_from_idx_files(self, tmp_path, zipped):
        train, evaluation = load(self.write_mnist(tmp_path / "m", zipped))
        assert len(train) == 5 and list(evaluation.labels) == [0, 1]
        image, label = train[2]
        assert label == 2 and image.shape == (3, 4, 3)
        np.testing.assert_array_equal(image[..., 1], np.arange(24, 36).reshape(3, 4))
        assert train.classes == list("01234") and train.source(2) == "m-train[2]"

    def test_what_changes_labels_can_be_said(self, tmp_path):
        chosen = frozenset({"vertical_flip"})
        path = self.write_mnist(tmp_path / "m", False)
        assert load(path, changes_label=chosen)[1].changes_label == chosen

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            (b"", "not an IDX file"),
            (struct.pack(">4BI", 0, 0, 13, 1, 1) + b"1234", "not an IDX file"),
            (struct.pack(">4BI", 0, 0, 8, 2, 3), "cut off in its header"),
            (struct.pack(">4BI", 0, 0, 8, 1, 3) + b"12", "fewer bytes"),
            (struct.pack(">4BI", 0, 0, 8, 1, 3) + b"1234", "more bytes"),
            (struct.pack(">4B3I", 0, 0, 8, 3, 1 << 31, 1 << 31, 4), "the header claims"),
            (struct.pack(">4B2I", 0, 0, 8, 2, 0, 4), "the header claims"),
            # Without the time, which would give the test another name in each process.
            (
                gzip.compress(struct.pack(">4BI", 0, 0, 8, 1, 1 << 27), mtime=0),
                r"claims \(134217728,\)",
            ),
            (struct.pack(">4BI", 0, 0, 8, 1, 10) + b"1", r"the header claims \(10,\), 10 bytes"),
            (gzip.compress(bytes(99), mtime=0)[:-9], "not an IDX|damaged"),
            (b"\x1f\x8b junk", "damaged"),
        ],
    )
    def test_bad_idx_files_are_refused(self, tmp_path, data, error):
        (tmp_path / "x-idx3-ubyte").write_bytes(data)
        with pytest.raises(UserError, match=error):
            read_idx(tmp_path / "x-idx3-ubyte")

    def test_npz_with_gray_and_with_colour_images(self, tmp_path):
        gray = np.arange(4 * 6, dtype=np.uint8).reshape(4, 2, 3)
        path = tmp_path / "x.npz"
        np.savez_compressed(path, x_train=gray, y_train=[[0], [1], [2], [1]], x_test=gray[:1],
                            y_test=[2])  # fmt: skip
        train, evaluation = load(path)
        assert list(train.labels) == [0, 1, 2, 1] and list(evaluation.labels) == [2]
        np.testing.assert_array_equal(train[3][0][..., 2], gray[3])
        assert train.changes_label == frozenset()
        colour = np.stack([gray] * 3, axis=3)
        np.savez(path, x_train=colour, y_train=[0, 1, 1, 0], x_test=colour, y_test=[0, 0, 0, 0])
        assert load(path)[0].changes_label == frozenset()

    MNIST = (5, 0, 4, 1, 9, 2, 1, 3, 1, 4)
    FASHION = (9, 0, 0, 3, 0, 2, 7, 2, 5, 5)

    @pytest.mark.parametrize(
        ("labels", "side", "changes", "said"),
        [
            (MNIST, 28, FLIPS, "digits, as the labels begin as MNIST's: flips"),
            (FASHION, 28, frozenset(), "labels begin as Fashion-MNIST's: its class names"),
            (range(10), 28, FLIPS, "10 classes of small gray images, taken for digits: flips"),
            (range(26), 28, FLIPS, "26 classes of small gray images, taken for letters: flips"),
            (range(47), 32, FLIPS, "47 classes of small gray images, taken for digits and letters"),
            (range(2), 28, frozenset(), "gray images, not taken for digits or letters: flips"),
            (range(11), 28, frozenset(), "gray images, not taken for digits or letters: flips"),
            (range(10), 65, frozenset(), "gray images, not taken for digits or letters: flips"),
        ],
        ids=["MNIST", "Fashion", "10", "26", "47", "X-rays", "11", "large"],
    )
    @pytest.mark.parametrize("name", ["chest", "mnist", "fashion", "old-fashioned"])
    def test_gray_arrays_are_recognised_by_what_they_hold_not_by_their_name(
        self, tmp_path, labels, side, changes, said, name
    ):
        labels = np.array(labels)
        images = np.zeros((len(labels), side, side), np.uint8)
        path = tmp_path / name / f"{name}.npz"
        path.parent.mkdir()
        np.savez(path, x_train=images, y_train=labels, x_test=images[:2], y_test=labels[:2])
        train, evaluation = load(path)
        assert train.changes_label == evaluation.changes_label == changes
        assert said in describe(train, evaluation)
        if tuple(labels) == self.FASHION:
            assert train.classes[9] == "Ankle boot" and list(train.labels) == list(labels)
            plain, _ = load(path, class_names="labels")
            assert plain.classes == ["0", "2", "3", "5", "7", "9"]
            assert [plain.classes[i] for i in plain.labels] == list(map(str, labels))
        for chosen in (frozenset(), frozenset({"vertical_flip"})):
            train, evaluation = load(path, changes_label=chosen)
            assert train.changes_label == evaluation.changes_label == chosen
            assert "--changes-label" not in describe(train, evaluation)

    def test_labels_of_arrays_may_start_at_one_or_have_gaps(self, tmp_path):
        images = np.zeros((4, 3, 3), np.uint8)
        path = tmp_path / "x.npz"
        np.savez(path, x_train=images, y_train=[1, 4, 7, 4], x_test=images[:1], y_test=[7])
        train, evaluation = load(path)
        assert train.classes == ["1", "4", "7"]
        assert list(train.labels) == [0, 1, 2, 1] and list(evaluation.labels) == [2]
        assert "labels 1, 4, 7 become classes 0 to 2" in describe(train, evaluation)

    def test_classes_of_arrays_can_be_named(self, tmp_path):
        images = np.zeros((3, 3, 3), np.uint8)
        path = tmp_path / "x.npz"
        np.savez(path, x_train=images, y_train=[0, 1, 2], x_test=images[:1], y_test=[2])
        assert load(path, class_names="ant, bee,cow")[0].classes == ["ant", "bee", "cow"]
        (tmp_path / "names.txt").write_text("2 cow\n0 ant\n1 bee\n")
        train, _ = load(path, class_names=str(tmp_path / "names.txt"))
        assert train.classes == ["ant", "bee", "cow"] and list(train.labels) == [0, 1, 2]
        with pytest.raises(UserError, match="label 2 is out of range, 0..1 are named"):
            load(path, class_names="ant,bee")
        with pytest.raises(UserError, match="arrays have no folders"):
            load(path, class_names="folders")

    def test_arrays_that_are_not_used_are_named(self, tmp_path, caplog):
        images = np.zeros((2, 3, 3), np.uint8)
        arrays = {"x_train": images, "y_train": [0, 1], "x_test": images, "y_test": [0, 1]}
        np.savez(tmp_path / "x.npz", x_val=images, y_val=[0, 1], **arrays)
        load(tmp_path / "x.npz")
        assert "x.npz: not used of it: x_val, y_val" in caplog.text

    @pytest.mark.parametrize(
        ("changes", "error"),
        [
            ({"x_train": np.zeros((2, 3, 3))}, "whole numbers in C order"),
            ({"x_train": np.array([print, 1], dtype=object)}, "whole numbers|not a readable"),
            ({"x_train": np.zeros((2, 3, 3, 4), np.uint8)}, "images are uint8"),
            ({"y_train": [0, 1, 2]}, "2 images but labels of shape"),
            ({"y_train": [0, -1]}, "label -1 of image 1 is out of range"),
            ({"y_test": [5, 5]}, "test label 5 does not occur in training"),
        ],
    )
    def test_bad_npz_arrays_are_refused(self, tmp_path, changes, error):
        images = np.zeros((2, 3, 3), np.uint8)
        arrays = {"x_train": images, "y_train": [0, 1], "x_test": images, "y_test": [0, 1]}
        np.savez(tmp_path / "x.npz", **{**arrays, **changes})
        with pytest.raises(UserError, match=error):
            load(tmp_path / "x.npz")
        np.savez(tmp_path / "x.npz", x_train=images)
        with pytest.raises(UserError, match="has no array y_train"):
            load(tmp_path / "x.npz")

    def test_an_npz_and_a_gz_that_unpack_to_far_more_are_refused(self, tmp_path, monkeypatch):
        monkeypatch.setattr(safe_files, "RATIO_FREE_BYTES", 1 << 16)
        images = np.zeros((1000, 32, 32), np.uint8)
        labels = np.arange(1000) % 10
        np.savez_compressed(tmp_path / "x.npz", x_train=images, y_train=labels, x_test=images[:1],
                            y_test=labels[:1])  # fmt: skip
        with pytest.raises(UserError, match=r"x\.npz: would take 1,0\d\d,\d+ bytes, more than 100"):
            load(tmp_path / "x.npz")
        data = struct.pack(">4B3I", 0, 0, 8, 3, *images.shape) + images.tobytes()
        (tmp_path / "x.gz").write_bytes(gzip.compress(data))
        with pytest.raises(UserError, match=r"the header claims \(1000, 32, 32\), 1,024,000 bytes"):
            read_idx(tmp_path / "x.gz")
        monkeypatch.setattr(safe_files, "MAX_RATIO", 2000)
        assert read_idx(tmp_path / "x.gz").shape == (1000, 32, 32)
