"""The library's own pipeline: every option reaches its augmenter, and a seed is an image.

The library is an extra that few have installed: a recording of the calls stands for it here.
"""

import contextlib
import importlib.util
import sys
import threading
from dataclasses import fields
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from paddle_aug.augment.ops.imgaug import affine
from paddle_aug.augment.transforms.imgaug_library import ImgaugLibrary, library_operations
from paddle_aug.augment.transforms.imgaug_numbers import ImgaugOptions
from paddle_aug.augment.transforms.imgaug_pipeline import draw_affine
from paddle_aug.core.errors import UserError


class Augmenter:
    """A call that was made, and as a pipeline: adds the seed's last byte to every pixel."""

    def __init__(self, name: str, args: tuple, kwargs: dict):
        self.name, self.args, self.kwargs = name, args, kwargs
        self.seed = 0

    def seed_(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, image: np.ndarray) -> np.ndarray:
        return np.asfortranarray(image + np.uint8(self.seed % 256))


def walk(value: Any) -> list[Any]:
    """Every augmenter and every other value in a tree of calls."""
    if isinstance(value, Augmenter):
        return [value, *walk([*value.args, *value.kwargs.values()])]
    if isinstance(value, dict):
        return walk(list(value.values()))
    if isinstance(value, list):
        return [found for item in value for found in walk(item)]
    return [value]


@pytest.fixture
def built(monkeypatch) -> list[Augmenter]:
    """Pipelines that were built, with the recording in the library's place."""
    pipelines: list[Augmenter] = []
    package = ModuleType("imgaug")
    augmenters, parameters = ModuleType("imgaug.augmenters"), ModuleType("imgaug.parameters")
    ahead = []

    def make(name: str) -> Any:
        def augmenter(*args, **kwargs):
            call = Augmenter(name, args, kwargs)
            if name == "Sequential":
                assert ahead == ["no values are drawn ahead"]
                pipelines.append(call)
            return call

        return augmenter

    @contextlib.contextmanager
    def no_prefetching():
        ahead.append("no values are drawn ahead")
        yield
        ahead.clear()

    augmenters.__getattr__ = make
    parameters.no_prefetching = no_prefetching
    package.augmenters, package.parameters, package.ALL = augmenters, parameters, "all modes"
    for module in (package, augmenters, parameters):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return pipelines


def different() -> ImgaugOptions:
    """Options of which no two are equal."""
    values: dict[str, Any] = {"least_operations": 1, "most_operations": 6}
    for number, field in enumerate(fields(ImgaugOptions), 1):
        if field.name in values:
            continue
        default = getattr(ImgaugOptions(), field.name)
        if isinstance(default, tuple):
            whole = isinstance(default[0], int)
            values[field.name] = (number, number + 50) if whole else (number / 200, number / 199)
        else:
            values[field.name] = number + 10 if isinstance(default, int) else number / 300
    return ImgaugOptions(**values)


IMAGE = np.arange(7 * 5 * 3, dtype=np.uint8).reshape(7, 5, 3)


def test_every_option_reaches_the_pipeline(built):
    options = different()
    ImgaugLibrary(options).apply(IMAGE, 3)
    reached = walk(built[0])
    elsewhere = {"least_operations", "most_operations", "scale", "translate", "rotate", "shear"}
    for name in {field.name for field in fields(options)} - elsewhere:
        assert getattr(options, name) in reached, name
    assert (1, 6) in reached


def test_the_pipeline_is_the_examples(built):
    ImgaugLibrary(ImgaugOptions()).apply(IMAGE, 3)
    (steps,) = built[0].args
    assert built[0].kwargs == {"random_order": True}
    assert [step.name for step in steps] == ["Fliplr", "Flipud", "Sometimes", "Sometimes", "SomeOf"]
    assert [steps[0].args, steps[1].args] == [(0.5,), (0.2,)]
    assert [step.args[0] for step in steps[2:4]] == [0.5, 0.5]
    (crop,), (affine,) = steps[2].args[1], steps[3].args[1]
    assert (crop.name, crop.kwargs) == ("Crop", {"percent": (0.0, 0.1)})
    assert (affine.name, list(affine.kwargs)) == ("Lambda", ["func_images"])
    count, some = steps[4].args
    assert count == (0, 5) and steps[4].kwargs == {"random_order": True}
    names = [step.args[1][0].name if step.name == "Sometimes" else step.name for step in some]
    assert names == [
        "Superpixels", "OneOf", "Sharpen", "Emboss", "OneOf", "AdditiveGaussianNoise", "OneOf",
        "Invert", "Add", "Multiply", "LinearContrast", "Grayscale", "ElasticTransformation",
        "PiecewiseAffine",
    ]  # fmt: skip
    assert [step.name for step in some[1].args[0]] == ["GaussianBlur", "AverageBlur", "MedianBlur"]
    assert some[10].args == ((0.5, 2.0),) and some[10].kwargs == {"per_channel": 0.5}


def test_the_affine_map_is_ours_with_the_options_and_the_librarys_random_numbers(built):
    options = ImgaugOptions(scale=(1.2, 1.2), translate=(0.1, 0.1), rotate=(30, 30), shear=(9, 9))
    function = library_operations(options)["affine"].kwargs["func_images"]
    image = np.random.default_rng(0).integers(0, 256, (30, 30, 3), np.uint8)
    rng = SimpleNamespace(generator=np.random.default_rng(5))
    (result,) = function([image], rng, None, None)
    arguments = draw_affine(np.random.default_rng(5), options)
    assert [arguments["scale"], arguments["degrees"], arguments["shear"]] == [[1.2, 1.2], 30, 9]
    np.testing.assert_array_equal(result, affine(image, **arguments))


def test_a_seed_is_an_image_and_the_pipeline_is_built_once_a_thread(built):
    transform = ImgaugLibrary(ImgaugOptions(sometimes=0.25))
    seed = transform.sample(np.random.default_rng(1))
    assert seed == transform.sample(np.random.default_rng(1))
    result = transform.apply(IMAGE, seed)
    np.testing.assert_array_equal(result, IMAGE + np.uint8(seed % 256))
    assert result.flags.c_contiguous
    transform.apply(IMAGE, seed + 1)
    np.testing.assert_array_equal(transform.apply(IMAGE, seed), result)
    assert len(built) == 1
    thread = threading.Thread(target=transform.apply, args=(IMAGE, seed))
    thread.start()
    thread.join()
    assert len(built) == 2
    ImgaugLibrary(ImgaugOptions(sometimes=0.75)).apply(IMAGE, seed)
    assert [pipeline.args[0][2].args[0] for pipeline in built] == [0.25, 0.25, 0.75]


@pytest.mark.skipif(importlib.util.find_spec("imgaug") is None, reason="the imaug extra is missing")
def test_the_real_librarys_images_depend_on_the_seed_alone():
    transform = ImgaugLibrary(ImgaugOptions())
    image = np.random.default_rng(0).integers(0, 256, (41, 31, 3), np.uint8)
    first = [transform.apply(image, seed) for seed in range(60)]
    again = [transform.apply(image, seed) for seed in reversed(range(60))][::-1]
    np.testing.assert_array_equal(first, again)


def test_the_old_edition_is_refused_like_none(built):
    del sys.modules["imgaug"].parameters.no_prefetching
    with pytest.raises(UserError, match="no_prefetching.*pip install imaug"):
        ImgaugLibrary(ImgaugOptions())


def test_without_the_library_the_error_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "imgaug", None)
    with pytest.raises(UserError, match="pip install imaug, or leave the backend at 'own'"):
        ImgaugLibrary(ImgaugOptions())
