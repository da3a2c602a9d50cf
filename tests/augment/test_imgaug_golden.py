"""imgaugLib against imgaug 0.4.0 at equal parameters (the arrays: tools/imgaug_golden.py)."""

import importlib.util
import inspect
from typing import Any

import numpy as np
import pytest

from paddle_aug.augment.ops import imgaug as operations
from paddle_aug.augment.transforms.imgaug_library import library_operations
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from tests.imgaug_cases import CASES, EDITIONS, expected, ours, source, strength

# The largest difference of a value and the mean one. OpenCV 4.2 rounds its filters otherwise than
# later ones, and its affine maps on single pixels; scikit-image's bilinear weights are exact and
# OpenCV's whole 32ths.
TOLERANCES = {
    "crop_sides": (0, 0),
    "affine": (40, 0.02),
    "gaussian_blur": (0, 0),
    "average_blur": (0, 0),
    "median_blur": (0, 0),
    "sharpen": (1, 0.02),
    "emboss": (1, 0.02),
    "edge_detect": (1, 0.02),
    "directed_edge_detect": (1, 0.02),
    "invert": (0, 0),
    "add": (0, 0),
    "multiply": (0, 0),
    "linear_contrast": (0, 0),
    "blend_gray": (1, 0.01),
    "displaced": (0, 0),
    "piecewise_affine": (3, 0.3),
}
# Drawn by a seed of ours: see test_imgaug_ops.py and test_policies.py for their distributions.
RANDOM = {"dropout", "coarse_dropout", "elastic"}

# Options by which the library's augmenter gets a case's arguments: (argument, option) pairs.
AS_OPTIONS = {
    "crop_sides": [("shares", "crop")],
    "gaussian_blur": [("sigma", "gaussian_sigma")],
    "average_blur": [("size", "average_size")],
    "sharpen": [("alpha", "sharpen_alpha"), ("lightness", "sharpen_lightness")],
    "emboss": [("alpha", "emboss_alpha"), ("strength", "emboss_strength")],
    "edge_detect": [("alpha", "edge_alpha")],
    "directed_edge_detect": [("alpha", "edge_alpha"), ("direction", "edge_direction")],
    "add": [("values", "add")],
    "multiply": [("factors", "multiply")],
    "linear_contrast": [("factors", "contrast")],
    "blend_gray": [("alpha", "gray_alpha")],
    "superpixels": [("segments", "superpixels_segments"), ("replace", "superpixels_replace")],
}


def compare(result: np.ndarray, name: str, rounding: int = 0) -> None:
    op, wanted = CASES[name]["op"], expected(name)
    if op == "piecewise_affine":
        # scikit-image paints some pixels of the first row and column black, where rounding puts
        # them outside the image.
        result, wanted = result[1:, 1:], wanted[1:, 1:]
    largest, mean = TOLERANCES[op]
    error = np.abs(result - wanted)
    assert error.max() <= largest + rounding
    assert error.mean() <= mean + rounding / 2


def is_like(result: np.ndarray, name: str) -> bool:
    """Superpixels as strong as imgaug's, and mostly the same."""
    wanted = strength(expected(name), name)
    same_strength = abs(strength(result, name) / wanted - 1) < 0.06
    return same_strength and np.abs(result - expected(name)).mean() < 0.35 * wanted


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case["op"] in TOLERANCES])
def test_our_operation_meets_imgaug(name):
    compare(ours(name), name)


@pytest.mark.parametrize("name", [n for n, case in CASES.items() if case["op"] == "superpixels"])
def test_our_superpixels_are_as_strong_as_imgaugs(name):
    assert is_like(ours(name), name)


def test_every_operation_of_the_pipeline_is_compared():
    compared = {case["op"] for case in CASES.values()} - {"displaced"} | RANDOM | {"noise"}
    functions = {name for name, value in vars(operations).items() if inspect.isfunction(value)}
    public = {name for name in functions if not name.startswith("_")} - {"displaced"}
    assert compared == public | {"superpixels", "noise"}


def test_the_arrays_are_of_the_edition_that_is_reproduced():
    assert EDITIONS["imgaug"] == "0.4.0"
    assert EDITIONS["scikit-image"] == "0.16.2"


def options_of(case: dict[str, Any]) -> dict[str, Any]:
    """Options for the library; none where it cannot be given the arguments, as they differ."""
    options: dict[str, Any] = {f"{op}_per_channel": 0.0 for op in ("add", "multiply", "contrast")}
    for argument, option in AS_OPTIONS.get(case["op"], [("", "")]):
        values = case["args"].get(argument, [0, 1])
        values = values if isinstance(values, list) else [values]
        if len(set(values)) > 1:
            return {}
        options[option] = (values[0], values[0])
    return options


@pytest.mark.skipif(importlib.util.find_spec("imgaug") is None, reason="the imaug extra is missing")
@pytest.mark.parametrize("name", [name for name, case in CASES.items() if options_of(case)])
def test_the_librarys_augmenter_meets_imgaug(name):
    augmenters = library_operations(ImgaugOptions(**options_of(CASES[name])))
    result = augmenters[CASES[name]["op"]](image=source(name).copy()).astype(int)
    if CASES[name]["op"] == "superpixels":
        assert is_like(result, name)
    else:
        compare(result, name, rounding=1)  # 0.4.3 rounds products that 0.4.0 cut off
