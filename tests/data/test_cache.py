"""The decoded-image cache: same bytes as decoding, rebuilt when it must be, never in the way."""

import errno
import json
import logging
import multiprocessing
import os
import pickle
import shutil
import time
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders import lock as folder_lock
from paddle_aug.data import cache_store
from paddle_aug.data import cached as cache
from paddle_aug.data import scan as scanning
from paddle_aug.data.cached import CachedDataset, clear, list_entries
from paddle_aug.data.dataset import ArrayDataset, FileDataset, data_digest

SIZE = (5, 7)


@pytest.fixture(autouse=True)
def own_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PADDLE_AUG_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def dataset(tmp_path):
    return make_dataset(tmp_path / "images")


def make_dataset(folder, count=7, seed=0):
    rng = np.random.default_rng(seed)
    folder.mkdir(exist_ok=True)
    paths = []
    for i in range(count):
        path = folder / f"{i}.png"
        Image.fromarray(rng.integers(0, 256, (11 + i, 13, 3), np.uint8)).save(path)
        paths.append(str(path))
    return FileDataset(paths, [i % 3 for i in range(count)], ["a", "b", "c"], "made")


def expected(dataset, size=SIZE):
    height, width = size
    return [
        cv2.resize(dataset[i][0], (width, height), interpolation=cv2.INTER_LINEAR)
        for i in range(len(dataset))
    ]


def assert_same(cached, dataset):
    for i, image in enumerate(expected(dataset)):
        got, label = cached[i]
        np.testing.assert_array_equal(got, image)
        assert got.dtype == np.uint8 and got.flags.c_contiguous and label == dataset.labels[i]


def decodes(monkeypatch):
    """Counts how many images are decoded from here on."""
    calls = []
    original = FileDataset.__getitem__
    monkeypatch.setattr(
        FileDataset, "__getitem__", lambda self, i: calls.append(i) or original(self, i)
    )
    return calls


def test_cached_images_equal_decoded_and_resized_ones(dataset):
    cached = CachedDataset(dataset, SIZE)
    assert cached.cached and len(cached) == 7
    assert_same(cached, dataset)
    assert cached.source(3) == dataset.paths[3]
    assert (cached.classes, cached.name) == (["a", "b", "c"], "made")


def test_the_second_time_nothing_is_decoded(dataset, monkeypatch):
    CachedDataset(dataset, SIZE)
    calls = decodes(monkeypatch)
    again = CachedDataset(dataset, SIZE)
    assert again.cached and calls == []


def test_an_image_may_be_written_into_without_harm(dataset):
    cached = CachedDataset(dataset, SIZE)
    cached[2][0][:] = 0
    np.testing.assert_array_equal(cached[2][0], expected(dataset)[2])


def test_a_changed_file_another_size_or_order_gives_another_cache(dataset, monkeypatch):
    CachedDataset(dataset, SIZE)
    Image.fromarray(np.full((9, 9, 3), 77, np.uint8)).save(dataset.paths[4])
    calls = decodes(monkeypatch)
    assert (CachedDataset(dataset, SIZE)[4][0] == 77).all()
    assert len(calls) == 7
    assert CachedDataset(dataset, (3, 3))[0][0].shape == (3, 3, 3)
    swapped = dataset.subset([1, 0, 2])
    np.testing.assert_array_equal(
        CachedDataset(swapped, SIZE)[0][0], CachedDataset(dataset, SIZE)[1][0]
    )


def damage_byte(path):
    data = bytearray(path.read_bytes())
    data[-5] ^= 1
    path.write_bytes(bytes(data))


def replace(path, before, after):
    path.write_bytes(path.read_bytes().replace(before, after))


