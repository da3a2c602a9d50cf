"""Facts about the processor: usable cores, features, name."""

import os
import platform
from functools import cache
from pathlib import Path


@cache
def available_cores() -> int:
    """Number of cores this process may use, by its affinity and a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    for quota, period in filter(None, (_quota("cpu.max"), _quota(*_VERSION_1))):
        cores = min(cores, max(1, quota // period))
    return cores


# Control groups of version 2 have "quota period" in one file, those of version 1 in two.
_VERSION_1 = ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")


def _quota(*names: str) -> tuple[int, int] | None:
    """(microseconds of all cores together, in each period of so many); None where not limited."""
    try:
        words = " ".join((Path("/sys/fs/cgroup") / name).read_text() for name in names).split()
        quota, period = map(int, words)
    except (OSError, ValueError):  # no such file, "max"
        return None
    return (quota, period) if quota > 0 and period > 0 else None  # version 1: -1 for no limit


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return ""


def is_amd() -> bool:
    """True on a processor of AMD; False where that is not known."""
    return "AuthenticAMD" in _cpuinfo()


def cpu_flags() -> frozenset[str]:
    """The processor's features as Linux names them ("avx512f"); empty elsewhere."""
    for line in _cpuinfo().splitlines():
        if line.startswith("flags"):
            return frozenset(line.partition(":")[2].split())
    return frozenset()


def cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
