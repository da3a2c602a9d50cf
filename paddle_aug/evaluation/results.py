"""What evaluate.py writes and prints: figures, tables, predictions, pictures."""

import csv
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

from paddle_aug.core.atomic import atomic_write, write_json
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import refuse_foreign
from paddle_aug.core.safe_files import MATRIX_LIMIT, read_json
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.evaluation.options import Views
from paddle_aug.language import translated
from paddle_aug.report.evaluation_figures import confusion_figure, mistakes_figure
from paddle_aug.report.figure import save_figure
from paddle_aug.runs.layout import EVALUATION_FILES, FIGURES, PREDICTIONS
from paddle_aug.runs.ownership import RunStart, is_evaluation
from paddle_aug.runs.predictions import write_predictions
from paddle_aug.train.engine import score
from paddle_aug.train.metrics import ClassFigures, accuracy, confusion_matrix, per_class

MISTAKES = 16  # images on the sheet of mistakes
TOP = 5  # the k of the top-k accuracy, which is given where there are more classes than k


def figures(probabilities: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """The figures of a prediction, as evaluation.json holds them.

    top5: None of five classes or fewer, where it says nothing.
    """
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    tiny = np.finfo(np.float64).tiny
    return {
        "images": len(labels),
        "loss": score(np.log(np.maximum(probabilities, tiny)), labels).loss,
        "top1": accuracy(probabilities, labels),
        "top5": accuracy(probabilities, labels, k=TOP) if len(classes) > TOP else None,
        "classes": [
            {"class": name, **vars(row)}
            for name, row in zip(classes, per_class(confusion), strict=True)
        ],
        "confusion": confusion.tolist(),
    }


def write_evaluation(
    output: Path,
    result: dict[str, Any],
    probabilities: np.ndarray,
    labels: np.ndarray,
    dataset: ImageDataset,
    run: RunStart,
) -> None:
    """evaluation.json, predictions.npz, classes.csv, confusion.csv, confusion.png, mistakes.csv,
    mistakes.png.

    run: as it was when its weights were read. Raises UserError where another one has its place
    now, and where `output` has such files that are of no evaluation.
    """
    with locked(output, wait=True):
        run.refuse_replaced()
        refuse_foreign_folder(output)
        _write(output, result, probabilities, labels, dataset)


def refuse_foreign_folder(output: Path) -> None:
    """Raise UserError where the folder has files that an evaluation would replace, of another
    kind."""
    refuse_foreign(output, EVALUATION_FILES, is_evaluation(output), "an evaluation")


def _write(
    output: Path,
    result: dict[str, Any],
    probabilities: np.ndarray,
    labels: np.ndarray,
    dataset: ImageDataset,
) -> None:
    classes = dataset.classes
    # Those of an earlier evaluation are not to stand beside the figures of this one.
    (output / PREDICTIONS).unlink(missing_ok=True)
    write_json(output / FIGURES, result)
    write_predictions(output / PREDICTIONS, probabilities, labels, list(classes))
    _write_csv(
        output / "classes.csv",
        ["class", *ClassFigures.__dataclass_fields__],
        [list(row.values()) for row in result["classes"]],
    )
    confusion = result["confusion"]
    rows = [[name, *counts] for name, counts in zip(classes, confusion, strict=True)]
    _write_csv(output / "confusion.csv", ["true \\ predicted", *classes], rows)
    save_figure(confusion_figure(np.array(confusion), classes), output / "confusion.png")

    predicted = probabilities.argmax(1)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    _write_csv(
        output / "mistakes.csv",
        ["image", "true", "predicted", "probability"],
        [
            [dataset.source(int(i)), classes[labels[i]], classes[predicted[i]], confidence[i]]
            for i in wrong
        ],
    )
    shown = wrong[:MISTAKES]
    images = [dataset[int(index)][0] for index in shown]
    figure = mistakes_figure(
        images, labels[shown].tolist(), predicted[shown].tolist(), confidence[shown].tolist(),
        classes,
    )  # fmt: skip
    save_figure(figure, output / "mistakes.png")


def format_classes(result: dict[str, Any]) -> str:
    """The table of the classes, for a terminal."""
    rows = [list(row.values()) for row in result["classes"]]
    headers = translated(["class", *ClassFigures.__dataclass_fields__])
    return tabulate(rows, headers, floatfmt=".3f")


def headline(result: dict[str, Any], views: Views | None = None) -> str:
    """A line with the figures over all classes, the number and source of the images, and the views
    of each image where there are several."""
    top5 = "" if result["top5"] is None else f", top-{TOP} {result['top5']:.4f}"
    line = f"{result['what']}: loss {result['loss']:.4f}, top-1 {result['top1']:.4f}{top5}"
    if views is None or views.kind == "none":
        return line
    return f"{line}; with test-time augmentation: the mean over {views.in_words()}"


# What an evaluation is of, by keys of its figures, in words for a message.
_IS_OF = {"run": "another run", "checkpoint": "another checkpoint", "data_options": "other data"}


def refuse_other_evaluation(output: Path, own: Mapping[str, Any]) -> None:
    """Raise UserError where the folder holds the evaluation of something else, which would be lost.

    own: some of the keys run (its real path), checkpoint and data_options, with the values of the
    evaluation that is to be written.
    """
    try:
        before = read_json(output / FIGURES, MATRIX_LIMIT)
    except UserError:
        return
    if isinstance(before.get("run"), str):
        before["run"] = os.path.realpath(before["run"])
    for key, value in own.items():
        held = before.get(key, value)
        if held != value:
            name = held.get("data") if isinstance(held, dict) else held or "the run's own"
            raise UserError(
                f"{output}: holds the evaluation of {_IS_OF[key]} ({name}); choose another folder "
                "with --output"
            )


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
