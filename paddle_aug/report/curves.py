"""Figures as in the SamplePairing article: loss and accuracy of several runs by epoch."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from paddle_aug.core.text import counted
from paddle_aug.modes import BASELINE_COLOUR, BASELINES, MODES
from paddle_aug.report.figure import class_labels, new_figure
from paddle_aug.report.groups import Group
from paddle_aug.runs.reading import Run
from paddle_aug.runs.stats import LAST

SPARE_COLOURS = (
    "teal", "crimson", "slateblue", "chocolate", "hotpink", "limegreen", "steelblue", "darkkhaki",
)  # fmt: skip
STYLES = {"Train": "--", "Eval": "-"}
KINDS = {"loss": "Loss", "acc": "Accuracy"}
# A legend with more curves, or of a larger share of the axes' height, is put below them.
MOST_INSIDE = 6
LARGEST_SHARE = 0.3


def colours(groups: Sequence[Group], baseline: Group) -> dict[str, str]:
    """Colour of each label: its mode's; for a further group of a mode the most different spare one.

    A baseline that does not mix takes userDef's green, as in the SamplePairing article, unless
    userDef is shown, too.
    """
    chosen: dict[str, str] = {}
    mode = MODES.get(baseline.mode)
    mixes = mode is not None and mode.mixing is not None
    if not mixes and all(group.mode != BASELINES[0] for group in groups):
        chosen[baseline.label] = BASELINE_COLOUR
    for group in groups:
        own = MODES[group.mode].colour if group.mode in MODES else None
        if group.label not in chosen and own is not None and own not in chosen.values():
            chosen[group.label] = own
    for group in groups:
        if group.label not in chosen:
            chosen[group.label] = _least_alike(list(chosen.values()))
    return chosen


def _least_alike(taken: Sequence[str]) -> str:
    """The spare colour that differs most from those taken; all are free again once used up."""
    free = [colour for colour in SPARE_COLOURS if colour not in taken] or SPARE_COLOURS
    distances = {
        colour: min((math.dist(to_rgb(colour), to_rgb(other)) for other in taken), default=0)
        for colour in free
    }
    return max(free, key=distances.__getitem__)


def drawn_epochs(groups: Sequence[Group]) -> int:
    """Epochs of the longest curve that is drawn."""
    return max(group.shortest for group in groups)


def zoom_start(epochs: int, zoom: int | None = None, last: int = LAST) -> int:
    """First epoch of the zoom: the last 100 of 200 epochs or more, or the last fifth, ten at least.

    zoom: another number of epochs. last: epochs that the table averages, all of them shown.
    """
    window = zoom or max(last, LAST, 100 if epochs >= 200 else round(epochs / 5))
    return max(0, epochs - window)


def draw_curves(
    axes: Axes, groups: Sequence[Group], baseline: Group, kind: str, start: int = 0
) -> float | None:
    """Draw the curves of one kind, "loss" or "acc", from epoch `start` on.

    A group of several runs is its mean with a band of one standard deviation. Epochs in which
    SamplePairing mixes are shaded, where its runs recorded them. Draws no legend.
    Returns the value above which nothing is shown, or None.
    """
    chosen = colours(groups, baseline)
    names = readable_labels(groups)
    shown = []
    for group in groups:
        for part, style in STYLES.items():
            mean, std = group.curve(kind + part)
            epochs = np.arange(len(mean))[start:]
            mean = np.where(np.isfinite(mean), mean, np.nan)[start:]
            if not np.isfinite(mean).any():
                continue
            colour = chosen[group.label]
            name = f"{names[group.label]} {part.lower()}"
            marker = "." if len(epochs) == 1 else ""
            axes.plot(epochs, mean, style, color=colour, label=name, linewidth=1.3, marker=marker)
            shown.append(mean[np.isfinite(mean)])
            if std is not None:
                low, high = mean - std[start:], mean + std[start:]
                axes.fill_between(epochs, low, high, color=colour, alpha=0.12, linewidth=0)
    _shade_mixing(axes, groups, start)
    axes.set_title(_title(kind, groups, start))
    return _finish(axes, kind, shown)


def comparison_figure(
    groups: Sequence[Group], baseline: Group, kind: str, start: int = 0
) -> Figure:
    """Training and evaluation curves of one kind in a figure: whole, or from epoch `start` on."""
    figure = new_figure(12, 8, dpi=80)
    _name_subject(figure, groups)
    axes = figure.add_subplot()
    draw_curves(axes, groups, baseline, kind, start)
    _add_legends(figure)
    return figure


def combined_figure(groups: Sequence[Group], baseline: Group, start: int) -> Figure:
    """Loss and accuracy above, their zoom from epoch `start` on below; no zoom where it is 0."""
    rows = (0, start) if start else (0,)
    figure = new_figure(15, 5 * len(rows), dpi=90)
    _name_subject(figure, groups)
    grid = figure.subplots(len(rows), 2, squeeze=False)
    for row, first in zip(grid, rows, strict=True):
        for axes, kind in zip(row, KINDS, strict=True):
            draw_curves(axes, groups, baseline, kind, first)
    _add_legends(figure)
    return figure


def readable_labels(groups: Sequence[Group]) -> dict[str, str]:
    """By label the text that stands for it in a picture: itself, or #number without a font."""
    labels = [group.label for group in groups]
    # A legend leaves out what begins with an underscore.
    texts = [f" {text}" if text.startswith("_") else text
             for text in class_labels(labels, longest=None)]  # fmt: skip
    return dict(zip(labels, texts, strict=True))


