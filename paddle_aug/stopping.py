"""Ctrl-C and SIGTERM during a run: finish the step, save, say how to go on; twice: stop at once."""

import os
import signal
import threading
from types import FrameType
from typing import Any


class StopRequest:
    """Context in which SIGINT and SIGTERM only set `signal`; the run looks at it between steps."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._before: dict[int, Any] = {}

    def __enter__(self) -> "StopRequest":
        # Python delivers signals to the main thread only (a notebook may run in another).
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._handle)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before.clear()

    def _handle(self, number: int, _: FrameType | None) -> None:
        if self.signal is not None:
            # Worker processes notice their parent's end by themselves (see loader.py).
            os._exit(128 + number)
        self.signal = number
