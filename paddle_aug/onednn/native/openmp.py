"""oneDNN's threads: as many as the machine has cores for us, whatever Paddle set for itself.

Paddle sets OMP_NUM_THREADS=1 at its import where the user has not set it, because its own kernels
are slower with two. oneDNN's are not, so a plan runs with threads of its own number, and gives
Paddle its number back.
"""

import ctypes
import functools
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from paddle_aug.core.paddle_import import plan_threads


@functools.cache
def _openmp() -> Any:
    """The OpenMP library that oneDNN uses, None where it cannot be found."""
    import paddle

    try:
        return ctypes.CDLL(str(Path(paddle.__file__).parent / "libs" / "libiomp5.so"))
    except OSError:
        return None


@contextmanager
def own_threads() -> Iterator[None]:
    """While entered, oneDNN uses `threads.plan_threads()` threads."""
    openmp, wanted = _openmp(), plan_threads()
    before = None if openmp is None else openmp.omp_get_max_threads()
    if openmp is None or before == wanted:
        yield
        return
    openmp.omp_set_num_threads(wanted)
    try:
        yield
    finally:
        openmp.omp_set_num_threads(before)
