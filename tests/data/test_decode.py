"""Any image file becomes RGB uint8 as a person sees it, or an error that names it."""

import io
import os
import socket
import struct
import zlib

import numpy as np
import PIL
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


def png(bits, kind, row, width=3, **chunks):
    """One row of pixels; kind: 0 gray, 2 RGB, 3 palette, 4 gray and alpha, 6 RGBA."""
    header = struct.pack(">IIBBBBB", width, 1, bits, kind, 0, 0, 0)
    parts = {"IHDR": header, **chunks, "IDAT": zlib.compress(b"\0" + row), "IEND": b""}
    result = b"\x89PNG\r\n\x1a\n"
    for name, data in parts.items():
        body = name.encode() + data
        result += struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))
    return result


def tiff(bits, photometric, row, width=3, channels=1, order="<", **more):
    """One row of pixels; more: extra_samples, sample_format, compression."""
    tags = {
        256: [width], 257: [1], 258: [bits] * channels, 259: [more.get("compression", 1)],
        262: [photometric], 273: [8], 277: [channels], 278: [1], 279: [len(row)],
    }  # fmt: skip
    for number, name in ((338, "extra_samples"), (339, "sample_format")):
        if name in more:
            tags[number] = [more[name]]
    start = 8 + len(row) + len(row) % 2
    beyond, entries = b"", b""
    for number, values in tags.items():
        value = struct.pack(f"{order}{len(values)}H", *values)
        if len(value) > 4:
            place = start + 2 + 12 * len(tags) + 4 + len(beyond)
            beyond, value = beyond + value, struct.pack(order + "I", place)
        entries += struct.pack(order + "HHI", number, 3, len(values)) + value.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, start)
    listing = struct.pack(order + "H", len(tags)) + entries + bytes(4)
    return head + row + bytes(len(row) % 2) + listing + beyond


def words(*values, order=">"):
    return struct.pack(f"{order}{len(values)}H", *values)


def test_sixteen_bit_colour_keeps_its_high_byte():
    data = png(16, 2, words(0, 256, 65535, 32768, 511, 65279), width=2)
    np.testing.assert_array_equal(decode_image(data), [[[0, 1, 255], [128, 1, 254]]])


@pytest.mark.parametrize(
    ("bits", "row", "level", "seen"),
    [
        (1, bytes([0b01000000]), 1, [0, 255, 0]),
        (1, bytes([0b01000000]), 0, [255, 255, 255]),
        (2, bytes([0b00011000]), 1, [0, 255, 170]),
        (4, bytes([0x03, 0x50]), 3, [0, 255, 85]),
        (4, bytes([0x03, 0x50]), 0, [255, 51, 85]),
        (8, bytes([0, 7, 9]), 7, [0, 255, 9]),
        (16, words(0, 0x0700, 0x0701), 0x0700, [0, 255, 7]),
        (16, words(0, 5, 0x0505), 5, [0, 255, 5]),
        (16, words(0, 0xFFFE, 0xFFFF), 0, [255, 255, 255]),
    ],
)
def test_a_transparent_gray_level_lies_on_white(bits, row, level, seen):
    image = decode_image(png(bits, 0, row, tRNS=words(level)))
    assert image[0].tolist() == [[value] * 3 for value in seen]


def test_a_transparent_colour_is_told_from_its_neighbours_in_eight_and_sixteen_bits():
    image = decode_image(png(8, 2, bytes([1, 2, 3, 1, 2, 4]), width=2, tRNS=words(1, 2, 3)))
    assert image[0].tolist() == [[255] * 3, [1, 2, 4]]
    row = words(0x0102, 0x0203, 0x0304, 0x0103, 0x0203, 0x0304, 0x00FF, 0, 0)
    image = decode_image(png(16, 2, row, tRNS=words(0x0102, 0x0203, 0x0304)))
    assert image[0].tolist() == [[255] * 3, [1, 2, 3], [0, 0, 0]]
    image = decode_image(png(16, 2, row, tRNS=words(0, 0, 0)))
    assert image[0].tolist() == [[1, 2, 3], [1, 2, 3], [0, 0, 0]]


