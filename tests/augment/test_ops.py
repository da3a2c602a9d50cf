"""The eight operations and the two-image mixes against expected values."""

import colorsys
import json
import math
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageEnhance

from paddle_aug.augment import ops
from paddle_aug.augment.ops import imgaug, resampling
from paddle_aug.batches.normalise import to_chw
from paddle_aug.core.errors import UserError
from paddle_aug.mix import images

with np.load(
    Path(__file__).parent.parent / "golden" / "seed_ops.npz", allow_pickle=False
) as _golden:
    ARRAYS = {name: _golden[name] for name in _golden.files}
CASES = json.loads(ARRAYS.pop("spec").tobytes())["cases"]

IMAGES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 11), st.integers(1, 11), st.just(3)),
    elements=st.integers(0, 255),
)
FACTORS = st.floats(0, 3, allow_subnormal=False)
EVERY_OP = {
    "brightness": lambda image: ops.brightness(image, 1.3),
    "contrast": lambda image: ops.contrast(image, 0.7),
    "color": lambda image: ops.color(image, 1.4),
    "sharpness": lambda image: ops.sharpness(image, 1.5),
    "crop nearest": lambda image: ops.crop(image, 1.2, 1.4, "nearest"),
    "crop bilinear": lambda image: ops.crop(image, 1.2, 1.4, "bilinear"),
    "crop bicubic": lambda image: ops.crop(image, 1.2, 1.4, "bicubic"),
    "crop lanczos": lambda image: ops.crop(image, 1.2, 1.4, "lanczos"),
    "flip": lambda image: ops.flip(image, True, True),
    "rotate": lambda image: ops.rotate(image, 33),
    "noise": lambda image: ops.noise(image, 4.0, 7),
    "gray noise": lambda image: ops.noise(image, 4.0, 7, per_channel=False),
}


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A smooth random image that uses all grey levels."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 6 + 2, width // 6 + 2, 3), np.uint8)
    return cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)


def ours(case: dict) -> np.ndarray:
    arguments = dict(case["args"])
    inputs = [ARRAYS[case["image"]]]
    if "other" in arguments:
        inputs.append(ARRAYS[arguments.pop("other")])
    if "degrees_ccw" in arguments:
        arguments["degrees"] = arguments.pop("degrees_ccw")
    return getattr(images if hasattr(images, case["op"]) else ops, case["op"])(*inputs, **arguments)


def cases(*names: str) -> list:
    chosen = [
        case
        for case in CASES
        if case["op"] in names or f"{case['op']} {case['args'].get('resample')}" in names
    ]
    assert chosen
    return [pytest.param(case, id=case["array"]) for case in chosen]


@pytest.mark.parametrize(
    "case", cases("brightness", "contrast", "flip", "crop nearest", "sample_pairing", "mixup")
)
def test_golden_case_is_met_exactly(case):
    result, expected = ours(case), ARRAYS[case["array"]]
    assert result.dtype == expected.dtype
    np.testing.assert_array_equal(result, expected)


@pytest.mark.parametrize("case", cases("color", "sharpness", "crop bilinear"))
def test_golden_case_is_met_within_a_grey_level_and_without_drift(case):
    error = ours(case).astype(int) - ARRAYS[case["array"]]
    assert np.abs(error).max() <= 1
    assert abs(error.mean()) < 0.3


@pytest.mark.parametrize("case", cases("crop bicubic", "crop lanczos"))
def test_golden_case_of_a_long_filter_is_met_almost_exactly(case):
    error = ours(case).astype(int) - ARRAYS[case["array"]]
    assert np.abs(error).max() <= 1
    assert (error == 0).mean() > 0.99


@pytest.mark.parametrize("case", cases("rotate"))
def test_golden_rotation_is_met_on_nearly_all_pixels(case):
    assert (ours(case) == ARRAYS[case["array"]]).mean() >= 0.998


