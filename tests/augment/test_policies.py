"""The policies by name, what data sets exclude from them, and transforms from a YAML list."""

import hashlib
import importlib.util
import json
import math
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import get_type_hints

import numpy as np
import pytest
import yaml

from paddle_aug.augment.policies import (
    EXCLUDABLE,
    POLICIES,
    PolicyOptions,
    build_policy,
    restricted,
)
from paddle_aug.augment.transform_list import VOCABULARY, build_transforms
from paddle_aug.augment.transforms.crops_and_boxes import RandomCrop, Resize
from paddle_aug.augment.transforms.flips_and_colours import ColorJitter, RandomHorizontalFlip
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from tests.augment.test_ops import photo

NEEDS_IMAUG = pytest.mark.skipif(
    importlib.util.find_spec("imgaug") is None, reason="the imaug extra is not installed"
)
ALL = frozenset(EXCLUDABLE)
PRINT_BYTES = "from tests.augment.test_policies import digest_of_bytes; print(digest_of_bytes())"


def draws(name: str, exclude: frozenset[str] = frozenset(), count: int = 600) -> list:
    policy = build_policy(name, exclude)
    return [policy.sample(stream(0, 0, index)) for index in range(count)]


def digest_of_bytes() -> str:
    """Of what the policies make of some pictures."""
    digest = hashlib.sha256()
    for name in ("userDef", "allab", "randAugment"):
        policy = build_policy(name)
        for index in range(30):
            digest.update(policy(photo(97, 61, index), stream(0, 0, index)))
    return digest.hexdigest()


@pytest.mark.parametrize("kernel", ["Prescott", "Haswell", "SkylakeX"])  # SSE3, AVX2, AVX-512
def test_the_bytes_do_not_depend_on_the_kernels_of_blas(kernel):
    run = subprocess.run(
        [sys.executable, "-c", PRINT_BYTES],
        cwd=Path(__file__).parent.parent.parent,
        env={**os.environ, "OPENBLAS_CORETYPE": kernel},
        capture_output=True,
        text=True,
    )
    if run.returncode == -signal.SIGILL:
        pytest.skip(f"this processor cannot run OpenBLAS's {kernel} kernels")
    assert run.stdout.strip() == digest_of_bytes(), run.stderr


@pytest.mark.parametrize("name", POLICIES)
@pytest.mark.parametrize("shape", [(1, 1), (7, 11), (40, 32)])
def test_every_policy_keeps_the_shape_replays_and_spares_its_input(name, shape):
    policy, image = build_policy(name), photo(*shape)
    before = image.copy()
    for index in range(25):
        params = policy.sample(stream(1, 2, index))
        result = policy.apply(image, json.loads(json.dumps(params)))
        assert (result.shape, result.dtype) == (image.shape, np.uint8)
        np.testing.assert_array_equal(policy(image, stream(1, 2, index)), result)
    np.testing.assert_array_equal(image, before)


def test_no_changes_nothing_and_others_change_much():
    image = photo(40, 32)
    assert build_policy("no")(image, stream(0, 0, 0)) is image
    for name in ("userDef", "imgaugLib", "allab", "allba"):
        results = [build_policy(name)(image, stream(0, 0, index)) for index in range(10)]
        assert np.mean([(result != image).mean() for result in results]) > 0.5


def test_user_def_applies_all_eight_operations_in_any_order():
    drawn = draws("userDef")
    assert all(sorted(index for index, _ in params) == list(range(8)) for params in drawn)
    firsts = Counter(params[0][0] for params in drawn)
    assert all(abs(firsts[index] - 75) < 45 for index in range(8))


def test_imgaug_lib_has_the_probabilities_of_the_example():
    flips, others, counts = Counter(), Counter(), Counter()
    drawn = draws("imgaugLib", count=3000)
    for params in map(dict, drawn):
        flips["horizontal"] += params[0]["horizontal"]
        flips["vertical"] += params[1]["vertical"]
        others["crop"] += params[2] is not None
        others["affine"] += params[3] is not None
        counts[len(params[4])] += 1
    assert abs(flips["horizontal"] / 3000 - 0.5) < 0.04
    assert abs(flips["vertical"] / 3000 - 0.2) < 0.04
    assert abs(others["crop"] / 3000 - 0.5) < 0.04
    assert abs(others["affine"] / 3000 - 0.5) < 0.04
    assert set(counts) == set(range(6))
    assert all(abs(count - 500) < 110 for count in counts.values())


