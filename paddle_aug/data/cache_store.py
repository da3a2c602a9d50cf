"""The files of the cache of decoded images: writing, checking, listing and deleting them.

An entry is a folder `<key>` with `images.npy`, uint8 [N, H, W, 3], and `info.json` with its
checksum. It is written under another name and then renamed, so that an entry that exists is
complete. A lock (core/folders/lock.py) lets one run build an entry while others wait. Only folders
and files of these names are ever deleted: the user chooses where the cache lies, and other things
may lie there.
"""

import contextlib
import io
import json
import logging
import math
import os
import re
import shutil
import tempfile
import time
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import lock_exists, locked, refuse_if_locked
from paddle_aug.core.safe_files import open_regular, read_json, read_npy_header
from paddle_aug.core.user_paths import cache_home

log = logging.getLogger(__name__)

_CHUNK = 16 << 20
_KEY = re.compile("[0-9a-f]{32}")
_PART = re.compile(r"([0-9a-f]{32})\.part-.*")
_IMAGES, _INFO = "images.npy", "info.json"
_DAY_SECONDS = 86400
_SPARE_BYTES = 256 << 20  # left free on the disk for checkpoints and curves


@dataclass(frozen=True)
class Entry:
    """One cached data set.

    images: how many. bytes: on the disk. last_used: seconds since 1970. scaled: size and filter of
    the images, in words; "" in entries of earlier versions.
    """

    key: str
    name: str
    images: int
    bytes: int
    last_used: float
    scaled: str = ""


def images_folder(directory: str | os.PathLike[str] | None = None) -> Path:
    """Folder of the cached images: directory, or "images" in $PADDLE_AUG_CACHE or ~/.cache."""
    return Path(directory) if directory is not None else cache_home() / "images"


def images_file(folder: Path, key: str) -> Path:
    """The file with an entry's images."""
    return folder / key / _IMAGES


def open_entry(
    folder: Path, key: str, shape: tuple[int, ...], check: bool = True
) -> np.ndarray | None:
    """Memory-mapped, read-only images of an entry; None where it is missing or damaged.

    check: read the whole file and compare its checksum.
    """
    path, info = images_file(folder, key), folder / key / _INFO
    try:
        crc = read_json(info)["crc32"]
        with open_regular(path) as file:
            read_npy_header(file, os.fstat(file.fileno()).st_size)
        images = np.load(path, mmap_mode="r", allow_pickle=False)
        if images.shape != shape or images.dtype != np.uint8:
            raise ValueError(f"holds {images.dtype} {images.shape}")
        if check and _checksum(path) != crc:
            raise ValueError("checksum differs")
        with contextlib.suppress(OSError):
            os.utime(folder / key)
        return images
    except (UserError, OSError, ValueError, KeyError) as error:
        if path.exists() and info.exists():  # otherwise missing, or removed by another process
            log.warning("image cache %s is damaged (%s): built anew", folder / key, error)
        return None


