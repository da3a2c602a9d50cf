"""Finds the runs that `compare` and `report` are given, and what their suite recorded about them.

A name is [LABEL=]FOLDER or [LABEL=]FOLDER/MODE of a run, a folder with runs anywhere below it, or a
suite's folder of results, whose table.json has title, claims and commands.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import counted
from paddle_aug.report.claims import Claim
from paddle_aug.report.judgement_json import FORMAT
from paddle_aug.report.side_by_side import TABLE_JSON
from paddle_aug.runs.environment import history_of
from paddle_aug.runs.reading import (
    Run,
    find_modes,
    read_run,
    read_runs,
    split_label,
    without_repeats,
)
from paddle_aug.runs.stats import LAST


@dataclass(frozen=True)
class RunCommand:
    """A command that makes a run, or goes on with it, and how long it trained; None where not
    recorded."""

    label: str
    seed: int | None
    command: str
    seconds: float | None = None


@dataclass(frozen=True)
class FoundRuns:
    """Runs, and texts about them from a suite, which are empty without one.

    studied: options that the runs are meant to differ in. note: how the runs are not the suite's
    own. missing: runs of the suite that are not finished. command: makes all of it. left_out: a
    line for each folder below which more runs lie.
    """

    runs: Sequence[Run]
    studied: Collection[str]
    baseline: str | None = None
    last: int = LAST
    claims: Sequence[Claim] = ()
    title: str = ""
    source: str = ""
    published: str = ""
    written: str = ""
    note: str = ""
    quick: bool = False
    missing: Sequence[str] = ()
    command: str = ""
    commands: Sequence[RunCommand] = field(default_factory=list)
    left_out: Sequence[str] = ()


class _Part(BaseModel):
    """A part of a suite's table.json: the keys that the page uses, of these types."""

    model_config = ConfigDict(strict=True, extra="ignore")


class _KeptRun(_Part):
    folder: str
    mode: str


class _Method(_Part):
    label: str
    studied: dict[str, Any]
    runs: list[_KeptRun]


class _Command(_Part):
    label: str
    seed: int | None
    command: str
    trainingSeconds: float | None


class _Table(_Part):
    title: str
    source: str
    published: str
    written: str
    note: str
    quick: bool
    missing: list[str]
    command: str
    baseline: str
    last: int = Field(ge=1)
    methods: list[_Method]
    claims: list[dict[str, Any]]
    commands: list[_Command]


def find_runs(names: Sequence[str], studied: Collection[str]) -> FoundRuns:
    """Read the runs that the names name. studied: options, where no suite says what it varies.

    Raises UserError where there is nothing, or a file is damaged.
    """
    label, folder = split_label(names[0])
    alone = len(names) == 1 and label is None
    if alone and (folder / TABLE_JSON).is_file() and (suite := _of_suite(folder)) is not None:
        return suite
    found = [_of_name(name) for name in names]
    runs = without_repeats(named for runs, _ in found for named in runs)
    commands = [
        RunCommand(run.label or run.mode, run.seed, f"python {command}")
        for run in runs
        for command in _commands(run.environment)
    ]
    left_out = [line for _, line in found if line]
    return FoundRuns(runs, studied, commands=commands, left_out=left_out)


def _commands(environment: Mapping[str, Any]) -> list[str]:
    """The command that started a run, and those that went on with changes."""
    entries = history_of(environment) or [environment]  # an earlier version kept no history
    return [entry["command"] for entry in entries if isinstance(entry.get("command"), str)]


NamedRuns = list[tuple[str | None, Run]]  # each with the label that the user gave it, or None


def _of_name(name: str) -> tuple[NamedRuns, str]:
    """(runs, note) of one name. A folder that has runs gives these alone, and the note counts those
    below it that are left out (else ""). Of any other folder all runs below it are taken; those in
    LABEL/seedN are labelled LABEL."""
    label, folder = split_label(name)
    if not folder.is_dir() or folder.name in find_modes(folder.parent):
        return _labelled(name), ""
    places = _without_copies(sorted({path.parent for path in folder.rglob("*Aug_*.npy")}))
    if find_modes(folder):
        below = sum(len(find_modes(place)) for place in places if place != folder)
        line = f"{folder}: {counted(below, 'run')} in folders below left out; name these folders"
        return _labelled(name), line if below else ""
    several = len({place.parent.parent for place in places if _is_seed(place)}) > 1
    runs: NamedRuns = [
        (label, read_run(place, mode, label or _label(place, several)))
        for place in places
        for mode in find_modes(place)
    ]
    return runs or _labelled(name), ""  # where nothing is found, `_labelled` raises the reason


def _labelled(name: str) -> NamedRuns:
    return [(run.label, run) for run in read_runs([name])]


def _without_copies(places: Sequence[Path]) -> list[Path]:
    """The folders without a suite's copies (SUITE/curves/LABEL/seedN) of runs whose own folders
    (SUITE/LABEL/seedN) were found, too, with equal curve files."""

    def named(place: Path) -> tuple[str, ...]:
        return _suite(place), *place.parts[-2:]

    def curves(place: Path) -> dict[str, bytes]:
        return {path.name: path.read_bytes() for path in place.glob("*Aug_*.npy")}

    kept = {place for place in places if place.parent.parent.name == "curves"}
    runs = {named(place): place for place in places if place not in kept}
    copies = {place for place in kept if named(place) in runs}
    copies = {place for place in copies if curves(place) == curves(runs[named(place)])}
    return [place for place in places if place not in copies]


def _is_seed(folder: Path) -> bool:
    """Whether it is named as suites name the folders of runs: LABEL/seed3."""
    return re.fullmatch(r"seed\d+", folder.name) is not None


def _label(folder: Path, several: bool) -> str | None:
    """The label of LABEL/seed3. several: suites are there, so that their names tell equal labels
    apart."""
    if not _is_seed(folder):
        return None
    return f"{_suite(folder)}/{folder.parent.name}" if several else folder.parent.name


def _suite(folder: Path) -> str:
    """The name of the suite of LABEL/seed3, or of the small files that it keeps of it."""
    above = folder.parent.parent
    return above.parent.name if above.name == "curves" else above.name


def _of_suite(folder: Path) -> FoundRuns | None:
    """None where table.json is from `compare`, whose runs lie elsewhere; then the folder is
    searched like any other."""
    path = folder / TABLE_JSON
    values: Any = read_json(path)
    try:
        if values["format"] != FORMAT:
            raise UserError(f"{path}: of another version of paddle_aug; write it anew with: "
                            "suite FILE --judge")  # fmt: skip
        if "title" not in values:
            return None
        table = _Table.model_validate(values)
        return FoundRuns(
            [read_run(folder / run.folder, run.mode, method.label)
             for method in table.methods for run in method.runs],
            {option for method in table.methods for option in method.studied},
            table.baseline,
            table.last,
            [_claim(each) for each in table.claims],
            **table.model_dump(include={"title", "source", "published", "written", "note", "quick",
                                        "missing", "command"}),
            commands=[RunCommand(each.label, each.seed, each.command, each.trainingSeconds)
                      for each in table.commands],
        )  # fmt: skip
    except (OSError, ValueError, KeyError, TypeError) as error:  # ValueError: pydantic's, too
        reason = " ".join(str(error).split())
        raise UserError(
            f"{path}: not a table of a suite ({type(error).__name__}: {reason:.120})"
        ) from None


def _claim(values: dict[str, Any]) -> Claim:
    # An option that is newer than the table has its default.
    return Claim(**{name: values[name] for name in Claim.model_fields if name in values})
