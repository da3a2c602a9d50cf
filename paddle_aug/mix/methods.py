"""The mixing methods, and how one of them is applied to a batch.

A method is two functions: `draw` draws the random parameters, `apply` mixes with them. To add one:
a function in `formulas.py`, an entry in METHODS, a line in `modes.py`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from paddle_aug.core.seeding import stream
from paddle_aug.core.transfer import to_device
from paddle_aug.mix import formulas
from paddle_aug.mix.phases import PairingSchedule

PAIRS = ("permutation", "replacement")
DRAWS = ("batch", "image")


class Draw(NamedTuple):
    """Parameters that were drawn: one value for all images, or one an image ([N] and [N, 4]).

    lam: weight of the first image's label. box: rows and columns (y1, x1, y2, x2).
    """

    lam: float | np.ndarray = 1.0
    box: formulas.Box | np.ndarray = (0, 0, 0, 0)


class Numbers(NamedTuple):
    """The options of a method, in numbers.

    alpha: lam ~ Beta(alpha, alpha), from 0. cutout_size: side of Cutout's square as a share of the
    image's shorter side, in (0, 1].
    """

    alpha: float = 1.0
    cutout_size: float = 0.5


@dataclass(frozen=True)
class Method:
    """draw(rng, numbers, height, width) -> Draw; apply(images, partners, draw, numbers) -> images.

    draw gives one lam and one box. apply takes these, and [N] lams and [N, 4] boxes where draws are
    an "image"'s. images, partners: float [N, C, H, W], not changed; Paddle tensors where training
    mixes a batch, NumPy arrays in previews, reports and with partners of the data set.
    """

    draw: Callable[[np.random.Generator, Numbers, int, int], Draw]
    apply: Callable[[Any, Any, Draw, Numbers], Any]


def draw_nothing(rng: np.random.Generator, numbers: Numbers, height: int, width: int) -> Draw:
    """No lam and no box: a method that mixes all images alike."""
    return Draw()


def _draw_lam(rng: np.random.Generator, numbers: Numbers, height: int, width: int) -> Draw:
    return Draw(formulas.sample_lam(rng, numbers.alpha))


def _draw_area(rng: np.random.Generator, numbers: Numbers, height: int, width: int) -> Draw:
    lam = formulas.sample_lam(rng, numbers.alpha)
    box = formulas.rand_bbox(height, width, lam, *formulas.sample_centre(rng, height, width))
    return Draw(formulas.box_lam(box, height, width), box)


def _draw_square(rng: np.random.Generator, numbers: Numbers, height: int, width: int) -> Draw:
    side = max(1, round(numbers.cutout_size * min(height, width)))
    centre = formulas.sample_centre(rng, height, width)
    return Draw(box=formulas.square_bbox(height, width, side, *centre))


METHODS: dict[str, Method] = {
    "samplePairing": Method(draw_nothing, lambda a, b, draw, _: formulas.sample_pairing(a, b)),
    "mixup": Method(_draw_lam, lambda a, b, draw, _: formulas.mixup(a, b, draw.lam)),
    "cutmix": Method(_draw_area, lambda a, b, draw, _: formulas.cutmix(a, b, draw.box)),
    # Filled with 0, which after the normalisation is the mean that was subtracted.
    "cutout": Method(_draw_square, lambda a, b, draw, _: formulas.cutout(a, draw.box)),
}


@dataclass(frozen=True)
class MixPolicy:
    """One mixing method with its options and the epochs in which it applies.

    method: a key of METHODS. partner: "batch" or "dataset". probability: share of batches that are
    mixed (of images, for partner "dataset" or draws "image"). phases: epochs with mixing.
    numbers: see Numbers. pairs: how partners in a batch are drawn, see `formulas.sample_partners`.
    draws: one lam and box a "batch", or one an "image"; partners of the data set always have one
    an image. Raises ValueError for an unknown name.
    """

    method: str
    partner: str
    probability: float
    phases: PairingSchedule
    numbers: Numbers = field(default_factory=Numbers)
    pairs: str = "replacement"
    draws: str = "batch"

    def __post_init__(self) -> None:
        for name, allowed in (
            ("method", tuple(METHODS)), ("partner", ("batch", "dataset")),
            ("pairs", PAIRS), ("draws", DRAWS),
        ):  # fmt: skip
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}: one of {', '.join(allowed)}")

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Draw | None:
        """Parameters of one mix, or None where this batch or image stays as it is."""
        if rng.random() >= self.probability:
            return None
        return METHODS[self.method].draw(rng, self.numbers, height, width)

    def apply(self, draw: Draw, images: Any, partners: Any) -> Any:
        """Mixed images; `draw.lam` is the weight of the first image's label."""
        return METHODS[self.method].apply(images, partners, draw, self.numbers)

    def mix_batch(
        self, images: Any, labels: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, Any, float | np.ndarray]:
        """(images, labels, partner_labels, lam) of one batch, mixed with itself.

        images: [N, C, H, W] array or Tensor, not changed. labels: int64 [N]. lam: one number, or
        float [N] where every image has its own.
        """
        height, width = images.shape[-2:]
        count = len(labels)
        if self.draws == "batch":
            draw = self.draw(rng, height, width)
            mixed = np.full(count, draw is not None)
        else:
            each = [self.draw(rng, height, width) for _ in range(count)]
            mixed = np.array([one is not None for one in each])
            draw = stacked([one or Draw() for one in each])
        if draw is None or not mixed.any():
            return images, labels, labels, 1.0
        partners = formulas.sample_partners(rng, count, self.pairs)
        # The label of an image that is not mixed stays its own.
        partners = np.where(mixed, partners, np.arange(count))
        if not isinstance(images, np.ndarray):
            partners = to_device(partners, place=images.place)
        lam = 1.0 if np.all(draw.lam == 1.0) else draw.lam
        result = self.apply(draw, images, images[partners])
        if not mixed.all():  # those keep their values, even if `apply` changes them at lam 1
            result = _where(mixed.reshape(-1, 1, 1, 1), result, images)
        return result, labels, labels[partners], lam


def mix_step(
    mix: MixPolicy | None, images: Any, labels: Any, seed: int, epoch: int, number: int
) -> tuple[Any, Any, Any, float | np.ndarray] | None:
    """A batch as training mixes it in step `number` of an epoch, see `MixPolicy.mix_batch`; None
    where batches are not mixed then. number: counted over all processes."""
    if mix is None or mix.partner != "batch" or not mix.phases.is_active(epoch):
        return None
    return mix.mix_batch(images, labels, stream(seed, epoch, number, "mix"))


def stacked(draws: Sequence[Draw]) -> Draw:
    """What was drawn for each image, as one Draw of a batch: lam [N], box [N, 4]."""
    return Draw(np.array([draw.lam for draw in draws]), np.array([draw.box for draw in draws]))


def _where(mask: np.ndarray, images: Any, others: Any) -> Any:
    """The images where the mask is true, the others elsewhere; arrays or tensors."""
    if isinstance(images, np.ndarray):
        return np.where(mask, images, others)
    return to_device(mask, place=images.place).where(images, others)
