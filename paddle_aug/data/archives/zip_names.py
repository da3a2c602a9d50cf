"""Decoding the file names in a zip, whose encoding is often not recorded.

A flag marks names in UTF-8. Without it Windows writes its regional encoding (GBK in China) and
macOS UTF-8, but zipfile decodes both as that of DOS, so that a Chinese name becomes a row of
accents.
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
    """names: in the zip's order. encoding: the one concluded for names without a recorded encoding,
    None where there are none. examples: some of these names."""

    names: tuple[str, ...]
    encoding: str | None = None
    examples: tuple[str, ...] = ()


def decode_member_names(
    members: Sequence[zipfile.ZipInfo], encoding: str | None = None
) -> MemberNames:
    """The members' names; those without a recorded encoding are decoded by core/encodings.py.

    encoding: of these if they are not UTF-8; None: GBK where they look like it.
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
    """A member's name if its encoding is recorded, else its bytes."""
    name = member.orig_filename.partition("\0")[0]
    if member.flag_bits & _UTF8_FLAG:
        return name
    raw = name.encode("cp437")  # undoes zipfile's decoding
    return name if raw.isascii() else _unicode_path(member.extra, raw) or raw


def _unicode_path(extra: bytes, raw: bytes) -> str | None:
    """The name in UTF-8 from the member's extra field, if there is one that belongs to this name.

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
