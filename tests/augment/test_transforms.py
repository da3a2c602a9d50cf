"""Random transforms: what they draw, that they can be replayed, and torchvision's vocabulary."""

import json
from collections import Counter

import numpy as np
import pytest
from scipy import stats

from paddle_aug.augment import ops
from paddle_aug.augment.transform_list import VOCABULARY, build_transforms
from paddle_aug.augment.transforms.auto_augment import RandAugment, TrivialAugmentWide
from paddle_aug.augment.transforms.base import (
    Compose,
    OneOf,
    RandomOrder,
    SomeOf,
    Sometimes,
    Transform,
)
from paddle_aug.augment.transforms.crops_and_boxes import (
    CenterCrop,
    Pad,
    RandomCrop,
    RandomErasing,
    RandomResizedCrop,
    Resize,
)
from paddle_aug.augment.transforms.flips_and_colours import (
    ColorJitter,
    Grayscale,
    RandomHorizontalFlip,
    RandomRotation,
    RandomVerticalFlip,
)
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.augment.transforms.userdef import (
    RandomCentreCrop,
    RandomEnhance,
    RandomFlip,
    RandomNoise,
    RandomWholeRotation,
)
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from tests.augment.test_ops import photo

DRAWS = 4000


def draw(transform: Transform, count: int = DRAWS) -> list:
    rng = np.random.default_rng(7)
    return [transform.sample(rng) for _ in range(count)]


def is_uniform(values: list[float], low: float, high: float) -> bool:
    return stats.kstest(values, stats.uniform(low, high - low).cdf).pvalue > 0.01


def is_even(counts: Counter, kinds: int) -> bool:
    return len(counts) == kinds and stats.chisquare(list(counts.values())).pvalue > 0.01


def has_frequency(hits: list[bool], p: float) -> bool:
    return stats.binomtest(sum(hits), len(hits), p).pvalue > 0.01


@pytest.mark.parametrize("kind", ["brightness", "contrast", "color", "sharpness"])
def test_enhancement_factors_are_uniform_from_a_half_to_one_and_a_half(kind):
    assert is_uniform(draw(RandomEnhance(kind)), 0.5, 1.5)
    image = photo(9, 7)
    np.testing.assert_array_equal(
        RandomEnhance(kind).apply(image, 1.25), getattr(ops, kind)(image, 1.25)
    )


def test_crop_ratios_are_uniform_independent_and_its_filters_even():
    drawn = draw(RandomCentreCrop())
    widths, heights = ([d[key] for d in drawn] for key in ("ratio_w", "ratio_h"))
    assert is_uniform(widths, 1, 1.5)
    assert is_uniform(heights, 1, 1.5)
    assert abs(np.corrcoef(widths, heights)[0, 1]) < 0.05
    assert is_even(Counter(d["resample"] for d in drawn), 4)


def test_flips_are_drawn_half_the_time_each_and_apart():
    drawn = draw(RandomFlip())
    assert is_even(Counter((d["horizontal"], d["vertical"]) for d in drawn), 4)
    assert not any(d["horizontal"] for d in draw(RandomFlip(0.0, 0.5), 200))


def test_whole_angles_from_0_to_359_are_even():
    drawn = Counter(draw(RandomWholeRotation(), 36_000))
    assert set(drawn) == set(range(360))
    assert stats.chisquare(list(drawn.values())).pvalue > 0.01


def test_noise_comes_half_the_time_with_uniform_sigma_up_to_five():
    drawn = draw(RandomNoise())
    assert has_frequency([d is not None for d in drawn], 0.5)
    assert is_uniform([d["sigma"] for d in drawn if d], 0, 5)
    assert len({d["seed"] for d in drawn if d}) > 1900


def test_random_order_takes_each_once_with_every_order_equally_likely():
    transform = RandomOrder([RandomEnhance("color"), RandomFlip(), RandomNoise()])
    orders = Counter(tuple(index for index, _ in params) for params in draw(transform))
    assert is_even(orders, 6)
    assert all(sorted(order) == [0, 1, 2] for order in orders)


def test_some_of_draws_how_many_and_which_evenly():
    drawn = draw(SomeOf([RandomFlip()] * 5, 0, 3))
    assert is_even(Counter(len(params) for params in drawn), 4)
    assert is_even(Counter(index for params in drawn for index, _ in params), 5)
    assert all(len({index for index, _ in params}) == len(params) for params in drawn)


def test_one_of_draws_one_and_sometimes_leaves_out():
    assert is_even(Counter(params[0][0] for params in draw(OneOf([RandomFlip()] * 3))), 3)
    assert has_frequency([p is not None for p in draw(Sometimes(RandomFlip(), 0.3))], 0.3)
    image = photo(5, 5)
    assert Sometimes(RandomFlip()).apply(image, None) is image


