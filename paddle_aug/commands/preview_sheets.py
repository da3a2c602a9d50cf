"""What the preview sheets show: images, what a policy makes of them, and their mixes.

Each function returns rows of cells for `plots.draw_sheet`. `transform(image, rng)` is an image
part of a policy; images are uint8 [H, W, 3]; the same seed gives the same sheet.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from paddle_aug.augment import ops
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas as mixing
from paddle_aug.mix import images
from paddle_aug.report.image_sheet import Cell, Grid, in_rows

# What Cutout's 0 after normalisation was before it: the default mean, as a pixel.
GRAY = round(0.5 * 255)

ImageTransform = Callable[[np.ndarray, np.random.Generator], np.ndarray]


class Photo(NamedTuple):
    """An image and the name it goes by in titles."""

    image: np.ndarray
    name: str


def pairing_sheet(
    first: Photo, second: Photo, transform: ImageTransform, policy: str, seed: int = 0
) -> Grid:
    """The article's 3x3: each image and its augmentation in a row, their pair between them."""
    one, two = (_augmented(p, transform, seed, i) for i, p in enumerate((first, second)))
    pair = images.sample_pairing(one, two)
    return [
        [Cell(first.image, f"{first.name}: original"), Cell(one, f"{first.name}: {policy}"), None],
        [None, None, Cell(pair, f"paired, label {first.name}")],
        [
            Cell(second.image, f"{second.name}: original"),
            Cell(two, f"{second.name}: {policy}"),
            None,
        ],
    ]


def mixup_sheet(
    first: Photo,
    second: Photo,
    transform: ImageTransform,
    policy: str,
    seed: int = 0,
    alpha: float = 1.5,
) -> Grid:
    """The article's 4x4: two originals, their augmentations, twelve mixes with their lam."""
    one, two = (_augmented(p, transform, seed, i) for i, p in enumerate((first, second)))
    rng = stream(seed, 0, 2, "preview")
    mixes = [mixing.sample_lam(rng, alpha) for _ in range(12)]
    cells = [
        Cell(first.image, f"{first.name}: original"),
        Cell(one, f"{first.name}: {policy}"),
        Cell(second.image, f"{second.name}: original"),
        Cell(two, f"{second.name}: {policy}"),
        *(Cell(images.mixup(one, two, lam), f"lam = {lam:.2f}") for lam in mixes),
    ]
    return in_rows(cells, 4)


def mixup_lam_sheet(first: Photo, second: Photo) -> Grid:
    """3x3 mixes of the two originals, lam from 0.1 to 0.9."""
    lams = [number / 10 for number in range(1, 10)]
    return in_rows(
        [
            Cell(
                images.mixup(first.image, second.image, lam),
                f"{lam:.1f} {first.name} + {1 - lam:.1f} {second.name}",
            )
            for lam in lams
        ],
        3,
    )


def cutmix_sheet(photos: Sequence[Photo], seed: int = 0, alpha: float = 1.0) -> Grid:
    """Four images above, below each with a box of its neighbour, and the label that it has then.

    Partners come in twos (0 and 1, 2 and 3), and take the first image's size. Fewer than four
    images are repeated, with other boxes. Two images at least.
    """
    four = [photos[number % len(photos)] for number in range(4)]
    below = []
    for number, photo in enumerate(four):
        partner = four[number ^ 1]
        height, width = photo.image.shape[:2]
        rng = stream(seed, 0, number, "preview")
        lam = mixing.sample_lam(rng, alpha)
        box = mixing.rand_bbox(height, width, lam, *mixing.sample_centre(rng, height, width))
        other = ops.resize(partner.image, height, width)
        mixed = _on_image(lambda a, b, box=box: mixing.cutmix(a, b, box), photo.image, other)
        lam = mixing.box_lam(box, height, width)
        below.append(Cell(mixed, f"{lam:.2f} {photo.name} + {1 - lam:.2f} {partner.name}"))
    return [[Cell(photo.image, photo.name) for photo in four], below]


def cutout_sheet(photos: Sequence[Photo], seed: int = 0, size: float = 0.5) -> Grid:
    """Four images above, below each with a gray square, as training sees it, and its label.

    size: side of the square as a share of the image's shorter side. Fewer than four images are
    repeated, with other places.
    """
    four = [photos[number % len(photos)] for number in range(4)]
    below = []
    for number, photo in enumerate(four):
        height, width = photo.image.shape[:2]
        side = max(1, round(size * min(height, width)))
        centre = mixing.sample_centre(stream(seed, 0, number, "preview"), height, width)
        box = mixing.square_bbox(height, width, side, *centre)
        cut = _on_image(lambda a, box=box: mixing.cutout(a, box, fill=GRAY), photo.image)
        below.append(Cell(cut, photo.name))
    return [[Cell(photo.image, photo.name) for photo in four], below]


def draws_sheet(
    photo: Photo, transform: ImageTransform, seed: int = 0, rows: int = 2, columns: int = 4
) -> Grid:
    """The original, then as many draws of the transform as rows x columns have room for."""
    cells = [Cell(photo.image, f"{photo.name}: original")]
    for number in range(rows * columns - 1):
        cells.append(Cell(_augmented(photo, transform, seed, number), f"draw {number + 1}"))
    return in_rows(cells, columns)


def _augmented(photo: Photo, transform: ImageTransform, seed: int, number: int) -> np.ndarray:
    return transform(photo.image.copy(), stream(seed, 0, number, "preview"))


def _on_image(mix: Callable[..., np.ndarray], *images: np.ndarray) -> np.ndarray:
    """Apply a mixing function of batches [N, C, H, W] to single images [H, W, C]."""
    batches = (image.transpose(2, 0, 1)[None] for image in images)
    mixed = mix(*batches)[0].transpose(1, 2, 0)
    return np.ascontiguousarray(mixed).astype(images[0].dtype)
