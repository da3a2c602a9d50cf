"""Texts for messages: numbers with their nouns, lists of names, options, lines of a width."""

import itertools
import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

# What stays in one piece: a word, or a Chinese character, with the punctuation that belongs to it.
_WIDE = "\u2e80-\u9fff\uf900-\ufaff\uff00-\uffef"
_CLOSING = "，。；：、）」》！？”…"
_PIECE = re.compile(rf"\s+|[（「《“]?(?:[^\s{_WIDE}（「《“]+|[{_WIDE}])[{_CLOSING}]*")


def counted(number: int, one: str, several: str = "") -> str:
    """`1 image` or `1,234 images`; several: where that is not `one` with an s."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def listed(names: Sequence[str], most: int = 5) -> str:
    """Some names for a message: "a.png, b.png and 3 more"."""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def flag(option: str) -> str:
    """An option as the command line has it: `image_size` is --image-size."""
    return "--" + option.replace("_", "-")


def flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested dictionaries as one, with names such as "threads.OMP_NUM_THREADS"."""
    flat: dict[str, Any] = {}
    for key, value in values.items():
        name = prefix + key
        flat |= flatten(value, f"{name}.") if isinstance(value, Mapping) else {name: value}
    return flat


def changes(was: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, str]:
    """For each value that differs, by its flat name, a line with both: "lr: was 0.1, is 0.01"."""
    before, after = flatten(was), flatten(now)
    return {
        name: f"{name}: was {before.get(name)}, is {after.get(name)}"
        for name in sorted({*before, *after})
        if before.get(name) != after.get(name)
    }


def first_difference(was: Sequence[str], now: Sequence[str]) -> tuple[str, str]:
    """The first pair of names at the same place that differ; "none" beyond the end of one."""
    pairs = itertools.zip_longest(was, now, fillvalue="none")
    return next((old, new) for old, new in pairs if old != new)


def epoch_in_words(epoch: int | None, step: int | None) -> str:
    """The place of a checkpoint: "epoch 7", or "epoch 7 after step 20" where it is not complete."""
    return f"epoch {epoch} after step {step}" if step else f"epoch {epoch}"


def duration(seconds: float) -> str:
    """A time in words: "45 s", "12 min", "3.4 h", "2.5 days"."""
    n, unit = time_parts(seconds)  # each text is written out, as the translations have them whole
    return {"s": f"{n} s", "min": f"{n} min", "h": f"{n} h", "days": f"{n} days"}[unit]


def time_parts(seconds: float) -> tuple[str, str]:
    """A time as its number and unit: ("45", "s"), ("12", "min"), ("3.4", "h"), ("2.5", "days")."""
    if seconds < 100:
        return f"{seconds:.0f}", "s"
    if seconds < 6000:
        return f"{seconds / 60:.0f}", "min"
    if seconds < 48 * 3600:
        return f"{seconds / 3600:.1f}", "h"
    return f"{seconds / 86400:.1f}", "days"


Say = Callable[[str], None]


def lines_of_width(text: str, width: int) -> list[str]:
    """The text in lines of at most `width` columns; Chinese characters take two."""
    lines, room = [""], width
    for piece in _PIECE.findall(" ".join(text.split())):
        columns = columns_of(piece)
        if columns > room and lines[-1]:
            lines[-1] = lines[-1].rstrip()
            lines.append("")
            room = width
        if lines[-1] or not piece.isspace():
            lines[-1] += piece
            room -= columns
    return lines


def columns_of(text: Iterable[str]) -> int:
    """Columns that a text takes on a terminal."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)
