"""Data sets from list files and tables: the pair of lists, the image root, the split."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import FileDataset, warn_of_shared_files
from paddle_aug.data.list_files import (
    Row,
    find_root,
    number_labels,
    read_classes_file,
    read_csv,
    read_list,
    resolve_paths,
)
from paddle_aug.data.listing import files_by_name
from paddle_aug.data.options import DataOptions
from paddle_aug.data.splits import order_split, stratified_split

_EVAL_LISTS = ("eval", "val", "valid", "validation", "test")


def load_rows(path: Path, options: DataOptions) -> tuple[FileDataset, FileDataset]:
    """Data sets of a list or table: with its pair or eval_data, or split. Raises UserError."""
    train_rows = _read_rows(path, options)
    eval_path = Path(options.eval_data).expanduser() if options.eval_data else _find_pair(path)
    eval_rows = _read_rows(eval_path, options) if eval_path else []
    if options.images_root:
        root = Path(options.images_root).expanduser()
        if not root.is_dir():
            raise UserError(f"--images-root {root}: no such folder")
    else:
        near = path.parent
        places = (near / "Images", near / "images", near, near / path.stem, near / "train")
        root = find_root(train_rows, places)
    named = read_classes_file((path.parent, root))
    names = named[0] if named else None
    if not eval_rows:
        train_rows, eval_rows = _split_rows(train_rows, options)
    classes, train_labels, eval_labels = number_labels(train_rows, eval_rows, names)
    paths = functools.partial(resolve_paths, keep_missing=options.keep_missing)
    train = FileDataset(paths(train_rows, root), train_labels, classes, path.parent.name,
                        description=str(path))  # fmt: skip
    eval_root = _eval_root(eval_path, eval_rows, root, options)
    evaluation = FileDataset(paths(eval_rows, eval_root), eval_labels, classes, train.name,
                             description=str(eval_path or path))  # fmt: skip
    _refuse_contradictions(train, train_rows, evaluation, eval_rows)
    warn_of_shared_files(train, evaluation)
    return train, evaluation


def _eval_root(
    eval_path: Path | None, rows: Sequence[Row], root: Path, options: DataOptions
) -> Path:
    if eval_path is None or options.images_root:
        return root
    near = eval_path.parent
    return find_root(rows, (root, near / "Images", near, near / eval_path.stem))


def _read_rows(path: Path, options: DataOptions) -> list[Row]:
    if path.suffix.lower() in (".csv", ".tsv"):
        return read_csv(path, options.image_column, options.label_column)
    if path.is_dir():
        raise UserError(f"--eval-data {path}: a list or table is needed, as --data is one")
    return read_list(path)


def _find_pair(path: Path) -> Path | None:
    """Eval.txt beside Train.txt, val_list.txt beside train_list.txt, and so on."""
    name = path.name.lower()
    if not name.startswith("train"):
        return None
    files = files_by_name(path.parent)
    # Kaggle's test.csv has no labels.
    stems = _EVAL_LISTS[:-1] if path.suffix.lower() in (".csv", ".tsv") else _EVAL_LISTS
    return next((files[stem + name[5:]] for stem in stems if stem + name[5:] in files), None)


def _split_rows(rows: list[Row], options: DataOptions) -> tuple[list[Row], list[Row]]:
    known = {label: i for i, label in enumerate(sorted({row.label for row in rows}))}
    labels = np.array([known[row.label] for row in rows])
    try:
        if options.split == "order":
            parts = order_split(len(rows), options.eval_share)
        else:
            parts = stratified_split(labels, options.eval_share, options.seed)
    except UserError as error:
        raise UserError(f"{rows[0].file}: {error}") from None
    return [rows[i] for i in parts[0]], [rows[i] for i in parts[1]]


def _refuse_contradictions(
    train: FileDataset, train_rows: Sequence[Row], evaluation: FileDataset, eval_rows: Sequence[Row]
) -> None:
    """Raise UserError where a file has one label in training and another one in evaluation."""
    number = {path: i for i, path in enumerate(train.paths)}
    for i, path in enumerate(evaluation.paths):
        other = number.get(path)
        if other is not None and train.labels[other] != evaluation.labels[i]:
            row, first = eval_rows[i], train_rows[other]
            raise UserError(
                f"{row.place}: {row.image!r:.120} has label {row.label!r:.120}, but "
                f"{first.label!r:.120} in {first.place}"
            )
