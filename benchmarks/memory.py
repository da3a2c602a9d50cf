"""Memory of the current process; apart from common.py, as a worker without Paddle needs it."""

from pathlib import Path


def peak_megabytes() -> float | None:
    """This process's largest resident memory so far; None where it is not known.

    Not getrusage's ru_maxrss, which starts with the parent's size at the fork.
    """
    return _megabytes("VmHWM")


def resident_megabytes() -> float | None:
    """This process's resident memory now; None where it is not known."""
    return _megabytes("VmRSS")


def _megabytes(name: str) -> float | None:
    try:
        text = Path("/proc/self/status").read_text()
    except OSError:
        return None
    found = [line for line in text.splitlines() if line.startswith(f"{name}:")]
    return int(found[0].split()[1]) / 1024 if found else None
