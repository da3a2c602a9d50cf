"""Data sets known by name: the bundled digits, AI Studio's data22612, and downloads by Paddle."""

import contextlib
import os
import tarfile
import urllib.error
import urllib.request
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_pickle import read_plain_pickle
from paddle_aug.core.safe_files import open_regular
from paddle_aug.data.archives.unpacked import unpack
from paddle_aug.data.bundled import digit_images
from paddle_aug.data.dataset import ArrayDataset, ImageDataset, TrainAndEval
from paddle_aug.data.from_arrays import (
    CIFAR10_NAMES,
    FASHION_NAMES,
    MAX_ARRAY_BYTES,
    Arrays,
    check_labels,
    images_of_planes,
    read_idx_pair,
)
from paddle_aug.data.guesses import DIGITS_CHANGED, Guesses
from paddle_aug.data.options import DataOptions, aistudio_lists
from paddle_aug.data.splits import stratified_split

NAMES = ("cifar10", "cifar100", "mnist", "fashion-mnist")
DOWNLOAD_HOST = "https://dataset.bj.bcebos.com"
# Files that Paddle's download leaves below its own cache folder; of several files, the last one.
_DOWNLOADS = {
    "cifar10": "cifar/cifar-10-python.tar.gz",
    "cifar100": "cifar/cifar-100-python.tar.gz",
    "mnist": "mnist/t10k-labels-idx1-ubyte.gz",
    "fashion-mnist": "fashion-mnist/t10k-labels-idx1-ubyte.gz",
}
_LOCAL_COPIES = {
    "cifar10": "a folder with data_batch_1.bin ... and test_batch.bin (cifar-10-binary.tar.gz)",
    "cifar100": "a folder with train.bin and test.bin (cifar-100-binary.tar.gz)",
    "mnist": "a folder with train-images-idx3-ubyte.gz and the other three, or mnist.npz",
    "fashion-mnist": "a folder with train-images-idx3-ubyte.gz and the other three",
}


def load_digits(description: str, options: DataOptions) -> TrainAndEval:
    """scikit-learn's digits: 1797 images of 8x8; one fixed split.

    The evaluation part is a stratified fifth, the same for every seed, so that runs compare.
    """
    images, labels = digit_images()
    whole = ArrayDataset(images, labels, [str(i) for i in range(10)], "digits",
                         description=description)  # fmt: skip
    _say_digits([whole], options)
    train, evaluation = stratified_split(whole.labels, 0.2, seed=0)
    return whole.subset(train), whole.subset(evaluation)  # type: ignore[return-value]


def default_data() -> tuple[str, str | None]:
    """What --data and --images-root are where --data is left out: the SamplePairing article's lists
    and images, else the digits.

    Unpacks Images.zip if that has not been done yet. Raises UserError for lists without images.
    """
    found = aistudio_lists()
    if found is None:
        return "digits", None
    lists, home = found
    work = home / "work" / "Images"
    for root in (work, lists / "Images"):
        if root.is_dir():
            return str(lists), str(root)
    archive = lists / "Images.zip"
    if not archive.is_file():
        raise UserError(f"{lists} has lists but no images: put them under {work}")
    unpacked = unpack(archive)
    inner = unpacked / "Images"
    return str(lists), str(inner if inner.is_dir() else unpacked)


def load_named(name: str, options: DataOptions) -> TrainAndEval:
    """A data set of NAMES by paddle.vision.datasets, downloaded once and checked by its checksum.

    Raises UserError saying how to place a local copy where the download fails.
    """
    help_text = f"--data can be a local copy instead: {_LOCAL_COPIES[name]}"
    try:
        train, evaluation = _download(name)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"--data {name}: cannot be downloaded ({reason}).\n{help_text}") from None
    if name == "mnist":
        _say_digits([train, evaluation], options)
    return train, evaluation


