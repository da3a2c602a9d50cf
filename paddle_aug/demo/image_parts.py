"""What can be done to one image on the page: policies, single operations, transforms.

The choices are the project's own tables, so that a new entry of one is offered by itself.
"""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from paddle_aug.augment.ops import resize
from paddle_aug.augment.policies import PolicyOptions, build_policy
from paddle_aug.augment.transform_list import VOCABULARY, build_transforms
from paddle_aug.augment.transforms.auto_augment import RAND_AUGMENT_RANGES, RandAugment
from paddle_aug.augment.transforms.base import Compose, Params, Transform
from paddle_aug.augment.transforms.crops_and_boxes import (
    Pad,
    RandomCrop,
    RandomResizedCrop,
    Resize,
)
from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import parse_yaml_text
from paddle_aug.core.seeding import stream
from paddle_aug.data.bundled import digit_images, photographs
from paddle_aug.data.decode import read_image
from paddle_aug.modes import BASES

LONGEST = 448  # pixels of the longer side: what is larger is shrunk before anything is done
# What others may ask of the machine that serves the page, in the text box for transforms.
LONGEST_MADE = 1024  # pixels of the longer side that a transform may make
LONGEST_TEXT = 10_000  # characters
BINS = RandAugment().num_magnitude_bins
DEFAULT_MAGNITUDE = RandAugment().magnitude
# Of transforms: values to begin with, where they need some, or would do nothing.
STARTS: dict[str, Any] = {
    "Resize": 96,
    "CenterCrop": 160,
    "RandomCrop": 160,
    "RandomResizedCrop": 160,
    "Pad": 20,
    "RandomRotation": 30,
    "ColorJitter": {"brightness": 0.8, "saturation": 0.8, "hue": 0.3},
    "RandomEnhance": "color",
}


def policies() -> list[str]:
    """Image parts of --augment."""
    return list(BASES)


def operations() -> list[str]:
    """Single operations of RandAugment, which have a magnitude."""
    return list(RAND_AUGMENT_RANGES)


def transforms() -> list[str]:
    """Transforms of --train-transforms."""
    return list(VOCABULARY)


def start_of(transform: str) -> str:
    """A transform with values to begin with, as --train-transforms takes it: "[{Resize: 96}]"."""
    if transform not in STARTS:
        return f"[{transform}]"
    start = STARTS[transform]
    if isinstance(start, dict):
        start = "{" + ", ".join(f"{key}: {value}" for key, value in start.items()) + "}"
    return f"[{{{transform}: {start}}}]"


def build(kind: str, name: str, magnitude: int, steps: str) -> Transform:
    """The transform that was chosen.

    kind: "policy", "operation" or "transforms"; name: one of policies() or operations();
    magnitude: 0 to BINS - 1, of operations and of the policy randAugment; steps: a list as
    --train-transforms takes it, of "transforms"; they make no image above LONGEST_MADE, and raise
    UserError instead. Raises UserError or ValueError on what does not fit.
    """
    if kind == "policy":
        return build_policy(name, options=PolicyOptions(rand_augment_magnitude=int(magnitude)))
    if kind == "operation":
        ranges = {name: RAND_AUGMENT_RANGES[name]}
        return RandAugment(num_ops=1, magnitude=int(magnitude), ranges=ranges)
    if len(steps) > LONGEST_TEXT:
        raise UserError(f"transforms: this page takes at most {LONGEST_TEXT} characters")
    transforms = cast(Compose, build_transforms(parse_yaml_text(steps))).transforms
    return Compose([_Bounded(transform) for transform in transforms])


@dataclass(frozen=True)
class _Bounded(Transform):
    """A transform that makes no image above LONGEST_MADE: it is refused before memory is taken."""

    transform: Transform

    def sample(self, rng: np.random.Generator) -> Params:
        return self.transform.sample(rng)

    def apply(self, image: np.ndarray, params: Params) -> np.ndarray:
        height, width = most_made(self.transform, *image.shape[:2])
        if max(height, width) > LONGEST_MADE:
            raise UserError(
                f"transforms: {type(self.transform).__name__} would make an image of {width} x "
                f"{height} pixels; this page makes none with a side of more than {LONGEST_MADE}"
            )
        return self.transform.apply(image, params)


def most_made(transform: Transform, height: int, width: int) -> tuple[int, int]:
    """Height and width of the largest image that is made of one of this size, on the way, too."""
    if isinstance(transform, Resize):
        return transform.target(height, width)
    if isinstance(transform, RandomResizedCrop):
        return cast(tuple[int, int], transform.size)
    if isinstance(transform, Pad | RandomCrop):
        left, top, right, bottom = cast(tuple[int, int, int, int], Pad(transform.padding).padding)
        height, width = height + top + bottom, width + left + right
    if isinstance(transform, RandomCrop) and transform.pad_if_needed:  # pads both sides by as much
        rows, columns = cast(tuple[int, int], transform.size)
        height, width = max(height, 2 * rows - height), max(width, 2 * columns - width)
    return height, width


def augmented(image: np.ndarray, transform: Transform, seed: int, number: int = 0) -> np.ndarray:
    """The image, uint8 [H, W, 3], under a draw of the transform; other seeds, other draws.

    number: of the image, as two images of one seed get draws of their own.
    """
    return transform(image.copy(), stream(int(seed), 0, number, "preview"))


def bundled_images() -> dict[str, np.ndarray]:
    """Images to begin with, by name: scikit-learn's two photographs and two digits of its set."""
    images = {name: fitted(image) for name, image in photographs().items()}
    digits, labels = digit_images()
    for number in (3, 8):
        pixels = digits[list(labels).index(number)]
        images[f"digit {number}"] = resize(np.dstack([pixels] * 3), 64, 64, "nearest")
    return images


def read(path: str) -> np.ndarray:
    """An image that was uploaded, not larger than the page shows it."""
    return fitted(read_image(path))


def fitted(image: np.ndarray) -> np.ndarray:
    """The image with a longer side of at most LONGEST pixels."""
    height, width = image.shape[:2]
    factor = LONGEST / max(height, width)
    if factor >= 1:
        return image
    return resize(image, max(1, round(height * factor)), max(1, round(width * factor)))
