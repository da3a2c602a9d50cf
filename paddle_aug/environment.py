"""What a result depends on besides its options: versions, threads, device, code, data."""

import hashlib
import importlib.metadata
import os
import platform
import sys
from pathlib import Path
from typing import Any

import numpy as np

# Libraries whose version can change a result.
LIBRARIES = ("paddlepaddle", "paddlepaddle-gpu", "numpy", "opencv-python-headless", "opencv-python")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE", "GLIBC_TUNABLES")


def describe_environment(device: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The record that is saved with a run. device: Paddle's name of it; data: of each split."""
    versions = {}
    for name in LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {
        "python": platform.python_version(),
        "versions": versions,
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": {name: os.environ.get(name) for name in THREAD_VARIABLES},
        "device": device,
        "code": code_digest(),
        "data": data,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
        **more,
    }


def code_digest() -> str:
    """SHA-256 over the project's own Python files: another value, another code."""
    root = Path(__file__).resolve().parent
    digest = hashlib.sha256()
    for folder in (root, root.parent / "models"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(root.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def data_digest(dataset: Any) -> str:
    """SHA-256 over an ImageDataset's classes, labels and sources (not its pixels)."""
    digest = hashlib.sha256("\n".join(dataset.classes).encode())
    digest.update(np.asarray(dataset.labels, np.int64).tobytes())
    for index in range(len(dataset)):
        digest.update(dataset.source(index).encode(errors="surrogateescape"))
    return digest.hexdigest()[:16]


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lines naming what differs between two records and can change a resumed run's bytes."""
    lines = []
    for key in ("versions", "threads", "device", "code", "data", "backend", "processes"):
        if before.get(key) != now.get(key):
            lines.append(f"{key}: was {before.get(key)}, is {now.get(key)}")
    return lines


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor()
