"""Streams depend on seed, epoch, index and purpose, and on nothing else."""

import numpy as np
import pytest

from paddle_aug.core.seeding import PURPOSES, stream


def test_the_same_arguments_give_the_same_numbers():
    np.testing.assert_array_equal(stream(1, 2, 3).random(5), stream(1, 2, 3).random(5))


def test_every_argument_changes_the_numbers():
    firsts = {stream(s, e, i, p).random() for s in (0, 1) for e in (0, 1) for i in (0, 1)
              for p in PURPOSES}  # fmt: skip
    assert len(firsts) == 8 * len(PURPOSES)


def test_a_stream_is_the_documented_numpy_generator():
    expected = np.random.default_rng([5, 6, 7, PURPOSES["mix"]]).random()
    assert stream(5, 6, 7, "mix").random() == expected


def test_an_unknown_purpose_is_an_error():
    with pytest.raises(KeyError):
        stream(0, 0, 0, "nonsense")
