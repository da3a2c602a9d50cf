"""Puts runs side by side and writes pictures, table.md, table.csv and table.json, for both
`compare` and `suite`."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paddle_aug.core.atomic import write_json, write_text
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import has_mark, refuse_foreign
from paddle_aug.core.text import lines_of_width
from paddle_aug.language import tell, translate
from paddle_aug.report.claims import Claim
from paddle_aug.report.curves import combined_figure, comparison_figure, drawn_epochs, zoom_start
from paddle_aug.report.figure import print_font_note, save_figure
from paddle_aug.report.groups import Counts, Group, choose_baseline, group_runs
from paddle_aug.report.guard import Fairness, compare_runs
from paddle_aug.report.judge import Judgement, judge
from paddle_aug.report.judgement_json import judgement_json
from paddle_aug.report.judgement_text import (
    csv_columns,
    difference_table,
    figures_table,
    notes,
    verdict_lines,
    verdict_table,
)
from paddle_aug.report.spreadsheets import note_formulas
from paddle_aug.report.table import (
    TableRow,
    build_table,
    footnote,
    format_table,
    is_table,
    table_csv,
)
from paddle_aug.runs.reading import Run

TABLE_CSV, TABLE_JSON = "table.csv", "table.json"
# Everything that a comparison writes.
FILES = (
    TABLE_CSV, TABLE_JSON, "table.md", "compare.png", "compare_loss.png", "compare_loss_zoom.png",
    "compare_accuracy.png", "compare_accuracy_zoom.png",
)  # fmt: skip


@dataclass(frozen=True)
class SideBySide:
    """Runs in groups, with their table, judgement and differences in options or environment."""

    groups: list[Group]
    baseline: Group
    rows: list[TableRow]
    judgement: Judgement
    fairness: Fairness
    studied: frozenset[str]


def put_side_by_side(
    runs: Sequence[Run],
    baseline: str | None,
    last: int,
    claims: Sequence[Claim],
    studied: Collection[str],
    counts: Counts,
) -> SideBySide:
    """Group, tabulate, judge and check the runs.

    baseline: a label or mode; None: see choose_baseline. studied, counts: see compare_runs.
    """
    groups = group_runs(runs, counts)
    chosen = choose_baseline(groups, baseline)
    last = min(last, max(group.epochs for group in groups))  # no run has more
    return SideBySide(
        groups, chosen, build_table(groups, chosen, last), judge(groups, chosen, last, claims),
        compare_runs(groups, studied, counts), frozenset(studied),
    )  # fmt: skip


def tell_notes(
    runs: Sequence[Run],
    fairness: Fairness,
    missing: Sequence[str] = (),
    left_out: Sequence[str] = (),
) -> None:
    """Say on stderr what is left out, what is wrong with files, and in what the runs differ.

    missing: runs of a suite that are not finished. left_out: a line for each folder below which
    more runs lie.
    """
    for line in left_out:
        tell(f"note: {line}", error=True)
    if missing:
        tell(f"note: not finished: {'; '.join(missing)}", error=True)
    for run in runs:
        for warning in run.warnings:
            tell(f"warning: {warning}", error=True)
    for difference in fairness.differences:
        tell(f"note: the runs differ in {difference}", error=True)


def for_terminal(found: SideBySide) -> str:
    """Text for a terminal: verdicts, the table, the differences, and notes on the figures."""
    last = found.judgement.last
    parts = [
        "\n".join(_paragraph(line) for line in verdict_lines(found.judgement)),
        format_table(found.rows, last=last),
        difference_table(found.judgement, "simple"),
        _paragraph(" ".join([footnote(found.rows, last), *notes(found.judgement)[1:]])),
        _paragraph(_unknown(found.fairness)),
    ]
    return "\n\n".join(part for part in parts if part)


def write(
    folder: Path,
    found: SideBySide,
    head: Sequence[str] = (),
    tail: Sequence[str] = (),
    zoom: int | None = None,
    more: dict[str, Any] | None = None,
) -> list[Path]:
    """Write the pictures and the three tables; returns their paths.

    A note on stderr names labels that no font can write and that pictures therefore number.
    head, tail: Markdown for the top and the end of table.md. more: further keys of table.json.
    Raises UserError where `folder` has files of these names that are of no comparison.
    """
    last = found.judgement.last
    verdicts = verdict_table(found.judgement)
    differences = difference_table(found.judgement)
    parts = [
        *head,
        *([f"## Verdicts\n\n{verdicts}", "## Runs"] if verdicts else []),
        format_table(found.rows, "github", last),
        footnote(found.rows, last),
        f"Evaluation accuracy:\n\n{figures_table(found.judgement)}",
        *([f"Against {found.baseline.label}:\n\n{differences}"] if differences else []),
        " ".join(notes(found.judgement)),
        *_fairness(found.fairness),
        *tail,
    ]
    values = judgement_json(found.judgement, found.fairness, found.studied, folder)
    with locked(folder, wait=True):
        refuse_foreign_folder(folder)
        # The folder's mark first: what is interrupted here can be done again.
        write_text(folder / TABLE_CSV, table_csv(found.rows, csv_columns(found.judgement)))
        write_text(folder / "table.md", "\n\n".join(parts) + "\n")
        write_json(folder / TABLE_JSON, {**(more or {}), **values})
        paths = _pictures(folder, found, zoom)
    note_formulas([group.label for group in found.groups], f"{folder}/{TABLE_CSV}")
    return [*paths, *(folder / f"table.{ending}" for ending in ("md", "csv", "json"))]


def refuse_foreign_folder(folder: Path) -> None:
    """Raise UserError where the folder has files that a comparison would replace, of another kind:
    a table.csv or table.json of ours is a comparison's mark."""
    ours = is_table(folder / TABLE_CSV) or has_mark(folder, "comparison")
    refuse_foreign(folder, FILES, ours, "a comparison")


def _pictures(folder: Path, found: SideBySide, zoom: int | None) -> list[Path]:
    groups, baseline = found.groups, found.baseline
    print_font_note([group.label for group in groups], "labels")
    start = zoom_start(drawn_epochs(groups), zoom, found.judgement.last)
    figures = {"compare.png": combined_figure(groups, baseline, start)}
    for kind, name in (("loss", "loss"), ("acc", "accuracy")):
        figures[f"compare_{name}.png"] = comparison_figure(groups, baseline, kind)
        zoomed = f"compare_{name}_zoom.png"
        if start:
            figures[zoomed] = comparison_figure(groups, baseline, kind, start)
        else:  # There is no zoom: delete that of an older comparison.
            (folder / zoomed).unlink(missing_ok=True)
    return [save_figure(figure, folder / name) for name, figure in figures.items()]


def _fairness(fairness: Fairness) -> list[str]:
    """Markdown that warns of differences between the runs beside what is studied."""
    parts = []
    if fairness.differences:
        lines = "\n".join(f"- {line}" for line in fairness.differences)
        parts.append(f"**The runs differ in more than what is studied:**\n\n{lines}")
    return [*parts, _unknown(fairness)] if fairness.unknown else parts


def _unknown(fairness: Fairness) -> str:
    return f"Not known: {'; '.join(fairness.unknown)}." if fairness.unknown else ""


def _paragraph(text: str) -> str:
    """A text in the user's language, in lines for a terminal."""
    return "\n".join(lines_of_width(translate(text), 100))
