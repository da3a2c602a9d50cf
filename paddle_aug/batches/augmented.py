"""The Dataset that a model is trained on: images read, augmented, mixed and made float32 CHW."""

from typing import Any, NamedTuple

import numpy as np
import paddle

from paddle_aug.augment.transforms.base import Transform, other_than_rgb
from paddle_aug.batches.normalise import to_chw
from paddle_aug.core.argument_checks import check_normalisation
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure, place_in_own_code
from paddle_aug.core.seeding import stream
from paddle_aug.mix.methods import Draw, MixPolicy


class Sample(NamedTuple):
    """One training image: float32 CHW, its label, its partner's label, and its label's weight."""

    image: np.ndarray
    label: int
    partner_label: int
    lam: float


class AugmentedDataset(paddle.io.Dataset):
    """Augmented view of an ImageDataset.

    An item is asked for by index, or by (epoch, index) where the epoch matters: the same seed,
    epoch and index give the same bytes in any process; an index that is not in [0, len(self)) is an
    IndexError. Items are `Sample`s. In an epoch that repeats image i, its r-th repeat (r from 1)
    has the number i + r * len(self), and other draws.

    dataset: ImageDataset of uint8 RGB. transform: image part. mix: mixing with partners from the
    whole data set (as the CutMix document and the SamplePairing paper do), None for none.
    partners: whether the method uses them; where it does not, none is read. mean, std:
    normalisation, in [0, 1] (ValueError otherwise), one value or one a channel. size: height and
    width of every image after the transforms.
    """

    def __init__(
        self,
        dataset: Any,
        transform: Transform,
        size: int,
        channels: int = 3,
        mean: list[float] | None = None,
        std: list[float] | None = None,
        seed: int = 0,
        mix: MixPolicy | None = None,
        partners: bool = True,
    ):
        super().__init__()
        self.dataset = dataset
        self.transform = transform
        self.size = size
        self.channels = channels
        self.mean = mean or [0.5]
        self.std = std or [0.5]
        check_normalisation(self.mean, self.std)
        self.seed = seed
        self.mix = mix if mix and mix.partner == "dataset" else None
        self.partners = partners

    def __len__(self) -> int:
        return len(self.dataset)

    def __getitem__(self, key: int | tuple[int, int]) -> Sample:
        epoch, index = key if isinstance(key, tuple) else (0, key)
        if not 0 <= index < len(self):
            raise IndexError(f"image {index} of {len(self)}")
        return self.sample(epoch, index)

    def sample(self, epoch: int, number: int, out: np.ndarray | None = None) -> Sample:
        """One item; its image is written to `out`, contiguous float32 CHW, where that is given."""
        repeat, index = divmod(number, len(self))
        image, label = self._read(index, stream(self.seed, epoch, index, "image", repeat), out)
        drawn = self._draw_partner(epoch, number)
        if self.mix is None or drawn is None:
            return Sample(image, label, label, 1.0)
        draw, partner_index, rng = drawn
        partner, partner_label = image, label
        if self.partners:
            partner, partner_label = self._read(partner_index, rng)
        image[:] = self.mix.apply(draw, image[None], partner[None])[0]
        return Sample(image, label, partner_label, float(draw.lam))

    def source(self, epoch: int, number: int) -> str:
        """Name of an image for messages, with the image that is mixed into it in this epoch."""
        drawn = self._draw_partner(epoch, number)
        partner = f" with {self.dataset.source(drawn[1])}" if drawn and self.partners else ""
        return self.dataset.source(number % len(self)) + partner

    def _draw_partner(
        self, epoch: int, number: int
    ) -> tuple[Draw, int, np.random.Generator] | None:
        """How an image is mixed, its partner's index, and the stream that augments the partner;
        None where it is not mixed."""
        if self.mix is None or not self.mix.phases.is_active(epoch):
            return None
        repeat, index = divmod(number, len(self))
        rng = stream(self.seed, epoch, index, "partner", repeat)
        draw = self.mix.draw(rng, self.size, self.size)
        return None if draw is None else (draw, int(rng.integers(len(self.dataset))), rng)

    def _read(
        self, index: int, rng: np.random.Generator, out: np.ndarray | None = None
    ) -> tuple[np.ndarray, int]:
        image, label = self.dataset[index]
        try:
            image = self.transform(image, rng)
        except UserError as error:
            raise UserError(f"{self.dataset.source(index)}: {error}") from None
        except Exception as error:
            if place_in_own_code(error) is None:
                raise
            raise UserError(
                f"{self.dataset.source(index)}: {_called(self.transform)} fails on it "
                f"({failure(error)})"
            ) from error
        if other := other_than_rgb(image):
            raise UserError(
                f"{self.dataset.source(index)}: {_called(self.transform)} gives {other}, "
                "not a uint8 array [H, W, 3]"
            )
        if image.shape[:2] != (self.size, self.size):
            raise UserError(
                f"{self.dataset.source(index)}: is {image.shape[1]}x{image.shape[0]} after the "
                f"transforms, but the model takes {self.size}x{self.size}: "
                "end the transforms with a crop or Resize to --image-size"
            )
        return to_chw(image, self.mean, self.std, self.channels, out), int(label)


def _called(transform: Transform) -> str:
    """A transform's name for messages; of a user's function, that function's."""
    thing = getattr(transform, "function", transform)
    return getattr(thing, "__name__", type(thing).__name__)


class Batch(NamedTuple):
    """Arrays of one step: images float32 [N, C, H, W]; labels, partner_labels int64 [N];
    lam float32 [N]; numbers int64 [N] of the images (see AugmentedDataset)."""

    images: np.ndarray
    labels: np.ndarray
    partner_labels: np.ndarray
    lam: np.ndarray
    numbers: np.ndarray


def collate(dataset: AugmentedDataset, epoch: int, numbers: np.ndarray) -> Batch:
    """Read and stack the images of one batch."""
    images = np.empty((len(numbers), dataset.channels, dataset.size, dataset.size), np.float32)
    labels = np.empty((2, len(numbers)), np.int64)
    lam = np.empty(len(numbers), np.float32)
    for row, number in enumerate(numbers):
        sample = dataset.sample(epoch, int(number), out=images[row])
        labels[:, row] = sample.label, sample.partner_label
        lam[row] = sample.lam
    return Batch(images, labels[0], labels[1], lam, np.asarray(numbers, np.int64))
