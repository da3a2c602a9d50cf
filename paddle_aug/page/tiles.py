"""Small images with captions; the pictures are inside the page as data: addresses."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from PIL import Image

LARGEST = 96  # pixels of the longer side
# Up to this size images are stored without loss; larger ones, mostly photographs, as JPEG.
_PIXEL_ART = 40
_JPEG_QUALITY = 82


@dataclass(frozen=True)
class Tile:
    """address: of the picture, data:...; None where there is only the text. small: enlarge it
    without smoothing. lines: the caption; alt: what the picture shows, in words."""

    address: str | None
    small: bool
    lines: tuple[str, ...]
    alt: str


def tile(image: np.ndarray, lines: tuple[str, ...], alt: str) -> Tile:
    """image: uint8 [H, W, 3], made smaller where it is larger than LARGEST."""
    picture = Image.fromarray(image)
    small = max(picture.size) <= _PIXEL_ART
    file = io.BytesIO()
    if small:
        picture.save(file, "PNG", optimize=True)
        kind = "png"
    else:
        picture.thumbnail((LARGEST, LARGEST), Image.Resampling.LANCZOS)
        picture.save(file, "JPEG", quality=_JPEG_QUALITY, optimize=True)
        kind = "jpeg"
    return Tile(_in_words(kind, file.getvalue()), small, lines, alt)


def heat_map(shares: np.ndarray) -> str:
    """A picture of numbers in [0, 1], float [H, W]: white to dark blue; its address."""
    dark = np.array([8, 48, 107])
    pixels = np.rint(255 + (dark - 255) * np.sqrt(shares)[:, :, None]).astype(np.uint8)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG", optimize=True)
    return _in_words("png", file.getvalue())


def _in_words(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"