def test_compose_applies_in_order():
    image = photo(6, 6)
    both = Compose([RandomWholeRotation(), RandomFlip()])
    expected = ops.flip(ops.rotate(image, 90), True, False)
    result = both.apply(image, [90, {"horizontal": True, "vertical": False}])
    np.testing.assert_array_equal(result, expected)
    assert Compose()(image, np.random.default_rng(0)) is image


EVERY = [
    RandomEnhance("contrast"),
    RandomCentreCrop(),
    RandomFlip(),
    RandomWholeRotation(),
    RandomNoise(),
    Resize(9),
    Resize((5, 7)),
    Pad((1, 2)),
    RandomCrop(3, padding=4),
    CenterCrop((3, 4)),
    RandomResizedCrop((6, 8)),
    RandomErasing(p=1.0),
    RandomHorizontalFlip(),
    RandomVerticalFlip(),
    RandomRotation(30),
    ColorJitter(0.5, 0.5, 0.5, 0.5),
    Grayscale(),
]
# With these, every transform of the vocabulary; the others are built by their defaults.
EVERY += [kind() for kind in VOCABULARY.values() if kind not in map(type, EVERY)]


@pytest.mark.parametrize("transform", EVERY, ids=lambda transform: type(transform).__name__)
@pytest.mark.parametrize("shape", [(7, 11), (5, 4), (33, 20)])
def test_parameters_survive_json_and_replay_the_same_image(transform, shape):
    image = photo(*shape)
    before = image.copy()
    for index in range(12):
        params = transform.sample(stream(3, 1, index))
        result = transform.apply(image, params)
        replayed = transform.apply(image, json.loads(json.dumps(params)))
        np.testing.assert_array_equal(replayed, result)
        np.testing.assert_array_equal(transform(image, stream(3, 1, index)), result)
        assert result.dtype == np.uint8
        assert result.flags.c_contiguous
    np.testing.assert_array_equal(image, before)


@pytest.mark.parametrize("transform", EVERY, ids=lambda transform: type(transform).__name__)
def test_any_image_may_be_one_pixel(transform):
    if not isinstance(transform, CenterCrop):
        result = transform(photo(1, 1), np.random.default_rng(1))
        assert result.ndim == 3


def test_resize_takes_the_short_side_or_a_pair():
    image = photo(30, 45)
    assert Resize(20).apply(image, None).shape == (20, 30, 3)
    assert Resize((12, 31)).apply(image, None).shape == (12, 31, 3)
    assert Resize(20).apply(photo(45, 30), None).shape == (30, 20, 3)


def test_resize_and_crops_are_antialiased_unless_they_are_told():
    noise = np.random.default_rng(1).integers(0, 256, (90, 120, 3), np.uint8)
    whole = {"tries": [[1.0, 120 / 90]], "place": [0.0, 0.0]}
    wide = {"scale": (1.0, 1.0), "ratio": (4 / 3, 4 / 3)}
    for antialias in (True, False):
        expected = ops.resize(noise, 9, 12, antialias=antialias)
        found = Resize((9, 12), antialias=antialias).apply(noise, None)
        np.testing.assert_array_equal(found, expected)
        crop = RandomResizedCrop((9, 12), antialias=antialias, **wide).apply(noise, whole)
        # The fast way of crops differs by the rounding.
        assert np.abs(crop.astype(int) - expected).max() <= (1 if antialias else 0)
    np.testing.assert_array_equal(
        build_transforms([{"Resize": {"size": [9, 12], "antialias": False}}])(noise, None),
        ops.resize(noise, 9, 12, antialias=False),
    )


def test_a_thin_image_is_not_blown_up_beyond_memory():
    thin = np.zeros((1, 60000, 3), np.uint8)
    with pytest.raises(UserError, match="60000 x 1 pixels would make one of 11040000 x 184"):
        Resize(184).apply(thin, None)
    assert Resize(2).apply(np.zeros((8, 60000, 3), np.uint8), None).shape == (2, 15000, 3)


def test_random_crop_reaches_every_place_evenly():
    image = np.arange(25, dtype=np.uint8).reshape(5, 5, 1).repeat(3, 2)
    rng = np.random.default_rng(0)
    corners = Counter(int(RandomCrop(3)(image, rng)[0, 0, 0]) for _ in range(1800))
    assert is_even(corners, 9)
    assert set(corners) == {0, 1, 2, 5, 6, 7, 10, 11, 12}


