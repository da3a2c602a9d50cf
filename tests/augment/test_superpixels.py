"""Superpixels: segments that follow edges, stray pixels that are joined, sums that are exact."""

import numpy as np
import pytest

from paddle_aug.augment.ops import superpixels as module
from paddle_aug.augment.ops.superpixels import superpixels
from tests.augment.test_ops import photo


def test_each_segment_is_painted_in_its_mean_and_follows_edges():
    image = np.zeros((64, 64, 3), np.uint8)
    image[:, 27:] = (200, 40, 90)  # an edge that no regular grid of 4 x 4 cells has
    np.testing.assert_array_equal(superpixels(image, 16, 1.0, 0), image)
    noisy = photo(64, 64)
    result = superpixels(noisy, 16, 1.0, 0)
    colours, counts = np.unique(result.reshape(-1, 3), axis=0, return_counts=True)
    assert len(colours) <= 32  # none has less than half a cell's pixels
    assert counts.min() >= 64 * 64 / 16 / 2
    for colour in colours:
        inside = (result == colour).all(axis=-1)
        assert np.abs(noisy[inside].mean(axis=0) - colour).max() <= 0.5


def test_stray_pixels_take_the_colour_of_what_lies_round_them():
    image = np.full((60, 60, 3), 90, np.uint8)
    image[10:50:8, 10:50:8] = 255  # single white pixels
    result = superpixels(image, 20, 1.0, 0)
    assert result.max() < 100


def test_small_parts_join_through_small_parts():
    labels = np.zeros((6, 9), np.int64)
    labels[1:5, 4], labels[1:5, 5], labels[2, 5] = 1, 2, 3
    labels[:, 6:] = 4
    joined = module._joined(labels, 12)
    assert joined.tolist() == [[0] * 6 + [1] * 3] * 6


def test_all_small_parts_become_one():
    labels = np.arange(12).reshape(3, 4)
    assert module._joined(labels, 100).tolist() == [[0] * 4] * 3


@pytest.mark.parametrize("segments", [1, 7, 5000])
@pytest.mark.parametrize("shape", [(1, 1), (1, 50), (3, 40), (40, 3), (9, 9), (200, 30)])
def test_any_shape_and_number_gives_an_image_of_that_shape(shape, segments):
    image = photo(*shape)
    result = superpixels(image, segments, 0.7, 3)
    assert (result.shape, result.dtype) == (image.shape, np.uint8)


def test_nothing_to_paint_leaves_the_image_itself():
    image = photo(200, 160)
    assert superpixels(image, 50, 0.0, 0) is image


def test_a_share_of_the_segments_is_painted():
    image = photo(120, 120)
    whole = superpixels(image, 200, 1.0, 0)
    changed = (whole != image).any(axis=-1)
    half = (superpixels(image, 200, 0.5, 4) != image).any(axis=-1)
    assert not (half & ~changed).any()
    assert 0.3 < half.sum() / changed.sum() < 0.7


def test_gray_has_no_colour_and_lab_is_lab():
    def lab(*rgb: int) -> list[float]:
        return (module._lab(np.full((1, 1, 3), rgb, np.uint8)).ravel() / 10).tolist()

    for level in (0, 1, 77, 255):
        assert lab(level, level, level)[1:] == [0, 0]
    assert lab(255, 255, 255)[0] == 100
    # Published values of the primaries (D65).
    for rgb, known in (
        ((255, 0, 0), [53.24, 80.09, 67.20]),
        ((0, 255, 0), [87.73, -86.18, 83.18]),
        ((0, 0, 255), [32.30, 79.19, -107.86]),
    ):
        np.testing.assert_allclose(lab(*rgb), known, atol=0.2)


def test_the_sums_of_distances_are_whole_numbers_that_float32_holds(monkeypatch):
    products = []
    matmul = np.matmul

    def spy(weights, pixels, out):
        products.append((weights.copy(), pixels.copy()))
        return matmul(weights, pixels, out=out)

    monkeypatch.setattr(np, "matmul", spy)
    extremes = np.random.default_rng(0).choice(np.array([0, 255], np.uint8), (128, 128, 3))
    for segments in (20, 200, 2000):
        superpixels(extremes, segments, 1.0, 0)
    assert len(products) == 30
    for weights, pixels in products:
        for factor in (weights, pixels):
            np.testing.assert_array_equal(factor, np.rint(factor))
        sums = matmul(np.abs(weights), np.abs(pixels)).max(axis=2)
        alive = weights[..., 5] < 1e9  # a centre without pixels is far off, exact or not
        assert alive.any() and sums[alive].max() < 2**24
