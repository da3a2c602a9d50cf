"""What a result depends on besides its options: versions, threads, device, code, data."""

import hashlib
import importlib.metadata
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paddle_aug.core.cpu import available_cores, cpu_name, instructions
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import as_started
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import changes, flatten

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
# Where the user has not set these, core/paddle_import.py or scikit-learn sets them in the run.
_SET_BY_PROGRAMS = ("MKL_DEBUG_CPU_TYPE", "KMP_DUPLICATE_LIB_OK", "KMP_INIT_AT_FORK")
# What of the record can change a result, and when it is compared: as a run is resumed, which is to
# go on bit for bit; between finished runs; ahead, before more of them are made. Data are compared
# between runs part by part (report/guard.py).
_COMPARED = {
    "code": ("resumed", "between", "ahead"),
    "own_code": ("resumed", "between", "ahead"),
    "versions": ("resumed", "between", "ahead"),
    "python": ("between", "ahead"),
    "threads": ("resumed", "between", "ahead"),
    "cpu": ("resumed", "between", "ahead"),
    "instructions": ("resumed", "between", "ahead"),
    "cores": ("between", "ahead"),
    "platform": ("resumed", "between", "ahead"),
    "device": ("resumed", "between"),
    "gpu": ("resumed", "between"),
    "backend": ("resumed", "between"),
    "processes": ("resumed", "between"),
    "data": ("resumed",),
}
SINCE_LATER = ("instructions", "gpu", "own_code")  # earlier versions did not record these


def compared(when: str) -> list[str]:
    """Entries of the record that are compared then: "resumed", "between" or "ahead"."""
    return [entry for entry, uses in _COMPARED.items() if when in uses]


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


def library_variables(variables: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Those of the environment's variables that choose threads and kernels (of BLAS, MKL, oneDNN,
    OpenMP, OpenCV, NumPy, Paddle), by name; those that are not set are left out."""
    return {
        name: value
        for name, value in sorted(variables.items())
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
    unnamed = "data" in config and config["data"] is None
    if unnamed and recorded_data(environment, "name") == "digits":
        config["data"] = "digits"


def recorded_data(environment: Mapping[str, Any], *keys: str) -> Any:
    """What a record says of the data: the entry below these keys, such as "train", "digest"; None
    where it has none, as the file may be of any origin."""
    value: Any = environment.get("data")
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def differences(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lines naming what differs between two records and can change a resumed run's bytes."""
    keys = [key for key in compared("resumed") if key in before or key not in SINCE_LATER]
    old, new = ({key: record.get(key) for key in keys} for record in (before, now))
    for record in (old, new):
        record["device"] = device_kind(record["device"])
    return list(changes(old, new).values())


def differences_ahead(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    """Lines naming what differs between the record of a finished run and of one that is to be made,
    as far as that is known before."""
    old, new = (flatten({key: record.get(key) for key in compared("ahead")})
                for record in (before, now))  # fmt: skip
    # Only the run itself knows these, and only runs of the same code of one's own compare it.
    unknown = {f"threads.{name}" for name in _SET_BY_PROGRAMS} - new.keys()
    unknown |= {key for key in old.keys() ^ new.keys() if key.startswith("own_code")}
    old, new = ({k: v for k, v in flat.items() if k not in unknown} for flat in (old, new))
    return list(changes(old, new).values())


def changes_images(line: str) -> bool:
    """Whether a line of `differences` tells of other images than before."""
    return re.match(r"data\.(train|eval)\.(digest|images)\b", line) is not None


def history_of(environment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The entries of a record's history: the first start, then what was resumed with changes. Those
    of another form, as the file may be of any origin, are left out."""
    history = environment.get("history")
    forms = {"epoch": int, "changes": list}
    return [
        entry
        for entry in (history if isinstance(history, list) else [])
        if isinstance(entry, dict) and all(isinstance(entry.get(k), forms[k]) for k in forms)
    ]


def recorded_changes(environment: Mapping[str, Any]) -> list[tuple[int, str]]:
    """What a run was resumed with that was not so before: the epoch from which, and a line that
    begins with the name of an option or an entry of the record."""
    return [
        (entry["epoch"], str(line))
        for entry in history_of(environment)
        for line in entry["changes"]
    ]


def epoch_of_other_images(environment: dict[str, Any]) -> int | None:
    """The last epoch at which a resumed run went on with other images; None where it never did."""
    epochs = [epoch for epoch, line in recorded_changes(environment) if changes_images(line)]
    return epochs[-1] if epochs else None


def device_kind(device: Any) -> Any:
    """Paddle's name of a device without its number: "gpu" for gpu:1."""
    return device.partition(":")[0] if isinstance(device, str) else device
