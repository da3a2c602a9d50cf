"""A Method of one's own is tried with what a run gives it, and images that are not drawn stay."""

import sys
import types

import numpy as np
import paddle
import pytest

from paddle_aug.build.mix import build_mix_policy
from paddle_aug.config import load_config
from paddle_aug.core import own_code
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.mix.formulas import mixup
from paddle_aug.mix.methods import METHODS, Draw, Method
from paddle_aug.modes import MODES


def draw_lam(rng, numbers, height, width):
    return Draw(float(rng.uniform(0.2, 0.8)))


def first_lam(a, b, draw, numbers):
    """Right for one draw; with several, the first one's lam is everyone's."""
    return mixup(a, b, float(np.ravel(draw.lam)[0]))


def in_place(a, b, draw, numbers):
    a *= 0.5
    return a + 0


# As a class of users writes them; each is right somewhere.
OWN = {
    "arrays": Method(draw_lam, lambda a, b, draw, _: np.maximum(a, b)),
    "numbers": Method(draw_lam, lambda a, b, draw, _: a * draw.lam + b * (1 - draw.lam)),
    "first": Method(draw_lam, first_lam),
    "weights": Method(draw_lam, lambda a, b, draw, _: mixup(a, b, draw.lam)),
    "negative": Method(draw_lam, lambda a, b, draw, _: -a),
    "to_array": Method(
        draw_lam, lambda a, b, draw, _: a + 0 if isinstance(a, np.ndarray) else a.numpy()
    ),
    "rgb": Method(draw_lam, lambda a, b, draw, _: a * np.ones((1, 3, 1, 1), np.float32)
                  if isinstance(a, np.ndarray) else a * paddle.ones([1, 3, 1, 1])),
    "two_lams": Method(lambda *_: Draw(np.array([0.2, 0.8])), lambda a, b, draw, _: a + 0),
    "no_number": Method(lambda *_: Draw(float("nan")), lambda a, b, draw, _: a + 0),
    "fails": Method(draw_lam, lambda a, b, draw, _: a.no_such_thing),
    "in_place": Method(draw_lam, in_place),
    "nothing": Method(draw_lam, lambda a, b, draw, _: None),
}  # fmt: skip
TENSORS = "4 images as Paddle tensors, as --partner batch gives them"
EACH = "4 images as Paddle tensors with a lam and a box for each, as --mix-draws image gives them"


@pytest.fixture(autouse=True)
def module(monkeypatch):
    module = types.ModuleType("my_methods")
    module.__dict__.update(OWN)
    monkeypatch.setitem(sys.modules, "my_methods", module)
    monkeypatch.setattr(own_code, "_allowed", {f"my_methods:{name}" for name in OWN})
    tables = [(table, dict(table)) for table in (MODES, METHODS)]
    yield
    for table, before in tables:
        table.clear()
        table.update(before)


def policy_of(name, **options):
    return build_mix_policy(load_config({"augment": f"my_methods:{name}", **options}))


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("arrays", {}, f"fails on {TENSORS} (test_own_method.py:"),
        ("arrays", {"mix_draws": "image"}, f"fails on {EACH} (test_own_method.py:"),
        ("numbers", {"mix_draws": "image"}, f"fails on {EACH} ("),
        ("first", {"mix_draws": "image"},
         "apply mixes images otherwise together than one by one; with --mix-draws image, lam has "
         "the shape [N] and box [N, 4]"),
        ("to_array", {}, "apply gives ndarray float32 [4, 3, 224, 224], not Tensor float32"),
        ("rgb", {"channels": 1}, "apply gives Tensor float32 [4, 3, 224, 224], not Tensor float32 "
                                 "[4, 1, 224, 224]"),
        ("rgb", {"channels": 1, "partner": "dataset"},
         "apply gives ndarray float32 [1, 3, 224, 224], not ndarray float32 [1, 1, 224, 224]"),
    ],
)  # fmt: skip
def test_what_a_run_would_give_a_method_is_tried_before_it(name, options, reason):
    with pytest.raises(UserError) as error:
        policy_of(name, **options)
    assert str(error.value).startswith(f"augment my_methods:{name}: {reason}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("two_lams", "lam is [0.2 0.8], not a number in [0, 1]"),
        ("no_number", "lam is nan, not a number in [0, 1]"),
        ("fails", "fails on 4 images as NumPy arrays, as previews give them (test_own_method.py:"),
        ("in_place", "apply changes the images that it is given"),
        ("nothing", "apply gives NoneType, not ndarray float32 [4, 3, 16, 24]"),
    ],
)
def test_what_fits_no_run_is_refused_with_the_options(name, reason):
    with pytest.raises(UserError) as error:
        load_config({"augment": f"my_methods:{name}"})
    assert str(error.value).startswith(f"augment: {reason}")


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("arrays", {"partner": "dataset"}),
        ("arrays", {"partner": "dataset", "mix_draws": "image"}),
        ("numbers", {}), ("numbers", {"partner": "dataset"}), ("first", {}),
        ("weights", {}), ("weights", {"mix_draws": "image"}), ("weights", {"channels": 1}),
        ("negative", {"mix_draws": "image"}), ("rgb", {}),
    ],
)  # fmt: skip
def test_what_is_right_in_a_run_is_taken_there(name, options):
    policy = policy_of(name, **options)
    assert policy.method == f"my_methods:{name}"
    assert policy.partner == options.get("partner", "batch")


@pytest.mark.parametrize("kind", ["arrays", "tensors"])
def test_images_that_are_not_drawn_stay_whatever_a_method_does(kind):
    policy = policy_of("negative", mix_draws="image", mix_prob=0.5)
    images = np.random.default_rng(1).normal(size=(16, 3, 7, 16)).astype(np.float32)
    labels = np.arange(16)
    rng = stream(0, 0, 0, "mix")
    drawn = np.array([policy.draw(rng, 7, 16) is not None for _ in images])
    assert 4 <= drawn.sum() <= 12
    given = (images, labels) if kind == "arrays" else map(paddle.to_tensor, (images, labels))
    mixed, _, partners, lam = policy.mix_batch(*given, stream(0, 0, 0, "mix"))
    if kind == "tensors":
        mixed, partners = mixed.numpy(), partners.numpy()
    np.testing.assert_array_equal(mixed[drawn], -images[drawn])
    np.testing.assert_array_equal(mixed[~drawn], images[~drawn])
    np.testing.assert_array_equal(partners[~drawn], labels[~drawn])
    assert (lam[~drawn] == 1).all() and (lam[drawn] < 1).all()
    assert mixed.dtype == np.float32
