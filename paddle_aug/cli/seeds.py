"""Several seeds in a few signs: 0-4 or 0,2,5-7."""

import argparse
import re

from paddle_aug.core.errors import half_width

MOST = 10_000  # more is a slip of the keyboard


def parse_seeds(text: str) -> list[int]:
    """The seeds that "0-4" or "0,2,5-7" stands for, both ends included, in this order.

    Raises ValueError, saying what is wrong, also where a seed is named twice.
    """
    seeds: list[int] = []
    for part in text.replace(" ", "").split(","):
        match = re.fullmatch(r"(\d{1,10})(?:-(\d{1,10}))?", part)
        if match is None:
            raise ValueError(f"seeds are written as 0-4 or 0,2,5-7, got {text!r}{half_width(text)}")
        first, last = int(match[1]), int(match[2] or match[1])
        if last < first:
            raise ValueError(f"{part}: the second number is the smaller one")
        if last >= 2**31:
            raise ValueError(f"{part}: a seed is below {2**31}")
        if last - first >= MOST:
            raise ValueError(f"{part}: more than {MOST} seeds")
        seeds += range(first, last + 1)
    if len(set(seeds)) < len(seeds):
        raise ValueError(f"the same seed twice in {text} would count one run as two")
    return seeds


def seeds(text: str) -> list[int]:
    """The same for argparse."""
    try:
        return parse_seeds(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
