"""Which method mixes what, how often and when."""

import numpy as np
import paddle
import pytest

from paddle_aug.build.mix import build_mix_policy, build_phases
from paddle_aug.config import Config
from paddle_aug.core.seeding import stream
from paddle_aug.mix import formulas as mixing
from paddle_aug.mix.methods import DRAWS, METHODS, PAIRS
from paddle_aug.modes import MIXES, mixing_of
from tests.helpers import policy, view

LABELS = np.array([0, 1, 2, 3, 4])
# The papers' methods, written out; any other is held to the `apply` of its own entry.
WRITTEN_OUT = {
    "samplePairing": lambda a, b, draw: a * 0.5 + b * 0.5,
    "mixup": lambda a, b, draw: mixing.mixup(a, b, draw.lam),
    "cutmix": lambda a, b, draw: mixing.cutmix(a, b, draw.box),
    "cutout": lambda a, b, draw: mixing.cutout(a, draw.box),
}


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(1).normal(size=(5, 3, 7, 11)).astype(np.float32)


@pytest.mark.parametrize("method", METHODS)
def test_a_mixed_batch_is_the_formula_applied_to_what_was_drawn(images, method):
    mix = policy(method, alpha=0.7)
    mixed, first, second, lam = mix.mix_batch(images, LABELS, stream(1, 2, 3, "mix"))

    rng = stream(1, 2, 3, "mix")
    draw = mix.draw(rng, 7, 11)
    index = mixing.sample_partners(rng, 5)
    formula = WRITTEN_OUT.get(method, lambda a, b, draw: mix.apply(draw, a, b))
    np.testing.assert_array_equal(mixed, formula(images, images[index], draw))
    assert mixed.dtype == np.float32 and mixed.shape == images.shape
    np.testing.assert_array_equal(first, LABELS)
    np.testing.assert_array_equal(second, LABELS[index])
    assert lam == draw.lam and 0 <= lam <= 1
    if method == "cutmix":
        assert lam == mixing.box_lam(draw.box, 7, 11)
    elif method == "mixup":
        assert 0 < lam < 1
    elif method in ("samplePairing", "cutout"):
        assert lam == 1.0, "SamplePairing and Cutout keep the first image's label"


@pytest.mark.parametrize("method", METHODS)
def test_what_was_drawn_for_an_image_is_applied_to_it_alone(images, method):
    mix = policy(method, alpha=0.7, draws="image")
    mixed, _, partners, lam = mix.mix_batch(images, LABELS, stream(1, 2, 3, "mix"))
    rng = stream(1, 2, 3, "mix")
    draws = [mix.draw(rng, 7, 11) for _ in images]
    assert np.broadcast_to(lam, 5).tolist() == [draw.lam for draw in draws]
    for own, (draw, partner) in enumerate(zip(draws, partners, strict=True)):
        (alone,) = mix.apply(draw, images[own : own + 1], images[partner : partner + 1])
        np.testing.assert_allclose(mixed[own], alone, rtol=1e-5, atol=1e-6)


def test_every_mode_that_mixes_has_a_method_and_every_method_a_mode():
    assert set(METHODS) == set(MIXES)


@pytest.mark.parametrize(
    ("field", "value"),
    [("method", "mixUp"), ("partner", "Batch"), ("pairs", "swap"), ("draws", "each")],
)
def test_unknown_names_raise_instead_of_meaning_something_else(field, value):
    values = {"method": "mixup", field: value}
    with pytest.raises(ValueError, match=f"{field} is '{value}': one of "):
        policy(**values)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("pairs", PAIRS)
