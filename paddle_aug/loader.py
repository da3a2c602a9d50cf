"""Batches made ahead of the model: in the same thread, in one thread beside, or in processes.

Whatever makes them, the bytes are the same: a batch is a function of the seed, the epoch and its
number. Processes are the standard library's, not paddle.io.DataLoader's, because these hand on a
worker's own exception, notice a killed worker at once and leave nothing in /dev/shm.
"""

import contextlib
import ctypes
import multiprocessing
import os
import signal
import sys
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures import TimeoutError as FutureTimeout
from concurrent.futures.process import BrokenProcessPool
from typing import Any

import numpy as np

from paddle_aug.augmented import AugmentedDataset, Batch, collate
from paddle_aug.errors import UserError
from paddle_aug.seeding import stream

STALL_SECONDS = 120.0  # a batch that takes longer than this hangs
_dataset: AugmentedDataset  # of a worker process


def choose_workers(workers: str | int, cores: int | None = None) -> str | int:
    """Turn "auto" into a choice: processes where there are cores to spare, else a thread."""
    if workers != "auto":
        return workers
    if cores is None:
        cores = len(os.sched_getaffinity(0)) if sys.platform == "linux" else os.cpu_count() or 1
    return min(cores - 2, 8) if sys.platform == "linux" and cores >= 6 else "thread"


class Loader:
    """Batches of an AugmentedDataset, epoch by epoch.

    workers: "thread", or a number of processes; 0 reads in the calling thread.
    """

    def __init__(
        self,
        dataset: AugmentedDataset,
        batch_size: int,
        shuffle: bool,
        seed: int = 0,
        workers: str | int = 0,
        max_steps: int | None = None,
    ):
        self.dataset = dataset
        self.batch_size = batch_size
        self.shuffle = shuffle
        self.seed = seed
        self.workers = workers
        self.max_steps = max_steps
        self._pool: Executor | None = None

    def __len__(self) -> int:
        steps = -(-len(self.dataset) // self.batch_size)
        return min(steps, self.max_steps or steps)

    def batches_of(self, epoch: int) -> list[np.ndarray]:
        """Indices of each batch of an epoch; the last one may be shorter."""
        order = np.arange(len(self.dataset))
        if self.shuffle:
            order = stream(self.seed, epoch, 0, "shuffle").permutation(order)
        cuts = range(self.batch_size, len(order), self.batch_size)
        return np.split(order, list(cuts))[: len(self)]

    def epoch(self, epoch: int, first: int = 0) -> Iterator[Batch]:
        """The batches of an epoch from number `first` on, a few of them made ahead."""
        batches = self.batches_of(epoch)[first:]
        if self.workers == 0:
            for indices in batches:
                yield collate(self.dataset, epoch, indices)
            return
        pool = self._start()
        ahead = 2 if self.workers == "thread" else 2 * int(self.workers)
        pending: deque[Future[Batch]] = deque()
        rest = iter(batches)
        try:
            while True:
                while len(pending) <= ahead and (indices := next(rest, None)) is not None:
                    pending.append(self._submit(pool, epoch, indices))
                if not pending:
                    return
                yield self._result(pending.popleft())
        finally:
            for future in pending:
                future.cancel()

    def close(self) -> None:
        """End the workers."""
        if self._pool is not None:
            # A worker may hang in a read, so processes are not waited for.
            processes = list((getattr(self._pool, "_processes", None) or {}).values())
            self._pool.shutdown(wait=not processes, cancel_futures=True)
            for process in processes:
                with contextlib.suppress(OSError, AttributeError):
                    process.kill()
            self._pool = None

    def _start(self) -> Executor:
        if self._pool is None:
            if self.workers == "thread":
                self._pool = ThreadPoolExecutor(1, thread_name_prefix="batches")
            else:
                self._pool = ProcessPoolExecutor(
                    int(self.workers),
                    mp_context=_process_context(),
                    initializer=_start_worker,
                    initargs=(self.dataset, os.getpid()),
                )
        return self._pool

    def _submit(self, pool: Executor, epoch: int, indices: np.ndarray) -> "Future[Batch]":
        if self.workers == "thread":
            return pool.submit(collate, self.dataset, epoch, indices)
        try:
            return pool.submit(_collate_in_worker, epoch, indices)
        except BrokenProcessPool:
            raise self._worker_died() from None

    def _result(self, future: "Future[Batch]") -> Batch:
        try:
            return future.result(timeout=STALL_SECONDS)
        except FutureTimeout:
            raise UserError(
                f"no batch for {STALL_SECONDS:.0f} seconds: a worker hangs, perhaps on a file that "
                "cannot be read (network disk?); try --workers 0 to see where"
            ) from None
        except BrokenProcessPool:
            raise self._worker_died() from None

    @staticmethod
    def _worker_died() -> UserError:
        return UserError(
            "a worker process died (killed, or out of memory): "
            "try fewer --workers, or --workers thread"
        )


def _process_context() -> Any:
    if "fork" not in multiprocessing.get_all_start_methods():
        raise UserError("worker processes need Linux or macOS: use --workers thread")
    return multiprocessing.get_context("fork")


def _start_worker(dataset: AugmentedDataset, parent: int) -> None:
    global _dataset
    _dataset = dataset
    # Ctrl-C reaches the whole terminal group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if sys.platform == "linux":
        # A parent that is killed cannot end its workers: let the kernel do it.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)


def _collate_in_worker(epoch: int, indices: np.ndarray) -> Batch:
    return collate(_dataset, epoch, indices)
