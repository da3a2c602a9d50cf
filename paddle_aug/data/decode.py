"""Read an image file as RGB uint8, looking as a viewer shows it, or raise an error.

Formats: JPEG, PNG, BMP, GIF, WebP, TIFF, PPM/PGM, recognised by content, not by the file's name.
Gray becomes three equal channels (inverted for a TIFF in which 0 is white); palettes are looked up;
transparent parts are put on white; CMYK is converted; 12- and 16-bit values keep their high eight
bits; an EXIF orientation is applied; of an animation or a multi-page file the first frame is read.
Colour profiles are ignored. Damage in the middle of a JPEG that keeps its end marker shows as grey
blocks and cannot be detected.
"""

import functools
import io
import itertools
import os
import warnings
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import ImageError, UserError
from paddle_aug.core.safe_files import read_bytes

# The size from which Pillow warns: 0.25 GB of RGB. Decoding takes 5 to 9 bytes a pixel at its peak,
# 0.8 GB; only WebP takes 17, and a PNG of 16-bit colours of which one is transparent 20.
MAX_PIXELS = 89_478_485
MAX_FILE_BYTES = 512 << 20
_TILE = 1024
FORMATS = ("JPEG", "MPO", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM")
SUFFIXES = (
    ".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp", ".tif", ".tiff",
    ".ppm", ".pgm", ".pbm", ".pnm",
)  # fmt: skip

# Tags of a TIFF, and values of them.
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_WHITE_IS_ZERO, _SIGNED = 0, 2

# This module checks the size itself, before decoding, and raises.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

# Older editions of OpenCV cannot decode to RGB directly.
_DIRECT_RGB = getattr(cv2, "IMREAD_COLOR_RGB", None)


def read_image(path: str | os.PathLike[str]) -> np.ndarray:
    """Decode an image file: uint8 [height, width, 3], RGB, contiguous.

    Raises ImageError with the path and the reason: missing, unreadable, not an ordinary file,
    empty, not an image of the known formats, cut off or damaged, more than MAX_PIXELS (checked
    before decoding), or pixels without a defined look (32-bit, signed, floating point).
    """
    try:
        return decode_image(read_bytes(path, MAX_FILE_BYTES), path)
    except UserError as error:
        name = os.fspath(path)
        raise ImageError(str(error).replace(name, readable(name))) from None


def decode_image(data: bytes, path: str | os.PathLike[str] = "image") -> np.ndarray:
    """Decode an image file's bytes as `read_image` does; `path` is named in errors."""
    if not data:
        raise UserError(f"{path}: the file is empty (0 bytes)")
    try:
        if data[:3] == b"\xff\xd8\xff":
            image = _decode_jpeg(data)
            if image is not None:
                return image
        return _decode_with_pillow(data)
    except _RefusedError as error:
        raise UserError(f"{path}: {error}") from None
    # Broken bytes make decoders raise exceptions of many kinds (struct, Index, Value, Syntax...).
    except Exception as error:
        raise UserError(f"{path}: damaged or cut off ({error})") from None


class _RefusedError(Exception):
    """Why an image is refused; the message lacks the path."""


def _decode_jpeg(data: bytes) -> np.ndarray | None:
    """Fast path for 8-bit gray and colour JPEG; None where Pillow must decode it."""
    header = _jpeg_header(data)
    if header is None:
        return None
    height, width, scan_start = header
    _check_size(width, height)
    # OpenCV silently fills missing parts with gray. The end marker 0xFFD9 cannot occur inside a
    # scan, so a file without it is cut off; that of a thumbnail lies before scan_start.
    if data.find(b"\xff\xd9", scan_start) < 0:
        raise _RefusedError("the JPEG is cut off (its end marker is missing)")
    buffer = np.frombuffer(data, np.uint8)
    if _DIRECT_RGB is not None:
        image = cv2.imdecode(buffer, _DIRECT_RGB)
    else:
        image = cv2.imdecode(buffer, cv2.IMREAD_COLOR)
        image = None if image is None else cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    if image is None or sorted(image.shape[:2]) != sorted((height, width)):
        return None
    return np.ascontiguousarray(image)


def _jpeg_header(data: bytes) -> tuple[int, int, int] | None:
    """Height, width and position of the first scan; None for a JPEG of another kind."""
    position, size = 2, None
    while position + 9 < len(data) and data[position] == 0xFF:
        marker = data[position + 1]
        if marker == 0xFF:
            position += 1
            continue
        length = int.from_bytes(data[position + 2 : position + 4], "big")
        if marker in (0xC0, 0xC1, 0xC2):
            precision, channels = data[position + 4], data[position + 9]
            if precision != 8 or channels not in (1, 3):
                return None
            size = (
                int.from_bytes(data[position + 5 : position + 7], "big"),
                int.from_bytes(data[position + 7 : position + 9], "big"),
            )
        elif marker == 0xDA:
            return (*size, position) if size else None
        elif 0xD0 <= marker <= 0xD9:
            return None
        position += 2 + length
    return None


def _decode_with_pillow(data: bytes) -> np.ndarray:
    try:
        picture: Image.Image = Image.open(io.BytesIO(data), formats=_known_formats())
    except Image.DecompressionBombError:
        raise _RefusedError(f"more than {MAX_PIXELS:,} pixels: not decoded") from None
    except UnidentifiedImageError:
        raise _RefusedError(_not_an_image(data)) from None
    _check_size(*picture.size)
    if picture.format == "PNG" and b"IEND" not in data:
        raise _RefusedError("the PNG is cut off (its end marker is missing)")
    picture.load()
    tags = getattr(picture, "tag_v2", {})  # of a TIFF
    _check_pixels(picture, tags)
    _keep_transparent_level(picture, data)
    ImageOps.exif_transpose(picture, in_place=True)
    if picture.mode.startswith("I"):
        picture = _gray_of_many_levels(picture, tags)
    width, height = picture.size
    pixels = np.empty((height, width, 3), np.uint8)
    # In tiles, as each step from Pillow's pixels to these takes four bytes a pixel.
    for top, left in itertools.product(range(0, height, _TILE), range(0, width, _TILE)):
        bottom, right = min(top + _TILE, height), min(left + _TILE, width)
        tile = picture.crop((left, top, right, bottom))
        pixels[top:bottom, left:right] = np.asarray(_on_white(tile))
    return pixels


def _on_white(picture: Image.Image) -> Image.Image:
    """A picture of 8 bits as RGB, its transparent parts on white."""
    if picture.mode == "La":  # gray premultiplied by its alpha
        picture = picture.convert("LA")
    if picture.has_transparency_data:
        white = Image.new("RGBA", picture.size, "white")
        picture = Image.alpha_composite(white, picture.convert("RGBA"))
    return picture.convert("RGB")


@functools.cache
def _known_formats() -> tuple[str, ...]:
    """Those of FORMATS that this Pillow can read. EPS is none: reading it runs Ghostscript."""
    Image.init()
    return tuple(name for name in FORMATS if name in Image.OPEN)


def _check_pixels(picture: Image.Image, tags: Mapping[int, Any]) -> None:
    """Raise _RefusedError for pixels of which no value is defined as black or white."""
    kind = None
    if picture.mode == "F":
        kind = "floating-point"
    elif max(tags.get(_BITS, (8,))) > 16:
        kind = "32-bit"
    elif _SIGNED in tags.get(_SAMPLE_FORMAT, ()):
        kind = "signed"
    if kind is not None:
        raise _RefusedError(f"{kind} pixels have no defined look; convert it to 8 bits")


def _keep_transparent_level(picture: Image.Image, data: bytes) -> None:
    """Correct the gray level or colour that a PNG declares transparent.

    The file gives that level in its own number of bits, while Pillow's picture has 8 bits.
    """
    level = picture.info.get("transparency")
    if picture.format != "PNG" or level is None:
        return
    bits = data[24]
    if picture.mode == "L" and level < 1 << bits < 256:
        picture.info["transparency"] = level * 255 // ((1 << bits) - 1)
    elif picture.mode == "RGB" and bits == 16:
        # Pillow has dropped the low bytes; OpenCV makes an alpha channel before it drops them.
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
        if pixels is None or pixels.shape != (picture.height, picture.width, 4):
            raise _RefusedError("16-bit colours with a transparent one; convert it to 8 bits")
        del picture.info["transparency"]
        picture.putalpha(_alpha(pixels[..., 3] > 0))


def _gray_of_many_levels(picture: Image.Image, tags: Mapping[int, Any]) -> Image.Image:
    """8-bit gray from pixels of 12 or 16 bits, with alpha where a level is transparent."""
    bits, values = max(tags.get(_BITS, (16,))), np.asarray(picture)
    gray = values if tags.get(_PHOTOMETRIC) != _WHITE_IS_ZERO else (1 << bits) - 1 - values
    result = Image.fromarray((gray >> (bits - 8)).astype(np.uint8))
    if "transparency" in picture.info:
        result.putalpha(_alpha(values != picture.info["transparency"]))
    return result


def _alpha(opaque: np.ndarray) -> Image.Image:
    return Image.fromarray(opaque.astype(np.uint8) * np.uint8(255))


def _check_size(width: int, height: int) -> None:
    if width * height > MAX_PIXELS:
        raise _RefusedError(
            f"{width} x {height} pixels is more than the limit of {MAX_PIXELS:,}: not decoded"
        )
    if width < 1 or height < 1:
        raise _RefusedError(f"{width} x {height} pixels: nothing to see")


def _not_an_image(data: bytes) -> str:
    if not data.strip(b"\0"):
        return "only zero bytes; the copy or download did not finish"
    if data[:4] in (b"II*\0", b"MM\0*"):
        return "a TIFF whose kind of pixels is not read; save it as PNG"
    return "not an image (JPEG, PNG, BMP, GIF, WebP, TIFF and PPM are read)"
