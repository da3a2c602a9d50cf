"""Listing folders and the images in them, without the files that operating systems leave there."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import counted
from paddle_aug.data.decode import SUFFIXES

# Left behind by macOS, Windows and network disks. Names that begin with a dot, as .DS_Store and
# .ipynb_checkpoints, are passed over as well.
CLUTTER = (
    "__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin",
    "system volume information",
)  # fmt: skip


def is_clutter(name: str) -> bool:
    """Whether a file or folder of this name was left by the operating system or is hidden."""
    return name.startswith(".") or name.lower() in CLUTTER


def is_image(name: str) -> bool:
    """Whether a file's name has the ending of an image; the content is not read."""
    return name.lower().endswith(SUFFIXES)


def subfolders(folder: Path) -> list[Path]:
    """Visible sub-folders in the order of their names, numbers by value: 10 after 9."""
    with _refusing(folder):
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    visible = {name: readable(name) for name in names if not is_clutter(name)}
    if all(name.isdecimal() for name in visible):
        return [folder / name for name in sorted(visible, key=lambda name: int(visible[name]))]
    return [folder / name for name in sorted(visible, key=visible.__getitem__)]


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
    """What lies below a folder, as paths: images, other files, and linked folders."""

    images: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)

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
    for _, folders, files in os.walk(folder):
        folders[:] = [name for name in folders if not is_clutter(name)]
        if any(is_image(name) and not is_clutter(name) for name in files):
            return True
    return False


def images_in(folder: Path) -> list[Path]:
    """The images that lie in the folder itself."""
    return [path for name, path in files_by_name(folder).items() if is_image(name)]
