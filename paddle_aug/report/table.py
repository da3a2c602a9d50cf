"""The table of runs side by side, as text, as Markdown and as CSV."""

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from paddle_aug.core.text import counted
from paddle_aug.language import translate
from paddle_aug.report.groups import Group, with_common_seeds
from paddle_aug.runs.layout import CURVES
from paddle_aug.runs.stats import LAST, Best, Spread, best, points, spread

FIRST_COLUMNS = ("label", "mode", "runs", "epochsMin")  # of table.csv, by which it is known


@dataclass(frozen=True)
class TableRow:
    """One line of the table.

    averaged: number of last epochs that the means are over (the smallest of all curves). finals:
    the means, by name of CURVES. difference: accEval minus the baseline's in percentage points, of
    the seeds that both have (all where there are none), None where there is no baseline. bests:
    best accEval of each run. seconds: of an epoch.
    """

    label: str
    mode: str
    runs: int
    epochs: tuple[int, int]
    averaged: int
    finals: dict[str, Spread]
    difference: float | None
    bests: tuple[Best, ...]
    seconds: float


def build_table(groups: Sequence[Group], baseline: Group, last: int = LAST) -> list[TableRow]:
    """One row a group, the baseline first."""
    ordered = [baseline, *(group for group in groups if group is not baseline)]
    rows = []
    for group in ordered:
        lengths = [len(curve) for run in group.runs for curve in run.curves.values()]
        epochs = [run.epochs for run in group.runs]
        finals = {name: group.final(name, last) for name in CURVES}
        value, reference = (
            each.final("accEval", last).mean for each in with_common_seeds(group, baseline)
        )
        comparable = group is not baseline and not math.isnan(value) and not math.isnan(reference)
        bests = (best(run.curves["accEval"]) for run in group.runs if "accEval" in run.curves)
        seconds = [run.seconds for run in group.runs if not math.isnan(run.seconds)]
        rows.append(
            TableRow(
                label=group.label,
                mode=group.mode,
                runs=len(group.runs),
                epochs=(min(epochs), max(epochs)),
                averaged=min(last, *lengths),
                finals=finals,
                difference=points(value, reference) if comparable else None,
                bests=tuple(found for found in bests if found is not None),
                seconds=spread(seconds).mean,
            )
        )
    return rows


def format_table(rows: Sequence[TableRow], style: str = "simple", last: int = LAST) -> str:
    """The table for a person: `style` "simple" for a terminal, "github" for Markdown."""
    columns = {
        "run": [row.label for row in rows],
        "runs": [str(row.runs) for row in rows],
        "epochs": ["-".join(map(str, dict.fromkeys(row.epochs))) for row in rows],
        "mean of": [str(row.averaged) for row in rows],
        "loss train": [_figure(row.finals["lossTrain"]) for row in rows],
        "loss eval": [_figure(row.finals["lossEval"]) for row in rows],
        "acc train": [_figure(row.finals["accTrain"]) for row in rows],
        "acc eval": [_figure(row.finals["accEval"]) for row in rows],
        f"points vs {_shortened(rows[0].label)}": [_signed(row.difference) for row in rows],
        "best epoch": [_best(row.bests) for row in rows],
        "s per epoch": ["-" if math.isnan(row.seconds) else f"{row.seconds:.3g}" for row in rows],
    }
    # Columns with the same value in every row are left out; the footnote gives it.
    if all(row.runs == 1 for row in rows):
        del columns["runs"]
    if all(row.averaged == last for row in rows):
        del columns["mean of"]
    headers = list(columns)
    cells = [list(row) for row in zip(*columns.values(), strict=True)]
    if style == "github":
        headers = [header.replace("|", "\\|") for header in headers]
        cells = [[cell.replace("|", "\\|") for cell in row] for row in cells]
    else:
        headers = [_two_lines(translate(header)) for header in headers]
    align = ["left"] + ["right"] * (len(headers) - 1)
    return tabulate(cells, headers, tablefmt=style, colalign=align, disable_numparse=True)


def footnote(rows: Sequence[TableRow], last: int = LAST) -> str:
    """Sentences that explain the table's figures."""
    mean = f"the mean of the last {last} epochs" if last > 1 else "those of the last epoch"
    lines = [f"Losses and accuracies are {mean} of each curve."]
    if any(row.averaged < last for row in rows):
        lines.append(f'Where a run has fewer than {counted(last, "epoch")}, of all: see "mean of".')
    if over := [row for row in rows if last > 1 and 2 * row.averaged > row.epochs[0]]:
        shortest = min(over, key=lambda row: row.epochs[0])
        epochs = counted(shortest.epochs[0], "epoch")
        lines.append(
            f"The last {shortest.averaged} of {epochs} are most of a run, its start included, "
            "and say little of what it reached: see the curves, or choose --last."
        )
    if any(row.runs > 1 for row in rows):
        lines.append("Several runs: mean ± sample standard deviation over the runs.")
    if any(row.runs > 1 and row.epochs[0] < row.epochs[1] for row in rows):
        lines.append("Where their epochs differ, the mean curve ends with the shortest run.")
    lines.append(
        "The best epoch, counted from 0 as in the figures, has the highest evaluation accuracy: "
        "chosen on the data it is measured on, it flatters."
    )
    return " ".join(lines)


def is_table(path: Path) -> bool:
    """Whether the file begins as `table_csv` begins, in this version or an earlier one."""
    start = ",".join(FIRST_COLUMNS).encode()
    try:
        with path.open("rb") as file:
            return file.read(len(start)) == start
    except OSError:
        return False


def table_csv(rows: Sequence[TableRow], more: Sequence[dict[str, Any]] = ()) -> str:
    """The table as CSV: one line a row, full precision, empty where not known.

    more: further columns of each row, after the table's own.
    """
    columns = [*FIRST_COLUMNS, "epochsMax", "averaged"]
    for name in CURVES:
        columns += [name, f"{name}Std"]
    columns += ["baseline", "pointsVsBaseline", "bestAccEval", "bestEpoch", "secondsPerEpoch"]
    columns += list(more[0]) if more else []
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row, further in zip(rows, more or [{}] * len(rows), strict=True):
        finals = [number for name in CURVES for number in row.finals[name][1:]]
        values = [row.label, row.mode, row.runs, *row.epochs, row.averaged, *finals]
        values += [rows[0].label, row.difference, spread([b.value for b in row.bests]).mean]
        values += [";".join(str(b.epoch) for b in row.bests), row.seconds]
        values += further.values()
        writer.writerow("" if _unknown(value) else value for value in values)
    return file.getvalue()


def _shortened(label: str, longest: int = 28) -> str:
    return label if len(label) <= longest else f"{label[: longest - 1]}…"


def _figure(final: Spread) -> str:
    if final.n == 0:
        return "-"
    if final.n == 1:
        return f"{final.mean:.4f}"
    return f"{final.mean:.3f} ± {final.std:.3f}"


def _signed(difference: float | None) -> str:
    return "-" if difference is None else f"{difference:+.2f}"


def _best(bests: Sequence[Best]) -> str:
    if not bests:
        return "-"
    epochs = ", ".join(str(found.epoch) for found in bests[:5])
    epochs += ", …" if len(bests) > 5 else ""
    return f"{spread([found.value for found in bests]).mean:.3f} ({epochs})"


def _two_lines(header: str) -> str:
    head, _, tail = header.partition(" ")
    return f"{head}\n{tail}" if tail else header


def _unknown(value: object) -> bool:
    return value is None or (isinstance(value, float) and math.isnan(value))
