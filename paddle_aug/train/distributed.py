"""One run in several processes, as `python -m paddle.distributed.launch train.py ...` starts them.

Every process has the whole model and takes its part of each batch. Means over the processes are
weighted by images, so that unequal parts of a short last batch count correctly. Only the first
process (rank 0) writes files and prints.
"""

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn

from models.structure import batch_norms
from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.stopping import SIGNALS

_ARRIVED = "paddle_aug/meetings"
_LEFT = "paddle_aug/left"
_FAILED = 1 << 40  # added to both counts by a process that fails
# Raised by Gloo and by the store for a broken connection: any of these, as Paddle sees the cause.
_LOST = (OSError, RuntimeError, SystemError, ValueError)
_PATIENCE_SECONDS = 1800.0  # time for a slow process, which may be building the image cache
_LEAVING_SECONDS = 2.0  # time in which a process leaves a meeting that all have come to
_LAUNCHER_SECONDS = 20.0  # time in which the launcher notices a dead process


class Ranks:
    """The processes of a run, from the view of one; with one process nothing is exchanged.

    rank: this process's number, from 0. size: how many there are. store: Paddle's key-value store.
    """

    def __init__(self, rank: int = 0, size: int = 1, store: Any = None):
        self.rank = rank
        self.size = size
        self._store = store
        self._meetings = 0

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and prints."""
        return self.rank == 0

    def agree(self, *values: float) -> list[float]:
        """The maximum of each value over the processes; all get the same result."""
        if self.size == 1:
            return list(values)
        return self._reduce(np.array(values, np.float64), paddle.distributed.ReduceOp.MAX).tolist()

    def sum(self, values: Sequence[float] | np.ndarray) -> np.ndarray:
        """The sum of each value over the processes, float64."""
        array = np.array(values, np.float64)
        return array if self.size == 1 else self._reduce(array, paddle.distributed.ReduceOp.SUM)

    def average_gradients(self, model: nn.Layer, images: int, values: np.ndarray) -> np.ndarray:
        """Make every process's gradients the mean over all images; returns the sums of `values`.

        Running statistics of batch normalisation are averaged, too, so that all processes keep the
        same model. images: number of this process's images; with 0 it has no gradients.
        """
        if self.size == 1:
            return values
        parameters = [p for p in model.parameters() if not p.stop_gradient]
        gradients = [parameter.grad for parameter in parameters]
        statistics = _running_statistics(model)
        # Everything in one exchange: the sums, then gradients, then statistics.
        present = [float(gradient is not None) for gradient in gradients]
        parts = [
            paddle.zeros([int(parameter.size)]) if gradient is None else _flat(gradient)
            for parameter, gradient in zip(parameters, gradients, strict=True)
        ]
        parts += [_flat(tensor) for tensor in statistics]
        head = paddle.to_tensor(np.array([images, *values, *present], np.float32))
        flat = paddle.concat([head, *(part * float(images) for part in parts)])
        self._exchange(flat, paddle.distributed.ReduceOp.SUM)

        sums = flat[: len(head)].numpy().astype(np.float64)
        total, values, present = sums[0], sums[1 : 1 + len(values)], sums[1 + len(values) :]
        sizes = [int(tensor.size) for tensor in (*parameters, *statistics)]
        means = paddle.split(flat[len(head) :] / float(total), sizes)
        for parameter, mean, count in zip(parameters, means, present, strict=False):
            if count:  # a parameter that no process has used has no gradient, not zero
                parameter.grad = mean.reshape(parameter.shape).astype(parameter.dtype)
        for tensor, mean in zip(statistics, means[len(parameters) :], strict=True):
            tensor.set_value(mean.reshape(tensor.shape).astype(tensor.dtype))
        return values

    def meet(self, wait: bool = True) -> None:
        """Wait until every process has called this, however late some are.

        Needed where one process works longer than the others, as an exchange (Gloo) fails after 30
        s. It takes about 0.1 s, too long for every step. wait: False to report the arrival and go
        on.
        """
        if self.size == 1:
            return
        self._meetings += 1
        everybody = self._meetings * self.size
        with _watching_peers(self):
            if not self._add_one(_ARRIVED, everybody if wait else 1, _PATIENCE_SECONDS):
                raise RuntimeError("a process is missing")
            # The store is in the first process, which after a stop ends soon. One that does not
            # leave may have been killed, which the next exchange tells.
            self._add_one(_LEFT, everybody if wait and self.is_first else 1, _LEAVING_SECONDS)

    def same_model(self, model: nn.Layer) -> None:
        """Give every process the first one's weights."""
        if self.size == 1:
            return
        self.meet()
        with _watching_peers(self):
            for value in model.state_dict().values():
                paddle.distributed.broadcast(value, 0)

    @contextlib.contextmanager
    def joined(self) -> Iterator[None]:
        """Context of the run: a process that leaves it with an error ends the others, too."""
        try:
            yield
        except BaseException as error:
            if self.size > 1 and not isinstance(error, Interrupted):
                with contextlib.suppress(*_LOST):
                    for key in (_ARRIVED, _LEFT):
                        self._store.add(key, _FAILED)
            raise
        if self.size > 1:
            # The store is in the first process, which therefore must end last.
            self.meet(wait=self.is_first)

    def _add_one(self, key: str, until: int, seconds: float) -> bool:
        """Add 1 to a count of the store, and wait until it is `until`: False if it is not after so
        many seconds. Raises RuntimeError where a process has failed, now or before."""
        deadline = time.monotonic() + seconds
        count = self._store.add(key, 1)
        while count < until and time.monotonic() < deadline:
            time.sleep(0.01)
            count = self._store.add(key, 0)
        if count >= _FAILED:
            raise RuntimeError("a process is missing")
        return count >= until

    def _reduce(self, values: np.ndarray, operation: Any) -> np.ndarray:
        tensor = paddle.to_tensor(values)
        self._exchange(tensor, operation)
        return tensor.numpy()

    def _exchange(self, tensor: Tensor, operation: Any) -> None:
        with _watching_peers(self):
            paddle.distributed.all_reduce(tensor, operation)

    def _peer_is_lost(self, reason: str) -> UserError:
        """Wait for the end: the launcher shows the message of the process that failed, takes its
        exit code and ends this one with SIGTERM."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, _leave)
            time.sleep(_LAUNCHER_SECONDS)
        return UserError(
            f"process {self.rank} of {self.size}: another process of this run has ended or does "
            f"not answer; its own message, in its launcher's log, says why ({reason})"
        )


SINGLE = Ranks()


def start() -> Ranks:
    """The processes of this run: those that Paddle's launcher has started, else this one alone."""
    size = int(os.environ.get("PADDLE_TRAINERS_NUM", "1"))
    if size == 1:
        return SINGLE
    if not paddle.distributed.is_initialized():
        paddle.distributed.init_parallel_env()
    store = paddle.base.core.create_or_get_global_tcp_store()
    return Ranks(paddle.distributed.get_rank(), size, store)


@contextlib.contextmanager
def _watching_peers(ranks: Ranks) -> Iterator[None]:
    # Paddle's store takes a call that a signal breaks off for a broken connection.
    _break_off_calls(False)
    try:
        yield
    except _LOST as error:
        lines = [line for line in str(error).splitlines() if line.strip() and "[Hint:" not in line]
        raise ranks._peer_is_lost((lines or [type(error).__name__])[-1].strip()) from None
    finally:
        _break_off_calls(True)


def _break_off_calls(value: bool) -> None:
    """Whether a signal breaks off a call of the system; Windows has no such choice."""
    if hasattr(signal, "siginterrupt"):
        for number in SIGNALS:
            signal.siginterrupt(number, value)


def _running_statistics(model: nn.Layer) -> list[Tensor]:
    """Running statistics that training changes: of batch normalisations that are not frozen."""
    layers = [layer for layer in batch_norms(model) if layer.training]
    return [tensor for layer in layers for tensor in (layer._mean, layer._variance)]


def _flat(tensor: Tensor) -> Tensor:
    return tensor.detach().flatten().astype("float32")


def _leave(number: int, frame: Any) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