def test_imgaug_lib_draws_from_the_ranges_of_the_example():
    affines = [dict(params)[3][0] for params in draws("imgaugLib", count=2000) if dict(params)[3]]
    ranges = {"degrees": (-45, 45), "shear": (-16, 16), "fill": (0, 254), "order": (0, 1)}
    for key, (low, high) in ranges.items():
        values = np.ravel([affine[key] for affine in affines])
        assert low <= min(values) < low + (high - low) * 0.02 + 1
        assert high >= max(values) > high - (high - low) * 0.02 - 1
    assert len({affine["border"] for affine in affines}) == 5
    assert len(set(affines[0]["fill"])) > 1  # a level a channel
    some = Counter(i for params in draws("imgaugLib", count=2000) for i, _ in dict(params)[4])
    assert set(some) == set(range(14))
    values = list(some.values())
    assert min(values) > 0.75 * np.mean(values)


def operation_draws(index: int, count: int) -> list:
    """Parameters of imgaugLib's operation of this number, where it was drawn."""
    some = [dict(dict(params)[4]) for params in draws("imgaugLib", count=count)]
    return [params[index] for params in some if params.get(index) is not None]


def test_imgaug_lib_draws_as_imgaug_0_4_0_does():
    added = Counter(v for p in operation_draws(8, 6000) for v in p["values"])
    inner = np.mean([added[value] for value in range(-9, 10)])
    assert set(added) == set(range(-10, 11))
    # Rounded from even draws: the two ends come half as often.
    assert abs((added[-10] + added[10]) / 2 / inner - 0.5) < 0.2
    grids = [np.shape(params[0]["shifts"])[:2] for params in operation_draws(13, 6000)]
    assert set(grids) == {(rows, columns) for rows in (2, 3, 4) for columns in (2, 3, 4)}
    coarse = [p for own in operation_draws(6, 2000) for i, p in own if i == 1]
    rows, columns = np.transpose([params["size"] for params in coarse])
    assert abs(np.corrcoef(rows, columns)[0, 1]) < 0.2
    assert min(rows.min(), columns.min()) >= 0.02 and max(rows.max(), columns.max()) <= 0.05


def test_allab_is_user_def_then_imgaug_and_allba_the_reverse():
    image = photo(20, 20)
    a, b = build_policy("userDef"), build_policy("imgaugLib")
    for name, first, second in (("allab", a, b), ("allba", b, a)):
        params = [first.sample(stream(0, 0, 1)), second.sample(stream(0, 0, 2))]
        expected = second.apply(first.apply(image, params[0]), params[1])
        np.testing.assert_array_equal(build_policy(name).apply(image, params), expected)


def test_data_that_flips_and_turns_change_is_neither_flipped_nor_turned():
    for params in map(dict, draws("userDef", ALL)):
        assert params[5] == {"horizontal": False, "vertical": False}
        assert -15 <= params[6] <= 15
    for params in map(dict, draws("imgaugLib", ALL)):
        assert params[0] == params[1] == {"horizontal": False, "vertical": False}
        assert params[3] is None or -15 <= params[3][0]["degrees"] <= 15
    for name in ("randAugment", "trivialAugment"):
        turns = [a for params in draws(name, ALL, 2000) for op, a in params if op == "Rotate"]
        assert turns
        assert max(map(abs, turns)) <= 15
    for params in draws("allab", ALL, 100):
        assert dict(params[0])[5] == {"horizontal": False, "vertical": False}


def test_each_exclusion_takes_only_its_own_operation():
    across = [dict(p)[5] for p in draws("userDef", frozenset({"horizontal_flip"}))]
    assert not any(p["horizontal"] for p in across)
    assert any(p["vertical"] for p in across)
    turned = [dict(p) for p in draws("userDef", frozenset({"large_rotation"}))]
    assert {p[6] for p in turned} == set(range(-15, 16))
    assert any(p[5]["horizontal"] for p in turned)


@pytest.mark.parametrize(
    ("chosen", "used"),
    [((0, 0), {0}), ((-3, 3), set(range(-3, 4))), ((0, 90), set(range(16))),
     ((-180, 180), set(range(-15, 16)))],
)  # fmt: skip
def test_a_rotation_that_is_smaller_than_the_limit_stays_as_it_was_chosen(chosen, used):
    options = PolicyOptions(rotation=chosen, max_rotation=4.0)
    exclude = frozenset({"large_rotation"})
    policy = build_policy("userDef", exclude, options)
    drawn = [dict(policy.sample(stream(0, 0, index)))[6] for index in range(600)]
    assert set(drawn) == used
    policy = build_policy("trivialAugment", exclude, options)
    steps = [step for index in range(900) for step in policy.sample(stream(0, 0, index))]
    turns = [amount for name, amount in steps if name == "Rotate"]
    assert turns and max(map(abs, turns)) <= 4


