"""Every layout of data is found by itself, and named data sets are what they should be."""

import io
import pickle
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest

from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.data import options as data_options
from paddle_aug.data.load import DataOptions, FileDataset, describe, load_data
from tests.data_sets import (
    FLIPS,
    TRAIN,
    cifar_bytes,
    cifar_pickle,
    load,
    make_folder,
    picture,
    values,
    write_lists,
)


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


class TestFolders:
    def test_train_and_test_trees(self, tmp_path):
        for i, part in enumerate(["train/dog", "train/cat", "test/dog", "test/cat"]):
            picture(tmp_path / "set" / part / "x.png", i)
        train, evaluation = load(tmp_path / "set")
        assert train.classes == ["cat", "dog"]
        assert values(train) == [(1, 0), (0, 1)] and values(evaluation) == [(3, 0), (2, 1)]

    def test_a_folder_around_the_data_set_is_stepped_into(self, tmp_path):
        for i, part in enumerate(["train/a", "train/b", "val/a"]):
            picture(tmp_path / "outer" / "inner" / part / "x.png", i)
        assert values(load(tmp_path / "outer")[1]) == [(2, 0)]

    def test_one_tree_is_split_by_seed_and_stratified(self, tmp_path):
        for i in range(20):
            picture(tmp_path / "set" / str(9 + i % 2) / f"{i:02}.png", i)
        train, evaluation = load(tmp_path / "set", seed=3)
        assert train.classes == ["9", "10"]
        assert list(np.bincount(train.labels)) == [8, 8]
        assert list(np.bincount(evaluation.labels)) == [2, 2]
        assert sorted(values(train) + values(evaluation)) == [(i, i % 2) for i in range(20)]
        assert values(load(tmp_path / "set", seed=3)[1]) == values(evaluation)
        assert any(values(load(tmp_path / "set", seed=s)[1]) != values(evaluation) for s in (4, 5))

    def test_what_is_no_image_is_left_out_and_said(self, tmp_path, caplog):
        for name in ("a/0.png", "a/1.png", "b/0.png", "b/1.png"):
            picture(tmp_path / "set" / name)
        (tmp_path / "set" / "a" / "notes.md").write_text("x")
        (tmp_path / "set" / "a" / ".hidden").write_text("x")
        assert len(load(tmp_path / "set")[0]) == 2
        assert "1 files in" in caplog.text and "notes.md" in caplog.text

    def test_an_empty_or_unknown_class_is_refused(self, tmp_path):
        for part in ("train/a", "train/b", "test/a", "test/c"):
            picture(tmp_path / "set" / part / "x.png")
        with pytest.raises(UserError, match=r"test/c: class 'c' does not occur in training"):
            load(tmp_path / "set")
        (tmp_path / "set" / "train" / "c").mkdir()
        with pytest.raises(UserError, match=r"train/c: class 'c' has no images"):
            load(tmp_path / "set")

    @pytest.mark.parametrize("place", ["", "cats"])
    def test_images_of_one_class_or_of_none_are_named(self, tmp_path, place):
        picture(tmp_path / place / "a.png")
        with pytest.raises(UserError, match=f"{tmp_path / place}: holds images, but each class "):
            load(tmp_path)

    def test_a_link_out_of_the_tree_is_refused_unless_its_root_is_given(self, folder, tmp_path):
        tree = tmp_path / "tree"
        for name in ("a", "b"):
            picture(tree / name / "x.png")
        (tree / "a" / "y.png").symlink_to(folder / "Images" / "a" / "2.png")
        with pytest.raises(UserError, match=r"y\.png: a symbolic link that leaves"):
            load(tree, eval_data=str(tree))
        train, _ = load(tree, eval_data=str(tree), images_root=str(tmp_path))
        assert values(train) == [(0, 0), (2, 0), (0, 1)]

    def test_a_class_folder_may_not_be_a_link_out_of_the_tree_either(self, folder, tmp_path):
        tree = tmp_path / "tree"
        picture(tree / "a" / "x.png")
        picture(tree / "more" / "x.png", 3)
        (tree / "b").symlink_to(folder / "Images" / "b")
        with pytest.raises(UserError, match=r"tree/b: a symbolic link that leaves"):
            load(tree)
        (tree / "b").unlink()
        (tree / "b").symlink_to(tree / "more")
        assert load(tree, eval_data=str(tree))[0].classes == ["a", "b", "more"]

    def test_an_archive_is_unpacked_and_read(self, folder):
        write_lists(folder, TRAIN)
        path = folder.parent / "data.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in sorted(folder.rglob("*.*")):
                archive.write(file, file.relative_to(folder.parent))
        assert values(load(path)[0]) == [(0, 0), (1, 0), (3, 1), (4, 1)]

    def test_where_nothing_fits_the_error_says_what_was_looked_for(self, tmp_path):
        (tmp_path / "data.zip").write_bytes(b"")
        with pytest.raises(UserError, match=r"(?s)Train.txt and Eval.txt.*try --data .*data.zip"):
            load(tmp_path)
        with pytest.raises(UserError, match="no such file or folder, nor one of digits, cifar10"):
            load(tmp_path / "missing")
        (tmp_path / "x.jpg").write_bytes(b"x")
        with pytest.raises(UserError, match=r"x\.jpg: not understood"):
            load(tmp_path / "x.jpg")


