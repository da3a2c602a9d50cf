"""Listing folders and the images in them, without the files that operating systems leave there."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.own_files import has_mark
from paddle_aug.core.text import counted
from paddle_aug.data.archives.clutter import is_clutter
from paddle_aug.data.decode import SUFFIXES

# Pictures in folders that this program writes.
_PICTURE = re.compile(r"(contact_sheet|confusion|mistakes|compare\w*)\.png")
_RESULT_LEVELS = 5  # more than any command writes


def is_image(name: str) -> bool:
    """Whether a file's name has the ending of an image; the content is not read."""
    return name.lower().endswith(SUFFIXES)


def is_result(folder: str | Path) -> bool:
    """Whether this program wrote the folder, or all folders in it, as in OUTPUT of its runs.

    One with an image of another name never is: a report may lie in a class folder. Nor is one in
    which folders are nested more than _RESULT_LEVELS deep.
    """
    waiting = [(os.fspath(folder), False, 0)]  # with whether a folder above was written by it
    while waiting:
        place, written, level = waiting.pop()
        below: list[str] = []
        holds_json = False  # as marks are; looking for each of them would take longer
        with contextlib.suppress(OSError), os.scandir(place) as entries:
            for entry in entries:
                if is_image(entry.name) and not _PICTURE.fullmatch(entry.name):
                    return False
                if entry.is_dir(follow_symlinks=False) and not is_clutter(entry.name):
                    below.append(entry.path)
                holds_json = holds_json or entry.name.endswith(".json")
        written = written or (holds_json and has_mark(place))
        if not (written or below) or (below and level == _RESULT_LEVELS):
            return False
        waiting += [(path, written, level + 1) for path in below]
    return True


def subfolders(folder: Path) -> list[Path]:
    """Visible sub-folders in the order of their names, numbers by value: 10 after 9; without those
    that this program wrote there (`results_in`)."""
    with _refusing(folder):
        names = [entry.name for entry in os.scandir(folder) if _is_folder(entry)]
    names = [name for name in names if not is_result(folder / name)]
    visible = {name: readable(name) for name in names if not is_clutter(name)}
    order = name_order(visible.values())
    return [folder / name for name in sorted(visible, key=lambda name: order(visible[name]))]


def name_order(names: Iterable[str]) -> Callable[[str], Any]:
    """The key to sort these names by: by value where all are numbers, 10 after 9."""
    return int if all(name.isdecimal() for name in names) else str


def results_in(folder: Path) -> list[Path]:
    """Sub-folders that this program wrote, such as a run's, which hold no images of the data."""
    with _refusing(folder):
        found = [folder / entry.name for entry in os.scandir(folder) if _is_folder(entry)]
    return sorted(path for path in found if not is_clutter(path.name) and is_result(path))


def visible_files(folder: Path) -> list[Path]:
    """The files that lie in the folder itself, in the order of their names; without clutter."""
    with _refusing(folder):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    return [folder / name for name in names if not is_clutter(name)]


def find_file(folder: Path, names: Iterable[str]) -> Path | None:
    """The file under the first of these names (in small letters) that the folder has, in small or
    capital letters. Raises UserError where two files have it."""
    files = visible_files(folder)
    for name in names:
        found = [path for path in files if path.name.lower() == name]
        if len(found) > 1:
            raise UserError(
                f"{readable(str(folder))}: {found[0].name} and {found[1].name} differ in capitals "
                "only: rename one, or name the one that is meant with --data or --eval-data"
            )
        if found:
            return found[0]
    return None


@contextlib.contextmanager
def _refusing(folder: str | Path) -> Iterator[None]:
    """Turn an OSError into the UserError that names the folder."""
    try:
        yield
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None


@dataclass
class Contents:
    """What lies below a folder, as paths: images, other files, linked folders, and folders that
    this program wrote, of which nothing is among the others."""

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    results: list[str] = field(default_factory=list)

    def describe_others(self) -> str:
        """`4 files do not end as images do (.heic)`, or an empty text."""
        if not self.others:
            return ""
        endings = Counter(os.path.splitext(path)[1].lower() for path in self.others)
        shown = ", ".join(ending or "no ending" for ending, _ in endings.most_common(3))
        files = counted(len(self.others), "file does", "files do")
        more = ", ..." if len(endings) > 3 else ""
        return f"{files} not end as images do ({shown}{more})"


def contents(folder: Path) -> Contents:
    """All files below a folder, each kind sorted; without clutter.

    Links to folders are listed but not followed: they could form a loop.
    """
    found = Contents()
    for kind, path in _walk(folder, _refusing):
        getattr(found, kind).append(path)
    for kind in fields(found):
        getattr(found, kind.name).sort()
    return found


def holds_image(folder: Path) -> bool:
    """Whether an image lies somewhere below the folder; stops at the first one."""
    passing_over = contextlib.suppress(OSError)
    return any(kind == "images" for kind, _ in _walk(folder, lambda _: passing_over))


def _walk(
    folder: Path, handling: Callable[[str], contextlib.AbstractContextManager[None]]
) -> Iterator[tuple[str, str]]:
    """(field of Contents, path) of what lies below a folder, in any order and depth.

    handling: makes a context for what a folder's listing raises. In Python 3.11 `os.walk` ends in a
    RecursionError where folders are nested a thousand deep.
    """
    waiting = [os.fspath(folder)]
    while waiting:
        base = waiting.pop()
        with handling(base), os.scandir(base) as entries:
            for entry in entries:
                if is_clutter(entry.name):
                    continue
                if not _is_folder(entry):
                    yield "images" if is_image(entry.name) else "others", entry.path
                elif is_result(entry.path):
                    yield "results", entry.path
                elif entry.is_symlink():
                    yield "links", entry.path
                else:
                    waiting.append(entry.path)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder, or a link to one; not one to itself, which raises OSError."""
    with contextlib.suppress(OSError):
        return entry.is_dir()
    return False


def images_in(folder: Path) -> list[Path]:
    """The images that lie in the folder itself."""
    return [path for path in visible_files(folder) if is_image(path.name)]