@settings(max_examples=60, deadline=None)
@given(IMAGES, FACTORS)
def test_brightness_and_contrast_are_pillows_on_any_image(image, factor):
    pillow = Image.fromarray(image)
    bright = np.asarray(ImageEnhance.Brightness(pillow).enhance(factor))
    contrasted = np.asarray(ImageEnhance.Contrast(pillow).enhance(factor))
    np.testing.assert_array_equal(ops.brightness(image, factor), bright)
    np.testing.assert_array_equal(ops.contrast(image, factor), contrasted)


@settings(max_examples=60, deadline=None)
@given(IMAGES, st.floats(0, 2))
def test_color_and_sharpness_are_pillows_within_a_level_on_any_image(image, factor):
    pillow = Image.fromarray(image)
    colored = np.asarray(ImageEnhance.Color(pillow).enhance(factor)).astype(int)
    sharp = np.asarray(ImageEnhance.Sharpness(pillow).enhance(factor)).astype(int)
    assert np.abs(ops.color(image, factor) - colored).max() <= 1
    assert np.abs(ops.sharpness(image, factor) - sharp).max() <= 1


SIZES = [(7, 11), (97, 61), (64, 48), (11, 120), (3, 5)]


@pytest.mark.parametrize("resample", ops.RESAMPLES)
@pytest.mark.parametrize("size", SIZES)
def test_resize_is_pillows_to_the_bit_up_and_down(resample, size):
    image = photo(64, 48)
    expected = Image.fromarray(image).resize(size[::-1], Image.Resampling[resample.upper()])
    np.testing.assert_array_equal(ops.resize(image, *size, resample), np.asarray(expected))


@pytest.mark.parametrize("size", SIZES)
def test_resize_without_antialiasing_is_opencvs_linear_to_the_bit(size):
    image = photo(64, 48)
    expected = cv2.resize(image, size[::-1], interpolation=cv2.INTER_LINEAR)
    found = ops.resize(image, *size, antialias=False)
    np.testing.assert_array_equal(found, expected)
    assert found.flags.writeable and found.flags.c_contiguous


def test_antialiasing_takes_noise_away_and_four_pixels_keep_it():
    noise = np.random.default_rng(0).integers(0, 256, (320, 320, 3), np.uint8)
    smooth, coarse = (ops.resize(noise, 32, 32, antialias=a).std() for a in (True, False))
    # The mean of 100 pixels under a triangle, and of four in the middle.
    assert smooth == pytest.approx(5, abs=1) and coarse == pytest.approx(37, abs=2)


@pytest.mark.parametrize("resample", ["nearest", "bicubic", "lanczos"])
def test_only_bilinear_can_do_without_antialiasing(resample):
    with pytest.raises(ValueError, match=f"antialias false is for bilinear only, not .*{resample}"):
        ops.resize(photo(4, 4), 2, 2, resample, antialias=False)


def test_a_filter_has_one_name_in_words():
    assert ops.filter_in_words("bilinear", False) == "bilinear, not antialiased"
    assert ops.filter_in_words("bicubic", True) == "bicubic, antialiased"
    assert ops.filter_in_words("nearest", True) == "nearest"


@pytest.mark.parametrize("resample", ops.RESAMPLES)
@pytest.mark.parametrize("size", SIZES)
def test_fast_resize_is_within_a_grey_level(resample, size):
    image = photo(64, 48)
    expected = Image.fromarray(image).resize(size[::-1], Image.Resampling[resample.upper()])
    error = np.abs(ops.resize_fast(image, *size, resample).astype(int) - np.asarray(expected))
    # Pillow's newer versions may shrink the rows first, which clips overshoots elsewhere.
    assert (error <= (0 if resample == "nearest" else 1)).mean() >= 0.98
    assert error.max() <= {"nearest": 0, "bilinear": 1}.get(resample, 8)