class TestNamed:
    def test_digits_are_the_default_and_say_so(self, monkeypatch, tmp_path):
        from sklearn.datasets import load_digits

        monkeypatch.setattr(data_options, "AISTUDIO", tmp_path / "nowhere")
        monkeypatch.setenv("HOME", str(tmp_path))
        train, evaluation = load_data(DataOptions())
        assert describe(train, evaluation) == (
            "scikit-learn's handwritten digits (no --data given): "
            "1438 training and 359 evaluation images, 10 classes\n"
            "  digits: flips and large rotations would change what they show, and are off "
            "(otherwise --changes-label none)"
        )
        assert train.changes_label == evaluation.changes_label == FLIPS
        raw = load_digits()
        for dataset in (train, evaluation):
            image, label = dataset[17]
            number = int(dataset.source(17).removeprefix("digits[").removesuffix("]"))
            assert label == raw.target[number] and image.shape == (8, 8, 3)
            np.testing.assert_array_equal(image[..., 0], np.round(raw.images[number] * 255 / 16))
        sources = [[d.source(i) for i in range(len(d))] for d in (train, evaluation)]
        assert len(set(sources[0]) | set(sources[1])) == 1797
        shares = np.bincount(evaluation.labels) / np.bincount(train.labels)
        assert (np.abs(shares - 0.25) < 0.01).all()

    def test_the_digits_split_is_the_same_for_every_seed(self):
        first = load_data(DataOptions("digits", seed=1))[1]
        second = load_data(DataOptions("digits", seed=2))[1]
        assert [first.source(i) for i in range(9)] == [second.source(i) for i in range(9)]

    def test_a_name_is_known_in_capitals_and_means_a_folder_that_is_there(
        self, tmp_path, monkeypatch
    ):
        monkeypatch.chdir(tmp_path)
        assert Config(data="Digits").filled().image_size == 32
        assert len(load_data(DataOptions("Digits", per_class=2))[0]) == 20
        for number, name in enumerate(["dog", "cat"]):
            for share in range(3):
                picture(Path("digits", name, f"{share}.png"), 10 * number + share)
        assert Config(data="digits").filled().image_size == Config().image_size == 224
        assert load_data(DataOptions("digits"))[0].classes == ["cat", "dog"]

    def test_a_path_that_exists_is_no_code_of_the_users_own(self, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "photos.py").write_text("raise SystemExit('imported')")
        for number, name in enumerate(["dog", "cat"]):
            for share in range(2):
                picture(Path("photos:summer", name, f"{share}.png"), 10 * number + share)
        assert load_data(DataOptions("photos:summer"))[0].classes == ["cat", "dog"]
        with pytest.raises(UserError, match=r"photos:winter: code of your own is named in a file"):
            load_data(DataOptions("photos:winter"))

    def test_without_internet_the_error_says_how_to_place_a_copy(self, monkeypatch, tmp_path):
        import paddle.dataset.common

        def offline(*_, **__):
            raise OSError("Name or service not known")

        monkeypatch.setattr(paddle.dataset.common, "DATA_HOME", str(tmp_path))
        monkeypatch.setattr("urllib.request.urlopen", offline)
        for name, copy in (("cifar10", "data_batch_1.bin"), ("fashion-mnist", "idx3-ubyte.gz")):
            with pytest.raises(UserError, match=rf"(?s)Name or service.*local copy.*{copy}"):
                load_data(DataOptions(name))

    def test_a_downloaded_cifar10_has_the_same_look_as_the_binary_one(self, monkeypatch, tmp_path):
        records = cifar_bytes(3, [3, 0, 9])
        self.download(monkeypatch, tmp_path, {"data_batch_1": cifar_pickle(records[:2]),
                                              "data_batch_2": cifar_pickle(records[2:]),
                                              "test_batch": cifar_pickle(records)})  # fmt: skip
        train, _ = load_data(DataOptions("cifar10"))
        (tmp_path / "data_batch_1.bin").write_bytes(records.tobytes())
        (tmp_path / "test_batch.bin").write_bytes(records.tobytes())
        binary, _ = load(tmp_path)
        assert train.classes == binary.classes
        for i in range(3):
            np.testing.assert_array_equal(train[i][0], binary[i][0])
            assert train[i][1] == binary[i][1]

    def download(self, monkeypatch, tmp_path, members):
        """Let Paddle's download give an archive of these members."""
        import paddle.dataset.common

        path = tmp_path / "cifar.tar.gz"
        with tarfile.open(path, "w:gz") as archive:
            for name, content in members.items():
                info = tarfile.TarInfo(f"cifar-batches-py/{name}")
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
        monkeypatch.setattr(paddle.dataset.common, "DATA_HOME", str(tmp_path))
        monkeypatch.setattr("urllib.request.urlopen", lambda *_, **__: io.BytesIO())
        monkeypatch.setattr(paddle.dataset.common, "download", lambda *_: str(path))

    def test_cifar100_takes_the_fine_labels(self, monkeypatch, tmp_path):
        records = cifar_bytes(3, [99, 0, 7])
        pickled = cifar_pickle(records, b"fine_labels")
        self.download(monkeypatch, tmp_path, {"train": pickled, "test": pickled, "meta": b"x"})
        train, evaluation = load_data(DataOptions("cifar100"))
        assert len(train.classes) == 100
        assert list(train.labels) == list(evaluation.labels) == [99, 0, 7]

    def test_a_cifar_archive_that_would_run_code_is_refused_and_nothing_runs(
        self, monkeypatch, tmp_path
    ):
        class Trap:
            def __reduce__(self):
                return Path.touch, (tmp_path / "ran",)

        trap = pickle.dumps({"data": Trap(), "labels": [1]}, protocol=2)
        self.download(monkeypatch, tmp_path, {"data_batch_1": trap, "test_batch": trap})
        with pytest.raises(UserError, match=r"data_batch_1: refused: it would run"):
            load_data(DataOptions("cifar10"))
        assert not (tmp_path / "ran").exists()
        pickle.loads(trap)
        assert (tmp_path / "ran").exists(), "the trap works"

    @pytest.mark.parametrize(
        ("members", "reason"),
        [
            ({}, "not the Python archive of CIFAR-10"),
            ({"data_batch_1": pickle.dumps({"data": 3, "labels": [1]}, 2)}, "not the Python"),
            ({"data_batch_1": pickle.dumps([1], 2)}, "data_batch_1: holds no dictionary"),
            ({"data_batch_1": cifar_pickle(cifar_bytes(2, [3, 10]))}, "label 10 of image 1 is out"),
            ({"data_batch_1": cifar_pickle(cifar_bytes(2, [3, 1]))[:-900]}, "data_batch_1: not "),
        ],
        ids=["nothing", "no arrays", "no dictionary", "a label", "cut off"],
    )  # fmt: skip
    def test_other_archives_are_refused_with_the_reason(
        self, monkeypatch, tmp_path, members, reason
    ):
        self.download(monkeypatch, tmp_path, members)
        with pytest.raises(UserError, match=reason):
            load_data(DataOptions("cifar10"))


def test_a_subset_keeps_order_classes_and_sources(folder):
    train, _ = load(write_lists(folder, TRAIN))
    part = train.subset([3, 0, 0]).subset([2, 0])
    assert isinstance(part, FileDataset) and part.classes == train.classes
    assert values(part) == [(0, 0), (4, 1)]
    assert len(train) == 4 and part.source(1) == train.source(3)


def test_lists_are_read_without_paddle():
    code = (
        "import sys, paddle_aug.data.list_files, paddle_aug.data.decode, paddle_aug.data.splits, "
        "paddle_aug.data.archives.members, paddle_aug.data.cache_store; "
        "sys.exit('paddle' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
