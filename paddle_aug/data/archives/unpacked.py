"""Unpacks archives once, beside them or in the cache folder, for repeated use."""

import contextlib
import hashlib
import json
import os
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import changed_since
from paddle_aug.core.safe_files import open_regular, read_json
from paddle_aug.core.text import listed
from paddle_aug.core.user_paths import cache_home
from paddle_aug.data.archives.members import MARKER, SUFFIXES, extract, names_in_zip

_ABANDONED = 24 * 3600  # seconds: a process with another cache folder may still be unpacking
_NEW, _OLD = "new", "old"  # in a hidden folder beside the place that is unpacked to


def unpack(path: str | os.PathLike[str], encoding: str | None = None) -> Path:
    """Unpack an archive once and return the folder with its content.

    encoding: of file names in a zip that are not marked as UTF-8; None: UTF-8, or GBK where the
    bytes look like it. The folder is `<name>_unpacked` beside the archive, or lies in the cache
    folder where that place cannot be written. It appears whole or not at all. It is used again
    while the archive keeps its size and time of change, and replaced when these differ.
    Raises UserError for a damaged or dangerous archive, a full disk, a folder of that name that
    was not made by this function, or one that is to be replaced and has files that were added or
    changed since.
    """
    archive = Path(path)
    with open_regular(archive) as file:
        status = os.fstat(file.fileno())
    mark: dict[str, Any] = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    names = names_in_zip(archive, encoding)
    if names.encoding is not None:
        mark |= {"encoding": names.encoding, "examples": list(names.examples)}
    target = _target(archive)
    if _is_unpacked(target, archive, mark):
        return target
    # Another process has unpacked the same archive in the meantime: use its folder.
    with _one_at_a_time(target) as alone:
        if alone:
            _remove_leftovers(target)
        if not _is_unpacked(target, archive, mark):
            _unpack_anew(archive, target, mark, encoding)
    return target


@contextlib.contextmanager
def _one_at_a_time(target: Path) -> Iterator[bool]:
    """Context that waits while another process unpacks to `target`; gives whether there is none
    for certain. The lock lies in the cache folder, not in the user's data."""
    place = cache_home() / "unpacking" / hashlib.sha256(os.fsencode(target.absolute())).hexdigest()
    with contextlib.ExitStack() as stack:
        alone = False
        # If the cache cannot be written, both unpack and the later one takes the place.
        with contextlib.suppress(UserError):
            stack.enter_context(locked(place, wait=True))
            alone = True
        yield alone


def _remove_leftovers(target: Path) -> None:
    """Delete the folders that killed processes left a day ago while they unpacked to `target`."""
    before = time.time() - _ABANDONED
    name = re.compile(rf"{re.escape(_prefix(target))}\w{{8}}", re.ASCII)  # as tempfile names them
    with contextlib.suppress(OSError):
        for path in target.parent.iterdir():
            ours = name.fullmatch(path.name) and {*os.listdir(path)} <= {_NEW, _OLD}
            if ours and path.stat().st_mtime < before:
                shutil.rmtree(path, ignore_errors=True)


def _prefix(target: Path) -> str:
    return f".{target.name}-"


def _is_unpacked(target: Path, archive: Path, mark: dict[str, Any]) -> bool:
    """Whether the folder has the content of the archive; UserError where it must not be
    replaced."""
    if not (target.exists() or target.is_symlink()):
        return False
    found = _read_mark(target)
    if found == mark:
        return True
    if found is None:
        raise UserError(
            f"{target}: exists and was not unpacked from {archive.name}; "
            "give that folder as --data, or move it away"
        )
    if others := changed_since(target, target / MARKER):
        raise UserError(
            f"{target}: {archive.name} has changed since it was unpacked there, and so has "
            f"{listed(others)} in it; nothing is replaced: give that folder as --data, or move it "
            "away"
        )
    return False


def _unpack_anew(archive: Path, target: Path, mark: dict[str, Any], encoding: str | None) -> None:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=_prefix(target), dir=target.parent) as folder:
            fresh, old = Path(folder) / _NEW, Path(folder) / _OLD
            extract(archive, fresh, encoding=encoding)
            (fresh / MARKER).write_text(json.dumps(mark), encoding="utf-8")
            if target.exists():
                target.rename(old)
            try:
                fresh.rename(target)
            except OSError:
                if old.exists():
                    old.rename(target)
                raise
    except OSError as error:
        raise UserError(f"{archive}: cannot be unpacked to {target} ({error.strerror})") from None


def _target(archive: Path) -> Path:
    suffix = next((s for s in SUFFIXES[::-1] if archive.name.lower().endswith(s)), "")
    name = archive.name[: len(archive.name) - len(suffix)] + "_unpacked"
    beside = archive.parent / name
    if beside.exists() or os.access(archive.parent, os.W_OK | os.X_OK):
        return beside
    place = hashlib.sha256(os.fsencode(archive.resolve())).hexdigest()[:12]
    return cache_home() / "unpacked" / f"{name}-{place}"


def _read_mark(folder: Path) -> dict[str, Any] | None:
    try:
        return read_json(folder / MARKER)
    except UserError:
        return None


def concluded_encoding(folder: Path) -> tuple[str, list[str]] | None:
    """The encoding that `unpack` read the file names in, with some of the names as examples; None
    where the archive says the encoding itself."""
    mark = _read_mark(folder) or {}
    return (mark["encoding"], mark.get("examples", [])) if "encoding" in mark else None
