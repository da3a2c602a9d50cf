"""A sheet of images with their predictions."""

from collections.abc import Sequence
from pathlib import PurePath

import numpy as np
from matplotlib.figure import Figure

from paddle_aug.augment import ops
from paddle_aug.core.text import counted
from paddle_aug.prediction.photos import Photo
from paddle_aug.prediction.predictor import Prediction
from paddle_aug.report.figure import class_labels, print_font_note
from paddle_aug.report.image_sheet import SheetCell, draw_sheet, in_rows

MOST = 40  # images on a sheet
CLASSES = 3  # shown for an image
COLUMNS = 5
_SIDE = 320  # pixels of the longer side, enough for the sheet


def prediction_sheet(
    photos: Sequence[Photo], predictions: Sequence[Prediction], classes: Sequence[str], tta: str
) -> Figure | None:
    """The first MOST images that have a prediction; None where none has.

    The titles are their names, classes and probabilities. classes: all of the model's.
    tta: test-time augmentation in words, for the title; empty for none.
    """
    done = [pair for pair in zip(photos, predictions, strict=True) if not pair[1].error]
    if not done:
        return None
    labels = class_labels(classes)
    shown = done[:MOST]
    names = [PurePath(photo.source).name for photo, _ in shown]
    print_font_note(classes)
    print_font_note(names, "file names")
    cells = [
        SheetCell(_thumbnail(photo.read()), "\n".join([name, *_lines(prediction, labels)]))
        for (photo, prediction), name in zip(shown, class_labels(names, 24), strict=True)
    ]
    failed = len(predictions) - len(done)
    parts = [
        f"the first {MOST} of {counted(len(done), 'image')}" if len(done) > MOST else "",
        f"{counted(failed, 'image')} could not be predicted" if failed else "",
        f"test-time augmentation: {tta}" if tta else "",
    ]
    return draw_sheet(in_rows(cells, COLUMNS), "; ".join(part for part in parts if part))


def _lines(prediction: Prediction, labels: Sequence[str]) -> list[str]:
    rows = zip(prediction.labels[:CLASSES], prediction.probabilities, strict=False)
    return [f"{labels[label]}  {probability:.1%}" for label, probability in rows]


def _thumbnail(image: np.ndarray) -> np.ndarray:
    height, width = image.shape[:2]
    longest = max(height, width)
    if longest <= _SIDE:
        return image
    target = (max(1, height * _SIDE // longest), max(1, width * _SIDE // longest))
    return ops.resize(image, *target, "bilinear", True)
