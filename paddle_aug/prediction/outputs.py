"""Predictions as a table for a terminal, as CSV and as JSON lines.

image,class1,probability1,class2,probability2,tta,error     CSV, in UTF-8 with a mark for Excel
{"image": ..., "tta": "none", "predictions": [{"class": ..., "label": 3, "probability": ...}]}
{"image": ..., "tta": "none", "error": "not an image (...)"}
"""

import csv
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from paddle_aug.core.atomic import atomic_write, write_text
from paddle_aug.language import translated
from paddle_aug.prediction.predictor import Prediction
from paddle_aug.report.spreadsheets import note_formulas


def format_table(predictions: Sequence[Prediction]) -> str:
    """A line for each image with its most probable classes; `format_errors` lists failed images."""
    rows = [
        [_shown(p.image), _shown(p.classes[0]), f"{p.probabilities[0]:.4f}", _shown(_next(p))]
        for p in predictions
        if not p.error
    ]
    header = translated(["image", "class", "probability", "next"])
    if not any(row[3] for row in rows):
        rows, header = [row[:3] for row in rows], header[:3]
    return tabulate(rows, header, disable_numparse=True) if rows else ""


def format_errors(predictions: Sequence[Prediction]) -> list[str]:
    """`image: reason` of each image without a prediction."""
    return [_shown(f"{p.image}: {p.error}") for p in predictions if p.error]


def _shown(text: str) -> str:
    """On one line, whatever a stranger's file is called: what a terminal would obey as \\xNN."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _next(prediction: Prediction) -> str:
    others = zip(prediction.classes[1:], prediction.probabilities[1:], strict=True)
    return ", ".join(f"{name} {probability:.4f}" for name, probability in others)


def json_values(prediction: Prediction, tta: str) -> dict[str, Any]:
    """One image as what a JSON object holds."""
    values: dict[str, Any] = {"image": prediction.image, "tta": tta}
    if prediction.error:
        values["error"] = prediction.error
    else:
        keys = ("class", "label", "probability")
        rows = zip(prediction.classes, prediction.labels, prediction.probabilities, strict=True)
        values["predictions"] = [dict(zip(keys, row, strict=True)) for row in rows]
    return values


def write_json_lines(path: Path, predictions: Sequence[Prediction], tta: str) -> None:
    lines = [json.dumps(json_values(one, tta), ensure_ascii=False) for one in predictions]
    write_text(path, "".join(f"{line}\n" for line in lines))


def write_csv(path: Path, predictions: Sequence[Prediction], tta: str, top: int) -> None:
    """Write a row for each image. The byte-order mark lets Excel open Chinese.

    Names are written as they are; a note to stderr names classes that a spreadsheet would compute.
    """
    columns = [f"{name}{place}" for place in range(1, top + 1) for name in ("class", "probability")]
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8-sig", errors="backslashreplace") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["image", *columns, "tta", "error"])
        for one in predictions:
            pairs = zip(one.classes, one.probabilities, strict=True)
            cells: list[Any] = [value for pair in pairs for value in pair]
            empty = [""] * (2 * top - len(cells))
            writer.writerow([one.image, *cells, *empty, tta, one.error])
    note_formulas(dict.fromkeys(n for one in predictions for n in one.classes), str(path))
