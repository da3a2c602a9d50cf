"""What --augment means for mixing: a method, its numbers, its partners and its schedule."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paddle_aug.mix import formulas as mixing
from paddle_aug.mix.phases import PairingSchedule


class Draw(NamedTuple):
    """What chance decided for one mix: `lam` for mixup, `box` for CutMix and Cutout."""

    lam: float = 1.0
    box: mixing.Box = (0, 0, 0, 0)


@dataclass(frozen=True)
class MixPolicy:
    """One mixing method and when it applies; knows nothing of data sets or models.

    method: one of config.MIXES. partner: "batch" or "dataset". probability: share of batches (of
    images, for partner "dataset") that are mixed. alpha: of lam's Beta distribution.
    cutout_size: side of Cutout's square as a share of the image's. fill: value of its pixels.
    """

    method: str
    partner: str
    probability: float
    alpha: float
    schedule: PairingSchedule
    cutout_size: float = 0.5
    fill: float = 0.0

    def draw(self, rng: np.random.Generator, height: int, width: int) -> Draw | None:
        """Parameters of one mix, or None where this batch or image stays as it is."""
        if rng.random() >= self.probability:
            return None
        if self.method == "mixup":
            return Draw(lam=mixing.sample_lam(rng, self.alpha))
        if self.method == "cutmix":
            lam = mixing.sample_lam(rng, self.alpha)
            box = mixing.rand_bbox(height, width, lam, *mixing.sample_centre(rng, height, width))
            return Draw(mixing.box_lam(box, height, width), box)
        if self.method == "cutout":
            side = max(1, round(self.cutout_size * min(height, width)))
            centre = mixing.sample_centre(rng, height, width)
            return Draw(box=mixing.square_bbox(height, width, side, *centre))
        return Draw()

    def apply(self, draw: Draw, images: Any, partners: Any) -> Any:
        """Mixed images; `draw.lam` is the weight of the first image's label."""
        if self.method == "samplePairing":
            return mixing.sample_pairing(images, partners)
        if self.method == "mixup":
            return mixing.mixup(images, partners, draw.lam)
        if self.method == "cutmix":
            return mixing.cutmix(images, partners, draw.box)
        return mixing.cutout(images, draw.box, self.fill)

    def mix_batch(
        self, images: Any, labels: Any, rng: np.random.Generator
    ) -> tuple[Any, Any, Any, float]:
        """(images, labels, partners' labels, lam) of one batch, mixed with itself.

        images: [N, C, H, W] array or Tensor, not changed. labels: int64 [N].
        """
        draw = self.draw(rng, *images.shape[-2:])
        if draw is None:
            return images, labels, labels, 1.0
        index = mixing.sample_partners(rng, len(labels))
        if not isinstance(images, np.ndarray):
            import paddle

            index = paddle.to_tensor(index, place=images.place)
        return self.apply(draw, images, images[index]), labels, labels[index], draw.lam
