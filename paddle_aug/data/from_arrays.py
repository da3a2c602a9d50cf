"""Image arrays from the binary files of CIFAR-10/100 and MNIST: no pickle, sizes checked first."""

import gzip
import logging
import math
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import IO, cast

import numpy as np

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import (
    most_unpacked,
    open_npz,
    open_regular,
    read_bytes,
    read_npy_header,
    read_text,
)
from paddle_aug.data.class_names import chosen_map, named_by_map, note_renumbered
from paddle_aug.data.dataset import ArrayDataset, Reader, TrainAndEval
from paddle_aug.data.guesses import Guesses, changed_labels, is_fashion_mnist
from paddle_aug.data.list_files import ListRow
from paddle_aug.data.listing import visible_files
from paddle_aug.data.options import DataOptions

log = logging.getLogger(__name__)

MAX_ARRAY_BYTES = 4 << 30
MAX_CLASSES = 100_000
CIFAR10_NAMES = [
    "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck",
]  # fmt: skip
_NPZ_KEYS = ("x_train", "y_train", "x_test", "y_test")
_CIFAR_PIXELS = 3 * 32 * 32
IDX_PAIRS = (("train-images", "train-labels"), ("t10k-images", "t10k-labels"))

Arrays = tuple[np.ndarray, np.ndarray]  # uint8 [N, H, W] or [N, H, W, 3]; int64 [N]


def read_cifar(path: str | os.PathLike[str], num_classes: int) -> Arrays:
    """One file of the official binary CIFAR: uint8 [N, 32, 32, 3] and int64 [N].

    num_classes: 10 (a label byte and 3072 pixel bytes, planes R, G, B, an image) or 100 (a coarse
    label, which is dropped, before the fine one). Raises UserError for a wrong size or label.
    Source: https://www.cs.toronto.edu/~kriz/cifar.html
    """
    head = 1 if num_classes == 10 else 2
    data = np.frombuffer(read_bytes(path, MAX_ARRAY_BYTES), np.uint8)
    record = head + _CIFAR_PIXELS
    if len(data) == 0 or len(data) % record:
        raise UserError(
            f"{path}: {len(data):,} bytes are not whole CIFAR-{num_classes} records of {record}"
        )
    data = data.reshape(-1, record)
    labels = data[:, head - 1].astype(np.int64)
    check_labels(path, labels, num_classes)
    return images_of_planes(data[:, head:], len(data)), labels


def images_of_planes(pixels: np.ndarray, count: int) -> np.ndarray:
    """CIFAR's planes R, G, B as uint8 [count, 32, 32, 3]."""
    return np.ascontiguousarray(pixels.reshape(count, 3, 32, 32).transpose(0, 2, 3, 1))


def cifar_files(folder: Path) -> tuple[int, list[Path], list[Path]] | None:
    """Number of classes, training files and test files of a binary CIFAR folder."""
    batches = sorted(folder.glob("data_batch_*.bin"))
    if batches and (folder / "test_batch.bin").is_file():
        return 10, batches, [folder / "test_batch.bin"]
    if (folder / "train.bin").is_file() and (folder / "test.bin").is_file():
        return 100, [folder / "train.bin"], [folder / "test.bin"]
    return None


def cifar_names(folder: Path, num_classes: int) -> list[str]:
    """Class names from the folder's list; without one the names of CIFAR-10, or numbers."""
    path = folder / ("batches.meta.txt" if num_classes == 10 else "fine_label_names.txt")
    if path.is_file():
        names = read_text(path).split()
        if len(names) != num_classes or len(set(names)) != num_classes:
            raise UserError(f"{path}: {num_classes} different class names are needed")
        return names
    return list(CIFAR10_NAMES) if num_classes == 10 else [str(i) for i in range(num_classes)]


