"""What --augment means for mixing: a method, its numbers, its partners and its schedule."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from paddle_aug import mixing
from paddle_aug.config import MIXES, Config
from paddle_aug.schedule import PairingSchedule, always_on


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


def build_mix_policy(config: Config) -> MixPolicy | None:
    """The mixing part of --augment, or None where there is none."""
    if config.augment not in MIXES:
        return None
    return MixPolicy(
        method=config.augment,
        partner=config.mix_setting("partner"),
        probability=config.mix_setting("mix_prob"),
        alpha=config.mix_setting("alpha"),
        schedule=build_mix_schedule(config),
        cutout_size=config.cutout_size,
        fill=0.0,
    )


def build_mix_schedule(config: Config) -> PairingSchedule:
    """Epochs with mixing: the method's own phases, changed by the options that were given."""
    if config.augment == "samplePairing":
        own = PairingSchedule.for_epochs(config.epochs)
    else:
        own = always_on(config.epochs)
    start = own.start if config.pairing_start is None else config.pairing_start
    end = own.end if config.pairing_end is None else config.pairing_end
    end = min(end, config.epochs - config.mix_off_last)
    return PairingSchedule(
        min(start, max(end, 0)),
        max(end, 0),
        own.on if config.pairing_on is None else config.pairing_on,
        own.off if config.pairing_off is None else config.pairing_off,
    )
