"""Estimates the time of a suite from epochs that are timed before the runs."""

import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from paddle_aug.commands.suite_cells import start_process
from paddle_aug.commands.suite_plan import PlannedRun, epochs_done, epochs_left
from paddle_aug.commands.suite_progress import time_together
from paddle_aug.config import Config, fact
from paddle_aug.core.errors import UserError

_LOOK_SECONDS = 0.02
# Options that do not change the time of an epoch, beside those of the group "Mixing".
_FREE_OF_COST = {"augment", "seed", "output", "overwrite", "epochs", "lr", "weight_decay"}


class Cost(NamedTuple):
    """Runs whose epochs take the same time. seconds: of an epoch, with evaluation and saving.
    epochs: the number left in all of these runs together."""

    runs: tuple[PlannedRun, ...]
    seconds: float
    epochs: int


def time_epochs(
    runs: Sequence[PlannedRun], jobs: int, environment: Mapping[str, str]
) -> list[Cost]:
    """Time an epoch of every kind of run that is not finished: kinds differ in more than how images
    are mixed.

    jobs copies (no more than there are such runs) train side by side, as the runs will, in a folder
    that is deleted afterwards. Of runs of several epochs the second is timed: the first is slower.
    """
    unfinished = [run for run in runs if epochs_left(run)]
    kinds: dict[str, list[PlannedRun]] = {}
    for run in unfinished:
        kinds.setdefault(_kind(run.config), []).append(run)
    costs = []
    for alike in kinds.values():
        left = sum(map(epochs_left, alike))
        seconds = _time_epoch(alike[0], min(jobs, len(unfinished)), environment)
        costs.append(Cost(tuple(alike), seconds, left))
    return costs


def seconds_left(costs: Sequence[Cost], jobs: int) -> float:
    """Expected time for what is left."""
    each = [cost.seconds * epochs_left(run) for cost in costs for run in cost.runs]
    return time_together(each, jobs)


def _kind(config: Config) -> str:
    """The options that an epoch's time depends on: all but those of _FREE_OF_COST and of the group
    Mixing; and the name of the image part."""
    values = {
        key: value
        for key, value in config.dump().items()
        if key not in _FREE_OF_COST and fact(key, "group") != "Mixing"
    }
    return repr(sorted({**values, "augment": config.image_part, "base": None}.items()))


def _time_epoch(run: PlannedRun, jobs: int, environment: Mapping[str, str]) -> float:
    with tempfile.TemporaryDirectory(prefix="paddle_aug_cost_") as folder:
        copies: list[_Copy] = []
        try:
            for number in range(jobs):
                copies.append(_Copy(run, Path(folder) / str(number), environment))
            while any(copy.seconds is None for copy in copies):
                time.sleep(_LOOK_SECONDS)
                for copy in copies:
                    copy.look()
        finally:
            for copy in copies:
                copy.end()
        times = [copy.seconds for copy in copies if copy.seconds is not None]
    return sum(times) / len(times)


class _Copy:
    """A copy of a run whose epoch is timed by watching its metrics.csv grow."""

    def __init__(self, run: PlannedRun, output: Path, environment: Mapping[str, str]):
        options = {**run.options, "output": str(output)}
        self.run = PlannedRun(
            run.entry, run.seed, run.config_file, options,
            run.config.model_copy(update={"output": str(output)}),
        )  # fmt: skip
        command = ["train", *self.run.arguments]
        self.seconds: float | None = None
        self._began = [time.monotonic()]
        self._log = output.with_suffix(".log")
        with self._log.open("w") as log:
            self._process = start_process(command, environment, log)

    def look(self) -> None:
        """Check whether an epoch has ended; sets `seconds` once it is known."""
        ended = self._process.poll()
        done, now = epochs_done(self.run), time.monotonic()
        self._began += [now] * (done + 1 - len(self._began))
        needed = min(2, self.run.epochs)
        if self.seconds is None and done >= needed:
            self.seconds = self._began[needed] - self._began[needed - 1]
        elif self.seconds is None and ended is not None:
            last = self._log.read_text(errors="replace").strip().splitlines()[-3:]
            raise UserError(
                f"{self.run.entry.label}: the trial ended with code {ended}: {' / '.join(last)}"
            )

    def end(self) -> None:
        """Kill the copy: its state is not needed."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