def _say_digits(parts: Sequence[ImageDataset], options: DataOptions) -> None:
    """Digits change in a mirror, unless --changes-label says otherwise."""
    if options.changes_label is None:
        guesses = Guesses(options)
        guesses.note("digits", why="digits")
        for part in parts:
            part.changes_label, part.read_as = DIGITS_CHANGED, tuple(guesses.said)


def read_cifar_archive(path: str | os.PathLike[str], part: str, num_classes: int) -> Arrays:
    """One part, "train" or "test", of the official Python archive of CIFAR: as `read_cifar`.

    Its pickles are read by core/plain_pickle.py, which runs nothing. Raises UserError.
    Source: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    start = ("data_batch" if part == "train" else "test_batch") if num_classes == 10 else part
    batches = []
    with open_regular(path) as file:
        try:
            # In the archive's order, as going back would mean unpacking from the beginning again.
            with tarfile.open(fileobj=file) as archive:
                for member in archive:
                    if not (member.isreg() and Path(member.name).name.startswith(start)):
                        continue
                    stream = archive.extractfile(member)
                    assert stream is not None, "an ordinary member has content"
                    size = min(member.size, MAX_ARRAY_BYTES)
                    batch = read_plain_pickle(stream, size, f"{path}: {member.name}")
                    batches.append((member.name, batch))
        except (tarfile.TarError, OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path}: damaged or cut off ({error})") from None
    contents = [batch for _, batch in sorted(batches, key=lambda named: named[0])]
    try:
        pixels = np.concatenate([batch.get("data") for batch in contents])
        labels = [batch.get("labels", batch.get("fine_labels")) for batch in contents]
        numbers = np.concatenate([np.array(some, np.int64) for some in labels])
        if pixels.dtype != np.uint8:
            raise ValueError("its images are no bytes")
        images = images_of_planes(pixels, len(numbers))
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(
            f"{path}: not the Python archive of CIFAR-{num_classes} ({error})"
        ) from None
    check_labels(path, numbers, num_classes)
    return images, numbers


def _download(name: str) -> TrainAndEval:
    from paddle.dataset import common
    from paddle.vision import datasets as vision
    from paddle.vision.datasets import cifar

    _check_reachable(Path(common.DATA_HOME) / _DOWNLOADS[name])
    parts = ("train", "test")
    if name.startswith("cifar"):
        # Only Paddle's download is used: its data sets would unpickle the files, which may run
        # code.
        count = 10 if name == "cifar10" else 100
        url = getattr(cifar, f"CIFAR{count}_URL")
        archive = common.download(url, "cifar", getattr(cifar, f"CIFAR{count}_MD5"))
        arrays = [read_cifar_archive(archive, part, count) for part in parts]
        classes = CIFAR10_NAMES if name == "cifar10" else [str(i) for i in range(100)]
    else:
        kind = vision.MNIST if name == "mnist" else vision.FashionMNIST
        sources: Any = [kind(mode=part, download=True, backend="cv2") for part in parts]
        arrays = [read_idx_pair(Path(s.image_path), Path(s.label_path)) for s in sources]
        classes = FASHION_NAMES if name == "fashion-mnist" else [str(i) for i in range(10)]
    train, evaluation = (
        ArrayDataset(*pair, classes, f"{name}-{part}", description=name)
        for part, pair in zip(parts, arrays, strict=True)
    )
    return train, evaluation


def is_downloaded(name: str) -> bool:
    """Whether Paddle has one of NAMES on this machine already, so that no network is needed."""
    from paddle.dataset import common

    return (Path(common.DATA_HOME) / _DOWNLOADS[name]).is_file()


def _check_reachable(downloaded: Path) -> None:
    """Raise OSError within seconds where there is no internet; Paddle would wait for ever."""
    if downloaded.is_file():
        return
    request = urllib.request.Request(DOWNLOAD_HOST, method="HEAD")
    # Any answer, even an error, shows that the server can be reached.
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10).close()


DIGITS = "scikit-learn's handwritten digits"
