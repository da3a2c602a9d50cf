"""Writes RESULTS/<suite>/: the small files of each finished run, then the tables.

curves/<label>/seedN/   a run's curves, metrics.csv, config.yaml, changes.yaml, environment.json,
                        predictions.npz and evaluation.json of its last state
table.md, .csv, .json   what is said of them; compare*.png: the curves drawn

The tables are made from these files alone, so that they can be made again without the runs' own
folders and their large states.
"""

import shlex
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

from tabulate import tabulate

from paddle_aug.command_line import to_arguments
from paddle_aug.commands.suite_plan import (
    FREE,
    PlannedRun,
    Suite,
    counts,
    has_all_epochs,
    other_options,
    slug,
    studied_options,
)
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.core.folders.own_files import refuse_foreign
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.core.text import counted, duration
from paddle_aug.language import show, tell, translate, translated
from paddle_aug.report.groups import Group
from paddle_aug.report.side_by_side import (
    SideBySide,
    for_terminal,
    put_side_by_side,
    refuse_foreign_folder,
    tell_notes,
    write,
)
from paddle_aug.runs.kept import copy_small_files, evaluation_accuracies, portable
from paddle_aug.runs.layout import CHANGES, CURVES, FIGURES, METRICS, PREDICTIONS, curve_path
from paddle_aug.runs.ownership import is_kept
from paddle_aug.runs.reading import Run, read_run

# Options about how figures are computed: they stay comparable, and the table names these.
PRECISION = {"amp"}


def kept_folder(results: Path, run: PlannedRun) -> Path:
    """Folder for the small files of a run."""
    return results / "curves" / slug(run.entry.label) / f"seed{run.seed}"


def refuse_foreign_results(results: Path, runs: Sequence[PlannedRun]) -> None:
    """Raise UserError where the folder has files that the suite would replace, of another kind."""
    refuse_foreign_folder(results)
    for run in runs:
        place, paths = kept_folder(results, run), run.paths
        sources = (*paths.curves, paths.metrics, paths.config, paths.changes, paths.environment)
        names = (*(source.name for source in sources), FIGURES, PREDICTIONS)
        refuse_foreign(place, names, is_kept(place), "kept of a run")


def keep_run(results: Path, run: PlannedRun) -> None:
    """Copy the small files of a finished run, without paths of this machine in them.

    Raises UserError where files of these names are there that no suite has kept.
    """
    with locked(results, wait=True):
        refuse_foreign_results(results, [run])
        copy_small_files(kept_folder(results, run), run.paths)


def evaluation_command(run: PlannedRun) -> list[str]:
    """The verb and its arguments that make the predictions of a run's last state on the whole
    evaluation set."""
    config = run.config
    return ["evaluate", str(run.folder), "--checkpoint", "last", "--device", config.device,
            "--cpu-backend", config.cpu_backend, *run.allowance]  # fmt: skip


def with_comparable_figures(
    suite: Suite, quick: bool, changes: Mapping[str, Any]
) -> tuple[Suite, str]:
    """The suite without published figures where its runs are not those they were published for,
    and a note on that; may be empty.

    changes: the options after --. Place, speed and precision of computing leave figures comparable;
    the precision is named.
    """
    altered = {name: value for name, value in changes.items() if name not in FREE}
    given = f"`{shlex.join(portable(part) for part in to_arguments(altered))}`"
    note = f"not the suite's own options, for all runs: {given}" if altered else ""
    is_other = bool(altered.keys() - PRECISION)
    if not quick and not is_other:
        return suite, note
    without = [entry.model_copy(update={"published": {}}) for entry in suite.runs]
    told = {"runs": without, "claims": [], "published": "" if is_other else suite.published}
    return suite.model_copy(update=told), f"{note}; no claim is judged" if is_other else note


