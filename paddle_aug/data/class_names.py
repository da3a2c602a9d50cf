"""What the labels of a list or a table are called, and which number each class has."""

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from paddle_aug.core.errors import UserError
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.label_map import LabelMap, read_label_map
from paddle_aug.data.list_files import ListRow, short

log = logging.getLogger(__name__)

# PaddleClas writes label_list.txt, PaddleX label.txt or labels.txt.
MAP_FILES = ("classes.txt", "labels.txt", "label_list.txt", "label.txt")
_LABEL = re.compile(r"([+-]?\d+)(\.0*)?")


def find_label_map(
    folders: Iterable[Path], lists: Iterable[Path | None], guesses: Guesses
) -> LabelMap | None:
    """The map that --class-names gives, or that lies in one of the folders.

    lists: files that list the images; they are not read as maps, whatever their names.
    Raises UserError where two files name the classes differently.
    """
    chosen = guesses.options.class_names
    if chosen in ("folders", "labels"):
        return None
    if chosen is not None:
        return chosen_map(chosen, guesses)
    taken = {path.resolve() for path in lists if path}
    paths = [path for folder in dict.fromkeys(folders) for name in MAP_FILES
             if (path := folder / name).is_file() and path.resolve() not in taken]  # fmt: skip
    if not paths:
        return None
    first = read_label_map(paths[0], guesses)
    for path in paths[1:]:
        try:
            other = read_label_map(path, guesses)
        except UserError:
            continue  # not a map: a label for each image, for example
        if other.names != first.names:
            raise UserError(
                f"{first.source} and {path} name the classes differently: choose with "
                "--class-names FILE"
            )
    return first


def chosen_map(text: str, guesses: Guesses) -> LabelMap:
    """The map of --class-names FILE or --class-names cat,dog,bird. Raises UserError."""
    path = user_path(text)
    if path.is_file():
        return read_label_map(path, guesses)
    if "," not in text:
        raise UserError(
            f"--class-names {text}: no such file; give a file, names with commas between them, "
            "folders or labels"
        )
    names = [name.strip() for name in text.split(",")]
    if not all(names) or len(set(names)) != len(names):
        raise UserError(f"--class-names {text:.200}: has an empty or a repeated class name")
    return LabelMap(dict(enumerate(names)), "--class-names")


def number_labels(
    train: Sequence[ListRow],
    evaluation: Sequence[ListRow],
    label_map: LabelMap | None,
    guesses: Guesses,
) -> tuple[list[str], list[int], list[int]]:
    """Turn labels as written into numbers from 0.

    label_map: names of numbers, from `find_label_map`. Without one, numbered classes are named
    after the folders in the paths, where each label has a folder of its own, else by their numbers.
    Labels that are names are sorted, or in the map's order.
    Returns classes, labels of train, labels of evaluation. Raises UserError with file and line for:
    numbers mixed with names, negative or fractional numbers, numbers that the map does not name, a
    label of evaluation that training does not have.
    """
    known = set(guesses.options.known_classes or ())
    labels = [row.label for row in train], [row.label for row in evaluation]
    are_classes = guesses.options.class_names is None and {*labels[0], *labels[1]} <= known
    if are_classes or not _are_numbers(train, evaluation):
        keys: tuple[Sequence[str | int], Sequence[str | int]] = labels
        order = _order_names(train, None if are_classes else label_map, guesses)
        named: Mapping[Any, str] = {name: name for name in order}
    else:
        numbers = [_number(row) for row in train], [_number(row) for row in evaluation]
        keys, named = numbers, _name_numbers(train, evaluation, numbers, label_map, guesses)
    place: dict[str | int, int] = {key: i for i, key in enumerate(named)}
    _refuse_new_labels(evaluation, [key in place for key in keys[1]], len(place))
    return list(named.values()), [place[key] for key in keys[0]], [place[key] for key in keys[1]]