@pytest.mark.parametrize(
    "damage",
    [
        damage_byte,
        lambda path: path.write_bytes(path.read_bytes()[:-9]),
        lambda path: path.write_bytes(b""),
        lambda path: np.save(path, np.zeros((2, 2), np.uint8)),
        lambda path: path.with_name("info.json").write_text("[]"),
        lambda path: path.with_name("info.json").write_text("[" * 99_999),
        # Where NumPy raises a TokenError, and where it would take the memory.
        lambda path: replace(path, b", }", b", ("),
        lambda path: replace(path, b"(7, ", b"(7" + b"0" * 14 + b", "),
    ],
    ids=["one bit", "cut off", "empty", "another shape", "info", "deep info", "token", "claim"],
)
def test_a_damaged_cache_is_rebuilt(dataset, caplog, damage):
    damage(CachedDataset(dataset, SIZE).cache_path)
    with caplog.at_level(logging.WARNING):
        cached = CachedDataset(dataset, SIZE)
    assert "is damaged" in caplog.text and "built anew" in caplog.text
    assert cached.cached
    assert_same(cached, dataset)


def test_a_cache_that_another_process_removes_meanwhile_is_missing_not_damaged(
    dataset, caplog, monkeypatch
):
    path, read_header = CachedDataset(dataset, SIZE).cache_path, cache_store.read_npy_header

    def removed_after_its_header(*arguments):
        read_header(*arguments)
        shutil.rmtree(path.parent)
        monkeypatch.setattr(cache_store, "read_npy_header", read_header)

    monkeypatch.setattr(cache_store, "read_npy_header", removed_after_its_header)
    with caplog.at_level(logging.WARNING):
        cached = CachedDataset(dataset, SIZE)
    assert not caplog.records
    assert cached.cached and path.exists()
    assert_same(cached, dataset)


def test_a_pickled_object_array_in_its_place_is_never_loaded(dataset):
    path = CachedDataset(dataset, SIZE).cache_path
    np.save(path, np.array([print], dtype=object), allow_pickle=True)
    assert_same(CachedDataset(dataset, SIZE), dataset)


