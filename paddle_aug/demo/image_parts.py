"""What can be done to one image on the page: policies, single operations, transforms.

The choices are the project's own tables, so that a new entry of one is offered by itself.
"""

from typing import Any

import numpy as np

from paddle_aug.augment.ops import resize
from paddle_aug.augment.policies import PolicyOptions, build_policy
from paddle_aug.augment.transform_list import VOCABULARY, build_transforms
from paddle_aug.augment.transforms.auto_augment import RAND_AUGMENT_RANGES, RandAugment
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.core.plain_yaml import parse_yaml_text
from paddle_aug.core.seeding import stream
from paddle_aug.data.bundled import digit_images, photographs
from paddle_aug.data.decode import read_image
from paddle_aug.modes import BASES

LONGEST = 448  # pixels of the longer side: what is larger is shrunk before anything is done
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
    --train-transforms takes it, of "transforms". Raises UserError or ValueError on what does not
    fit.
    """
    if kind == "policy":
        return build_policy(name, options=PolicyOptions(rand_augment_magnitude=int(magnitude)))
    if kind == "operation":
        ranges = {name: RAND_AUGMENT_RANGES[name]}
        return RandAugment(num_ops=1, magnitude=int(magnitude), ranges=ranges)
    return build_transforms(parse_yaml_text(steps))


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
