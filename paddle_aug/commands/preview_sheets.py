"""The cells of the preview sheets: images, their augmentations, and their mixes.

Each function returns rows of cells for `report.image_sheet.draw_sheet`. `transform(image, rng)` is
an image part of a policy; images are uint8 [H, W, 3]; the same seed gives the same sheet.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.batches.normalise import to_chw, to_pixels
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas as mixing
from paddle_aug.mix import images
from paddle_aug.mix.methods import MixPolicy
from paddle_aug.report.image_sheet import Grid, SheetCell, in_rows

ImageTransform = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class NamedImage(NamedTuple):
    """An image with its name for titles."""

    image: np.ndarray
    name: str


def pairing_sheet(
    first: NamedImage, second: NamedImage, transform: ImageTransform, policy: str, seed: int = 0
) -> Grid:
    """The SamplePairing article's 3x3 sheet: two images and their augmentations in the rows above
    and below, their pair between them."""
    one, two = (_augmented(p, transform, seed, i) for i, p in enumerate((first, second)))
    pair = images.sample_pairing(one, two)
    return [
        [
            SheetCell(first.image, f"{first.name}: original"),
            SheetCell(one, f"{first.name}: {policy}"),
            None,
        ],
        [None, None, SheetCell(pair, f"paired, label {first.name}")],
        [
            SheetCell(second.image, f"{second.name}: original"),
            SheetCell(two, f"{second.name}: {policy}"),
            None,
        ],
    ]


def mixup_sheet(
    first: NamedImage,
    second: NamedImage,
    transform: ImageTransform,
    policy: str,
    seed: int = 0,
    alpha: float = 1.5,
) -> Grid:
    """The SamplePairing article's 4x4 sheet: two images, their augmentations, twelve mixes of
    these."""
    one, two = (_augmented(p, transform, seed, i) for i, p in enumerate((first, second)))
    rng = stream(seed, 0, 2, "preview")
    mixes = [mixing.sample_lam(rng, alpha) for _ in range(12)]
    cells = [
        SheetCell(first.image, f"{first.name}: original"),
        SheetCell(one, f"{first.name}: {policy}"),
        SheetCell(second.image, f"{second.name}: original"),
        SheetCell(two, f"{second.name}: {policy}"),
        *(SheetCell(images.mixup(one, two, lam), f"lam = {lam:.2f}") for lam in mixes),
    ]
    return in_rows(cells, 4)


def mixup_lam_sheet(first: NamedImage, second: NamedImage) -> Grid:
    """3x3 mixes of the two originals, lam from 0.1 to 0.9."""
    lams = [number / 10 for number in range(1, 10)]
    return in_rows(
        [
            SheetCell(
                images.mixup(first.image, second.image, lam),
                f"{lam:.1f} {first.name} + {1 - lam:.1f} {second.name}",
            )
            for lam in lams
        ],
        3,
    )


def mix_sheet(
    photos: Sequence[NamedImage],
    transform: ImageTransform,
    policy: MixPolicy,
    seed: int = 0,
    mean: Sequence[float] = (0.5,),
    std: Sequence[float] = (0.5,),
) -> Grid:
    """Four augmented images above; below each one its mix with its neighbour, titled by its label.

    A mix is drawn and applied as in training, on normalised images (mean, std), but every image is
    mixed, whatever --mix-prob says. Images 0 and 1, 2 and 3 are each other's partners; a partner is
    resized to the image that it is mixed into. Fewer than four images are repeated with new draws.
    """
    four = [photos[number % len(photos)] for number in range(4)]
    above = [
        NamedImage(_augmented(photo, transform, seed, number), photo.name)
        for number, photo in enumerate(four)
    ]
    always = replace(policy, probability=1.0)
    below = []
    for number, photo in enumerate(above):
        partner = above[number ^ 1]
        height, width = photo.image.shape[:2]
        other = ops.resize(partner.image, height, width)
        draw = always.draw(stream(seed, 0, 4 + number, "preview"), height, width)
        assert draw is not None
        batches = (to_chw(image, mean, std)[None] for image in (photo.image, other))
        mixed = to_pixels(policy.apply(draw, *batches)[0], mean, std)
        lam = float(draw.lam)
        label = photo.name
        if lam < 1:
            label = f"{lam:.2f} {photo.name} + {1 - lam:.2f} {partner.name}"
        below.append(SheetCell(mixed, label))
    return [[SheetCell(photo.image, photo.name) for photo in above], below]


def draws_sheet(
    photo: NamedImage, transform: ImageTransform, seed: int = 0, rows: int = 2, columns: int = 4
) -> Grid:
    """The original, then draws of the transform, rows x columns cells in all."""
    cells = [SheetCell(photo.image, f"{photo.name}: original")]
    for number in range(rows * columns - 1):
        cells.append(SheetCell(_augmented(photo, transform, seed, number), f"draw {number + 1}"))
    return in_rows(cells, columns)


def _augmented(photo: NamedImage, transform: ImageTransform, seed: int, number: int) -> np.ndarray:
    return transform(photo.image.copy(), stream(seed, 0, number, "preview"))
