"""Several runs that belong together: a YAML of configurations, run in turn and compared.

A finished run is not run again, and an unfinished one is resumed, so that a suite can be stopped
and started at will.
"""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from paddle_aug.command_line import to_arguments
from paddle_aug.config import Config, load_config, options_that_are
from paddle_aug.config.other_data import refuse_for_other_data
from paddle_aug.core.bundled import config_name
from paddle_aug.core.errors import UserError, unknown_option
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.runs.layout import CURVES


class RunEntry(BaseModel):
    """One line of the table: a configuration, options on top of it, and its seeds.

    quick: options of the small scale, on top of the suite's. published: figures of the source by
    curve, such as {accEval: 0.754}, of the last epoch.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    config: str
    options: dict[str, Any] = {}
    seeds: list[int] = Field([0], min_length=1)
    quick: dict[str, Any] = {}
    published: dict[str, float] = {}

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"the same seed twice in {seeds} would count one run as two")
        return seeds

    @field_validator("label")
    @classmethod
    def _names_a_folder(cls, label: str) -> str:
        if not slug(label):
            raise ValueError(f"{label!r} has no letter or digit to name a folder by")
        return label

    @field_validator("published")
    @classmethod
    def _of_curves(cls, figures: dict[str, float]) -> dict[str, float]:
        if other := sorted(figures.keys() - set(CURVES)):
            raise ValueError(f"{other[0]!r} is none of {', '.join(CURVES)}")
        return figures


class Suite(BaseModel):
    """A suite's file. options: of every run; quick: options that make every run small. baseline: a
    label. last: epochs that the table's means are over."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    published: str = ""
    baseline: str | None = None
    last: int = Field(10, ge=1)
    options: dict[str, Any] = {}
    quick: dict[str, Any] = {}
    runs: list[RunEntry] = Field(min_length=1)


@dataclass(frozen=True)
class PlannedRun:
    """One run of a suite: its options, where they come from, and where it goes."""

    entry: RunEntry
    seed: int
    config_file: Path
    options: dict[str, Any]  # beside the file's: seed, output and what is overridden
    config: Config

    @property
    def folder(self) -> Path:
        return Path(self.config.output) / self.config.mode

    @property
    def arguments(self) -> list[str]:
        """The arguments of `train` that start this run."""
        return ["--config", str(self.config_file), *to_arguments(self.options)]


def read_suite(path: str | Path) -> Suite:
    """Read and check a suite's file; UserError names what is wrong."""
    try:
        suite = Suite.model_validate(read_yaml(path))
    except ValidationError as error:
        problem = error.errors()[0]
        *above, name = problem["loc"]
        message = problem["msg"].removeprefix("Value error, ")
        if problem["type"] == "extra_forbidden":
            message = unknown_option(str(name), (RunEntry if above else Suite).model_fields)
        place = ".".join(map(str, problem["loc"]))
        raise UserError(f"{path}: {place}: {message}") from None
    labels = [entry.label for entry in suite.runs]
    if suite.baseline is not None and suite.baseline not in labels:
        raise UserError(f"{path}: baseline: {suite.baseline!r} is none of {', '.join(labels)}")
    if len({slug(label) for label in labels}) < len(labels):
        raise UserError(f"{path}: runs: two labels are the same: {', '.join(labels)}")
    return suite


def plan(
    path: Path, suite: Suite, quick: bool, changes: Mapping[str, Any], logs: Path
) -> list[PlannedRun]:
    """Every run of the suite, in order. changes: options for all runs, above everything else."""
    runs = []
    for entry in suite.runs:
        file = path.parent / entry.config
        small = {**suite.quick, **entry.quick} if quick else {}
        options = {**suite.options, **entry.options, **small, **changes}
        for seed in entry.seeds:
            output = logs / (path.stem + ("_quick" if quick else "")) / slug(entry.label)
            own = {**options, "seed": seed, "output": str(output / f"seed{seed}")}
            saved = read_yaml(file)
            refuse_for_other_data(saved, own, str(file))
            config = load_config({**saved, **own}, where=f"{path}, {entry.label}: ")
            runs.append(PlannedRun(entry, seed, config_name(file), own, config))
    return runs


def slug(label: str) -> str:
    """The label as a folder's name."""
    words = "".join(c if c.isalnum() or c == "." else " " for c in label.lower()).split()
    return "-".join(words)


def epochs_done(run: PlannedRun) -> int:
    """Epochs that the run's metrics.csv has."""
    try:
        text = (run.folder / "metrics.csv").read_text(encoding="utf-8")
    except OSError:
        return 0
    return max(len(text.splitlines()) - 1, 0)


def next_arguments(run: PlannedRun) -> list[str] | None:
    """Arguments of `train` that bring the run further; None where it is finished.

    Raises UserError where the folder holds a run with other options.
    """
    if not (run.folder / "config.yaml").exists():
        return [*run.arguments, "--overwrite"]
    saved = read_yaml(run.folder / "config.yaml")
    wanted = run.config.filled().dump()
    # Options that are not given count too: what an earlier call gave after -- is not asked for now.
    compared = (saved.keys() & wanted.keys()) | run.config.model_fields_set
    compared -= options_that_are("free_on_resume")
    other = [
        f"{k}: was {saved.get(k)}, is {wanted[k]}" for k in compared if saved.get(k) != wanted[k]
    ]
    if other:
        raise UserError(
            f"{run.folder}: was run with other options ({'; '.join(sorted(other))}): "
            "delete it, or choose another folder with --logs"
        )
    if epochs_done(run) >= run.config.epochs:
        return None
    if any((run.folder / "checkpoints").glob("state-*")):
        return ["--resume", str(run.folder)]
    return [*run.arguments, "--overwrite"]


def describe_runs(runs: list[PlannedRun]) -> str:
    """Markdown: each run's command, seed, training time and date, then machine and versions."""
    lines = ["| run | seed | epochs | training | command |", "|---|---|---|---|---|"]
    machines = {}
    for run in runs:
        environment = json.loads((run.folder / "environment.json").read_text(encoding="utf-8"))
        versions = ", ".join(f"{n} {v}" for n, v in environment["versions"].items())
        machine = (
            f"{environment['cpu'] or 'unknown processor'}, {environment['cores']} cores, "
            f"{environment['platform']}, device {environment['device']}, computed by "
            f"{environment.get('backend', 'paddle')}; Python {environment['python']}, {versions}"
        )
        machines.setdefault(machine, []).append(run.entry.label)
        arguments = shlex.join(part.removeprefix(f"{Path.cwd()}/") for part in run.arguments)
        lines.append(
            f"| {run.entry.label} | {run.seed} | {epochs_done(run)} "
            f"| {_duration(_training_seconds(run))} | `python -m paddle_aug train {arguments}` |"
        )
    lines.append("")
    for machine, labels in machines.items():
        where = "" if len(machines) == 1 else f" ({', '.join(dict.fromkeys(labels))})"
        lines.append(f"Machine{where}: {machine}.")
    return "\n".join(lines)


def _training_seconds(run: PlannedRun) -> float:
    header, *rows = (run.folder / "metrics.csv").read_text(encoding="utf-8").splitlines()
    column = header.split(",").index("seconds")
    return sum(float(row.split(",")[column]) for row in rows)


def _duration(seconds: float) -> str:
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