@given(st.integers(1, 60), st.integers(1, 60), st.integers(0, 255))
@pytest.mark.parametrize("resample", ops.RESAMPLES)
def test_a_picture_of_one_colour_keeps_it_at_any_size(resample, old, new, level):
    image = np.full((old, 3, 3), level, np.uint8)
    for resize in (ops.resize, ops.resize_fast):
        np.testing.assert_array_equal(
            resize(image, new, 5, resample), np.full((new, 5, 3), level, np.uint8)
        )


@given(st.integers(1, 3000), st.integers(1, 300))
@pytest.mark.parametrize("resample", ops.RESAMPLES[1:])
def test_resampling_sums_are_whole_numbers_that_float32_holds(resample, old, new):
    _, weights = resampling._row_weights(old, new, resample)
    np.testing.assert_array_equal(weights, np.rint(weights))
    assert np.abs(weights).sum(axis=2).max() * 255 < 1 << 24


def test_a_large_picture_is_resampled_in_parts_with_the_same_result(monkeypatch):
    image = photo(37, 41)
    whole = ops.resize_fast(image, 23, 55, "lanczos")
    monkeypatch.setattr(resampling, "_MOST_AT_ONCE", 500)
    np.testing.assert_array_equal(ops.resize_fast(image, 23, 55, "lanczos"), whole)


def test_nearest_resize_is_pillows_at_every_size_where_positions_tie():
    image = photo(3, 192)
    for width in (224, 448, 96, 64, 320, 384):
        expected = Image.fromarray(image).resize((width, 3), Image.Resampling.NEAREST)
        for resize in (ops.resize, ops.resize_fast):
            np.testing.assert_array_equal(resize(image, 3, width, "nearest"), expected)


def test_operations_neither_brighten_nor_darken_on_average():
    image = photo(224, 224)
    rng = np.random.default_rng(1)
    drift: dict[str, list[float]] = {"color": [], "sharpness": []}
    for factor in rng.uniform(0.5, 1.5, 40):
        for name, enhancer in (
            ("color", ImageEnhance.Color),
            ("sharpness", ImageEnhance.Sharpness),
        ):
            expected = np.asarray(enhancer(Image.fromarray(image)).enhance(factor))
            drift[name].append((getattr(ops, name)(image, factor).astype(int) - expected).mean())
    assert abs(np.mean(drift["color"])) < 0.1
    assert abs(np.mean(drift["sharpness"])) < 0.15


def test_brightness_scales_and_clips():
    image = np.array([[[0, 7, 200]]], np.uint8)
    assert ops.brightness(image, 1.5).tolist() == [[[0, 10, 255]]]
    assert ops.brightness(image, 0).tolist() == [[[0, 0, 0]]]


def test_contrast_zero_gives_the_mean_luma_everywhere():
    image = np.array([[[255, 0, 0], [0, 0, 0], [0, 0, 0]]], np.uint8)  # luma 76, 0, 0
    assert ops.contrast(image, 0).tolist() == [[[25] * 3] * 3]


@settings(max_examples=40, deadline=None)
@given(hnp.arrays(np.uint8, (5, 7, 1)), FACTORS)
def test_gray_pixels_keep_their_value_whatever_the_colour_factor(gray, factor):
    image = np.repeat(gray, 3, axis=2)
    np.testing.assert_array_equal(ops.color(image, factor), image)


def test_color_zero_gives_the_luma():
    image = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255]]], np.uint8)
    assert np.abs(ops.color(image, 0)[0].astype(int) - [[76] * 3, [149] * 3, [29] * 3]).max() <= 1


def test_sharpness_leaves_the_border_and_images_without_an_inside():
    image = photo(7, 11)
    result = ops.sharpness(image, 0.0)
    for edge in (np.s_[0], np.s_[-1], np.s_[:, 0], np.s_[:, -1]):
        np.testing.assert_array_equal(result[edge], image[edge])
    assert (result[1:-1, 1:-1] != image[1:-1, 1:-1]).any()
    np.testing.assert_array_equal(ops.sharpness(photo(2, 9), 0.0), photo(2, 9))


