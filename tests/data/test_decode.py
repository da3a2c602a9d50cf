"""Any image file becomes RGB uint8 as a person sees it, or an error that names it."""

import io
import os
import socket
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from paddle_aug.core.errors import UserError
from paddle_aug.data import decode as images
from paddle_aug.data.decode import decode_image, read_image


def pixels(height=7, width=11, seed=0):
    """A smooth picture, so that JPEG keeps it within a few grey levels."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([x * 255 / width, y * 255 / height, (x + y) * 127 / (height + width)], 2)
    return base.astype(np.uint8)


def encoded(image, fmt, **options):
    buffer = io.BytesIO()
    image.save(buffer, fmt, **options)
    return buffer.getvalue()


def jpeg(height=71, width=113):
    return encoded(Image.fromarray(pixels(height, width)), "JPEG", quality=95)


@pytest.mark.parametrize("fmt", ["PNG", "BMP", "TIFF", "PPM"])
def test_lossless_formats_keep_every_pixel_whatever_the_file_is_called(tmp_path, fmt):
    path = tmp_path / "picture.jpg"
    path.write_bytes(encoded(Image.fromarray(pixels()), fmt))
    image = read_image(path)
    assert image.dtype == np.uint8 and image.flags.c_contiguous and image.flags.writeable
    np.testing.assert_array_equal(image, pixels())


def test_jpeg_is_decoded_as_pillow_decodes_it():
    data = jpeg()
    expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    np.testing.assert_array_equal(decode_image(data), expected)
    assert decode_image(data).flags.c_contiguous


def test_progressive_and_gray_jpeg_take_the_fast_path_to_the_same_pixels():
    gray = encoded(Image.fromarray(pixels(33, 35)[..., 0]), "JPEG")
    progressive = encoded(Image.fromarray(pixels(33, 35)), "JPEG", progressive=True)
    for data in (gray, progressive):
        assert images._decode_jpeg(data) is not None
        expected = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
        np.testing.assert_array_equal(decode_image(data), expected)


@pytest.mark.parametrize("fmt", ["JPEG", "PNG"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_every_exif_orientation_is_applied(fmt, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.fromarray(pixels(16, 40)), fmt, exif=exif)
    upright = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert decode_image(data).shape == ((16, 40, 3) if orientation < 5 else (40, 16, 3))
    np.testing.assert_array_equal(decode_image(data), np.asarray(upright))


def test_gray_becomes_three_equal_channels():
    image = decode_image(encoded(Image.fromarray(pixels()[..., 0]), "PNG"))
    for channel in range(3):
        np.testing.assert_array_equal(image[..., channel], pixels()[..., 0])


def test_sixteen_bit_gray_keeps_its_high_byte():
    values = np.array([[0, 255, 256], [32768, 65279, 65535]], np.uint16)
    image = decode_image(encoded(Image.fromarray(values), "PNG"))
    np.testing.assert_array_equal(image[..., 0], [[0, 0, 1], [128, 254, 255]])


def test_sixteen_bit_colour_keeps_its_high_byte():
    values = struct.pack(">6H", 0, 256, 65535, 32768, 511, 65279)

    def chunk(kind, data):
        body = kind + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", 2, 1, 16, 2, 0, 0, 0))
    png += chunk(b"IDAT", zlib.compress(b"\0" + values)) + chunk(b"IEND", b"")
    np.testing.assert_array_equal(decode_image(png), [[[0, 1, 255], [128, 1, 254]]])


def test_one_bit_images_are_black_and_white():
    bits = Image.fromarray(np.array([[0, 255, 0]], np.uint8)).convert("1")
    np.testing.assert_array_equal(decode_image(encoded(bits, "PNG"))[0, :, 0], [0, 255, 0])


def test_palette_is_looked_up():
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 150, 100])
    picture.putpixel((1, 0), 1)
    np.testing.assert_array_equal(
        decode_image(encoded(picture, "PNG")), [[[10, 20, 30], [200, 150, 100]]]
    )


def test_transparent_parts_lie_on_white():
    rgba = np.array([[[200, 0, 0, 255], [200, 0, 0, 0], [0, 0, 0, 51]]], np.uint8)
    image = decode_image(encoded(Image.fromarray(rgba), "PNG"))
    np.testing.assert_array_equal(image, [[[200, 0, 0], [255, 255, 255], [204, 204, 204]]])


def test_a_transparent_palette_colour_lies_on_white():
    picture = Image.new("P", (2, 1))
    picture.putpalette([10, 20, 30, 200, 150, 100])
    picture.putpixel((1, 0), 1)
    image = decode_image(encoded(picture, "PNG", transparency=0))
    np.testing.assert_array_equal(image, [[[255, 255, 255], [200, 150, 100]]])


def test_cmyk_jpeg_shows_its_colours():
    # No ink is white, full cyan lacks red.
    for ink, seen in (((0, 0, 0, 0), (255, 255, 255)), ((255, 0, 0, 0), (0, 255, 255))):
        data = encoded(Image.new("CMYK", (8, 8), ink), "JPEG", quality=100)
        assert np.abs(decode_image(data).astype(int) - seen).max() <= 3


@pytest.mark.parametrize("fmt", ["GIF", "WEBP", "TIFF", "PNG"])
def test_the_first_frame_of_an_animation_counts(fmt):
    red, blue = Image.new("RGB", (5, 3), (255, 0, 0)), Image.new("RGB", (5, 3), (0, 0, 255))
    data = encoded(red, fmt, save_all=True, append_images=[blue])
    image = decode_image(data)
    assert image.shape == (3, 5, 3)
    assert np.abs(image.astype(int) - (255, 0, 0)).max() <= 2


@pytest.mark.parametrize("size", [(1, 1), (1, 3000), (3000, 1)])
def test_extreme_shapes_are_read(size):
    image = decode_image(encoded(Image.new("RGB", size, (1, 2, 3)), "PNG"))
    assert image.shape == (size[1], size[0], 3)
    assert (image == (1, 2, 3)).all()


@pytest.mark.parametrize("keep", [0.3, 0.6, 0.9, 0.999])
@pytest.mark.parametrize("fmt", ["JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP"])
def test_a_cut_off_file_is_refused(fmt, keep):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (61, 67, 3), np.uint8))
    data = encoded(noise, fmt)
    with pytest.raises(UserError, match=r"^cut\.x: "):
        decode_image(data[: int(len(data) * keep)], "cut.x")


def test_a_jpeg_whose_end_is_zeros_is_refused():
    data = jpeg()
    with pytest.raises(UserError, match="cut off"):
        decode_image(data[: len(data) // 2] + bytes(len(data) - len(data) // 2))


def test_a_thumbnails_end_marker_does_not_hide_that_the_jpeg_is_cut_off():
    thumbnail = jpeg(9, 9)
    data = jpeg()
    block = b"Exif\0\0" + thumbnail
    data = data[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + data[2:]
    assert decode_image(data).shape == (71, 113, 3)
    with pytest.raises(UserError, match="cut off"):
        decode_image(data[:-300])


def test_what_follows_the_end_of_a_jpeg_does_not_matter():
    np.testing.assert_array_equal(decode_image(jpeg() + b"trailer" * 9), decode_image(jpeg()))


def test_a_damaged_png_is_refused():
    data = bytearray(encoded(Image.fromarray(pixels(40, 40)), "PNG"))
    data[len(data) // 2] ^= 0xFF
    with pytest.raises(UserError, match="damaged"):
        decode_image(bytes(data))


def bomb_png(width, height):
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(
        ">I", zlib.crc32(header)
    ) + struct.pack(">I", 0) + b"IDAT" + struct.pack(">I", zlib.crc32(b"IDAT"))  # fmt: skip


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [10_000, 15_000, 60_000])
def test_huge_dimensions_are_refused_before_decoding(side):
    with pytest.raises(UserError, match="pixels"):
        decode_image(bomb_png(side, side))
    claim = bytearray(jpeg())
    at = claim.index(b"\xff\xc0")
    claim[at + 5 : at + 9] = struct.pack(">HH", side, side)
    with pytest.raises(UserError, match=f"{side} x {side} pixels"):
        decode_image(bytes(claim))


def test_pixels_without_a_defined_look_are_refused():
    for array in (np.full((3, 3), 0.5, np.float32), np.full((3, 3), 1 << 20, np.int32)):
        with pytest.raises(UserError, match="no defined look"):
            decode_image(encoded(Image.fromarray(array), "TIFF"))


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "0 bytes"), (bytes(999), "only zero bytes"), (b"hello", "not an image"),
     (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not an image")],
)  # fmt: skip
def test_what_is_no_image_is_refused_with_the_reason(tmp_path, data, reason):
    path = tmp_path / "picture.png"
    path.write_bytes(data)
    with pytest.raises(UserError, match=f"picture.png: .*{reason}"):
        read_image(path)


def test_what_is_no_ordinary_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    listener = socket.socket(socket.AF_UNIX)
    old = os.getcwd()
    os.chdir(tmp_path)  # a socket's path must be short
    listener.bind("socket.png")
    os.chdir(old)
    reasons = {"pipe": "named pipe", "folder": "directory", "socket": "socket", "gone": "no such"}
    for name, reason in reasons.items():
        with pytest.raises(UserError, match=f"{name}.png: .*{reason}"):
            read_image(tmp_path / f"{name}.png")
    listener.close()
    with pytest.raises(UserError, match="/dev/zero: is a device"):
        read_image("/dev/zero")


def test_a_path_with_a_nul_character_is_an_error_of_ours():
    with pytest.raises(UserError, match="cannot be opened"):
        read_image("a\0b.png")


def test_a_file_that_may_not_be_read_says_so(tmp_path, monkeypatch):
    path = tmp_path / "secret.png"
    path.write_bytes(b"x")

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(UserError, match=r"secret\.png: may not be read"):
        read_image(path)


def test_a_file_over_the_size_limit_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_FILE_BYTES", 100)
    path = tmp_path / "large.png"
    path.write_bytes(bytes(101))
    with pytest.raises(UserError, match="101 bytes, the limit is 100"):
        read_image(path)


SAMPLES = [
    jpeg(9, 13),
    *(encoded(Image.fromarray(pixels()), fmt) for fmt in ("PNG", "GIF", "TIFF", "WEBP", "BMP")),
]


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow's, about broken EXIF
@settings(max_examples=int(os.environ.get("PADDLE_AUG_FUZZ", "60")), deadline=None)
@given(st.sampled_from(SAMPLES), st.data())
def test_broken_bytes_give_an_image_or_our_own_error(sample, data):
    broken = bytearray(sample)
    for _ in range(data.draw(st.integers(1, 4))):
        broken[data.draw(st.integers(0, len(broken) - 1))] = data.draw(st.integers(0, 255))
    broken = broken[: data.draw(st.integers(0, len(broken)))]
    try:
        image = decode_image(bytes(broken))
    except UserError:
        return
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3
