"""`load_data`: from the path or name of --data to a training and an evaluation data set.

The first of `READERS` whose format fits the path reads it. Nothing is left out silently: unusable
data are an error with file and line, odd ones a warning in the log, and what had to be concluded is
printed (see guesses.py).
"""

import logging
import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import counted
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.archives.members import is_archive
from paddle_aug.data.archives.unpacked import concluded_encoding, unpack
from paddle_aug.data.dataset import ArrayDataset, FileDataset, ImageDataset, Reader, TrainAndEval
from paddle_aug.data.from_arrays import CIFAR, IDX, IDX_PAIRS, NPZ, idx_file
from paddle_aug.data.from_folders import CLASS_FOLDERS
from paddle_aug.data.from_lists import LISTS
from paddle_aug.data.from_own_code import load_own
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.listing import contents, images_in, subfolders, visible_files
from paddle_aug.data.named import DIGITS, NAMES, default_data, load_digits, load_named
from paddle_aug.data.options import DataOptions, data_name, warn_without_effect
from paddle_aug.data.parts import is_class_tree
from paddle_aug.data.scan import without_bad
from paddle_aug.data.splits import per_class_subset

__all__ = [
    "READERS",
    "ArrayDataset",
    "DataOptions",
    "FileDataset",
    "ImageDataset",
    "describe",
    "layouts",
    "load_data",
]

log = logging.getLogger(__name__)

# The formats, in the order in which they are tried: a folder of lists may hold class folders too.
READERS: list[Reader] = [LISTS, CIFAR, IDX, CLASS_FOLDERS, NPZ]
_MAX_DEPTH = 4


def layouts() -> str:
    """What --data can be, in words: a line a reader, and archives of these."""
    lines = [*(reader.layout for reader in READERS),
             "an archive of one of these (.zip, .tar, .tar.gz, ...)"]  # fmt: skip
    return "\n".join(f"  {line}" for line in lines)


def load_data(options: DataOptions) -> TrainAndEval:
    """The training and the evaluation data set; both number the classes alike.

    Raises UserError where nothing fits or anything is wrong with the data (see the readers).
    """
    if options.skip_bad:
        train, evaluation = _load(replace(options, keep_missing=True))
        train, evaluation = _each(without_bad, train, evaluation)
    else:
        train, evaluation = _load(options)
    known = options.known_classes
    if not known:
        _warn_of_similar_names(train.classes)
    else:
        train, evaluation = _each(lambda part: part.numbered_by(known), train, evaluation)
    if options.changes_label is not None:
        train.changes_label = evaluation.changes_label = frozenset(options.changes_label)
    if train is not evaluation:
        _warn_of_empty_classes("training", train)
    _warn_of_empty_classes("evaluation", evaluation)
    if options.per_class is not None:
        train = _limit_per_class(train, options.per_class, options.seed, "--per-class")
    if options.eval_per_class is not None:
        # A fixed seed, not the run's: all runs evaluate on the same images.
        evaluation = _limit_per_class(evaluation, options.eval_per_class, 0, "--eval-per-class")
    return train, evaluation


def _each(
    make: Callable[[ImageDataset], ImageDataset], train: ImageDataset, evaluation: ImageDataset
) -> TrainAndEval:
    """`make` applied to both parts; where they are one object, the results are one object, too."""
    made = make(train)
    return made, made if evaluation is train else make(evaluation)


def describe(train: ImageDataset, evaluation: ImageDataset) -> str:
    """A line with the data's origin and numbers of images, then a line for each conclusion."""
    line = (
        f"{train.description}: {len(train)} training and {len(evaluation)} evaluation images, "
        f"{len(train.classes)} classes"
    )
    return "\n  ".join([line, *train.read_as])


def _load(options: DataOptions) -> TrainAndEval:
    if options.data is None:
        data, root = default_data()
        if data == "digits":
            _warn_of_unused_options(options, frozenset(), data)
            return load_digits(f"{DIGITS} (no --data given)", options)
        return _load_path(Path(data), replace(options, images_root=options.images_root or root))
    name = data_name(options.data)
    if name is None:
        return _load_path(user_path(options.data), options)
    if is_import_path(options.data):
        _warn_of_unused_options(options, frozenset(), options.data)
        return load_own(options.data)
    if name in ("digits", *NAMES):
        _warn_of_unused_options(options, frozenset(), name)
        return load_digits(DIGITS, options) if name == "digits" else load_named(name, options)
    raise UserError(f"--data {options.data}: no such file or folder, nor one of digits, "
                    f"{', '.join(NAMES)}; configs/README.md tells where those of the "
                    "configurations come from")  # fmt: skip


