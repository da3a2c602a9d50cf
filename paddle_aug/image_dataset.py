"""The data sets of images, in memory and in files, as one small interface."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import paddle

from paddle_aug.images import read_image


class ImageDataset(paddle.io.Dataset):
    """Labelled images; an item is (uint8 [height, width, 3] RGB contiguous, label).

    classes: names in the order of the label numbers. labels: int64 [N], in 0..len(classes)-1.
    changes_label: operations that would change what an image shows: of "horizontal_flip",
    "vertical_flip", "large_rotation". name: short, for messages. description: where it came from.
    """

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

    def subset(self, indices: Sequence[int] | np.ndarray) -> "ImageDataset":
        """The images at `indices`, in that order, with the same classes."""
        part = object.__new__(type(self))
        part.__dict__.update(self.__dict__)
        chosen = np.asarray(indices, np.int64).reshape(-1)
        part.labels = self.labels[chosen]
        part._select(chosen)
        return part

    def _select(self, chosen: np.ndarray) -> None:
        raise NotImplementedError


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
        return self.paths[index]

    def _select(self, chosen: np.ndarray) -> None:
        self.paths = [self.paths[i] for i in chosen]