@pytest.mark.parametrize(
    ("chosen", "used"),
    [((350, 359), (-10, -1)), ((350, 370), (-10, 10)), ((0, 340), (0, 15)), ((0, 359), (-15, 15)),
     ((-180, 0), (-15, 0)), ((0, 180), (0, 15)), ((30, 60), (0, 0)), ((300, 330), (0, 0)),
     ((10, 350), (-15, 15)), ((-370, -355), (-10, 5)), ((170, 190), (0, 0)), ((15, 20), (15, 15)),
     ((100, 1000), (-15, 15)), ((720, 725), (0, 5)), ((0, 0), (0, 0))],
)  # fmt: skip
def test_angles_are_limited_as_turns_to_the_left_or_the_right(chosen, used):
    exclude = frozenset({"large_rotation"})
    options = PolicyOptions(rotation=chosen, imgaug=ImgaugOptions(rotate=chosen))
    limited = restricted(options, exclude)
    assert limited.rotation == limited.imgaug.rotate == used
    drawn = [
        dict(build_policy("userDef", exclude, options).sample(stream(0, 0, index)))[6]
        for index in range(300)
    ]
    assert (min(drawn), max(drawn)) == used
    halves = (chosen[0] + 0.5, chosen[0] + 0.75)
    found = restricted(PolicyOptions(imgaug=ImgaugOptions(rotate=halves)), exclude).imgaug.rotate
    assert -15 <= found[0] <= found[1] <= 15 and found[1] - found[0] in (0, 0.25)


def test_flip_on_data_that_must_not_be_mirrored_is_refused():
    with pytest.raises(UserError, match="'flip' only mirrors"):
        build_policy("flip", frozenset({"horizontal_flip"}))


def test_unknown_names_are_refused_with_what_is_allowed():
    with pytest.raises(UserError, match="unknown augmentation: 'mixUp' is none of no, userDef"):
        build_policy("mixUp")
    with pytest.raises(UserError, match="cannot exclude \\['blur'\\]: only horizontal_flip"):
        build_policy("no", frozenset({"blur"}))


def test_options_reach_the_transforms():
    options = PolicyOptions(
        brightness=(1.0, 1.0), rotation=(90, 90), noise_probability=0.0, crop_resamples=("nearest",)
    )
    params = dict(build_policy("userDef", options=options).sample(stream(0, 0, 0)))
    assert params[0] == 1.0
    assert params[6] == 90
    assert params[7] is None
    assert params[4]["resample"] == "nearest"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"noise_probability": 2}, "noise_probability must be a probability"),
        ({"contrast": (1.5, 0.5)}, "contrast must be a pair"),
        ({"crop_max_ratio": 0.9}, "crop_max_ratio must be from 1 to 1e\\+06"),
        ({"color": (0.0, 1e308)}, "color must be a pair .* from 0 to 1e\\+06"),
        ({"rotation": (-(10**30), 10**30)}, "rotation must be a pair"),
        ({"magnitude_bins": 10**30}, "magnitude_bins must be from 2 to"),
        ({"rand_augment_ops": 10**9}, "rand_augment_ops must be from 0 to 1000"),
        ({"noise_max_sigma": math.inf}, "noise_max_sigma must be from 0 to"),
        ({"crop_resamples": ("area",)}, "crop_resamples must be one of"),
        (
            {"crop_resamples": ()},
            "crop_resamples must be a list of some of nearest, .*, got \\(\\)",
        ),
        ({"rotation": (0.5, 0.7)}, "rotation must be whole numbers, got \\(0.5, 0.7\\)"),
        ({"small_rotation": 1.5}, "small_rotation must be a whole number, got 1.5"),
        ({"noise_max_sigma": True}, "noise_max_sigma must be a number, got True"),
        ({"rand_augment_magnitude": 31}, r"rand_augment_magnitude must be in 0\.\.30"),
    ],
)
def test_impossible_options_are_refused_by_name(options, message):
    with pytest.raises(ValueError, match=message):
        PolicyOptions(**options)


def test_a_yaml_list_becomes_the_transforms_it_names():
    spec = yaml.safe_load(
        "[{Resize: 120}, RandomHorizontalFlip, {RandomCrop: {size: 96, padding: 4}}, "
        "{ColorJitter: {hue: 0.5}}, {Resize: [48, 64]}]"
    )
    built = build_transforms(spec)
    assert built.transforms == [
        Resize(120),
        RandomHorizontalFlip(),
        RandomCrop(96, padding=4),
        ColorJitter(hue=0.5),
        Resize((48, 64)),
    ]
    assert built(photo(130, 150), stream(0, 0, 0)).shape == (48, 64, 3)


