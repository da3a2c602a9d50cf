"""List files ("path label" lines) and CSV tables of images, checked line by line."""

import io
import itertools
import os
import re
import stat
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import is_inside, read_text

CLASSES_FILES = ("classes.txt", "labels.txt", "label_list.txt")
_NUMBER = re.compile(r"([+-]?\d+)(\.0*)?")


@dataclass(frozen=True)
class Row:
    """One line of a list: the image's path as written, its label as written, file and line."""

    image: str
    label: str
    file: str
    line: int

    @property
    def place(self) -> str:
        return f"{self.file}:{self.line}"


def read_list(path: str | os.PathLike[str]) -> list[Row]:
    """Rows of a list file: "relative/path label", the label after the last tab or blank.

    Paths may hold blanks, labels only after a tab. Blank lines and lines that start with # are
    skipped; CRLF and a byte-order mark are accepted. Raises UserError with file and line.
    """
    rows = []
    for number, text in enumerate(read_text(path).split("\n"), 1):
        line = text.strip()
        if not line or line.startswith("#"):
            continue
        parts = line.rsplit("\t", 1) if "\t" in line else line.rsplit(None, 1)
        if len(parts) != 2 or not all(part.strip() for part in parts):
            raise UserError(f'{path}:{number}: needs "path label", found {_short(line)}')
        rows.append(Row(parts[0].strip(), parts[1].strip(), str(path), number))
    return _checked(rows, path)


def read_csv(
    path: str | os.PathLike[str], image_column: str = "image", label_column: str = "label"
) -> list[Row]:
    """Rows of a CSV file (tabs between fields for .tsv), whose first line names the columns.

    Raises UserError with the file, and the line where there is one: missing columns, a row with
    too many fields, an empty path or label.
    """
    import pandas

    text = read_text(path)
    separator = "\t" if str(path).lower().endswith(".tsv") else ","
    try:
        with warnings.catch_warnings():
            # pandas only warns where a row has more fields than the header, and drops them.
            warnings.simplefilter("error", pandas.errors.ParserWarning)
            # As text: pandas would turn 007 into 7, NA into a gap, 3 beside a gap into 3.0.
            table = pandas.read_csv(
                io.StringIO(text), sep=separator, dtype=str, keep_default_na=False,
                na_filter=False, index_col=False, skip_blank_lines=False, on_bad_lines="error",
            )  # fmt: skip
    except (ValueError, pandas.errors.ParserError, pandas.errors.ParserWarning) as error:
        raise UserError(f"{path}: not a table ({str(error).strip()})") from None
    header = list(table.columns)
    table.columns = [str(column).strip() for column in header]
    for column in (image_column, label_column):
        if list(table.columns).count(column) != 1:
            names = ", ".join(map(str, table.columns[:20]))
            raise UserError(
                f"{path}:1: no single column {column!r}; there are: {_short(names)}. "
                "Name them with --image-column and --label-column"
            )
    rows = []
    lines = _line_numbers(header, table.to_numpy()) if '"' in text else itertools.count(2)
    images, labels = table[image_column], table[label_column]
    for number, image, label in zip(lines, images, labels, strict=False):
        image, label = _text(image), _text(label)
        if not image and not label:
            continue
        if not image or not label:
            raise UserError(f"{path}:{number}: the {'label' if image else 'image'} is empty")
        rows.append(Row(image, label, str(path), number))
    return _checked(rows, path)


def _line_numbers(header: Iterable[object], rows: Iterable[Iterable[object]]) -> Iterator[int]:
    """The line in which each row begins: a field in quotes may hold line ends."""
    number = 1
    for row in itertools.chain([header], rows):
        if number > 1:
            yield number
        number += 1 + sum(value.count("\n") for value in row if isinstance(value, str))


def _text(value: object) -> str:
    # A row with too few fields leaves a float NaN in a column of text.
    return value.strip() if isinstance(value, str) else ""


def _checked(rows: list[Row], path: str | os.PathLike[str]) -> list[Row]:
    if not rows:
        raise UserError(f"{path}: lists no images")
    first: dict[str, Row] = {}
    for row in rows:
        name = os.path.normpath(row.image.replace("\\", "/"))
        earlier = first.setdefault(name, row)
        if earlier.label != row.label:
            raise UserError(
                f"{row.place}: {_short(row.image)} has label {_short(row.label)}, "
                f"but {_short(earlier.label)} in line {earlier.line}"
            )
    return rows


def _short(text: str) -> str:
    return repr(text if len(text) <= 120 else text[:117] + "...")


def find_root(rows: Sequence[Row], candidates: Sequence[Path]) -> Path:
    """The first folder in which one of the first rows' images lies, else the first that exists."""
    for row in rows[:20]:  # the very first may be missing
        relative = row.image.replace("\\", "/").lstrip("/")
        for root in candidates:
            try:
                if (root / relative).is_file():
                    return root
            except (OSError, ValueError):
                continue
    return next((root for root in candidates if root.is_dir()), candidates[0])


