"""Tells files that this program wrote from others beside them, which are never replaced."""

import contextlib
import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import JSON_LIMIT, MATRIX_LIMIT, parse_json, read_text
from paddle_aug.core.text import listed

# The file by which a folder of each kind is known, and some of its keys.
_MARKS = {
    "run": ("environment.json", ("versions", "cpu", "history")),
    "check": ("check.json", ("images", "problems", "notes")),
    "evaluation": ("evaluation.json", ("classes", "confusion", "top1")),
    "export": ("export.json", ("input", "classes", "model")),
    "comparison": ("table.json", ("baseline", "comparisons")),
}
_LEFTOVER = re.compile(r"\.(.+)\.\d+\.tmp")


def is_leftover(name: str, is_own: Callable[[str], bool]) -> bool:
    """Whether `name` is a temporary file of `atomic_write` for a file whose name `is_own`."""
    match = _LEFTOVER.fullmatch(name)
    return match is not None and is_own(match[1])


def remove_leftovers(folder: str | Path, is_own: Callable[[str], bool]) -> None:
    """Delete temporary files that a killed process left in `folder` for files whose name `is_own`.

    Only while holding the folder's lock, as another process may be writing them.
    """
    for path in Path(folder).glob(".*.tmp"):
        if is_leftover(path.name, is_own):
            with contextlib.suppress(OSError):
                path.unlink()


def refuse_foreign(folder: Path, names: Iterable[str], is_ours: bool, what: str) -> None:
    """Raise UserError where `folder` has a file of `names` but is not a folder of ours.

    what: the kind of folder in words. is_ours: whether it has the mark of that kind.
    """
    found = [] if is_ours else [name for name in names if (folder / name).exists()]
    if found:
        raise UserError(
            f"{folder}: is not {what} of this program and has files that would be replaced: "
            f"{listed(found)}; choose another --output"
        )


def has_mark(folder: str | Path, *kinds: str) -> bool:
    """Whether the folder has the mark of one of these kinds (of _MARKS; by default of any).

    Any folder of a data set is asked for any kind: larger files are no marks of it, then.
    """
    limit = MATRIX_LIMIT if kinds else JSON_LIMIT
    marks = [_MARKS[kind] for kind in kinds or _MARKS]
    return any(holds_json(Path(folder) / name, *keys, limit=limit) for name, keys in marks)


def holds_json(path: Path, *keys: str, limit: int = JSON_LIMIT) -> bool:
    """Whether the file is a JSON object of at most `limit` bytes that has these keys."""
    try:
        text = read_text(path, limit)
        # Parsed only where it may be one: a file of many small values takes twenty times its size.
        values = parse_json(text) if all(f'"{key}"' in text for key in keys) else None
    except (UserError, ValueError):
        return False
    return isinstance(values, dict) and all(key in values for key in keys)


def changed_since(folder: Path, marker: Path, most: int = 20) -> list[str]:
    """Some files below `folder` that were added or changed after the file `marker`."""
    made = marker.stat()
    found: list[str] = []
    for place, _, names in os.walk(folder):
        for name in sorted(names):
            path = os.path.join(place, name)
            status = os.lstat(path)
            newer = status.st_mtime_ns > made.st_mtime_ns or status.st_ctime_ns > made.st_ctime_ns
            if newer and len(found) < most:
                found.append(os.path.relpath(path, folder))
    return found
