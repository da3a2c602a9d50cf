"""Checks which files predict may replace: with --overwrite those that it wrote itself."""

import os
import re
from collections.abc import Callable
from pathlib import Path

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import parse_json

_HEADER = re.compile(r"image(,class\d+,probability\d+)+,tta,error")
_LINE_LIMIT = 1 << 20  # at most so many bytes of a file's first line are read


def refuse_output(path: Path, overwrite: bool, is_own: Callable[[Path], bool]) -> None:
    """Raise UserError where writing would lose something: the file exists and overwrite was not
    given, or it is not of the kind that predict writes."""
    if not os.path.lexists(path):
        return
    if path.is_dir():
        raise UserError(f"{path}: is a folder; name a file in it")
    if not overwrite:
        raise UserError(f"{path}: is there already: replace it with --overwrite, or choose another")
    if path.exists() and path.stat().st_size and not is_own(path):
        raise UserError(
            f"{path}: was not written by predict (or was changed since), so that it is not "
            "replaced; choose another name"
        )


def is_own_csv(path: Path) -> bool:
    """Whether the file has a header of write_csv."""
    return _HEADER.fullmatch(_first_line(path).removeprefix("\ufeff")) is not None


def is_own_json_lines(path: Path) -> bool:
    """Whether the file's first line is one of write_json_lines."""
    try:
        values = parse_json(_first_line(path))
    except ValueError:
        return False
    return isinstance(values, dict) and set(values) in (
        {"image", "tta", "error"}, {"image", "tta", "predictions"}
    )  # fmt: skip


def is_own_sheet(path: Path) -> bool:
    """Whether the file is a picture made by this program."""
    from paddle_aug.report.figure import refuse_foreign_picture  # matplotlib loads slowly

    try:
        refuse_foreign_picture(path)
    except UserError:
        return False
    return True


def _first_line(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.readline(_LINE_LIMIT).decode("utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError):
        return ""


# By the kind of output: the name of its option.
IS_OWN: dict[str, Callable[[Path], bool]] = {
    "csv": is_own_csv,
    "jsonl": is_own_json_lines,
    "sheet": is_own_sheet,
}
