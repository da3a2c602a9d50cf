"""One training image: which streams its parts are drawn from."""

import numpy as np
import pytest

from paddle_aug.batches import augmented
from paddle_aug.core.seeding import stream
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


@pytest.mark.parametrize(
    "mix", [None, policy("samplePairing", partner="batch"), policy("cutmix", partner="dataset")]
)
def test_a_stream_is_made_for_a_partner_only_where_one_is_drawn(mix, monkeypatch):
    """Making a stream takes longer than most of what is drawn from it."""
    made = []
    monkeypatch.setattr(
        augmented, "stream", lambda *words: made.append(words[3:]) or stream(*words)
    )
    view(mix=mix).sample(0, 1)
    assert made == ([(), ("partner",)] if mix and mix.partner == "dataset" else [()])
