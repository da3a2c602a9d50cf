"""Runs side by side: groups of runs, their table, and its forms for people and for machines."""

import csv
import io
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from tabulate import tabulate

from paddle_aug.core.errors import UserError
from paddle_aug.core.text import counted
from paddle_aug.modes import BASELINES, mode_order
from paddle_aug.runs.layout import CURVES
from paddle_aug.runs.reading import Run
from paddle_aug.runs.stats import LAST, Best, Spread, best, last_mean, points, spread


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed only, shown as one line: their mean."""

    label: str
    mode: str
    runs: tuple[Run, ...]

    @property
    def epochs(self) -> int:
        """Epochs of the longest run."""
        return max(run.epochs for run in self.runs)

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean over the runs, and their sample standard deviation (None for a single run).

        Runs of unequal lengths are cut to the shortest: a mean over fewer runs would jump.
        """
        curves = [run.curves[name] for run in self.runs if name in run.curves]
        if not curves:
            return np.empty(0), None
        length = min(map(len, curves))
        stacked = np.stack([curve[:length] for curve in curves])
        return stacked.mean(axis=0), stacked.std(axis=0, ddof=1) if len(stacked) > 1 else None

    def final(self, name: str, last: int = LAST) -> Spread:
        """The mean of the last epochs of a curve, over the runs."""
        curves = [run.curves[name] for run in self.runs if name in run.curves]
        return spread([last_mean(curve, last).mean for curve in curves])


@dataclass(frozen=True)
class Row:
    """One line of the table.

    averaged: how many last epochs the means are over (the fewest of any curve). finals: by name
    of CURVES. difference: of accEval to the baseline in percentage points, None where there is
    none. bests: best accEval of each run. seconds: of an epoch.
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


def group_runs(runs: Sequence[Run]) -> list[Group]:
    """Put runs together that carry the same label, or that differ in their seed only.

    Without saved options nothing says that two runs of one mode belong together: they stay apart
    and carry the end of their path that tells them apart. Sorted by mode.
    """
    keys = [_group_key(run, runs) for run in runs]
    modes_of_label: dict[str, set[str]] = {}
    for run in runs:
        if run.label:
            modes_of_label.setdefault(run.label, set()).add(run.mode)
    grouped: dict[tuple[str, ...], list[Run]] = {}
    for key, run in zip(keys, runs, strict=True):
        grouped.setdefault(key, []).append(run)
    unlabelled = [members[0] for members in grouped.values() if not members[0].label]
    groups = []
    for members in grouped.values():
        first = members[0]
        if first.label:
            several = len(modes_of_label[first.label]) > 1
            label = f"{first.label} {first.mode}" if several else first.label
        else:
            alike = [run for run in unlabelled if run.mode == first.mode]
            label = _place(first, alike) if len(alike) > 1 else first.mode
        groups.append(Group(label, first.mode, tuple(members)))
    for label in {group.label for group in groups}:
        alike = [group.runs[0] for group in groups if group.label == label]
        if len(alike) > 1:
            groups = [
                replace(group, label=f"{label} ({_place(group.runs[0], alike)})")
                if group.label == label
                else group
                for group in groups
            ]
    return sorted(groups, key=lambda group: mode_order(group.mode))


def choose_baseline(groups: Sequence[Group], name: str | None = None) -> Group:
    """The group called `name` (label or mode), or userDef, no, flip, or the first.

    Raises UserError where the name is not among them.
    """
    for wanted in BASELINES if name is None else (name,):
        for group in groups:
            if wanted in (group.label, group.mode):
                return group
    if name is not None:
        known = ", ".join(group.label for group in groups)
        raise UserError(f"--baseline {name}: not among the runs ({known})")
    return groups[0]


def build_table(groups: Sequence[Group], baseline: Group, last: int = LAST) -> list[Row]:
    """One row a group, the baseline first."""
    reference = baseline.final("accEval", last).mean
    ordered = [baseline, *(group for group in groups if group is not baseline)]
    rows = []
    for group in ordered:
        lengths = [len(curve) for run in group.runs for curve in run.curves.values()]
        epochs = [run.epochs for run in group.runs]
        finals = {name: group.final(name, last) for name in CURVES}
        value = finals["accEval"].mean
        comparable = group is not baseline and not math.isnan(value) and not math.isnan(reference)
        bests = (best(run.curves["accEval"]) for run in group.runs if "accEval" in run.curves)
        seconds = [run.seconds for run in group.runs if not math.isnan(run.seconds)]
        rows.append(
            Row(
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


def format_table(rows: Sequence[Row], style: str = "simple", last: int = LAST) -> str:
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
    # Columns that say the same in every row are the footnote's business.
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
        headers = [_two_lines(header) for header in headers]
    align = ["left"] + ["right"] * (len(headers) - 1)
    return tabulate(cells, headers, tablefmt=style, colalign=align, disable_numparse=True)


def footnote(rows: Sequence[Row], last: int = LAST) -> str:
    """What the table's figures are, in words."""
    mean = f"the mean of the last {last} epochs" if last > 1 else "those of the last epoch"
    lines = [f"Losses and accuracies are {mean} of each curve."]
    if any(row.averaged < last for row in rows):
        lines.append(f'Where a run has fewer than {counted(last, "epoch")}, of all: see "mean of".')
    if any(row.runs > 1 for row in rows):
        lines.append("Several runs: mean ± sample standard deviation over the runs.")
    lines.append(
        "The best epoch, counted from 0 as in the figures, has the highest evaluation accuracy: "
        "chosen on the data it is measured on, it flatters."
    )
    return " ".join(lines)


def table_csv(rows: Sequence[Row]) -> str:
    """The table for machines: one line a row, full precision, empty where not known."""
    columns = ["label", "mode", "runs", "epochsMin", "epochsMax", "averaged"]
    for name in CURVES:
        columns += [name, f"{name}Std"]
    columns += ["baseline", "pointsVsBaseline", "bestAccEval", "bestEpoch", "secondsPerEpoch"]
    file = io.StringIO()
    writer = csv.writer(file, lineterminator="\n")
    writer.writerow(columns)
    for row in rows:
        finals = [number for name in CURVES for number in row.finals[name][1:]]
        values = [row.label, row.mode, row.runs, *row.epochs, row.averaged, *finals]
        values += [rows[0].label, row.difference, spread([b.value for b in row.bests]).mean]
        values += [";".join(str(b.epoch) for b in row.bests), row.seconds]
        writer.writerow("" if _unknown(value) else value for value in values)
    return file.getvalue()


def _group_key(run: Run, runs: Sequence[Run]) -> tuple[str, ...]:
    if run.label:
        return ("label", run.label, run.mode)
    seed = run.config.get("seed")
    options = {k: v for k, v in run.config.items() if k not in ("seed", "output", "overwrite")}
    twins = [other for other in runs if other.mode == run.mode and not other.label]
    same_seed = sum(other.config.get("seed") == seed for other in twins) > 1
    if seed is None or same_seed:
        return ("folder", str(run.folder), run.mode)
    return ("options", run.mode, repr(sorted(options.items())))


def _place(run: Run, among: Sequence[Run]) -> str:
    """The shortest end of FOLDER/MODE, with one folder at least, that no other run's path has."""
    own, *others = (
        (*Path(os.path.abspath(one.folder)).parts, one.mode)
        for one in (run, *(other for other in among if other is not run))
    )
    for length in range(2, len(own) + 1):
        if all(other[-length:] != own[-length:] for other in others):
            return str(Path(*own[-length:]))
    return f"{run.folder}/{run.mode}"


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