def test_every_name_of_the_vocabulary_can_be_built():
    first = {
        "TrivialAugmentWide": 31,
        "RandomEnhance": "color",
        "RandomRotation": 45,
        "Pad": 2,
        "RandomCentreCrop": 1.5,
    }
    sizes = {"Resize": 9, "CenterCrop": 9, "RandomCrop": 9, "RandomResizedCrop": 9}
    for name in VOCABULARY:
        argument = {**first, **sizes}.get(name)
        assert type(build_transforms([{name: argument}]).transforms[0]) is VOCABULARY[name]


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (["RandomHorizontalflip"], "did you mean RandomHorizontalFlip"),
        (["Xyz"], "unknown transform 'Xyz': one of Resize"),
        ([{"RandomCrop": {"sise": 3}}], "unknown argument 'sise': it takes size, padding"),
        (["Resize"], "Resize: needs size"),
        ([{"Resize": -1}], "Resize: size must be a whole number of pixels"),
        ([{"Grayscale": 3}], "Grayscale takes no argument"),
        (
            [{"TrivialAugmentWide": {"magnitude": 5}}],
            "unknown argument 'magnitude': it takes num_magnitude_bins, max_rotation",
        ),
        ([{"TrivialAugmentWide": {"num_ops": 2}}], "unknown argument 'num_ops'"),
        (
            [{"RandomCentreCrop": {"resamples": []}}],
            "resamples must be a list of some of nearest, bilinear, bicubic, lanczos, got \\(\\)",
        ),
        ([{"RandomCentreCrop": {"resamples": "nearest"}}], "a list of some of .*, got 'nearest'"),
        (
            [{"RandomWholeRotation": {"low": 0.5, "high": 0.7}}],
            "low must be a whole number, got 0.5",
        ),
        (
            [{"RandomCrop": {"size": 8, "pad_if_needed": "no"}}],
            "pad_if_needed must be true or false, got 'no'",
        ),
        ([{"RandomCrop": {"size": 8, "padding": 0.5}}], "padding must be 1, 2 or 4 whole numbers"),
        ([{"ColorJitter": True}], "brightness must be a pair .*, got True"),
        ([{"RandomErasing": {"scale": [0, 0]}}], "scale must end above 0, got"),
        ([{"RandomResizedCrop": {"size": 8, "scale": [0, 0]}}], "scale must end above 0, got"),
        (["Normalize"], "see the options mean and std"),
        ([7], "expected a name or"),
        ("Resize", "transforms must be a list"),
    ],
)
def test_mistakes_in_a_list_are_named(spec, message):
    with pytest.raises(UserError, match=message):
        build_transforms(spec)


# The arguments of torchvision's transforms, in its order.
TORCHVISION = {
    "Resize": "size interpolation max_size antialias",
    "CenterCrop": "size",
    "RandomCrop": "size padding pad_if_needed fill padding_mode",
    "RandomResizedCrop": "size scale ratio interpolation antialias",
    "Pad": "padding fill padding_mode",
    "RandomErasing": "p scale ratio value inplace",
    "RandomHorizontalFlip": "p",
    "RandomVerticalFlip": "p",
    "RandomRotation": "degrees interpolation expand center fill",
    "ColorJitter": "brightness contrast saturation hue",
    "Grayscale": "num_output_channels",
    "RandAugment": "num_ops magnitude num_magnitude_bins interpolation fill",
    "TrivialAugmentWide": "num_magnitude_bins interpolation fill",
}
OURS = {"RandomEnhance", "RandomCentreCrop", "RandomFlip", "RandomWholeRotation", "RandomNoise"}
# A value for each argument, and one with which something else is drawn or made.
ARGUMENTS = {
    "Resize": {"size": (9, 11), "interpolation": ("bilinear", "nearest"),
               "antialias": (True, False)},
    "CenterCrop": {"size": (9, 11)},
    "RandomCrop": {"size": (30, 31), "padding": (3, 4), "pad_if_needed": (True, False),
                   "fill": (5, 6), "padding_mode": ("constant", "edge")},
    "RandomResizedCrop": {"size": (9, 11), "scale": ((0.1, 0.2), (0.1, 0.3)),
                          "ratio": ((1, 1), (1, 2)), "interpolation": ("bilinear", "nearest"),
                          "antialias": (True, False)},
    "Pad": {"padding": (2, 3), "fill": (5, 6), "padding_mode": ("constant", "edge")},
    "RandomErasing": {"p": (1.0, 0.5), "scale": ((0.1, 0.2), (0.1, 0.3)),
                      "ratio": ((1, 1), (1, 2))},
    "RandomHorizontalFlip": {"p": (0.5, 0.9)},
    "RandomVerticalFlip": {"p": (0.5, 0.9)},
    "RandomRotation": {"degrees": (30, 40)},
    "ColorJitter": {"brightness": (0.5, 0.6), "contrast": (0.5, 0.6), "saturation": (0.5, 0.6),
                    "hue": (0.3, 0.4)},
    "Grayscale": {},
    "RandAugment": {"num_ops": (2, 3), "magnitude": (9, 12), "num_magnitude_bins": (31, 41),
                    "max_rotation": (30.0, 3.0)},
    "TrivialAugmentWide": {"num_magnitude_bins": (31, 41), "max_rotation": (135.0, 3.0)},
    "RandomEnhance": {"kind": ("color", "contrast"), "low": (0.5, 0.6), "high": (1.5, 1.6)},
    "RandomCentreCrop": {"max_ratio": (1.5, 1.7), "resamples": (["nearest"], ["bilinear"])},
    "RandomFlip": {"horizontal": (0.5, 0.9), "vertical": (0.5, 0.9)},
    "RandomWholeRotation": {"low": (0, 10), "high": (90, 80)},
    "RandomNoise": {"p": (1.0, 0.5), "max_sigma": (5.0, 6.0)},
}  # fmt: skip


