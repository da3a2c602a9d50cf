"""Copies to and from the device have the values of the moment in which they were made."""

import numpy as np
import paddle
import pytest

from paddle_aug.core import transfer
from paddle_aug.core.transfer import HostCopies, to_device
from tests.stand_in_gpu import StandInGpu


@pytest.mark.parametrize("array", [np.arange(3), np.float32([[0.5, 2]]), np.zeros((0, 2))], ids=str)
def test_a_tensor_has_the_arrays_values_whatever_becomes_of_the_array(array):
    expected, tensor = array.copy(), to_device(array)
    array += 1
    np.testing.assert_array_equal(tensor.numpy(), expected)
    assert str(tensor.dtype) == str(paddle.to_tensor(expected).dtype)


def test_a_tensor_gets_the_type_and_place_that_are_asked_for():
    place = paddle.ones([1]).place
    tensor = to_device(np.array([0.25, 1]), paddle.float32, place)
    assert (tensor.dtype, tensor.place) == (paddle.float32, place)
    assert tensor.tolist() == [0.25, 1]


def test_copies_keep_the_values_of_their_moment():
    first, second = paddle.to_tensor([1.0, 2.0]), paddle.to_tensor(5)
    copies = HostCopies(first, second)
    first.scale_(10)
    second.fill_(7)
    for _ in range(2):
        a, b = copies.arrays()
        assert (a.tolist(), b.tolist()) == ([1, 2], 5)


def test_memory_on_its_way_to_a_gpu_is_kept_until_it_was_copied(monkeypatch):
    gpu = StandInGpu(monkeypatch)
    kept = transfer._being_copied
    gpu.launch()
    first, second = to_device(np.zeros(2)), to_device(np.ones(2))
    assert [tensor.tolist() for _, tensor in kept] == [[0, 0], [1, 1]]
    gpu.launch()
    HostCopies(first, second).arrays()  # waits for all of these
    to_device(np.full(2, 5.0))
    assert [tensor.tolist() for _, tensor in kept] == [[5, 5]]


def test_bfloat16_becomes_float32():
    (array,) = HostCopies(paddle.to_tensor([-1.5, 0.25]).astype("bfloat16")).arrays()
    assert array.dtype == np.float32
    assert array.tolist() == [-1.5, 0.25]