def read_idx(path: str | os.PathLike[str]) -> np.ndarray:
    """A uint8 array from an IDX file, plain or .gz, of 1 to 4 dimensions.

    The size in the header is checked before anything is unpacked: against the file's own, or what
    a .gz of that size may unpack to. Raises UserError.
    Source: the format's description at http://yann.lecun.com/exdb/mnist/
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        stream = cast(IO[bytes], gzip.GzipFile(fileobj=file) if zipped else file)
        try:
            return _read_idx(stream, most_unpacked(size) if zipped else size, path)
        except (OSError, EOFError, zlib.error) as error:
            raise UserError(f"{path}: damaged or cut off ({error})") from None


def _read_idx(stream: IO[bytes], most: int, path: str | os.PathLike[str]) -> np.ndarray:
    magic = stream.read(4)
    if len(magic) < 4 or magic[:3] != b"\0\0\x08" or not 1 <= magic[3] <= 4:
        raise UserError(f"{path}: not an IDX file of bytes (it starts with {magic.hex() or '-'})")
    header = stream.read(4 * magic[3])
    if len(header) != 4 * magic[3]:
        raise UserError(f"{path}: cut off in its header")
    shape = struct.unpack(f">{magic[3]}I", header)
    count = math.prod(shape)
    if not 0 < count <= min(most, MAX_ARRAY_BYTES):
        raise UserError(f"{path}: the header claims {shape}, {count:,} bytes")
    # In pieces, so that a false size in the header takes no memory.
    pieces, left = [], count
    while left and (piece := stream.read(min(left, 1 << 24))):
        pieces.append(piece)
        left -= len(piece)
    if left or stream.read(1):
        raise UserError(f"{path}: {'fewer' if left else 'more'} bytes than the header's {shape}")
    return np.frombuffer(b"".join(pieces), np.uint8).reshape(shape)


def idx_files(folder: Path) -> list[tuple[Path, Path]] | None:
    """The (images, labels) files of training and test, by the names that MNIST's files have."""
    found = []
    for pair in IDX_PAIRS:
        images, labels = (idx_file(folder, stem) for stem in pair)
        if images is None or labels is None:
            return None
        found.append((images, labels))
    return found


