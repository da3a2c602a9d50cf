"""Trees of class folders: each sub-folder is a class, the files below it are its images."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.errors import UserError
from paddle_aug.files import is_inside
from paddle_aug.images import SUFFIXES

log = logging.getLogger(__name__)

TRAIN_NAMES = ("train", "training")
_CLUTTER = ("thumbs.db", "desktop.ini")
EVAL_NAMES = ("eval", "val", "valid", "validation", "test", "testing")


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


def is_class_tree(folder: Path) -> bool:
    """Whether at least two sub-folders hold an image somewhere below them."""
    holding = 0
    for sub in subfolders(folder):
        holding += _holds_image(sub)
        if holding == 2:
            return True
    return False


def _holds_image(folder: Path) -> bool:
    return any(
        not name.startswith(".") and name.lower().endswith(SUFFIXES)
        for _, _, files in os.walk(folder)
        for name in files
    )


def find_parts(folder: Path) -> tuple[Path, Path | None] | None:
    """The training tree inside folder, and the evaluation tree if there is one, by their names."""
    by_name = {sub.name.lower(): sub for sub in subfolders(folder)}
    train = next((by_name[name] for name in TRAIN_NAMES if name in by_name), None)
    if train is None or not is_class_tree(train):
        return None
    return train, next((by_name[name] for name in EVAL_NAMES if name in by_name), None)


def _refuse_link_out(path: str | Path, root: Path) -> None:
    if os.path.islink(path) and not is_inside(path, root):
        raise UserError(
            f"{path}: a symbolic link that leaves {root}; "
            "if you trust it, give a folder that holds its target as --images-root"
        )


def scan_tree(
    folder: Path, classes: Sequence[str] | None = None, root: Path | None = None
) -> tuple[list[str], list[int], list[str]]:
    """Paths, label numbers and class names of a tree of class folders.

    classes: the training part's names, which this tree may not go beyond; None to take its own.
    root: folder that links may not lead out of (default: the tree).
    Raises UserError for: no classes, a class without images, an unknown class, a link outwards.
    """
    paths: list[str] = []
    labels: list[int] = []
    left_out: list[str] = []
    folders = subfolders(folder)
    if not folders:
        raise UserError(f"{folder}: has no class folders")
    names = list(classes) if classes else [sub.name for sub in folders]
    number = {name: i for i, name in enumerate(names)}
    for sub in folders:
        if sub.name not in number:
            raise UserError(
                f"{sub}: class {sub.name!r} does not occur in training ({', '.join(names[:20])})"
            )
        _refuse_link_out(sub, root or folder)
        files, others = image_files(sub)
        left_out += others
        if not files:
            raise UserError(
                f"{sub}: class {sub.name!r} has no images; remove the folder or fill it"
            )
        for file in files:
            _refuse_link_out(file, root or folder)
        paths += files
        labels += [number[sub.name]] * len(files)
    if left_out:
        log.warning(
            "%d files in %s do not end as images do and are left out, such as %s",
            len(left_out), folder, left_out[0],
        )  # fmt: skip
    return paths, labels, names
