"""One training image: which streams its parts are drawn from."""

import itertools
from typing import Any

import numpy as np
import pytest

from paddle_aug.augment.own_policy import OwnFunction
from paddle_aug.augment.transforms.base import Transform
from paddle_aug.batches import augmented
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.build.data import training_view
from paddle_aug.build.mix import build_mix_policy
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.data.dataset import ArrayDataset
from tests.helpers import policy, view


def test_a_partner_and_how_it_is_mixed_are_drawn_apart_from_the_image_s_own_augmentation():
    """Pixel values are counted in whole numbers: image i is i, plus what AddDrawn adds."""
    data = view(mix=policy("samplePairing", partner="dataset"))
    for epoch, index in ((0, 3), (2, 3), (2, 11)):
        own = index + int(stream(5, epoch, index, "image").integers(0, 100))
        rng = stream(5, epoch, index, "partner")
        assert data.mix is not None
        data.mix.draw(rng, 8, 8)
        partner = int(rng.integers(23))
        other = partner + int(rng.integers(0, 100))
        sample = data.sample(epoch, index)
        np.testing.assert_allclose(sample.image, (own + other) / 2, rtol=1e-6)
        assert (sample.label, sample.partner_label) == (index % 3, partner % 3)
        assert data.source(epoch, index).endswith(f" with {data.dataset.source(partner)}")


def test_an_index_counts_from_0_up_to_the_number_of_images():
    data = view()
    assert data[22].label == data[7, 22].label == 22 % 3
    for key, said in ((-1, -1), (23, 23), ((4, -1), -1), ((4, 23), 23)):
        with pytest.raises(IndexError, match=f"^image {said} of 23$"):
            data[key]
    assert len(list(data)) == 23


class Noted(ArrayDataset):
    """Notes which images are read."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.read: list[int] = []

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        self.read.append(index)
        return super().__getitem__(index)


@pytest.mark.parametrize("augment", ["cutout", "cutmix"])
def test_partners_are_read_and_named_only_where_the_method_uses_them(augment):
    images = np.random.default_rng(3).integers(0, 256, (12, 8, 8, 3), np.uint8)
    data = Noted(images, np.arange(12) % 3, ["a", "b", "c"], "noise")
    config = load_config({
        "augment": augment, "partner": "dataset", "mix_prob": 0.7, "image_size": 8, "seed": 4,
        "base": "flip", "cache": False,
    })  # fmt: skip
    found = training_view(data, config, build_mix_policy(config))
    given = {name: getattr(found, name) for name in ("size", "mean", "std", "seed", "mix")}
    reading = AugmentedDataset(data, found.transform, **given)  # a partner, used or not
    partners = 0
    for epoch, index in itertools.product(range(3), range(12)):
        expected = reading.sample(epoch, index)
        data.read.clear()
        sample = found.sample(epoch, index)
        np.testing.assert_array_equal(sample.image, expected.image)
        assert (sample.label, sample.lam) == (expected.label, expected.lam)
        assert found.source(epoch, index) == " with ".join(f"noise[{i}]" for i in data.read)
        partners += len(data.read) - 1
    assert (partners > 10) if augment == "cutmix" else (partners == 0)


@pytest.mark.parametrize(
    "mix", [None, policy("samplePairing", partner="batch"), policy("cutmix", partner="dataset")]
)
def test_a_stream_is_made_for_a_partner_only_where_one_is_drawn(mix, monkeypatch):
    """Making a stream takes longer than most of what is drawn from it."""
    made = []
    monkeypatch.setattr(augmented, "stream", lambda *words: made.append(words[3]) or stream(*words))
    view(mix=mix).sample(0, 1)
    partner = ["partner"] if mix and mix.partner == "dataset" else []
    assert made == ["image", *partner]


def late_floats(image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Fractions in one call out of five, as a user's function may return them by mistake."""
    return image / np.float32(255) if rng.random() < 0.2 else image


class Gray(Transform):
    def apply(self, image: np.ndarray, params: Any) -> Any:
        return image[..., 0]


@pytest.mark.parametrize(
    ("transform", "message"),
    [(OwnFunction(late_floats), r"noise\[\d+\]: late_floats gives float32 \[8, 8, 3\], not a"),
     (Gray(), r"noise\[0\]: Gray gives uint8 \[8, 8\], not a uint8 array \[H, W, 3\]$"),
     (OwnFunction(lambda image, rng: None), r"<lambda> gives NoneType \[\], not")],
)  # fmt: skip
def test_what_a_transform_makes_of_any_image_is_checked(transform, message):
    images = np.random.default_rng(3).integers(0, 256, (12, 8, 8, 3), np.uint8)
    data = AugmentedDataset(ArrayDataset(images, np.arange(12) % 3, ["a", "b", "c"], "noise"),
                            transform, 8)  # fmt: skip
    with pytest.raises(UserError, match=message):
        [data.sample(epoch, index) for epoch in range(3) for index in range(12)]