def test_a_full_disk_means_no_cache_one_warning_and_the_same_images(dataset, caplog, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(cache_store, "_write_npy", full)
    cached = CachedDataset(dataset, SIZE)
    assert not cached.cached and cached.cache_path is None
    assert_same(cached, dataset)
    assert caplog.text.count("no image cache") == 1 and "No space left" in caplog.text
    assert list(cache_store.images_folder().glob("*.part-*")) == []


def test_too_little_free_space_is_seen_before_anything_is_decoded(dataset, caplog, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    calls = decodes(monkeypatch)
    assert not CachedDataset(dataset, SIZE).cached
    assert calls == [] and "free on the disk" in caplog.text


def test_a_place_that_cannot_be_a_folder_means_no_cache(dataset, tmp_path, caplog):
    (tmp_path / "file").write_text("")
    cached = CachedDataset(dataset, SIZE, directory=tmp_path / "file" / "x")
    assert not cached.cached and "no image cache" in caplog.text
    assert_same(cached, dataset)


def test_a_data_set_over_the_limit_is_not_cached(dataset, caplog):
    size = 7 * 5 * 7 * 3
    assert CachedDataset(dataset, SIZE, limit_bytes=size).cached
    clear()
    assert not CachedDataset(dataset, SIZE, limit_bytes=size - 1).cached
    assert "is not cached" in caplog.text and list_entries() == []


def test_sizes_beyond_the_machines_numbers_are_counted(dataset, tmp_path, caplog):
    """As 32 bits are on Windows with NumPy 1, here 64."""
    side = 1 << 32
    with caplog.at_level(logging.WARNING):
        cached = CachedDataset(dataset, (side, side))
    assert not cached.cached and f"is not cached: {7 * 3 * side * side >> 20} MB" in caplog.text
    with pytest.raises(OSError, match=f"^{3 * side * side >> 20} MB needed"):
        cache_store.build_entry(tmp_path, "0" * 32, "x", (1, side, side, 3), lambda: [], 1 << 30)


def test_a_limit_of_nothing_turns_the_cache_off_without_a_word(dataset, caplog):
    cached = CachedDataset(dataset, SIZE, limit_bytes=0)
    assert not cached.cached and caplog.text == ""
    assert_same(cached, dataset)


def test_the_least_recently_used_entry_goes_first(dataset):
    sizes = [(5, 7), (6, 7), (7, 7)]
    paths = [CachedDataset(dataset, size).cache_path.parent for size in sizes[:2]]
    os.utime(paths[0], (100, 100))
    os.utime(paths[1], (50, 50))
    total = sum(entry.bytes for entry in list_entries())
    assert [entry.key for entry in list_entries()] == [paths[1].name, paths[0].name]
    third = CachedDataset(dataset, sizes[2], limit_bytes=total + 700)
    assert [entry.key for entry in list_entries()] == [paths[0].name, third.cache_path.parent.name]


def test_entries_can_be_listed_and_deleted(dataset):
    cached = CachedDataset(dataset, SIZE)
    (entry,) = list_entries()
    assert (entry.name, entry.images) == ("made", 7)
    assert entry.bytes == sum(f.stat().st_size for f in cached.cache_path.parent.iterdir())
    assert clear(key="another") == 0 and len(list_entries()) == 1
    assert clear() == entry.bytes and list_entries() == []
    assert_same(cached, dataset)  # the run that has it open goes on reading


def damage_info(entry):
    (entry / "info.json").write_text('{"crc')


@pytest.mark.parametrize(
    ("change", "stays"),
    [
        (damage_info, []),
        (lambda entry: (entry / "info.json").unlink(), []),
        (lambda entry: (entry / "mine.bin").write_bytes(bytes(5000)), ["mine.bin"]),
    ],
    ids=["damaged", "half", "foreign file"],
)
def test_the_bytes_of_damaged_entries_count_and_those_of_foreign_files_do_not(
    dataset, change, stays
):
    entry = CachedDataset(dataset, SIZE).cache_path.parent
    change(entry)
    files = [path for path in entry.iterdir() if path.name not in stays]
    size = sum(path.stat().st_size for path in files)
    assert [found.bytes for found in list_entries()] == [size] and size > 7 * 5 * 7 * 3
    cache_store.evict(entry.parent, size)
    assert [found.bytes for found in list_entries()] == [size]
    kept = {path: path.read_bytes() for path in files}
    cache_store.evict(entry.parent, size - 1)
    assert list_entries() == [] and not any(path.exists() for path in files)
    entry.mkdir(exist_ok=True)
    for path, content in kept.items():
        path.write_bytes(content)
    part = entry.with_name("1" * 32 + ".part-x")  # of a run that was killed, a day old
    part.mkdir()
    (part / "images.npy").write_bytes(b"half")
    os.utime(part, (0, 0))
    assert clear() == size + 4 and clear() == 0
    left = sorted(path.name for path in entry.parent.rglob("[!.]*"))
    assert left == sorted([entry.name, *stays] if stays else [])


def test_what_cannot_be_deleted_does_not_count_as_freed(dataset, monkeypatch):
    first, second = (CachedDataset(dataset, size).cache_path for size in ((5, 7), (6, 7)))
    os.utime(first.parent, (50, 50))
    unlink = type(first).unlink

    def refuse(path, *rest):
        if path == first:
            raise PermissionError(13, "Permission denied")
        unlink(path, *rest)

    monkeypatch.setattr(type(first), "unlink", refuse)
    sizes = {entry.key: entry.bytes for entry in list_entries()}
    cache_store.evict(first.parents[1], sizes[second.parent.name])
    assert first.exists() and not second.exists()  # as the first could not make room
    assert clear() == 0


@pytest.mark.parametrize("make", ["files", "array"])
def test_a_cached_data_set_has_the_digest_and_the_notes_of_its_own(dataset, make):
    if make == "array":
        images = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
        dataset = ArrayDataset(images, [0, 1, 0], ["x", "y"], "made")
    dataset.read_as = ("classes are named by the folders",)
    cached = CachedDataset(dataset, SIZE)
    assert cached.read_as == dataset.read_as
    assert data_digest(cached) == data_digest(dataset)
    part = cached.subset([2, 0])
    assert data_digest(part) == data_digest(dataset.subset([2, 0])) != data_digest(cached)


def test_an_unreadable_image_is_named_and_nothing_stays(dataset):
    with open(dataset.paths[5], "wb") as file:
        file.write(b"no image")
    with pytest.raises(UserError, match=r"5\.png: not an image"):
        CachedDataset(dataset, SIZE)
    assert list_entries() == [] and list(cache_store.images_folder().glob("*.part-*")) == []


def test_what_a_killed_run_left_is_removed(dataset):
    path = CachedDataset(dataset, SIZE).cache_path.parent
    ended, locked_now, old, young = ("1" * 32, "2" * 32, "3" * 32, "4" * 32)
    keys = (path.name, ended, locked_now, old, young)
    parts = [path.with_name(f"{key}.part-x") for key in keys]
    for part in parts:
        part.mkdir()
        (part / "images.npy").write_bytes(b"half")
    with folder_lock.locked(path.with_name(ended)):
        pass  # its lock was left, and nobody has it
    os.utime(parts[3], (0, 0))  # of a version that locked otherwise: a day old
    shutil.rmtree(path)
    with folder_lock.locked(path.with_name(locked_now)):
        CachedDataset(dataset, SIZE)
        assert [part.exists() for part in parts] == [False, False, True, False, True]
        clear()
        assert [part.exists() for part in parts] == [False, False, True, False, True]


def test_nothing_but_entries_is_ever_deleted(dataset):
    entry = CachedDataset(dataset, SIZE).cache_path.parent
    mine = entry.with_name("holiday")
    mine.mkdir()
    (mine / "info.json").write_text('{"name": "mine", "images": 3}')
    (mine / "1.png").write_bytes(b"mine")
    (entry.with_name("x.part-1")).mkdir()
    (entry / "notes.txt").write_text("mine, in an entry's folder")
    assert [found.key for found in list_entries()] == [entry.name]
    CachedDataset(dataset, (9, 9), limit_bytes=7 * 9 * 9 * 3 + 1)  # the other entry must go
    clear()
    left = sorted(str(path.relative_to(entry.parent)) for path in entry.parent.rglob("[!.]*"))
    assert left == [entry.name, f"{entry.name}/notes.txt", "holiday", "holiday/1.png",
                    "holiday/info.json", "x.part-1"]  # fmt: skip


def test_sets_in_memory_are_resized_without_a_file():
    images = np.arange(3 * 4 * 4, dtype=np.uint8).reshape(3, 4, 4)
    dataset = ArrayDataset(images, [0, 1, 0], ["x", "y"], "made", frozenset({"vertical_flip"}))
    cached = CachedDataset(dataset, SIZE)
    assert not cached.cached and cached.changes_label == {"vertical_flip"}
    assert_same(cached, dataset)
    assert not cache_store.images_folder().exists()


def test_another_filter_is_another_entry_with_its_own_pixels(dataset):
    coarse = CachedDataset(dataset, SIZE)
    smooth = CachedDataset(dataset, SIZE, antialias=True)
    sharp = CachedDataset(dataset, SIZE, resample="bicubic", antialias=True)
    entries = {entry.key: entry.scaled for entry in list_entries()}
    assert entries == {
        coarse.cache_path.parent.name: "7x5, bilinear, not antialiased",
        smooth.cache_path.parent.name: "7x5, bilinear, antialiased",
        sharp.cache_path.parent.name: "7x5, bicubic, antialiased",
    }
    assert_same(coarse, dataset)
    for cached, method in ((smooth, "BILINEAR"), (sharp, "BICUBIC")):
        for index in range(len(dataset)):
            picture = Image.fromarray(dataset[index][0])
            expected = picture.resize(SIZE[::-1], Image.Resampling[method])
            np.testing.assert_array_equal(cached[index][0], np.asarray(expected))


@pytest.mark.parametrize("limit_bytes", [0, 1 << 30])
def test_with_and_without_a_cache_the_filter_is_the_same(dataset, limit_bytes):
    settings = {"resample": "bicubic", "antialias": True, "limit_bytes": limit_bytes}
    cached = CachedDataset(dataset, SIZE, **settings)
    assert cached.cached == (limit_bytes > 0)
    expected = Image.fromarray(dataset[2][0]).resize(SIZE[::-1], Image.Resampling.BICUBIC)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(cached))[2][0], np.asarray(expected))


