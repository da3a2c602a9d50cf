"""Copies between the host and a GPU for which neither of them waits.

`paddle.to_tensor(array)` and `tensor.numpy()` return only when the GPU has computed everything that
was launched before (they call cudaMemcpy on the default stream). The GPU then has nothing to do
until Python has launched the next operations. A copy through page-locked ("pinned") memory is
queued behind the operations launched so far instead, and Python goes on. On a CPU, which computes
at once, these are Paddle's plain calls.
"""

from collections import deque
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from paddle import Tensor

# Pinned memory that copies to a GPU may still be reading, each with the event that ends its copy,
# oldest first. Freed earlier, it would be given to the next Tensor, whose values would be copied.
_being_copied: deque[tuple[Any, Any]] = deque()


def to_device(array: np.ndarray, dtype: Any = None, place: Any = None) -> "Tensor":
    """A Tensor of the array, as `paddle.to_tensor` makes it; the array may be changed afterwards.

    place: that of a Tensor; None for the device in use.
    """
    import paddle

    if not (_gpu_in_use() if place is None else _is_gpu(place)):
        return paddle.to_tensor(array, dtype=dtype, place=place)
    pinned = paddle.to_tensor(array, dtype=dtype, place=paddle.CUDAPinnedPlace())
    copy = pinned.cuda(None if place is None else _number(place), blocking=False)
    while _being_copied and _being_copied[0][0].query():
        _being_copied.popleft()
    _being_copied.append((_recorded_event(), pinned))
    return copy


class HostCopies:
    """Values that Tensors have now, on their way to the host.

    `arrays` waits for the operations that were launched before this object was made, and for none
    that were launched afterwards. bfloat16, which NumPy does not have, becomes float32.
    """

    def __init__(self, *tensors: "Tensor"):
        self._copied: Any = None
        tensors = tuple(t.astype("float32") if "bfloat16" in str(t.dtype) else t for t in tensors)
        if any(_is_gpu(tensor.place) for tensor in tensors):
            self._tensors = [_pinned(tensor) for tensor in tensors]
            self._copied = _recorded_event()
        else:
            # Read at once: the memory of a model's output may be used again in the next step.
            self._arrays = [tensor.numpy() for tensor in tensors]

    def arrays(self) -> list[np.ndarray]:
        """The values, in the order of the Tensors."""
        if self._copied is not None:
            self._copied.synchronize()
            self._arrays, self._copied = [tensor.numpy() for tensor in self._tensors], None
            self._tensors = []
        return self._arrays


def _gpu_in_use() -> bool:
    import paddle

    return paddle.device.get_device().startswith("gpu")


def _is_gpu(place: Any) -> bool:
    return place.is_gpu_place()


def _number(place: Any) -> int:
    return place.gpu_device_id()


def _pinned(tensor: "Tensor") -> "Tensor":
    """The Tensor in pinned memory, where its values arrive in the GPU's own time."""
    import paddle

    # `Tensor.pin_memory` waits in Paddle 2.
    return tensor._copy_to(paddle.CUDAPinnedPlace(), False)


def _recorded_event() -> Any:
    """An event that is over when what was launched until now is computed."""
    import paddle

    event = paddle.device.Event()
    event.record()
    return event
