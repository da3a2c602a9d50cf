"""The names of a zip's members, which mostly do not say in which encoding they are.

A flag says UTF-8. Without it Windows writes the encoding of its region (GBK in China), macOS UTF-8;
zipfile takes both for that of DOS, and calls a folder in Chinese by rows of accents.
"""

import contextlib
import struct
import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass

from paddle_aug.core.encodings import UTF8, decode_names

_UTF8_FLAG = 0x800
_UNICODE_PATH = 0x7075


@dataclass(frozen=True)
class MemberNames:
    """names: in the zip's order. encoding: of those that did not say theirs, where it had to be
    concluded, else None; examples: some of these, as folders or files."""

    names: tuple[str, ...]
    encoding: str | None = None
    examples: tuple[str, ...] = ()


def decode_member_names(
    members: Sequence[zipfile.ZipInfo], encoding: str | None = None
) -> MemberNames:
    """Names as core/encodings.py reads those that do not say their encoding.

    encoding: of these where they are not UTF-8; None: GBK where they look like it.
    Raises UnicodeDecodeError.
    """
    stated = [_stated_name(member) for member in members]
    raw = [name for name in stated if isinstance(name, bytes)]
    decoded, used = decode_names(raw, encoding)
    following = iter(decoded)
    names = tuple(name if isinstance(name, str) else next(following) for name in stated)
    if used == UTF8:
        return MemberNames(names)
    parts = [part for name in decoded for part in name.split("/") if not part.isascii()]
    return MemberNames(names, used, tuple(dict.fromkeys(parts))[:3])


def _stated_name(member: zipfile.ZipInfo) -> str | bytes:
    """A member's name where its encoding is known, else its bytes."""
    name = member.orig_filename.partition("\0")[0]
    if member.flag_bits & _UTF8_FLAG:
        return name
    raw = name.encode("cp437")  # as zipfile read it, a character a byte
    return name if raw.isascii() else _unicode_path(member.extra, raw) or raw


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name that an extra field gives in UTF-8, where it is there and belongs to this name.

    Source: PKWARE's APPNOTE.TXT 4.6.9: version 1, the CRC-32 of the other name, the name.
    """
    while len(extra) >= 4:
        kind, size = struct.unpack_from("<HH", extra)
        if kind == _UNICODE_PATH and 5 < size <= len(extra) - 4:
            version, crc = struct.unpack_from("<BL", extra, 4)
            if version == 1 and crc == zlib.crc32(raw):
                with contextlib.suppress(UnicodeDecodeError):
                    return extra[9 : 4 + size].decode(UTF8)
        extra = extra[4 + size :]
    return None
