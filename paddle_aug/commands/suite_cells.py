"""Runs the cells of a suite (a configuration with a seed each) in processes, side by side."""

import contextlib
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

from tqdm import tqdm

from paddle_aug.commands.suite_plan import PlannedRun
from paddle_aug.commands.suite_progress import SuiteProgress
from paddle_aug.core.errors import Interrupted
from paddle_aug.core.program import command as command_of
from paddle_aug.core.stopping import handled_by
from paddle_aug.core.text import duration
from paddle_aug.language import translate

_LOOK_SECONDS = 0.1
# What Windows has for sessions and signals: groups of processes, and a Ctrl-Break to one of them.
_NEW_GROUP = getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0)
_BREAK = getattr(signal, "CTRL_BREAK_EVENT", None)


@dataclass
class Cell:
    """One unfinished run, with the commands that are left to do.

    name: for messages. commands: each a verb with its arguments; `train`, then `evaluate`.
    """

    run: PlannedRun
    name: str
    commands: list[list[str]]


@dataclass
class _Job:
    """A cell in work: its current process, whose output lines are printed with its name."""

    cell: Cell
    environment: Mapping[str, str]
    # Output of an evaluation but its notes and warnings, printed if it fails.
    kept: list[str] = field(default_factory=list)

    def start(self) -> None:
        self.command = self.cell.commands.pop(0)
        self.process = start_process(self.command, self.environment)
        self.reader = threading.Thread(target=self._tell, daemon=True)
        self.reader.start()

    def _tell(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            said = f"{self.cell.name} | {line.rstrip()}"
            if self.trains or _is_remark(line):
                tqdm.write(said)
            else:
                self.kept.append(said)

    @property
    def trains(self) -> bool:
        return self.command[0] == "train"


def _is_remark(line: str) -> bool:
    """Whether a line is a note or a warning, in the user's language."""
    starts = [translate(f"{word}: x").removesuffix("x") for word in ("note", "warning")]
    return line.startswith(tuple(starts))


def start_process(
    command: Sequence[str], environment: Mapping[str, str], output: Any = subprocess.PIPE
) -> "subprocess.Popen[str]":
    """Start one of the project's own commands: a verb with its arguments.

    In a session of its own. Otherwise Ctrl-C in a terminal would reach it, too, beside the signal
    from the suite, and a second signal stops a run without saving.
    """
    return subprocess.Popen(
        [sys.executable, "-m", "paddle_aug", *command],
        stdout=output, stderr=subprocess.STDOUT, text=True, encoding="utf-8",
        errors="replace", start_new_session=True, creationflags=_NEW_GROUP,
        env={**environment, "PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip


def run_cells(
    cells: Sequence[Cell],
    jobs: int,
    environment: Mapping[str, str],
    progress: SuiteProgress,
    on_finished: Callable[[PlannedRun], None],
) -> int:
    """Work on up to `jobs` cells at once, in their order; returns 0, or the code of a failed one.

    on_finished: called for each finished cell. After a signal to stop, or if a cell fails, the
    others save their states and end; raises Interrupted after a signal.
    """
    waiting, running, failed = list(cells), [], 0
    with _signals() as received, progress.bar() as bar, _ended_with(running):
        handed_on = 0
        while waiting or running:
            stopping = bool(received or failed)
            if stopping:
                waiting.clear()
            while waiting and len(running) < jobs:
                job = _Job(waiting.pop(0), environment)
                running.append(job)
                verb, *arguments = job.cell.commands[0]
                tqdm.write(f"{job.cell.name} | {command_of(verb)} {shlex.join(arguments)}")
                job.start()
            for number in received[handed_on:]:
                _send(running, number)
            handed_on = len(received)
            for job in list(running):
                code = job.process.poll()
                if code is None:
                    continue
                job.reader.join()
                if code == 0 and job.cell.commands and not stopping:
                    job.start()
                    continue
                running.remove(job)
                if code == 0 or not (job.trains or stopping):
                    _finish(job, code, progress, on_finished)
                elif not failed and not received:
                    failed = code
                    tqdm.write(translate(_failure(job, code)), file=sys.stderr)
                    _send(running, signal.SIGINT)
            progress.look([job.cell.run for job in running], bar)
            time.sleep(_LOOK_SECONDS)
    if received or _by_signal(failed):
        number = received[0] if received else abs(failed) % 128
        raise Interrupted(number, "suite stopped; the same command goes on from here")
    return failed


def _by_signal(code: int) -> bool:
    """Whether an exit code means that a signal ended the process.

    Those of a crash on Windows, such as 0xC0000005, are larger than any of these.
    """
    return code < 0 or 128 < code < 128 + signal.NSIG


def _finish(
    job: _Job, code: int, progress: SuiteProgress, on_finished: Callable[[PlannedRun], None]
) -> None:
    name = job.cell.name
    if code:
        tqdm.write("\n".join(job.kept), file=sys.stderr)
        warning = (
            f"warning: {name}: evaluate ended with code {code}, so there are no predictions "
            "to compare images by"
        )
        tqdm.write(translate(warning), file=sys.stderr)
    on_finished(job.cell.run)
    progress.end(job.cell.run)
    left = progress.seconds_left()
    finished = f"{name} | finished; {progress.share:.0%} of the suite"
    tqdm.write(translate(finished + (f", {duration(left)} left" if left else "")))


def _failure(job: _Job, code: int) -> str:
    if not _by_signal(code):
        return (
            f"error: {job.cell.name}: ended with code {code}; the same command goes on from here, "
            f"or starts it anew once {job.cell.run.folder.parent} is deleted"
        )
    number = abs(code) % 128
    name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
    cause = " (as the system does where memory is short)" if name == "SIGKILL" else ""
    return f"error: {job.cell.name}: was ended by {name}{cause}, which did not come from the suite"


def _send(running: Sequence[_Job], number: int) -> None:
    """Ask each process to save and end; on Windows by a Ctrl-Break, whatever `number` is."""
    for job in running:
        try:
            job.process.send_signal(number if _BREAK is None else _BREAK)
        except ProcessLookupError:
            continue
        except OSError:  # Windows, without a console: its last saved state is what it goes on from
            job.process.terminate()


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Context in which signals to stop are only added to the list that it yields."""
    received: list[int] = []

    def note(number: int, _: FrameType | None) -> None:
        received.append(number)

    with handled_by(note):
        yield received


@contextlib.contextmanager
def _ended_with(running: list[_Job]) -> Iterator[None]:
    """Context that ends all processes when it ends: each saves its state and is waited for."""
    try:
        yield
    finally:
        _send(running, signal.SIGTERM)
        for job in running:
            job.process.wait()
