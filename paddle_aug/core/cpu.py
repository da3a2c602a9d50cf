"""Facts about the processor: usable cores, those that are free, features, name."""

import os
import platform
import time
from functools import cache
from pathlib import Path


@cache
def available_cores() -> int:
    """Number of cores this process may use, by its affinity and a container's quota."""
    cores = _cores_by_affinity()
    for quota, period in filter(None, (_quota("cpu.max"), _quota(*_VERSION_1))):
        cores = min(cores, max(1, quota // period))
    return cores


def _cores_by_affinity() -> int:
    affinity = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1


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


def busy_cores(windows: int = 4, seconds: float = 0.1) -> float:
    """How many of the cores that this process may use other programs keep busy at this moment.

    It is measured over some short windows, while this process waits, and the least of them counts:
    work of a moment is none. 0 where the system does not tell (elsewhere than on Linux).
    """
    measured = []
    try:
        before = _ticks()
        for _ in range(windows):
            time.sleep(seconds)
            now = _ticks()
            measured.append((now[0] - before[0]) / max(1, now[1] - before[1]))
            before = now
    except (OSError, ValueError, IndexError, AttributeError):
        return 0.0
    return min(measured) * _cores_by_affinity()


def free_cores(busy: float) -> int:
    """Number of cores for this process beside others that keep `busy` cores busy; at least one."""
    return min(available_cores(), max(1, int(_cores_by_affinity() - busy + 0.5)))


def _ticks() -> tuple[int, int]:
    """Time for which the usable cores have worked since the machine's start, or were taken by
    another virtual machine, and all of their time."""
    names = {f"cpu{number}" for number in os.sched_getaffinity(0)}
    worked = whole = 0
    for line in Path("/proc/stat").read_text().splitlines():
        name, *words = line.split()
        if name in names:
            # user, nice, system, idle, waiting for disks, interrupts (two kinds), taken
            times = [int(word) for word in words[:8]]
            whole += sum(times)
            worked += sum(times) - times[3] - times[4]
    return worked, whole


@cache
def _cpuinfo() -> str:
    """What Linux says of the first core; empty elsewhere."""
    try:
        return Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return ""


def _fact(name: str) -> str:
    lines = (line for line in _cpuinfo().splitlines() if line.startswith(name))
    return next(lines, "").partition(":")[2].strip()


def is_amd() -> bool:
    """True on a processor of AMD; False where that is not known."""
    return "AuthenticAMD" in _cpuinfo()


def cpu_flags() -> frozenset[str]:
    """The processor's features as Linux names them ("avx512f"); empty elsewhere."""
    return frozenset(_fact("flags").split())


# By which libraries choose their kernels, from old to new.
_INSTRUCTIONS = ("avx", "avx2", "avx_vnni", "avx512f", "avx512_bf16", "amx_bf16")


def instructions() -> str:
    """The processor's vector instructions, such as "avx avx2 avx512f". Machines of one name may
    differ in them: a virtual machine can hide some."""
    flags = cpu_flags()
    return " ".join(name for name in _INSTRUCTIONS if name in flags)


def cpu_name() -> str:
    """The processor's name as Linux has it, such as "AMD EPYC 7763 64-Core Processor"; elsewhere
    what Python calls it. Empty where neither knows one."""
    return _fact("model name") or platform.processor()