def test_random_crop_pads_where_told():
    image = np.full((4, 4, 3), 200, np.uint8)
    padded = RandomCrop(8, padding=2).apply(image, [0.0, 0.0])
    assert (padded[2:6, 2:6] == 200).all()
    assert padded.sum() == image.sum()
    assert RandomCrop(9, pad_if_needed=True).apply(image, [0.5, 0.5]).shape == (9, 9, 3)


def test_a_crop_larger_than_the_image_says_what_to_do():
    for transform in (RandomCrop(8), CenterCrop(8)):
        with pytest.raises(UserError, match="of 8x8 is larger than an image of 7x11 pixels: put a"):
            transform(photo(7, 11), np.random.default_rng(0))


def test_center_crop_takes_the_middle():
    image = photo(7, 11)
    np.testing.assert_array_equal(CenterCrop((3, 5)).apply(image, None), image[2:5, 3:8])


def test_random_resized_crop_draws_torchvisions_areas_and_ratios():
    drawn = draw(RandomResizedCrop(10, scale=(0.1, 1.0), ratio=(0.5, 2.0)), 500)
    shares, ratios = zip(*(t for d in drawn for t in d["tries"]), strict=True)
    assert is_uniform(shares, 0.1, 1)
    assert is_uniform(np.log(ratios), np.log(0.5), np.log(2))


def test_random_resized_crop_takes_the_first_box_that_fits():
    image = photo(20, 20)
    crop = RandomResizedCrop((10, 10), scale=(0.2, 1.0))
    params = {"tries": [[1.0, 2.0], [0.25, 1.0]], "place": [0.999, 0.0]}
    np.testing.assert_array_equal(crop.apply(image, params), image[10:, :10])


def test_random_resized_crop_falls_back_to_the_centre():
    image = photo(10, 40)
    params = {"tries": [[1.0, 1.0]] * 10, "place": [0.0, 0.0]}
    result = RandomResizedCrop((10, 13), ratio=(3 / 4, 1.3)).apply(image, params)
    np.testing.assert_array_equal(result, image[:, 14:27])


@pytest.mark.parametrize("ratio", [(1e-3, 1e-3), (50.0, 60.0), (1e6, 1e6)])
def test_random_resized_crop_takes_a_pixel_at_least(ratio):
    crop = RandomResizedCrop((3, 5), ratio=ratio)
    for shape in ((9, 7), (1, 1), (4, 90)):
        result = crop(photo(*shape), np.random.default_rng(0))
        assert result.shape == (3, 5, 3)


def test_erasing_blackens_one_rectangle_of_the_drawn_area():
    image = np.full((40, 40, 3), 9, np.uint8)
    erased = RandomErasing().apply(image, {"tries": [[0.1, 0.625]], "place": [0.5, 0.5]})
    gone = (erased == 0).all(axis=2)
    assert (gone.any(axis=1).sum(), gone.any(axis=0).sum()) == (10, 16)  # area 160, ratio 10 / 16
    assert gone.sum() == 160
    assert RandomErasing().apply(image, None) is image


def test_flips_and_rotation_go_where_they_say():
    image = photo(6, 5)
    np.testing.assert_array_equal(RandomHorizontalFlip().apply(image, True), image[:, ::-1])
    np.testing.assert_array_equal(RandomVerticalFlip().apply(image, True), image[::-1])
    assert has_frequency(draw(RandomHorizontalFlip(0.3)), 0.3)
    assert is_uniform(draw(RandomRotation(45)), -45, 45)
    assert is_uniform(draw(RandomRotation((10, 20))), 10, 20)


def test_color_jitter_draws_each_amount_in_random_order():
    drawn = draw(ColorJitter(brightness=1, contrast=0.5, saturation=(0.2, 0.4), hue=0.5))
    assert is_even(Counter(tuple(name for name, _ in params) for params in drawn), 24)
    amounts = {name: [dict(params)[name] for params in drawn] for name, _ in drawn[0]}
    assert is_uniform(amounts["brightness"], 0, 2)
    assert is_uniform(amounts["contrast"], 0.5, 1.5)
    assert is_uniform(amounts["saturation"], 0.2, 0.4)
    assert is_uniform(amounts["hue"], -0.5, 0.5)
    assert draw(ColorJitter(), 3) == [[], [], []]


