"""Unpacks untrusted archives: nothing outside the target, no links, limited in size.

Zip and tar (plain, gz, bz2, xz). An archive is refused as a whole at its first bad member, and what
was unpacked until then is removed.
"""

import bz2
import contextlib
import gzip
import io
import lzma
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Generator, Iterator, Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import IO, cast

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import MAX_RATIO, most_unpacked, open_regular
from paddle_aug.data.archives.clutter import is_clutter
from paddle_aug.data.archives.zip_names import MemberNames, decode_member_names

MAX_TOTAL_BYTES = 100 << 30
MAX_MEMBERS = 5_000_000
SUFFIXES = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
_CHUNK = 1 << 20
# Of `unpacked.py`. No member may pass for it: hidden ones are left out.
MARKER = ".paddle_aug_unpacked.json"
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
_Members = Generator[tuple[str, IO[bytes] | None], None, None]


def is_archive(path: str | os.PathLike[str]) -> bool:
    """Whether the name has the ending of an archive that `extract` reads."""
    return str(path).lower().endswith(SUFFIXES)


def names_in_zip(archive: Path, encoding: str | None) -> MemberNames:
    """Decoded file names of a zip; empty for a tar, whose names are kept as bytes."""
    if not archive.name.lower().endswith(".zip"):
        return MemberNames(())
    try:
        with (
            _naming_damage(archive),
            open_regular(archive) as file,
            zipfile.ZipFile(file) as zipped,
        ):
            return _member_names(archive, zipped, encoding)
    except OSError as error:
        raise UserError(f"{archive}: cannot be read ({error.strerror})") from None


def _member_names(archive: Path, zipped: zipfile.ZipFile, encoding: str | None) -> MemberNames:
    try:
        return decode_member_names(zipped.infolist(), encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{archive}: the names in it, such as {error.object[:40]!r}, are neither UTF-8 nor "
            f"{encoding or 'GBK as far as can be told'}: name their encoding with --encoding (gbk, "
            "big5, shift_jis, cp437 for Western Europe, ...)"
        ) from None


def extract(
    path: str | os.PathLike[str],
    target: str | os.PathLike[str],
    places: Mapping[str, str] | None = None,
    encoding: str | None = None,
) -> None:
    """Unpack an archive into the new folder `target`.

    places: the wanted files, path in the archive -> path below `target`. Without it every member is
    written under its own path. encoding: see `unpack`.
    Raises UserError, leaving nothing behind, for: a member with an absolute path or "..", a link or
    device, two members of one name, more than MAX_TOTAL_BYTES or MAX_MEMBERS, more than MAX_RATIO
    times the archive's size, a damaged or encrypted archive, a wanted file that is not there.
    Raises OSError for a full disk.
    """
    archive, folder = Path(path), Path(target)
    folder.mkdir(parents=True)
    missing = set(places or ())
    try:
        with _naming_damage(archive), contextlib.closing(_members(archive, encoding)) as members:
            for name, content in members:
                place = name if places is None else places.get(name)
                if place is None:
                    continue
                missing.discard(name)
                if content is None:
                    (folder / place).mkdir(parents=True, exist_ok=True)
                else:
                    _write(content, folder / place)
        if missing:
            raise UserError(f"{archive}: lacks {min(missing)}")
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise


def file_names(path: str | os.PathLike[str]) -> list[str]:
    """The paths of the files in an archive, in its order; reads every file to its end to check it.

    Writes nothing. Raises UserError as `extract` does.
    """
    archive = Path(path)
    names = []
    with _naming_damage(archive), contextlib.closing(_members(archive)) as members:
        for name, content in members:
            if content is not None:
                while content.read(_CHUNK):
                    pass
                names.append(name)
    return names


@contextlib.contextmanager
def _naming_damage(archive: Path) -> Iterator[None]:
    """Turns what the archive libraries raise for a bad archive into a UserError with its path."""
    try:
        yield
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise UserError(f"{archive}: two members have one name ({error.filename})") from None
    except (OSError, *_DAMAGE) as error:
        # gzip reports damage as a bare OSError, without a system error number.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise UserError(f"{archive}: damaged, encrypted or no archive ({error})") from None


class _Budget:
    """Counts the bytes that are really unpacked, as the archive's headers may be wrong."""

    def __init__(self, archive: Path, size: int):
        self.archive = archive
        self.members = 0
        by_ratio = most_unpacked(size)
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
    """A decompressed stream that counts its bytes, which limits huge headers in a tar, too."""

    def __init__(self, stream: IO[bytes], budget: _Budget):
        self._stream, self._budget = stream, budget

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        data = self._stream.read(_CHUNK if size < 0 else min(size, _CHUNK))
        self._budget.spend(len(data))
        return data


def _members(archive: Path, encoding: str | None = None) -> _Members:
    """Path and content of each member that may be unpacked; None is the content of a folder.

    Read the content before asking for the next member.
    """
    with open_regular(archive) as file:
        budget = _Budget(archive, os.fstat(file.fileno()).st_size)
        if archive.name.lower().endswith(".zip"):
            yield from _zip_members(file, budget, encoding)
        else:
            opener = _OPENERS.get(archive.suffix.lower())
            plain = cast(IO[bytes], opener(file, "rb")) if opener else file
            yield from _tar_members(plain, budget)


def _zip_members(file: IO[bytes], budget: _Budget, encoding: str | None) -> _Members:
    with zipfile.ZipFile(file) as archive:
        names = _member_names(budget.archive, archive, encoding).names
        for member, decoded in zip(archive.infolist(), names, strict=True):
            kind = stat.S_IFMT(member.external_attr >> 16)
            if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
                budget.refuse(f"{decoded!r} is a link or device")
            name = _safe_name(decoded, budget)
            if name is None:
                continue
            if member.is_dir():
                yield name, None
            else:
                with archive.open(member) as source:
                    yield name, cast(IO[bytes], _CountedReader(source, budget))


def _tar_members(stream: IO[bytes], budget: _Budget) -> _Members:
    counted = cast(IO[bytes], _CountedReader(stream, budget))
    with tarfile.open(fileobj=counted, mode="r|") as archive:
        for member in archive:
            if not (member.isreg() or member.isdir()) or member.issparse():
                budget.refuse(f"{member.name!r} is a link, device or sparse file")
            name = _safe_name(member.name, budget)
            if name is not None:
                yield name, archive.extractfile(member)  # None for a folder


def _safe_name(name: str, budget: _Budget) -> str | None:
    """A member's path below the target; None for what is clutter or lies in it."""
    budget.count_member()
    if not name:
        budget.refuse("a member without a name")
    path = PurePosixPath(name.replace("\\", "/"))
    if path.is_absolute() or PureWindowsPath(name).drive or ".." in path.parts or "\0" in name:
        budget.refuse(f"{name!r} leads outside the folder")
    if any(map(is_clutter, path.parts)):
        return None
    return str(path)


def _write(source: IO[bytes], destination: Path) -> None:
    destination.parent.mkdir(parents=True, exist_ok=True)
    with open(destination, "xb") as out:
        while chunk := source.read(_CHUNK):
            out.write(chunk)
