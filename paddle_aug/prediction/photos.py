"""Images without labels as a data set, for the transforms and batches of evaluation."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from paddle_aug.core.errors import ImageError
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.data.decode import read_image


@dataclass(frozen=True, eq=False)
class Photo:
    """One image to predict: a file, or an array.

    source: its name in outputs. path: of the file. image: instead of a file, uint8 [H, W, 3] RGB.
    problem: why it cannot be read, if that is known already.
    """

    source: str
    path: str = ""
    image: np.ndarray | None = None
    problem: str = ""

    def read(self) -> np.ndarray:
        """uint8 [height, width, 3] RGB. Raises ImageError with the path and the reason."""
        if self.problem:
            raise ImageError(f"{self.source}: {self.problem}")
        return read_image(self.path) if self.image is None else self.image


class Photos(ImageDataset):
    """Photos as a data set; all labels are 0 and have no meaning.

    Each thread keeps the image that it read last, as its views are read one after the other.
    """

    def __init__(self, photos: Sequence[Photo], classes: Sequence[str]):
        super().__init__([0] * len(photos), classes, "photos")
        self.photos = list(photos)
        self._last = threading.local()

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        if getattr(self._last, "index", None) != index:
            self._last.image = self.photos[index].read()
            self._last.index = index
        return self._last.image, 0

    def source(self, index: int) -> str:
        return self.photos[index].source


def photo_of_array(image: np.ndarray, source: str) -> Photo:
    """An array as a Photo. image: uint8 [H, W, 3] RGB or [H, W] gray; ValueError otherwise."""
    image = np.asarray(image)
    gray = image.ndim == 2
    if image.dtype != np.uint8 or not (gray or (image.ndim == 3 and image.shape[2] == 3)):
        raise ValueError(
            f"{source}: need uint8 [H, W, 3] RGB or [H, W] gray, got {image.dtype} "
            f"{list(image.shape)}"
        )
    if not image.size:
        raise ValueError(f"{source}: has no pixels ({list(image.shape)})")
    rgb = np.repeat(image[:, :, None], 3, axis=2) if gray else image
    return Photo(source, image=np.ascontiguousarray(rgb))
