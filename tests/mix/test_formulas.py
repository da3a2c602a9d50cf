"""The mixing formulas by value, on arrays and Tensors, with odd sizes."""

import json
import math
from pathlib import Path

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_aug.mix import formulas as mixing

GOLDEN = Path(__file__).parent.parent / "golden" / "seed_ops.npz"
INDEX = np.array([2, 2, 0])


@pytest.fixture
def batch() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(3, 2, 7, 11)).astype(np.float32)


@pytest.fixture(params=["numpy", "paddle"])
def to_batch(request: pytest.FixtureRequest):
    return np.array if request.param == "numpy" else paddle.to_tensor


def test_sample_pairing_is_the_mean_of_each_image_and_its_unmixed_partner(batch, to_batch):
    mixed = np.asarray(mixing.sample_pairing(to_batch(batch), to_batch(batch[INDEX])))
    for row, partner in enumerate(INDEX):
        np.testing.assert_array_equal(mixed[row], batch[row] * 0.5 + batch[partner] * 0.5)


def test_mixup_weights_the_first_image_by_lam(batch, to_batch):
    mixed = np.asarray(mixing.mixup(to_batch(batch), to_batch(batch[INDEX]), 0.3))
    for row, partner in enumerate(INDEX):
        np.testing.assert_allclose(mixed[row], 0.3 * batch[row] + 0.7 * batch[partner], rtol=1e-5)
    assert mixed.dtype == np.float32


def test_mixup_takes_one_lam_an_image(batch, to_batch):
    lam = np.array([1.0, 0.25, 0.0], np.float32)
    mixed = np.asarray(mixing.mixup(to_batch(batch), to_batch(batch[INDEX]), lam))
    np.testing.assert_array_equal(mixed[0], batch[0])
    np.testing.assert_allclose(mixed[1], 0.25 * batch[1] + 0.75 * batch[2], rtol=1e-5)
    np.testing.assert_array_equal(mixed[2], batch[0])


def test_cutmix_takes_exactly_the_box_from_the_partner(batch, to_batch):
    mixed = np.asarray(mixing.cutmix(to_batch(batch), to_batch(batch[INDEX]), (2, 3, 5, 9)))
    expected = batch.copy()
    expected[:, :, 2:5, 3:9] = batch[INDEX][:, :, 2:5, 3:9]
    np.testing.assert_array_equal(mixed, expected)


def test_cutout_fills_exactly_the_box(batch, to_batch):
    mixed = np.asarray(mixing.cutout(to_batch(batch), (0, 4, 3, 11), fill=0.5))
    expected = batch.copy()
    expected[:, :, 0:3, 4:11] = 0.5
    np.testing.assert_array_equal(mixed, expected)


@pytest.mark.parametrize("method", ["sample_pairing", "mixup", "cutmix", "cutout"])
def test_the_batch_that_comes_in_is_not_changed(batch, method, to_batch):
    images, partners = to_batch(batch), to_batch(batch[INDEX])
    arguments = {
        "sample_pairing": (images, partners),
        "mixup": (images, partners, 0.4),
        "cutmix": (images, partners, (1, 1, 5, 5)),
        "cutout": (images, (1, 1, 5, 5)),
    }
    getattr(mixing, method)(*arguments[method])
    np.testing.assert_array_equal(np.asarray(images), batch)
    np.testing.assert_array_equal(np.asarray(partners), batch[INDEX])


def test_boxes_equal_the_documents(batch):
    spec = json.loads(np.load(GOLDEN)["spec"].tobytes())
    assert len(spec["boxes"]) > 10
    for case in spec["boxes"]:
        height, width = case["height"], case["width"]
        box = mixing.rand_bbox(height, width, case["lam"], case["cy"], case["cx"])
        assert list(box) == case["box"]
        assert mixing.box_lam(box, height, width) == pytest.approx(case["lam_adjusted"], abs=1e-12)


def test_square_box_is_centred_and_clipped():
    assert mixing.square_bbox(11, 7, 4, cy=5, cx=3) == (3, 1, 7, 5)
    assert mixing.square_bbox(11, 7, 4, cy=0, cx=6) == (0, 4, 2, 7)


@given(
    st.integers(1, 60),
    st.integers(1, 60),
    st.floats(0, 1),
    st.floats(0, 0.999),
    st.floats(0, 0.999),
)
def test_box_stays_inside_and_its_lam_is_the_pixel_share(height, width, lam, y, x):
    box = mixing.rand_bbox(height, width, lam, int(y * height), int(x * width))
    y1, x1, y2, x2 = box
    assert 0 <= y1 <= y2 <= height
    assert 0 <= x1 <= x2 <= width
    mask = np.zeros((height, width))
    mask[y1:y2, x1:x2] = 1
    assert mixing.box_lam(box, height, width) == pytest.approx(1 - mask.mean())


@given(st.integers(1, 9), st.floats(0, 1), st.integers(0, 2**31))
def test_soft_targets_sum_to_one_and_weight_the_first_label(size, lam, seed):
    rng = np.random.default_rng(seed)
    first, second = rng.integers(0, 5, size), rng.integers(0, 5, size)
    targets = mixing.soft_targets(first, second, lam, 5)
    np.testing.assert_allclose(targets.sum(1), 1, rtol=1e-6)
    for row in range(size):
        expected = lam if first[row] != second[row] else 1.0
        assert targets[row, first[row]] == pytest.approx(expected, abs=1e-6)