def idx_file(folder: Path, stem: str) -> Path | None:
    """The file of MNIST's that begins with `stem`, under one of the names that it has."""
    rank = 3 if "images" in stem else 1
    names = [f"{stem}{sep}idx{rank}-ubyte{end}" for sep in "-." for end in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def read_idx_pair(images_path: Path, labels_path: Path) -> Arrays:
    """Images and labels of one part of MNIST. Raises UserError where their numbers differ."""
    images, labels = read_idx(images_path), read_idx(labels_path)
    return _checked_arrays(images, labels, images_path)


def read_npz(path: str | os.PathLike[str]) -> tuple[Arrays, Arrays]:
    """Training and test arrays x_train, y_train, x_test, y_test of a .npz file, without pickle.

    x: uint8 [N, H, W], [N, H, W, 1] or [N, H, W, 3]; y: whole numbers [N] or [N, 1].
    Raises UserError.
    """
    with open_npz(path) as file, zipfile.ZipFile(file) as archive:
        parts = [_read_npy(archive, key, path) for key in _NPZ_KEYS]
        names = [name.removesuffix(".npy") for name in archive.namelist()]
    if unused := sorted(set(names) - set(_NPZ_KEYS)):
        log.warning("%s: not used of it: %s", readable(str(path)), ", ".join(unused[:10]))
    train = _checked_arrays(parts[0], parts[1], path)
    return train, _checked_arrays(parts[2], parts[3], path)


def _read_npy(archive: zipfile.ZipFile, key: str, path: str | os.PathLike[str]) -> np.ndarray:
    try:
        member = archive.getinfo(f"{key}.npy")
    except KeyError:
        names = ", ".join(name.removesuffix(".npy") for name in archive.namelist()[:10])
        raise UserError(f"{path}: has no array {key} (it has: {names or 'nothing'})") from None
    with archive.open(member) as file:
        shape, fortran, dtype = read_npy_header(file, member.file_size)
        if dtype.kind not in "ui" or fortran:
            raise UserError(f"{path}: {key} is {dtype}, whole numbers in C order are needed")
        size = dtype.itemsize * math.prod(shape)
        if not 0 < size <= MAX_ARRAY_BYTES:
            raise UserError(f"{path}: the header of {key} claims {shape}, {size:,} bytes")
        data = file.read(size)
        if len(data) != size:
            raise UserError(f"{path}: {key} is cut off")
    return np.frombuffer(data, dtype).reshape(shape)


def _checked_arrays(images: np.ndarray, labels: np.ndarray, path: str | os.PathLike[str]) -> Arrays:
    if images.ndim == 4 and images.shape[3] == 1:
        images = images[..., 0]
    if images.dtype != np.uint8 or not (images.ndim == 3 or images.shape[3:] == (3,)):
        raise UserError(
            f"{path}: images are {images.dtype} {images.shape}; uint8 [N, H, W] or [N, H, W, 3] "
            "is needed"
        )
    labels = labels.reshape(-1) if labels.shape[1:] in ((), (1,)) else labels
    if labels.shape != images.shape[:1]:
        raise UserError(f"{path}: {len(images)} images but labels of shape {labels.shape}")
    check_labels(path, labels, MAX_CLASSES)
    return np.ascontiguousarray(images), labels.astype(np.int64)


def check_labels(path: str | os.PathLike[str], labels: np.ndarray, num_classes: int) -> None:
    """Raise UserError for a label [N] outside 0..num_classes - 1. path: named in the message."""
    wrong = np.flatnonzero((labels < 0) | (labels >= num_classes))
    if len(wrong):
        raise UserError(
            f"{path}: label {int(labels[wrong[0]])} of image {int(wrong[0])} is out of range "
            f"0..{num_classes - 1}"
        )


FASHION_NAMES = [
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
    "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
]  # fmt: skip


def load_cifar(path: Path, options: DataOptions) -> TrainAndEval:
    """The official binary CIFAR-10 or CIFAR-100 in a folder, or at one of its files."""
    folder = path if path.is_dir() else path.parent
    _refuse_eval_data(folder, options)
    found = cifar_files(folder)
    assert found is not None, "fits() says so"
    count, *parts = found
    if count == 10 and (held := len(parts[0])) < 5:
        log.warning("%s: %d of CIFAR-10's 5 training files", readable(str(folder)), held)
    names = cifar_names(folder, count)
    sets = []
    for part, files in zip(("train", "test"), parts, strict=True):
        images, labels = zip(*(read_cifar(file, count) for file in files), strict=True)
        arrays = np.concatenate(images), np.concatenate(labels)
        name, description = f"cifar{count}-{part}", readable(str(folder))
        sets.append(ArrayDataset(*arrays, names, name, description=description))
    return sets[0], sets[1]


def load_idx(path: Path, options: DataOptions) -> TrainAndEval:
    """MNIST's four files in a folder, or at one of them."""
    folder = path if path.is_dir() else path.parent
    _refuse_eval_data(folder, options)
    pairs = idx_files(folder)
    assert pairs is not None, "fits() says so"
    train, test = (read_idx_pair(*pair) for pair in pairs)
    return _array_pair(train, test, folder.resolve(), Guesses(options))


def load_npz(path: Path, options: DataOptions) -> TrainAndEval:
    """One .npz file, or the only one in a folder."""
    file = _only_npz(path) if path.is_dir() else path
    assert file is not None, "fits() says so"
    _refuse_eval_data(file, options)
    train, test = read_npz(file)
    return _array_pair(train, test, file.resolve(), Guesses(options))


def _only_npz(folder: Path) -> Path | None:
    found = [path for path in visible_files(folder) if path.suffix.lower() == ".npz"]
    return found[0] if len(found) == 1 else None


def _array_pair(train: Arrays, test: Arrays, path: Path, guesses: Guesses) -> TrainAndEval:
    """Data sets of images and numbered labels in arrays."""
    unknown = np.setdiff1d(test[1], train[1])
    if len(unknown):
        raise UserError(f"{path}: test label {unknown[0]} does not occur in training")
    names = _array_names(train, path, guesses)
    changes = changed_labels(*train, guesses)
    numbers = np.array(list(names))  # in ascending order
    sets = [
        ArrayDataset(images, np.searchsorted(numbers, labels), list(names.values()),
                     f"{readable(path.stem)}-{part}", changes, readable(str(path)))
        for part, (images, labels) in (("train", train), ("test", test))
    ]  # fmt: skip
    for part in sets:
        part.read_as = tuple(guesses.said)
    return sets[0], sets[1]


def _array_names(train: Arrays, path: Path, guesses: Guesses) -> dict[int, str]:
    """Name of each class by its label in the arrays, in ascending order."""
    chosen = guesses.options.class_names
    if chosen == "folders":
        raise UserError("--class-names folders: arrays have no folders; give names or a file")
    if chosen not in (None, "labels"):
        numbers = train[1].tolist()
        rows = [ListRow("", str(number), str(path), i) for i, number in enumerate(numbers)]
        return named_by_map(rows, numbers, chosen_map(chosen, guesses), guesses)
    if chosen is None and is_fashion_mnist(*train):
        guesses.note("fashion")
        return dict(enumerate(FASHION_NAMES))
    numbers = np.unique(train[1]).tolist()
    note_renumbered(numbers, guesses)
    return {number: str(number) for number in numbers}


def _refuse_eval_data(path: Path, options: DataOptions) -> None:
    if options.eval_data:
        raise UserError(f"--eval-data: {path} has its own evaluation part; leave the option out")


def _at(find: Callable[[Path], object], endings: tuple[str, ...]) -> Callable[[Path], bool]:
    """A test of paths: `find` finds its files in the folder, or in the folder of the given file."""

    def fits(path: Path) -> bool:
        if path.is_dir():
            return find(path) is not None
        named = any(ending in path.name.lower() for ending in endings)
        return named and find(path.parent) is not None

    return fits


CIFAR = Reader("CIFAR's .bin files in a folder", _at(cifar_files, (".bin",)), load_cifar)
_NAMED = frozenset({"class_names", "encoding"})
IDX = Reader("MNIST's four IDX files in a folder", _at(idx_files, ("ubyte",)), load_idx, _NAMED)
NPZ = Reader(
    "an .npz with x_train, y_train, x_test and y_test, or a folder with one",
    lambda path: _only_npz(path) is not None if path.is_dir() else path.suffix.lower() == ".npz",
    load_npz,
    _NAMED,
)