def _name_numbers(
    train: Sequence[ListRow],
    evaluation: Sequence[ListRow],
    numbers: tuple[list[int], list[int]],
    label_map: LabelMap | None,
    guesses: Guesses,
) -> dict[int, str]:
    """The name of each label number, in the order of the classes."""
    rows = [*train, *evaluation]
    if guesses.options.class_names is None:
        _note_spellings(rows, guesses)
        _refuse_lists_numbered_apart(train, evaluation, numbers)
        own = {number: str(number) for number in sorted({*numbers[0], *numbers[1]})}
        if set(own.values()) <= set(guesses.options.known_classes or ()):
            return own
    if label_map:
        return named_by_map(rows, numbers[0] + numbers[1], label_map, guesses)
    return _named_by_rows(train, evaluation, numbers, guesses)


def _refuse_new_labels(
    evaluation: Sequence[ListRow], known: Sequence[bool], num_classes: int
) -> None:
    """Raise UserError for the first row of evaluation whose label is not `known` from training."""
    for row, is_known in zip(evaluation, known, strict=True):
        if not is_known:
            raise UserError(
                f"{row.place}: label {short(row.label)} does not occur in training "
                f"({num_classes} classes). If the rows are sorted by class, "
                "use the stratified split"
            )


def _note_spellings(rows: Sequence[ListRow], guesses: Guesses) -> None:
    """Note labels that are written otherwise than their numbers: 007, 3.0."""
    other = {row.label: _number(row) for row in rows if row.label != str(_number(row))}
    if other:
        some = dict(sorted(other.items())[:3])
        numbers = ", ".join(map(str, dict.fromkeys(some.values())))
        guesses.note("numbers", labels=", ".join(some), classes=numbers)


def _order_names(
    train: Sequence[ListRow], label_map: LabelMap | None, guesses: Guesses
) -> list[str]:
    """The classes of labels that are names already."""
    if guesses.options.class_names == "folders":
        raise UserError(
            f"--class-names folders: the labels, such as {short(train[0].label)} in "
            f"{train[0].place}, are names already"
        )
    classes = sorted({row.label for row in train})
    if label_map is None:
        return classes
    missing = set(classes) - set(label_map.names.values())
    if not missing:
        return list(label_map.names.values())
    unknown = f"{label_map.source}: does not name the label {short(min(missing))}"
    if guesses.options.class_names is not None:
        raise UserError(unknown)
    log.warning("%s, and is not used: classes are in the order of their names", unknown)
    return classes


def named_by_map(
    rows: Sequence[ListRow], numbers: Sequence[int], label_map: LabelMap, guesses: Guesses
) -> dict[int, str]:
    """The map's names by label number, counted as the rows count them (from 0 or from 1)."""
    names = label_map.names
    if not label_map.by_number:
        first = _first_label(rows, numbers, label_map)
        names = {number + first: name for number, name in names.items()}
        guesses.note("line map", file=label_map.source, first=first)
    else:
        for row, number in zip(rows, numbers, strict=True):
            if number not in names:
                raise UserError(f"{row.place}: label {number} is not in {label_map.source}")
        guesses.note("numbered map", file=label_map.source)
        note_renumbered(list(names), guesses)
    if guesses.options.class_names is None:
        _refuse_other_folders(rows, numbers, names, label_map)
    return names


def _first_label(rows: Sequence[ListRow], numbers: Sequence[int], label_map: LabelMap) -> int:
    """The label of the map's first line: 0, or 1 where label 0 does not occur and the last does.

    Raises UserError for a label without a line, and where 0 and 1 are both possible.
    """
    count = len(label_map.names)
    first = int(0 not in numbers and count in numbers)
    for row, number in zip(rows, numbers, strict=True):
        if number >= count + first:
            last = count - 1 + first
            raise UserError(
                f"{row.place}: label {number} is out of range, {first}..{last} are named by "
                f"{label_map.source}"
            )
    if first == 0 and 0 not in numbers:
        raise UserError(
            f"{label_map.source}: {count} names, but labels {min(numbers)} to {max(numbers)}: "
            "counted from 0 or from 1? Begin each line with its number, as in '1 cat'"
        )
    return first


