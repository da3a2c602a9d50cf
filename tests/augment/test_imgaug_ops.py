"""The operations of the imgaugLib pipeline, by value."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from paddle_aug.augment.ops import imgaug as imgaug_ops
from paddle_aug.augment.ops.superpixels import superpixels
from tests.augment.test_ops import photo

IMAGES = hnp.arrays(
    np.uint8,
    st.tuples(st.integers(1, 9), st.integers(1, 9), st.just(3)),
    elements=st.integers(0, 255),
)
NO_SHIFT = np.zeros((4, 4, 2)).tolist()
FALLING = [[True, False, True], [False, True, True], [False, False, True]]
IDENTITY = {
    "scale": [1, 1], "translate": [0, 0], "degrees": 0, "shear": 0, "order": 0,
    "fill": [0, 0, 0], "border": "constant",
}  # fmt: skip
EVERY_OP = {
    "crop_sides": lambda i: imgaug_ops.crop_sides(i, [0.1, 0.05, 0.0, 0.1]),
    "affine": lambda i: imgaug_ops.affine(
        i,
        **{
            **IDENTITY,
            "scale": [0.8, 1.2],
            "degrees": 30,
            "shear": 9,
            "order": 1,
            "border": "wrap",
        },
    ),
    "superpixels": lambda i: superpixels(i, 20, 0.7, 5),
    "gaussian_blur": lambda i: imgaug_ops.gaussian_blur(i, 2.0),
    "average_blur": lambda i: imgaug_ops.average_blur(i, 4),
    "median_blur": lambda i: imgaug_ops.median_blur(i, 6),
    "sharpen": lambda i: imgaug_ops.sharpen(i, 0.7, 1.1),
    "emboss": lambda i: imgaug_ops.emboss(i, 0.7, 1.1),
    "edge_detect": lambda i: imgaug_ops.edge_detect(i, 0.6),
    "directed_edge_detect": lambda i: imgaug_ops.directed_edge_detect(i, 0.6, 0.3),
    "dropout": lambda i: imgaug_ops.dropout(i, 0.1, True, 5),
    "coarse_dropout": lambda i: imgaug_ops.coarse_dropout(i, 0.1, [0.05, 0.1], False, 5),
    "invert": lambda i: imgaug_ops.invert(i, [True, False, True]),
    "add": lambda i: imgaug_ops.add(i, [9]),
    "multiply": lambda i: imgaug_ops.multiply(i, [0.5, 1.0, 1.5]),
    "linear_contrast": lambda i: imgaug_ops.linear_contrast(i, [1.7]),
    "blend_gray": lambda i: imgaug_ops.blend_gray(i, 0.4),
    "elastic": lambda i: imgaug_ops.elastic(i, 2.0, 0.25, 5),
    "piecewise_affine": lambda i: imgaug_ops.piecewise_affine(
        i, np.random.default_rng(0).normal(0, 0.05, (4, 4, 2)).tolist(), FALLING
    ),
}


@settings(max_examples=15, deadline=None)
@given(IMAGES)
@pytest.mark.parametrize("name", EVERY_OP)
def test_shape_and_dtype_stay_and_the_input_is_untouched(name, image):
    before = image.copy()
    result = EVERY_OP[name](image)
    assert (result.shape, result.dtype) == (image.shape, np.uint8)
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("name", EVERY_OP)
def test_every_operation_changes_a_photo_and_repeats_itself(name):
    image = photo(31, 43)
    result = EVERY_OP[name](image)
    assert (result != image).mean() > 0.01
    np.testing.assert_array_equal(EVERY_OP[name](image), result)


def test_amounts_of_nothing_leave_the_image():
    image = photo(21, 17)
    for result in (
        imgaug_ops.crop_sides(image, [0, 0, 0, 0]),
        imgaug_ops.affine(image, **IDENTITY),
        imgaug_ops.gaussian_blur(image, 0.0),
        imgaug_ops.sharpen(image, 0.0, 1.0),
        imgaug_ops.emboss(image, 0.0, 1.0),
        imgaug_ops.edge_detect(image, 0.0),
        imgaug_ops.directed_edge_detect(image, 0.0, 0.2),
        imgaug_ops.dropout(image, 0.0, True, 1),
        imgaug_ops.coarse_dropout(image, 0.0, [0.05, 0.05], True, 1),
        imgaug_ops.invert(image, [False] * 3),
        imgaug_ops.add(image, [0]),
        imgaug_ops.multiply(image, [1.0]),
        imgaug_ops.linear_contrast(image, [1.0]),
        imgaug_ops.blend_gray(image, 0.0),
        imgaug_ops.elastic(image, 0.0, 0.25, 1),
        imgaug_ops.piecewise_affine(image, NO_SHIFT, FALLING),
    ):
        assert np.abs(result.astype(int) - image).max() <= 1


def test_crop_sides_cuts_top_right_bottom_left():
    image = np.zeros((10, 10, 3), np.uint8)
    image[1:8, 4:8] = 255
    assert (imgaug_ops.crop_sides(image, [0.1, 0.2, 0.2, 0.4]) == 255).all()


def test_affine_moves_right_and_down_and_fills_what_it_leaves():
    image = photo(10, 20)
    moved = imgaug_ops.affine(image, **{**IDENTITY, "translate": [0.25, 0.2], "fill": [77, 8, 9]})
    np.testing.assert_array_equal(moved[2:, 5:], image[:-2, :-5])
    assert (moved[:2] == [77, 8, 9]).all()
    assert (moved[:, :5] == [77, 8, 9]).all()


def test_affine_turns_and_scales_about_the_centre():
    image = photo(9, 9)
    turned = imgaug_ops.affine(image, **{**IDENTITY, "degrees": 180})
    np.testing.assert_array_equal(turned, image[::-1, ::-1])
    doubled = imgaug_ops.affine(image, **{**IDENTITY, "scale": [3, 3]})
    assert (doubled[3:6, 3:6] == image[4, 4]).all()


def test_blurs_average_and_take_the_median():
    image = np.zeros((5, 5, 3), np.uint8)
    image[2, 2] = 90
    assert (imgaug_ops.average_blur(image, 3)[1:4, 1:4] == 10).all()
    assert imgaug_ops.median_blur(image, 3).max() == 0
    blurred = imgaug_ops.gaussian_blur(image, 0.5)[2, :, 0]
    weight = 1 / sum(math.exp(-2 * d * d) for d in (-2, -1, 0, 1, 2))
    assert abs(blurred[2] - 90 * weight**2) <= 1


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        (lambda i: imgaug_ops.sharpen(i, 0.5, 1.0), 0.5 * 100 + 0.5 * (9 * 100 - 8 * 90)),
        (lambda i: imgaug_ops.edge_detect(i, 1.0), 0),
        (lambda i: imgaug_ops.edge_detect(i, 0.25), 0.75 * 100 - 0.25 * 40),
        (lambda i: imgaug_ops.emboss(i, 1.0, 0.0), 100),
        (lambda i: imgaug_ops.directed_edge_detect(i, 0.5, 0.1), 0.5 * 100 + 0.5 * 10),
    ],
)
def test_filters_weigh_a_bright_pixel_on_a_plain_ground(result, expected):
    image = np.full((5, 5, 3), 90, np.uint8)
    image[2, 2] = 100
    assert abs(int(result(image)[2, 2, 0]) - expected) <= 1


def test_a_directed_edge_shows_where_it_points():
    image = np.zeros((9, 9, 3), np.uint8)
    image[5:] = 200  # dark above, bright below
    upwards = imgaug_ops.directed_edge_detect(image, 1.0, 0.0)
    downwards = imgaug_ops.directed_edge_detect(image, 1.0, 0.5)
    sideways = [
        imgaug_ops.directed_edge_detect(image.transpose(1, 0, 2).copy(), 1.0, direction)[4, 5, 0]
        for direction in (0.75, 0.25)
    ]
    assert sideways[0] > 150  # a quarter back from the top is left, where it is dark
    assert sideways[1] < 50
    assert upwards[5, 4, 0] > 150  # its upper neighbours are dark
    assert downwards[5, 4, 0] < 50


def test_dropout_blackens_about_its_share_of_pixels_or_of_values():
    image = np.full((100, 100, 3), 50, np.uint8)
    whole = imgaug_ops.dropout(image, 0.1, False, 3) == 0
    assert (whole == whole[..., :1]).all()
    assert abs(whole.mean() - 0.1) < 0.01
    single = imgaug_ops.dropout(image, 0.1, True, 3) == 0
    assert abs(single.mean() - 0.1) < 0.01
    assert (single != single[..., :1]).any()


def test_coarse_dropout_blackens_rectangles():
    image = np.full((100, 100, 3), 50, np.uint8)
    gone = imgaug_ops.coarse_dropout(image, 0.3, [0.05, 0.1], False, 3)[..., 0] == 0
    cells = gone.reshape(5, 20, 10, 10).mean(axis=(1, 3))  # five rows, ten columns
    assert set(np.unique(cells)) == {0.0, 1.0}
    assert (cells[:, ::2] != cells[:, 1::2]).any() and (cells[:-1] != cells[1:]).any()


def test_crops_of_more_than_there_is_leave_one_row_and_column():
    image = photo(10, 10)
    cut = imgaug_ops.crop_sides(image, [0.7, 0.9, 0.7, 0.1])  # 14 rows of 10, 10 columns of 10
    # Five rows too many: three given back at the top, two at the bottom; one column at the right.
    assert (cut == image[4, 1]).all()


def test_arithmetic_is_by_channel_and_clips():
    image = np.array([[[0, 100, 250]]], np.uint8)
    assert imgaug_ops.add(image, [-5, 10, 10]).tolist() == [[[0, 110, 255]]]
    assert imgaug_ops.add(image, [-5]).tolist() == [[[0, 95, 245]]]
    assert imgaug_ops.multiply(image, [2.0, 0.5, 1.5]).tolist() == [[[0, 50, 255]]]
    assert imgaug_ops.linear_contrast(image, [0.5]).tolist() == [[[63, 113, 188]]]
    assert imgaug_ops.invert(image, [True, False, True]).tolist() == [[[255, 100, 5]]]


def test_blend_gray_takes_the_colour_out():
    image = np.array([[[200, 100, 50]]], np.uint8)  # luma 124
    assert imgaug_ops.blend_gray(image, 1.0).tolist() == [[[124] * 3]]
    assert imgaug_ops.blend_gray(image, 0.5).tolist() == [[[162, 112, 87]]]


def test_elastic_moves_pixels_no_further_than_alpha():
    ramp = np.repeat(np.arange(60, dtype=np.uint8)[None, :, None] * 4, 40, 0).repeat(3, 2)
    shift = (
        np.abs(imgaug_ops.elastic(ramp, 3.0, 0.25, 1)[5:-5, 5:-5].astype(int) - ramp[5:-5, 5:-5])
        / 4
    )
    assert 2.0 < shift.max() <= 3.5
    assert 1.0 < shift.mean() < 2.0


def test_piecewise_affine_pulls_the_image_by_a_point():
    ramp = np.repeat(np.arange(61, dtype=np.uint8)[None, :, None] * 4, 61, 0).repeat(3, 2)
    shifts = np.zeros((4, 4, 2))
    shifts[1, 1, 1] = 0.05  # the point at (61/3, 61/3) takes its colour from 0.05 * 61 to the right
    moved = imgaug_ops.piecewise_affine(ramp, shifts.tolist(), FALLING)
    near = 1 - (61 / 3 - 20) / (61 / 3) * 2  # of pixel (20, 20), off the point both ways
    assert abs(int(moved[20, 20, 0]) - 4 * (20 + near * 3.05)) <= 2
    assert abs(int(moved[20, 10, 0]) - 4 * (10 + 3.05 * 10 / (61 / 3))) <= 2
    # The last points lie at 61, outside the image, and are held at 60: a pixel at the most.
    assert np.abs(moved[41:].astype(int) - ramp[41:]).max() <= 4


def test_a_cell_is_halved_along_the_diagonal_that_is_asked_for():
    ramp = np.repeat(np.arange(40, dtype=np.uint8)[None, :, None] * 6, 40, 0).repeat(3, 2)
    y, x = np.mgrid[:40, :40]
    # Each time a corner moves that one of the two triangles does not have.
    for falling, row, stays in ((True, 1, x > y), (False, 0, x + y > 40)):
        shifts = np.zeros((2, 2, 2))
        shifts[row, 0, 1] = 0.5
        moved = imgaug_ops.piecewise_affine(ramp, shifts.tolist(), [[falling]]).astype(int)
        distance = np.abs(moved - ramp).max(axis=-1)
        assert distance[stays].max() <= 6
        assert distance[~stays].mean() > 30


def test_draws_without_a_positive_shift_leave_the_image_as_in_imgaug():
    image = photo(20, 20)
    assert imgaug_ops.piecewise_affine(image, (-np.ones((2, 2, 2))).tolist(), [[True]]) is image
