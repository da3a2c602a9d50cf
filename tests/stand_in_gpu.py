"""Stands in for a GPU where there is none: records what waits for what, and computes on the CPU."""

from collections import deque
from typing import Any

import paddle
import pytest

from paddle_aug.core import transfer


class StandInGpu:
    """Makes the project take every Tensor for one on a GPU.

    log: "launch N" for each call of `launch`, "read N" where the program waits for launch N and
    what came before it, and "wait for all" for a call that waits for whatever was launched.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.log: list[str] = []
        self.launched = self.computed = -1
        self._arrived: list[paddle.Tensor] = []  # in pinned memory
        pinned = paddle.CPUPlace()
        copy, to_tensor = paddle.Tensor._copy_to, paddle.to_tensor

        def waits(name: str) -> None:
            real = getattr(paddle.Tensor, name)

            def waiting(tensor: paddle.Tensor, *args: Any) -> Any:
                if not any(tensor is each for each in self._arrived):
                    self.log.append("wait for all")
                return real(tensor, *args)

            monkeypatch.setattr(paddle.Tensor, name, waiting)

        def to_pinned(tensor: paddle.Tensor, place: Any, blocking: bool) -> paddle.Tensor:
            assert place is pinned and not blocking
            self._arrived.append(copy(tensor, place, blocking))
            return self._arrived[-1]

        def from_array(data: Any, dtype: Any = None, place: Any = None) -> paddle.Tensor:
            if place is not pinned:
                self.log.append("wait for all")
            return to_tensor(data, dtype=dtype, place=place)

        def to_gpu(tensor: paddle.Tensor, device: Any = None, blocking: bool = True) -> Any:
            if blocking:
                self.log.append("wait for all")
            return tensor

        gpu = self

        class Event:
            def record(self) -> None:
                self.launch = gpu.launched

            def query(self) -> bool:
                return self.launch <= gpu.computed

            def synchronize(self) -> None:
                gpu.computed = max(gpu.computed, self.launch)
                gpu.log.append(f"read {self.launch}")

        for name in ("numpy", "__float__", "__int__", "__bool__", "item", "tolist", "__array__"):
            waits(name)
        monkeypatch.setattr(paddle.Tensor, "_copy_to", to_pinned)
        monkeypatch.setattr(paddle.Tensor, "cuda", to_gpu)
        monkeypatch.setattr(paddle, "to_tensor", from_array)
        monkeypatch.setattr(paddle, "CUDAPinnedPlace", lambda: pinned)
        monkeypatch.setattr(paddle.device, "Event", Event)
        monkeypatch.setattr(transfer, "_being_copied", deque())
        monkeypatch.setattr(transfer, "_gpu_in_use", lambda: True)
        monkeypatch.setattr(transfer, "_is_gpu", lambda place: True)
        monkeypatch.setattr(transfer, "_number", lambda place: 0)

    def launch(self) -> None:
        self.launched += 1
        self.log.append(f"launch {self.launched}")