def resolve_paths(rows: Sequence[Row], root: Path, keep_missing: bool = False) -> list[str]:
    """Path of each row's image, checked to be a file inside root.

    keep_missing: a file that is not there, or no ordinary one, is left to whoever reads it.
    Raises UserError with file and line for: an absolute path, one that leaves root by ".." or by a
    symbolic link, a missing file, anything but an ordinary file.
    """
    inside: dict[str, bool] = {}
    paths = []
    for row in rows:
        relative = row.image.replace("\\", "/")
        if relative.startswith("/") or PureWindowsPath(relative).drive:
            raise UserError(
                f"{row.place}: absolute path {_short(row.image)}; "
                f"paths must be relative to the image root {root}"
            )
        path = os.path.normpath(os.path.join(root, relative))
        folder = os.path.dirname(path)
        # normpath alone decides on "..": a/../../b leaves the root whatever a is.
        if os.path.relpath(path, root).split(os.sep)[0] == os.pardir:
            raise UserError(f"{row.place}: {_short(row.image)} leaves the image root {root}")
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
                f"{row.place}: {_short(row.image)}: {reason} under the image root {root} "
                "(--images-root sets it)"
            ) from None
        if not safe:
            raise UserError(
                f"{row.place}: {_short(row.image)} leaves the image root {root} by a symbolic link"
            )
        if not stat.S_ISREG(status.st_mode) and not keep_missing:
            raise UserError(f"{row.place}: {_short(row.image)} is not an ordinary file")
        paths.append(path)
    return paths


def read_classes_file(folders: Sequence[Path]) -> tuple[list[str], Path] | None:
    """Class names, one a line, from the first classes.txt (or labels.txt) in the folders."""
    for folder in folders:
        for name in CLASSES_FILES:
            path = folder / name
            if path.is_file():
                names = [line.strip() for line in read_text(path).strip().split("\n")]
                if not all(names) or len(set(names)) != len(names):
                    raise UserError(f"{path}: has an empty or a repeated class name")
                return names, path
    return None


def number_labels(
    train: Sequence[Row], evaluation: Sequence[Row], names: Sequence[str] | None = None
) -> tuple[list[str], list[int], list[int]]:
    """Turn labels as written into numbers from 0.

    names: class names that number labels point to (classes.txt); without them the numbers must run
    from 0 or 1 without a gap, and are the names. Labels that are names are sorted, or are in the
    order of `names`.
    Returns classes, labels of train, labels of evaluation. Raises UserError with file and line for:
    numbers mixed with names, negative or fractional numbers, numbers out of range, a label of
    evaluation that training does not have.
    """
    numeric = _are_numbers(train, evaluation)
    if not numeric:
        order = {label: label for label in (row.label for row in train)}
        classes = sorted(order)
        if names and set(classes) <= set(names):
            classes = list(names)
        table = {name: i for i, name in enumerate(classes)}
        keys = [row.label for row in train], [row.label for row in evaluation]
    else:
        numbers = [_number(row) for row in train], [_number(row) for row in evaluation]
        if names:
            _refuse_out_of_range([*train, *evaluation], numbers[0] + numbers[1], len(names))
            classes, table = list(names), {str(i): i for i in range(len(names))}
        else:
            values = sorted(set(numbers[0]))
            _refuse_gap(train, numbers[0], values)
            classes = [str(value) for value in values]
            table = {name: i for i, name in enumerate(classes)}
        keys = [str(n) for n in numbers[0]], [str(n) for n in numbers[1]]
    for row, key in zip(evaluation, keys[1], strict=True):
        if key not in table:
            raise UserError(
                f"{row.place}: label {_short(row.label)} does not occur in training "
                f"({len(classes)} classes). If the rows are sorted by class, "
                "use the stratified split"
            )
    return classes, [table[key] for key in keys[0]], [table[key] for key in keys[1]]


def _are_numbers(*parts: Sequence[Row]) -> bool:
    """Whether labels are numbers; the first row decides, and the others must agree."""
    kinds: Iterator[tuple[bool, Row]] = (
        (_NUMBER.fullmatch(row.label) is not None, row) for part in parts for row in part
    )
    numeric, first = next(kinds)
    for kind, row in kinds:
        if kind != numeric:
            raise UserError(
                f"{row.place}: label {_short(row.label)} is {'a' if kind else 'not a'} whole "
                f"number, unlike {_short(first.label)} in {first.place}"
            )
    return numeric


def _number(row: Row) -> int:
    match = _NUMBER.fullmatch(row.label)
    assert match is not None, "checked by _are_numbers"
    # Bounded before int(): thousands of digits cost time and break int().
    value = int(match[1]) if len(match[1]) <= 9 else -1
    if value < 0:
        raise UserError(f"{row.place}: label {_short(row.label)} is negative or far too large")
    return value


def _refuse_out_of_range(rows: Sequence[Row], numbers: Sequence[int], count: int) -> None:
    for row, number in zip(rows, numbers, strict=True):
        if number >= count:
            raise UserError(
                f"{row.place}: label {number} is out of range, 0..{count - 1} are named"
            )


def _refuse_gap(rows: Sequence[Row], numbers: Sequence[int], values: Sequence[int]) -> None:
    if values[0] > 1:
        gap, wrong = 0, values[0]
    else:
        steps = itertools.pairwise(values)
        gap, wrong = next(((a + 1, b) for a, b in steps if b != a + 1), (0, -1))
    if wrong >= 0:
        row = rows[numbers.index(wrong)]
        raise UserError(
            f"{row.place}: label {wrong} is out of range: no training image has label {gap}. "
            "Number the classes from 0, or name them all in classes.txt beside the list"
        )
