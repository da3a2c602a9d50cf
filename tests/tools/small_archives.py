"""Small archives with the layout of the official ones, for tests of tools/prepare_data.py."""

import hashlib
import io
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import official_data

DATA_SETS = official_data.DATA_SETS
CALTECH = [
    f"256_ObjectCategories/{folder}/{folder[:3]}_{number:04d}.jpg"
    for folder in official_data.CALTECH_CLASSES.values()
    for number in range(1, 12)
]
CIFAR = ["cifar-10-batches-bin/" + name for name in (
    *(f"data_batch_{i}.bin" for i in range(1, 6)), "test_batch.bin", "batches.meta.txt",
)]  # fmt: skip
HOTDOG = [
    f"hotdog/{part}/{name}/{number}.png"
    for part, count in (("train", 4), ("test", 2))
    for name in ("hotdog", "not-hotdog")
    for number in range(count)
]
APPLE = [
    f"Plant_leave_diseases_dataset_without_augmentation/{folder}/image ({number}).JPG"
    for folder, count in zip(official_data.APPLE_CLASSES.values(), (13, 5, 4, 8), strict=True)
    for number in range(1, count + 1)
]
# By archive: files that are taken, and other files in it.
LAYOUTS = {
    "caltech256": (CALTECH, ["256_ObjectCategories/001.ak47/001_0001.jpg",
                             "256_ObjectCategories/056.dog/greg/vision309/056_0001.jpg",
                             "256_ObjectCategories/056.dog/RENAME2"]),
    "cifar10": (CIFAR, ["cifar-10-batches-bin/readme.html"]),
    "hotdog": (HOTDOG, ["hotdog/.DS_Store", "__MACOSX/hotdog/train/hotdog/0.png"]),
    "apple": (APPLE, ["Plant_leave_diseases_dataset_without_augmentation/Corn___healthy/"
                      "image (1).JPG"]),
}  # fmt: skip


def content_of(path: str) -> bytes:
    return f"bytes of {path}".encode() * 40


def real_content(path: str) -> bytes:
    """Valid content: a JPEG with a gray level for each number, a batch of ten labels, class
    names."""
    if path.endswith(".bin"):
        records = np.zeros((10, 3073), np.uint8)
        records[:, 0] = range(10)
        return records.tobytes()
    if path.endswith(".txt"):
        return "\n".join(f"class{number}" for number in range(10)).encode()
    number = int("".join(filter(str.isdigit, path.rpartition("/")[2]))[-4:] or 0)
    return cv2.imencode(".jpg", np.full((6, 8, 3), 10 * number, np.uint8))[1].tobytes()


def write_archive(path: Path, names, content=content_of) -> Path:
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, content(name))
        return path
    with tarfile.open(path, "w:gz" if path.suffix == ".gz" else "w") as archive:
        for name in names:
            info = name if isinstance(name, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = content(name) if isinstance(name, str) else b""
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def as_official(name: str, archive: Path):
    """The table's entry with this archive as the published one."""
    algorithm = DATA_SETS[name].checksum.partition(":")[0]
    digest = hashlib.new(algorithm, archive.read_bytes()).hexdigest()
    size = None if DATA_SETS[name].size is None else archive.stat().st_size
    return replace(DATA_SETS[name], size=size, checksum=f"{algorithm}:{digest}")


def small_archive(name: str, folder: Path, content=content_of, without=(), more=()) -> Path:
    wanted, others = LAYOUTS[name]
    names = [*others, *(n for n in wanted if n not in without), *more]
    return write_archive(folder / DATA_SETS[name].archive, names, content)
