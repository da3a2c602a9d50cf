"""NumPy arrays and Paddle tensors on given memory."""

import ctypes

import numpy as np
import paddle


def floats(address: int, count: int) -> np.ndarray:
    """The `count` float32 values at `address`, not copied."""
    return np.ctypeslib.as_array((ctypes.c_float * count).from_address(address))


def tensor_on(array: np.ndarray) -> paddle.Tensor:
    """A tensor on the memory of `array` (float32), which it keeps alive.

    Not by `paddle.utils.dlpack.from_dlpack`, which calls `paddle.Tensor(...)`: with Paddle 3.3.1
    each such call leaks an empty list.
    """
    tensor = paddle.empty([0], "float32")
    _share(tensor, array)
    return tensor


def move(tensor: paddle.Tensor, target: np.ndarray) -> None:
    """Move `tensor` (float32, dense, on the CPU) into the memory of `target`, of its shape."""
    # Not by tensor.numpy(), which would be a third copy.
    target[...] = floats(tensor.data_ptr(), target.size).reshape(target.shape)
    _share(tensor, target)


def _share(tensor: paddle.Tensor, array: np.ndarray) -> None:
    tensor.get_tensor()._share_data_with(paddle.base.core.from_dlpack(array.__dlpack__()))