def write_results(
    results: Path, suite: Suite, runs: Sequence[PlannedRun], quick: bool, command: str, note: str,
    allow_differences: bool,
) -> SideBySide:  # fmt: skip
    """Judge the finished runs and write the tables and pictures; returns what was found.

    note: how the runs differ from the suite's. Raises UserError where none is finished, or the
    baseline is not, or where the runs differ in more than the suite varies and that is not allowed.
    """
    finished, read = read_finished(results, runs)
    baseline = suite.reference
    if all(run.entry.label != baseline for run in finished):
        raise UserError(
            f"{results}: no finished run of {baseline}, with which the others are compared"
        )
    found = put_side_by_side(
        read, baseline, suite.last, suite.claims, studied_options(runs), counts
    )
    if found.fairness.differences and not allow_differences:
        lines = "; ".join(found.fairness.differences)
        raise UserError(
            f"{results}: the runs differ in more than the suite varies: {lines}\n"
            "--allow-differences compares them all the same and names this in table.md"
        )
    missing = [f"{run.entry.label}, seed {run.seed}" for run in runs if run not in finished]
    tell_notes(read, found.fairness, missing)
    published = published_table(suite, found.groups)
    head = [
        f"# {suite.title}{' (quick scale)' if quick else ''}",
        f"Source: {suite.source}",
        *([f"Published: {suite.published}"] if suite.published else []),
        f"Command: `{command}`",
        *([f"{note[0].upper()}{note[1:]}."] if note else []),
        *([f"Not finished: {'; '.join(missing)}."] if missing else []),
    ]
    written = date.today().isoformat()
    tail = [
        *([published] if published else []),
        f"Written on {written}.",
        _describe(finished, read),
    ]
    more = {
        "title": suite.title, "source": suite.source, "published": suite.published,
        "quick": quick, "note": note, "command": command, "written": written, "missing": missing,
        "commands": [
            {"label": run.entry.label, "seed": run.seed, "command": shown_command(run),
             "trainingSeconds": kept.training_seconds}
            for run, kept in zip(finished, read, strict=True)
        ],
    }  # fmt: skip
    write(results, found, head, tail, more=more)
    return found


def read_finished(results: Path, runs: Sequence[PlannedRun]) -> tuple[list[PlannedRun], list[Run]]:
    """Those of the runs of which all epochs are kept, and what is kept, in the same order. Raises
    UserError where that is of a run with other options, or a curve is damaged or not whole."""
    finished, read = [], []
    for run in runs:
        place = kept_folder(results, run)
        accuracies = evaluation_accuracies(place / METRICS)
        if has_all_epochs(run, accuracies):
            _refuse_other_options(place, run)
            finished.append(run)
            read.append(_read_kept(place, run, len(accuracies)))
    return finished, read


def _read_kept(place: Path, run: PlannedRun, epochs: int) -> Run:
    """The run kept in `place`. Raises UserError where a curve is damaged, or not of the epochs."""
    kept = read_run(place, run.config.mode, run.entry.label)
    for name in CURVES:
        if len(kept.curves.get(name, ())) != epochs:
            path = curve_path(place, run.config.mode, name)
            raise UserError(
                f"{path}: not the curve of {counted(epochs, 'epoch')} that {METRICS} has; "
                f"without {place} the run counts as not finished"
            )
    return kept


def _refuse_other_options(place: Path, run: PlannedRun) -> None:
    """Raise UserError where the small files in `place` are of a run with other options."""
    if not (place / CHANGES).exists():
        raise UserError(f"{place}: the run's options ({CHANGES}) are not there: nothing is judged")
    # Options that were not given are compared as the defaults of today: an earlier version may
    # have had others, which the code's digest in environment.json tells apart.
    saved = {**Config().dump(), **read_yaml(place / CHANGES)}
    if other := other_options(run, saved, portable):
        raise UserError(
            f"{place}: is of a run with other options ({'; '.join(other)}): give its options after "
            "--, or choose another folder with --results"
        )


