"""Ctrl-C and SIGTERM during a run: finish the step, save, say how to go on; twice: stop at once."""

import os
import signal
import threading
import time
from types import FrameType
from typing import Any

# Paddle's launcher sends SIGTERM three times, 0.2 s apart, and means it once.
_REPEATS_SECONDS = 2.0


class StopRequest:
    """Context in which SIGINT and SIGTERM only set `signal`; the run looks at it between steps."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._since = 0.0
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
        soon = time.monotonic() - self._since < _REPEATS_SECONDS
        if self.signal is not None and not (number == signal.SIGTERM and soon):
            # Worker processes notice their parent's end by themselves (see loader.py).
            os._exit(128 + number)
        if self.signal is None:
            self._since = time.monotonic()
        self.signal = number
