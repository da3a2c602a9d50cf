"""Reading untrusted files: ordinary files only, limited in size, never blocking."""

import contextlib
import io
import json
import math
import os
import stat
import zipfile
from collections.abc import Iterator
from typing import IO, Any, BinaryIO

from paddle_aug.core.encodings import decode_text
from paddle_aug.core.errors import UserError

TEXT_LIMIT = 256 << 20
JSON_LIMIT = 16 << 20
MATRIX_LIMIT = 1 << 30  # for an evaluation.json, whose confusion of 10,000 classes has 0.9 GB
MAX_RATIO = 100
_PIECE = 1 << 20
RATIO_FREE_BYTES = 64 << 20  # below this size no ratio is checked: text compresses well

_KINDS = (
    (stat.S_ISDIR, "a directory"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISBLK, "a device"),
    (stat.S_ISCHR, "a device"),
)


def most_unpacked(size: int) -> int:
    """Bytes to which an archive of `size` bytes may unpack."""
    return max(RATIO_FREE_BYTES, MAX_RATIO * size)


def open_regular(path: str | os.PathLike[str]) -> BinaryIO:
    """Open an ordinary file for reading.

    Raises UserError with the path and the reason: missing, unreadable, a directory, pipe, socket or
    device. A pipe without a writer does not block.
    """
    try:
        mode = os.stat(path).st_mode
        if not stat.S_ISREG(mode):
            kind = next((name for test, name in _KINDS if test(mode)), "no ordinary file")
            raise UserError(f"{path}: is {kind}, an ordinary file is needed")
        # O_NONBLOCK, as the file may have been replaced by a pipe since the check above.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        return os.fdopen(os.open(path, flags), "rb")
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except PermissionError:
        raise UserError(f"{path}: may not be read (permission denied)") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{path}: cannot be opened ({reason})") from None


def read_bytes(path: str | os.PathLike[str], limit: int) -> bytes:
    """Whole content of an ordinary file of at most `limit` bytes. Raises UserError otherwise."""
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > limit:
            raise UserError(f"{path}: {size:,} bytes, the limit is {limit:,}")
        data = io.BytesIO()
        try:
            # In pieces, up to one byte more than allowed: a file may grow, or report a false size
            # (/proc), and one read of the whole limit would take the memory for it.
            while piece := file.read(min(_PIECE, limit + 1 - data.tell())):
                data.write(piece)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if data.tell() > limit:
        raise UserError(f"{path}: more than the limit of {limit:,} bytes")
    return data.getvalue()


def read_text(path: str | os.PathLike[str], limit: int = TEXT_LIMIT) -> str:
    """Text of a UTF-8 file, byte-order mark removed, line ends turned into "\n".

    Raises UserError with file and line for another encoding or a NUL character.
    """
    data = read_bytes(path, limit)
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise UserError(f"{path}:{line}: not UTF-8 text; save the file as UTF-8") from None
    return _plain_text(text, path)


def read_any_text(
    path: str | os.PathLike[str], encoding: str | None = None, limit: int = TEXT_LIMIT
) -> tuple[str, str]:
    """Text of a file as `read_text` gives it, and its encoding: UTF-8, UTF-16, GBK.

    encoding: of text that is not UTF-8 and has no byte-order mark; None: GBK where it seems so.
    """
    data = read_bytes(path, limit)
    try:
        text, name = decode_text(data, encoding)
    except UnicodeDecodeError as error:
        # Errors in UTF-16 get no line number: its line ends have two bytes.
        line = "" if b"\0" in data else f":{data.count(bytes([10]), 0, error.start) + 1}"
        known = f"nor {encoding}" if encoding else "nor GBK as far as can be told"
        raise UserError(
            f"{path}{line}: not UTF-8 text, {known}; save the file as UTF-8 or name its encoding "
            "with --encoding"
        ) from None
    return _plain_text(text, path), name


def read_json(path: str | os.PathLike[str], limit: int = JSON_LIMIT) -> dict[str, Any]:
    """The object in a UTF-8 JSON file of at most `limit` bytes.

    Raises UserError with the path and the reason for whatever is wrong: no such file, no JSON, cut
    off, nested too deeply, no object.
    """
    text = read_text(path, limit)
    try:
        values = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: not JSON, or damaged ({error})") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: holds JSON, but no object")
    return values


def parse_json(text: str) -> Any:
    """The value in a JSON text. Raises ValueError for damage, and for what is nested too deeply."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError(str(error)) from None


@contextlib.contextmanager
def open_npz(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open an .npz, for NumPy or zipfile to read in this context.

    Raises UserError where it would unpack to far more than its size, before anything is unpacked,
    and for whatever goes wrong while it is read: damage raises exceptions of many kinds.
    """
    with open_regular(path) as file:
        try:
            with zipfile.ZipFile(file) as members:
                unpacked = sum(member.file_size for member in members.infolist())
            if unpacked > most_unpacked(os.fstat(file.fileno()).st_size):
                raise UserError(
                    f"{path}: would take {unpacked:,} bytes, more than {MAX_RATIO} times its size"
                )
            file.seek(0)
            yield file
        except UserError:
            raise
        except Exception:  # NumPy's message for what is no archive advises to load it unsafely
            raise UserError(
                f"{path}: not an .npz of plain arrays: damaged, or of another kind"
            ) from None


def read_npy_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], bool, Any]:
    """Shape, whether in Fortran's order, and NumPy's type of the array in an .npy of `size` bytes.

    Raises ValueError for a damaged header, and for one that claims more than `size` bytes: NumPy
    would take the memory for them.
    """
    from numpy.lib import format as npy  # imported late: --help needs no NumPy

    try:
        version = npy.read_magic(file)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}[version]
        shape, fortran, dtype = read(file)
    except Exception as error:  # NumPy raises exceptions of many kinds
        raise ValueError(f"no header of an .npy file: {error}") from None
    claimed = dtype.itemsize * math.prod(shape)
    if claimed > size or min(shape, default=0) < 0:
        raise ValueError(f"the header claims {shape}, {claimed:,} bytes")
    return shape, fortran, dtype


def _plain_text(text: str, path: str | os.PathLike[str]) -> str:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: holds a NUL character; is it a text file?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_inside(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> bool:
    """Whether path, with every symbolic link followed, lies in root (itself followed)."""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return real == base or real.startswith(base.rstrip(os.sep) + os.sep)
