"""The workers that make batches while the model computes: a thread, or processes with a pipe each.

Processes share nothing: no queue, no lock, nothing in /dev/shm. A process that is killed in the
middle of a batch therefore closes its pipe, which is noticed at once, and does not disturb the
others. In the standard library's pools it could leave a lock or half a message behind, and the run
would wait for ever.
"""

import contextlib
import ctypes
import logging
import multiprocessing
import os
import pickle
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
from paddle_aug.core.stopping import SIGNALS

WAIT_SECONDS = 10.0  # a warning follows if a batch takes longer
STALL_SECONDS = 120.0  # a worker that takes this long counts as hanging
_CLOSE_SECONDS = 5.0


log = logging.getLogger(__name__)


class Worker(Protocol):
    """Makes batches in the order of the calls. `ahead`: how many may be waiting at a time."""

    ahead: int

    def submit(self, epoch: int, numbers: np.ndarray) -> None: ...

    def result(self) -> Batch:
        """The oldest batch. Raises what making it raised; UserError for a dead or hanging worker,
        which cannot be used any more."""
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
    """A thread beside the model's. It does not keep the program from ending."""

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

    def submit(self, epoch: int, numbers: np.ndarray) -> None:
        self._waiting.add(epoch, numbers)
        self._tasks.put((epoch, numbers))

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
        # A thread that hangs in a read cannot be ended; it lasts until the program ends.
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

    It makes one batch ahead and waits until that is fetched, as the pipe holds no more.
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
        # Then the pipe closes when the process ends.
        end.close()

    def submit(self, epoch: int, numbers: np.ndarray) -> None:
        self._waiting.add(epoch, numbers)
        with contextlib.suppress(OSError):  # `result` reports it
            self.pipe.send((epoch, numbers))

    def result(self) -> Batch:
        try:
            self._waiting.wait(self.pipe.poll)
            result, details = self.pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None
        if isinstance(result, BaseException):
            raise result from (_InWorker(details) if details else None)
        return result

    def close(self) -> None:
        # It may hang in a read, or be sending a batch that is not needed any more.
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
    """Cause of an error that a worker passed on: its traceback there."""

    def __str__(self) -> str:
        return f"in a worker process:\n{self.args[0]}"


class _Waiting:
    """The batches that a worker has not delivered yet, so that a message can name a missing one."""

    def __init__(self, dataset: AugmentedDataset):
        self._dataset = dataset
        self._tasks: deque[tuple[int, np.ndarray]] = deque()

    def add(self, epoch: int, numbers: np.ndarray) -> None:
        self._tasks.append((epoch, numbers))

    def wait(self, poll: Callable[[float], bool]) -> None:
        """Wait until `poll(seconds)` is true: the oldest batch has arrived.

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

    def _names(self, epoch: int, numbers: np.ndarray) -> str:
        names = [self._dataset.source(epoch, int(number)) for number in numbers[:16]]
        return ", ".join(names) + (" ..." if len(numbers) > len(names) else "")


def _serve(
    dataset: AugmentedDataset, pipe: Connection, others: list[Connection], parent: int
) -> None:  # pragma: no cover - in a process that ends by SIGKILL, before it could tell
    """The loop of a worker process: make batches until the parent ends or kills it."""
    # Ctrl-C and a closed terminal reach the whole group; the parent decides what to do about it.
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    for other in others:
        other.close()
    if sys.platform == "linux":
        # A killed parent cannot end its workers, and a worker in the middle of a batch notices
        # nothing: the kernel ends it.
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    try:
        while True:
            task = pipe.recv()
            try:
                answer = pickle.dumps((collate(dataset, *task), ""))
            except Exception as error:
                answer = pickle.dumps(_passed_on(error, traceback.format_exc()))
            pipe.send_bytes(answer)
    except (EOFError, OSError):
        os._exit(0)  # without the parent's exit handlers


def _passed_on(error: Exception, lines: str) -> tuple[Exception, str]:
    """What to send for an error: (error, the worker's traceback; empty for a UserError).

    Some exceptions cannot be unpickled, or come back with another message. In their place goes a
    UserError with the same message, or a RuntimeError whose message is the traceback.
    """
    for_user = isinstance(error, UserError)
    with contextlib.suppress(Exception):
        copy = pickle.loads(pickle.dumps(error))
        if type(copy) is type(error) and str(copy) == str(error):
            return error, "" if for_user else lines
    return (UserError(str(error)) if for_user else RuntimeError(str(_InWorker(lines)))), ""
