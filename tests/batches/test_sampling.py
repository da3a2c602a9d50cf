"""Orders of an epoch, and oversampling, by value."""

import resource
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddle_aug.batches.augmented import Sample
from paddle_aug.batches.epoch_order import epoch_order, numbered_repeats
from paddle_aug.batches.loader import Loader
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ArrayDataset
from paddle_aug.train import memory
from paddle_aug.train import smote as oversampling
from paddle_aug.train.smote import check_memory, smote
from tests.helpers import policy, view

UNBALANCED = np.array([0] * 11 + [1] * 3 + [2] * 5)


def test_shuffling_takes_every_image_once():
    order = epoch_order(UNBALANCED, "shuffle", np.random.default_rng(0))
    assert sorted(order) == list(range(19))


@given(
    st.lists(st.integers(1, 9), min_size=1, max_size=5), st.integers(0, 2**31)
)  # fmt: skip
def test_balanced_epochs_hold_every_class_and_in_it_every_image_equally_often(sizes, seed):
    labels = np.repeat(np.arange(len(sizes)) * 2, sizes)  # classes between have no image
    order = epoch_order(labels, "balanced", np.random.default_rng(seed))
    assert len(order) == len(labels)
    per_class = np.bincount(labels[order])[::2]
    assert per_class.max() - per_class.min() <= 1
    times = np.bincount(order, minlength=len(labels))
    for label in np.unique(labels):
        own = times[labels == label]
        assert own.max() - own.min() <= 1


def test_balanced_epochs_of_a_large_class_show_other_images_in_other_epochs():
    seen = set()
    for seed in range(20):
        seen |= set(epoch_order(UNBALANCED, "balanced", np.random.default_rng(seed)))
    assert seen == set(range(19))


def test_the_loader_balances_the_batches_of_an_epoch():
    data = view(19)
    data.dataset.labels = UNBALANCED
    loader = Loader(data, 4, shuffle=True, seed=3, sampling="balanced")
    for epoch in (0, 1):
        labels = np.concatenate([batch.labels for batch in loader.epoch(epoch)])
        assert sorted(np.bincount(labels)) == [6, 6, 7]


@given(st.lists(st.integers(0, 6), max_size=30))
def test_each_repeat_of_an_image_has_a_number_of_its_own(order):
    numbers = numbered_repeats(np.array(order, np.int64), 7)
    assert (numbers % 7).tolist() == order
    assert [number // 7 for number in numbers] == [order[:i].count(n) for i, n in enumerate(order)]


@pytest.mark.parametrize("mix", [None, policy("mixup", partner="dataset")])
def test_a_repeated_image_is_augmented_and_mixed_anew(mix):
    data = view(19, mix=mix)
    data.dataset.labels = UNBALANCED
    loader = Loader(data, 4, shuffle=True, sampling="balanced")
    seen: dict[int, list[Sample]] = {}
    for number in np.concatenate(loader.batches_of(0)).tolist():
        seen.setdefault(number % 19, []).append(data.sample(0, number))
    rare = seen[11]  # one of three images of a class that is shown six or seven times
    assert len(rare) >= 2
    assert len({sample.image.tobytes() for sample in rare}) == len(rare)
    np.testing.assert_array_equal(rare[0].image, data.sample(0, 11).image)
    if mix:
        assert len({sample.lam for sample in rare}) == len(rare)


def test_reading_an_augmented_data_set_to_its_end_ends():
    assert len(list(view(5))) == 5  # Python's own loop ends with an IndexError


def test_processes_share_each_batch_without_a_gap_or_a_repeat():
    whole = Loader(view(23), 6, shuffle=True, seed=3).batches_of(2)
    parts = [
        Loader(view(23), 2, shuffle=True, seed=3, rank=rank, ranks=3).batches_of(2)
        for rank in range(3)
    ]
    assert [len(batches) for batches in parts] == [4, 4, 4]
    for step, batch in enumerate(whole):
        np.testing.assert_array_equal(np.concatenate([part[step] for part in parts]), batch)
    assert [len(part[3]) for part in parts] == [2, 2, 1]


def unbalanced_images() -> ArrayDataset:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (19, 3, 5, 3), dtype=np.uint8)
    return ArrayDataset(images, UNBALANCED, ["a", "b", "c"], "set")


def test_smote_makes_images_between_two_of_the_class_until_classes_are_equal():
    pytest.importorskip("imblearn")
    data = unbalanced_images()
    more = smote(data, seed=0)
    assert np.bincount(more.labels).tolist() == [11, 11, 11]
    for index in range(19):
        np.testing.assert_array_equal(more[index][0], data[index][0])
        assert more.source(index) == data.source(index)
    assert more.source(19).startswith("SMOTE image 0 of 'b'")
    for index in range(19, 33):
        image, label = more[index]
        assert (image.dtype, image.shape) == (np.uint8, (3, 5, 3))
        made = image.astype(np.float64).reshape(-1)
        own = data.images[label == UNBALANCED].reshape(-1, 45).astype(np.float64)
        assert min(distance_to_line(made, x, y) for x in own for y in own) <= 0.6


def distance_to_line(made: np.ndarray, x: np.ndarray, y: np.ndarray) -> float:
    """Largest deviation of a pixel from the nearest point between x and y."""
    way = y - x
    share = float(np.clip((made - x) @ way / max(way @ way, 1e-9), 0, 1))
    # The share is that of the least squares: rounding to bytes moves it a little.
    return min(
        float(np.abs(x + u * way - made).max()) for u in share + np.linspace(-0.01, 0.01, 41)
    )


