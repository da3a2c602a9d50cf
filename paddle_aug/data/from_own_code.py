"""Data sets of a user's own code: --data my_module:load."""

from collections.abc import Iterable, Iterator
from typing import Any, cast

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import failure, load_object
from paddle_aug.data.dataset import ImageDataset, TrainAndEval
from paddle_aug.data.from_arrays import MAX_CLASSES, check_labels


class OwnDataset(ImageDataset):
    """Any map-style data set of (uint8 image [H, W, 3] or [H, W], class number) items."""

    def __init__(self, items: Any, name: str):
        self._items, self._numbers = items, np.arange(len(items))
        labels = getattr(items, "labels", None)
        if labels is None:
            labels = [self._item(number, name)[1] for number in range(len(items))]
        elif len(items):
            labels = _checked_labels(labels, len(items), name)
            _, first = self._item(0, name)
            if first != labels[0]:
                raise UserError(
                    f"data {name}: item 0 has label {first}, but labels[0] is {labels[0]}"
                )
        labels = np.asarray(labels, np.int64)
        classes = getattr(items, "classes", None)
        if classes is None:
            check_labels(name, labels, MAX_CLASSES)
            classes = range(int(labels.max(initial=-1)) + 1)
        elif isinstance(classes, str) or not isinstance(classes, Iterable):
            raise UserError(f"data {name}: classes is {classes!r:.40}; a list of names is needed")
        super().__init__(labels, [str(c) for c in classes], name)

    def _item(self, number: int, name: str) -> tuple[np.ndarray, int]:
        try:
            item = self._items[number]
        except UserError:
            raise
        except Exception as error:
            raise UserError(
                f"data {name}: item {number} cannot be read ({failure(error)})"
            ) from None
        image, label = (item[0], item[1]) if isinstance(item, tuple | list) else (item, None)
        image = np.asarray(image)
        fits = image.dtype == np.uint8 and (image.ndim == 2 or image.shape[2:] == (3,))
        number_of_class = np.asarray(label)
        if not fits or number_of_class.size != 1 or not _whole(number_of_class):
            raise UserError(
                f"data {name}: item {number} is not (uint8 image [H, W, 3] or [H, W], class "
                f"number): {image.dtype} {list(image.shape)}, label {label!r:.40}"
            )
        return image, int(number_of_class.item())

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        image, _ = self._item(int(self._numbers[index]), self.name)
        image = np.repeat(image[:, :, None], 3, axis=2) if image.ndim == 2 else image.copy()
        return np.ascontiguousarray(image), int(self.labels[index])

    def source(self, index: int) -> str:
        return f"{self.name}[{self._numbers[index]}]"

    def fingerprints(self) -> Iterator[bytes]:
        for number in self._numbers:
            yield np.ascontiguousarray(self._item(int(number), self.name)[0]).tobytes()

    def _select(self, chosen: np.ndarray) -> None:
        self._numbers = self._numbers[chosen]


def _checked_labels(labels: Any, count: int, name: str) -> np.ndarray:
    """The attribute `labels` of `count` items: whole numbers [count] or [count, 1]."""
    try:
        numbers = np.asarray(labels)
    except ValueError as error:  # lists of different lengths
        raise UserError(f"data {name}: labels is not a list of class numbers ({error})") from None
    numbers = numbers[:, 0] if numbers.shape[1:] == (1,) else numbers
    if numbers.shape != (count,) or not _whole(numbers):
        raise UserError(
            f"data {name}: labels is {numbers.dtype} {list(numbers.shape)}; a class number for "
            f"each of the {count} items is needed (or no attribute `labels`: items are asked then)"
        )
    return numbers.astype(np.int64)


def _whole(numbers: np.ndarray) -> bool:
    """Whether they are whole numbers, of whatever type."""
    kind = numbers.dtype.kind
    return kind in "iub" or (kind == "f" and bool((numbers == np.floor(numbers)).all()))


def load_own(path: str) -> TrainAndEval:
    """What the function `my_module:load` returns: (training, evaluation) data sets.

    Class numbers count from 0. Attributes `labels` (a class number for each item) and `classes`
    (names) of a data set are used if it has them.
    Raises UserError where the function or an item does not fit.
    """
    load: Any = load_object(path, "data")
    if not callable(load):
        raise UserError(f"data {path}: is {type(load).__name__}; a function is needed")
    try:
        train, evaluation = cast(Any, load)()
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"data {path}: calling it for (training, evaluation) data sets failed "
            f"({failure(error)})"
        ) from None
    sets = []
    for part, items in (("training", train), ("evaluation", evaluation)):
        if not (hasattr(items, "__len__") and hasattr(items, "__getitem__")):
            raise UserError(f"data {path}: the {part} part has no length or no items")
        sets.append(OwnDataset(items, path))
        if len(items) == 0:
            raise UserError(f"data {path}: the {part} part is empty")
    if sets[1].classes != sets[0].classes:
        # Without `classes` they are counted by the labels; the evaluation part may lack the last
        # ones.
        if sets[1].classes != sets[0].classes[: len(sets[1].classes)]:
            raise UserError(f"data {path}: training and evaluation part name other classes")
        sets[1].classes = list(sets[0].classes)
    labels = np.concatenate([part.labels for part in sets])
    if labels.min() < 0 or labels.max() >= len(sets[0].classes):
        raise UserError(
            f"data {path}: labels run from {labels.min()} to {labels.max()}, but there are "
            f"{len(sets[0].classes)} classes in training, counted from 0"
        )
    return sets[0], sets[1]