def _named_by_rows(
    train: Sequence[ListRow],
    evaluation: Sequence[ListRow],
    numbers: tuple[Sequence[int], Sequence[int]],
    guesses: Guesses,
) -> dict[int, str]:
    """Names where no map gives them: the folders in the paths, or the numbers themselves."""
    known = sorted(set(numbers[0]))
    note_renumbered(known, guesses)
    wanted = guesses.options.class_names
    if wanted != "labels":
        names = folder_names([*train, *evaluation], [*numbers[0], *numbers[1]])
        if names is not None:
            guesses.note("folder names")
            return {number: names[number] for number in known}
        if wanted == "folders":
            raise UserError(
                "--class-names folders: in the paths there is no folder for each label alone; give "
                "a file of names"
            )
    return {number: str(number) for number in known}


def note_renumbered(numbers: Sequence[int], guesses: Guesses) -> None:
    """Note label numbers, in the order of their classes, that are not 0, 1, 2, ...; nothing where
    a trained model has numbered the classes."""
    if guesses.options.known_classes is None and list(numbers) != list(range(len(numbers))):
        shown = list(map(str, numbers))
        if len(shown) > 6:
            shown = [*shown[:3], "...", *shown[-2:]]
        guesses.note("renumbered", labels=", ".join(shown), classes=f"0 to {len(numbers) - 1}")


def folder_names(rows: Sequence[ListRow], numbers: Sequence[int]) -> dict[int, str] | None:
    """Names of the labels by the folders in the paths, where each label has a folder of its own.

    Tried from the image upwards: for train/cat/1.png first cat, then train. None where no level of
    folders fits, or there is one label only.
    """
    if len(set(numbers)) < 2:
        return None
    folders = [_folders(row.image) for row in rows]
    for up in range(1, min(map(len, folders)) + 1):
        pairs = {(number, parts[-up]) for number, parts in zip(numbers, folders, strict=True)}
        names = dict(sorted(pairs))
        if len(pairs) == len(names) == len(set(names.values())):
            return names
    return None


def _folders(image: str) -> tuple[str, ...]:
    return PurePosixPath(image.replace("\\", "/")).parts[:-1]


def _refuse_lists_numbered_apart(
    train: Sequence[ListRow], evaluation: Sequence[ListRow], numbers: tuple[list[int], list[int]]
) -> None:
    """Raise UserError where the folders show that the two lists number the classes differently, as
    happens when a script numbers the folders of each part in the order the disk lists them."""
    trained, evaluated = folder_names(train, numbers[0]), folder_names(evaluation, numbers[1])
    for number, folder in (evaluated or {}).items():
        expected = (trained or {}).get(number, folder)
        if folder != expected and folder in (trained or {}).values():
            raise UserError(
                f"{evaluation[0].file}: label {number} lies in folders called {short(folder)}, in "
                f"{train[0].file} in {short(expected)}: number the classes alike, or say "
                "--class-names labels if that is right"
            )


def _refuse_other_folders(
    rows: Sequence[ListRow], numbers: Sequence[int], names: dict[int, str], label_map: LabelMap
) -> None:
    """Raise UserError where the folders are named like the map's classes, but for other labels."""
    found = folder_names(rows, numbers) or {}
    if not set(found.values()) <= set(names.values()):
        return
    for number, folder in found.items():
        if names[number] != folder:
            raise UserError(
                f"{label_map.source}: label {number} is called {short(names[number])}, but its "
                f"images lie in folders called {short(folder)}: choose with --class-names FILE, "
                "or --class-names folders"
            )


def _are_numbers(*parts: Sequence[ListRow]) -> bool:
    """Whether labels are numbers; the first row decides, and the others must agree."""
    kinds: Iterator[tuple[bool, ListRow]] = (
        (_LABEL.fullmatch(row.label) is not None, row) for part in parts for row in part
    )
    numeric, first = next(kinds)
    for kind, row in kinds:
        if kind != numeric:
            raise UserError(
                f"{row.place}: label {short(row.label)} is {'a' if kind else 'not a'} whole "
                f"number, unlike {short(first.label)} in {first.place}"
            )
    return numeric


def _number(row: ListRow) -> int:
    match = _LABEL.fullmatch(row.label)
    assert match is not None, "checked by _are_numbers"
    # Checked before int(), which refuses thousands of digits.
    value = int(match[1]) if len(match[1]) <= 9 else -1
    if value < 0:
        raise UserError(f"{row.place}: label {short(row.label)} is negative or far too large")
    return value
