"""Listing folders and the images in them; what operating systems leave behind is passed over."""

import os
from pathlib import Path

from paddle_aug.core.errors import UserError
from paddle_aug.data.decode import SUFFIXES

_CLUTTER = ("thumbs.db", "desktop.ini")


def subfolders(folder: Path) -> list[Path]:
    """Visible sub-folders in the order of their names, class number 10 after 9."""
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.is_dir()]
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None
    visible = [name for name in names if not name.startswith((".", "__MACOSX"))]
    numeric = all(name.isdecimal() for name in visible)
    return [folder / name for name in sorted(visible, key=int if numeric else None)]


def files_by_name(folder: Path) -> dict[str, Path]:
    """The files in a folder by their names in lower case."""
    try:
        return {path.name.lower(): path for path in sorted(folder.iterdir()) if path.is_file()}
    except OSError as error:
        raise UserError(f"{folder}: cannot be listed ({error.strerror})") from None


def image_files(folder: Path) -> tuple[list[str], list[str]]:
    """Paths of the image files anywhere below folder, and of the others, each sorted.

    Hidden files are left out. Links to folders are not followed, so that a loop of links ends.
    """
    found: list[str] = []
    others: list[str] = []

    def refuse(error: OSError) -> None:
        raise UserError(f"{error.filename}: cannot be listed ({error.strerror})")

    for base, folders, files in os.walk(folder, onerror=refuse):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in files:
            if not name.startswith(".") and name.lower() not in _CLUTTER:
                kind = found if name.lower().endswith(SUFFIXES) else others
                kind.append(os.path.join(base, name))
    return sorted(found), sorted(others)
