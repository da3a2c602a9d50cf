"""The page's sections with images: training images, confusion matrices, changed answers.

If an image cannot be read, the page says why in its place.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.page.answers import MOST_CLASSES, Change, Matrix, changes, matrices
from paddle_aug.page.sentences import Language
from paddle_aug.page.tiles import Tile, heat_map, tile
from paddle_aug.page.wording import share, text
from paddle_aug.report.groups import Group
from paddle_aug.runs.predictions import Predictions
from paddle_aug.runs.reading import Run

# Images for each method; few, so that a page of fifteen methods stays small.
_MANY_METHODS = 6
_ERRORS = 8


@dataclass(frozen=True)
class TrainingImage:
    """One image as the model got it, uint8 [H, W, 3], and its label's name.

    partner: name of the label of the image that was mixed in, None where none was or the labels
    are the same; lam: weight of the own label.
    """

    pixels: np.ndarray
    label: str
    partner: str | None
    lam: float


@dataclass(frozen=True)
class TrainingImages:
    """The first images of each of a run's first batches of an epoch, counted from 0.

    same_data: whether the data are those that the run recorded; None where it recorded none.
    """

    images: list[TrainingImage]
    epoch: int
    same_data: bool | None


class EvaluationImages(Protocol):
    """A run's evaluation images, numbered from 0 as its answers are.

    An item is an image, uint8 [H, W, 3], and its class's number; UserError where it cannot be read.
    source: the image's path, or a name such as "digits[17]".
    """

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]: ...
    def source(self, index: int) -> str: ...


class ImageSource(Protocol):
    """The source of images: run_images.RunImages, or one that only says why there are none."""

    def training(self, run: Run, most: int) -> TrainingImages: ...
    def evaluation(self, run: Run, answers: Predictions) -> EvaluationImages: ...


class NoImages:
    """A source without images, with the reason."""

    def __init__(self, reason: str):
        self.reason = reason

    def training(self, run: Run, most: int) -> TrainingImages:
        raise UserError(self.reason)

    def evaluation(self, run: Run, answers: Predictions) -> EvaluationImages:
        raise UserError(self.reason)


@dataclass(frozen=True)
class Sheet:
    """Images of one method, with their texts."""

    label: str
    notes: list[str]
    tiles: list[Tile] = field(default_factory=list)


@dataclass(frozen=True)
class ShownMatrix:
    """A confusion matrix as a table, rows of class and cells of count and share, or a picture."""

    title: str
    classes: tuple[str, ...]
    rows: list[tuple[str, list[tuple[str, str]]]]
    address: str | None
    alt: str
    errors: str


@dataclass(frozen=True)
class ShownChange:
    """Images that a method answers otherwise than the baseline: its label, notes, and for those
    that became right and those that became wrong a title with their tiles. Empty parts are left
    out."""

    label: str
    notes: list[str]
    parts: list[tuple[str, list[Tile]]]


def training_sheets(groups: Sequence[Group], images: ImageSource, say: Language) -> list[Sheet]:
    """A sheet for each method, from its first run."""
    most = 8 if len(groups) <= _MANY_METHODS else 5
    sheets = []
    for group in groups:
        run = group.runs[0]
        try:
            found = images.training(run, most)
        except UserError as error:
            sheets.append(Sheet(group.label, [say("no_images", reason=_one_line(error, say))]))
            continue
        notes = [say("training_epoch", epoch=found.epoch, seed=text(run.seed))]
        if found.same_data is False:
            notes.append(say("other_data"))
        tiles = []
        for image in found.images:
            caption = _label(image, say)
            tiles.append(tile(image.pixels, (caption,), say("alt_training", text=caption)))
        sheets.append(Sheet(group.label, notes, tiles))
    return sheets


def shown_matrices(groups: Sequence[Group], say: Language) -> list[ShownMatrix]:
    """The matrix of each method; with many classes as a picture with the largest errors in
    words."""
    return [_shown_matrix(matrix, say) for matrix in matrices(groups)]


def shown_changes(
    groups: Sequence[Group], baseline: Group, images: ImageSource, say: Language
) -> list[ShownChange]:
    """For every other method the images that became right, and those that became wrong."""
    most = (6, 4) if len(groups) <= _MANY_METHODS else (4, 2)
    return [_shown_change(change, baseline.label, images, most, say)
            for change in changes(groups, baseline)]  # fmt: skip


def _shown_change(
    change: Change, baseline: str, images: ImageSource, most: tuple[int, int], say: Language
) -> ShownChange:
    notes = [
        say("changed_counts", baseline=baseline, seed=text(change.run.seed),
            images=f"{len(change.own.labels):,}", gained=len(change.gained), lost=len(change.lost))
    ]  # fmt: skip
    dataset: EvaluationImages | None = None
    try:
        dataset = images.evaluation(change.run, change.own)
    except UserError as error:
        notes.append(say("no_pictures", reason=_one_line(error, say)))
    parts = []
    titles = (say("gained"), say("lost", baseline=baseline))
    for title, numbers, count in zip(titles, (change.gained, change.lost), most, strict=True):
        tiles = [_changed_tile(change, baseline, int(i), dataset, say) for i in numbers[:count]]
        if tiles:
            parts.append((title, tiles))
    return ShownChange(change.label, notes, parts)


def _changed_tile(
    change: Change, baseline: str, number: int, dataset: EvaluationImages | None, say: Language
) -> Tile:
    own, other = change.own, change.other
    name = say("image_number", number=number)
    answers = [
        say("answered", method=method, label=each.classes[each.predicted[number]],
            share=f"{each.probability[number]:.0%}")
        for method, each in ((baseline, other), (say("this_method"), own))
    ]  # fmt: skip
    true = say("true_is", label=own.classes[own.labels[number]])
    if dataset is None:
        return Tile(None, False, (name, true, *answers), "")
    try:
        pixels, _ = dataset[number]
    except UserError as error:
        return Tile(None, False, (name, true, *answers, _one_line(error, say)), "")
    source = dataset.source(number).replace("\\", "/").rpartition("/")[2]
    return tile(pixels, (source, true, *answers), f"{source}: {true}")


def _shown_matrix(matrix: Matrix, say: Language) -> ShownMatrix:
    errors = ", ".join(
        say("confused", true=true, predicted=predicted, count=count)
        for true, predicted, count in matrix.largest_errors(_ERRORS)
    )
    classes = matrix.classes
    title = say("matrix_title", label=matrix.label, accuracy=share(matrix.accuracy),
                images=f"{matrix.counts.sum():,}")  # fmt: skip
    if matrix.runs < matrix.of:
        title += say("matrix_runs", n=matrix.runs, of=matrix.of)
    rows, address = [], None
    if len(classes) <= MOST_CLASSES:
        rows = [
            (name, [(str(count), f"{part:.2f}") for count, part in zip(counts, parts, strict=True)])
            for name, counts, parts in zip(classes, matrix.counts, matrix.shares, strict=True)
        ]
    else:
        address = heat_map(matrix.shares)
    key = "alt_matrix" if errors else "alt_matrix_right"
    alt = say(key, label=matrix.label, n=len(classes), errors=errors)
    said = say("errors", errors=errors) if errors else ""
    return ShownMatrix(title, classes, rows, address, alt, said)


def _label(image: TrainingImage, say: Language) -> str:
    if image.partner is None:
        return image.label
    if image.lam == 1:
        return say("mixed_in", label=image.label, partner=image.partner)
    return say("mixed_labels", lam=f"{image.lam:.2f}", label=image.label,
               rest=f"{1 - image.lam:.2f}", partner=image.partner)  # fmt: skip


def _one_line(error: UserError, say: Language) -> str:
    """The message; of several lines the first, without the colon that leads to the others."""
    first, _, more = str(error).partition("\n")
    return say.remark(first.rstrip(":") if more else first)