def test_crop_takes_the_centre_of_the_image():
    image = np.zeros((6, 12, 3), np.uint8)
    image[2:4, 3:9] = 200
    assert (ops.crop(image, 2, 3, "nearest") == 200).all()
    assert ops.crop(image, 1, 1, "lanczos").tolist() == image.tolist()


def test_crop_of_what_is_not_there_is_refused():
    with pytest.raises(ValueError, match="ratios must be 1 or more"):
        ops.crop(photo(5, 5), 0.9, 1.2, "nearest")
    with pytest.raises(ValueError, match="unknown resample 'box': one of nearest, bilinear"):
        ops.crop(photo(5, 5), 1.3, 1.2, "box")


def test_flip_moves_every_pixel_where_it_belongs():
    image = photo(3, 5)
    np.testing.assert_array_equal(ops.flip(image, True, False), image[:, ::-1])
    np.testing.assert_array_equal(ops.flip(image, False, True), image[::-1])
    np.testing.assert_array_equal(ops.flip(image, True, True), image[::-1, ::-1])


def test_rotation_is_counter_clockwise_with_black_corners():
    image = np.full((11, 11, 3), 200, np.uint8)
    image[5, 8] = 255  # right of the centre
    assert (ops.rotate(image, 90)[2, 5] == 255).all()  # now above it
    turned = ops.rotate(image, 45)
    assert (turned[[0, 0, -1, -1], [0, -1, 0, -1]] == 0).all()
    assert (turned[5, 5] == 200).all()


@pytest.mark.parametrize("shape", [(7, 11), (64, 64), (3, 5), (1, 1)])
@pytest.mark.parametrize("degrees", [0, 17, 90, 180, 270, 359, 30.5])
def test_rotation_is_pillows_on_any_shape(shape, degrees):
    image = photo(*shape)
    expected = np.asarray(Image.fromarray(image).rotate(degrees))
    assert (ops.rotate(image, degrees) == expected).mean() >= 0.995


def test_warp_takes_each_pixel_from_where_the_matrix_says():
    image = photo(5, 7)
    swapped = ops.warp_nearest(image, np.array([[0.0, 1, 1], [1, 0, 0]]))  # x from y + 1, y from x
    np.testing.assert_array_equal(swapped[:, :5], image.transpose(1, 0, 2)[1:6])
    assert (swapped[:, 5:] == 0).all()


def test_noise_has_the_asked_for_spread_and_no_channel_goes_without():
    image = np.full((128, 128, 3), 128, np.uint8)
    added = ops.noise(image, 4.0, 3).astype(int) - 128
    for channel in range(3):
        assert math.isclose(added[..., channel].std(), 4.0, rel_tol=0.03)
        assert abs(added[..., channel].mean()) < 0.1
    correlation = np.corrcoef(added[..., 0].ravel(), added[..., 1].ravel())[0, 1]
    assert abs(correlation) < 0.03


def test_noise_is_clipped_and_never_wraps():
    black, white = np.zeros((64, 64, 3), np.uint8), np.full((64, 64, 3), 255, np.uint8)
    assert ops.noise(black, 5.0, 1).max() <= 21
    assert ops.noise(white, 5.0, 1).min() >= 255 - 21


def test_noise_repeats_for_a_seed_and_differs_for_another():
    image = photo(32, 32)
    np.testing.assert_array_equal(ops.noise(image, 3.0, 9), ops.noise(image, 3.0, 9))
    assert (ops.noise(image, 3.0, 9) != ops.noise(image, 3.0, 900_000)).mean() > 0.5
    assert ops.noise(image, 3.0, (1 << 22) - 5).shape == image.shape  # past the pool's end


