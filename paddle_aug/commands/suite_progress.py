"""The progress of a suite and its remaining time, from the epochs of its runs."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paddle_aug.commands.suite_plan import PlannedRun, epochs_done, epochs_left
from paddle_aug.core.text import duration
from paddle_aug.language import translate

if TYPE_CHECKING:
    from tqdm import tqdm

_RECENT = 20  # the remaining time uses the mean of so many last epochs of a label
_LOOK_SECONDS = 0.5


def time_together(seconds: Sequence[float], jobs: int) -> float:
    """Expected time of runs that take so long each, `jobs` side by side.

    A run cannot be split: with few of them left, not all jobs have work.
    """
    return max(sum(seconds) / jobs, max(seconds, default=0.0))


class SuiteProgress:
    """Epochs done of all runs, and the time an epoch of each label takes.

    An epoch of a label that was not timed yet counts as the mean of the others. Times are of this
    session, with evaluation and saving, and with `jobs` runs side by side.
    """

    def __init__(self, runs: Sequence[PlannedRun], jobs: int = 1):
        self.runs = list(runs)
        self.jobs = jobs
        # A run that --early-stopping has ended counts as done, as in `end`.
        self._done = {id(run): run.epochs - max(0, epochs_left(run)) for run in runs}
        self._since: dict[int, float] = {}
        self._seconds: dict[str, list[float]] = {}
        self._looked = 0.0

    @property
    def share(self) -> float:
        """The share of all epochs that is done, from 0 to 1."""
        return sum(self._done.values()) / sum(run.epochs for run in self.runs)

    def note(self, run: PlannedRun, epochs: int, now: float) -> None:
        """Note that the run has so many epochs at time `now` (seconds of any clock).

        The clock starts with the first epoch seen, as the time before includes the start.
        """
        key = id(run)
        before, since = self._done[key], self._since.get(key)
        if epochs <= before:
            return
        if since is not None:
            times = self._seconds.setdefault(run.entry.label, [])
            times.extend([(now - since) / (epochs - before)] * (epochs - before))
            del times[:-_RECENT]
        self._done[key], self._since[key] = epochs, now

    def end(self, run: PlannedRun) -> None:
        """Count the run as done: it may have been stopped early."""
        self._done[id(run)] = run.epochs

    def seconds_left(self) -> float | None:
        """Expected time for the rest of the suite; None before an epoch was timed."""
        means = {label: sum(times) / len(times) for label, times in self._seconds.items()}
        if not means:
            return None
        usual = sum(means.values()) / len(means)
        left = [
            (run.epochs - self._done[id(run)]) * means.get(run.entry.label, usual)
            for run in self.runs
        ]
        return time_together(left, self.jobs)

    def bar(self) -> "tqdm[Any]":
        """A bar over the epochs of the suite on a terminal; nothing in a log file."""
        from tqdm import tqdm

        return tqdm(
            total=sum(run.epochs for run in self.runs), initial=sum(self._done.values()),
            desc=translate("suite"), unit=translate("epoch"), disable=None, dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} epochs{postfix}",
        )  # fmt: skip

    def look(self, running: Sequence[PlannedRun], bar: "tqdm[Any]") -> None:
        """Read the progress of the runs, with pauses between, and show it."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        for run in running:
            self.note(run, epochs_done(run), now)
        left = self.seconds_left()
        bar.n = sum(self._done.values())
        bar.set_postfix_str(f"{duration(left)} left" if left else "", refresh=True)
