"""Decoding of texts and file names: UTF-8, UTF-16 by its byte-order mark, else GBK.

Bytes that are not UTF-8 are taken for GBK only where they look like Chinese text: nine in ten of
its characters must be in GB2312, the everyday part of GBK, and none may stand alone between Latin
letters, as the accents of a German or French word would. Text in other encodings rarely passes.

A Chinese character of two bytes, in GBK and the like, may be valid UTF-8, but then for an Armenian
or Arabic letter or the like (below U+0800); in UTF-8 a Chinese character has three bytes.
"""

import codecs
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence

from paddle_aug.core.errors import UserError

UTF8 = "UTF-8"
GBK = "GBK"
_GB2312_SHARE = 0.9
_LATIN_WORD = re.compile(r"[A-Za-z][^\x00-\x7f][A-Za-z]")
# Byte-order marks and their encodings; UTF-32's mark begins like UTF-16's, so it is tried first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig", UTF8),
    (codecs.BOM_UTF32_LE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "UTF-16"),
)


def check_encoding(name: str | None) -> None:
    """Raise UserError unless `name` is None or a text encoding that Python knows."""
    try:
        "".encode(name or UTF8)
    except (LookupError, ValueError):
        raise UserError(
            f"encoding: {name!r} is unknown; try gbk, gb18030, big5, shift_jis, euc_kr or cp437"
        ) from None


def decode_text(data: bytes, encoding: str | None = None) -> tuple[str, str]:
    """The text of a file's bytes without its byte-order mark, and the encoding's name.

    encoding: of bytes without a mark, as `decode_names` takes it. Raises UnicodeDecodeError.
    """
    for mark, codec, name in _MARKS:
        if data.startswith(mark):
            return data.decode(codec), name
    (text,), used = decode_names([data], encoding)
    return text, used


def decode_names(names: Sequence[bytes], encoding: str | None = None) -> tuple[list[str], str]:
    """Names of one origin, such as those in a zip, decoded, and the encoding's name.

    encoding: of the names that are not UTF-8, and of those that have as many characters in it, none
    of which would be Chinese in UTF-8; None: GBK where they look like it.
    Raises UnicodeDecodeError.
    """
    foreign = b"\n".join(name for name in names if not _is_utf8(name))
    if encoding is None and not _looks_like_gbk(foreign):
        foreign.decode(UTF8)  # raises
    if encoding is None and not foreign:
        return [name.decode(UTF8) for name in names], UTF8
    codec = encoding or GBK
    own = {
        name
        for name in names
        if not _is_utf8(name)
        or (_may_be_in(codec, name) and (encoding is not None or _looks_like_gbk(name)))
    }
    return [name.decode(codec if name in own else UTF8) for name in names], codec if own else UTF8


def _may_be_in(codec: str, name: bytes) -> bool:
    """Whether a name that is UTF-8 may be in the encoding `codec` as well as that."""
    text = name.decode(UTF8)
    try:
        other = name.decode(codec)
    except UnicodeDecodeError:
        return False
    two_bytes_each = len(other) == len(text) and max(text, default="") < "\u0800"
    return two_bytes_each and other != text and not name.isascii()


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode(UTF8)
    except UnicodeDecodeError:
        return False
    return True


def _looks_like_gbk(data: bytes) -> bool:
    try:
        text = data.decode(GBK)
    except UnicodeDecodeError:
        return False
    if _LATIN_WORD.search(text):
        return False
    counts = Counter(text)
    chinese = {character: n for character, n in counts.items() if not character.isascii()}
    common = sum(n for character, n in chinese.items() if _in_gb2312(character))
    return common >= _GB2312_SHARE * sum(chinese.values())


def _in_gb2312(character: str) -> bool:
    try:
        character.encode("gb2312")
    except UnicodeEncodeError:
        return False
    return True


def readable(path: str) -> str:
    """A path for messages: bytes that are not UTF-8 are decoded as GBK where they look like it,
    else shown as \\xNN.

    Python keeps such bytes as lone surrogates, which nothing can print or write to a file.
    """
    if path.isascii():
        return path
    try:
        parts = os.fsencode(path).split(b"/")
    except UnicodeEncodeError:  # not a path of this system
        return path.encode(UTF8, "backslashreplace").decode(UTF8)
    try:
        return "/".join(decode_names(parts)[0])
    except UnicodeDecodeError:
        return "/".join(part.decode(UTF8, "backslashreplace") for part in parts)


def spellings(path: str) -> list[str]:
    """How a path that was read from a text may be spelled on the disk: as it is; with accents as
    macOS stores them, and as others do; in GBK, as unzipped from Windows; and in UTF-8, whatever
    the system's encoding."""
    if path.isascii():
        return [path]
    forms = [path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD"))]
    for codec in (GBK, UTF8):
        try:
            forms.append(os.fsdecode(path.encode(codec)))
        except UnicodeEncodeError:
            continue
    return list(dict.fromkeys(forms))
