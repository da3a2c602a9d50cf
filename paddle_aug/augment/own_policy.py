"""A user's own function or Transform as an image part of --augment."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from paddle_aug.augment.paddle_vision import PaddleVision, is_paddle_vision
from paddle_aug.augment.transforms.base import Transform, draw_seed, other_than_rgb
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure


@dataclass(frozen=True)
class OwnFunction(Transform):
    """A function(image, rng) -> image as a Transform, whose only parameter is a seed for rng."""

    function: Callable[[np.ndarray, np.random.Generator], np.ndarray]

    def sample(self, rng: np.random.Generator) -> int:
        return draw_seed(rng)

    def apply(self, image: np.ndarray, params: int) -> np.ndarray:
        return self.function(image, np.random.default_rng(params))


def own_policy(thing: Any, name: str) -> Transform:
    """`thing` as a Transform.

    thing: a Transform, a transform of paddle.vision, or a function (image, rng) -> image of uint8
    RGB arrays [H, W, 3] that draws from rng alone. It is tried on two images; what it makes of
    others is checked as they are read (`batches.augmented`). Raises UserError naming what does not
    fit.
    """
    if is_paddle_vision(thing):
        thing = PaddleVision(thing)
    if not (isinstance(thing, Transform) or (callable(thing) and not isinstance(thing, type))):
        raise UserError(
            f"augment {name}: is {type(thing).__name__}; a function (image, rng) -> image, a "
            "Transform or a mixing Method (paddle_aug.mix.methods) is needed"
        )
    transform: Transform = thing if isinstance(thing, Transform) else OwnFunction(cast(Any, thing))
    for height, width in ((32, 32), (24, 40)):
        given = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
        image = given.copy()
        try:
            results = [transform(image, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        except Exception as error:
            raise UserError(
                f"augment {name}: fails on a uint8 image {height}x{width}x3 ({failure(error)})"
            ) from None
        for result in results:
            if other := other_than_rgb(result):
                raise UserError(f"augment {name}: returns {other}, not a uint8 array [H, W, 3]")
        if not np.array_equal(image, given):
            raise UserError(f"augment {name}: changes the image that it is given; copy it first")
        if not np.array_equal(results[0], results[1]):
            raise UserError(
                f"augment {name}: gives other images for the same rng; draw from rng alone"
            )
    return transform
