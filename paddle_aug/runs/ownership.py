"""Tells a run's own files from others in its folders: --overwrite replaces only its own."""

import contextlib
import os
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import has_mark, is_leftover
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import listed
from paddle_aug.runs.layout import (
    BEST,
    CHANGES,
    CHECKPOINTS,
    CONFIG,
    ENVIRONMENT,
    EVALUATION,
    EVALUATION_FILES,
    EXPORT,
    EXPORT_FILES,
    LOG,
    METRICS,
    VISUALDL,
    VISUALDL_LOG,
    RunPaths,
    is_state_name,
)

IsOwn = Callable[[str], bool]


# Options that every version has written into config.yaml, all of them; other programs have some.
_OPTIONS = frozenset({
    "augment", "model", "epochs", "seed", "data", "image_size", "partner", "mix_prob",
    "mix_off_last", "pairing_on", "pairing_off", "cpu_backend", "checkpoint_minutes",
})  # fmt: skip


def is_run(paths: RunPaths) -> bool:
    """Whether the folder has a run's mark: a config.yaml with a run's options."""
    try:
        return read_yaml(paths.config).keys() >= _OPTIONS
    except (UserError, OSError):
        return False


def is_kept(folder: Path) -> bool:
    """Whether a suite keeps the small files of a run in the folder, by its metrics.csv, which is
    written first and in every version."""
    try:
        with (folder / METRICS).open("rb") as file:
            return file.readline().startswith(b"epoch,lr,mixing,lossTrain,")
    except OSError:
        return False


def is_evaluation(folder: Path) -> bool:
    """Whether the folder was written by evaluate.py."""
    return has_mark(folder, "evaluation")


def is_export(folder: Path) -> bool:
    """Whether the folder was written by `export`, in this version or an earlier one."""
    return has_mark(folder, "export")


def refuse_unusable(paths: RunPaths, overwrite: bool) -> None:
    """Raise UserError where a new run cannot be placed: there is a run that must not be replaced,
    or there are files of no run."""
    if is_run(paths):
        if overwrite:
            return
        raise UserError(
            f"{paths.folder} is there already, from an earlier run: continue it with "
            f"--resume {shlex.quote(str(paths.folder))}, replace it with --overwrite, or choose "
            "another --output"
        )
    if paths.folder.exists() and not paths.folder.is_dir():
        raise UserError(f"{paths.folder}: is a file; a run needs a folder of this name: choose "
                        "another --output")  # fmt: skip
    if others := _strangers(paths):
        raise UserError(
            f"{paths.folder}: is there and is no run of this program (it has {listed(others)}); "
            "nothing of it is replaced: choose another --output"
        )
    if curves := [path.name for path in paths.curves if path.exists()]:
        raise UserError(
            f"{paths.output}: has {listed(curves)}, but not the run they would be of "
            f"({paths.folder}); move them away, or choose another --output"
        )


class RunStart:
    """The first start of the run in a folder, by which what was read of it is known as its own.

    folder: the run's; of a checkpoint elsewhere, which no run replaces, any other.
    """

    def __init__(self, folder: Path):
        self._folder, self._first = folder, _first_start(folder)

    def refuse_replaced(self) -> None:
        """Raise UserError where another run has come into the folder since."""
        if _first_start(self._folder) != self._first:
            raise UserError(
                f"{self._folder}: another run has taken this place since its weights were read: "
                "nothing is written; repeat the command for the new one"
            )


def _first_start(folder: Path) -> Any:
    """Command and time of a run's first start; None where they are not known."""
    try:
        return read_json(RunPaths.of(folder).environment)["history"][0]
    except (UserError, LookupError, TypeError):
        return None


def remove_run(paths: RunPaths) -> list[str]:
    """Delete an earlier run's own files; returns names of some other files, which stay.

    Waits for an evaluation or export that is being written. Its config.yaml, the mark, stays until
    the new run replaces it, so that after an interruption the folder is still known as a run's.
    """
    folders = _own_folders(paths)
    try:
        # Of its files this one goes first: an evaluation that ends now sees that the run is gone.
        for path in (paths.environment, *paths.curves):
            path.unlink(missing_ok=True)
        for folder, is_own in folders:
            with _settled(folder):
                for path in _files(folder, is_own):
                    if path != paths.config:
                        path.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"{paths.folder}: the earlier run cannot be deleted ({reason}: {error.filename})"
        ) from None
    for folder, _ in folders:
        with contextlib.suppress(OSError):  # it is not empty and stays
            folder.rmdir()
    return [name for name in _strangers(paths) if name != CONFIG]


def is_run_file(name: str) -> bool:
    """Whether a run writes a file of this name into its own folder."""
    return name in (METRICS, CHANGES, ENVIRONMENT, CONFIG, LOG)


def is_checkpoint(name: str) -> bool:
    """Whether a run writes a file of this name into its folder of checkpoints."""
    return name == BEST or is_state_name(name)


def _settled(folder: Path) -> contextlib.AbstractContextManager[None]:
    """Context in which nobody else writes the evaluation or export in the folder."""
    if folder.name.startswith((EVALUATION, EXPORT)):
        return locked(folder, wait=True)
    return contextlib.nullcontext()


def _own_folders(paths: RunPaths) -> list[tuple[Path, IsOwn]]:
    """The folders in which a run, its evaluations and its export leave files, the run's last."""
    found: list[tuple[Path, IsOwn]] = []
    for folder in sorted(paths.folder.iterdir()) if paths.folder.is_dir() else []:
        if folder.name == CHECKPOINTS and folder.is_dir():
            found.append((folder, is_checkpoint))
        elif folder.name == VISUALDL and folder.is_dir():
            found.append((folder, VISUALDL_LOG.__eq__))
        elif folder.name.startswith(EVALUATION) and is_evaluation(folder):
            found.append((folder, EVALUATION_FILES.__contains__))
        elif folder.name.startswith(EXPORT) and is_export(folder):
            found.append((folder, EXPORT_FILES.__contains__))
    return [*found, (paths.folder, is_run_file)]


def _files(folder: Path, is_own: IsOwn) -> list[Path]:
    if not folder.is_dir():
        return []
    return [
        path for path in folder.iterdir()
        if is_own(path.name) or is_leftover(path.name, is_own) or _is_lock(path.name)
    ]  # fmt: skip


def _is_lock(name: str) -> bool:
    """Whether it belongs to the lock of a run's evaluation or export (core/folders/lock.py)."""
    return re.fullmatch(rf"\.({EVALUATION}|{EXPORT}).*\.(lock|owner\.json)", name) is not None


def _strangers(paths: RunPaths, most: int = 20) -> list[str]:
    """Paths of some files in the folder that are not leftovers of a killed run."""
    found: list[str] = []
    for place, folders, files in os.walk(paths.folder):
        folders.sort()
        linked = [name for name in folders if os.path.islink(os.path.join(place, name))]
        for name in sorted(files + linked):
            if len(found) == most:
                return found
            if not (is_leftover(name, lambda n: is_run_file(n) or is_checkpoint(n))
                    or _is_lock(name)):  # fmt: skip
                found.append(os.path.relpath(os.path.join(place, name), paths.folder))
    return found
