"""Saved states of a run: one safetensors file each, with everything but arrays in it as JSON.

No pickle is read or written. A checksum over everything reveals damage. The last two states are
kept, so that a run can go on from the older one if the newer one is damaged.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from paddle_aug.core.atomic import atomic_write
from paddle_aug.core.errors import UserError, unknown_value
from paddle_aug.core.folders.own_files import remove_leftovers
from paddle_aug.core.safe_files import open_regular, parse_json
from paddle_aug.language import tell
from paddle_aug.runs.environment import name_data
from paddle_aug.runs.layout import BEST, CHECKPOINTS, TRAINED, state_name, states_in
from paddle_aug.runs.ownership import is_checkpoint

FORMAT = "paddle_aug state 1"
KEEP = 2  # states of a run that goes on, at least
_FIELDS = {"config": dict, "environment": dict, "progress": dict, "schedule": dict, "classes": list}

Arrays = dict[str, np.ndarray]


def save_state(path: str | Path, arrays: Arrays, state: dict[str, Any]) -> None:
    """Write arrays and a JSON-able state to one file, replacing it only when complete.

    Raises OSError where it cannot be written, TypeError for a state that JSON has no form for.
    """
    arrays = {name: np.require(array, requirements="C") for name, array in arrays.items()}
    text = json.dumps(state)
    metadata = {"format": FORMAT, "state": text, "sha256": arrays_digest(arrays, text)}
    with atomic_write(path) as temporary:
        try:
            save_file(arrays, temporary, metadata)
        except SafetensorError as error:
            # safetensors raises its own error for a full disk or a missing folder.
            raise OSError(str(error)) from None


def load_state(path: str | Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what save_state wrote. Raises UserError for any other or damaged file."""
    open_regular(path).close()  # raises for a pipe, which would be waited for
    try:
        with safe_open(path, "numpy") as file:
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    # AttributeError: safetensors looks for types of 8 bits in NumPy, which has none.
    except (SafetensorError, OSError, ValueError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: not a readable checkpoint: {error}") from None
    if metadata.get("format") != FORMAT:
        raise UserError(f"{path}: a safetensors file, but not a checkpoint of this project")
    text = metadata.get("state", "")
    if metadata.get("sha256") != arrays_digest(arrays, text):
        raise UserError(f"{path}: damaged: its checksum does not agree with its contents")
    return arrays, _parsed(text, path)


def need(state: dict[str, Any], path: str | Path, *names: str) -> None:
    """Raise UserError where a state that was read lacks one of the names."""
    if missing := [name for name in names if name not in state]:
        raise UserError(f"{path}: a checkpoint without {', '.join(missing)}; another program's?")


def _parsed(text: str, path: str | Path) -> dict[str, Any]:
    """The state, with the types of its entries checked, as the file may come from elsewhere."""
    try:
        state = parse_json(text)
    except ValueError as error:
        raise UserError(f"{path}: damaged: its state is no JSON ({error})") from None
    if not isinstance(state, dict):
        raise UserError(f"{path}: damaged: its state is not an object")
    for name, kind in _FIELDS.items():
        if not isinstance(state.get(name, kind()), kind):
            raise UserError(f"{path}: damaged: {name} in its state is no {kind.__name__}")
    if not all(isinstance(name, str) for name in state.get("classes", [])):
        raise UserError(f"{path}: damaged: its classes are not names")
    name_data(state.get("config", {}), state.get("environment", {}))
    return state


def with_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """The same arrays under the names `prefix/name`."""
    return {f"{prefix}/{name}": array for name, array in arrays.items()}


def under_prefix(prefix: str, arrays: Arrays) -> Arrays:
    """The arrays whose names start with `prefix/`, without it."""
    start = f"{prefix}/"
    return {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}


def trained_weights(arrays: Arrays) -> Arrays:
    """The weights that a run is evaluated with: the averaged ones if it has any (--ema)."""
    start = "ema/average."
    averages = {n.removeprefix(start): a for n, a in arrays.items() if n.startswith(start)}
    return averages or under_prefix("model", arrays)


class CheckpointFolder:
    """The states of one run: `state-EPOCH-STEP.safetensors`, the newest ones, and the best.

    writes: False for a process that only reads and must not touch the files of another one.
    count: of states that stay.
    """

    def __init__(self, folder: str | Path, writes: bool = True, count: int = KEEP):
        self.writes, self.count = writes, count
        self.folder = Path(folder)
        self.best = self.folder / BEST

    def save(self, epoch: int, step: int, arrays: Arrays, state: dict[str, Any]) -> Path:
        """Write the state before step `step` of epoch `epoch`, then drop the oldest ones."""
        path = self.folder / state_name(epoch, step)
        save_state(path, arrays, state)
        self.keep(epoch, step, self.count)
        return path

    def keep(self, epoch: int, step: int, count: int) -> None:
        """Delete states but the newest `count` up to that of `epoch` and `step`, where this run is.

        Newer ones are damaged, or this run would have gone on from them.
        """
        states = states_in(self.folder)
        path = self.folder / state_name(epoch, step)
        last = states.index(path) if path in states else 0
        for old in states[:last] + states[last + count :]:
            old.unlink(missing_ok=True)

    def save_best(self, arrays: Arrays, state: dict[str, Any]) -> None:
        """Write the state of the best epoch so far in the place of the one before, which stays
        where that fails. Arguments and errors: those of `save_state`."""
        save_state(self.best, arrays, state)

    def load_newest(self) -> tuple[Arrays, dict[str, Any], list[str]]:
        """(arrays, state, warnings) of the newest undamaged state.

        Raises UserError where there is none, and where the system does not hand one out: that may
        be as good as ever the next time. The warnings name damaged ones.
        """
        if self.writes:
            remove_leftovers(self.folder, is_checkpoint)
        warnings = []
        for path in states_in(self.folder):
            try:
                return *load_state(path), warnings
            except UserError as error:
                cause = error.__context__  # why `load_state` has raised it
                if isinstance(cause, OSError) and not isinstance(cause, FileNotFoundError):
                    raise UserError(f"{error}; it stays: try again once it can be read") from None
                warnings.append(str(error))
        none = "none was kept (--keep-states 0)" if self.best.exists() else "no state was saved yet"
        detail = "; ".join(warnings) or none
        raise UserError(f"{self.folder}: nothing to resume from: {detail}")


def refuse_runs_inside(folder: Path) -> None:
    """Raise UserError where the folder is no run but has some, as an --output folder does."""
    runs = sorted(str(place.parent) for place in folder.glob(f"*/{CHECKPOINTS}"))
    if runs and not (folder / CHECKPOINTS).exists():
        raise UserError(f"{folder}: not a run, but has some: {', '.join(runs)}")


def read_trained(run: str | Path, which: str = "best") -> tuple[Arrays, dict[str, Any], Path]:
    """(arrays, state, folder) of a run's "best" or "last" model, or of one checkpoint file.

    folder: that of the run, or of the file where it does not lie in a run's `checkpoints`. "last"
    is the newest state that is not damaged; a warning on stderr names newer ones. Raises UserError
    where it cannot be read, or lacks the options and classes to build the model.
    """
    path = Path(run)
    if which not in TRAINED:
        raise UserError(f"the checkpoint {unknown_value(which, TRAINED)}")
    if not path.is_dir():
        if which != "best":
            raise UserError(f"checkpoint: {which!r} is one of a run's folder, {path} is a file")
        arrays, state = load_state(path)
        folder = path.parent.parent if path.parent.name == CHECKPOINTS else path.parent
    else:
        refuse_runs_inside(path)
        checkpoints = CheckpointFolder(path / CHECKPOINTS, writes=False)
        folder = path
        if which == "best":
            arrays, state = _load_best(checkpoints)
        else:
            arrays, state, warnings = checkpoints.load_newest()
            for warning in warnings:
                tell(f"warning: {warning}; an older state is used", error=True)
    need(state, run, "config", "classes")
    return arrays, state, folder


def _load_best(checkpoints: CheckpointFolder) -> tuple[Arrays, dict[str, Any]]:
    try:
        return load_state(checkpoints.best)
    except UserError as error:
        if not states_in(checkpoints.folder):
            raise
        raise UserError(f"{error}\n--checkpoint last takes the newest state") from None


def arrays_digest(arrays: Arrays, text: str = "") -> str:
    """SHA-256, in hexadecimal digits, over a text and the names, dtypes, shapes and values of
    arrays, whatever their order."""
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
