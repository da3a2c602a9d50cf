"""Data sets known by name: the bundled digits, AI Studio's data22612, and downloads by Paddle."""

import contextlib
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.data import archives
from paddle_aug.data import options as data_options
from paddle_aug.data.dataset import ArrayDataset, TrainAndEval
from paddle_aug.data.from_arrays import (
    CIFAR10_NAMES,
    FASHION_NAMES,
    read_cifar_archive,
    read_idx_pair,
)
from paddle_aug.data.splits import stratified_split

NAMES = ("cifar10", "cifar100", "mnist", "fashion-mnist")
DOWNLOAD_HOST = "https://dataset.bj.bcebos.com"
# What Paddle's download leaves, below its own cache folder; the last file where there are several.
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
    "fashion-mnist": "a folder named fashion-mnist with train-images-idx3-ubyte.gz and the others",
}


def load_digits(description: str, changes_label: frozenset[str]) -> TrainAndEval:
    """scikit-learn's digits: 1797 images of 8x8, 0..16 scaled to 0..255; one fixed split.

    The evaluation part is a stratified fifth, the same for every seed, so that runs compare.
    Source: https://archive.ics.uci.edu/dataset/80
    """
    from sklearn.datasets import load_digits as load

    raw: Any = load()
    images = np.round(raw.images * (255 / 16)).astype(np.uint8)
    whole = ArrayDataset(images, raw.target, [str(i) for i in range(10)], "digits", changes_label,
                         description)  # fmt: skip
    train, evaluation = stratified_split(whole.labels, 0.2, seed=0)
    return whole.subset(train), whole.subset(evaluation)  # type: ignore[return-value]


def load_aistudio() -> tuple[Path, Path] | None:
    """Folder with the lists and image root of the documents' data set; None where it is not.

    Where Images.zip is not unpacked yet, this unpacks it.
    """
    lists = data_options.aistudio_lists()
    if lists is None:
        return None
    work = data_options.AISTUDIO / "work" / "Images"
    for root in (work, lists / "Images"):
        if root.is_dir():
            return lists, root
    archive = lists / "Images.zip"
    if not archive.is_file():
        raise UserError(f"{lists} has lists but no images: put them under {work}")
    unpacked = archives.unpack(archive)
    inner = unpacked / "Images"
    return lists, inner if inner.is_dir() else unpacked


def load_named(name: str, changes_label: frozenset[str]) -> TrainAndEval:
    """A data set of NAMES by paddle.vision.datasets, downloaded once and checked by its checksum.

    Raises UserError saying how to place a local copy where the download fails.
    """
    help_text = f"--data can be a local copy instead: {_LOCAL_COPIES[name]}"
    try:
        return _download(name, changes_label)
    except (OSError, RuntimeError, ValueError, AssertionError) as error:
        reason = str(error).strip().split("\n")[0]
        raise UserError(f"--data {name}: cannot be downloaded ({reason}).\n{help_text}") from None


def _download(name: str, changes_label: frozenset[str]) -> TrainAndEval:
    from paddle.dataset import common
    from paddle.vision import datasets as vision
    from paddle.vision.datasets import cifar

    _check_reachable(Path(common.DATA_HOME) / _DOWNLOADS[name])
    parts = ("train", "test")
    if name.startswith("cifar"):
        # By Paddle's download alone: its data sets would unpickle the files.
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
        ArrayDataset(*pair, classes, f"{name}-{part}", changes_label, name)
        for part, pair in zip(parts, arrays, strict=True)
    )
    return train, evaluation


def _check_reachable(downloaded: Path) -> None:
    """Fail within seconds where there is no internet: Paddle's own download waits without end."""
    if downloaded.is_file():
        return
    request = urllib.request.Request(DOWNLOAD_HOST, method="HEAD")
    # Any answer will do, an error as well: the server is there.
    with contextlib.suppress(urllib.error.HTTPError):
        urllib.request.urlopen(request, timeout=10).close()


DIGITS = "scikit-learn's handwritten digits"
