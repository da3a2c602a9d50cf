"""The figures of an evaluation: confusion matrix and mistakes.

Each function returns a matplotlib Figure, which `figure.save_figure` writes.
"""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from paddle_aug.core.text import counted
from paddle_aug.report.figure import class_labels, make_readable, new_figure
from paddle_aug.report.image_sheet import SheetCell, draw_sheet, in_rows


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Confusion matrix: rows are true classes, columns predicted ones.

    matrix: counts [C, C]. The colour shows the share of the true class; with up to 20 classes the
    cells show the counts. names: of the classes, in the matrix's order.
    """
    matrix = np.asarray(matrix)
    if matrix.ndim != 2 or matrix.shape[0] != matrix.shape[1] or len(names) != len(matrix):
        raise ValueError(f"need counts [C, C] and C names, got {matrix.shape} and {len(names)}")
    classes = len(matrix)
    totals = matrix.sum(axis=1, keepdims=True)
    shares = np.divide(matrix, totals, out=np.zeros(matrix.shape), where=totals > 0)
    side = float(np.clip(0.45 * classes, 3.5, 14))
    figure = new_figure(side + 2.4, side + 1.6)
    axes = figure.add_subplot()
    picture = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    figure.colorbar(picture, ax=axes, label="share of the true class", fraction=0.04, pad=0.02)
    size = float(np.clip(72 * side / classes * 0.75, 4, 10))
    labels = class_labels(names)
    too_wide = max(map(len, labels)) * 0.01 * size > 0.9 * side / classes
    axes.set_xticks(range(classes), labels, fontsize=size, parse_math=False)
    axes.tick_params(axis="x", labelrotation=90 if too_wide else 0)
    axes.set_yticks(range(classes), labels, fontsize=size, parse_math=False)
    axes.set_xlabel("predicted")
    axes.set_ylabel("true")
    correct = matrix.trace() / matrix.sum() if matrix.sum() else 0.0
    axes.set_title(f"Accuracy {correct:.4f} on {counted(int(matrix.sum()), 'image')}")
    if classes <= 20:
        for (row, column), count in np.ndenumerate(matrix):
            if count:
                colour = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", color=colour, size=8)
    make_readable(figure)
    return figure


def mistakes_figure(
    images: Sequence[np.ndarray],
    true: Sequence[int],
    predicted: Sequence[int],
    probabilities: Sequence[float],
    names: Sequence[str],
    columns: int = 5,
) -> Figure:
    """Wrongly classified images with their true and predicted class, in the given order.

    images: uint8 [H, W, 3] each. probabilities: of the predicted class, in [0, 1].
    """
    if not len(images):
        figure = new_figure(5, 1.5)
        figure.text(0.5, 0.5, "no mistakes", ha="center", va="center")
        return figure
    labels = class_labels(names, longest=16)
    cells = [
        SheetCell(image, f"true: {labels[a]}\npredicted: {labels[b]} {probability:.0%}")
        for image, a, b, probability in zip(images, true, predicted, probabilities, strict=True)
    ]
    return draw_sheet(in_rows(cells, columns), "The most confident mistakes")
