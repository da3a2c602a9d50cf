"""What is known of the processor: cores that may be used, features, name."""

import os
import platform
from functools import cache
from pathlib import Path


@cache
def available_cores() -> int:
    """Cores this process may use: its affinity, cut to a container's quota."""
    affinity = getattr(os, "sched_getaffinity", None)
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, int(quota) // int(period)))
    except (OSError, ValueError):
        pass  # no such limit on this system
    return cores


@cache
def _cpuinfo() -> str:
    try:
        return Path("/proc/cpuinfo").read_text().partition("\n\n")[0]
    except OSError:
        return ""


def is_amd() -> bool:
    """True on a processor of AMD; False where the system does not tell."""
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
