"""What in a run's place is the run's own: that alone is replaced by --overwrite, the rest stays."""

import contextlib
import os
import re
from collections.abc import Callable
from pathlib import Path

import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.own_files import holds_json, is_leftover, listed
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
    RunPaths,
    is_state_name,
)

IsOwn = Callable[[str], bool]


def is_run(paths: RunPaths) -> bool:
    """Whether the folder carries a run's mark: a config.yaml with a run's options."""
    try:
        config = yaml.safe_load(paths.config.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError, RecursionError):
        return False
    return isinstance(config, dict) and {"augment", "model", "epochs", "seed"} <= config.keys()


def is_kept(folder: Path) -> bool:
    """Whether a suite keeps the small files of a run in the folder: by its metrics.csv, the first
    of them, which those of every version have."""
    try:
        with (folder / METRICS).open("rb") as file:
            return file.readline().startswith(b"epoch,lr,mixing,lossTrain,")
    except OSError:
        return False


def is_evaluation(folder: Path) -> bool:
    """Whether evaluate.py has filled the folder."""
    return holds_json(folder / EVALUATION_FILES[0], "classes", "confusion", "top1")


def is_export(folder: Path) -> bool:
    """Whether `export` has filled the folder, in this version or an earlier one."""
    return holds_json(folder / EXPORT_FILES[0], "input", "classes", "model")


def refuse_unusable(paths: RunPaths, overwrite: bool) -> None:
    """Raise UserError where no new run can be put: what is there is a run that is not to be
    replaced, or something that no run has left."""
    if is_run(paths):
        if overwrite:
            return
        raise UserError(
            f"{paths.folder} is there already, from an earlier run: continue it with "
            f"--resume {paths.folder}, replace it with --overwrite, or choose another --output"
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


def remove_run(paths: RunPaths) -> list[str]:
    """Delete an earlier run's own files; names some of what else is in its folder, which stays.

    Its config.yaml, the mark, stays until the new run replaces it: what is interrupted in between
    is still a run's folder.
    """
    folders = _own_folders(paths)
    try:
        own = [path for folder, is_own in folders for path in _files(folder, is_own)]
        for path in [*own, *paths.curves]:
            if path != paths.config:
                path.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(
            f"{paths.folder}: the earlier run cannot be deleted ({reason}: {error.filename})"
        ) from None
    for folder, _ in folders:
        with contextlib.suppress(OSError):  # it is not empty, and stays
            folder.rmdir()
    return [name for name in _strangers(paths) if name != CONFIG]


def is_run_file(name: str) -> bool:
    """Whether a run writes a file of this name into its own folder."""
    return name in (METRICS, CHANGES, ENVIRONMENT, CONFIG, LOG)


def is_checkpoint(name: str) -> bool:
    """Whether a run writes a file of this name into its folder of checkpoints."""
    return name == BEST or is_state_name(name)


def _own_folders(paths: RunPaths) -> list[tuple[Path, IsOwn]]:
    """The folders in which a run, its evaluations and its export leave files, the run's last."""
    found: list[tuple[Path, IsOwn]] = []
    for folder in sorted(paths.folder.iterdir()) if paths.folder.is_dir() else []:
        if folder.name == CHECKPOINTS and folder.is_dir():
            found.append((folder, is_checkpoint))
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
    """Whether it is left of the lock of a run's evaluation or export (core/folders/lock.py)."""
    return re.fullmatch(rf"\.({EVALUATION}|{EXPORT}).*\.(lock|owner\.json)", name) is not None


def _strangers(paths: RunPaths, most: int = 20) -> list[str]:
    """Some of what lies in the folder and is no remainder of a killed run, by its path in it."""
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
