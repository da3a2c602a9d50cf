"""Reading untrusted files: ordinary files only, limited in size, never blocking."""

import os
import stat
from typing import BinaryIO

from paddle_aug.core.encodings import decode_text
from paddle_aug.core.errors import UserError

TEXT_LIMIT = 256 << 20
MAX_RATIO = 100
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
        try:
            # Reads one byte more than allowed, to notice a file that grew or reports a false size
            # (/proc).
            data = file.read(limit + 1) if size == 0 else file.read(size)
        except OSError as error:
            raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    if len(data) > limit:
        raise UserError(f"{path}: more than the limit of {limit:,} bytes")
    return data


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


def _plain_text(text: str, path: str | os.PathLike[str]) -> str:
    if "\0" in text:
        line = text.count("\n", 0, text.index("\0")) + 1
        raise UserError(f"{path}:{line}: holds a NUL character; is it a text file?")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def is_inside(path: str | os.PathLike[str], root: str | os.PathLike[str]) -> bool:
    """Whether path, with every symbolic link followed, lies in root (itself followed)."""
    real, base = os.path.realpath(path), os.path.realpath(root)
    return real == base or real.startswith(base.rstrip(os.sep) + os.sep)
