"""Two images mixed by hand: lam and the box are what the page's sliders say."""

from typing import NamedTuple

import numpy as np

from paddle_aug.augment.ops import resize
from paddle_aug.batches.normalise import to_chw, to_pixels
from paddle_aug.build.mix import build_phases
from paddle_aug.config import Config, load_config
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas
from paddle_aug.mix.methods import METHODS, Draw, Numbers
from paddle_aug.mix.phases import PairingSchedule
from paddle_aug.modes import MIXES, draws_lam, has_partners, mixing_of


class Mixed(NamedTuple):
    """The mixed image, uint8 [H, W, 3], and the weights of the two labels."""

    image: np.ndarray
    weights: tuple[float, float]


class Uses(NamedTuple):
    """Which of the page's numbers a method uses."""

    partner: bool
    lam: bool
    box: bool
    side: bool  # of a box whose size does not follow from lam


def methods() -> list[str]:
    """All mixing methods."""
    return list(MIXES)


def uses(method: str) -> Uses:
    """What a method uses, found out by letting it draw."""
    rng = np.random.default_rng(0)
    boxes = [METHODS[method].draw(rng, Numbers(), 64, 64).box for _ in range(8)]
    box = any(tuple(one) != (0, 0, 0, 0) for one in boxes)
    lam = draws_lam(method)
    return Uses(has_partners(method), lam, box, box and not lam)


def mix(
    method: str,
    first: np.ndarray,
    second: np.ndarray,
    lam: float,
    across: float,
    down: float,
    side: float,
) -> Mixed:
    """Two images mixed as in training, on normalised values, with the numbers given.

    first, second: uint8 [H, W, 3]; the second is resized to the first. lam: in [0, 1], for methods
    that draw it. across, down: the box's centre, in [0, 1]; side: of a box whose size does not
    follow from lam, as a share of the shorter side.
    """
    height, width = first.shape[:2]
    partner = resize(second, height, width)
    draw = Draw(lam=1.0, box=(0, 0, 0, 0))
    used = uses(method)
    if used.box:
        cy, cx = round(down * (height - 1)), round(across * (width - 1))
        if used.side:
            pixels = max(1, round(side * min(height, width)))
            draw = Draw(box=formulas.square_bbox(height, width, pixels, cy, cx))
        else:
            box = formulas.rand_bbox(height, width, lam, cy, cx)
            draw = Draw(formulas.box_lam(box, height, width), box)
    elif used.lam:
        draw = Draw(lam=lam)
    one, two = to_chw(first)[None], to_chw(partner)[None]
    mixed = METHODS[method].apply(one, two, draw, Numbers(cutout_size=side))[0]
    weight = float(draw.lam)
    return Mixed(to_pixels(mixed), (weight, 1 - weight))


def draw_numbers(method: str, alpha: float, seed: int) -> tuple[float, float, float]:
    """lam ~ Beta(alpha, alpha), and the box's centre (across, down), as a training draws them."""
    rng = stream(int(seed), 0, 0, "preview")
    lam = formulas.sample_lam(rng, alpha) if uses(method).lam else 1.0
    down, across = formulas.sample_centre(rng, 1000, 1000)
    return lam, across / 999, down / 999


def label_weights(weights: tuple[float, float], names: tuple[str, str]) -> dict[str, float]:
    """The label of a mixed image: a weight a name; equal names are one label."""
    label: dict[str, float] = {}
    for name, weight in zip(names, weights, strict=True):
        label[name] = label.get(name, 0.0) + weight
    return label


def default_alpha(method: str) -> float:
    """The method's own alpha, or 1 where it draws no lam."""
    return mixing_of(method).alpha or 1.0


def default_side() -> float:
    """The side of cutout's square where --cutout-size says nothing."""
    return load_config({}).cutout_size


def default_part(method: str) -> str:
    """The image part that the method stands on by default."""
    return mixing_of(method).base


def schedule(method: str, epochs: int, on: int | None, off: int | None) -> PairingSchedule:
    """When a run of so many epochs mixes. on, off: epochs in turn; None: the method's own."""
    return build_phases(_config(method, epochs, on, off))


def own_turns(method: str) -> tuple[int, int]:
    """Epochs with and without mixing in turn where nothing else is asked for."""
    own = schedule(method, 100, None, None)
    return own.on, own.off


def own_epochs() -> int:
    """Epochs of a training on this machine that says nothing of data and epochs."""
    return load_config({}).filled().epochs


def turns_to_say(method: str, epochs: int, on: int, off: int) -> dict[str, int]:
    """The fewest of pairing_on and pairing_off with which the same epochs mix as with both."""
    wanted = _mixing_epochs(method, epochs, on, off)
    if _mixing_epochs(method, epochs, None, None) == wanted:
        return {}
    if _mixing_epochs(method, epochs, on, None) == wanted:
        return {"pairing_on": int(on)}
    if _mixing_epochs(method, epochs, None, off) == wanted:
        return {"pairing_off": int(off)}
    return {"pairing_on": int(on), "pairing_off": int(off)}


def _mixing_epochs(method: str, epochs: int, on: int | None, off: int | None) -> list[int]:
    phases = schedule(method, epochs, on, off)
    return [epoch for epoch in range(int(epochs)) if phases.is_active(epoch)]


def _config(method: str, epochs: int, on: int | None, off: int | None) -> Config:
    turns = {"pairing_on": on, "pairing_off": off}
    given = {name: int(value) for name, value in turns.items() if value is not None}
    return load_config({"augment": method, "epochs": int(epochs), **given})