def test_smote_gives_the_same_images_for_the_same_seed():
    pytest.importorskip("imblearn")
    first, second, other = (smote(unbalanced_images(), seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.images, second.images)
    assert (first.images != other.images).any()


def images_of(*counts: int, side: int = 4) -> ArrayDataset:
    rng = np.random.default_rng(5)
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    images = rng.integers(0, 256, (len(labels), side, side, 3), dtype=np.uint8)
    return ArrayDataset(images, labels, [f"class {i}" for i in range(len(counts))], "set")


def test_smote_class_by_class_gives_what_imbalanced_learn_gives_for_all_at_once():
    library = pytest.importorskip("imblearn.over_sampling")
    data = images_of(7, 23, 11)
    values, labels = library.SMOTE(random_state=3).fit_resample(
        data.images.reshape(41, -1).astype(np.float32), data.labels
    )
    more = smote(data, seed=3)
    np.testing.assert_array_equal(more.labels, labels)
    np.testing.assert_array_equal(more.images.reshape(69, -1), np.rint(values).astype(np.uint8))


def test_each_class_has_as_many_neighbours_as_it_can_whatever_the_smallest_has():
    pytest.importorskip("imblearn")
    # Class b has six images on a line; c has two, and so one neighbour each.
    red = [200] * 60 + [8 * place for place in (0, 1, 3, 7, 15, 31)] + [0, 100]
    images = np.zeros((68, 1, 1, 3), np.uint8)
    images[:, 0, 0, 0] = red
    labels = [0] * 60 + [1] * 6 + [2] * 2
    data = ArrayDataset(images, labels, ["a", "b", "c"], "set")

    def reds(neighbours: int) -> np.ndarray:
        more = smote(data, 0, neighbours)
        return more.images[68:, 0, 0, 0][more.labels[68:] == 1]

    # The nearest of 15 is 7: with one neighbour only images made from 31 lie beyond 15.
    share_of_one, share_of_five = ((reds(k) > 8 * 15).mean() for k in (1, 5))
    assert share_of_one < 0.25 < share_of_five
    np.testing.assert_array_equal(reds(5), reds(9))


def test_smote_needs_two_images_of_each_class_and_the_library(monkeypatch):
    single = unbalanced_images().subset([0, 1, 2, 11, 14, 15])
    with pytest.raises(UserError, match="'b' has one image only"):
        smote(single, 0)
    monkeypatch.setitem(__import__("sys").modules, "imblearn.over_sampling", None)
    with pytest.raises(UserError, match='pip install "imbalanced-learn>=0.12"'):
        smote(unbalanced_images(), 0)


def resident(name: str) -> int:
    """Bytes of this process in memory: now (VmRSS), or at most since it was asked anew (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith(f"{name}:"))


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="measured on Linux only")
@pytest.mark.parametrize(
    "counts", [[120, 110, 100], [240, 20, 20]], ids=["nearly equal", "far apart"]
)  # fmt: skip
def test_smote_takes_no_more_memory_than_it_says(counts):
    pytest.importorskip("imblearn")
    smote(images_of(2, 3), 0)  # what is loaded at the first call is not meant
    data = images_of(*counts, side=128)
    before = resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    smote(data, 0)
    taken = resident("VmHWM") - before
    assert taken < oversampling.needed_bytes(np.array(counts), 128 * 128 * 3)


def test_memory_is_warned_of_and_refused_where_it_is_not_there(monkeypatch, caplog):
    monkeypatch.setattr(oversampling, "free_bytes", lambda: 8 << 30)
    # (2 classes + 16) x 500 images x 150,528 values, and 64 MB.
    check_memory(np.array([400, 0, 500]), 224 * 224 * 3)
    assert "1000 images, for which it takes 1355 MB" in caplog.text
    with pytest.raises(UserError, match="13759 MB, and 8192 MB are free: use a smaller --image"):
        check_memory(np.array([5300, 5000]), 224 * 224 * 3)
    monkeypatch.setattr(oversampling, "free_bytes", lambda: None)
    check_memory(np.array([5300, 5000]), 224 * 224 * 3)


def test_a_container_s_limit_is_the_memory_that_is_there(tmp_path, monkeypatch):
    for name, text in (("max", 1000 << 20), ("current", 200 << 20), ("stat", "inactive_file 0")):
        (tmp_path / f"memory.{name}").write_text(f"{text}\n")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "none")
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    check_memory(np.array([200, 200]), 224 * 224 * 3)  # takes 580 MB
    with pytest.raises(UserError, match="takes 1355 MB, and 800 MB are free: use a smaller --ima"):
        check_memory(np.array([400, 500]), 224 * 224 * 3)


def test_processes_of_one_machine_share_its_memory(monkeypatch):
    monkeypatch.setattr(oversampling, "free_bytes", lambda: 4 << 30)
    check_memory(np.array([400, 500]), 224 * 224 * 3)
    monkeypatch.setenv("PADDLE_LOCAL_SIZE", "4")
    with pytest.raises(UserError, match="1000 images in each of 4 processes, .* 5423 MB, and 4096"):
        check_memory(np.array([400, 500]), 224 * 224 * 3)


def test_balancing_twice_is_refused():
    with pytest.raises(UserError, match="does nothing after oversample smote"):
        load_config({"sampling": "balanced", "oversample": "smote"})
