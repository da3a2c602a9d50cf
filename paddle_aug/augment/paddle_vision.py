"""paddle.vision's transforms among ours, and ours in `paddle.vision.transforms.Compose`.

Paddle's draw from the global generators of Python and NumPy, ours from one that is handed to them.
Nothing here imports Paddle until a transform of ours is called in a DataLoader's process.
"""

import random
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from paddle_aug.augment.transforms.base import Transform, draw_seed, other_than_rgb
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure
from paddle_aug.core.seeding import GLOBAL_GENERATORS, stream


def is_paddle_vision(thing: object) -> bool:
    """Whether an object is a transform of paddle.vision, Compose included."""
    return not isinstance(thing, type) and any(
        kind.__module__.startswith("paddle.vision.transforms") for kind in type(thing).__mro__
    )


@dataclass(frozen=True)
class PaddleVision(Transform):
    """A transform of paddle.vision, or a Compose of some, as one of ours; its parameter is a seed.

    transform: takes and gives uint8 arrays [H, W, 3]: without ToTensor and Normalize, which follow
    by themselves. What it draws from `random` and `numpy.random` depends on the seed alone, and the
    generators are left as they were.
    """

    transform: Callable[[np.ndarray], Any]

    def sample(self, rng: np.random.Generator) -> int:
        return draw_seed(rng)

    def apply(self, image: np.ndarray, params: int) -> np.ndarray:
        try:
            with _seeded(params):
                result = self.transform(image.copy())
        except Exception as error:
            name = type(self.transform).__name__
            raise UserError(f"paddle.vision's {name} fails on it ({failure(error)})") from None
        if isinstance(result, Image.Image):
            result = np.asarray(result.convert("RGB"))
        if other := other_than_rgb(result):
            name = type(self.transform).__name__
            raise UserError(
                f"paddle.vision's {name} gives {other}, not a uint8 array [H, W, 3]: "
                "leave out ToTensor, Normalize and Transpose, which follow by themselves"
            )
        return np.ascontiguousarray(result)


class InPaddleCompose:
    """One of our transforms for `paddle.vision.transforms.Compose`, with draws of its own.

    Takes and gives uint8 RGB [H, W, 3], or a PIL image. What is drawn depends on the seed, the
    epoch and the image's pixels alone: it is the same for any number of workers and any order.
    Without worker processes the epoch is the number of times that the image was seen; with some,
    set `epoch` before each one (`callbacks=[NewDraws(it)]` does in paddle.Model.fit): their copies
    would count from the same number in every epoch. Images with equal pixels draw alike.
    """

    def __init__(self, transform: Transform, seed: int = 0):
        if not isinstance(transform, Transform):
            raise TypeError(f"need a Transform of this project, got {type(transform).__name__}")
        self.transform = transform
        self.seed = seed
        self.epoch: int | None = None
        self._seen: Counter[int] = Counter()

    def __call__(self, image: Any) -> Any:
        is_pil = isinstance(image, Image.Image)
        array = np.ascontiguousarray(image.convert("RGB") if is_pil else image)
        digest = zlib.crc32(array.data)
        rng = stream(self.seed, self._epoch_of(digest), digest)
        result = self.transform(array, rng)
        return Image.fromarray(result) if is_pil else result

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.transform!r}, seed={self.seed})"

    def _epoch_of(self, digest: int) -> int:
        if self.epoch is not None:
            return self.epoch
        from paddle.io import get_worker_info

        if get_worker_info() is not None:
            raise UserError(
                f"{type(self).__name__}: worker processes would repeat the same draws in every "
                "epoch; set its epoch before each one, or num_workers=0"
            )
        self._seen[digest] += 1
        return self._seen[digest] - 1


@contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Python's and NumPy's global generators at a seed; afterwards as they were."""
    with GLOBAL_GENERATORS:
        python, numpy = random.getstate(), np.random.get_state()
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(python)
            np.random.set_state(numpy)
