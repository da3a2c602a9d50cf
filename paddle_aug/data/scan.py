"""Read every image of a data set once: which are unreadable, their sizes, which are equal."""

import hashlib
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import numpy as np
from tqdm.auto import tqdm

from paddle_aug.core.cpu import available_cores
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import FileDataset, ImageDataset
from paddle_aug.language import translate

log = logging.getLogger(__name__)

_BLOCK = 1024  # images given to the threads at once: limits memory


@dataclass(frozen=True)
class FoundImage:
    """One image as it was read.

    part: "train" or "eval". source: path or "digits[17]". label: class number. size: (height,
    width); digest: of the pixels, equal for equal images; both empty where `reason` says why the
    image cannot be read.
    """

    part: str
    source: str
    label: int
    size: tuple[int, int] = (0, 0)
    digest: bytes = b""
    reason: str = ""


@dataclass
class Scan:
    """All images found in a data set's parts; `images`: a few of each class, to be shown."""

    classes: list[str]
    found: list[FoundImage] = field(default_factory=list)
    images: dict[int, list[np.ndarray]] = field(default_factory=dict)

    @property
    def bad(self) -> list[FoundImage]:
        return [found for found in self.found if found.reason]

    def duplicates(self) -> list[list[FoundImage]]:
        """Groups of images with the same pixels, in the order of their first ones."""
        groups: dict[bytes, list[FoundImage]] = {}
        for found in self.found:
            if not found.reason:
                groups.setdefault(found.digest, []).append(found)
        return [group for group in groups.values() if len(group) > 1]


def scan(train: ImageDataset, evaluation: ImageDataset, keep: int = 8) -> Scan:
    """Read every image of both parts, with a progress bar on a terminal; bad ones do not stop it.

    keep: how many training images of each class are kept to be shown.
    """
    result = Scan(list(train.classes))
    for part, dataset in (("train", train), ("eval", evaluation)):
        for found, image in _read_all(dataset, part):
            result.found.append(found)
            kept = result.images.setdefault(found.label, [])
            if part == "train" and image is not None and len(kept) < keep:
                kept.append(image)
    return result


def without_bad(dataset: ImageDataset) -> ImageDataset:
    """The images that can be read; a warning says how many are left out, and which.

    Raises UserError where none is left.
    """
    if not isinstance(dataset, FileDataset):
        return dataset
    found = [found for found, _ in _read_all(dataset, dataset.name)]
    good = [index for index, one in enumerate(found) if not one.reason]
    bad = [f"{one.source}: {one.reason}" for one in found if one.reason]
    if not good:
        raise UserError(f"{dataset.description}: none of {len(found)} images can be read: {bad[0]}")
    if bad:
        more = f"\n  and {len(bad) - 10} more" if len(bad) > 10 else ""
        log.warning(
            "%s: %d of %d images cannot be read: left out (skip_bad):\n  %s%s",
            dataset.description, len(bad), len(found), "\n  ".join(bad[:10]), more,
        )  # fmt: skip
    return dataset.subset(good)


def _read_all(dataset: ImageDataset, part: str) -> Iterator[tuple[FoundImage, np.ndarray | None]]:
    def read(index: int) -> tuple[FoundImage, np.ndarray | None]:
        source, label = dataset.source(index), int(dataset.labels[index])
        try:
            image = dataset[index][0]
        except UserError as error:
            reason = str(error).removeprefix(f"{source}: ")
            return FoundImage(part, source, label, reason=reason), None
        digest = hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16)
        digest.update(repr(image.shape).encode())
        height, width = image.shape[:2]
        return FoundImage(part, source, label, (height, width), digest.digest()), _thumbnail(image)

    bar = tqdm(total=len(dataset), desc=translate(f"reading {part}"), unit=translate("image"),
               disable=None, leave=False)  # fmt: skip
    with bar, ThreadPoolExecutor(min(available_cores(), 16)) as pool:
        for start in range(0, len(dataset), _BLOCK):
            for result in pool.map(read, range(start, min(start + _BLOCK, len(dataset)))):
                bar.update()
                yield result


def _thumbnail(image: np.ndarray, side: int = 96) -> np.ndarray:
    """A quick preview: the image in the middle of a white square, scaled by a whole factor."""
    longest = max(image.shape[:2])
    step, times = max(1, -(-longest // side)), max(1, side // longest)
    small = image[::step, ::step].repeat(times, axis=0).repeat(times, axis=1)
    height, width = small.shape[:2]
    square = np.full((side, side, 3), 255, np.uint8)
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = small
    return square
