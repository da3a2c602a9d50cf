"""What a result depends on besides its options: versions, threads, device, code, data."""

import hashlib
import importlib.metadata
import os
import platform
import re
from pathlib import Path
from typing import Any

from paddle_aug.core.cpu import available_cores, cpu_name, instructions
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import as_started
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import changes

PACKAGE = Path(__file__).resolve().parents[1]  # the folder paddle_aug
# Libraries whose version can change a result.
LIBRARIES = (
    "paddlepaddle", "paddlepaddle-gpu", "numpy", "opencv-python-headless", "opencv-python",
    "pillow", "scikit-learn", "imbalanced-learn", "imaug",
)  # fmt: skip
# Environment variables that choose the number of threads, or a library's kernels, begin so.
_LIBRARY_VARIABLES = (
    "OMP_", "KMP_", "GOMP_", "MKL_", "OPENBLAS_", "GOTO_", "BLIS_", "VECLIB_", "DNNL_", "ONEDNN_",
    "NPY_", "OPENCV_", "CUBLAS_", "CUDNN_", "NVIDIA_TF32", "FLAGS_", "GLIBC_TUNABLES",
)  # fmt: skip
# These only choose folders and the amount of logging.
_SILENT_VARIABLES = ("LOG", "VERBOSE", "FLAGS_selected_", "OMP_DISPLAY")
# These must be the same in a resumed run for its results to be the same bit for bit.
_COMPARED = (
    "versions", "threads", "cpu", "instructions", "platform", "device", "gpu", "code", "own_code",
    "data", "backend", "processes",
)  # fmt: skip
_SINCE_LATER = ("instructions", "gpu", "own_code")  # earlier versions did not record these


def describe_environment(device: str, data: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The record that is saved with a run. device: Paddle's name of it. data: a description of each
    part."""
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
        "cpu": cpu_name(),
        "instructions": instructions(),
        "cores": os.cpu_count(),
        "threads": library_variables(),
        "device": device,
        "code": code_digest(),
        "data": data,
        "command": as_started(),
        **more,
    }


def library_variables() -> dict[str, str]:
    """The environment's variables that choose threads and kernels (of BLAS, MKL, oneDNN, OpenMP,
    OpenCV, NumPy, Paddle), by name; those that are not set are left out."""
    return {
        name: value
        for name, value in sorted(os.environ.items())
        if name.startswith(_LIBRARY_VARIABLES) and not any(w in name for w in _SILENT_VARIABLES)
    }


def keep_threads(environment: Path) -> None:
    """Take the number of threads that environment.json says, where the user has set none: with it a
    resumed run goes on to the same bytes, whatever else the machine does now. To be called before
    Paddle is imported."""
    number = recorded_threads(environment)
    if number is not None:
        os.environ.setdefault("OMP_NUM_THREADS", str(number))


def recorded_threads(environment: Path) -> int | None:
    """OMP_NUM_THREADS of environment.json; None where it is not a number for this machine."""
    try:
        number = int(str(read_json(environment)["threads"]["OMP_NUM_THREADS"]))
    except (UserError, LookupError, TypeError, ValueError):
        return None
    return number if 1 <= number <= available_cores() else None


def code_digest() -> str:
    """SHA-256 over the project's own Python files; changes with any of them."""
    digest = hashlib.sha256()
    for folder in (PACKAGE, PACKAGE.parent / "models"):
        for path in sorted(folder.rglob("*.py")):
            digest.update(path.relative_to(PACKAGE.parent).as_posix().encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def name_data(config: dict[str, Any], environment: dict[str, Any]) -> None:
    """Say in the options which data a run was on that was started without --data, by an earlier
    version: it saved `data: null`, which means another data set once AI Studio's is there."""
    data = environment.get("data")
    unnamed = "data" in config and config["data"] is None
    if unnamed and isinstance(data, dict) and data.get("name") == "digits":
        config["data"] = "digits"


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lines naming what differs between two records and can change a resumed run's bytes."""
    keys = [key for key in _COMPARED if key in before or key not in _SINCE_LATER]
    old, new = ({key: record.get(key) for key in keys} for record in (before, now))
    for record in (old, new):
        record["device"] = device_kind(record["device"])
    return list(changes(old, new).values())


def changes_images(line: str) -> bool:
    """Whether a line of `differences` tells of other images than before."""
    return re.match(r"data\.(train|eval)\.(digest|images)\b", line) is not None


def epoch_of_other_images(environment: dict[str, Any]) -> int | None:
    """The last epoch at which a resumed run went on with other images; None where it never did."""
    history = environment.get("history")
    entries = history if isinstance(history, list) else []
    epochs = []
    for entry in entries:
        changes = entry.get("changes") if isinstance(entry, dict) else None
        if any(changes_images(str(line)) for line in changes or ()):
            epochs.append(entry.get("epoch"))
    return epochs[-1] if epochs and isinstance(epochs[-1], int) else None


def device_kind(device: Any) -> Any:
    """Paddle's name of a device without its number: "gpu" for gpu:1."""
    return device.partition(":")[0] if isinstance(device, str) else device
