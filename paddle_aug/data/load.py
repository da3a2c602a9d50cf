"""`load_data`: from what the user names to a training and an evaluation data set.

What lies at the path decides how it is read (see `LAYOUTS`). Nothing is left out silently: what
cannot be used is an error with file and line, what is odd is a warning in the log.
"""

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import counted
from paddle_aug.data import archives, from_arrays, from_folders, listing
from paddle_aug.data.dataset import (
    ArrayDataset,
    FileDataset,
    ImageDataset,
    TrainAndEval,
)
from paddle_aug.data.decode import SUFFIXES
from paddle_aug.data.from_arrays import (
    DIGITS_CHANGED,
    load_cifar,
    load_idx,
    load_npz,
)
from paddle_aug.data.from_folders import load_tree
from paddle_aug.data.from_lists import load_rows
from paddle_aug.data.from_own_code import load_own
from paddle_aug.data.named import DIGITS, NAMES, load_aistudio, load_digits, load_named
from paddle_aug.data.options import DataOptions
from paddle_aug.data.scan import without_bad
from paddle_aug.data.splits import per_class_subset

__all__ = [
    "LAYOUTS",
    "ArrayDataset",
    "DataOptions",
    "FileDataset",
    "ImageDataset",
    "describe",
    "load_data",
]

log = logging.getLogger(__name__)

LAYOUTS = """\
a folder with Train.txt and Eval.txt ("path label" lines) or train.csv, train/ and test/ (val/,
eval/) of class folders, one tree of class folders, CIFAR's .bin files, MNIST's IDX files, an .npz;
or one list (.txt), table (.csv, .tsv) or archive (.zip, .tar, .tar.gz ...) of these"""

_TRAIN_LISTS = ("train.txt", "train_list.txt")
_MAX_DEPTH = 4


def load_data(options: DataOptions) -> TrainAndEval:
    """The training and the evaluation data set; both number the classes alike.

    Raises UserError where nothing fits or anything is wrong with the data (see the readers).
    """
    if options.skip_bad:
        train, evaluation = _load(replace(options, keep_missing=True))
        train, evaluation = without_bad(train), without_bad(evaluation)
    else:
        train, evaluation = _load(options)
    if options.changes_label is not None:
        train.changes_label = evaluation.changes_label = options.changes_label
    for part, images in (("training", train), ("evaluation", evaluation)):
        _warn_of_empty_classes(part, images)
    if options.per_class is not None:
        train = _limit_per_class(train, options.per_class, options.seed, "--per-class")
    if options.eval_per_class is not None:
        # Not by the run's seed: runs that are compared evaluate on the same images.
        evaluation = _limit_per_class(evaluation, options.eval_per_class, 0, "--eval-per-class")
    return train, evaluation


def describe(train: ImageDataset, evaluation: ImageDataset) -> str:
    """One line: where the data come from and how much there is."""
    return (
        f"{train.description}: {len(train)} training and {len(evaluation)} evaluation images, "
        f"{len(train.classes)} classes"
    )


def _load(options: DataOptions) -> TrainAndEval:
    if options.data is None:
        aistudio = load_aistudio()
        if aistudio is None:
            return load_digits(f"{DIGITS} (no --data given)", DIGITS_CHANGED)
        folder, root = aistudio
        return _load_path(folder, replace(options, images_root=options.images_root or str(root)))
    if is_import_path(options.data):
        return load_own(options.data)
    path = Path(options.data).expanduser()
    name = options.data.lower()
    if name == "digits" and not os.path.exists(path):
        return load_digits(DIGITS, DIGITS_CHANGED)
    if name in NAMES and not os.path.exists(path):
        return load_named(name, DIGITS_CHANGED if name == "mnist" else frozenset())
    if not os.path.exists(path):
        raise UserError(f"--data {options.data}: no such file or folder, nor one of digits, "
                        f"{', '.join(NAMES)}; configs/README.md tells where those of the "
                        "configurations come from")  # fmt: skip
    return _load_path(path, options)


def _load_path(path: Path, options: DataOptions) -> TrainAndEval:
    if path.is_dir():
        return _load_folder(path, options, 0)
    name = path.name.lower()
    if archives.is_archive(path):
        return _load_folder(archives.unpack(path), options, 0)
    if name.endswith((".txt", ".lst", ".csv", ".tsv")):
        return load_rows(path, options)
    if name.endswith(".npz"):
        return load_npz(path, options)
    if name.endswith(".bin") or "-ubyte" in name:
        return _load_folder(path.parent, options, _MAX_DEPTH)
    raise UserError(f"--data {path}: not understood. It can be:\n{LAYOUTS}")


def _load_folder(folder: Path, options: DataOptions, depth: int) -> TrainAndEval:
    files = listing.files_by_name(folder)
    for name in (*_TRAIN_LISTS, "train.csv", "train.tsv"):
        if name in files:
            return load_rows(files[name], options)
    cifar = from_arrays.cifar_files(folder)
    if cifar:
        return load_cifar(folder, *cifar, options)
    idx = from_arrays.idx_files(folder)
    if idx:
        return load_idx(folder, idx, options)
    if from_folders.find_parts(folder) or from_folders.is_class_tree(folder):
        return load_tree(folder, options)
    archives_here = [path for path in files.values() if path.name.lower().endswith(".npz")]
    if len(archives_here) == 1:
        return load_npz(archives_here[0], options)
    inner = listing.subfolders(folder)
    if len(inner) == 1 and depth < _MAX_DEPTH:
        return _load_folder(inner[0], options, depth + 1)
    if "data_batch_1" in files:
        raise UserError(f"{folder}: CIFAR as Python pickles, which could run code; use the "
                        "official binary version (cifar-10-binary.tar.gz)")  # fmt: skip
    hint = next((path for path in files.values() if archives.is_archive(path)), None)
    more = f"\nThere is an archive: try --data {hint}" if hint else ""
    if any(name.endswith(SUFFIXES) for name in files):
        raise UserError(
            f"{folder}: holds images, but each class needs a folder of its own, two or more beside "
            "each other; a list or a table of the images does as well"
        )
    raise UserError(f"{folder}: no data set was found. Looked for:\n{LAYOUTS}{more}")


def _warn_of_empty_classes(part: str, images: ImageDataset) -> None:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    empty = [images.classes[i] for i in np.flatnonzero(counts == 0)]
    if empty:
        some = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        number = counted(len(empty), "class", "classes")
        log.warning("no %s image in %s of %d: %s", part, number, len(counts), some)


def _limit_per_class(images: ImageDataset, per_class: int, seed: int, option: str) -> ImageDataset:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    if (counts == 0).any():
        empty = images.classes[int(np.argmin(counts))]
        raise UserError(f"{option} {per_class}: class {empty!r} has no image")
    short = np.flatnonzero(counts < per_class)
    if len(short):
        few = ", ".join(f"{images.classes[i]} ({counts[i]})" for i in short[:5])
        log.warning("%s %d is more than %s can give: %s%s; all their images are taken",
                    option, per_class, counted(len(short), "class", "classes"), few,
                    ", ..." if len(short) > 5 else "")  # fmt: skip
    return images.subset(per_class_subset(images.labels, per_class, seed))
