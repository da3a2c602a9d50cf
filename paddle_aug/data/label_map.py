"""Files of class names in the spellings that tools write: lines, numbered lines, JSON, YAML."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import load_yaml_as_texts
from paddle_aug.data.guesses import Guesses

# "0 cat", as PaddleClas and PaddleX write it; a tab, a comma, a colon or = may stand between.
_BETWEEN = r"(?:\s*[,:=]\s*|\s+)"
_NUMBERED = re.compile(rf"(\d{{1,9}}){_BETWEEN}(\S.*)")
_NUMBER_LAST = re.compile(rf"(.*\S){_BETWEEN}(\d{{1,9}})")
_STRUCTURED = (".json", ".yaml", ".yml")
# Keys under which other tools keep the names: Ultralytics' data.yaml, Hugging Face's config.json.
_NAME_KEYS = ("names", "classes", "class_names", "labels", "id2label", "categories")

Pairs = list[tuple[int, str]]


@dataclass(frozen=True)
class LabelMap:
    """Names of label numbers. source: where they come from, for messages. by_number: whether the
    source gives the numbers; otherwise its names are numbered from 0."""

    names: dict[int, str]
    source: str
    by_number: bool = False


def read_label_map(path: Path, guesses: Guesses) -> LabelMap:
    """A file of class names, in one of these spellings:

    - "number name" lines in any order, with gaps, where every line begins with a number;
    - "name number" lines, where every line ends in one of the numbers from 0 (or 1) on;
    - a name a line; lines that begin with "# " are comments, quotes around all names are dropped;
    - JSON or YAML: a list of names, names by number, or numbers by name, also under a key such as
      `names`. So are texts read that begin with {, [ or "- ".

    Raises UserError with the file, and the line where there is one: a number or a name given twice,
    an empty name, a first line that looks like the header of numbered ones.
    """
    # macOS stores an accent as a separate character, other systems do not.
    text = unicodedata.normalize("NFC", guesses.read_text(path).strip())
    if path.suffix.lower() in _STRUCTURED or text.startswith(("{", "[", "- ")):
        pairs, by_number = _structured(path, text)
    else:
        pairs, by_number = _lines(path, text)
    names = dict(pairs)
    if len(names) < len(pairs):
        numbers = [number for number, _ in pairs]
        line = next(i for i, number in enumerate(numbers) if number in numbers[:i])
        raise UserError(f"{path}:{line + 1}: number {numbers[line]} is given twice")
    names = dict(zip(names, _without_quotes(list(names.values())), strict=True))
    if broken := next((name for name in names.values() if not _is_text(name)), None):
        raise UserError(f"{path}: the class name {broken!r:.80} has half of a character: write it "
                        "anew")  # fmt: skip
    if not names or not all(names.values()) or len(set(names.values())) < len(names):
        raise UserError(f"{path}: has an empty or a repeated class name")
    return LabelMap(dict(sorted(names.items())), str(path), by_number)


def _is_text(name: str) -> bool:
    """Whether it can be written as UTF-8, unlike one half of an emoji in JSON."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _lines(path: Path, text: str) -> tuple[Pairs, bool]:
    lines = [line.strip() for line in text.split("\n")]
    lines = [line for line in lines if line != "#" and not line.startswith("# ")]
    first = [_NUMBERED.fullmatch(line) for line in lines]
    if all(first):
        return [(int(m[1]), m[2]) for m in first if m], True
    last = [m for line in lines if (m := _NUMBER_LAST.fullmatch(line))]
    # Otherwise the numbers belong to the names, as in Boeing 737 and Airbus 320.
    if len(last) == len(lines) > 1 and _counts([int(m[2]) for m in last]):
        pairs = [(int(m[2]), m[1]) for m in last]
        if len({name for _, name in pairs}) == len(pairs):  # unlike Type 1, Type 2
            return pairs, True
    if len(first) > 2 and first[0] is None and _counts([int(m[1]) if m else -1 for m in first[1:]]):
        raise UserError(
            f"{path}: {lines[0]!r:.80} in the first line, then lines that begin with a number: "
            "take it out if it is a header, or begin each line with its number"
        )
    return list(enumerate(lines)), False


def _counts(numbers: Sequence[int]) -> bool:
    """Whether the numbers are 0, 1, 2, ... or 1, 2, 3, ... in some order."""
    ordered = sorted(numbers)
    return ordered in (list(range(len(ordered))), list(range(1, len(ordered) + 1)))


def _structured(path: Path, text: str) -> tuple[Pairs, bool]:
    try:
        value = load_yaml_as_texts(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or str(error)
        raise UserError(f"{path}: neither JSON nor YAML: {' '.join(problem.split())}") from None
    keys = [key for key in _NAME_KEYS if isinstance(value, dict) and key in value]
    found = _pairs(value) or next(filter(None, (_pairs(value[key]) for key in keys)), None)
    if found is None:
        raise UserError(
            f"{path}: needs a list of names, names by number as {{0: cat}}, or numbers by name; "
            f"these may stand under one of the keys {', '.join(_NAME_KEYS)}"
        )
    return found


def _pairs(value: Any) -> tuple[Pairs, bool] | None:
    """Numbers with names, and whether the value gives the numbers; None for another value."""
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return list(enumerate(value)), False
    if isinstance(value, dict) and value and all(isinstance(v, str) for v in value.values()):
        for numbers, names in ((value, value.values()), (value.values(), value)):
            if all(number.isdecimal() and len(number) < 10 for number in numbers):
                return [(int(n), name) for n, name in zip(numbers, names, strict=True)], True
    return None


def _without_quotes(names: list[str]) -> list[str]:
    """Without the quotes that stand around every one of the names."""
    for quote in ("'", '"'):
        if all(len(name) > 2 and name[0] == name[-1] == quote for name in names):
            return [name[1:-1].strip() for name in names]
    return names