def _load_path(path: Path, options: DataOptions) -> TrainAndEval:
    guesses = Guesses(options)
    if not path.is_dir() and is_archive(path):
        path = _unpacked(path, guesses)
    folder = path
    for _ in range(_MAX_DEPTH + 1):
        for reader in READERS:
            if reader.fits(folder):
                return _read(reader, folder, options, guesses)
        if folder.is_dir() and is_class_tree(folder, options.known_classes):
            return _read(CLASS_FOLDERS, folder, options, guesses)
        inner = subfolders(folder) if folder.is_dir() else []
        if len(inner) != 1:
            break
        folder = inner[0]
    if not path.is_dir():
        raise UserError(f"--data {path}: not understood. It can be:\n{layouts()}")
    raise _nothing_found(folder)


def _unpacked(archive: Path, guesses: Guesses) -> Path:
    folder = unpack(archive, guesses.options.encoding)
    guesses.note("unpacked", folder=readable(str(folder)))
    concluded = concluded_encoding(folder)
    if concluded:
        encoding, examples = concluded
        guesses.note("names", what=f"names in {readable(archive.name)}", encoding=encoding,
                     names=", ".join(examples))  # fmt: skip
    return folder


def _warn_of_unused_options(options: DataOptions, used: frozenset[str], data: str) -> None:
    """Warn of options that were given but that the reader of these data does not use."""
    known = {name for reader in READERS for name in reader.uses}
    warn_without_effect(options, known - used, data)


def _read(reader: Reader, path: Path, options: DataOptions, guesses: Guesses) -> TrainAndEval:
    """The reader's data sets, with the conclusions that were drawn."""
    _warn_of_unused_options(options, reader.uses, readable(str(path)))
    train, evaluation = reader.load(path, options)
    for part in (train,) if train is evaluation else (train, evaluation):
        part.read_as = (*guesses.said, *part.read_as)
    return train, evaluation


def _nothing_found(folder: Path) -> UserError:
    files = visible_files(folder)
    shown = readable(str(folder))
    if any(path.name == "data_batch_1" for path in files):
        return UserError(f"{shown}: CIFAR as Python pickles, which could run code; use the "
                         "official binary version (cifar-10-binary.tar.gz)")  # fmt: skip
    if images_in(folder):
        return UserError(
            f"{shown}: holds images, but each class needs a folder of its own, two or more beside "
            "each other; a list or a table of the images does as well"
        )
    if missing := _missing_arrays(folder):
        name, files_missing = missing
        return UserError(f"{shown}: part of {name} is missing: {files_missing}")
    hint = next(filter(is_archive, files), None)
    more = f"\nThere is an archive: try --data {hint}" if hint else ""
    held = "" if hint else contents(folder).describe_others()
    what = f"; in it {held}" if held else ""
    return UserError(f"{shown}: no data set was found{what}. Looked for:\n{layouts()}{more}")


def _missing_arrays(folder: Path) -> tuple[str, str] | None:
    """Of a folder that holds some of MNIST's or binary CIFAR's files: the set and what it lacks."""
    sets = {
        "MNIST": {stem: bool(idx_file(folder, stem)) for pair in IDX_PAIRS for stem in pair},
        "CIFAR-10": {
            "data_batch_*.bin": any(folder.glob("data_batch_*.bin")),
            "test_batch.bin": (folder / "test_batch.bin").is_file(),
        },
        "CIFAR-100": {name: (folder / name).is_file() for name in ("train.bin", "test.bin")},
    }
    for name, held in sets.items():
        if any(held.values()) and not all(held.values()):
            return name, ", ".join(file for file, there in held.items() if not there)
    return None


def _warn_of_similar_names(classes: Sequence[str]) -> None:
    """Warn of classes whose names differ in capitals, blanks, _ and - only: mostly one class."""
    spelled: dict[str, list[str]] = {}
    for name in classes:
        spelled.setdefault(re.sub(r"[\s_-]+", " ", name.casefold()), []).append(name)
    alike = [names for names in spelled.values() if len(names) > 1]
    if alike:
        some = "; ".join(" and ".join(map(repr, names)) for names in alike[:3])
        log.warning("the names of some classes differ in capitals or blanks only, and are classes "
                    "of their own: %s%s", some, "; ..." if len(alike) > 3 else "")  # fmt: skip


def _warn_of_empty_classes(part: str, images: ImageDataset) -> None:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    empty = [images.classes[i] for i in np.flatnonzero(counts == 0)]
    if empty:
        some = ", ".join(empty[:5]) + (", ..." if len(empty) > 5 else "")
        number = counted(len(empty), "class", "classes")
        log.warning("no %s image in %s of %d: %s", part, number, len(counts), some)


def _limit_per_class(images: ImageDataset, per_class: int, seed: int, option: str) -> ImageDataset:
    counts = np.bincount(images.labels, minlength=len(images.classes))
    short = np.flatnonzero((counts > 0) & (counts < per_class))  # empty ones are named already
    if len(short):
        few = ", ".join(f"{images.classes[i]} ({counts[i]})" for i in short[:5])
        log.warning("%s %d is more than %s can give: %s%s; all their images are taken",
                    option, per_class, counted(len(short), "class", "classes"), few,
                    ", ..." if len(short) > 5 else "")  # fmt: skip
    return images.subset(per_class_subset(images.labels, per_class, seed))