def test_grayscale_is_luma_in_three_channels():
    gray = Grayscale().apply(np.array([[[200, 100, 50]]], np.uint8), None)
    assert gray.tolist() == [[[124] * 3]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomEnhance("warmth"), "kind must be one of brightness"),
        (lambda: RandomEnhance("color", 2, 1), "factors must be a pair"),
        (lambda: RandomCentreCrop(0.5), "max_ratio must be"),
        (lambda: RandomFlip(1.2), "horizontal must be a probability"),
        (lambda: RandomNoise(max_sigma=-1), "max_sigma must be"),
        (lambda: Resize(0), "size must be a whole number"),
        (lambda: Resize(True), "size must be a whole number"),
        (lambda: Resize(4, antialias="no"), "antialias must be true or false"),
        (lambda: Resize(4, "bicubic", False), "antialias false is for bilinear only"),
        (
            lambda: RandomResizedCrop(4, interpolation="lanczos", antialias=False),
            "antialias false is for bilinear only",
        ),
        (lambda: RandomCrop((4, 4, 4)), "size must be a whole number"),
        (lambda: RandomCrop(4, padding=-1), "padding must be"),
        (lambda: RandomResizedCrop(4, scale=(0.5, 2)), "scale must be a pair"),
        (lambda: RandomResizedCrop(4, interpolation="area"), "interpolation must be one of"),
        (lambda: ColorJitter(hue=0.6), "hue must be a pair"),
        (lambda: ColorJitter(brightness=-1), "brightness must be a pair"),
        (lambda: RandomRotation("ten"), "degrees must be a pair"),
        (lambda: RandomRotation(1e308), "degrees must be a pair"),
        (lambda: Resize(10**30), "size must be a whole number"),
        (lambda: RandomCrop(4, padding=10**30), "padding must be"),
        (lambda: RandomErasing(ratio=(1, 1e308)), "ratio must be a pair"),
        (lambda: RandAugment(num_ops=2.5), "num_ops must be a whole number"),
        (lambda: RandAugment(max_rotation=-5), "max_rotation must be from 0"),
        (lambda: TrivialAugmentWide(num_magnitude_bins=10**30), "num_magnitude_bins must be from"),
        (lambda: RandomCentreCrop(resamples=()), "resamples must be a list of some of nearest"),
        (lambda: RandomWholeRotation(0.5, 0.7), "low must be a whole number, got 0.5"),
        (lambda: RandomWholeRotation(0, 0.7), "high must be a whole number, got 0.7"),
        (lambda: RandomCrop(8, pad_if_needed="no"), "pad_if_needed must be true or false"),
        (lambda: Pad(1, fill=True), "fill must be a whole number, got True"),
        (lambda: ColorJitter(contrast=True), "contrast must be a pair .*, got True"),
        (lambda: RandAugment(max_rotation=True), "max_rotation must be a number, got True"),
        (lambda: RandAugment(max_rotation="a"), "max_rotation must be a number, got 'a'"),
        (lambda: RandomErasing(scale=(0, 0)), "scale must end above 0"),
        (lambda: ImgaugOptions(average_size=(2.5, 3.5)), "average_size must be whole numbers"),
        (lambda: ImgaugOptions(piecewise_points=(2.5, 4)), "piecewise_points must be whole numb"),
        (lambda: ImgaugOptions(rotate=0.5), "rotate must be a pair"),
        (lambda: ImgaugOptions(least_operations=0.5), "least_operations must be a whole number"),
        (lambda: ImgaugOptions(most_operations=10**30), "most_operations must be from 0"),
        (lambda: ImgaugOptions(rotate=(-1e308, 1e308)), "rotate must be a pair"),
        (lambda: ImgaugOptions(gaussian_sigma=(0, 1e6)), "gaussian_sigma must be a pair"),
        (lambda: ImgaugOptions(elastic_sigma=-1), "elastic_sigma must be from 0 to 100"),
        (lambda: ImgaugOptions(most_operations=15), "most_operations must be from 0 to 14"),
        (lambda: SomeOf([], 2, 1), "least <= most"),
        (lambda: SomeOf([RandomFlip()] * 2, 0, 3), "most <= 2 transforms, got 0 and 3"),
    ],
)
def test_impossible_numbers_are_refused_by_name(make, message):
    with pytest.raises(ValueError, match=message):
        make()


@pytest.mark.parametrize(
    ("image", "got"),
    [
        (np.zeros((4, 4, 3), np.float32), r"float32 \[4, 4, 3\]"),
        (np.zeros((3, 4, 4), np.uint8), r"uint8 \[3, 4, 4\]"),
        (np.zeros((4, 4), np.uint8), r"uint8 \[4, 4\]"),
        ("cat.jpg", r"str \[\]"),
    ],
)
def test_what_is_no_uint8_rgb_image_is_refused(image, got):
    with pytest.raises(ValueError, match=f"need a uint8 array .H, W, 3., got {got}"):
        Compose([])(image, np.random.default_rng(0))