@pytest.mark.parametrize("draws", DRAWS)
def test_a_batch_is_its_images_mixed_one_by_one(images, method, pairs, draws):
    """Whatever was drawn: each image of the result is the formula of it, its partner and its own
    lam and box, and it is not changed where it was not mixed."""
    mix = policy(method, alpha=0.7, pairs=pairs, draws=draws, probability=0.6)
    seen = set()
    for number in range(12):
        before = images.copy()
        mixed, labels, partner_labels, lam = mix.mix_batch(
            images, LABELS, stream(1, 2, number, "mix")
        )
        np.testing.assert_array_equal(images, before)
        np.testing.assert_array_equal(labels, LABELS)
        lams = np.broadcast_to(lam, 5)
        for own, partner, weight, result in zip(range(5), partner_labels, lams, mixed, strict=True):
            a, b = images[own], images[partner]
            if np.array_equal(result, a):
                seen.add("kept")
                continue
            seen.add("mixed")
            if method == "samplePairing":
                np.testing.assert_array_equal(result, a * 0.5 + b * 0.5)
            elif method == "mixup":
                np.testing.assert_allclose(
                    result, a * weight + b * (1 - weight), rtol=1e-5, atol=1e-6
                )
            elif method in ("cutmix", "cutout"):
                other = b if method == "cutmix" else np.zeros_like(b)
                changed = (result != a).any(0)
                np.testing.assert_array_equal(result[:, changed], other[:, changed])
                if method == "cutmix" and own != partner:
                    assert changed.mean() == pytest.approx(1 - weight)
                else:
                    assert method == "cutmix" or weight == 1
        if draws == "batch":
            assert len(set(lams.tolist())) == 1
    assert seen == {"kept", "mixed"}


def test_a_permutation_uses_every_image_once_and_replacement_does_not(images):
    partners = {}
    for pairs in PAIRS:
        mix = policy("mixup", pairs=pairs)
        drawn = [mix.mix_batch(images, LABELS, stream(0, 0, i, "mix"))[2] for i in range(40)]
        partners[pairs] = [sorted(labels.tolist()) for labels in drawn]
    assert all(row == LABELS.tolist() for row in partners["permutation"])
    assert np.mean([len(set(row)) for row in partners["replacement"]]) == pytest.approx(
        5 * (1 - 0.8**5), abs=0.4
    )


@pytest.mark.parametrize("method", ["mixup", "cutmix", "cutout"])
def test_draws_of_images_differ_within_a_batch(images, method):
    draws = {kind: [] for kind in DRAWS}
    for kind in DRAWS:
        for number in range(8):
            mixed = policy(method, draws=kind).mix_batch(
                images * 0 + 1, LABELS, stream(0, 0, number, "mix")
            )
            if method == "cutout":
                boxes = {tuple(np.flatnonzero(image == 0)) for image in mixed[0]}
                draws[kind].append(len(boxes))
            else:
                draws[kind].append(len(np.unique(mixed[3])))
    assert set(draws["batch"]) == {1}
    assert np.mean(draws["image"]) > 3


def test_defaults_follow_each_document():
    """The SamplePairing article draws each partner by itself, the CutMix paper permutes the batch,
    Cutout's paper cuts a square for each image."""
    pairs = {
        "samplePairing": "replacement", "mixup": "replacement", "cutmix": "permutation",
        "cutout": None,
    }  # fmt: skip
    assert {name: mixing_of(name).pairs for name in pairs} == pairs
    mix = build_mix_policy(Config(augment="cutout"))
    assert mix is not None and mix.draws == "image"
    mix = build_mix_policy(Config(augment="mixup", pairs="permutation", mix_draws="image"))
    assert mix is not None and (mix.pairs, mix.draws) == ("permutation", "image")


def test_alpha_0_mixes_nothing(images):
    assert build_mix_policy(Config(augment="mixup", alpha=0)) is None
    mixed, _, _, lam = policy("mixup", alpha=0).mix_batch(images, LABELS, stream(0, 0, 0, "mix"))
    np.testing.assert_array_equal(mixed, images)
    assert lam == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_tensors_and_arrays_are_mixed_alike(images, method):
    mix = policy(method)
    array, *labels, lam = mix.mix_batch(images, LABELS, stream(0, 0, 0, "mix"))
    tensor, *tensor_labels, tensor_lam = mix.mix_batch(
        paddle.to_tensor(images), paddle.to_tensor(LABELS), stream(0, 0, 0, "mix")
    )
    np.testing.assert_allclose(tensor.numpy(), array, rtol=1e-6)
    assert tensor_lam == lam
    for own, other in zip(labels, tensor_labels, strict=True):
        np.testing.assert_array_equal(other.numpy(), own)


