"""Unpacking archives that come from strangers: nothing outside the target, no links, no bombs.

Zip and tar (plain, gz, bz2, xz). An archive is refused as a whole at its first bad member, and what
was unpacked until then is removed.
"""

import bz2
import gzip
import hashlib
import io
import json
import lzma
import os
import shutil
import stat
import tarfile
import tempfile
import zipfile
import zlib
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import open_regular
from paddle_aug.data.cache_store import cache_home

MAX_TOTAL_BYTES = 100 << 30
MAX_RATIO = 100
RATIO_FREE_BYTES = 64 << 20  # small archives of text compress well: no ratio below this
MAX_MEMBERS = 5_000_000
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_MARKER = ".paddle_aug_unpacked.json"
_OPENERS = {".gz": gzip.open, ".tgz": gzip.open, ".bz2": bz2.open, ".tbz2": bz2.open}
_OPENERS |= {".xz": lzma.open, ".txz": lzma.open}
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    ValueError,
    RuntimeError,
    NotImplementedError,
)


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the name ends as an archive's that `unpack` takes."""
    return str(path).lower().endswith(SUFFIXES)


def unpack(path: str | os.PathLike[str]) -> Path:
    """Unpack an archive once and return the folder with its content.

    The folder is `<name>_unpacked` beside the archive, or lies in the cache folder where that place
    cannot be written. It appears whole or not at all; it is used again as long as the archive has
    the same size and time, and replaced when the archive changed.
    Raises UserError for a damaged or dangerous archive, a full disk, or a folder of that name that
    was not made by this function.
    """
    archive = Path(path)
    with open_regular(archive) as file:
        status = os.fstat(file.fileno())
    mark = {"size": status.st_size, "mtime_ns": status.st_mtime_ns}
    target = _target(archive)
    if target.exists() or target.is_symlink():
        if _read_mark(target) == mark:
            return target
        if _read_mark(target) is None:
            raise UserError(
                f"{target}: exists and was not unpacked from {archive.name}; "
                "give that folder as --data, or move it away"
            )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as folder:
            fresh = Path(folder) / "new"
            extract(archive, fresh)
            (fresh / _MARKER).write_text(json.dumps(mark), encoding="utf-8")
            return _put_in_place(fresh, target, Path(folder) / "old", mark)
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


def _read_mark(folder: Path) -> dict[str, int] | None:
    try:
        mark = json.loads((folder / _MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return mark if isinstance(mark, dict) else None


def _put_in_place(fresh: Path, target: Path, old: Path, mark: dict[str, int]) -> Path:
    if target.exists():
        target.rename(old)
    try:
        fresh.rename(target)
    except OSError:
        # Another run was faster: its folder serves as well.
        if _read_mark(target) != mark:
            raise
    return target


def extract(path: str | os.PathLike[str], target: str | os.PathLike[str]) -> None:
    """Unpack an archive into the new folder `target`.

    Raises UserError, leaving nothing behind, for: a member with an absolute path or "..", a link or
    device, two members of one name, more than MAX_TOTAL_BYTES or MAX_MEMBERS, more than MAX_RATIO
    times the archive's size, a damaged or encrypted archive. Raises OSError for a full disk.
    """
    archive, folder = Path(path), Path(target)
    folder.mkdir(parents=True)
    try:
        with open_regular(archive) as file:
            budget = _Budget(archive, os.fstat(file.fileno()).st_size)
            if archive.name.lower().endswith(".zip"):
                _extract_zip(file, folder, budget)
            else:
                opener = _OPENERS.get(archive.suffix.lower())
                plain = cast(IO[bytes], opener(file, "rb")) if opener else file
                _extract_tar(plain, folder, budget)
    except BaseException as error:
        shutil.rmtree(folder, ignore_errors=True)
        if isinstance(error, FileExistsError | NotADirectoryError | IsADirectoryError):
            raise UserError(f"{archive}: two members have one name ({error.filename})") from None
        # gzip reports damage as a bare OSError, without a system error number.
        if isinstance(error, _DAMAGE) or (isinstance(error, OSError) and error.errno is None):
            raise UserError(f"{archive}: damaged, encrypted or no archive ({error})") from None
        raise


class _Budget:
    """Counts the bytes that really come out, whatever the archive's headers claim."""

    def __init__(self, archive: Path, size: int):
        self.archive = archive
        self.members = 0
        by_ratio = max(RATIO_FREE_BYTES, MAX_RATIO * size)
        self.left = min(MAX_TOTAL_BYTES, by_ratio)
        self._limit = (
            f"far more than its own size (limit {MAX_RATIO} times)"
            if by_ratio <= MAX_TOTAL_BYTES
            else f"more than {MAX_TOTAL_BYTES:,} bytes"
        )

    def spend(self, count: int) -> None:
        self.left -= count
        if self.left < 0:
            self.refuse(f"unpacks to {self._limit}")

    def count_member(self) -> None:
        self.members += 1
        if self.members > MAX_MEMBERS:
            self.refuse(f"more than {MAX_MEMBERS:,} members")

    def refuse(self, reason: str) -> None:
        raise UserError(f"{self.archive}: refused, {reason}")


class _CountedReader(io.RawIOBase):
    """A decompressed stream, counted, so that huge headers inside a tar are bounded as well."""

    def __init__(self, stream: IO[bytes], budget: _Budget):
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(1 << 20 if size < 0 else min(size, 1 << 20))
        self._budget.spend(len(data))
        return data


def _extract_zip(file: IO[bytes], folder: Path, budget: _Budget) -> None:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                budget.refuse(f"{member.filename!r} is a link or device")
            destination = _destination(member.filename, folder, budget)
            if destination is None:
                continue
            if member.is_dir():
                destination.mkdir(parents=True, exist_ok=True)
            else:
                with archive.open(member) as source:
                    _write(source, destination, budget)


def _extract_tar(stream: IO[bytes], folder: Path, budget: _Budget) -> None:
    counted = cast(IO[bytes], _CountedReader(stream, budget))
    with tarfile.open(fileobj=counted, mode="r|") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()) or member.issparse():
                budget.refuse(f"{member.name!r} is a link, device or sparse file")
            destination = _destination(member.name, folder, budget)
            if destination is None:
                continue
            if member.isdir():
                destination.mkdir(parents=True, exist_ok=True)
            else:
                source = archive.extractfile(member)
                assert source is not None, "an ordinary member has content"
                _write(source, destination, None)


def _destination(name: str, folder: Path, budget: _Budget) -> Path | None:
    """Where a member goes; None for what only clutters (macOS's shadow files)."""
    budget.count_member()
    if not name:
        budget.refuse("a member without a name")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        budget.refuse(f"{name!r} leads outside the folder")
    if "__MACOSX" in path.parts or path.name == _MARKER:
        return None
    return folder.joinpath(*path.parts)


def _write(source: IO[bytes], destination: Path, budget: _Budget | None) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    with open(destination, "xb") as out:
        while chunk := source.read(1 << 20):
            if budget is not None:
                budget.spend(len(chunk))
            out.write(chunk)
