"""Batches: the same bytes whoever makes them, and clear errors when a worker fails."""

import multiprocessing
import os
import re
import signal
import threading
import time

import numpy as np
import pytest

from paddle_aug.batches import loader as loader_module
from paddle_aug.batches import workers as loader_workers
from paddle_aug.batches.loader import Loader, choose_workers
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ArrayDataset
from tests.helpers import AddDrawn, Fails, policy, view


def read(workers, epoch=0, first=0, **settings):
    loader = Loader(view(**settings), 4, shuffle=True, seed=9, workers=workers)
    try:
        return list(loader.epoch(epoch, first))
    finally:
        loader.close()


def assert_same(batches, others):
    assert len(batches) == len(others)
    for batch, other in zip(batches, others, strict=True):
        for array, other_array in zip(batch, other, strict=True):
            assert array.dtype == other_array.dtype
            np.testing.assert_array_equal(array, other_array)


@pytest.mark.parametrize("workers", ["thread", 1, 3])
@pytest.mark.parametrize("mix", [None, policy("cutmix", partner="dataset")])
def test_the_bytes_do_not_depend_on_who_makes_the_batches(workers, mix):
    assert_same(read(0, epoch=2, mix=mix), read(workers, epoch=2, mix=mix))


def test_every_image_comes_once_an_epoch_and_the_last_batch_is_short():
    batches = read(0)
    assert [len(batch.labels) for batch in batches] == [4, 4, 4, 4, 4, 3]
    indices = np.concatenate([batch.numbers for batch in batches])
    assert sorted(indices) == list(range(23))
    labels = np.concatenate([batch.labels for batch in batches])
    np.testing.assert_array_equal(labels, indices % 3)


def test_epochs_differ_in_order_and_in_what_is_drawn_for_an_image():
    first, second = read(0, epoch=0), read(0, epoch=1)
    orders = [np.concatenate([b.numbers for b in batches]) for batches in (first, second)]
    assert not np.array_equal(*orders)

    def drawn(batches, index):
        for batch in batches:
            for row in np.flatnonzero(batch.numbers == index):
                return batch.images[row, 0, 0, 0] - index

    assert [drawn(first, i) for i in range(23)] != [drawn(second, i) for i in range(23)]


@pytest.mark.parametrize("mix", [None, policy("cutmix", partner="dataset")])
def test_an_images_bytes_do_not_depend_on_the_batch_it_is_in(mix):
    def by_index(size, shuffle):
        loader = Loader(view(mix=mix), size, shuffle=shuffle, seed=9)
        rows = [(b.numbers, b.images, b.partner_labels, b.lam) for b in loader.epoch(1)]
        indices, *parts = (np.concatenate(part) for part in zip(*rows, strict=True))
        return [part[np.argsort(indices)] for part in parts]

    for one, other in zip(by_index(4, True), by_index(7, False), strict=True):
        np.testing.assert_array_equal(one, other)


def test_starting_in_the_middle_gives_the_rest_of_the_same_epoch():
    assert_same(read(0, epoch=3)[2:], read("thread", epoch=3, first=2))


def test_without_shuffling_the_order_is_the_data_sets():
    loader = Loader(view(), 10, shuffle=False)
    assert np.concatenate([b.numbers for b in loader.epoch(0)]).tolist() == list(range(23))


def test_max_steps_ends_every_epoch_early():
    loader = Loader(view(), 4, shuffle=True, max_steps=2)
    assert len(loader) == 2
    assert len(list(loader.epoch(0))) == 2


@pytest.mark.parametrize(
    ("count", "size", "settings", "sizes"),
    [(23, 4, {}, {4, 3}), (24, 4, {}, {4}), (3, 4, {}, {3}), (25, 8, {}, {8, 1}),
     (25, 8, {"max_steps": 3}, {8}), (25, 8, {"max_steps": 4}, {8, 1}),
     (11, 2, {"ranks": 4}, {2, 1, 0}), (13, 2, {"ranks": 4}, {2, 1})],
)  # fmt: skip
def test_the_sizes_of_batches_are_known_beforehand(count, size, settings, sizes):
    ranks = settings.get("ranks", 1)
    loaders = [
        Loader(view(count), size, shuffle=True, rank=rank, **settings) for rank in range(ranks)
    ]
    assert {len(part) for loader in loaders for part in loader.batches_of(0)} == sizes
    assert all(loader.batch_sizes() == sizes for loader in loaders)