def subject(groups: Sequence[Group]) -> str:
    """Data and model of the runs, as "digits, LeNet at 32 pixels"; empty where not recorded.

    Several are separated by "; ".
    """
    return "; ".join(dict.fromkeys(filter(None, (_of_run(run) for g in groups for run in g.runs))))


def _name_subject(figure: Figure, groups: Sequence[Group]) -> None:
    if title := subject(groups):
        figure.suptitle(title, fontsize="medium")


def _of_run(run: Run) -> str:
    name = run.data("name")
    known = [str(name).removesuffix("-train")] if name else []  # as the training part is called
    if model := run.config.get("model"):
        size = run.config.get("image_size")
        known.append(f"{model} at {size} pixels" if size else str(model))
    return ", ".join(known)


def _title(kind: str, groups: Sequence[Group], start: int) -> str:
    epochs = drawn_epochs(groups)
    return f"{KINDS[kind]}, last {counted(epochs - start, 'epoch')}" if start else KINDS[kind]


def _shade_mixing(axes: Axes, groups: Sequence[Group], start: int) -> None:
    """Light bands where SamplePairing mixes, which explain the saw-tooth of its curves."""
    group = shaded_group(groups)
    if group is None or (mixing := group.runs[0].mixing) is None:
        return
    label = "epochs with pairing"
    for first, end in mixing_ranges(mixing):
        if end <= start:
            continue
        left = max(first, start) - 0.5
        axes.axvspan(left, end - 0.5, color="blue", alpha=0.06, linewidth=0, label=label)
        label = None


def shaded_group(groups: Sequence[Group]) -> Group | None:
    """The first group that pairs in some epochs and not in others: these are shaded."""
    for group in groups:
        mixing = group.runs[0].mixing
        if group.mode == "samplePairing" and mixing is not None and len(set(mixing)) > 1:
            return group
    return None


def mixing_ranges(mixing: np.ndarray) -> list[tuple[int, int]]:
    """The first and the end (not included) of each stretch of epochs in which images were mixed."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], mixing, [False]]).astype(int)))
    return [(int(first), int(end)) for first, end in zip(edges[::2], edges[1::2], strict=True)]


def _finish(axes: Axes, kind: str, shown: Sequence[np.ndarray]) -> float | None:
    axes.set_xlabel("Epoch")
    axes.set_ylabel(KINDS[kind])
    axes.grid(True, alpha=0.6)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.margins(x=0.01)
    if not shown:
        axes.text(0.5, 0.5, "no values", ha="center", transform=axes.transAxes)
        return None
    values = np.concatenate(shown)
    low, high = float(values.min()), float(values.max())
    # Cut the axis, so that one diverging epoch does not flatten all the others to a line.
    usual = float(np.percentile(values, 98))
    cut = kind == "loss" and high - low > 4 * (usual - low) > 0
    if cut:
        high = low + 1.5 * (usual - low)
    margin = 0.04 * (high - low) or 0.05
    axes.set_ylim(low - margin, high + margin)
    if cut:
        axes.set_title(f"{axes.get_title()} (values above {high:.3g} not shown)")
    return high if cut else None


def _add_legends(figure: Figure) -> None:
    """A legend in the upper left of each axes, or a common one below them where it would be large.

    Space is added for it, so that it hides no curve.
    """
    filled = [axes for axes in figure.axes if axes.get_lines()]
    if not filled:
        return
    entries: dict[str, Artist] = {}
    for axes in filled:
        handles, labels = axes.get_legend_handles_labels()
        entries |= dict(zip(labels, handles, strict=True))
    width, height = np.asarray(filled[0].get_window_extent().size) / figure.dpi
    rows, columns = _legend_shape(entries, width)
    share = _legend_height(rows) / height
    curves = max(len(axes.get_lines()) for axes in filled)
    settings = {"fontsize": "small", "framealpha": 0.75}
    if curves > MOST_INSIDE or share > LARGEST_SHARE:
        rows, columns = _legend_shape(entries, figure.get_figwidth())
        figure.set_figheight(figure.get_figheight() + _legend_height(rows))
        # Filled up with empty entries: matplotlib spreads entries evenly over the columns, which
        # would separate the two of a run.
        empty = rows * columns - len(entries)
        handles = [*entries.values(), *[Line2D([], [], alpha=0)] * empty]
        labels = [*entries, *[""] * empty]
        legends = [figure.legend(handles, labels, loc="outside lower center",
                                 ncols=columns, **settings)]  # fmt: skip
    else:
        for axes in filled:
            low, high = axes.get_ylim()
            axes.set_ylim(low, low + (high - low) / (1 - share))
        legends = [axes.legend(loc="upper left", ncols=columns, **settings) for axes in filled]
    for text in (text for legend in legends for text in legend.get_texts()):
        text.set_parse_math(False)
    for axes in filled:
        if axes.get_ylabel() == KINDS["acc"]:
            low = axes.get_ylim()[0]
            axes.set_yticks([tick for tick in axes.get_yticks() if low <= tick < 1.001])


def _legend_shape(labels: Collection[str], width: float) -> tuple[int, int]:
    """Rows and columns of a legend in small type that is at most `width` inches wide."""
    fitting = max(1, int(width / (0.5 + 0.06 * max(map(len, labels)))))
    # An even number of rows keeps a run's two curves in one column.
    rows = 2 * math.ceil(len(labels) / fitting / 2)
    return rows, math.ceil(len(labels) / rows)


def _legend_height(rows: int) -> float:
    """In inches."""
    return 0.19 * rows + 0.15
