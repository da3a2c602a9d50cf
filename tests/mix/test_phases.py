"""When mixing is on."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from paddle_aug.mix.phases import PairingSchedule, always_on

GOLDEN = Path(__file__).parent.parent / "golden" / "seed_ops.npz"


def test_active_epochs_equal_the_documents():
    spec = json.loads(np.load(GOLDEN)["spec"].tobytes())
    assert spec["pairing_active"]
    for epochs, expected in spec["pairing_active"].items():
        schedule = PairingSchedule.for_epochs(int(epochs))
        assert [e for e in range(int(epochs)) if schedule.is_active(e)] == expected


def test_turns_are_counted_from_epoch_zero_and_not_from_the_start():
    schedule = PairingSchedule(start=3, end=20, on=2, off=3)
    assert [e for e in range(25) if schedule.is_active(e)] == [5, 6, 10, 11, 15, 16]


@given(st.integers(1, 600), st.integers(1, 12), st.integers(0, 12))
def test_phases_partition_the_epochs(epochs, on, off):
    schedule = PairingSchedule.for_epochs(epochs, on, off)
    tenth = epochs // 10
    active = [schedule.is_active(e) for e in range(epochs)]
    assert not any(active[:tenth])
    assert not any(active[epochs - tenth :])
    for epoch in range(tenth, epochs - tenth):
        assert active[epoch] == (epoch % (on + off) < on)


def test_always_on_covers_every_epoch_of_the_run():
    assert all(always_on(7).is_active(e) for e in range(7))
    assert not always_on(7).is_active(7)


@pytest.mark.parametrize(
    "bad", [{"start": -1}, {"start": 9, "end": 8}, {"on": 0}, {"off": -1}], ids=str
)
def test_impossible_phases_are_refused(bad):
    with pytest.raises(ValueError, match="start"):
        PairingSchedule(**{"start": 0, "end": 10, **bad})
