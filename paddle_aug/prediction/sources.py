"""Finds the images to predict: photos, folders, lists, archives and globs, in the given order.

They are read by the functions for training data, with the checks of untrusted input. An image that
cannot be read does not stop the others: see `photos.Photo`.
"""

import glob
import logging
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import is_inside
from paddle_aug.core.text import counted
from paddle_aug.core.user_paths import expand, user_path
from paddle_aug.data.archives.members import is_archive
from paddle_aug.data.archives.unpacked import concluded_encoding, unpack
from paddle_aug.data.from_lists import LIST_SUFFIXES, TABLE_SUFFIXES, image_root
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.list_files import ListRow, read_list, resolve_paths, without_comments
from paddle_aug.data.listing import contents, is_clutter, is_image
from paddle_aug.data.options import DataOptions, warn_without_effect
from paddle_aug.prediction.photos import Photo
from paddle_aug.report.spreadsheets import not_a_formula

log = logging.getLogger(__name__)


@dataclass
class FoundPhotos:
    """The images, in the order of the inputs, and what was concluded about these, a line each.

    used: the options that had an effect on one of the inputs.
    """

    photos: list[Photo] = field(default_factory=list)
    read_as: list[str] = field(default_factory=list)
    used: set[str] = field(default_factory=set)


def find_photos(
    inputs: Sequence[str],
    images_root: str | None = None,
    encoding: str | None = None,
    without: Sequence[Path] = (),
) -> FoundPhotos:
    """The images that the inputs name; duplicates are left out.

    inputs: photos, folders (with all below them), lists of paths (.txt, .lst; labels are ignored),
    archives, or globs. images_root: folder that paths in lists start from, and that links in
    folders may lead to. encoding: of lists and names in a zip that are not UTF-8. without: files
    that are not inputs, such as outputs. Raises UserError for an input that is missing or holds no
    image, a dangerous or damaged archive, and a list whose paths leave their root.
    """
    found = FoundPhotos()
    options = DataOptions(images_root=images_root, encoding=encoding)
    if images_root and not user_path(images_root).is_dir():
        raise UserError(f"--images-root {images_root}: no such folder")
    for text in inputs:
        for path in _matches(text):
            _add(path, options, found)
    warn_without_effect(options, {"images_root", "encoding"} - found.used, "these images")
    return _once(found, {os.path.abspath(path) for path in without})


def _matches(text: str) -> list[Path]:
    """The path itself, or the images and folders that a glob matches."""
    path = user_path(text)
    if os.path.lexists(path):
        return [path]
    if not glob.has_magic(text):
        raise UserError(f"{readable(text)}: no such file or folder")
    names = [n for n in glob.glob(expand(text), recursive=True) if not is_clutter(Path(n).name)]
    matches = [name for name in sorted(names) if is_image(name) or os.path.isdir(name)]
    if not matches:
        raise UserError(f"{readable(text)}: no image or folder is called so")
    if others := len(names) - len(matches):
        log.warning("%s: left out: %s not end as images do", readable(text),
                    counted(others, "file does", "files do"))  # fmt: skip
    return [Path(name) for name in matches]


def _add(path: Path, options: DataOptions, found: FoundPhotos) -> None:
    suffix = path.suffix.lower()
    guesses = Guesses(options)
    if path.is_dir():
        found.used.add("images_root")
        photos = _in_folder(path, options)
    elif is_archive(path):
        found.used.add("encoding")
        photos = _in_folder(_unpacked(path, guesses), options)
    elif suffix in LIST_SUFFIXES:
        found.used |= {"images_root", "encoding"}
        photos = _in_list(path, guesses)
    elif suffix in TABLE_SUFFIXES:
        raise UserError(
            f"{readable(str(path))}: a table; give a list of paths, a line each, as .txt "
            "(evaluate reads tables with labels)"
        )
    else:
        photos = [_photo(str(path))]
    found.photos += photos
    found.read_as += guesses.said


def _unpacked(archive: Path, guesses: Guesses) -> Path:
    folder = unpack(archive, guesses.options.encoding)
    guesses.said.append(f"{readable(archive.name)} is unpacked to {readable(str(folder))}")
    if concluded := concluded_encoding(folder):
        guesses.note("names", what=f"names in {readable(archive.name)}", encoding=concluded[0],
                     names=", ".join(concluded[1]))  # fmt: skip
    return folder


def _in_folder(folder: Path, options: DataOptions) -> list[Photo]:
    below, shown = contents(folder), readable(str(folder))
    others = below.describe_others()
    if not below.images:
        raise UserError(f"{shown}: holds no image{f', only {others}' if others else ''}")
    if others:
        log.warning("%s: left out: %s, such as %s", shown, others, readable(below.others[0]))
    if below.links:
        linked = counted(len(below.links), "linked folder")
        log.warning("%s: %s not followed, left out, such as %s", shown, linked,
                    readable(below.links[0]))  # fmt: skip
    root = user_path(options.images_root) if options.images_root else folder
    return [_photo_in(path, root) for path in below.images]


def _photo_in(path: str, root: Path) -> Photo:
    problem = ""
    if os.path.islink(path) and not is_inside(path, root):
        problem = (
            f"a symbolic link that leaves {readable(str(root))}; if you trust it, give a folder "
            "that holds its target as --images-root"
        )
    return _photo(path, problem)


def _photo(path: str, problem: str = "") -> Photo:
    """Its name in outputs is no formula where the path itself would be one in a spreadsheet."""
    return Photo(not_a_formula(readable(path)), path, problem=problem)


def _in_list(path: Path, guesses: Guesses) -> list[Photo]:
    """Images of a list: a path in each line, or `path label` lines as in training data."""
    lines = without_comments(guesses.read_text(path), path)
    rows = [ListRow(line, "", str(path), number) for number, line in lines]
    if not rows:
        raise UserError(f"{readable(str(path))}: lists no images")
    if not _any_is_there(path, rows, guesses):
        labelled = _labelled_rows(path)
        if labelled and _any_is_there(path, labelled, guesses):
            rows = labelled
            guesses.said.append(f"labels in {readable(path.name)} are passed over")
    root = image_root(path, rows, guesses)
    paths = resolve_paths(rows, root, keep_missing=True)
    return [_photo(image) for image in paths]


def _labelled_rows(path: Path) -> list[ListRow]:
    try:
        return read_list(path)
    except UserError:
        return []


def _any_is_there(path: Path, rows: Sequence[ListRow], guesses: Guesses) -> bool:
    """Whether one of the first rows' images is a file."""
    some = rows[:20]
    root = image_root(path, some, Guesses(guesses.options))  # its notes are not printed yet
    return any(map(os.path.isfile, resolve_paths(some, root, keep_missing=True)))


def _once(found: FoundPhotos, without: set[str]) -> FoundPhotos:
    """Each file once, at its first place, and none of `without`."""
    first: dict[str, Photo] = {}
    for photo in found.photos:
        first.setdefault(os.path.abspath(photo.path), photo)
    if again := len(found.photos) - len(first):
        found.read_as.append(f"{counted(again, 'image')} named more than once, predicted once")
    found.photos = [photo for place, photo in first.items() if place not in without]
    if not found.photos:
        raise UserError("no image is left to predict: what is named is to be written")
    return found
