"""NumPy arrays and Paddle tensors on given memory."""

import ctypes

import numpy as np
import paddle


def floats(address: int, count: int) -> np.ndarray:
    """The `count` float32 values at `address`, not copied."""
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address))


def tensor_on(array: np.ndarray) -> paddle.Tensor:
    """A tensor on the memory of `array` (float32), which it keeps alive.

    Not `paddle.utils.dlpack.from_dlpack`: with Paddle 3.3.1 every `paddle.Tensor(...)`, which that
    ends with, leaves an empty list behind for good.
    """
    tensor = paddle.empty([0], "float32")
    _share(tensor, array)
    return tensor


def move(tensor: paddle.Tensor, target: np.ndarray) -> None:
    """Let `tensor` lie in the memory of `target` (its shape and type), with its present values."""
    target[...] = tensor.numpy()
    _share(tensor, target)


def _share(tensor: paddle.Tensor, array: np.ndarray) -> None:
    tensor.get_tensor()._share_data_with(paddle.base.core.from_dlpack(array.__dlpack__()))
