"""The table of conclusions that the readers may draw where the data leave something open.

Each conclusion is printed below the line that says which data were read, with the option that
overrides it. Where two readings fit, the readers raise a UserError that names the option.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.safe_files import TEXT_LIMIT, read_any_text
from paddle_aug.data.options import DataOptions


@dataclass(frozen=True)
class Rule:
    """says: the conclusion in words, with {fields}. otherwise: the option that overrides it."""

    says: str
    otherwise: str


RULES = {
    # Which images train and which are evaluated on.
    "parts": Rule(
        "{train} trains and {evaluation} is evaluated on, by the folders' names",
        "--folders classes, or --eval-data FOLDER",
    ),
    "one part": Rule("{train} trains, by the folder's name", "--folders classes"),
    "pair": Rule("{evaluation} beside it is evaluated on, by its name{unused}", "--eval-data FILE"),
    "split": Rule(
        "no evaluation part was found: {share} of the images are kept for it, {how}",
        "--eval-data, --eval-share, --split",
    ),
    "unlabelled": Rule(
        "{evaluation} beside it has no column {column}, and is left out", "--eval-data FILE"
    ),
    # Where the images are.
    "root": Rule("paths of the images start from {root}", "--images-root FOLDER"),
    "evaluation root": Rule(
        "the images of {file} are taken from {root}", "--images-root FOLDER"
    ),
    "absolute": Rule("absolute paths of images lie inside {root}", "--images-root FOLDER"),
    "unpacked": Rule("unpacked to {folder}", "--data FOLDER"),
    # Encodings.
    "text": Rule("{file} is read as {encoding}", "--encoding NAME"),
    "names": Rule(
        "{what} that are not UTF-8 are read as {encoding}: {names}", "--encoding NAME"
    ),
    "columns": Rule(
        "columns of {file} that are not used: {columns}", "--image-column, --label-column"
    ),
    # Names of the classes.
    "inner": Rule(
        "folders inside the class folders are no classes or parts of their own: {folders}",
        "--data FOLDER",
    ),
    "numbers": Rule("labels as {labels} are read as numbers: {classes}", "--class-names FILE"),
    "numbered map": Rule("classes are named by the numbers in {file}", "--class-names"),
    "line map": Rule(
        "classes are named by the lines of {file}, from label {first} on", "--class-names"
    ),
    "folder names": Rule(
        "classes are named by the folders in the paths, one for each label",
        "--class-names labels, or FILE",
    ),
    "renumbered": Rule("labels {labels} become classes {classes}", "--class-names"),
    # What would change a label.
    "digits": Rule(
        "{why}: flips and large rotations would change what they show, and are off",
        "--changes-label none",
    ),
    "not digits": Rule(
        "gray images, not taken for digits or letters: flips and large rotations keep their labels",
        "--changes-label",
    ),
    "fashion": Rule(
        "labels begin as Fashion-MNIST's: its class names are taken", "--class-names"
    ),
    "ten classes": Rule(
        "classes are called 0 to 9, flips and large rotations are taken to keep them",
        "for digits: --changes-label horizontal_flip,vertical_flip,large_rotation",
    ),
}  # fmt: skip


@dataclass
class Guesses:
    """Collects the conclusions about one data set; `said`: their lines, in order."""

    options: DataOptions
    said: list[str] = field(default_factory=list)

    def note(self, rule: str, **fields: Any) -> None:
        """Add a conclusion by its name in RULES; an unknown name raises KeyError."""
        known = RULES[rule]
        line = f"{known.says.format(**fields)} (otherwise {known.otherwise})"
        if line not in self.said:
            self.said.append(line)

    def read_text(self, path: Path, limit: int = TEXT_LIMIT) -> str:
        """Text of a list, table or label file of at most `limit` bytes; an encoding other than
        UTF-8 is noted."""
        text, encoding = read_any_text(path, self.options.encoding, limit)
        if encoding != "UTF-8":
            self.note("text", file=path.name, encoding=encoding)
        return text


# Mirrored digits are no digits, and a 6 upside down is a 9.
DIGITS_CHANGED = frozenset({"horizontal_flip", "vertical_flip", "large_rotation"})
# The first training labels tell MNIST and Fashion-MNIST apart; their files are alike otherwise.
_MNIST_LABELS = [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
_FASHION_LABELS = [9, 0, 0, 3, 0, 2, 7, 2, 5, 5]
# What small gray images are taken for, by their number of classes; these are EMNIST's.
_CHARACTERS = {10: "digits", 26: "letters", 36: "digits and letters", 47: "digits and letters",
               62: "digits and letters"}  # fmt: skip
_LARGEST_CHARACTER = 64  # pixels
_TEN_DIGITS = [str(digit) for digit in range(10)]


def is_fashion_mnist(images: np.ndarray, labels: np.ndarray) -> bool:
    """Whether training arrays are Fashion-MNIST's, or its beginning, by their first labels."""
    return images.shape[1:] == (28, 28) and labels[:10].tolist() == _FASHION_LABELS


def changed_labels(images: np.ndarray, labels: np.ndarray, guesses: Guesses) -> frozenset[str]:
    """The operations that would change the label: as --changes-label says; else, where the arrays
    may be digits or letters, those that change these.

    images: uint8 [N, H, W] gray, or [N, H, W, 3]. labels: int64 [N].
    """
    if guesses.options.changes_label is not None:
        return frozenset(guesses.options.changes_label)
    if images.ndim == 4:
        return frozenset()
    classes = 0 if is_fashion_mnist(images, labels) else len(np.unique(labels))
    if images.shape[1:] == (28, 28) and labels[:10].tolist() == _MNIST_LABELS:
        why = "digits, as the labels begin as MNIST's"
    elif classes in _CHARACTERS and max(images.shape[1:]) <= _LARGEST_CHARACTER:
        why = f"{classes} classes of small gray images, taken for {_CHARACTERS[classes]}"
    else:
        guesses.note("not digits")
        return frozenset()
    guesses.note("digits", why=why)
    return DIGITS_CHANGED


def note_ten_classes(classes: Sequence[str], guesses: Guesses) -> None:
    """Say of classes that are called 0 to 9 that they are not taken for digits, unless
    --changes-label says what changes them."""
    if list(classes) == _TEN_DIGITS and guesses.options.changes_label is None:
        guesses.note("ten classes")
