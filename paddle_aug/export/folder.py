"""The folder of an export: its files, and which weights they are made from."""

import contextlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from paddle_aug.core.atomic import atomic_write
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.own_files import refuse_foreign
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import epoch_in_words
from paddle_aug.runs.layout import EXPORT_FILES
from paddle_aug.runs.ownership import is_export

# PaddleX, PaddleClas and their servers look for these names.
PROGRAM = "inference"
PREPROCESSING = f"{PROGRAM}.yml"
WEIGHTS = "model.pdparams"
ONNX = f"{PROGRAM}.onnx"
DESCRIPTION, *_ = FILES = EXPORT_FILES


def read_description(folder: Path) -> dict[str, Any]:
    """The content of export.json; empty where it is missing or unreadable."""
    try:
        return read_json(folder / DESCRIPTION)
    except UserError:
        return {}


def refuse_other_export(folder: Path, digest: str, overwrite: bool) -> None:
    """Raise UserError where the folder holds an export of other weights, unless `overwrite`, or
    files of the same names that are not from an export."""
    refuse_foreign(folder, FILES, is_export(folder), "an export")
    present = [name for name in FILES if (folder / name).exists()]
    before = read_description(folder)
    if overwrite or not present or before.get("weights") == digest:
        return
    whose = f"{', '.join(present)} of unknown weights"
    if isinstance(before.get("checkpoint"), dict):
        whose = f"the export of another checkpoint ({checkpoint_in_words(before['checkpoint'])})"
    raise UserError(
        f"{folder}: holds {whose}: replace it with --overwrite, or choose another folder with "
        "--output"
    )


def checkpoint_in_words(checkpoint: Mapping[str, Any]) -> str:
    """Its name and place: "best, epoch 7"; epochs count from 0."""
    place = epoch_in_words(checkpoint.get("epoch"), checkpoint.get("step"))
    return f"{checkpoint.get('name')}, {place}"


def publish(files: Mapping[str, Path], folder: Path, keep_others: bool) -> None:
    """Copy the files into the folder under their names, all of them or none; export.json last.

    keep_others: other files of an export stay; else they are deleted.
    """
    names = sorted(files, key=lambda name: name != DESCRIPTION)
    with contextlib.ExitStack() as stack:  # contexts end in reverse order
        for name in names:
            shutil.copyfile(files[name], stack.enter_context(atomic_write(folder / name)))
        if not keep_others:
            for name in set(FILES) - set(files):
                (folder / name).unlink(missing_ok=True)
