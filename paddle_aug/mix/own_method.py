"""Tries a user's own mixing Method before training begins."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure
from paddle_aug.core.transfer import to_device
from paddle_aug.mix.methods import METHODS, Draw, Method, MixPolicy, Numbers, stacked

_BATCH = 4


def check_method(method: Method, name: str) -> None:
    """Raise UserError where draw or apply fail on NumPy arrays, which previews give them, or return
    something that does not fit."""
    what = f"{_BATCH} images as NumPy arrays, as previews give them"
    _Trial(method, name, Numbers(), np.copy, (_BATCH, 3, 16, 24)).mix_with_one_draw(what)


def check_in_run(policy: MixPolicy, channels: int, size: int) -> None:
    """Raise UserError where a user's own Method does not take what training will give it: a batch
    of tensors, or single arrays with partners of the data set; one draw, or one an image.

    channels, size: of the run's images.
    """
    alone = policy.partner == "dataset"
    shape = (1 if alone else _BATCH, channels, size, size)
    kind = np.copy if alone else to_device
    trial = _Trial(METHODS[policy.method], policy.method, policy.numbers, kind, shape)
    if alone:
        trial.mix_with_one_draw("single images as NumPy arrays, as --partner dataset gives them")
    elif policy.draws == "batch":
        trial.mix_with_one_draw(f"{_BATCH} images as Paddle tensors, as --partner batch gives them")
    else:
        trial.mix_with_a_draw_for_each(
            f"{_BATCH} images as Paddle tensors with a lam and a box for each, "
            "as --mix-draws image gives them"
        )


@dataclass(frozen=True)
class _Trial:
    """A Method, and images of a shape [N, C, H, W] to try it on. kind: makes what `apply` is given
    from a NumPy array: np.copy, or `to_device` for tensors."""

    method: Method
    name: str
    numbers: Numbers
    kind: Callable[[np.ndarray], Any]
    shape: tuple[int, int, int, int]

    def mix_with_one_draw(self, what: str) -> None:
        """Raise UserError where that fails; what: the call in words, after "fails on"."""
        with self._named(what):
            self._apply(*self._images(), self._draw(np.random.default_rng(0)))

    def mix_with_a_draw_for_each(self, what: str) -> None:
        """The same; the batch must also be its images, mixed one by one with their own draws."""
        rng = np.random.default_rng(0)
        images, partners = self._images()
        with self._named(what):
            draws = [self._draw(rng) for _ in images]
            mixed = self._apply(images, partners, stacked(draws))
            pairs = zip(images[:, None], partners[:, None], draws, strict=True)
            one_by_one = np.concatenate([self._apply(*pair) for pair in pairs])
        if not np.allclose(mixed, one_by_one, rtol=1e-3, atol=1e-3):
            raise UserError(
                f"augment {self.name}: apply mixes images otherwise together than one by one; with "
                "--mix-draws image, lam has the shape [N] and box [N, 4]"
            )

    def _images(self) -> tuple[np.ndarray, np.ndarray]:
        images = np.random.default_rng(1).normal(size=self.shape).astype(np.float32)
        return images, images[::-1] + 1

    def _draw(self, rng: np.random.Generator) -> Draw:
        draw = self.method.draw(rng, self.numbers, *self.shape[2:])
        lam = np.asarray(draw.lam, np.float64)
        if lam.ndim or not 0 <= lam <= 1:
            raise UserError(f"augment {self.name}: lam is {draw.lam}, not a number in [0, 1]")
        return draw

    def _apply(self, images: np.ndarray, partners: np.ndarray, draw: Draw) -> np.ndarray:
        given = self.kind(images)
        mixed = self.method.apply(given, self.kind(partners), draw, self.numbers)
        if (found := _described(mixed)) != (needed := _described(given)):
            raise UserError(f"augment {self.name}: apply gives {found}, not {needed}")
        if not np.array_equal(_array(given), images):
            raise UserError(f"augment {self.name}: apply changes the images that it is given")
        return _array(mixed)

    @contextmanager
    def _named(self, what: str) -> Iterator[None]:
        """Errors of the user's code as a UserError."""
        try:
            yield
        except UserError:
            raise
        except Exception as error:
            raise UserError(f"augment {self.name}: fails on {what} ({failure(error)})") from None


def _described(thing: Any) -> str:
    """Type, dtype and shape of images: "Tensor float32 [4, 3, 16, 24]"."""
    if not hasattr(thing, "dtype"):
        return type(thing).__name__
    dtype = str(thing.dtype).removeprefix("paddle.")
    return f"{type(thing).__name__} {dtype} {list(thing.shape)}"


def _array(images: Any) -> np.ndarray:
    return images if isinstance(images, np.ndarray) else images.numpy()
