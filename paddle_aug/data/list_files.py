"""List files ("path label" lines) and CSV tables of images, checked line by line."""

import csv
import io
import itertools
import logging
import os
import re
import stat
import unicodedata
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath
from typing import Any

from paddle_aug.core.encodings import readable, spellings
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import is_inside
from paddle_aug.core.text import counted
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.options import DataOptions
from paddle_aug.data.parts import EVAL_WORDS, TRAIN_WORDS

log = logging.getLogger(__name__)

MAX_LINES = 5_000_000  # of a list or table: one takes up to 0.4 KB of memory
# "0,1,0": which of three classes an image shows, as PaddleClas writes several labels an image.
_SEVERAL = re.compile(r"[01](,[01])+")


@dataclass(frozen=True, slots=True)
class ListRow:
    """One line of a list: path and label of the image as written, the list's file and the line."""

    image: str
    label: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def read_list(path: str | os.PathLike[str], guesses: Guesses | None = None) -> list[ListRow]:
    """Rows of a list file: "relative/path label", the label after the last tab or blank.

    Paths may hold blanks; a label may hold some if a tab stands before it. Blank lines and comments
    (see `without_comments`) are skipped; CRLF and a byte-order mark are accepted. guesses: takes
    note of the encoding.
    Raises UserError with the file, and the line where there is one.
    """
    rows = []
    for number, line in without_comments(_text_of(path, guesses), path):
        parts = line.rsplit("\t", 1) if "\t" in line else line.rsplit(None, 1)
        if len(parts) != 2 or not all(part.strip() for part in parts):
            raise UserError(f'{path}:{number}: needs "path label", found {short(line)}')
        rows.append(ListRow(parts[0].strip(), _name(parts[1]), str(path), number))
    return _checked(rows, path)


def without_comments(text: str, path: str | os.PathLike[str]) -> list[tuple[int, str]]:
    """(number from 1, line without blanks around) of each line that is not blank and does not begin
    with #. A warning tells of those in which something follows the # at once, perhaps a name.

    Raises UserError for more than MAX_LINES.
    """
    _check_lines(text, path)
    lines = [(number, line.strip()) for number, line in enumerate(text.split("\n"), 1)]
    doubtful = [pair for pair in lines if re.match(r"#[^\s#]", pair[1])]
    if doubtful:
        (first, line), shown = doubtful[0], readable(str(path))
        log.warning("%s: %s beginning with # taken for a comment, such as line %d: %s (write ./# "
                    "where a name begins so)",
                    shown, counted(len(doubtful), "line"), first, short(line))  # fmt: skip
    return [(number, line) for number, line in lines if line and not line.startswith("#")]


def _check_lines(text: str, path: str | os.PathLike[str]) -> None:
    if (count := text.count("\n")) > MAX_LINES:
        raise UserError(
            f"{path}: {count:,} lines, the limit is {MAX_LINES:,}: leave some out, or put the "
            "images into class folders"
        )


def _text_of(path: str | os.PathLike[str], guesses: Guesses | None) -> str:
    return (guesses or Guesses(DataOptions())).read_text(Path(path))


