"""The project's one error type for what a user can put right."""

import os
import sys
from collections.abc import Callable
from typing import NoReturn


class UserError(Exception):
    """Something the user can put right: one or two lines saying what, where and what to do."""


class Interrupted(Exception):
    """A run that was asked to stop and has saved its state; `signal` is the signal's number."""

    def __init__(self, signal: int, message: str):
        super().__init__(message)
        self.signal = signal


def run_command(main: Callable[[], int | None]) -> NoReturn:
    """Run a command and exit: 0, 2 with `error: ...` for a UserError, 128 + n for signal n."""
    try:
        code = main() or 0
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        code = 2
    except Interrupted as error:
        print(error, file=sys.stderr)
        code = 128 + error.signal
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader of a pipe went away (`... | head`): nothing is wrong, and nothing can be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 141
    sys.exit(code)
