"""The interfaces of the package: data sets of images, in memory or in files, and their readers."""

import contextlib
import hashlib
import logging
import os
import stat
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.data.decode import read_image
from paddle_aug.data.options import DataOptions

log = logging.getLogger(__name__)

SMALL_BYTES = 64 << 20  # larger data sets are fingerprinted by file size, not content


class ImageDataset(paddle.io.Dataset):
    """Labelled images; an item is (uint8 [height, width, 3] RGB contiguous, label).

    classes: names in the order of the label numbers. labels: int64 [N], in 0..len(classes)-1.
    changes_label: operations that would make an image one of another class, out of
    "horizontal_flip", "vertical_flip" and "large_rotation". name: short, for messages. description:
    where the data came from. read_as: what was concluded while reading them, a line each, with the
    option that overrides it.
    """

    read_as: tuple[str, ...] = ()

    def __init__(
        self,
        labels: Iterable[int],
        classes: Sequence[str],
        name: str,
        changes_label: frozenset[str] = frozenset(),
        description: str = "",
    ):
        super().__init__()
        self.labels = np.asarray(labels, np.int64)
        self.classes = list(classes)
        self.name = name
        self.changes_label = changes_label
        self.description = description or name

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """Raises UserError naming the file where an image cannot be read."""
        raise NotImplementedError

    def source(self, index: int) -> str:
        """Where image `index` comes from, for messages: a path, or "digits[17]"."""
        raise NotImplementedError

    def fingerprints(self) -> Iterator[bytes]:
        """Bytes that identify each image without decoding it: its content or its file's size."""
        raise NotImplementedError

    def subset(self, indices: Sequence[int] | np.ndarray) -> "ImageDataset":
        """The images at `indices`, in that order, with the same classes."""
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        chosen = np.asarray(indices, np.int64).reshape(-1)
        part.labels = self.labels[chosen]
        part._select(chosen)
        return part

    def numbered_by(self, classes: Sequence[str]) -> "ImageDataset":
        """The same images under a trained model's classes, which are matched by their names.

        Only classes that have images here must be among the model's. Raises UserError for an image
        of another class.
        """
        if self.classes == list(classes):
            return self
        number = {name: i for i, name in enumerate(classes)}
        numbers = np.array([number.get(name, -1) for name in self.classes], np.int64)
        part = self.subset(np.arange(len(self)))
        part.classes, part.labels = list(classes), numbers[self.labels]
        unknown = sorted({self.classes[label] for label in self.labels[part.labels < 0]})
        if unknown:
            numeric = all(name.isdecimal() for name in unknown)
            advice = "; a classes.txt beside the list says what its numbers mean" if numeric else ""
            raise UserError(
                f"{self.description}: its classes are not those the model was trained on: "
                f"{_some(unknown)} {'is' if len(unknown) == 1 else 'are'} none of its "
                f"{len(classes)} ({_some(classes)}){advice}"
            )
        return part

    def _select(self, chosen: np.ndarray) -> None:
        raise NotImplementedError


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:5]) + (", ..." if len(names) > 5 else "")


class ArrayDataset(ImageDataset):
    """Images held in memory: uint8 [N, H, W] gray, or [N, H, W, 3] RGB."""

    def __init__(self, images: np.ndarray, labels: Iterable[int], *args: Any, **kwargs: Any):
        super().__init__(labels, *args, **kwargs)
        self.images = images
        self._numbers = np.arange(len(images))

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        image = self.images[self._numbers[index]]
        image = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image.copy()
        return image, int(self.labels[index])

    def source(self, index: int) -> str:
        return f"{self.name}[{self._numbers[index]}]"

    def fingerprints(self) -> Iterator[bytes]:
        for number in self._numbers:
            yield np.ascontiguousarray(self.images[number]).tobytes()

    def _select(self, chosen: np.ndarray) -> None:
        self._numbers = self._numbers[chosen]


class FileDataset(ImageDataset):
    """Images in files, decoded when asked for."""

    def __init__(self, paths: Sequence[str], labels: Iterable[int], *args: Any, **kwargs: Any):
        super().__init__(labels, *args, **kwargs)
        self.paths = list(paths)

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        return read_image(self.paths[index]), int(self.labels[index])

    def source(self, index: int) -> str:
        return readable(self.paths[index])

    def fingerprints(self) -> Iterator[bytes]:
        # Without the files' times: they change when a data set is unpacked or copied again.
        is_small = self._is_small()
        for path in self.paths:
            try:
                if is_small:
                    yield hashlib.blake2b(Path(path).read_bytes()).digest()
                else:
                    yield b" %d " % os.stat(path).st_size
            except OSError:
                yield b" missing "  # reading the image names the file

    def _is_small(self) -> bool:
        """Whether the files hold at most SMALL_BYTES together."""
        total = 0
        for path in self.paths:
            with contextlib.suppress(OSError):
                status = os.stat(path)
                # A pipe or a device counts as large: reading it might never end.
                total += status.st_size if stat.S_ISREG(status.st_mode) else SMALL_BYTES + 1
        return total <= SMALL_BYTES

    def _select(self, chosen: np.ndarray) -> None:
        self.paths = [self.paths[i] for i in chosen]


TrainAndEval = tuple[ImageDataset, ImageDataset]


@dataclass(frozen=True)
class Reader:
    """One format. To add one: write it, and put it into READERS in load.py.

    layout: the format in words. fits: whether the file or folder at a path has this format; does
    not load it. load: gives the training and the evaluation data set; raises UserError. uses: the
    options of DataOptions that this format uses beside those that all formats use.
    """

    layout: str
    fits: Callable[[Path], bool]
    load: Callable[[Path, DataOptions], TrainAndEval]
    uses: frozenset[str] = frozenset()


def warn_of_shared_files(train: FileDataset, evaluation: FileDataset) -> None:
    """Warn where files are in both the training and the evaluation part."""
    shared = sorted(set(train.paths) & set(evaluation.paths))
    if shared:
        log.warning("%d files are in training and in evaluation, such as %s: evaluation will "
                    "look better than it is", len(shared), readable(shared[0]))  # fmt: skip


def data_digest(dataset: ImageDataset) -> str:
    """SHA-256 over a data set's classes, labels, sources and the images' fingerprints: pixels
    of arrays, content of files up to 64 MB in all, sizes of files beyond that."""
    digest = hashlib.sha256("\n".join(dataset.classes).encode())
    digest.update(np.asarray(dataset.labels, np.int64).tobytes())
    for index, fingerprint in enumerate(dataset.fingerprints()):
        digest.update(dataset.source(index).encode())
        digest.update(fingerprint)
    return digest.hexdigest()[:16]