@pytest.mark.parametrize("kind", [0, 2])
def test_a_turned_picture_keeps_its_transparent_level(kind):
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned clockwise
    row = words(*[value for value in (1, 2, 3) for _ in range(kind + 1)])
    level = words(*[2] * (kind + 1))
    image = decode_image(png(16, kind, row, tRNS=level, eXIf=exif.tobytes()[6:]))
    assert image[:, 0, 0].tolist() == [0, 255, 0]


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("compression", [1, 8])
@pytest.mark.parametrize(
    ("bits", "row", "black_is_zero"),
    [
        (1, bytes([0b01000000]), [0, 255, 0]),
        (2, bytes([0b00011000]), [0, 85, 170]),
        (4, bytes([0x03, 0xF0]), [0, 51, 255]),
        (8, bytes([0, 7, 255]), [0, 7, 255]),
        (12, bytes([0, 0x07, 0x00, 0xFF, 0xF0]), [0, 0x70, 255]),
        (16, (0, 0x0700, 0xFFFF), [0, 7, 255]),
    ],
)
def test_gray_tiffs_count_from_black_or_from_white(bits, row, black_is_zero, compression, order):
    row = words(*row, order=order) if bits == 16 else row
    row = zlib.compress(row) if compression == 8 else row
    not_read = {(0, 12, "<"), (0, 12, ">"), (1, 12, ">"), (0, 16, ">")}  # by Pillow
    for photometric, seen in ((1, black_is_zero), (0, [255 - v for v in black_is_zero])):
        data = tiff(bits, photometric, row, compression=compression, order=order)
        if (photometric, bits, order) in not_read:
            with pytest.raises(UserError, match="TIFF whose kind of pixels is not read; save it"):
                decode_image(data)
        else:
            assert decode_image(data)[0].tolist() == [[value] * 3 for value in seen]


def test_gray_and_alpha_of_a_tiff_lie_on_white_multiplied_or_not():
    for extra_samples, seen in ((2, 177), (1, 227), (0, 100)):
        data = tiff(8, 1, bytes([100, 128]), 1, channels=2, extra_samples=extra_samples)
        if extra_samples < 2 and int(PIL.__version__.split(".")[0]) < 13:
            with pytest.raises(UserError, match="kind of pixels is not read"):
                decode_image(data)
            continue
        assert decode_image(data).tolist() == [[[seen] * 3]]


@pytest.mark.parametrize(("bits", "kind"), [(8, "signed"), (16, "signed"), (32, "32-bit")])
def test_signed_and_32_bit_pixels_are_refused_whatever_their_values(bits, kind):
    data = tiff(bits, 1, bytes(3 * bits // 8), sample_format=2)
    with pytest.raises(UserError, match=f"{kind} pixels have no defined look"):
        decode_image(data)


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


@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGB", "P", "1"])
@pytest.mark.parametrize("size", [(1100, 7), (3, 2050), (1024, 1025)])
def test_every_pixel_of_a_picture_of_several_tiles_is_its_own(mode, size):
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (size[1], size[0], 4), np.uint8))
    picture = noise.convert("RGB").convert(mode) if mode in ("P", "1") else noise.convert(mode)
    data = encoded(picture, "PNG", **({"transparency": 1} if mode == "P" else {}))
    whole = Image.open(io.BytesIO(data)).convert("RGBA")
    expected = Image.alpha_composite(Image.new("RGBA", size, "white"), whole).convert("RGB")
    np.testing.assert_array_equal(decode_image(data), np.asarray(expected))


@pytest.mark.skipif(not os.path.exists("/proc/self/clear_refs"), reason="Linux counts memory so")
@pytest.mark.parametrize("mode", ["RGBA", "LA", "RGB"])
def test_a_large_picture_takes_little_more_memory_than_its_pixels(mode):
    def memory(name):
        with open("/proc/self/status") as file:
            return next(int(line.split()[1]) << 10 for line in file if line.startswith(name))

    data = encoded(Image.new(mode, (4000, 3000)), "PNG")
    decode_image(encoded(Image.new(mode, (4, 3)), "PNG"))  # loads what is needed
    with open("/proc/self/clear_refs", "w") as file:
        file.write("5")  # the peak begins anew
    before = memory("VmRSS")
    assert decode_image(data).shape == (3000, 4000, 3)
    assert memory("VmHWM") - before < 12 * 4000 * 3000


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
