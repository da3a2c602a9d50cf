"""The project's errors for users, and how a command ends with one."""

import difflib
import logging
import os
import signal
import sys
import unicodedata
from collections.abc import Callable, Iterable
from typing import NoReturn, TextIO

from paddle_aug.core.requirements import explain
from paddle_aug.core.stopping import Wish, stopping_at_once
from paddle_aug.core.terminal import make_output_safe
from paddle_aug.language import tell, translate


class UserError(Exception):
    """A mistake that the user can correct: one or two lines saying what, where and what to do."""


class ImageError(UserError):
    """An image that cannot be read, with its path and the reason."""


def closest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant; case, dashes and underscores count little."""
    plain: dict[str, str] = {}
    for one in known:
        plain.setdefault(_plain(one), one)
    near = difflib.get_close_matches(_plain(str(name)), plain, 1)
    return plain[near[0]] if near else None


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """The end of a message on a mistyped name: "; did you mean mixup?", or nothing."""
    near = closest(name, known)
    return f"; did you mean {near}?" if near else ""


def in_half_width(text: str) -> str | None:
    """ASCII for a text with full-width characters, as Chinese input methods write them: "0.5,0.5"
    for "0.5，0.5"; None where it has none, or holds more than these."""
    meant = unicodedata.normalize("NFKC", text).replace("—", "--")
    return meant if meant != text and meant.isascii() else None


def half_width(text: str) -> str:
    """The end of a message on such a text: "; did you mean 0.5,0.5?", or nothing."""
    meant = in_half_width(text)
    return f"; did you mean {meant}?" if meant else ""


def unknown_option(name: str, known: Iterable[str]) -> str:
    """The message for an unknown option, with the one that was probably meant."""
    return "unknown option" + did_you_mean(name, known)


def unknown_value(value: str, known: Iterable[str]) -> str:
    """The message for an unknown value, with all allowed ones and the one probably meant."""
    known = list(known)
    return f"{value!r} is none of {', '.join(known)}{did_you_mean(value, known)}"


def _plain(name: str) -> str:
    return name.lower().replace("-", "_").strip("_")


class Interrupted(Exception):
    """A run that was asked to stop and has saved its state; `signal` is the signal's number."""

    def __init__(self, signal: int, message: str):
        super().__init__(message)
        self.signal = signal


class _Warnings(logging.Handler):
    """Shows warnings on stderr, above a progress bar where one is being drawn."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.setFormatter(logging.Formatter("warning: %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        from tqdm import tqdm  # imported late: --help needs none

        tqdm.write(translate(self.format(record)), file=sys.stderr)


def run_command(main: Callable[[], int | None]) -> NoReturn:
    """Run a command and exit: 0, 2 with `error: ...` for a UserError, a package that is missing or
    a file that cannot be used, 128 + n for signal n.

    SIGINT, SIGTERM and SIGHUP stop it wherever it is. Logged warnings are shown as `warning: ...`.
    Characters that the terminal lacks are escaped.
    """
    make_output_safe()
    logging.getLogger().addHandler(_Warnings())
    with stopping_at_once() as wish:
        try:
            code = _exit_code(main, wish)
        except BaseException:
            # A module's import that is interrupted may end in an error of its own.
            if wish.signal is None:
                raise
            code = 0
    if wish.signal and code in (0, 2):
        # The exception was lost on its way: what went on without it was not wanted.
        tell("stopped", error=True)
        code = 128 + wish.signal
    sys.exit(code)


def _exit_code(main: Callable[[], int | None], wish: Wish) -> int:
    try:
        return main() or 0
    except UserError as error:
        tell(f"error: {error}", error=True)
        return 2
    except ImportError as error:
        # Where a stop has cut the import short, nothing is missing.
        line = None if wish.signal else explain(error)
        if line is None:
            raise
        tell(f"error: {line}", error=True)
        return 2
    except Interrupted as error:
        tell(error, error=True)
        return 128 + error.signal
    except KeyboardInterrupt as error:
        tell("stopped", error=True)
        return 128 + getattr(error, "signal", signal.SIGINT)
    except BrokenPipeError:
        # The reader of a pipe has ended (`... | head`): no error, and nothing can be printed.
        _discard(sys.stdout)
        return 141
    except OSError as error:
        # Of a file that no other place expected: a name that is too long, a folder without access.
        place = error.filename or _output_that_fails()
        if place is None or wish.signal:
            raise
        line = f"{place}: {error.strerror}"
        try:
            tell(f"error: {line}", error=True)
        except OSError:  # both streams are on the full disk
            _discard(sys.stderr)
        return 2


def _output_that_fails() -> str | None:
    """The stream that what was printed cannot be written to, such as a file on a full disk."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.write("\n")
            stream.flush()
        except OSError:
            _discard(stream)
            return stream.name
    return None


def _discard(stream: TextIO) -> None:
    """Throw away what is still to be printed there: Python would try again at its end."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
