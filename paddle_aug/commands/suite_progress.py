"""How far a suite is and how long it will take, from the epochs of its runs as they come."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from paddle_aug.commands.suite_plan import PlannedRun, epochs_done
from paddle_aug.core.text import duration

if TYPE_CHECKING:
    from tqdm import tqdm

_RECENT = 20  # epochs of a label whose mean duration is expected of the next ones
_LOOK_SECONDS = 0.5


class SuiteProgress:
    """Epochs done of all runs, and the time an epoch of each label takes.

    seconds: known beforehand, by label; where nothing is known an epoch counts as long as the mean
    of the other labels. Times are of this session, evaluation and saving included, with as many
    runs side by side as there are.
    """

    def __init__(self, runs: Sequence[PlannedRun], jobs: int = 1):
        self.runs = list(runs)
        self.jobs = jobs
        self._done = {id(run): min(epochs_done(run), run.epochs) for run in runs}
        self._since: dict[int, float] = {}
        self._seconds: dict[str, list[float]] = {}
        self._looked = 0.0

    @property
    def share(self) -> float:
        """Of all epochs, from 0 to 1."""
        return sum(self._done.values()) / sum(run.epochs for run in self.runs)

    def note(self, run: PlannedRun, epochs: int, now: float) -> None:
        """Take down that the run has so many epochs at this moment (seconds of any clock).

        The first epochs that are seen start the clock: what came before holds the start, too.
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
        """Expected for what is left of the suite; None where no epoch was timed yet."""
        means = {label: sum(times) / len(times) for label, times in self._seconds.items()}
        if not means:
            return None
        usual = sum(means.values()) / len(means)
        left = [
            (run.epochs - self._done[id(run)]) * means.get(run.entry.label, usual)
            for run in self.runs
        ]
        # The longest run is not split: with few left, not all jobs have work.
        return max(sum(left) / self.jobs, max(left))

    def bar(self) -> "tqdm[Any]":
        """A bar over the epochs of the suite on a terminal; nothing in a log file."""
        from tqdm import tqdm

        return tqdm(
            total=sum(run.epochs for run in self.runs), initial=sum(self._done.values()),
            desc="suite", unit="epoch", disable=None, dynamic_ncols=True,
            bar_format="{desc} {percentage:3.0f}%|{bar}| {n_fmt}/{total_fmt} epochs{postfix}",
        )  # fmt: skip

    def look(self, running: Sequence[PlannedRun], bar: "tqdm[Any]") -> None:
        """Read how far the runs are, not more often than is worth it, and show it."""
        now = time.monotonic()
        if now - self._looked < _LOOK_SECONDS:
            return
        self._looked = now
        for run in running:
            self.note(run, epochs_done(run), now)
        left = self.seconds_left()
        bar.n = sum(self._done.values())
        bar.set_postfix_str(f"{duration(left)} left" if left else "", refresh=True)
