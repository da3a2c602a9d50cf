"""`Predictor`: predicts images without labels with a trained model.

Images get the transforms and the normalisation of evaluate.py (`evaluation.tta.view_datasets`), so
that both give the same probabilities.
"""

import logging
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import paddle
from scipy.special import softmax

from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.core.cpu import available_cores
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import Say
from paddle_aug.core.transfer import HostCopies, to_device
from paddle_aug.core.user_paths import expand
from paddle_aug.evaluation.options import Views
from paddle_aug.evaluation.tta import view_datasets
from paddle_aug.prediction.models import read_model
from paddle_aug.prediction.photos import Photo, Photos, photo_of_array
from paddle_aug.prediction.sources import find_photos

log = logging.getLogger(__name__)

BATCH_SIZE = 32
Image = str | os.PathLike[str] | np.ndarray


@dataclass(frozen=True)
class Prediction:
    """The prediction for one image, the most probable class first.

    image: its name. labels: class numbers; classes: their names; probabilities: in [0, 1]; as many
    as asked for. error: why there are none, otherwise empty.
    """

    image: str
    labels: tuple[int, ...] = ()
    classes: tuple[str, ...] = ()
    probabilities: tuple[float, ...] = ()
    error: str = ""


class Predictor:
    """A trained model, ready to predict images.

    run: a run's folder, a .safetensors checkpoint, or a folder that `export` wrote. checkpoint:
    "best" or "last" of a run. device: "auto", "cpu", "gpu", "gpu:1", ... cpu_backend: as
    train.py's --cpu-backend. say: called with remarks, such as that a slower backend is used.
    Raises UserError where no model can be read there.

        predictor = pa.Predictor("logs/samplePairing")
        for found in predictor.predict(["cat.jpg", "more photos/"]):
            print(found.image, found.classes[0], found.probabilities[0])
    """

    def __init__(
        self,
        run: str | os.PathLike[str],
        checkpoint: str = "best",
        device: str = "auto",
        cpu_backend: str = "auto",
        say: Say = log.info,
    ):
        self._say = say
        self._trained = read_model(
            Path(expand(os.fspath(run))), checkpoint, device, cpu_backend, say
        )
        self.config = self._trained.config
        self.classes = self._trained.classes
        self.what = self._trained.what

    def predict(
        self,
        images: Image | Sequence[Image],
        top: int = 5,
        views: Views | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> list[Prediction]:
        """The `top` most probable classes of each image, in the images' order.

        images: paths of whatever `paddle-aug predict` takes (photos, folders, lists, archives,
        globs), or arrays, uint8 [H, W, 3] RGB or [H, W] gray. top: 1 or more; all classes where
        there are no more. views: test-time augmentation, such as Views("flip"). batch_size: images
        that the model gets at once, 1 or more. An image that a list or folder names twice is
        predicted once, and `say` told so. For one that cannot be read `error` says why.
        Raises UserError for a missing path, ValueError for other arrays and numbers.
        """
        return list(self.predict_photos(as_photos(images, self._say), top, views, batch_size))

    def predict_photos(
        self,
        photos: Sequence[Photo],
        top: int = 5,
        views: Views | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> Iterator[Prediction]:
        """The same for photos, as an iterator over finished predictions."""
        _check_one_or_more(top=top, batch_size=batch_size)
        for photo, answer in zip(photos, self._answers(photos, views, batch_size), strict=True):
            if isinstance(answer, UserError):
                yield Prediction(photo.source, error=_reason(answer, photo))
                continue
            order = np.argsort(-answer, kind="stable")[:top].tolist()
            yield Prediction(
                photo.source, tuple(order), tuple(self.classes[label] for label in order),
                tuple(answer[order].tolist()),
            )  # fmt: skip

    def probabilities(
        self,
        images: Image | Sequence[Image],
        views: Views | None = None,
        batch_size: int = BATCH_SIZE,
    ) -> np.ndarray:
        """Probabilities of all classes, float64 [N, classes]; arguments as of `predict`.

        Raises UserError at the first image without them: one that cannot be read, or whose outputs
        are not finite.
        """
        _check_one_or_more(batch_size=batch_size)
        rows, photos = [], as_photos(images, self._say)
        for photo, answer in zip(photos, self._answers(photos, views, batch_size), strict=True):
            if isinstance(answer, UserError):
                raise UserError(f"{photo.source}: {_reason(answer, photo)}") from None
            rows.append(answer)
        return np.stack(rows) if rows else np.empty((0, len(self.classes)))

    def _answers(
        self, photos: Sequence[Photo], views: Views | None, batch_size: int
    ) -> Iterator[np.ndarray | UserError]:
        """Probabilities float64 [classes] of each photo, or why there are none."""
        views = views or Views()
        images = Photos(photos, self.classes)
        known = self._trained.changes_label
        images.changes_label = known or frozenset()
        if known is None and views.kind in ("flip", "draws"):
            self._say(
                f"note: --tta {views.kind}: whether a mirror image still shows the same class is "
                "not recorded with the model; it is taken to"
            )
        if not self._trained.views_known and views.kind in ("crops", "draws"):
            self._say(
                f"note: --tta {views.kind}: this export does not hold the run's --policy numbers "
                "and filter, so the defaults make the views; export the run again"
            )
        seen = view_datasets(images, self.config, views)
        with ThreadPoolExecutor(min(available_cores(), 16)) as pool:
            blocks = [
                range(start, min(start + batch_size, len(images)))
                for start in range(0, len(images), batch_size)
            ]
            ahead = iter(())
            for block in [*blocks, range(0)]:
                # The next images are read while the model works on these.
                ready, ahead = list(ahead), pool.map(lambda index: _read(seen, index), block)
                yield from self._of_batch(ready)

    def _of_batch(self, read: Sequence[np.ndarray | UserError]) -> Iterator[np.ndarray | UserError]:
        """Probabilities of images from `_read`; errors of unreadable ones are passed on."""
        good = [views for views in read if isinstance(views, np.ndarray)]
        rows = iter(self._mean_over_views(np.stack(good, axis=1)) if good else ())
        for views in read:
            if isinstance(views, UserError):
                yield views
                continue
            row = next(rows)
            finite = np.isfinite(row).all()
            yield row if finite else UserError("the model's outputs for it are not finite")

    @paddle.no_grad()
    def _mean_over_views(self, views: np.ndarray) -> np.ndarray:
        """float64 [N, classes] of float32 [views, N, C, H, W]; NaN where outputs are not finite."""
        model, total = self._trained.model, np.float64(0)
        # All views are launched before the first is read, so that a GPU need not wait for Python.
        launched = [HostCopies(model(to_device(np.ascontiguousarray(batch)))) for batch in views]
        for copies in launched:
            (logits,) = copies.arrays()
            with np.errstate(invalid="ignore"):  # for outputs that are not finite
                shares = softmax(logits.astype(np.float64), axis=1)
            finite = np.isfinite(logits).all(axis=1, keepdims=True)
            total = total + np.where(finite, shares, np.nan)
        return np.asarray(total) / len(views)


def predict(
    run: str | os.PathLike[str],
    images: Image | Sequence[Image],
    top: int = 5,
    views: Views | None = None,
    checkpoint: str = "best",
) -> list[Prediction]:
    """The `top` most probable classes of each image, from a run, checkpoint or exported model.

    See `Predictor`, which keeps the model for several calls, and `Predictor.predict`.
    """
    return Predictor(run, checkpoint).predict(images, top, views)


def as_photos(images: Image | Sequence[Image], say: Say = log.info) -> list[Photo]:
    """Photos from paths (all images that each names, each once) and arrays. say: what was concluded
    of the paths, and how many images are named more than once."""
    one = isinstance(images, str | os.PathLike | np.ndarray)
    several: Sequence[Image] = [images] if one else images  # pyright: ignore[reportAssignmentType]
    photos: list[Photo] = []
    for number, image in enumerate(several):
        if isinstance(image, np.ndarray):
            photos.append(photo_of_array(image, f"image {number}"))
        else:
            found = find_photos([os.fspath(image)])
            photos += found.photos
            for line in found.read_as:
                say(line)
    return photos


def _check_one_or_more(**numbers: int) -> None:
    for name, number in numbers.items():
        if number < 1:
            raise ValueError(f"{name} must be 1 or more, got {number!r}")


def _read(views: Sequence[AugmentedDataset], index: int) -> np.ndarray | UserError:
    """One image's views float32 [views, C, H, W], or why it cannot be read."""
    try:
        return np.stack([view.sample(number, index).image for number, view in enumerate(views)])
    except UserError as error:
        return error


def _reason(error: UserError, photo: Photo) -> str:
    """Why an image has no prediction, without its name, which is shown beside it."""
    return str(error).removeprefix(f"{photo.source}: ").removeprefix(f"{photo.path}: ")
