"""`load_data`: from what the user names to a training and an evaluation data set.

What lies at the path decides how it is read (see `LAYOUTS`). Nothing is left out silently: what
cannot be used is an error with file and line, what is odd is a warning in the log.
"""

import logging
import os
from dataclasses import replace
from pathlib import Path

import numpy as np

from paddle_aug import archives, data_binary, data_folders
from paddle_aug.data_builtin import FASHION_NAMES, NAMES, load_aistudio, load_digits, load_named
from paddle_aug.data_options import DataOptions
from paddle_aug.data_rows import load_rows, warn_of_shared_files
from paddle_aug.errors import UserError
from paddle_aug.image_dataset import ArrayDataset, FileDataset, ImageDataset
from paddle_aug.images import SUFFIXES
from paddle_aug.inspection import without_bad
from paddle_aug.splits import per_class_subset, stratified_split
from paddle_aug.words import counted

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
Pair = tuple[ImageDataset, ImageDataset]

LAYOUTS = """\
a folder with Train.txt and Eval.txt ("path label" lines) or train.csv, train/ and test/ (val/,
eval/) of class folders, one tree of class folders, CIFAR's .bin files, MNIST's IDX files, an .npz;
or one list (.txt), table (.csv, .tsv) or archive (.zip, .tar, .tar.gz ...) of these"""

DIGITS = "scikit-learn's handwritten digits"
# No digit looks right in a mirror or upside down, and a 6 is a 9.
DIGITS_CHANGED = frozenset({"horizontal_flip", "vertical_flip", "large_rotation"})
_TRAIN_LISTS = ("train.txt", "train_list.txt")
_MAX_DEPTH = 4


def load_data(options: DataOptions) -> Pair:
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


def _load(options: DataOptions) -> Pair:
    if options.data is None:
        aistudio = load_aistudio()
        if aistudio is None:
            return load_digits(f"{DIGITS} (no --data given)", DIGITS_CHANGED)
        folder, root = aistudio
        return _load_path(folder, replace(options, images_root=options.images_root or str(root)))
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


def _load_path(path: Path, options: DataOptions) -> Pair:
    if path.is_dir():
        return _load_folder(path, options, 0)
    name = path.name.lower()
    if archives.is_archive(path):
        return _load_folder(archives.unpack(path), options, 0)
    if name.endswith((".txt", ".lst", ".csv", ".tsv")):
        return load_rows(path, options)
    if name.endswith(".npz"):
        return _load_npz(path, options)
    if name.endswith(".bin") or "-ubyte" in name:
        return _load_folder(path.parent, options, _MAX_DEPTH)
    raise UserError(f"--data {path}: not understood. It can be:\n{LAYOUTS}")


def _load_folder(folder: Path, options: DataOptions, depth: int) -> Pair:
    files = data_folders.files_by_name(folder)
    for name in (*_TRAIN_LISTS, "train.csv", "train.tsv"):
        if name in files:
            return load_rows(files[name], options)
    cifar = data_binary.cifar_files(folder)
    if cifar:
        return _load_cifar(folder, *cifar, options)
    idx = data_binary.idx_files(folder)
    if idx:
        return _load_idx(folder, idx, options)
    if data_folders.find_parts(folder) or data_folders.is_class_tree(folder):
        return _load_tree(folder, options)
    archives_here = [path for path in files.values() if path.name.lower().endswith(".npz")]
    if len(archives_here) == 1:
        return _load_npz(archives_here[0], options)
    inner = data_folders.subfolders(folder)
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


def _load_tree(folder: Path, options: DataOptions) -> Pair:
    root = Path(options.images_root).expanduser() if options.images_root else None
    eval_data = Path(options.eval_data).expanduser() if options.eval_data else None
    parts = data_folders.find_parts(folder)
    tree, eval_tree = parts if parts else (folder, None)
    eval_tree = eval_data or eval_tree
    paths, labels, classes = data_folders.scan_tree(tree, root=root)
    train = FileDataset(paths, labels, classes, folder.name, description=str(folder))
    if eval_tree is None:
        try:
            chosen = stratified_split(train.labels, options.eval_share, options.seed)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from None
        return train.subset(chosen[0]), train.subset(chosen[1])
    if not eval_tree.is_dir():
        raise UserError(f"--eval-data {eval_tree}: a folder of class folders is needed")
    paths, labels, _ = data_folders.scan_tree(eval_tree, classes, root)
    evaluation = FileDataset(paths, labels, classes, folder.name, description=str(eval_tree))
    warn_of_shared_files(train, evaluation)
    return train, evaluation


def _load_cifar(
    folder: Path, count: int, train: list[Path], test: list[Path], options: DataOptions
) -> Pair:
    _refuse_eval_data(folder, options)
    names = data_binary.cifar_names(folder, count)
    sets = []
    for part, files in (("train", train), ("test", test)):
        images, labels = zip(*(data_binary.read_cifar(file, count) for file in files), strict=True)
        sets.append(ArrayDataset(np.concatenate(images), np.concatenate(labels), names,
                                 f"cifar{count}-{part}", description=str(folder)))  # fmt: skip
    return sets[0], sets[1]


def _load_idx(folder: Path, pairs: list[tuple[Path, Path]], options: DataOptions) -> Pair:
    _refuse_eval_data(folder, options)
    train, test = (data_binary.read_idx_pair(*pair) for pair in pairs)
    return _array_pair(train, test, folder.resolve())


def _load_npz(path: Path, options: DataOptions) -> Pair:
    _refuse_eval_data(path, options)
    train, test = data_binary.read_npz(path)
    return _array_pair(train, test, path.resolve())


def _array_pair(train: data_binary.Arrays, test: data_binary.Arrays, path: Path) -> Pair:
    """Data sets of MNIST's kind; gray images are taken for digits unless the path says fashion."""
    classes = [str(i) for i in range(int(train[1].max()) + 1)]
    if test[1].max() >= len(classes):
        raise UserError(f"{path}: test label {int(test[1].max())} does not occur in training")
    fashion = "fashion" in str(path).lower()
    if fashion and len(classes) == len(FASHION_NAMES):
        classes = FASHION_NAMES
    changes = DIGITS_CHANGED if train[0].ndim == 3 and not fashion else frozenset()
    sets = [
        ArrayDataset(images, labels, classes, f"{path.stem}-{part}", changes, str(path))
        for part, (images, labels) in (("train", train), ("test", test))
    ]
    return sets[0], sets[1]


def _refuse_eval_data(path: Path, options: DataOptions) -> None:
    if options.eval_data:
        raise UserError(f"--eval-data: {path} has its own evaluation part; leave the option out")


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
