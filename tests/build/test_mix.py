"""A run that is called by a mixing method but mixes nothing says so."""

import pytest

from paddle_aug.build.mix import (
    build_mix_policy,
    phases_without_effect,
    why_nothing_is_mixed,
)
from paddle_aug.config import Config
from paddle_aug.modes import AUGMENTS, MIXES, draws_lam, has_partners


@pytest.mark.parametrize("augment", AUGMENTS)
def test_by_default_a_mixing_method_mixes(augment):
    config = Config(augment=augment)
    assert why_nothing_is_mixed(config) is None
    assert (build_mix_policy(config) is None) is (augment not in MIXES)


@pytest.mark.parametrize("augment", MIXES)
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"mix_prob": 0}, "--mix-prob is 0"),
        ({"mix_off_last": 20}, "of 3 epochs none lies in the mixing's phases"),
        ({"pairing_start": 3}, "of 3 epochs none lies in the mixing's phases"),
        ({"alpha": 0}, "--alpha is 0"),
        ({"batch_size": 1, "partner": "batch"}, "--batch-size is 1"),
    ],
)
def test_the_reason_is_named(augment, options, reason):
    config = Config(augment=augment, epochs=3, pairing_end=3, **options)
    needed = {"alpha": draws_lam, "batch_size": has_partners}
    if any(name in options and not needs(augment) for name, needs in needed.items()):
        assert why_nothing_is_mixed(config) is None
        return
    assert (why_nothing_is_mixed(config) or "").startswith(reason)
    assert build_mix_policy(config) is None


def test_a_partner_of_the_whole_set_serves_a_batch_of_one():
    assert why_nothing_is_mixed(Config(augment="cutmix", batch_size=1)) is None


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"augment": "mixup", "pairing_on": 5}, ["--pairing-on 5"]),
        ({"augment": "mixup", "pairing_off": 2}, []),  # one epoch on, two off
        ({"augment": "mixup", "pairing_on": 5, "pairing_off": 2}, []),
        ({"augment": "mixup", "pairing_end": 40, "mix_off_last": 5}, ["--pairing-end 40"]),
        ({"augment": "mixup", "pairing_end": 24, "mix_off_last": 5}, ["--mix-off-last 5"]),
        ({"augment": "samplePairing", "mix_off_last": 3}, ["--mix-off-last 3"]),
        ({"augment": "samplePairing", "pairing_start": 5, "pairing_on": 4}, []),
        (
            {"augment": "mixup", "mix_prob": 0, "pairing_on": 5},
            [],
        ),  # nothing is mixed: said already
        ({"augment": "no", "pairing_on": 5}, []),  # said by without_effect
    ],
    ids=str,
)
def test_phases_that_change_nothing_are_named(options, named):
    lines = phases_without_effect(Config(epochs=30, **options))
    assert lines == [f"{what} has no effect: without it the same epochs mix" for what in named]
