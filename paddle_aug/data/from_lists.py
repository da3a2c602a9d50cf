"""Data sets from list files and tables: the pair of lists, the image root, the split."""

import functools
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.class_names import find_label_map, number_labels
from paddle_aug.data.dataset import FileDataset, Reader, TrainAndEval, warn_of_shared_files
from paddle_aug.data.guesses import Guesses, note_ten_classes
from paddle_aug.data.list_files import (
    ListRow,
    find_root,
    is_absolute,
    read_csv,
    read_list,
    resolve_paths,
    table_columns,
)
from paddle_aug.data.listing import find_file, visible_files
from paddle_aug.data.options import DataOptions, warn_without_effect
from paddle_aug.data.splits import order_split, stratified_split

LIST_SUFFIXES = (".txt", ".lst")
TABLE_SUFFIXES = (".csv", ".tsv")
_TRAIN_LISTS = ("train.txt", "train_list.txt", "train.csv", "train.tsv")
_EVAL_LISTS = ("eval", "val", "valid", "validation", "test")


def fits(path: Path) -> bool:
    """Whether the path is a list or a table, or a folder with one that lists training images."""
    if path.is_dir():
        return _training_list(path) is not None
    return path.suffix.lower() in (*LIST_SUFFIXES, *TABLE_SUFFIXES)


def load_rows(path: Path, options: DataOptions) -> TrainAndEval:
    """Data sets of a list or table: with the list beside it or eval_data, or split.

    Raises UserError.
    """
    stands_alone = options.whole and not path.is_dir()
    path = _training_list(path) or path if path.is_dir() else path
    guesses = Guesses(options)
    train_rows = _read_rows(path, guesses)
    eval_path = user_path(options.eval_data) if options.eval_data else None
    if eval_path is None and not stands_alone:
        eval_path = _find_pair(path, guesses)
    eval_rows = _read_rows(eval_path, guesses) if eval_path else []
    root = image_root(path, train_rows, guesses)
    label_map = find_label_map((path.parent, root), (path, eval_path), guesses)
    if eval_rows:
        warn_without_effect(options, ("eval_share", "split"), f"{path}, which is not split")
    elif not options.whole:
        train_rows, eval_rows = _split_rows(train_rows, guesses)
    classes, train_labels, eval_labels = number_labels(train_rows, eval_rows, label_map, guesses)
    note_ten_classes(classes, guesses)
    paths = functools.partial(resolve_paths, keep_missing=options.keep_missing)
    name = readable(path.parent.name)
    train = FileDataset(paths(train_rows, root), train_labels, classes, name,
                        description=readable(str(path)))  # fmt: skip
    if not eval_rows:
        train.read_as = tuple(guesses.said)
        return train, train
    eval_root = _eval_root(eval_path, eval_rows, root, guesses) if eval_path else root
    evaluation = FileDataset(paths(eval_rows, eval_root), eval_labels, classes, name,
                             description=readable(str(eval_path or path)))  # fmt: skip
    train.read_as = evaluation.read_as = tuple(guesses.said)
    _refuse_contradictions(train, train_rows, evaluation, eval_rows)
    warn_of_shared_files(train, evaluation)
    return train, evaluation


LISTS = Reader(
    layout='a folder with Train.txt and Eval.txt ("path label" lines) or train.csv; or one list '
    "(.txt, .lst) or table (.csv, .tsv)",
    fits=fits,
    load=load_rows,
    uses=frozenset(
        {"images_root", "image_column", "label_column", "eval_data", "eval_share", "split",
         "class_names", "encoding"}
    ),
)  # fmt: skip


def _training_list(folder: Path) -> Path | None:
    return find_file(folder, _TRAIN_LISTS)


def image_root(path: Path, rows: Sequence[ListRow], guesses: Guesses) -> Path:
    """The folder that the rows' paths start from: --images-root, or found by looking for images."""
    chosen = guesses.options.images_root
    if chosen:
        root = user_path(chosen)
        if not root.is_dir():
            raise UserError(f"--images-root {root}: no such folder")
        return root
    root = find_root(rows, _roots(path))
    if any(map(is_absolute, rows)):
        guesses.note("absolute", root=readable(str(root)))
    elif root != path.parent:
        guesses.note("root", root=readable(str(root)))
    return root


def _roots(path: Path) -> list[Path]:
    """The folders in which the images of a list are looked for, all of them beside it."""
    near = path.parent
    return [near / "Images", near / "images", near, near / path.stem, near / "train"]


def _eval_root(path: Path, rows: Sequence[ListRow], train_root: Path, guesses: Guesses) -> Path:
    """`image_root` of the evaluation list, whose images may lie in that of training, too."""
    if guesses.options.images_root:
        return train_root
    root = find_root(rows, [*_roots(path), train_root])
    if root.resolve() == train_root.resolve():
        return train_root  # spelled alike, so that files in both parts are noticed
    guesses.note("evaluation root", file=readable(path.name), root=readable(str(root)))
    return root


def _read_rows(path: Path, guesses: Guesses) -> list[ListRow]:
    if path.suffix.lower() in TABLE_SUFFIXES:
        options = guesses.options
        return read_csv(path, options.image_column, options.label_column, guesses)
    if path.is_dir():
        raise UserError(f"--eval-data {path}: a list or table is needed, as --data is one")
    return read_list(path, guesses)


def _find_pair(path: Path, guesses: Guesses) -> Path | None:
    """The evaluation list beside a training list: Eval.txt beside Train.txt, and so on."""
    beginning, rest = path.name[:5].lower(), path.name[5:].lower()
    names = [stem + rest for stem in _EVAL_LISTS]
    found = find_file(path.parent, names) if beginning == "train" else None
    if found is None:
        return None
    column, name = guesses.options.label_column, readable(found.name)
    is_test_table = rest.endswith(TABLE_SUFFIXES) and found.name.lower().startswith("test")
    if is_test_table and column not in table_columns(found, guesses):  # as Kaggle's
        guesses.note("unlabelled", evaluation=name, column=column)
        return None
    others = [other for other in visible_files(path.parent) if other.name.lower() in names]
    unused = [f", not {readable(other.name)}" for other in others if other != found]
    guesses.note("pair", evaluation=name, unused="".join(unused))
    return found


def _split_rows(rows: list[ListRow], guesses: Guesses) -> tuple[list[ListRow], list[ListRow]]:
    options = guesses.options
    known = {label: i for i, label in enumerate(sorted({row.label for row in rows}))}
    labels = np.array([known[row.label] for row in rows])
    try:
        if options.split == "order":
            parts = order_split(len(rows), options.eval_share)
        else:
            parts = stratified_split(labels, options.eval_share, options.seed)
    except UserError as error:
        raise UserError(f"{rows[0].file}: {error}") from None
    how = "the last rows" if options.split == "order" else "by class and seed"
    guesses.note("split", share=f"{options.eval_share:.0%}", how=how)
    return [rows[i] for i in parts[0]], [rows[i] for i in parts[1]]


def _refuse_contradictions(
    train: FileDataset,
    train_rows: Sequence[ListRow],
    evaluation: FileDataset,
    eval_rows: Sequence[ListRow],
) -> None:
    """Raise UserError where an image has different labels in training and in evaluation."""
    number = {path: i for i, path in enumerate(train.paths)}
    for i, path in enumerate(evaluation.paths):
        other = number.get(path)
        if other is not None and train.labels[other] != evaluation.labels[i]:
            row, first = eval_rows[i], train_rows[other]
            raise UserError(
                f"{row.place}: {row.image!r:.120} has label {row.label!r:.120}, but "
                f"{first.label!r:.120} in {first.place}"
            )
