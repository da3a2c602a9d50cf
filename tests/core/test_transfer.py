"""Copies to and from the device have the values of the moment in which they were made."""

import numpy as np
import paddle
import pytest

from paddle_aug.core.transfer import HostCopies, to_device


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


def test_bfloat16_becomes_float32():
    (array,) = HostCopies(paddle.to_tensor([-1.5, 0.25]).astype("bfloat16")).arrays()
    assert array.dtype == np.float32
    assert array.tolist() == [-1.5, 0.25]
