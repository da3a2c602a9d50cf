"""Pictures made from arrays: sheets of images, the schedule, and those of an evaluation.

Each function returns a matplotlib Figure; `figures.save_figure` writes it. Curves of runs are in
curve_plots.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paddle_aug.figures import class_labels, make_readable, new_figure
from paddle_aug.words import counted


class Cell(NamedTuple):
    """One image of a sheet, uint8 [H, W, 3] or [H, W], and the text above it."""

    image: np.ndarray
    title: str = ""


Grid = Sequence[Sequence[Cell | None]]


def draw_sheet(grid: Grid, title: str = "") -> Figure:
    """Images in rows and columns; None leaves a place empty. Small images keep their pixels."""
    columns = max(len(row) for row in grid)
    shapes = [cell.image.shape[:2] for row in grid for cell in row if cell is not None]
    ratio = float(np.clip(np.median([height / width for height, width in shapes]), 0.4, 2.5))
    lines = max(cell.title.count("\n") + 1 for row in grid for cell in row if cell is not None)
    width = float(np.clip(16 / columns, 1.6, 3.2))
    height = width * ratio + 0.1 + 0.17 * lines
    figure = new_figure(width * columns, height * len(grid) + (0.4 if title else 0))
    if title:
        figure.suptitle(title, parse_math=False)
    for axes, cell in zip(
        figure.subplots(len(grid), columns, squeeze=False).flat,
        (cell for row in grid for cell in (*row, *[None] * (columns - len(row)))),
        strict=True,
    ):
        axes.axis("off")
        if cell is not None:
            _show(axes, cell)
    make_readable(figure)
    return figure


def draw_schedule(
    epochs: int, is_active: Callable[[int], bool] | None, learning_rates: Sequence[float]
) -> Figure:
    """When images are mixed, and the learning rate, over the epochs.

    is_active: of an epoch, from 0; None where nothing is ever mixed. learning_rates: one an epoch,
    or one a step: any number, spread evenly over the run.
    """
    figure = new_figure(12, 4.5, dpi=80)
    heights = [5, 1] if is_active else [5]
    strips = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    rate, lowest = strips[0, 0], strips[-1, 0]
    rates = np.asarray(learning_rates, np.float64)
    edges = np.linspace(0, epochs, len(rates) + 1)
    rate.stairs(rates, edges, baseline=None, color="black", linewidth=1.5, label="learning rate")
    steps = np.unique(rates)
    # Cuts by a factor show on a logarithmic axis, the shape of a cosine on a linear one.
    if len(steps) <= 10 and 0 < 5 * steps[0] < steps[-1]:
        rate.set_yscale("log")
    else:
        rate.set_ylim(0, 1.15 * rates.max())
        rate.ticklabel_format(axis="y", scilimits=(-2, 4))
    rate.set_ylabel("Learning rate")
    rate.grid(True, alpha=0.6)
    rate.set_title("Training schedule")
    if is_active:
        active = np.array([is_active(epoch) for epoch in range(epochs)], float)
        lowest.stairs(active, np.arange(epochs + 1), fill=True, color="blue", alpha=0.5)
        lowest.set_ylim(0, 1)
        lowest.set_yticks([])
        lowest.set_ylabel("Mixing")
        share = f"on in {active.sum():.0f} of {counted(epochs, 'epoch')}"
        lowest.set_title(share, fontsize="medium")
    lowest.set_xlabel("Epoch")
    lowest.set_xlim(0, epochs)
    lowest.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return figure


def confusion_figure(matrix: np.ndarray, names: Sequence[str]) -> Figure:
    """Confusion matrix: rows are true classes, columns predicted ones.

    matrix: counts [C, C]. The colour is the share of the true class; up to 20 classes the counts
    stand in the cells. names: of the classes, in the matrix's order.
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
        Cell(image, f"true: {labels[a]}\npredicted: {labels[b]} {probability:.0%}")
        for image, a, b, probability in zip(images, true, predicted, probabilities, strict=True)
    ]
    return draw_sheet(in_rows(cells, columns), "The most confident mistakes")


def reliability_figure(confidences: np.ndarray, correct: np.ndarray, bins: int = 10) -> Figure:
    """How often predictions of a confidence are right, and the expected calibration error.

    confidences: float [N] in [0, 1], of the predicted class. correct: bool [N]. Source: Guo et al.
    2017, arXiv 1706.04599.
    """
    confidences = np.asarray(confidences, np.float64)
    correct = np.asarray(correct, np.float64)
    place = np.clip((confidences * bins).astype(int), 0, bins - 1)
    counts = np.bincount(place, minlength=bins)
    filled = counts > 0
    accuracy = np.bincount(place, correct, bins)[filled] / counts[filled]
    confidence = np.bincount(place, confidences, bins)[filled] / counts[filled]
    error = float((counts[filled] * np.abs(accuracy - confidence)).sum() / max(counts.sum(), 1))
    figure = new_figure(5.5, 5)
    axes = figure.add_subplot()
    centres = (np.flatnonzero(filled) + 0.5) / bins
    axes.bar(centres, accuracy, width=0.9 / bins, color="steelblue", label="accuracy")
    axes.plot([0, 1], [0, 1], color="gray", linestyle="--", label="perfect")
    axes.set(xlim=(0, 1), ylim=(0, 1), xlabel="Confidence", ylabel="Accuracy")
    axes.set_title(f"Expected calibration error {error:.4f}")
    axes.grid(True, alpha=0.6)
    axes.legend(loc="upper left")
    return figure


def in_rows(cells: Sequence[Cell], columns: int) -> list[list[Cell | None]]:
    """Cells row by row, the last row filled up with None."""
    columns = min(columns, len(cells))
    padded = [*cells, *[None] * (-len(cells) % columns)]
    return [padded[start : start + columns] for start in range(0, len(padded), columns)]


def _show(axes: Axes, cell: Cell) -> None:
    small = max(cell.image.shape[:2]) < 96
    gray = {"cmap": "gray", "vmin": 0, "vmax": 255} if cell.image.ndim == 2 else {}
    axes.imshow(cell.image, interpolation="nearest" if small else "antialiased", **gray)
    axes.set_title(cell.title, fontsize="small", parse_math=False)
