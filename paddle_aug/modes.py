"""The values of --augment: one table, a line a value.

The choices and help texts of the command line, the defaults of mixing, the colours of curves, the
order in tables and the baselines all follow from it. A value is spelled as the source documents
spell it (docs/sources.md), because curve files carry its name.
"""

from dataclasses import dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Mixing:
    """How a method mixes by default: as its source does.

    base: the image part, a value of --augment without mixing. partner: where the second image
    comes from. mix_prob: share of the batches (of the images, where partner is "dataset") that are
    mixed. alpha: of lam ~ Beta(alpha, alpha); None for methods that draw no lam.
    pairs: how partners in a batch are drawn (`mix.formulas.sample_partners`); None for methods
    without a partner. mix_draws: one lam and box for a "batch", or one for each "image".
    phases: "samplePairing": off at first, then on and off in turn, off at the end (`mix.phases`);
    "always": every epoch.
    """

    base: str
    partner: Literal["batch", "dataset"]
    mix_prob: float
    alpha: float | None
    pairs: Literal["permutation", "replacement"] | None
    mix_draws: Literal["batch", "image"]
    phases: Literal["samplePairing", "always"]


@dataclass(frozen=True)
class Mode:
    """One value of --augment.

    summary: what happens to a training image. source: see docs/sources.md. colour: of its curves,
    matplotlib's name. mixing: None where images are not mixed. baseline: a number where others may
    be compared with this one; of several the lowest is taken.
    """

    name: str
    summary: str
    source: str
    colour: str
    mixing: Mixing | None = None
    baseline: int | None = None


_TABLE = (
    Mode("no", "as it is", "", "dimgray", baseline=2),
    Mode("userDef", "brightness, contrast, colour, sharpness, crop, flips, rotation, noise, in random order", "the SamplePairing article", "green", baseline=1),
    Mode("imgaugLib", "the imgaug library's heavy pipeline", "the imgaug documentation", "darkorange"),
    Mode("allab", "userDef, then imgaugLib", "the SamplePairing article", "purple"),
    Mode("allba", "imgaugLib, then userDef", "the SamplePairing article", "saddlebrown"),
    Mode("flip", "mirrored half the time", "the course notes", "darkturquoise", baseline=3),
    Mode("randAugment", "2 draws from 14 operations, magnitude 9", "arXiv 1909.13719", "olive"),
    Mode("trivialAugment", "1 operation at a random magnitude", "arXiv 2103.10158", "black"),
    Mode("samplePairing", "mean with a partner, first label; not in the first and last tenth of the epochs, and else 8 epochs on, 2 off", "arXiv 1801.02929", "blue",
         Mixing("userDef", "batch", 1.0, None, "replacement", "batch", "samplePairing")),
    Mode("mixup", "lam and 1 - lam with a partner, both labels", "arXiv 1710.09412", "red",
         Mixing("userDef", "batch", 1.0, 1.5, "replacement", "batch", "always")),
    Mode("cutmix", "a box from another image, labels by area", "arXiv 1905.04899", "magenta",
         Mixing("no", "dataset", 0.2, 1.0, "permutation", "batch", "always")),
    Mode("cutout", "a square set to the mean, first label", "arXiv 1708.04552", "goldenrod",
         Mixing("no", "batch", 1.0, None, None, "image", "always")),
)  # fmt: skip

MODES: dict[str, Mode] = {mode.name: mode for mode in _TABLE}
AUGMENTS = tuple(MODES)
# Values that change single images, and values that mix two.
BASES = tuple(name for name, mode in MODES.items() if mode.mixing is None)
MIXES = tuple(name for name, mode in MODES.items() if mode.mixing is not None)
# Baselines, the preferred one first.
BASELINES = tuple(
    sorted(
        (name for name, mode in MODES.items() if mode.baseline is not None),
        key=lambda name: MODES[name].baseline or 0,
    )
)
BASELINE_COLOUR = MODES[BASELINES[0]].colour


def is_mix(name: str) -> bool:
    """Whether this value of --augment mixes images."""
    return name in MODES and MODES[name].mixing is not None


def image_part(augment: str, base: str | None) -> str:
    """Name of the image part: the base augmentation under a mixing method, or the policy itself.

    base: the user's choice; None: the method's own.
    """
    return (base or mixing_of(augment).base) if is_mix(augment) else augment


def draws_lam(name: str) -> bool:
    """Whether it draws lam."""
    return is_mix(name) and mixing_of(name).alpha is not None


def has_partners(name: str) -> bool:
    """Whether it mixes each image with another one."""
    return is_mix(name) and mixing_of(name).pairs is not None


def mixing_of(name: str) -> Mixing:
    """How the mixing method `name` mixes by default. Raises KeyError for other values."""
    mixing = MODES[name].mixing
    if mixing is None:
        raise KeyError(name)
    return mixing


def mode_order(name: str) -> tuple[int, str]:
    """Sorting key for legends and tables: the order of MODES, then all other names."""
    return (AUGMENTS.index(name) if name in MODES else len(AUGMENTS), name)


def defaults_in_words(setting: str) -> str:
    """The methods' defaults of one setting, for a help text: "mixup: 1.5; cutmix: 1.0"."""
    names: dict[Any, list[str]] = {}
    for method in MIXES:
        value = getattr(mixing_of(method), setting)
        if value is not None:
            names.setdefault(value, []).append(method)
    return "; ".join(f"{', '.join(methods)}: {value}" for value, methods in names.items())
