"""Listing folders and the images in them, without the files that operating systems leave there."""

import contextlib
import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.own_files import has_mark
from paddle_aug.core.text import counted
from paddle_aug.data.decode import SUFFIXES

# Left behind by macOS, Windows and network disks. Names that begin with a dot, as .DS_Store and
# .ipynb_checkpoints, are passed over as well.
CLUTTER = (
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin",
    "system volume information",
)  # fmt: skip

# Pictures in folders that this program writes.
_PICTURE = re.compile(r"(contact_sheet|confusion|mistakes|compare\w*)\.png")


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name was left by the operating system or is hidden."""
    return name.startswith(".") or name.lower() in CLUTTER


def is_image(name: str) -> bool:
    """Whether a file's name has the ending of an image; the content is not read."""
    return name.lower().endswith(SUFFIXES)


def is_result(folder: str | Path) -> bool:
    """Whether this program wrote the folder, or all folders in it, as in OUTPUT of its runs.

    One with an image of another name never is: a report may lie in a class folder.
    """
    below: list[str] = []
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if is_image(entry.name) and not _PICTURE.fullmatch(entry.name):
                return False
            if entry.is_dir(follow_symlinks=False) and not is_clutter(entry.name):
                below.append(entry.path)
    if has_mark(folder):
        return not any(map(_holds_other_image, below))
    return bool(below) and all(map(is_result, below))


def _holds_other_image(folder: str) -> bool:
    """Whether an image that is not of a result lies somewhere below the folder."""
    names = (name for _, _, files in os.walk(folder) for name in files)
    return any(is_image(name) and not _PICTURE.fullmatch(name) for name in names)


def subfolders(folder: Path) -> list[Path]:
    """Visible sub-folders in the order of their names, numbers by value: 10 after 9; without those
    that this program wrote there (`results_in`)."""
    with _refusing(folder):
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    names = [name for name in names if not is_result(folder / name)]
    visible = {name: readable(name) for name in names if not is_clutter(name)}
    if all(name.isdecimal() for name in visible):
        return [folder / name for name in sorted(visible, key=lambda name: int(visible[name]))]
    return [folder / name for name in sorted(visible, key=visible.__getitem__)]


def results_in(folder: Path) -> list[Path]:
    """Sub-folders that this program wrote, such as a run's, which hold no images of the data."""
    with _refusing(folder):
        found = [folder / entry.name for entry in os.scandir(folder) if entry.is_dir()]
    return sorted(path for path in found if not is_clutter(path.name) and is_result(path))


def files_by_name(folder: Path) -> dict[str, Path]:
    """The files in a folder by their names in lower case."""
    with _refusing(folder):
        names = sorted(entry.name for entry in os.scandir(folder) if entry.is_file())
    return {name.lower(): folder / name for name in names if not is_clutter(name)}


@contextlib.contextmanager
def _refusing(folder: Path) -> Iterator[None]:
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

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be listed ({error.strerror})")

    for base, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not is_clutter(name))
        results = [name for name in folders if is_result(os.path.join(base, name))]
        found.results += [os.path.join(base, name) for name in results]
        folders[:] = [name for name in folders if name not in results]
        found.links += [p for name in folders if os.path.islink(p := os.path.join(base, name))]
        for name in files:
            if not is_clutter(name):
                kind = found.images if is_image(name) else found.others
                kind.append(os.path.join(base, name))
    found.images.sort()
    found.others.sort()
    return found


def holds_image(folder: Path) -> bool:
    """Whether an image lies somewhere below the folder; stops at the first one."""
    for base, folders, files in os.walk(folder):
        folders[:] = [
            name for name in folders
            if not is_clutter(name) and not is_result(os.path.join(base, name))
        ]  # fmt: skip
        if any(is_image(name) and not is_clutter(name) for name in files):
            return True
    return False


def images_in(folder: Path) -> list[Path]:
    """The images that lie in the folder itself."""
    return [path for name, path in files_by_name(folder).items() if is_image(name)]
