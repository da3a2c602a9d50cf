"""Ctrl-C and SIGTERM, from a command's first moment to its last.

A command stops at once: `stopping_at_once` raises `Stopped` wherever it is. Two parts of the
program do it otherwise. The run loop finishes its step and saves (train/stopping.py). Code in which
Paddle would lose an exception holds the stop back until it is done (`held_back`).
"""

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = (signal.SIGINT, signal.SIGTERM)
# For removing temporary files; after that a program that hangs, or that lost the exception, is
# ended without asking it again.
PATIENCE_SECONDS = 5.0
# Paddle's launcher sends SIGTERM three times, 0.2 s apart, and means it once.
_REPEATS_SECONDS = 2.0


class Stopped(KeyboardInterrupt):
    """The command was asked to stop by `signal`, and nothing is left to save."""

    def __init__(self, number: int):
        super().__init__()
        self.signal = number


class Wish:
    """The signal that asked to stop, if one did."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._since = 0.0

    def note(self, number: int) -> bool:
        """Note a signal. True for the first one; ends the program where it is asked again."""
        soon = time.monotonic() - self._since < _REPEATS_SECONDS
        if self.signal is None:
            self.signal, self._since = number, time.monotonic()
            return True
        if not (number == signal.SIGTERM and soon):
            # Worker processes notice their parent's end by themselves (batches/workers.py).
            os._exit(128 + number)
        self.signal = number
        return False


@contextlib.contextmanager
def handled_by(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call `handler(number, frame)` for SIGINT and SIGTERM within the context.

    Without effect outside the main thread, the only one to which Python delivers signals.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in SIGNALS}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)


@contextlib.contextmanager
def stopping_at_once() -> Iterator[Wish]:
    """Within the context the first signal raises Stopped; a second one ends the program.

    So does the first one after PATIENCE_SECONDS, should the exception have been lost: C++ code that
    calls Python may drop it, and a read from a dead disk never returns.
    """
    wish = Wish()

    def stop(number: int, frame: FrameType | None) -> None:
        if wish.note(number):
            _thread.start_new_thread(_end, (number,))
            raise Stopped(number)

    with handled_by(stop):
        yield wish


@contextlib.contextmanager
def held_back() -> Iterator[Callable[[], None]]:
    """A signal that comes within the context acts at its end, a second one at once.

    For Paddle's tracing: its C++ side calls Python at every operation and drops what that raises.
    Yields a function to call where nothing is lost: a signal that has come acts there.
    """
    asked: list[int] = []
    earlier = {number: signal.getsignal(number) for number in SIGNALS}

    def note(number: int, frame: FrameType | None) -> None:
        handler = earlier[signal.Signals(number)]
        if asked and callable(handler):
            handler(number, frame)
        asked.append(number)

    def deliver() -> None:
        handler = earlier[signal.Signals(asked[0])] if asked else None
        if callable(handler):
            number = asked[0]
            asked.clear()
            handler(number, None)

    try:
        with handled_by(note):
            yield deliver
    finally:
        if asked:
            signal.raise_signal(asked[0])


@contextlib.contextmanager
def kept_handlers() -> Iterator[None]:
    """The handlers of SIGINT and SIGTERM are afterwards what they were, whatever C++ code has set.

    For Paddle's import, which takes SIGTERM for itself: what it does then may hang. A SIGTERM that
    comes within the context waits for its end, a SIGINT does not.
    """
    if threading.current_thread() is not threading.main_thread() or not hasattr(
        signal, "pthread_sigmask"
    ):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
    try:
        yield
    finally:
        for number in SIGNALS:
            if (handler := signal.getsignal(number)) is not None:
                signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _end(number: int) -> None:
    time.sleep(PATIENCE_SECONDS)
    os._exit(128 + number)
