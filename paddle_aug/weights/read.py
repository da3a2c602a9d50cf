"""Reads model weights from .pdparams, .safetensors and .npz files and from our checkpoints."""

from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, deserialize, safe_open

from paddle_aug.core.errors import UserError, did_you_mean
from paddle_aug.core.plain_pickle import bfloat16_to_float32
from paddle_aug.core.safe_files import open_npz, open_regular, read_bytes
from paddle_aug.runs.checkpoint import FORMAT, load_state, trained_weights
from paddle_aug.runs.layout import RunPaths
from paddle_aug.weights.pdparams import MAX_FILE_BYTES, read_pdparams

PRETRAINED = "pretrained"  # in place of a path
SUFFIXES = (".pdparams", ".safetensors", ".npz")


def load_weights(path: str | Path) -> dict[str, np.ndarray]:
    """Parameters and buffers of a model, by the names its state_dict() has.

    path: a .pdparams or .npz file (read without running anything in it), a .safetensors file, a
    checkpoint of this project, a run's folder (its best model), or a path without its suffix, as
    PaddleClas writes it. bfloat16 becomes float32; other types stay. Raises UserError with path and
    reason.
    """
    return load_weights_and_state(path)[0]


def load_weights_and_state(
    path: str | Path,
) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """(weights as `load_weights` gives them, the rest of our checkpoint: options, classes, ...).

    The rest is empty for every other kind of file.
    """
    path, state = find_weights(path), {}
    if path.suffix == ".pdparams":
        weights = read_pdparams(path)
    elif path.suffix == ".npz":
        weights = _read_npz(path)
    else:
        weights, state = _read_safetensors(path)
    if not weights:
        raise UserError(f"{path}: holds no weights")
    for name, array in weights.items():
        if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiub":
            what = getattr(array, "dtype", type(array).__name__)
            raise UserError(f"{path}: {name} is {what}, no array of real numbers: leave it out")
    return weights, state


def find_weights(path: str | Path) -> Path:
    """The file that `load_weights` would read. Raises UserError where there is none that it reads.

    Reads nothing, so that a run can check this before any work.
    """
    path = _file_of(Path(path))
    open_regular(path).close()  # raises for a pipe or a folder, instead of waiting
    return path


def _file_of(path: Path) -> Path:
    if path.is_dir():
        best = RunPaths.of(path).best
        if not best.is_file():
            inner = best.relative_to(path)
            raise UserError(f"{path}: a folder, but not a run with a {inner}")
        return best
    if path.suffix in SUFFIXES:
        return path
    # PaddleClas and PaddleSeg name weights without the suffix.
    beside = path.with_name(f"{path.name}.pdparams")
    if not path.exists() and beside.is_file():
        return beside
    raise UserError(
        f"{path}: " + ("" if path.exists() else "no such file; ")
        + f"weights are a {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]} file, a run's folder, or: "
        + PRETRAINED + did_you_mean(path.name, [PRETRAINED])
    )  # fmt: skip


def _read_npz(path: Path) -> dict[str, np.ndarray]:
    with open_npz(path) as file, np.load(file, allow_pickle=False) as archive:
        return {name: archive[name] for name in archive.files}


def _read_safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    try:
        with safe_open(path, "numpy") as file:
            ours = (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError, ValueError, TypeError) as error:
        raise _unreadable(path, error) from None
    if not ours:
        return _read_foreign(path), {}
    arrays, state = load_state(path)
    return trained_weights(arrays), state


def _read_foreign(path: Path) -> dict[str, np.ndarray]:
    try:
        with safe_open(path, "numpy") as file:
            names = list(file.keys())
            halves = {name for name in names if file.get_slice(name).get_dtype() == "BF16"}
            weights = {name: file.get_tensor(name) for name in names if name not in halves}
        if halves:  # NumPy lacks bfloat16, so these are converted from their bytes
            for name, part in deserialize(read_bytes(path, MAX_FILE_BYTES)):
                if name in halves:
                    bits = np.frombuffer(part["data"], "<u2").reshape(part["shape"])
                    weights[name] = bfloat16_to_float32(bits)
    # AttributeError: safetensors looks for types of 8 bits in NumPy, which has none.
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise _unreadable(path, error) from None
    return {name: weights[name] for name in names}


def _unreadable(path: Path, error: Exception) -> UserError:
    return UserError(f"{path}: not a readable .safetensors file ({error})")
