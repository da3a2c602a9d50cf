"""Peers of the augmentation benchmark: the SamplePairing article's Pillow code, and libraries.

Each function returns a callable from uint8 RGB [H, W, 3] to an augmented image, or None where the
library is not installed.
"""

import os
import random
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageEnhance

Augment = Callable[[np.ndarray], Any]

_FILTERS = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_ENHANCERS = {
    "brightness": ImageEnhance.Brightness,
    "contrast": ImageEnhance.Contrast,
    "color": ImageEnhance.Color,
    "sharpness": ImageEnhance.Sharpness,
}


def pillow_crop(image: Image.Image, ratio_w: float, ratio_h: float, resample: str) -> Image.Image:
    """The centre box, cut out and scaled back."""
    width, height = image.size
    left, top = width * (1 - 1 / ratio_w) / 2, height * (1 - 1 / ratio_h) / 2
    box = (left, top, left + width / ratio_w, top + height / ratio_h)
    return image.crop(box).resize((width, height), _FILTERS[resample])


def pillow_noise(image: Image.Image, sigma: float) -> Image.Image:
    """Gaussian noise as in the SamplePairing article, but clipped where that one wraps round."""
    pixels = np.asarray(image)
    drawn = np.round(np.random.randn(*pixels.shape) * sigma)
    return Image.fromarray(np.clip(pixels + drawn, 0, 255).astype(np.uint8))


def pillow_flip(image: Image.Image) -> Image.Image:
    """Both flips through NumPy, each half the time, as in the SamplePairing article."""
    pixels = np.asarray(image)
    if random.random() > 0.5:
        pixels = pixels[:, ::-1]
    if random.random() > 0.5:
        pixels = pixels[::-1]
    return Image.fromarray(np.ascontiguousarray(pixels))


def article_policy() -> Augment:
    """The eight operations in random order: the SamplePairing article's algorithm on Pillow."""

    def enhance(kind: str) -> Callable[[Image.Image], Image.Image]:
        return lambda image: _ENHANCERS[kind](image).enhance(random.uniform(0.5, 1.5))

    operations = [
        *(enhance(kind) for kind in _ENHANCERS),
        lambda image: pillow_crop(
            image, random.uniform(1, 1.5), random.uniform(1, 1.5), random.choice(list(_FILTERS))
        ),
        pillow_flip,
        lambda image: image.rotate(random.randrange(360)),
        lambda image: pillow_noise(image, random.uniform(0, 5)) if random.random() < 0.5 else image,
    ]

    def augment(pixels: np.ndarray) -> np.ndarray:
        image = Image.fromarray(pixels)
        for operation in random.sample(operations, len(operations)):
            image = operation(image)
        return np.asarray(image)

    return augment


def pillow_operations() -> dict[str, Augment]:
    """Single operations at fixed amounts; Pillow images are made outside of the measured time."""
    return {
        "brightness": lambda image: ImageEnhance.Brightness(image).enhance(1.23),
        "contrast": lambda image: ImageEnhance.Contrast(image).enhance(1.23),
        "color": lambda image: ImageEnhance.Color(image).enhance(1.23),
        "sharpness": lambda image: ImageEnhance.Sharpness(image).enhance(1.23),
        "crop nearest": lambda image: pillow_crop(image, 1.23, 1.31, "nearest"),
        "crop bilinear": lambda image: pillow_crop(image, 1.23, 1.31, "bilinear"),
        "crop bicubic": lambda image: pillow_crop(image, 1.23, 1.31, "bicubic"),
        "crop lanczos": lambda image: pillow_crop(image, 1.23, 1.31, "lanczos"),
        "flip": lambda image: Image.fromarray(np.ascontiguousarray(np.asarray(image)[:, ::-1])),
        "rotate": lambda image: image.rotate(33),
        "noise": lambda image: pillow_noise(image, 3.3),
    }


def albumentations_policies() -> dict[str, Augment]:
    """albumentations' closest to userDef; its sharpening and its filters for crops differ."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    try:
        import albumentations as A
    except ImportError:
        return {}
    same = {"brightness": (1, 1), "contrast": (1, 1), "saturation": (1, 1), "hue": (0, 0), "p": 1}

    def jitter(**ranges: Any) -> Any:
        return A.ColorJitter(**{**same, **ranges})

    operations = [
        jitter(brightness=(0.5, 1.5)),
        jitter(contrast=(0.5, 1.5)),
        jitter(saturation=(0.5, 1.5)),
        A.Sharpen(alpha=(0.0, 0.5), lightness=(0.5, 1.0), p=1),
        A.Affine(
            scale={"x": (1, 1.5), "y": (1, 1.5)},
            keep_ratio=False,
            interpolation=cv2.INTER_LINEAR,
            p=1,
        ),
        A.Compose([A.HorizontalFlip(p=0.5), A.VerticalFlip(p=0.5)]),
        A.Rotate((0, 360), cv2.INTER_NEAREST, cv2.BORDER_CONSTANT, fill=0, p=1),
        A.GaussNoise(std_range=(0, 5 / 255), p=0.5),
    ]
    pipeline = A.Compose([A.RandomOrder(operations, n=8, replace=False, p=1)])
    flip = A.Compose([A.HorizontalFlip(p=0.5)])
    return {
        "userDef": lambda image: pipeline(image=image)["image"],
        "flip": lambda image: flip(image=image)["image"],
    }


def torchvision_policies() -> dict[str, Augment]:
    """torchvision's own RandAugment, TrivialAugment and flip on Pillow images."""
    try:
        import torch
        from torchvision.transforms import v2
    except ImportError:
        return {}
    torch.set_num_threads(1)
    kinds = {
        "randAugment": v2.RandAugment(),
        "trivialAugment": v2.TrivialAugmentWide(),
        "flip": v2.RandomHorizontalFlip(),
    }

    def adapted(kind: Any) -> Augment:
        return lambda image: np.asarray(kind(Image.fromarray(image)))

    return {name: adapted(kind) for name, kind in kinds.items()}


def imgaug_policies() -> dict[str, Augment]:
    """The imgaug library's pipeline, as our optional backend builds it."""
    from paddle_aug.augment.policies import PolicyOptions, build_policy
    from paddle_aug.core.errors import UserError

    try:
        policy = build_policy("imgaugLib", options=PolicyOptions(imgaug_backend="imaug"))
    except UserError:
        return {}
    rng = np.random.default_rng(0)
    return {"imgaugLib": lambda image: policy(image, rng)}
