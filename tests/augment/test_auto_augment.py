"""RandAugment, TrivialAugment and their operations: Pillow's values, the papers' numbers."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image, ImageOps

from paddle_aug.augment import ops
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.auto_augment import RandAugment, TrivialAugmentWide
from tests.augment.test_ops import photo

IMAGES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 20), st.integers(1, 20), st.just(3)),
    elements=st.integers(0, 255),
)


@settings(max_examples=60, deadline=None)
@given(IMAGES, st.integers(1, 8), st.integers(0, 256))
def test_point_operations_are_pillows(image, bits, threshold):
    pillow = Image.fromarray(image)
    before = image.copy()
    for result, expected in (
        (ops.posterize(image, bits), ImageOps.posterize(pillow, bits)),
        (ops.solarize(image, threshold), ImageOps.solarize(pillow, threshold)),
        (ops.autocontrast(image), ImageOps.autocontrast(pillow)),
        (ops.equalize(image), ImageOps.equalize(pillow)),
    ):
        np.testing.assert_array_equal(result, expected)
    np.testing.assert_array_equal(image, before)


def test_equalize_and_autocontrast_of_a_photo_are_pillows():
    image = photo(64, 48) // 2 + 30
    np.testing.assert_array_equal(ops.equalize(image), ImageOps.equalize(Image.fromarray(image)))
    stretched = ops.autocontrast(image)
    assert (stretched.min(axis=(0, 1)) == 0).all()
    assert (stretched.max(axis=(0, 1)) == 255).all()


@pytest.mark.parametrize("amount", [-0.3, -0.07, 0.11, 0.99])
def test_shear_is_pillows(amount):
    image = photo(41, 33)
    pillow = Image.fromarray(image)
    for result, matrix in (
        (ops.shear(image, amount, 0), (1, amount, 0, 0, 1, 0)),
        (ops.shear(image, 0, amount), (1, 0, 0, amount, 1, 0)),
    ):
        expected = pillow.transform(pillow.size, Image.Transform.AFFINE, matrix)
        assert (result == np.asarray(expected)).mean() >= 0.99


def test_translate_moves_by_whole_pixels_with_black_behind():
    image = photo(7, 11)
    moved = ops.translate(image, 3.9, -2)
    np.testing.assert_array_equal(moved[:-2, 3:], image[2:, :-3])
    assert (moved[-2:] == 0).all()
    assert (moved[:, :3] == 0).all()


def test_hue_turns_red_to_green_to_blue_and_back():
    red = np.array([[[255, 0, 0]]], np.uint8)
    assert np.abs(ops.hue(red, 1 / 3)[0, 0].astype(int) - [0, 255, 0]).max() <= 6
    assert np.abs(ops.hue(red, -1 / 3)[0, 0].astype(int) - [0, 0, 255]).max() <= 6
    np.testing.assert_array_equal(ops.hue(red, 0.0), red)
    gray = np.full((3, 3, 3), 77, np.uint8)
    np.testing.assert_array_equal(ops.hue(gray, 0.4), gray)


def test_randaugment_draws_two_of_fourteen_operations_at_magnitude_nine_of_thirty():
    rng = np.random.default_rng(0)
    drawn = [RandAugment().sample(rng) for _ in range(3000)]
    assert {len(pair) for pair in drawn} == {2}
    counts = Counter(name for pair in drawn for name, _ in pair)
    assert len(counts) == 14
    assert all(abs(count - 6000 / 14) < 5 * (6000 / 14) ** 0.5 for count in counts.values())
    amounts = {name: {a for pair in drawn for n, a in pair if n == name} for name in counts}
    assert {round(a, 6) for a in amounts["Rotate"]} == {9.0, -9.0}
    assert {round(a, 6) for a in amounts["ShearX"]} == {0.09, -0.09}
    assert {round(a, 6) for a in amounts["Color"]} == {0.27, -0.27}
    assert {round(a, 6) for a in amounts["TranslateYShare"]} == {0.135952, -0.135952}
    assert amounts["Posterize"] == {7}
    assert amounts["Solarize"] == {178.5}


def test_trivialaugment_draws_one_operation_at_an_even_magnitude():
    rng = np.random.default_rng(0)
    drawn = [TrivialAugmentWide().sample(rng) for _ in range(9000)]
    assert {len(one) for one in drawn} == {1}
    turns = Counter(round(one[0][1], 6) for one in drawn if one[0][0] == "Rotate")
    assert {abs(t) for t in turns} == {round(4.5 * k, 6) for k in range(31)}
    bits = Counter(one[0][1] for one in drawn if one[0][0] == "Posterize")
    assert set(bits) == {2, 3, 4, 5, 6, 7, 8}
    signs = Counter(one[0][1] > 0 for one in drawn if one[0][0] == "ShearX" and one[0][1])
    assert abs(signs[True] - signs[False]) < 5 * (signs[True] + signs[False]) ** 0.5


def test_trivialaugments_first_argument_is_its_number_of_magnitudes():
    built = build_transforms([{"TrivialAugmentWide": 6}])
    rng = np.random.default_rng(0)
    drawn = [built.sample(rng)[0] for _ in range(2000)]
    assert {len(operations) for operations in drawn} == {1}
    turns = {abs(amount) for ((name, amount),) in drawn if name == "Rotate"}
    assert turns == {0, 27, 54, 81, 108, 135}


def test_a_limited_rotation_stays_within_its_limit():
    rng = np.random.default_rng(0)
    for policy in (RandAugment(magnitude=30, max_rotation=15), TrivialAugmentWide(max_rotation=15)):
        turns = [a for _ in range(800) for name, a in policy.sample(rng) if name == "Rotate"]
        assert len(turns) > 20
        assert max(map(abs, turns)) == 15


@pytest.mark.parametrize("shape", [(1, 1), (7, 11), (1, 5), (64, 48)])
def test_every_operation_keeps_shape_and_input(shape):
    image = photo(*shape)
    before = image.copy()
    rng = np.random.default_rng(2)
    for policy in (RandAugment(), TrivialAugmentWide()):
        for _ in range(80):
            result = policy(image, rng)
            assert (result.shape, result.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(image, before)


def test_a_share_of_the_width_is_moved_whatever_the_size():
    image = photo(20, 40)
    moved = RandAugment().apply(image, [["TranslateXShare", 0.25]])
    np.testing.assert_array_equal(moved[:, 10:], image[:, :-10])


def test_a_magnitude_beyond_its_bins_is_refused():
    with pytest.raises(ValueError, match=r"magnitude must be in 0\.\.30"):
        RandAugment(magnitude=31)
