"""Who makes batches beside the model: a thread, or a process with a pipe of its own.

Processes share nothing: no queue, no lock, nothing in /dev/shm. One that is killed in the middle of
a batch therefore closes its pipe and is noticed at once, and the others are not touched; with
the standard library's pools it can leave a lock or half a message behind, and the run waits for
ever.
"""

import contextlib
import ctypes
import logging
import multiprocessing
import os
import queue
import signal
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from typing import Any, Protocol

import numpy as np

from paddle_aug.batches.augmented import AugmentedDataset, Batch, collate
from paddle_aug.core.errors import UserError

WAIT_SECONDS = 10.0  # a batch that takes longer than this is spoken of
STALL_SECONDS = 120.0  # and one that takes this long hangs
_CLOSE_SECONDS = 5.0


log = logging.getLogger(__name__)


class Worker(Protocol):
    """Makes the batches that it is given, in that order. `ahead`: how many at a time."""

    ahead: int

    def submit(self, epoch: int, indices: np.ndarray) -> None: ...

    def result(self) -> Batch:
        """The oldest batch. Raises what making it raised; UserError for a dead or hanging worker,
        which is of no use any more."""
        ...

    def close(self) -> None: ...


def start_workers(dataset: AugmentedDataset, workers: str | int) -> list[Worker]:
    """workers: "thread" for one thread, or a number of processes."""
    if workers == "thread":
        return [ThreadWorker(dataset)]
    if "fork" not in multiprocessing.get_all_start_methods():
        raise UserError("worker processes need Linux or macOS: use --workers thread")
    processes: list[ProcessWorker] = []
    for _ in range(int(workers)):
        processes.append(ProcessWorker(dataset, [worker.pipe for worker in processes]))
    return list(processes)


class ThreadWorker:
    """A thread beside the model; it does not keep the program from ending."""

    ahead = 3

    def __init__(self, dataset: AugmentedDataset):
        self._tasks: queue.SimpleQueue[tuple[int, np.ndarray] | None] = queue.SimpleQueue()
        self._results: queue.SimpleQueue[Batch | BaseException] = queue.SimpleQueue()
        self._closed = False
        self._result: Batch | BaseException | None = None
        self._waiting = _Waiting(dataset)
        self._thread = threading.Thread(
            target=self._run, args=(dataset,), name="batches", daemon=True
        )
        self._thread.start()

    def submit(self, epoch: int, indices: np.ndarray) -> None:
        self._waiting.add(epoch, indices)
        self._tasks.put((epoch, indices))

    def result(self) -> Batch:
        self._waiting.wait(self._arrives)
        result, self._result = self._result, None
        if isinstance(result, BaseException):
            raise result
        assert result is not None, "a batch has arrived"
        return result

    def close(self) -> None:
        self._closed = True
        self._tasks.put(None)
        # One that hangs in a read cannot be ended; it is left to the end of the program.
        self._thread.join(_CLOSE_SECONDS)

    def _arrives(self, seconds: float) -> bool:
        with contextlib.suppress(queue.Empty):
            self._result = self._results.get(timeout=seconds)
        return self._result is not None

    def _run(self, dataset: AugmentedDataset) -> None:
        while (task := self._tasks.get()) is not None and not self._closed:
            try:
                self._results.put(collate(dataset, *task))
            except BaseException as error:
                self._results.put(error)


class ProcessWorker:
    """A forked process. others: pipes of workers started before, which it must not keep open.

    It makes one batch ahead and waits until that is taken: more would pile up in the pipe.
    """

    ahead = 1

    def __init__(self, dataset: AugmentedDataset, others: Sequence[Connection]):
        context: Any = multiprocessing.get_context("fork")
        self.pipe, end = context.Pipe()
        self._waiting = _Waiting(dataset)
        self.process = context.Process(
            target=_serve, args=(dataset, end, [*others, self.pipe], os.getpid()), daemon=True
        )
        self.process.start()
        # So that the pipe is at its end when the process is.
        end.close()

    def submit(self, epoch: int, indices: np.ndarray) -> None:
        self._waiting.add(epoch, indices)
        with contextlib.suppress(OSError):  # `result` will say so
            self.pipe.send((epoch, indices))

    def result(self) -> Batch:
        try:
            self._waiting.wait(self.pipe.poll)
            result, details = self.pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(result, BaseException):
            raise result from (None if isinstance(result, UserError) else _InWorker(details))
        return result

    def close(self) -> None:
        # It may hang in a read, or be about to send what nobody wants any more.
        self.process.kill()
        self.process.join(_CLOSE_SECONDS)
        self.pipe.close()

    def _died(self) -> UserError:
        self.process.join(_CLOSE_SECONDS)
        code = self.process.exitcode
        how = f"by signal {-code}" if code is not None and code < 0 else f"with code {code}"
        return UserError(
            f"a worker process died ({how}; killed, or out of memory?): "
            "try fewer --workers, or --workers thread"
        )


class _InWorker(Exception):
    """Where in a worker an error came from."""

    def __str__(self) -> str:
        return f"in a worker process:\n{self.args[0]}"


class _Waiting:
    """The batches that a worker still owes, so that one that does not come can be named."""

    def __init__(self, dataset: AugmentedDataset):
        self._dataset = dataset
        self._tasks: deque[tuple[int, np.ndarray]] = deque()

    def add(self, epoch: int, indices: np.ndarray) -> None:
        self._tasks.append((epoch, indices))

    def wait(self, poll: Callable[[float], bool]) -> None:
        """Return when `poll(seconds)` says that the oldest batch is there.

        Warns after WAIT_SECONDS; raises UserError after STALL_SECONDS, naming images.
        """
        task = self._tasks.popleft()
        first = min(WAIT_SECONDS, STALL_SECONDS)
        if poll(first):
            return
        log.warning("no batch for %.0f seconds, still waiting for %s", first, self._names(*task))
        if not poll(STALL_SECONDS - first):
            raise UserError(
                f"no batch for {STALL_SECONDS:.0f} seconds: a worker hangs, perhaps on a file that "
                f"cannot be read (network disk?), one of: {self._names(*task)}"
            )

    def _names(self, epoch: int, indices: np.ndarray) -> str:
        names = [self._dataset.source(epoch, int(index)) for index in indices[:16]]
        return ", ".join(names) + (" ..." if len(indices) > len(names) else "")


def _serve(
    dataset: AugmentedDataset, pipe: Connection, others: list[Connection], parent: int
) -> None:  # pragma: no cover - in a process that ends by SIGKILL, before it could tell
    """A worker's life: batches until the parent ends or kills it."""
    # Ctrl-C reaches the whole terminal group; the parent decides what to do about it.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    if sys.platform == "linux":
        # A parent that is killed cannot end its workers, and one that makes a batch does not look
        # at its pipe: let the kernel do it.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    try:
        while True:
            task = pipe.recv()
            try:
                answer: tuple[Any, str] = collate(dataset, *task), ""
            except Exception as error:
                answer = error, traceback.format_exc()
            _send(pipe, answer)
    except (EOFError, OSError):
        os._exit(0)  # without the parent's exit handlers


def _send(pipe: Connection, answer: tuple[Any, str]) -> None:  # pragma: no cover - as above
    try:
        pipe.send(answer)
    except (EOFError, OSError):
        raise
    except Exception:  # an error that cannot be pickled
        pipe.send((RuntimeError(f"in a worker process:\n{answer[1]}"), ""))