def values_of(name: str) -> dict[str, tuple]:
    """The row of ARGUMENTS; a transform without one has no argument but a probability."""
    return ARGUMENTS.get(name, {"p": (0.5, 0.9)})


def arguments(name: str) -> list[str]:
    """The arguments that a transform takes, as it says itself."""
    with pytest.raises(UserError) as error:
        build_transforms([{name: {"no_such_argument": 1}}])
    names = str(error.value).partition("it takes ")[2].partition(";")[0].split(", ")
    return [] if names == ["none"] else names


@pytest.mark.parametrize("name", [name for name in VOCABULARY if name not in OURS])
def test_arguments_of_torchvisions_names_are_torchvisions(name):
    ours, theirs = arguments(name), TORCHVISION.get(name, "p").split()
    common = [argument for argument in theirs if argument in ours]
    assert ours[: len(common)] == common and ours[:1] in (theirs[:1], [])
    assert set(ours) - set(theirs) <= {"max_rotation"}


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_argument_of_a_transform_has_an_effect(name):
    def made(values):
        results = []
        for index in range(60):
            try:
                image = build_transforms([{name: values}])(photo(20, 26), stream(0, 0, index))
                results.append((image.shape, image.tobytes()))
            except UserError as error:
                results.append(str(error))
        return results

    chosen = values_of(name)
    assert list(chosen) == arguments(name)
    first = {argument: values[0] for argument, values in chosen.items()}
    for argument, (_, other) in chosen.items():
        assert made({**first, argument: other}) != made(first), argument


@pytest.mark.parametrize("name", VOCABULARY)
def test_a_value_of_another_kind_is_refused_by_name(name):
    wrong = {bool: (0, "true or false"), int: (0.5, "a whole number"), float: (True, "a number"),
             str: (3, "a word")}  # fmt: skip
    first = {argument: values[0] for argument, values in values_of(name).items()}
    for argument, kind in get_type_hints(VOCABULARY[name]).items():
        if argument in first and kind in wrong:
            value, words = wrong[kind]
            with pytest.raises(UserError, match=f"{argument} must be {words}, got {value!r}"):
                build_transforms([{name: {**first, argument: value}}])


@pytest.mark.skipif(importlib.util.find_spec("imgaug") is not None, reason="imaug is installed")
def test_the_library_backend_says_how_to_get_it():
    with pytest.raises(UserError, match="pip install imaug"):
        build_policy("imgaugLib", options=PolicyOptions(imgaug_backend="imaug"))


@NEEDS_IMAUG
def test_the_library_backend_augments_and_repeats_itself():
    policy = build_policy("imgaugLib", options=PolicyOptions(imgaug_backend="imaug"))
    image = photo(40, 32)
    results = [policy(image, stream(0, 0, index)) for index in range(8)]
    for index, result in enumerate(results):
        np.testing.assert_array_equal(policy(image, stream(0, 0, index)), result)
    assert np.mean([(result != image).mean() for result in results]) > 0.3