@pytest.mark.parametrize(
    ("mean", "std"), [([123.7, 116.3, 103.5], None), ([-0.1], None), (None, [58.4]), (None, [0.0])]
)
def test_a_mean_that_is_not_of_pixels_over_255_is_refused(mean, std):
    with pytest.raises(ValueError, match=r"not in \[0, 1\]|greater than 0"):
        view(mean=mean or [0.5], std=std or [0.5])


@pytest.mark.parametrize("workers", [0, "thread", 2])
def test_an_unreadable_image_reaches_the_user_as_it_was_raised(workers):
    with pytest.raises(UserError, match=r"a\.jpg: truncated"):
        read(workers, transform=Fails(lambda: UserError("a.jpg: truncated")))


def _die():
    os.kill(os.getpid(), signal.SIGKILL)
    return RuntimeError()


def test_a_killed_worker_is_noticed_at_once():
    start = time.perf_counter()
    with pytest.raises(UserError, match="a worker process died"):
        read(2, transform=Fails(_die))
    assert time.perf_counter() - start < 30


def _hang():
    time.sleep(60)
    return RuntimeError()


class Slow(AddDrawn):
    def apply(self, image, params):
        time.sleep(0.1)
        return super().apply(image, params)


def test_a_hanging_worker_ends_the_run_and_is_not_left_behind(monkeypatch):
    monkeypatch.setattr(loader_workers, "STALL_SECONDS", 0.5)
    loader = Loader(view(transform=Fails(_hang)), 4, shuffle=False, workers=1)
    batches = loader.epoch(0)
    start = time.perf_counter()
    with pytest.raises(UserError, match=r"a worker hangs.* one of: numbered\[0\], .*\[3\]$"):
        next(batches)
    assert time.perf_counter() - start < 30
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("workers", ["thread", 1])
def test_a_slow_batch_is_spoken_of_with_its_images_and_waited_for(monkeypatch, caplog, workers):
    monkeypatch.setattr(loader_workers, "WAIT_SECONDS", 0.05)
    batches = read(workers, transform=Slow(), count=5)
    assert [len(batch.labels) for batch in batches] == [4, 1]
    assert len(caplog.messages) >= 1
    first = ", ".join(f"numbered[{index}]" for index in batches[0].numbers)
    assert caplog.messages[0] == f"no batch for 0 seconds, still waiting for {first}"


def test_a_hanging_thread_ends_the_run_and_does_not_keep_the_program(monkeypatch):
    monkeypatch.setattr(loader_workers, "STALL_SECONDS", 0.5)
    monkeypatch.setattr(loader_workers, "_CLOSE_SECONDS", 0.1)
    loader = Loader(view(transform=Fails(_hang)), 4, shuffle=True, workers="thread")
    with pytest.raises(UserError, match="a worker hangs"):
        list(loader.epoch(0))
    assert all(thread.daemon for thread in threading.enumerate() if thread.name == "batches")


def test_a_worker_killed_while_it_hands_a_batch_over_is_noticed_at_once():
    """Half a message is in the pipe: a shared queue would wait for the rest for ever."""
    loader = Loader(view(count=8000), 4000, shuffle=True, workers=2)
    batches = loader.epoch(0)
    next(batches)
    time.sleep(0.3)  # the next batches, of 3 MB each, are half in their pipes
    for process in multiprocessing.active_children():
        process.kill()
    with pytest.raises(UserError, match="a worker process died .by signal 9"):
        list(batches)
    assert multiprocessing.active_children() == []


def test_leaving_in_the_middle_of_large_batches_ends_the_workers():
    loader = Loader(view(count=8000), 2000, shuffle=True, workers=3)
    batches = loader.epoch(0)
    next(batches)
    batches.close()
    assert multiprocessing.active_children() == []


class Unpicklable(Exception):
    def __reduce__(self):
        raise TypeError("not this one")


class OfTwo(Exception):
    """Cannot be made of what pickle keeps of it."""

    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")


