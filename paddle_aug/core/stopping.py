"""Handling of Ctrl-C, SIGTERM, SIGHUP (a closed terminal) and Windows' Ctrl-Break, from a command's
start to its end.

A command stops at once: `stopping_at_once` raises `Stopped` wherever it is. There are two
exceptions: the run loop finishes its step and saves (train/run.py), and code in which Paddle
would lose the exception delays it (`held_back`).
"""

import _thread
import contextlib
import os
import signal
import stat
import threading
import time
from collections.abc import Callable, Iterator
from types import FrameType
from typing import Any

SIGNALS = tuple(
    getattr(signal, name)
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")  # the last one is of Windows only
    if hasattr(signal, name)
)
# Time for removing temporary files; after that a program that hangs, or has lost the exception, is
# ended.
PATIENCE_SECONDS = 5.0
_HANGUP = getattr(signal, "SIGHUP", None)
# One wish may come several times: SIGTERM from Paddle's launcher three times, 0.2 s apart,
# SIGHUP from the kernel and from the shell.
_REPEATS_SECONDS = 2.0


class Stopped(KeyboardInterrupt):
    """The command was asked to stop by `signal`, and nothing is left to save."""

    def __init__(self, number: int):
        super().__init__()
        self.signal = number


class Wish:
    """The signal that asked the program to stop, if there was one."""

    def __init__(self) -> None:
        self.signal: int | None = None
        self._since = 0.0

    def note(self, number: int) -> bool:
        """Note a signal. Returns True for the first one; a second one ends the program."""
        if number == _HANGUP:
            _leave_terminal()
        soon = time.monotonic() - self._since < _REPEATS_SECONDS
        if self.signal is None:
            self.signal, self._since = number, time.monotonic()
            return True
        if number == signal.SIGINT or not soon:
            # Worker processes end by themselves after their parent (batches/workers.py).
            os._exit(128 + number)
        self.signal = number
        return False


@contextlib.contextmanager
def handled_by(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call `handler(number, frame)` for SIGNALS within the context.

    SIGHUP stays ignored where it is, as under nohup.

    No effect outside the main thread, where Python allows no signal handlers.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = [n for n in SIGNALS if n != _HANGUP or signal.getsignal(n) != signal.SIG_IGN]
    before = {number: signal.signal(number, handler) for number in numbers}
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, signal.SIG_DFL if earlier is None else earlier)


@contextlib.contextmanager
def stopping_at_once() -> Iterator[Wish]:
    """Within the context the first signal raises Stopped; a second one ends the program.

    The first one ends it, too, after PATIENCE_SECONDS: C++ code that calls Python may have lost the
    exception, and a read from a dead disk never returns.
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
    """Delays a signal that comes within the context to its end; a second one acts at once.

    For Paddle's tracing, whose C++ code calls Python at every operation and drops its exceptions.
    Yields a function to call where an exception is not lost: a delayed signal acts there.
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
    """Restores the handlers of SIGNALS at the end, whatever C++ code has set.

    For Paddle's import, which sets a handler for SIGTERM that may hang. A SIGTERM that comes within
    the context is delayed to its end, others are not.
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


def _leave_terminal() -> None:
    """Send nowhere what is still printed to a terminal: it is gone, and writing to it would be an
    error before the state is saved."""
    for stream in (1, 2):
        with contextlib.suppress(OSError):
            if stat.S_ISCHR(os.fstat(stream).st_mode):
                null = os.open(os.devnull, os.O_WRONLY)
                os.dup2(null, stream)
                os.close(null)


def _end(number: int) -> None:
    time.sleep(PATIENCE_SECONDS)
    os._exit(128 + number)
