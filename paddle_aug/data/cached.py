"""A data set whose images are decoded and resized once and then read from a cache file."""

import hashlib
import json
import logging
import math
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import PIL
from tqdm import tqdm

from paddle_aug.augment import ops
from paddle_aug.core.cpu import available_cores
from paddle_aug.data import cache_store
from paddle_aug.data.cache_store import clear, list_entries
from paddle_aug.data.dataset import FileDataset, ImageDataset
from paddle_aug.language import translate

__all__ = ["DEFAULT_LIMIT_BYTES", "CachedDataset", "clear", "list_entries"]

log = logging.getLogger(__name__)

DEFAULT_LIMIT_BYTES = 8 << 30
_VERSION = 2  # of the preprocessing: raise it when the bytes of a decoded image change
_BLOCK = 64


class StoredSize(NamedTuple):
    """What every image is scaled to, and by which filter: the arguments of `ops.resize`."""

    height: int
    width: int
    resample: str
    antialias: bool

    def in_words(self) -> str:
        words = ops.filter_in_words(self.resample, self.antialias)
        return f"{self.width}x{self.height}, {words}"


class CachedDataset(ImageDataset):
    """An ImageDataset with every image scaled to (height, width), decoded only once.

    directory: the cache's folder (default: "images" in $PADDLE_AUG_CACHE or ~/.cache/paddle_aug).
    resample, antialias: the filter, see `ops.resize`; each filter has an entry of its own.
    limit_bytes: of the whole folder; older entries are deleted to make room, a data set that is
    larger is not cached, and 0 turns the cache off. progress: show a bar while building, on a
    terminal. Data sets in memory need no file and are resized when asked for, as is any data set
    whose cache cannot be written: one warning says so. `cached` tells whether the cache is used.
    Raises UserError naming the first image that cannot be read, while building.
    """

    def __init__(
        self,
        dataset: ImageDataset,
        size: tuple[int, int],
        directory: str | os.PathLike[str] | None = None,
        limit_bytes: int = DEFAULT_LIMIT_BYTES,
        progress: bool = True,
        resample: str = "bilinear",
        antialias: bool = False,
    ):
        super().__init__(
            dataset.labels, dataset.classes, dataset.name, dataset.changes_label,
            dataset.description,
        )  # fmt: skip
        self.read_as = dataset.read_as
        self._dataset = dataset
        self._scaling = StoredSize(int(size[0]), int(size[1]), resample, antialias)
        self._folder = cache_store.images_folder(directory)
        self._shape = (len(dataset), self._scaling.height, self._scaling.width, 3)
        self._key = ""
        self._images: np.ndarray | None = None
        self._numbers = np.arange(len(dataset))
        if isinstance(dataset, FileDataset) and len(dataset):
            self._open(dataset, limit_bytes, progress)

    @property
    def cached(self) -> bool:
        """Whether images come from the cache file."""
        return self._images is not None

    @property
    def cache_path(self) -> Path | None:
        """The cache file in use."""
        return cache_store.images_file(self._folder, self._key) if self.cached else None

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        number = self._numbers[index]
        if self._images is None:
            image = ops.resize(self._dataset[number][0], *self._scaling)
        else:
            # A copy, as augmentations may write into the image.
            image = np.array(self._images[number])
        return image, int(self.labels[index])

    def source(self, index: int) -> str:
        return self._dataset.source(self._numbers[index])

    def fingerprints(self) -> Iterator[bytes]:
        return self._dataset.subset(self._numbers).fingerprints()

    def _select(self, chosen: np.ndarray) -> None:
        self._numbers = self._numbers[chosen]

    def _open(self, dataset: FileDataset, limit_bytes: int, progress: bool) -> None:
        need = math.prod(self._shape)
        if limit_bytes == 0:
            return
        if need > limit_bytes:
            log.warning("%s is not cached: %d MB, the limit is %d MB; images are decoded in "
                        "every epoch", dataset.name, need >> 20, limit_bytes >> 20)  # fmt: skip
            return
        self._key = _key(dataset.paths, self._scaling)
        try:
            self._images = cache_store.build_entry(
                self._folder, self._key, dataset.name, self._shape,
                lambda: _blocks(dataset, self._scaling, progress), limit_bytes,
                self._scaling.in_words(),
            )  # fmt: skip
        except OSError as error:
            log.warning("no image cache in %s (%s): images are decoded in every epoch",
                        self._folder, error)  # fmt: skip

    def __getstate__(self) -> dict[str, Any]:
        # A memory map would be pickled with all its bytes; the other process opens the file
        # instead.
        return {**self.__dict__, "_images": None, "_had_images": self.cached}

    def __setstate__(self, state: dict[str, Any]) -> None:
        had_images = state.pop("_had_images")
        self.__dict__.update(state)
        if had_images:
            self._images = cache_store.open_entry(self._folder, self._key, self._shape, check=False)


def _key(paths: list[str], scaling: StoredSize) -> str:
    """Key of the entry: another one for another list of files, size or time of a file, size or
    filter of scaling, or version of the code that decodes and scales."""
    code = [_VERSION, cv2.__version__, PIL.__version__]
    digest = hashlib.sha256(json.dumps([code, scaling]).encode())
    for path in paths:
        try:
            status = os.stat(path)
            mark = f"{status.st_size} {status.st_mtime_ns}"
        except OSError:
            mark = "missing"  # building the entry names the file
        digest.update(os.fsencode(os.path.abspath(path)) + b"\0" + mark.encode() + b"\n")
    return digest.hexdigest()[:32]


def _blocks(dataset: FileDataset, scaling: StoredSize, progress: bool) -> Iterator[np.ndarray]:
    def read(index: int) -> np.ndarray:
        return ops.resize(dataset[index][0], *scaling)

    bar = tqdm(total=len(dataset), desc=translate(f"decoding {dataset.name}"),
               unit=translate("image"), leave=False,
               disable=None if progress else True)  # fmt: skip
    with bar, ThreadPoolExecutor(min(available_cores(), 16)) as pool:
        # In blocks, so that few results wait in memory to be written.
        for start in range(0, len(dataset), _BLOCK):
            indices = range(start, min(start + _BLOCK, len(dataset)))
            yield np.stack(list(pool.map(read, indices)))
            bar.update(len(indices))
