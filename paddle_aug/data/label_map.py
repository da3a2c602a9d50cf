"""Files of class names in the spellings that tools write: lines, numbered lines, JSON, YAML."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import MAX_BYTES, load_yaml_as_texts
from paddle_aug.core.safe_files import parse_json
from paddle_aug.data.guesses import Guesses

_MAX_BYTES = 8 << 20  # of a file of any spelling
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
    - a name a line; quotes around all names are dropped;
    - JSON or YAML: a list of names, names by number, or numbers by name, also under a key such as
      `names`. So are texts read that begin with {, [ or "- ".

    Blank lines, and those that begin with "# ", are skipped.
    Raises UserError with the file, and the line where there is one: a number or a name given twice,
    an empty name, a first line that looks like the header of numbered ones, no name at all, more
    than 8 MB (1 MB of YAML, which takes seconds a MB).
    """
    # macOS stores an accent as a separate character, other systems do not.
    text = unicodedata.normalize("NFC", guesses.read_text(path, _MAX_BYTES))
    if path.suffix.lower() in _STRUCTURED or text.lstrip().startswith(("{", "[", "- ")):
        pairs, by_number = _structured(path, text)
        places = [str(path)] * len(pairs)
    else:
        lines = _written_lines(text)
        pairs, by_number = _lines(path, list(lines.values()))
        places = [f"{path}:{line}" for line in lines]
    if not pairs:
        raise UserError(f"{path}: names no class")
    numbers, names = zip(*pairs, strict=True)
    found = _checked(places, numbers, _without_quotes(names))
    return LabelMap(dict(sorted(found.items())), str(path), by_number)


def _checked(places: Sequence[str], numbers: Sequence[int], names: Sequence[str]) -> dict[int, str]:
    """The names by number. Raises UserError for what is given twice, and a name that is none."""
    found: dict[int, str] = {}
    known: set[str] = set()
    for place, number, name in zip(places, numbers, names, strict=True):
        if number in found:
            raise UserError(f"{place}: number {number} is given twice")
        if not _is_text(name):
            raise UserError(f"{place}: the class name {name!r:.80} has half of a character: write "
                            "it anew")  # fmt: skip
        if not name or name in known:
            raise UserError(f"{place}: has an empty or a repeated class name")
        found[number] = name
        known.add(name)
    return found


def _is_text(name: str) -> bool:
    """Whether it can be written as UTF-8, unlike one half of an emoji in JSON."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _written_lines(text: str) -> dict[int, str]:
    """The lines by their numbers, without blank ones and comments."""
    lines = ((number, line.strip()) for number, line in enumerate(text.split("\n"), 1))
    return {number: line for number, line in lines if line and not f"{line} ".startswith("# ")}


def _lines(path: Path, lines: Sequence[str]) -> tuple[Pairs, bool]:
    """A number and a name for each line, and whether the lines give the numbers."""
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
    if len(text) > MAX_BYTES and not _is_json(text):
        raise UserError(
            f"{path}: not JSON, and more than the {MAX_BYTES:,} characters that are read as YAML: "
            "write a name a line"
        )
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


def _is_json(text: str) -> bool:
    try:
        parse_json(text)
    except ValueError:
        return False
    return True


def _pairs(value: Any) -> tuple[Pairs, bool] | None:
    """Numbers with names, and whether the value gives the numbers; None for another value."""
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return list(enumerate(value)), False
    if isinstance(value, dict) and value and all(isinstance(v, str) for v in value.values()):
        for numbers, names in ((value, value.values()), (value.values(), value)):
            if all(number.isdecimal() and len(number) < 10 for number in numbers):
                return [(int(n), name) for n, name in zip(numbers, names, strict=True)], True
    return None


def _without_quotes(names: Sequence[str]) -> Sequence[str]:
    """Without the quotes that stand around every one of the names."""
    for quote in ("'", '"'):
        if all(len(name) > 2 and name[0] == name[-1] == quote for name in names):
            return [name[1:-1].strip() for name in names]
    return names