@settings(max_examples=50)
@given(st.floats(0, 1), st.integers(0, 2**31))
def test_mixing_keeps_the_range_and_an_identity_changes_nothing(lam, seed):
    images = np.random.default_rng(seed).uniform(-1, 1, (4, 1, 5, 3)).astype(np.float32)
    partners = images[::-1]
    mixed = mixing.mixup(images, partners, lam)
    assert mixed.min() >= -1 - 1e-6
    assert mixed.max() <= 1 + 1e-6
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(mixing.mixup(images, images, lam), images, atol=1e-6)
    np.testing.assert_array_equal(mixing.mixup(images, partners, 1.0), images)
    np.testing.assert_array_equal(mixing.cutmix(images, images, (0, 0, 3, 2)), images)
    np.testing.assert_array_equal(mixing.sample_pairing(images, images), images)


@pytest.mark.parametrize("alpha", [5e-324, 1e-10, 0.01, 0.2, 1.0, 1.5, 300.0, mixing.MAX_ALPHA])
def test_lam_follows_the_beta_distribution_to_its_ends(alpha):
    rng = np.random.default_rng(3)
    draws = np.array([mixing.sample_lam(rng, alpha) for _ in range(4000)])
    assert draws.min() >= 0 and draws.max() <= 1
    assert draws.mean() == pytest.approx(0.5, abs=0.025)
    assert draws.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.08)


def test_alpha_0_stands_for_no_mixing_and_other_alphas_are_refused():
    rng = np.random.default_rng(3)
    assert [mixing.sample_lam(rng, 0) for _ in range(5)] == [1.0] * 5
    for alpha in (-1e-9, 1.1e6, math.inf, math.nan):
        with pytest.raises(ValueError, match="alpha must be from 0 to 1e\\+06"):
            mixing.sample_lam(rng, alpha)


@pytest.mark.parametrize("side", [1, 2, 3, 4, 5, 7])
def test_a_square_inside_the_image_has_its_side(side):
    y1, x1, y2, x2 = mixing.square_bbox(21, 17, side, cy=10, cx=8)
    assert (y2 - y1, x2 - x1) == (side, side)
    assert y1 <= 10 < y2 and x1 <= 8 < x2


@settings(deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 50), st.data())
def test_a_square_is_clipped_and_holds_its_centre(height, width, side, data):
    cy, cx = data.draw(st.integers(0, height - 1)), data.draw(st.integers(0, width - 1))
    y1, x1, y2, x2 = mixing.square_bbox(height, width, side, cy, cx)
    assert 0 <= y1 <= cy < y2 <= height and 0 <= x1 <= cx < x2 <= width
    assert y2 - y1 <= side and x2 - x1 <= side


def test_boxes_of_their_own_are_taken_from_each_partner():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(3, 2, 5, 7)).astype(np.float32)
    boxes = np.array([(0, 0, 5, 7), (1, 2, 3, 6), (2, 2, 2, 2)])
    for mix in (mixing.cutmix, lambda a, b, box: mixing.cutout(a, box, 0.5)):
        together = mix(images, images[::-1], boxes)
        for row, box in enumerate(boxes):
            one = slice(row, row + 1)
            alone = mix(images[one], images[::-1][one], tuple(box))
            np.testing.assert_array_equal(together[one], alone)
    with pytest.raises(ValueError, match="2 boxes for 3 images"):
        mixing.cutmix(images, images, boxes[:2])


def test_another_word_for_pairs_is_refused():
    with pytest.raises(ValueError, match="pairs is 'swap': permutation or replacement"):
        mixing.sample_partners(np.random.default_rng(0), 4, "swap")


def test_a_permutation_uses_every_image_once_and_every_place_alike():
    rng = np.random.default_rng(0)
    draws = np.stack([mixing.sample_partners(rng, 5, "permutation") for _ in range(3000)])
    assert (np.sort(draws, 1) == np.arange(5)).all()
    for place in range(5):
        shares = np.bincount(draws[:, place], minlength=5) / len(draws)
        np.testing.assert_allclose(shares, 0.2, atol=0.03)


def test_partners_are_drawn_over_the_whole_batch_with_replacement():
    rng = np.random.default_rng(0)
    draws = np.stack([mixing.sample_partners(rng, 8) for _ in range(2000)])
    counts = np.bincount(draws.ravel(), minlength=8) / draws.size
    np.testing.assert_allclose(counts, 1 / 8, atol=0.01)
    assert any(len(set(row)) < 8 for row in draws)


# Mistakes


@pytest.mark.parametrize("lam", [-0.1, 1.5, float("nan"), np.array([0.5, 2.0])])
def test_a_weight_outside_0_to_1_is_refused(lam):
    images = np.zeros((2, 3, 4, 4), np.float32)
    with pytest.raises(ValueError, match=r"lam must be in \[0, 1\], got"):
        mixing.mixup(images, images, lam)


def test_images_in_another_layout_are_refused_where_the_box_tells():
    images = np.zeros((2, 16, 16, 3), np.float32)
    with pytest.raises(
        ValueError, match=r"\(0, 0, 9, 9\) is not inside 16x3.*must be \[N, C, H, W\]"
    ):
        mixing.cutmix(images, images + 1, (0, 0, 9, 9))


@pytest.mark.parametrize("to", [np.asarray, paddle.to_tensor])
def test_bytes_are_refused_instead_of_changing_their_type(to):
    images = to(np.zeros((2, 3, 4, 4), np.uint8))
    for mix in (mixing.sample_pairing, lambda a, b: mixing.mixup(a, b, 0.5)):
        with pytest.raises(
            ValueError, match="uint8: float ones are mixed here; paddle_aug.mix.images"
        ):
            mix(images, images)