def read_csv(
    path: str | os.PathLike[str],
    image_column: str = "image",
    label_column: str = "label",
    guesses: Guesses | None = None,
) -> list[ListRow]:
    """Rows of a CSV file (tabs between fields for .tsv), whose first line names the columns.

    Raises UserError with the file, and the line where there is one: missing columns, a row with
    too many fields, an empty path or label, more than MAX_LINES.
    """
    import pandas

    text = _text_of(path, guesses)
    _check_lines(text, path)
    try:
        with warnings.catch_warnings():
            # pandas only warns where a row has more fields than the header, and drops them.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            # Read as text: pandas would turn 007 into 7, NA into NaN, and 3 in a column with NaN
            # into 3.0.
            table = pandas.read_csv(
                io.StringIO(text), sep=_separator(path), dtype=str, keep_default_na=False,
                na_filter=False, index_col=False, skip_blank_lines=False, on_bad_lines="error",
            )  # fmt: skip
    except (ValueError, pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        raise UserError(f"{path}: not a table ({str(error).strip()})") from None
    # As written: pandas calls the second of two columns label "label.1".
    written = _columns(text, path)
    header = list(table.columns)
    table.columns = [str(column).strip() for column in header]
    for column in (image_column, label_column):
        if list(table.columns).count(column) != 1 or written.count(column) > 1:
            names = ", ".join(map(str, table.columns[:20]))
            raise UserError(
                f"{path}:1: needs exactly one column {column!r}; its columns: {short(names)}. "
                "Name them with --image-column and --label-column"
            )
    rows = []
    lines = _line_numbers(header, table.to_numpy()) if '"' in text else itertools.count(2)
    _say_unused_columns(path, table.drop(columns=[image_column, label_column]), guesses)
    images, labels = table[image_column], table[label_column]
    for number, image, label in zip(lines, images, labels, strict=False):
        image, label = _text(image), _text(label)
        if not image and not label:
            continue
        if not image or not label:
            raise UserError(f"{path}:{number}: the {'label' if image else 'image'} is empty")
        rows.append(ListRow(image, _name(label), str(path), number))
    return _checked(rows, path)


def table_columns(path: str | os.PathLike[str], guesses: Guesses | None = None) -> list[str]:
    """The columns of a table (see `read_csv`) as its first line names them. Raises UserError."""
    return _columns(_text_of(path, guesses), path)


def _columns(text: str, path: str | os.PathLike[str]) -> list[str]:
    try:
        first = next(csv.reader(io.StringIO(text), delimiter=_separator(path)), [])
    except csv.Error as error:
        raise UserError(f"{path}: not a table ({error})") from None
    return [name.strip() for name in first]


def _separator(path: str | os.PathLike[str]) -> str:
    return "\t" if str(path).lower().endswith(".tsv") else ","


def _say_unused_columns(path: str | os.PathLike[str], rest: Any, guesses: Guesses | None) -> None:
    """Note the columns that are not used; warn of one that seems to say which rows train."""
    named = [str(column) for column in rest.columns if column and not column.startswith("Unnamed:")]
    if named and guesses:
        guesses.note("columns", file=Path(path).name, columns=short(", ".join(named)))
    for position, column in enumerate(rest.columns):
        values = {_text(value).lower() for value in rest.iloc[:, position]} - {""}
        if values & set(TRAIN_WORDS) and values <= {*TRAIN_WORDS, *EVAL_WORDS}:
            log.warning("%s: its column %s (%s) is not used, all rows are taken alike: write a "
                        "table of each part, and name the second with --eval-data",
                        path, short(str(column)), ", ".join(sorted(values)))  # fmt: skip


def _line_numbers(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[int]:
    """The number of the line in which each row begins, as quoted fields may span lines."""
    number = 1
    for row in itertools.chain([header], rows):
        if number > 1:
            yield number
        number += 1 + sum(value.count("\n") for value in row if isinstance(value, str))


def _text(value: object) -> str:
    # Where a row has too few fields, pandas puts a float NaN into the column of text.
    return value.strip() if isinstance(value, str) else ""


def _name(label: str) -> str:
    """A label in the one spelling of its accents, as that of class folders."""
    return unicodedata.normalize("NFC", label.strip())


def _checked(rows: list[ListRow], path: str | os.PathLike[str]) -> list[ListRow]:
    if not rows:
        raise UserError(f"{path}: lists no images")
    if all(_SEVERAL.fullmatch(row.label) for row in rows):
        raise UserError(
            f"{rows[0].place}: label {short(rows[0].label)}: several labels an image (PaddleClas's "
            "multi-label lists) are not read here; each image needs one class"
        )
    first: dict[str, ListRow] = {}
    repeated: list[ListRow] = []
    for row in rows:
        name = os.path.normpath(row.image.replace("\\", "/"))
        earlier = first.setdefault(name, row)
        if earlier.label != row.label:
            raise UserError(
                f"{row.place}: {short(row.image)} has label {short(row.label)}, "
                f"but {short(earlier.label)} in line {earlier.line}"
            )
        if earlier is not row:
            repeated.append(row)
    if repeated:
        log.warning("%s of %s, such as line %d: the image is named in an earlier line too, and "
                    "counts more than once", counted(len(repeated), "line"), path,
                    repeated[0].line)  # fmt: skip
    return rows


def short(text: str) -> str:
    """A text in quotes for messages, cut to 120 characters."""
    return repr(text if len(text) <= 120 else text[:117] + "...")


def find_root(rows: Sequence[ListRow], candidates: Sequence[Path]) -> Path:
    """The first candidate that holds an image of the first rows, else the first one that exists."""
    for row in rows[:20]:  # some images may be missing
        for root in candidates:
            if any(map(os.path.isfile, _places(row, root))):
                return root
    return next((root for root in candidates if root.is_dir()), candidates[0])


def is_absolute(row: ListRow) -> bool:
    """Whether a row's path is absolute: /data/1.png, C:\\data\\1.png."""
    return row.image.startswith(("/", "\\")) or bool(PureWindowsPath(row.image).drive)


def _places(row: ListRow, root: Path) -> list[str]:
    """Where a row's image may lie: the spellings of its path (see core/encodings.py) below root.

    Empty for a path that leaves root, by ".." or by being absolute. Decided by the text of the path
    alone: a/../.. leaves root even if a is a link.
    """
    # A path with a drive is absolute on Windows; elsewhere there is no such file.
    relative = row.image.replace("\\", "/")
    paths = [os.path.normpath(os.path.join(root, spelled)) for spelled in spellings(relative)]
    if not is_absolute(row):
        return [p for p in paths if os.path.relpath(p, root).split(os.sep)[0] != os.pardir]
    if not os.path.isabs(relative):
        return []
    return [_from_root(path, root) for path in paths if is_inside(path, root)]


def _from_root(path: str, root: Path) -> str:
    """An absolute path, written to begin with root so that it equals that of a relative row."""
    below = os.path.relpath(path, root)
    return path if below.split(os.sep)[0] == os.pardir else os.path.join(root, below)


def resolve_paths(rows: Sequence[ListRow], root: Path, keep_missing: bool = False) -> list[str]:
    """Path of each row's image, checked to be a file inside root.

    keep_missing: keep paths of files that are missing or not ordinary files; reading them will
    fail.
    Raises UserError with file and line for: a path that leaves root (absolute, by ".." or by a
    symbolic link), a missing file, anything but an ordinary file.
    """
    inside: dict[str, bool] = {}
    paths = []
    for row in rows:
        places = _places(row, root)
        if not places and is_absolute(row):
            raise UserError(
                f"{row.place}: absolute path {short(row.image)} outside the image root {root}; "
                "--images-root names the folder that holds it"
            )
        if not places:
            raise UserError(f"{row.place}: {short(row.image)} leaves the image root {root}")
        path = next(filter(os.path.lexists, places), places[0]) if places[1:] else places[0]
        folder = os.path.dirname(path)
        try:
            status = os.lstat(path)
            if folder not in inside:
                inside[folder] = is_inside(folder, root)
            link = stat.S_ISLNK(status.st_mode)
            safe = is_inside(path, root) if link else inside[folder]
            if safe and link:
                status = os.stat(path)
        except (OSError, ValueError) as error:
            if keep_missing and isinstance(error, FileNotFoundError | NotADirectoryError):
                paths.append(path)
                continue
            reason = "no such file" if isinstance(error, FileNotFoundError) else str(error)
            raise UserError(
                f"{row.place}: {short(row.image)}: {reason} under the image root {root} "
                "(--images-root sets it)"
            ) from None
        if not safe:
            raise UserError(
                f"{row.place}: {short(row.image)} leaves the image root {root} by a symbolic link"
            )
        if not stat.S_ISREG(status.st_mode) and not keep_missing:
            raise UserError(f"{row.place}: {short(row.image)} is not an ordinary file")
        paths.append(path)
    return paths