def test_probability_is_the_share_of_mixed_batches(images):
    mix = policy("cutmix", probability=0.2)
    mixed = [mix.draw(stream(0, 0, i, "mix"), 7, 11) is not None for i in range(3000)]
    assert np.mean(mixed) == pytest.approx(0.2, abs=0.02)
    never = policy("cutmix", probability=0.0)
    out, first, second, lam = never.mix_batch(images, LABELS, stream(0, 0, 0, "mix"))
    np.testing.assert_array_equal(out, images)
    assert lam == 1.0
    assert first is second


def test_cutout_squares_have_the_size_asked_for():
    draws = [policy("cutout", cutout_size=0.4).draw(stream(0, 0, i), 40, 40) for i in range(500)]
    heights = [draw.box[2] - draw.box[0] for draw in draws]
    assert max(heights) == 16
    assert min(heights) >= 8, "a centre inside the image leaves at least half of the square"


def test_partners_from_the_data_set_mix_each_image_by_itself():
    data = view(mix=policy("samplePairing", partner="dataset"))
    plain = view()
    partners = set()
    for index in range(23):
        sample = data[0, index]
        partner_value = 2 * sample.image[0, 0, 0] - plain[0, index].image[0, 0, 0]
        partners.add(float(partner_value))
        assert sample.label == index % 3
        assert sample.lam == 1.0
    assert len(partners) > 10


def test_cutmix_in_the_data_set_weights_the_labels_by_the_pixels():
    data = view(mix=policy("cutmix", partner="dataset", probability=0.5))
    plain = view()
    mixed = 0
    for index in range(23):
        sample, own = data[0, index], plain[0, index]
        share = float(np.mean(sample.image[0] == own.image[0]))
        if sample.lam < 1 and sample.image[0].min() != sample.image[0].max():
            assert sample.lam == pytest.approx(share)
            mixed += 1
    assert 4 <= mixed <= 18


def test_the_schedule_rules_mixing_in_the_data_set_too():
    mix = policy("samplePairing", partner="dataset", phases=build_phases(Config(epochs=20)))
    data, plain = view(mix=mix), view()
    for epoch, active in ((0, False), (2, True), (9, False), (18, False)):
        same = np.array_equal(data[epoch, 3].image, plain[epoch, 3].image)
        assert same is not active


@pytest.mark.parametrize(
    ("options", "active"),
    [
        ({"augment": "samplePairing"}, [2, 3, 4, 5, 6, 7, 10, 11, 12, 13, 14, 15, 16, 17]),
        ({"augment": "mixup"}, list(range(20))),
        ({"augment": "mixup", "mix_off_last": 5}, list(range(15))),
        ({"augment": "samplePairing", "mix_off_last": 8}, [2, 3, 4, 5, 6, 7, 10, 11]),
        ({"augment": "cutmix", "pairing_start": 18}, [18, 19]),
        ({"augment": "mixup", "pairing_on": 1, "pairing_off": 3}, [0, 4, 8, 12, 16]),
        ({"augment": "samplePairing", "pairing_start": 15, "mix_off_last": 15}, []),
        ({"augment": "mixup", "mix_off_last": 99}, []),
    ],
)
def test_mixing_is_on_in_these_of_twenty_epochs(options, active):
    schedule = build_phases(Config(epochs=20, **options))
    assert [e for e in range(20) if schedule.is_active(e)] == active


def test_plain_augmentations_have_no_mixing():
    assert build_mix_policy(Config(augment="userDef")) is None
    assert build_mix_policy(Config(augment="mixup")).numbers.alpha == 1.5
    assert build_mix_policy(Config(augment="mixup", alpha=0.2)).numbers.alpha == 0.2
