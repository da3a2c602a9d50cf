"""Sets what Paddle needs for using the cores well, before it is imported.

Call `prepare_environment()` before the first `import paddle`: OpenMP reads its environment
variables when it is loaded. MKL reads its own at the first matrix product, and the allocator can be
set at any time, so a later call has some effect, too. Nothing that the user has set is changed.
"""

import contextlib
import ctypes
import io
import os
import sys
import warnings
from functools import cache
from pathlib import Path
from typing import Any

from paddle_aug.core.cpu import (
    available_cores,
    busy_cores,
    cpu_flags,
    free_cores,
    is_amd,
)
from paddle_aug.core.errors import UserError
from paddle_aug.core.requirements import PACKAGES, remedy
from paddle_aug.core.stopping import kept_handlers

# mallopt's parameters (malloc.h)
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
# glibc accepts no larger threshold for keeping freed memory.
_LARGEST_MMAP_THRESHOLD = 32 << 20
_TRIM_THRESHOLD = 512 << 20

_prepared: dict[str, Any] | None = None


def prepare_environment() -> dict[str, Any]:
    """Set threads, MKL's code path and the allocator; returns what was found and set.

    Threads are one for each core that is free at this moment: threads that wait for each other are
    slow beside another program, where fewer threads use the same time better. Keys: cores, busy
    (cores that other programs were seen to keep busy, None where that does not count),
    OMP_NUM_THREADS and MKL_DEBUG_CPU_TYPE (value or None), set (names that were set here), malloc
    (True if glibc accepted the thresholds), late (True if Paddle was imported before, so that its
    threads stay as they are).
    """
    global _prepared
    if _prepared is not None:
        return dict(_prepared)
    late = "paddle" in sys.modules
    chosen: list[str] = []
    busy = None
    # The MKL in Paddle's wheel takes a slow path on AMD's processors; this undocumented variable
    # avoids it, and has no effect on Intel's.
    if is_amd():
        _set("MKL_DEBUG_CPU_TYPE", mkl_path(), chosen)
    if not late:
        # While a model is traced, Paddle's C++ code logs remarks for its own developers.
        _set("GLOG_minloglevel", "2", chosen)
        # With MKL's fast path Paddle's own kernels also gain from threads.
        if "OMP_NUM_THREADS" not in os.environ:
            busy = _busy_cores()
        _set("OMP_NUM_THREADS", str(free_cores(busy or 0.0)), chosen)
    _prepared = {
        "cores": available_cores(),
        "busy": busy,
        "OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS"),
        "MKL_DEBUG_CPU_TYPE": os.environ.get("MKL_DEBUG_CPU_TYPE"),
        "set": chosen,
        "malloc": _keep_freed_memory(),
        "late": late,
    }
    return dict(_prepared)


def mkl_path() -> str:
    """MKL_DEBUG_CPU_TYPE for the widest instructions of this processor that MKL has a path for."""
    return "7" if "avx512f" in cpu_flags() else "5"


def _busy_cores() -> float | None:
    """None where only one core is to be had, and for one of several processes of a training: each
    would see the others."""
    if available_cores() == 1 or "PADDLE_TRAINERS_NUM" in os.environ:
        return None
    return busy_cores()


def import_paddle() -> None:
    """Prepare the environment and import Paddle, without two of its warnings: of more than one
    thread, which is intended, and of a missing compiler cache, which is not needed."""
    prepare_environment()
    # Logged for every batch normalisation that is traced.
    warnings.filterwarnings("ignore", message="When training, we now always track global mean")
    said = _HeldBack()
    with kept_handlers(), contextlib.redirect_stderr(said):
        import paddle
    if getattr(paddle, "__file__", None) is None:
        # Two builds were installed in the same folder and one was uninstalled, which deleted files
        # of the other.
        folder = next(iter(paddle.__path__))
        raise UserError(f"nothing is left of Paddle in {folder}. {remedy(PACKAGES['paddle'])}")
    noise = ("OMP_NUM_THREADS", "ccache", "warnings.warn(")
    for line in said.release().splitlines():
        if not any(word in line for word in noise):
            print(line, file=sys.stderr)


class _HeldBack(io.StringIO):
    """Replaces stderr during an import and holds back what is written. Afterwards it passes
    everything on to the real one, as Paddle's log handlers keep this stream."""

    _released = False

    def release(self) -> str:
        """Stop holding back; returns what was written so far."""
        self._released = True
        return self.getvalue()

    def write(self, text: str) -> int:
        return sys.stderr.write(text) if self._released else super().write(text)

    def flush(self) -> None:
        if self._released:
            sys.stderr.flush()


def _set(name: str, value: str, chosen: list[str]) -> None:
    if name not in os.environ:
        os.environ[name] = value
        chosen.append(name)


def plan_threads() -> int:
    """Number of threads of the oneDNN backend: the user's OMP_NUM_THREADS, else one a core."""
    given = _users_omp_threads()
    try:
        return max(1, int((given or "").split(",")[0]))
    except ValueError:
        return available_cores()


def _users_omp_threads() -> str | None:
    """OMP_NUM_THREADS, but not the 1 that Paddle itself sets when imported."""
    value = os.environ.get("OMP_NUM_THREADS")
    if value == "1" and _prepared is None and "OMP_NUM_THREADS" not in _environment_at_start():
        return None
    if value == "1" and _prepared is not None and _prepared["late"]:
        return _environment_at_start().get("OMP_NUM_THREADS")
    return value


@cache
def _environment_at_start() -> dict[str, str]:
    """The environment that this process was started with; empty where it is not known."""
    try:
        lines = Path("/proc/self/environ").read_bytes().split(b"\0")
    except OSError:
        return {}
    pairs = (os.fsdecode(line).partition("=") for line in lines if line)
    return {name: value for name, _, value in pairs}


def _keep_freed_memory() -> bool:
    """Make glibc keep freed memory for the next step, as new pages are slow. True if it does."""
    if any(name.startswith("MALLOC_") for name in os.environ) or "GLIBC_TUNABLES" in os.environ:
        return False  # the user has chosen
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return False
    done = mallopt(_M_MMAP_THRESHOLD, _LARGEST_MMAP_THRESHOLD)
    return bool(done and mallopt(_M_TRIM_THRESHOLD, _TRIM_THRESHOLD))
