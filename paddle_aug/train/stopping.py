"""A signal to stop during a run: finish the step, save and stop; a second one stops at once."""

import contextlib
from types import FrameType

from paddle_aug.core.stopping import Wish, handled_by


class StopRequest:
    """Context in which a signal to stop only sets `signal`, which the run checks between steps."""

    def __init__(self) -> None:
        self._wish = Wish()
        self._context = contextlib.ExitStack()

    @property
    def signal(self) -> int | None:
        """The number of the signal that came, if one did."""
        return self._wish.signal

    def __enter__(self) -> "StopRequest":
        # No effect in other threads of a notebook, where Python allows no signal handlers.
        self._context.enter_context(handled_by(self._note))
        return self

    def __exit__(self, *_: object) -> None:
        self._context.close()

    def _note(self, number: int, frame: FrameType | None) -> None:
        self._wish.note(number)
