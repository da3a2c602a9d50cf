"""oneDNN's threads: one for each usable core, independent of Paddle's number of threads.

Paddle sets OMP_NUM_THREADS=1 at its import unless the user has set it, because its own kernels are
slower with two threads. oneDNN's are not, so a plan sets its own number of threads and restores
Paddle's afterwards.

oneDNN divides an operation's work among the threads when the primitive is MADE, so a plan must be
made under `own_threads`, too. Run with fewer threads, a primitive would wait for ever for the
others.
"""

import ctypes
import functools
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_info

from paddle_aug.core.paddle_import import plan_threads

logger = logging.getLogger("paddle_aug.onednn")

_REGION = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
# Environment variables with which OpenMP may give fewer threads than asked for.
_LIMITS = (
    "OMP_THREAD_LIMIT", "OMP_MAX_ACTIVE_LEVELS", "KMP_ALL_THREADS", "KMP_DEVICE_THREAD_LIMIT",
    "KMP_MAX_THREADS", "KMP_LIBRARY",
)  # fmt: skip


def usable_threads() -> int:
    """Number of threads to make and run plans with: `plan_threads()`, or what OpenMP gives."""
    return _granted(plan_threads())


@contextmanager
def own_threads(count: int) -> Iterator[None]:
    """Context in which oneDNN makes and runs primitives in this thread with `count` threads."""
    before = [(each, each.omp_get_max_threads(), each.omp_get_dynamic()) for each in _libraries()]
    for library, *_ in before:
        library.omp_set_num_threads(count)
        library.omp_set_dynamic(0)  # OMP_DYNAMIC=true would give fewer on a busy machine
    try:
        yield
    finally:
        for library, threads, dynamic in before:
            library.omp_set_num_threads(threads)
            library.omp_set_dynamic(dynamic)


@functools.cache
def _libraries() -> tuple[Any, ...]:
    """Every OpenMP library of this process.

    oneDNN uses the libiomp5 beside it, or a libgomp that another library loaded globally before
    Paddle (as `import torch` does); there is no way to ask which one.
    """
    import paddle  # noqa: F401 - loads its own

    found = [each["filepath"] for each in threadpool_info() if each["user_api"] == "openmp"]
    return tuple(ctypes.CDLL(path) for path in found)


@functools.cache
def _granted(wanted: int) -> int:
    """Number of threads in a parallel region that asks for `wanted`, counted in one."""
    import paddle

    path = Path(paddle.__file__).parent / "libs" / "libiomp5.so"
    if wanted == 1 or not path.is_file():
        return wanted
    present: list[int] = []
    with own_threads(wanted):
        ctypes.CDLL(str(path)).GOMP_parallel(
            _REGION(lambda _: present.append(1)), None, ctypes.c_uint(wanted), 0
        )
    if len(present) < wanted:
        named = [f"{name}={os.environ[name]}" for name in _LIMITS if name in os.environ]
        logger.warning(
            "accelerate: oneDNN computes with %d instead of %d threads, OpenMP grants no more%s",
            len(present), wanted, f": unset {', '.join(named)}" if named else "",
        )  # fmt: skip
    return len(present)