class OfOne(Exception):
    """Made of what pickle keeps of it, it says something else."""

    def __init__(self, path: str):
        super().__init__(f"cannot read {path}")


class OfTwoForUsers(UserError):
    def __init__(self, path: str, reason: str):
        super().__init__(f"{path}: {reason}")


@pytest.mark.parametrize(
    ("error", "kind", "reason"),
    [
        (lambda: ZeroDivisionError("x"), ZeroDivisionError, "ZeroDivisionError: x"),
        (lambda: Unpicklable("x"), RuntimeError, "Unpicklable: x"),
        (lambda: OfTwo("a.jpg", "blue"), RuntimeError, "OfTwo: a.jpg: blue"),
        (lambda: OfOne("a.jpg"), RuntimeError, "OfOne: cannot read a.jpg"),
    ],
)
def test_a_bug_in_a_worker_comes_with_the_workers_own_lines(error, kind, reason, monkeypatch):
    def fails(dataset, index):
        raise error()

    monkeypatch.setattr(ArrayDataset, "__getitem__", fails)
    with pytest.raises(kind) as caught:
        read(2)
    lines = str(caught.value.__cause__ or caught.value)
    assert "in a worker process:\n" in lines and "test_loader.py" in lines
    assert lines.endswith(f"{reason}\n")


@pytest.mark.parametrize("workers", [0, "thread", 2])
def test_a_bug_in_a_transform_of_ones_own_is_told_in_a_line(workers):
    with pytest.raises(UserError) as caught:
        read(workers, transform=Fails(lambda: ZeroDivisionError("x")))
    told = r"numbered\[\d+\]: Fails fails on it \(helpers.py:\d+: ZeroDivisionError: x\)"
    assert re.fullmatch(told, str(caught.value))


def test_a_transforms_error_comes_with_the_images_name():
    with pytest.raises(UserError, match=r"^numbered\[9\]: too small$"):
        read(0, transform=Fails(lambda: UserError("too small")))


@pytest.mark.parametrize("workers", [0, "thread", 2])
def test_a_users_error_keeps_its_words_whoever_meets_it(workers, monkeypatch):
    def fails(dataset, index):
        raise OfTwoForUsers("a.jpg", "blue")

    monkeypatch.setattr(ArrayDataset, "__getitem__", fails)
    with pytest.raises(UserError) as caught:
        read(workers)
    assert str(caught.value) == "a.jpg: blue"
    assert caught.value.__cause__ is None


def test_leaving_an_epoch_early_leaves_the_next_one_whole():
    loader = Loader(view(), 4, shuffle=True, seed=9, workers=2)
    try:
        next(loader.epoch(0))
        assert_same(list(loader.epoch(1)), read(0, epoch=1))
    finally:
        loader.close()


def test_auto_takes_a_thread_on_few_cores_and_processes_on_many():
    assert choose_workers("auto", cores=2) == "thread"
    assert choose_workers("auto", cores=8) == 6
    assert choose_workers("auto", cores=64) == 8
    assert choose_workers(3, cores=2) == 3


@pytest.mark.parametrize(
    ("cores", "processes", "chosen"), [(2, 1, "thread"), (8, 1, 6), (16, 2, 6)]
)
def test_auto_counts_the_cores_of_the_container_and_shares_them_among_processes(
    monkeypatch, cores, processes, chosen
):
    monkeypatch.setattr(loader_module, "available_cores", lambda: cores)
    monkeypatch.setenv("PADDLE_LOCAL_SIZE", str(processes))
    assert choose_workers("auto") == chosen


def test_an_item_by_plain_index_is_that_of_epoch_zero():
    data = view(transform=AddDrawn())
    np.testing.assert_array_equal(data[7].image, data[0, 7].image)
    assert not np.array_equal(data[7].image, data[1, 7].image)


def test_items_work_in_paddles_own_loader():
    import paddle

    images, labels, partners, lam = next(
        iter(paddle.io.DataLoader(view(), batch_size=5, shuffle=False))
    )
    assert images.shape == [5, 3, 8, 8]
    assert labels.tolist() == partners.tolist() == [0, 1, 2, 0, 1]
    assert lam.tolist() == [1.0] * 5