def build_entry(
    folder: Path,
    key: str,
    name: str,
    shape: tuple[int, ...],
    blocks: Callable[[], Iterable[np.ndarray]],
    limit_bytes: int,
    scaled: str = "",
) -> np.ndarray:
    """Open an entry, or write it from blocks of images; older entries are deleted to make room.

    blocks: called only when needed, gives uint8 [n, H, W, 3] arrays, N images in all.
    scaled: their size and filter in words, shown in the list of entries.
    Raises OSError where the entry cannot be written or would not fit, and whatever `blocks` raises.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with contextlib.ExitStack() as stack:
        try:
            stack.enter_context(locked(folder / key, wait=True))
        except UserError as error:
            raise OSError(str(error)) from None
        images = open_entry(folder, key, shape)
        if images is not None:
            return images
        _remove(folder / key)
        _remove_leftovers(folder, key)
        need = math.prod(shape)
        evict(folder, limit_bytes - need)
        free = shutil.disk_usage(folder).free
        if need + _SPARE_BYTES > free:
            raise OSError(f"{need >> 20} MB needed, {free >> 20} MB free on the disk")
        part = Path(tempfile.mkdtemp(prefix=f"{key}.part-", dir=folder))
        try:
            crc = _write_npy(part / _IMAGES, shape, blocks())
            info = {"crc32": crc, "name": name, "images": shape[0], "scaled": scaled}
            (part / _INFO).write_text(json.dumps(info), encoding="utf-8")
            part.rename(folder / key)
        finally:
            _remove(part)
    # No check: the checksum was computed from these bytes while they were written.
    images = open_entry(folder, key, shape, check=False)
    if images is None:
        raise OSError("the new file was removed again")
    return images


def _write_npy(path: Path, shape: tuple[int, ...], blocks: Iterable[np.ndarray]) -> int:
    head = io.BytesIO()
    header: dict[str, Any] = {"descr": "|u1", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(head, header)
    written, crc = 0, zlib.crc32(head.getvalue())
    # Not through a memory map: a full disk would then kill the process instead of raising.
    with open(path, "wb") as file:
        file.write(head.getvalue())
        for block in blocks:
            data = np.ascontiguousarray(block, np.uint8).data
            file.write(data)
            crc = zlib.crc32(data, crc)
            written += data.nbytes
        file.flush()
        os.fsync(file.fileno())
    assert written == math.prod(shape), f"{written} bytes for {shape}"
    return crc


def _checksum(path: Path) -> int:
    crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc


def _remove_leftovers(folder: Path, key: str = "") -> int:
    """Delete what killed runs left; returns the bytes freed. key: of an entry whose lock this
    process has."""
    freed = 0
    for part in folder.glob("*.part-*"):
        match = _PART.fullmatch(part.name)
        if match and (match[1] == key or not _is_at_work(part, match[1])):
            freed += _remove(part)
    return freed


def _is_at_work(part: Path, key: str) -> bool:
    """Whether a process is building the part, as far as can be told."""
    place = part.with_name(key)
    if not lock_exists(place):
        with contextlib.suppress(OSError):
            return part.stat().st_mtime > time.time() - _DAY_SECONDS
        return True
    try:
        refuse_if_locked(place)
    except UserError:
        return True
    return False


def _sizes(entry: Path) -> dict[Path, int]:
    """The files of an entry, or of a part of one, that are there, and their bytes."""
    sizes = {}
    for path in (entry / _IMAGES, entry / _INFO):
        with contextlib.suppress(OSError):
            sizes[path] = path.lstat().st_size
    return sizes


def _remove(entry: Path) -> int:
    """Delete an entry, or a part of one; what else lies in its folder stays, and so does that.

    Returns the bytes of the files that are deleted.
    """
    freed = 0
    for path, size in _sizes(entry).items():
        with contextlib.suppress(OSError):
            path.unlink()
            freed += size
    with contextlib.suppress(OSError):
        entry.rmdir()
    return freed


def list_entries(directory: str | os.PathLike[str] | None = None) -> list[Entry]:
    """Entries of the cache, the least recently used first; damaged ones before them."""
    entries = []
    for path in images_folder(directory).glob("*"):
        sizes = _sizes(path) if _KEY.fullmatch(path.name) else {}
        if not sizes:
            continue
        size = sum(sizes.values())
        try:
            info = read_json(path / _INFO)
            name, scaled = str(info["name"]), str(info.get("scaled", ""))
            images, used = int(str(info["images"])), path.stat().st_mtime
            entries.append(Entry(path.name, name, images, size, used, scaled))
        except (UserError, OSError, ValueError, KeyError):
            entries.append(Entry(path.name, "damaged", 0, size, 0.0))
    return sorted(entries, key=lambda e: e.last_used)


def evict(folder: Path, keep_bytes: int) -> None:
    """Delete the least recently used entries down to keep_bytes in all."""
    entries = list_entries(folder)
    total = sum(entry.bytes for entry in entries)
    for entry in entries:
        if total <= keep_bytes:
            break
        # A run that has the file mapped can go on reading it: only its name is deleted.
        total -= _remove(folder / entry.key)


def clear(directory: str | os.PathLike[str] | None = None, key: str | None = None) -> int:
    """Delete one entry, or all of them and the files of killed runs; returns the bytes freed."""
    folder = images_folder(directory)
    keys = [entry.key for entry in list_entries(folder) if key in (None, entry.key)]
    freed = sum(_remove(folder / key) for key in keys)
    return freed + _remove_leftovers(folder) if key is None else freed
