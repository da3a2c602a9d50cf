"""Sheets of images: rows of cells with a title each."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from paddle_aug.report.figure import make_readable, new_figure


class SheetCell(NamedTuple):
    """One image of a sheet, uint8 [H, W, 3] or [H, W], and the text above it."""

    image: np.ndarray
    title: str = ""


Grid = Sequence[Sequence[SheetCell | None]]
_TITLE_LETTERS = 9.5  # in an inch of a sheet's title, few of which are as wide as an m
_LINE = 0.2  # inches of a line of it


def draw_sheet(grid: Grid, title: str = "") -> Figure:
    """Images in rows and columns; None leaves a place empty. Small images are not smoothed.

    A title that is wider than the sheet goes on in further lines.
    """
    columns = max(len(row) for row in grid)
    shapes = [cell.image.shape[:2] for row in grid for cell in row if cell is not None]
    ratio = float(np.clip(np.median([height / width for height, width in shapes]), 0.4, 2.5))
    lines = max(cell.title.count("\n") + 1 for row in grid for cell in row if cell is not None)
    width = float(np.clip(16 / columns, 1.6, 3.2))
    height = width * ratio + 0.1 + 0.17 * lines
    letters = _TITLE_LETTERS if title.isascii() else _TITLE_LETTERS / 2  # Chinese ones are wide
    title_lines = textwrap.wrap(title, int(letters * width * columns))
    space = 0.2 + _LINE * len(title_lines) if title_lines else 0
    figure = new_figure(width * columns, height * len(grid) + space)
    if title_lines:
        figure.suptitle("\n".join(title_lines), parse_math=False)
    for axes, cell in zip(
        figure.subplots(len(grid), columns, squeeze=False).flat,
        (cell for row in grid for cell in (*row, *[None] * (columns - len(row)))),
        strict=True,
    ):
        axes.axis("off")
        if cell is not None:
            _show(axes, cell)
    make_readable(figure)
    if title_lines:
        _make_room(figure, _LINE * len(title_lines))
    return figure


def _make_room(figure: Figure, reckoned: float) -> None:
    """Make the figure higher where its title is higher than reckoned (inches), as lines of some
    Chinese fonts are."""
    (title,) = figure.texts
    missing = title.get_window_extent().height / figure.dpi - reckoned
    if missing > 0:
        figure.set_figheight(figure.get_figheight() + missing)


def in_rows(cells: Sequence[SheetCell], columns: int) -> list[list[SheetCell | None]]:
    """Cells row by row, the last row filled up with None."""
    columns = min(columns, len(cells))
    padded = [*cells, *[None] * (-len(cells) % columns)]
    return [padded[start : start + columns] for start in range(0, len(padded), columns)]


def _show(axes: Axes, cell: SheetCell) -> None:
    small = max(cell.image.shape[:2]) < 96
    gray = {"cmap": "gray", "vmin": 0, "vmax": 255} if cell.image.ndim == 2 else {}
    axes.imshow(cell.image, interpolation="nearest" if small else "antialiased", **gray)
    axes.set_title(cell.title, fontsize="small", parse_math=False)