def test_an_entry_of_old_that_names_no_filter_is_listed(dataset):
    path = CachedDataset(dataset, SIZE).cache_path.parent / "info.json"
    info = json.loads(path.read_text())
    del info["scaled"]
    path.write_text(json.dumps(info))
    assert [(entry.name, entry.scaled) for entry in list_entries()] == [("made", "")]


def test_a_subset_and_a_pickled_copy_read_the_same_file(dataset, monkeypatch):
    cached = CachedDataset(dataset, SIZE)
    calls = decodes(monkeypatch)
    part = cached.subset([6, 2, 2])
    assert [int(x) for x in part.labels] == [0, 2, 2] and part.source(0) == dataset.paths[6]
    np.testing.assert_array_equal(part[0][0], cached[6][0])
    twice = part.subset([1])
    np.testing.assert_array_equal(twice[0][0], cached[2][0])
    data = pickle.dumps(part)
    copied = pickle.loads(data)
    assert copied.cached and calls == []
    np.testing.assert_array_equal(copied[1][0], cached[2][0])


def _build_slowly(paths, start, results):
    original = cache.ops.resize

    def slow(*arguments):
        time.sleep(0.02)
        return original(*arguments)

    cache.ops.resize = slow
    start.wait()
    decoded = []
    read = FileDataset.__getitem__
    FileDataset.__getitem__ = lambda self, i: decoded.append(i) or read(self, i)
    cached = CachedDataset(FileDataset(paths, [0] * len(paths), ["a"], "made"), SIZE)
    results.put((len(decoded), cached.cached, [int(cached[i][0].sum()) for i in range(len(paths))]))


