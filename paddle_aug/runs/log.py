"""Writes train.log: the lines that a training printed."""

import logging
import time
from pathlib import Path
from types import TracebackType
from typing import TextIO

from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.program import as_started
from paddle_aug.core.text import Say


class RunLog(logging.Handler):
    """Prints lines and writes them to the log, with warnings and the message of a run that stops.

    Lines printed before `open` are written then. Lines of a resumed run are added at the end.
    Progress bars are not written. A full disk does not end a training because of its log.
    """

    def __init__(self, say: Say):
        super().__init__(logging.WARNING)
        self._say = say
        self._before: list[str] = []
        self._file: TextIO | None = None

    def open(self, path: Path) -> None:
        """Append to the file from now on, beginning with the command and the time.

        Raises UserError where it cannot be opened.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._file = path.open("a", encoding="utf-8", errors="backslashreplace")
        except OSError as error:
            raise UserError(f"{path}: cannot be written ({error.strerror or error})") from None
        for line in (f"# {time.strftime('%F %T')} {as_started()}", *self._before):
            self._keep(line)
        self._before = []

    def say(self, line: str) -> None:
        """Print the line and write it to the log."""
        self._say(line)
        self._keep(line)

    def emit(self, record: logging.LogRecord) -> None:
        """Writes a logged warning; another handler shows it on the screen."""
        self._keep(f"warning: {record.getMessage()}")

    def __enter__(self) -> "RunLog":
        logging.getLogger().addHandler(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:  # fmt: skip
        logging.getLogger().removeHandler(self)
        if isinstance(error, UserError):
            self._keep(f"error: {error}")
        elif isinstance(error, Interrupted):
            self._keep(str(error))
        elif error is not None:
            self._keep(f"stopped by {kind.__name__ if kind else 'an error'}: {error}".rstrip(": "))
        if self._file is not None:
            self._file.close()
            self._file = None

    def _keep(self, line: str) -> None:
        if self._file is None:
            self._before.append(line)
            return
        try:
            print(line, file=self._file, flush=True)
        except OSError as error:
            self._file = None
            self._say(f"warning: train.log ends here: {error.strerror or error}")
