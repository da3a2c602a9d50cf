"""YAML as plain values: no tags, no aliases, no key given twice; nothing is evaluated."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from paddle_aug.core.errors import UserError, in_half_width
from paddle_aug.core.safe_files import read_text

MAX_BYTES = 1 << 20


def _repeated(names: list[str]) -> str | None:
    """The first name that is given twice."""
    return next((name for name, count in Counter(names).items() if count > 1), None)


class _PlainLoader(yaml.SafeLoader):
    """YAML without tags, repeated keys and aliases, with which a few lines can become gigabytes."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("aliases (*name) are not read here")
        event = self.peek_event()
        if event.tag is not None:
            tag = event.tag.replace("tag:yaml.org,2002:", "!!")
            line = event.start_mark.line + 1
            raise yaml.YAMLError(f"the tag {tag} at line {line} is not read here: leave it out")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        names = [key.value for key, _ in node.value if isinstance(key, yaml.ScalarNode)]
        if (repeated := _repeated(names)) is not None:
            line = node.start_mark.line + 1
            raise yaml.YAMLError(f"{repeated!r} is given twice in what begins at line {line}")
        return super().construct_mapping(node, deep)


class _TextLoader(_PlainLoader):
    """Leaves every value as it is written: no stays "no", 007 stays "007"."""

    yaml_implicit_resolvers: dict[Any, Any] = {}  # noqa: RUF012 as PyYAML declares it


def load_yaml(text: str) -> Any:
    """The values that a YAML text stands for. Raises yaml.YAMLError or ValueError."""
    return yaml.load(text, _PlainLoader)


def load_yaml_as_texts(text: str) -> Any:
    """As `load_yaml`, but numbers, dates and truth values stay texts.

    JSON is read as such: YAML has no tabs before values, and halves of a character in it.
    """
    try:
        values = json.loads(
            text, parse_int=str, parse_float=str, parse_constant=str, object_pairs_hook=_object
        )
    except json.JSONDecodeError:
        return yaml.load(text, _TextLoader)
    return _as_texts(values)


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if (repeated := _repeated([name for name, _ in pairs])) is not None:
        raise yaml.YAMLError(f"{repeated!r} is given twice")
    return dict(pairs)


def _as_texts(value: Any) -> Any:
    """JSON's values with true, false and null as they are written."""
    if isinstance(value, dict):
        return {name: _as_texts(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_as_texts(inner) for inner in value]
    return value if isinstance(value, str) else json.dumps(value)


def parse_yaml_text(value: Any) -> Any:
    """Command-line form of a nested value: YAML, as "[{Resize: 120}, {RandomCrop: 96}]".

    What is no text stays as it is. Raises ValueError on a text that is no YAML.
    """
    if not isinstance(value, str):
        return value
    try:
        return load_yaml(value)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = getattr(error, "problem", None) or str(error)
        raise ValueError(f"not valid YAML: {' '.join(problem.split())}") from None


def _half_width_line(lines: list[str]) -> str:
    """The end of a message where the last of these lines with a full-width sign may be why."""
    for number, line in reversed(list(enumerate(lines, 1))):
        if meant := in_half_width(line.strip()):
            return f"; line {number}: did you mean {meant}?"
    return ""


def read_yaml(path: str | Path) -> dict[str, Any]:
    """A YAML mapping, without tags and without evaluating anything."""
    text = read_text(path, MAX_BYTES)
    try:
        values = load_yaml(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        problem = " ".join(str(error).split())
        mark = getattr(error, "problem_mark", None)
        lines = text.splitlines()[: mark.line + 1 if mark else 0]
        raise UserError(f"{path}: not valid YAML: {problem}{_half_width_line(lines)}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(key, str) for key in values):
        raise UserError(f"{path}: expected lines of the form 'option: value'")
    return values
