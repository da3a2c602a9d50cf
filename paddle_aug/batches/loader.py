"""Makes the batches for the model: in the same thread, in another thread, or in processes.

The bytes are the same in each case: a batch depends on the seed, the epoch and its number alone.
The processes are our own (see workers.py) instead of paddle.io.DataLoader's: ours pass on a
worker's exception, notice a killed worker at once and leave nothing in /dev/shm.
"""

import os
import sys
from collections import deque
from collections.abc import Generator

import numpy as np

from paddle_aug.batches.augmented import AugmentedDataset, Batch, collate
from paddle_aug.batches.epoch_order import epoch_order, numbered_repeats
from paddle_aug.batches.workers import Worker, start_workers
from paddle_aug.core.cpu import available_cores
from paddle_aug.core.seeding import stream


def choose_workers(workers: str | int, cores: int | None = None) -> str | int:
    """Decide for "auto": processes where there are enough cores, else a thread."""
    if workers != "auto":
        return workers
    if cores is None:
        # Paddle's launcher sets how many processes share the cores.
        cores = available_cores() // int(os.environ.get("PADDLE_LOCAL_SIZE", "1"))
    return min(cores - 2, 8) if sys.platform == "linux" and cores >= 6 else "thread"


class Loader:
    """Batches of an AugmentedDataset, epoch by epoch; each is an `augmented.Batch`.

    batch_size: images of a batch in this process, 1 or more; an epoch's last batch has those that
    are left. shuffle: another order in each epoch; otherwise the data set's. seed: of that order,
    in [0, 2**32); what is done to an image follows from the data set's own. workers: "thread", or
    a number of processes; 0 reads in the calling thread. max_steps: an epoch ends after so many
    batches, 1 or more; None: after all. sampling: with shuffle, see epoch_order.py. rank, ranks:
    `ranks` processes share each batch of ranks * batch_size images, and this one reads part number
    `rank`, which may be empty in the last batch.

    These numbers are not checked. `epoch` raises what making a batch raised, such as a UserError
    for an image that cannot be read, and UserError for a worker that died or hangs, or where the
    system has no worker processes.
    """

    def __init__(
        self,
        dataset: AugmentedDataset,
        batch_size: int,
        shuffle: bool,
        seed: int = 0,
        workers: str | int = 0,
        max_steps: int | None = None,
        sampling: str = "shuffle",
        rank: int = 0,
        ranks: int = 1,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.workers = workers
        self.max_steps = max_steps
        self.sampling = sampling
        self.rank = rank
        self.ranks = ranks
        self._started: list[Worker] = []

    def __len__(self) -> int:
        steps = -(-len(self.dataset) // (self.batch_size * self.ranks))
        return min(steps, self.max_steps or steps)

    def batch_sizes(self) -> set[int]:
        """The numbers of images that a process may get in a step; the last batch is shorter."""
        whole, rest = divmod(len(self.dataset), self.batch_size * self.ranks)
        sizes = {self.batch_size} if whole else set()
        if rest and len(self) > whole:
            sizes |= {len(part) for part in np.array_split(np.arange(rest), self.ranks)}
        return sizes

    def batches_of(self, epoch: int) -> list[np.ndarray]:
        """Numbers of each batch's images (see AugmentedDataset); the last batch may be shorter, and
        empty where several processes share it."""
        order = np.arange(len(self.dataset))
        if self.shuffle:
            rng = stream(self.seed, epoch, 0, "shuffle")
            order = epoch_order(self.dataset.dataset.labels, self.sampling, rng)
            order = numbered_repeats(order, len(self.dataset))
        size = self.batch_size * self.ranks
        batches = np.split(order, list(range(size, len(order), size)))[: len(self)]
        return [np.array_split(batch, self.ranks)[self.rank] for batch in batches]

    def epoch(self, epoch: int, first: int = 0) -> Generator[Batch, None, None]:
        """The batches of an epoch from number `first` on, a few of them made ahead."""
        batches = self.batches_of(epoch)[first:]
        if self.workers == 0:
            for numbers in batches:
                yield collate(self.dataset, epoch, numbers)
            return
        workers = self._start()
        rest = iter(batches)
        pending: deque[Worker] = deque()  # the worker of each batch to come, in order
        finished = False
        try:
            for worker in workers * max(worker.ahead for worker in workers):
                if (numbers := next(rest, None)) is not None:
                    worker.submit(epoch, numbers)
                    pending.append(worker)
            while pending:
                worker = pending.popleft()
                batch = worker.result()
                if (numbers := next(rest, None)) is not None:
                    worker.submit(epoch, numbers)
                    pending.append(worker)
                yield batch
            finished = True
        finally:
            if not finished:
                self.close()  # also drops the batches that are not used any more

    def source(self, epoch: int, number: int) -> str:
        """Name of an image for messages, with the image that is mixed into it (in this process)."""
        return self.dataset.source(epoch, number)

    def close(self) -> None:
        """End the workers at once."""
        for worker in self._started:
            worker.close()
        self._started = []

    def _start(self) -> list[Worker]:
        self._started = self._started or start_workers(self.dataset, self.workers)
        return self._started
