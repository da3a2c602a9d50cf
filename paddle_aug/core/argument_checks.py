"""Checks of arguments; each raises a ValueError that names what is allowed."""

import math
from collections.abc import Collection, Sequence
from typing import Any

# Of numbers that have no bound of their own. Far larger ones overflow, in float32, in OpenCV or in
# NumPy's generator, or never end.
LARGEST = 1e6


def check_probability(name: str, value: float) -> None:
    """Raise ValueError unless value is a number in [0, 1]."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a probability in [0, 1], got {value!r}")


def check_choice(name: str, value: Any, allowed: Collection[Any]) -> None:
    """Raise ValueError unless value is one of allowed."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(map(str, allowed))}, got {value!r}")


def check_normalisation(mean: Sequence[float], std: Sequence[float]) -> None:
    """Raise ValueError unless means are in [0, 1] and stds in (0, 1], for pixels divided by 255."""
    for name, values in (("mean", mean), ("std", std)):
        if all(0 <= value <= 1 for value in values):
            continue
        if max(values) > 1:
            divided = ",".join(f"{value / 255:.4g}" for value in values)
            raise ValueError(
                f"{name}: {max(values):g} is not in [0, 1], where pixels are divided by 255 first; "
                f"of pixels from 0 to 255, give {divided}"
            )
        raise ValueError(f"{name}: {min(values):g} is not in [0, 1]")
    if min(std) == 0:
        raise ValueError("std: must be greater than 0")


def check_range(
    name: str, value: Any, least: float | None = None, most: float | None = None
) -> None:
    """Raise ValueError unless value is a pair of numbers least <= low <= high <= most.

    least, most: LARGEST and its negative where not given.
    """
    least = -LARGEST if least is None else least
    most = LARGEST if most is None else most
    numbers = isinstance(value, list | tuple) and all(
        isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in value
    )
    if not numbers or len(value) != 2 or not least <= value[0] <= value[1] <= most:
        raise ValueError(
            f"{name} must be a pair [low, high] from {least:g} to {most:g}, got {value!r}"
        )


def check_number(name: str, value: float, least: float, most: float = LARGEST) -> None:
    """Raise ValueError unless least <= value <= most."""
    if not least <= value <= most:
        raise ValueError(f"{name} must be from {least:g} to {most:g}, got {value!r}")