@pytest.mark.parametrize("seed", [0, 7, (1 << 22) - 1000])
def test_no_image_repeats_its_own_noise(seed):
    pool = 1 << 22
    noise = ops.noise(np.full((2048, 1024, 3), 128, np.uint8), 8.0, seed).ravel()
    assert noise.size == 1.5 * pool
    for start in range(pool, noise.size - 64, 300_000):
        assert noise[:start].tobytes().find(noise[start : start + 64].tobytes()) < 0
    assert abs(noise[pool:].std() / noise[:pool].std() - 1) < 0.01
    # What the pool holds is what smaller images get.
    small = ops.noise(np.full((64, 1024, 3), 128, np.uint8), 8.0, seed).ravel()
    np.testing.assert_array_equal(noise[: small.size], small)


def test_noise_of_one_value_a_pixel_keeps_gray_gray():
    result = ops.noise(np.full((9, 9, 3), 90, np.uint8), 5.0, 2, per_channel=False)
    assert (result == result[..., :1]).all()
    assert result.std() > 2


def test_pairs_of_different_sizes_meet_on_a_canvas_of_the_larger_sides():
    tall, wide = np.full((3, 1, 3), 101, np.uint8), np.full((1, 2, 3), 51, np.uint8)
    assert images.sample_pairing(tall, wide)[..., 0].tolist() == [[76, 25], [50, 0], [50, 0]]
    mixed = images.mixup(tall.astype(np.float32), wide.astype(np.float32), 0.75)
    assert mixed[..., 0].tolist() == [[88.5, 12.75], [75.75, 0], [75.75, 0]]


LONG = np.zeros((32767, 4, 3), np.uint8)


@pytest.mark.parametrize("image", [LONG, LONG.transpose(1, 0, 2).copy()], ids=["tall", "wide"])
@pytest.mark.parametrize(
    "operation",
    [lambda image: ops.rotate(image, 10), lambda image: ops.shear(image, 0.1, 0),
     lambda image: imgaug.affine(image, (1, 1), (0, 0), 10, 0, 1, (0, 0, 0), "edge"),
     lambda image: imgaug.elastic(image, 1.0, 0.25, 0),
     lambda image: imgaug.piecewise_affine(image, np.full((2, 2, 2), 0.01), [[True]])],
    ids=["rotate", "shear", "affine", "elastic", "piecewise_affine"],
)  # fmt: skip
def test_an_image_of_a_longer_side_than_opencv_takes_is_refused(operation, image):
    height, width = image.shape[:2]
    message = f"^an image of {width} x {height} pixels cannot be turned.*: put a Resize before it$"
    with pytest.raises(UserError, match=message):
        operation(image)
    assert operation(image[:32766, :32766].copy()).dtype == np.uint8


def of_every_colour() -> np.ndarray:
    levels = np.arange(0, 256, 5, dtype=np.uint8)
    return np.stack(np.meshgrid(levels, levels, levels, indexing="ij"), 3).reshape(416, 338, 3)


@pytest.mark.parametrize("turn", [-0.37, -0.1, 0.05, 0.1, 0.25, 0.5])
def test_hues_are_nearer_to_exact_ones_than_pillows(turn):
    image = of_every_colour()
    hsv = image.reshape(-1, 3) / 255
    exact = np.array([
        colorsys.hsv_to_rgb((h + turn) % 1, s, v)
        for h, s, v in (colorsys.rgb_to_hsv(*colour) for colour in hsv.tolist())
    ]).reshape(image.shape) * 255  # fmt: skip
    hue, saturation, value = Image.fromarray(image).convert("HSV").split()
    turned = Image.fromarray(np.array(hue) + np.uint8(int(turn * 255) % 256))
    pillow = np.array(Image.merge("HSV", (turned, saturation, value)).convert("RGB"))
    ours, theirs = (np.abs(made - exact) for made in (ops.hue(image, turn), pillow))
    assert ours.max() < 12 and ours.mean() < 1
    assert theirs.max() < 17 and ours.mean() < theirs.mean() < 1.7
    assert np.abs(ops.hue(image, turn).astype(int) - pillow).max() <= 19


