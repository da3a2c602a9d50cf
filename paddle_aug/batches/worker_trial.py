"""How many workers make batches fastest on this machine: a timed trial of the real loader."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.batches.loader import Loader
from paddle_aug.core.errors import UserError

CHOICES: tuple[str | int, ...] = (0, "thread", 1, 2, 4)
# A difference of less than this share is noise on most machines.
TOLERANCE = 0.05


@dataclass(frozen=True)
class Trial:
    """workers: value of --workers. images_per_second: None if it failed; `problem` says why."""

    workers: str | int
    images_per_second: float | None
    problem: str = ""


def time_workers(
    dataset: AugmentedDataset,
    batch_size: int,
    seconds: float = 3.0,
    choices: Sequence[str | int] = CHOICES,
) -> list[Trial]:
    """Make batches for about `seconds` with each choice, the start-up of workers not counted."""
    # The first reading of a file is the slowest; it is done before any choice is timed.
    _rate(Loader(dataset, batch_size, shuffle=True, workers=0), min(seconds, 1.0))
    return [_try(dataset, batch_size, seconds, workers) for workers in choices]


def recommend(trials: Sequence[Trial], cores: int) -> str | int:
    """The cheapest among the fastest choices: a thread, else the fewest processes.

    0 is never recommended: the model would wait for every batch. Nor are more processes than cores:
    they would slow down each other and the model.
    """
    rates = {
        trial.workers: trial.images_per_second
        for trial in trials
        if trial.images_per_second is not None
        and (trial.workers == "thread" or 0 < int(trial.workers) <= cores)
    }
    if not rates:
        return "thread"
    enough = (1 - TOLERANCE) * max(rates.values())
    fast = [workers for workers, rate in rates.items() if rate >= enough]
    return "thread" if "thread" in fast else min(int(workers) for workers in fast)


def _try(dataset: AugmentedDataset, batch_size: int, seconds: float, workers: str | int) -> Trial:
    loader = Loader(dataset, batch_size, shuffle=True, workers=workers)
    try:
        return Trial(workers, _rate(loader, seconds))
    except UserError as error:
        if workers == 0:
            raise  # an error of the data, not of the workers
        return Trial(workers, None, str(error))
    finally:
        loader.close()


def _rate(loader: Loader, seconds: float) -> float:
    """Images a second, timed from the arrival of the first batch."""
    images, start, epoch = 0, 0.0, 0
    while True:
        for batch in loader.epoch(epoch):
            now = time.perf_counter()
            if not start:
                start = now
                continue
            images += len(batch.labels)
            if now - start >= seconds:
                return images / (now - start)
        epoch += 1