def print_results(results: Path, suite: Suite, found: SideBySide) -> None:
    """Print the tables, and where they were written."""
    show(for_terminal(found))
    if published := _against_published(suite, found.groups):
        cells = [[*row[:-1], translate(row[-1])] for row in published]
        table = tabulate(cells, translated(PUBLISHED), disable_numparse=True)
        show(f"\n{table}")
    tell(f"wrote {results}/table.md, table.csv, table.json, compare*.png and curves/")


PUBLISHED = ["run", "last epoch's", "published", "ours", "difference"]  # columns of the table below


def published_table(suite: Suite, groups: Sequence[Group]) -> str:
    """Markdown of the figures of `published:` in a suite's runs against ours, both of the last
    epoch, without a verdict (that is what `claims:` are for); may be empty."""
    rows = [[cell.replace("|", "\\|") for cell in row] for row in _against_published(suite, groups)]
    lines = [f"| {' | '.join(row)} |" for row in rows]
    head = [f"| {' | '.join(PUBLISHED)} |", "|---" * len(PUBLISHED) + "|"]
    return "\n".join([*head, *lines]) if lines else ""


def _against_published(suite: Suite, groups: Sequence[Group]) -> list[list[str]]:
    """The cells of that table."""
    rows = []
    for entry in suite.runs:
        group = next((group for group in groups if group.label == entry.label), None)
        if group is None:
            continue
        for curve, value in entry.published.items():
            ours = group.final(curve, last=1)
            spread = "" if ours.n == 1 else f" ± {ours.std:.3f} (n={ours.n})"
            away = ours.mean - value
            distance = f"{away * 100:+.2f} points" if curve.startswith("acc") else f"{away:+.4f}"
            rows.append([entry.label, curve, f"{value:g}", f"{ours.mean:.4f}{spread}", distance])
    return rows


def shown_command(run: PlannedRun) -> str:
    """The command that makes a run, as it works from the project's folder."""
    return "python -m paddle_aug train " + shlex.join(portable(part) for part in run.arguments)


def _describe(runs: Sequence[PlannedRun], read: Sequence[Run]) -> str:
    """Markdown: each run's seed, epochs, training time and command, then machines and versions.

    read: the runs' small files, in the same order.
    """
    lines = ["| run | seed | epochs | training | command |", "|---|---|---|---|---|"]
    machines: dict[str, list[str]] = {}
    for run, kept in zip(runs, read, strict=True):
        machines.setdefault(_machine(kept.environment), []).append(run.entry.label)
        seconds = kept.training_seconds
        training = "-" if seconds is None else duration(seconds)
        command = shown_command(run).replace("|", "\\|")
        label = run.entry.label.replace("|", "\\|")
        lines.append(f"| {label} | {run.seed} | {kept.epochs} | {training} | `{command}` |")
    lines.append("")
    for machine, labels in machines.items():
        where = "" if len(machines) == 1 else f" ({', '.join(dict.fromkeys(labels))})"
        lines.append(f"Machine{where}: {machine}.")
    return "\n".join(lines)


def _machine(environment: dict[str, Any]) -> str:
    if not environment:
        return "not recorded"
    # The file may be of any origin: what is not there, or of another kind, is left out.
    versions, threads = (
        found if isinstance(found := environment.get(key), dict) else {}
        for key in ("versions", "threads")
    )
    machine = (
        ("{}", environment.get("cpu") or "unknown processor"),
        ("{} cores", environment.get("cores")),
        ("{} threads a run", threads.get("OMP_NUM_THREADS")),
        ("{}", environment.get("platform")),
        ("device {}", environment.get("device")),
        ("computed by {}", environment.get("backend", "paddle")),
    )
    told = [text.format(value) for text, value in machine if value]
    libraries = [f"{name} {version}" for name, version in versions.items()]
    if python := environment.get("python"):
        libraries.insert(0, f"Python {python}")
    return "; ".join(", ".join(part) for part in (told, libraries) if part)