def test_gray_is_pillows_within_a_level():
    image = of_every_colour()
    pillow = np.array(Image.fromarray(image).convert("L")).astype(int)
    apart = np.abs(ops.grayscale(image)[..., 0] - pillow)
    assert apart.max() == 1 and 0.002 < apart.mean() < 0.003


@pytest.mark.parametrize("factor", [2, 3, 4, 6, 10, 20])
def test_strong_colours_and_edges_are_pillows_as_nearly_as_they_say(factor):
    apart = {}
    for name, image in (("photo", photo(60, 70)), ("colours", of_every_colour())):
        for op in ("Color", "Sharpness"):
            made = getattr(ops, op.lower())(image, factor)
            pillow = getattr(ImageEnhance, op)(Image.fromarray(image)).enhance(factor)
            apart[op, name] = np.abs(made - np.array(pillow).astype(int)).max()
    assert max(apart["Color", "photo"], apart["Color", "colours"]) <= math.ceil(factor / 2)
    most = 1 if factor == 2 else factor
    assert max(apart["Sharpness", "photo"], apart["Sharpness", "colours"]) <= most


@settings(max_examples=40, deadline=None)
@given(IMAGES, IMAGES, st.floats(0, 1))
def test_a_mix_lies_between_its_images(a, b, lam):
    height, width = max(a.shape[0], b.shape[0]), max(a.shape[1], b.shape[1])
    padded = [
        np.pad(i, ((0, height - i.shape[0]), (0, width - i.shape[1]), (0, 0))) for i in (a, b)
    ]
    mixed = images.mixup(a, b, lam).astype(int)
    assert (mixed <= np.maximum(*padded)).all()
    assert (mixed >= np.minimum(*padded).astype(int) - 1).all()


def test_mixes_that_make_no_sense_are_refused():
    image = photo(4, 4)
    with pytest.raises(ValueError, match="cannot mix uint8 .* with float32"):
        images.mixup(image, image.astype(np.float32), 0.5)
    with pytest.raises(ValueError, match="lam must be in"):
        images.mixup(image, image, 1.5)


@settings(max_examples=25, deadline=None)
@given(IMAGES)
@pytest.mark.parametrize("name", EVERY_OP)
def test_shape_and_dtype_stay_and_the_input_is_untouched(name, image):
    before = image.copy()
    result = EVERY_OP[name](image)
    assert (result.shape, result.dtype) == (image.shape, np.uint8)
    assert result.flags.c_contiguous
    np.testing.assert_array_equal(image, before)


def test_to_chw_normalises_every_channel_by_its_own_numbers():
    image = photo(5, 7)
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = ((image / 255 - mean) / std).transpose(2, 0, 1)
    result = to_chw(image, mean, std)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, expected, atol=2e-6)


def test_to_chw_defaults_to_minus_one_to_one_and_writes_where_told():
    image = np.array([[[0, 255, 51]]], np.uint8)
    batch = np.full((2, 3, 1, 1), 9, np.float32)
    assert to_chw(image, out=batch[1]) is not None
    np.testing.assert_allclose(batch[1].ravel(), [-1, 1, -0.6], atol=1e-6)
    assert (batch[0] == 9).all()


def test_to_chw_of_one_channel_is_the_gray_image():
    image = np.array([[[200, 100, 50]]], np.uint8)  # luma 124.2
    np.testing.assert_allclose(to_chw(image, 0.0, 1.0, channels=1), [[[124 / 255]]], atol=1e-6)
    three = to_chw(image, [0.2, 0.3, 0.4], [0.5] * 3, channels=1)
    np.testing.assert_allclose(three, [[[(124 / 255 - 0.3) / 0.5]]], atol=1e-6)


def test_to_chw_refuses_an_output_that_does_not_fit():
    with pytest.raises(ValueError, match="out must be contiguous float32"):
        to_chw(photo(4, 5), out=np.empty((3, 5, 4), np.float32))
    with pytest.raises(ValueError, match="channels must be 1 or 3"):
        to_chw(photo(4, 5), channels=2)