@pytest.mark.skipif(os.name != "posix", reason="locks are for POSIX")
def test_two_runs_at_once_build_it_once(dataset):
    context = multiprocessing.get_context("fork")
    start, results = context.Event(), context.Queue()
    runs = [
        context.Process(target=_build_slowly, args=(dataset.paths, start, results))
        for _ in range(2)
    ]
    for run in runs:
        run.start()
    start.set()
    got = [results.get(timeout=30) for _ in runs]
    for run in runs:
        run.join(10)
    assert sorted(decoded for decoded, _, _ in got) == [0, 7]
    sums = [int(image.sum()) for image in expected(dataset)]
    assert all(cached and found == sums for _, cached, found in got)


@pytest.mark.parametrize(("cores", "threads"), [(1, 1), (3, 3), (64, 16)])
def test_decoding_takes_the_cores_of_the_container(dataset, monkeypatch, cores, threads):
    taken = []

    class Pool(ThreadPoolExecutor):
        def __init__(self, workers):
            taken.append(workers)
            super().__init__(workers)

    for module in (cache, scanning):
        monkeypatch.setattr(module, "available_cores", lambda: cores)
        monkeypatch.setattr(module, "ThreadPoolExecutor", Pool)
    CachedDataset(dataset, SIZE)
    scanning.scan(dataset, dataset)
    assert taken == [threads] * 3
