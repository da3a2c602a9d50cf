"""Reads and plans a suite: a YAML file of configurations that are run and compared.

Finished runs are kept and unfinished ones resumed, so that a suite can be stopped and started at
any time.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
)

from paddle_aug.cli.seeds import parse_seeds
from paddle_aug.command_line import to_arguments
from paddle_aug.config import (
    Config,
    changed_options,
    has_effect,
    load_config,
    options_that_are,
)
from paddle_aug.config.merging import on_top
from paddle_aug.config.other_data import refuse_for_other_data
from paddle_aug.config.problems import in_words
from paddle_aug.core import own_code
from paddle_aug.core.bundled import config_name
from paddle_aug.core.errors import UserError, unknown_option, unknown_value
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.report.claims import Claim
from paddle_aug.runs.kept import evaluation_accuracies
from paddle_aug.runs.layout import CURVES, RunPaths
from paddle_aug.runs.reading import curve_length
from paddle_aug.runs.stats import stopped_early

# Options in which compared runs may differ: they do not change a result, or their effect is
# recorded in environment.json and compared there.
FREE = options_that_are("free_on_resume") | {"seed", "device", "cpu_backend", "clean_accuracy"}


def counts(name: str, options: Mapping[str, Any]) -> bool:
    """Whether compared runs may not differ in an option, by its flat name.

    options: of one of the runs; numbers of an image part count where it is used.
    """
    return name.split(".")[0] not in FREE and has_effect(name, options)


def _without_places(options: dict[str, Any]) -> dict[str, Any]:
    """Refuse options that a suite gives each run itself."""
    for name, instead in (("seed", "seeds: of the run, or --seeds"), ("output", "--logs")):
        if name in options:
            raise ValueError(f"{name}: is each run's own: give {instead} instead")
    return options


# Options of train.py for one run or all.
RunOptions = Annotated[dict[str, Any], AfterValidator(_without_places)]


class RunEntry(BaseModel):
    """One line of the table: a configuration, options on top of it, and its seeds.

    quick: options of the small scale, added to the suite's. published: the source's figures of the
    last epoch by curve, such as {accEval: 0.754}.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    label: str
    config: str
    options: RunOptions = {}
    seeds: list[int] = Field([0], min_length=1)
    quick: RunOptions = {}
    published: dict[str, float] = {}

    @field_validator("seeds", mode="before")
    @classmethod
    def _written_shortly(cls, seeds: Any) -> Any:
        return parse_seeds(seeds) if isinstance(seeds, str) else seeds

    @field_validator("seeds")
    @classmethod
    def _different(cls, seeds: list[int]) -> list[int]:
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"the same seed twice in {seeds} would count one run as two")
        return seeds

    @field_validator("label")
    @classmethod
    def _names_a_folder(cls, label: str) -> str:
        if not any(character.isalnum() for character in label):
            raise ValueError(f"{label!r} has no letter or digit to name a folder by")
        return label

    @field_validator("published")
    @classmethod
    def _of_curves(cls, figures: dict[str, float]) -> dict[str, float]:
        if other := sorted(figures.keys() - set(CURVES)):
            raise ValueError(unknown_value(other[0], CURVES))
        return figures


class Suite(BaseModel):
    """A suite's file. options: of every run; quick: options that make every run small. baseline: a
    label. last: number of epochs that the table's means are over. published: the source's results
    in words. claims: its figures, each of which gets a verdict."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    title: str
    source: str
    published: str = ""
    baseline: str | None = None
    last: int = Field(10, ge=1)
    options: RunOptions = {}
    quick: RunOptions = {}
    runs: list[RunEntry] = Field(min_length=1)
    claims: list[Claim] = []

    @property
    def reference(self) -> str:
        """The label of the runs that the others are measured against."""
        return self.baseline or self.runs[0].label


@dataclass(frozen=True)
class PlannedRun:
    """One run of a suite: its options, where they come from, and where it goes."""

    entry: RunEntry
    seed: int
    config_file: Path
    options: dict[str, Any]  # beside those of the file: seed, output and changes
    config: Config

    @property
    def paths(self) -> RunPaths:
        return RunPaths(Path(self.config.output), self.config.mode)

    @property
    def folder(self) -> Path:
        return self.paths.folder

    @property
    def epochs(self) -> int:
        """Number of epochs that it will have; without an option that of the bundled digits."""
        return self.config.filled().epochs

    @property
    def allowance(self) -> list[str]:
        """What a command needs beside its arguments to import code of the user's own."""
        return ["--allow-imports"] if own_code.named_by(self.config) else []

    @property
    def arguments(self) -> list[str]:
        """The arguments of `train` that start this run."""
        return ["--config", str(self.config_file), *to_arguments(self.options), *self.allowance]


def read_suite(path: str | Path) -> Suite:
    """Read and check a suite's file; UserError names what is wrong."""
    try:
        suite = Suite.model_validate(read_yaml(path))
    except ValidationError as error:
        # A mistyped key is both unknown and missing under its right name: the first is reported.
        problem = min(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
        *above, name = problem["loc"]
        message = in_words(problem)
        if problem["type"] == "extra_forbidden":
            kind = {"runs": RunEntry, "claims": Claim}[str(above[0])] if above else Suite
            message = unknown_option(str(name), kind.model_fields)
        place = ".".join(map(str, problem["loc"]))
        raise UserError(f"{path}: {place}: {message}") from None
    labels = [entry.label for entry in suite.runs]
    if suite.baseline is not None and suite.baseline not in labels:
        raise UserError(f"{path}: baseline: {unknown_value(suite.baseline, labels)}")
    if len({slug(label) for label in labels}) < len(labels):
        raise UserError(f"{path}: runs: two labels are the same: {', '.join(labels)}")
    for number, claim in enumerate(suite.claims):
        for key in ("method", "baseline"):
            if (name := getattr(claim, key)) is not None and name not in labels:
                place = f"{path}: claims.{number}.{key}"
                raise UserError(f"{place}: {unknown_value(name, labels)}")
    claims = [_complete(f"{path}: claims.{i}", each, suite) for i, each in enumerate(suite.claims)]
    return suite.model_copy(update={"claims": claims})


def with_seeds(suite: Suite, seeds: Sequence[int] | None) -> Suite:
    """The suite with these seeds for every run; as it is where there are none."""
    if seeds is None:
        return suite
    runs = [entry.model_copy(update={"seeds": list(seeds)}) for entry in suite.runs]
    return suite.model_copy(update={"runs": runs})


def _complete(place: str, claim: Claim, suite: Suite) -> Claim:
    """The claim with its baseline: by default that of the suite, which may be its own method."""
    if claim.kind == "value" or claim.baseline is not None:
        return claim
    if claim.method == suite.reference:
        raise UserError(
            f"{place}: {claim.method!r} is the suite's baseline, and would be compared with itself"
        )
    return claim.model_copy(update={"baseline": suite.reference})


def plan(
    path: Path, suite: Suite, quick: bool, changes: Mapping[str, Any], logs: Path
) -> list[PlannedRun]:
    """Every run of the suite, in order. changes: options for all runs, above everything else.

    Seeds are the outer loop: a suite that is stopped has every method of its first seeds.
    """
    seeds = list(dict.fromkeys(seed for entry in suite.runs for seed in entry.seeds))
    return [
        _plan_run(path, suite, entry, seed, quick, changes, logs)
        for seed in seeds for entry in suite.runs if seed in entry.seeds
    ]  # fmt: skip


def _plan_run(
    path: Path, suite: Suite, entry: RunEntry, seed: int, quick: bool,
    changes: Mapping[str, Any], logs: Path,
) -> PlannedRun:  # fmt: skip
    file = path.parent / entry.config
    output = logs / suite_name(path, quick) / slug(entry.label) / f"seed{seed}"
    small = [suite.quick, entry.quick] if quick else []
    place = {"seed": seed, "output": str(output)}
    own = reduce(on_top, [suite.options, entry.options, *small, changes, place], {})
    saved = read_yaml(file)
    refuse_for_other_data(saved, own, str(file))
    config = load_config(on_top(saved, own), where=f"{path}, {entry.label}: ")
    return PlannedRun(entry, seed, config_name(file), own, config)


def suite_name(path: Path, quick: bool) -> str:
    """The name of a suite's folders."""
    return path.stem + ("_quick" if quick else "")


def studied_options(runs: Sequence[PlannedRun]) -> frozenset[str]:
    """The options that the suite varies: those in which its planned runs differ."""
    values = [run.config.dump() for run in runs]
    return frozenset(k for k in values[0] if any(v[k] != values[0][k] for v in values)) - FREE


def slug(label: str) -> str:
    """The label as a folder's name."""
    words = "".join(c if c.isalnum() or c == "." else " " for c in label.lower()).split()
    return "-".join(words)


def epochs_done(run: PlannedRun) -> int:
    """Number of epochs in the run's metrics.csv."""
    return len(evaluation_accuracies(run.paths.metrics))


def epochs_left(run: PlannedRun) -> int:
    """Number of epochs that the run still has to make; 0 where --early-stopping has ended it."""
    return 0 if is_finished(run) else run.epochs - epochs_done(run)


def has_all_epochs(run: PlannedRun, accuracies: Sequence[float]) -> bool:
    """Whether these are of all epochs of the run, or of all until --early-stopping ended it."""
    return len(accuracies) >= run.epochs or stopped_early(accuracies, run.config.early_stopping)


def is_finished(run: PlannedRun) -> bool:
    """Whether the run has all its epochs, in all its curves where they can be written again."""
    accuracies = evaluation_accuracies(run.paths.metrics)
    if not has_all_epochs(run, accuracies):
        return False
    if not run.paths.states():
        return True  # its curves cannot be written again
    curves, mode = run.paths.output, run.config.mode
    return all(curve_length(curves, mode, curve) == len(accuracies) for curve in CURVES)


def other_options(
    run: PlannedRun, saved: Mapping[str, Any], shown: Callable[[Any], Any] = lambda value: value
) -> list[str]:
    """Differences of a saved config.yaml from the planned run's options, a line each.

    shown: a value as it was saved, where that shortens paths.
    """
    wanted = run.config.filled().dump()
    # Options that are not given now count, too: an earlier call may have given them after --.
    compared = (saved.keys() & wanted.keys()) | run.config.model_fields_set
    compared -= options_that_are("free_on_resume")
    if wanted["data"] is None:  # what was found then is saved, and compared by its content
        compared -= {"data", "images_root"}
    was = {name: saved.get(name) for name in compared}
    now = {name: shown(wanted[name]) for name in compared}
    return list(changed_options(was, now, wanted).values())


def refuse_run_with_other_options(run: PlannedRun) -> None:
    """Raise UserError where the run's folder holds one with other options."""
    if other := other_options(run, read_yaml(run.paths.config)):
        raise UserError(
            f"{run.folder}: was run with other options ({'; '.join(other)}): "
            "delete it, or choose another folder with --logs"
        )


def next_arguments(run: PlannedRun, allow_changes: bool = False) -> list[str] | None:
    """Arguments of `train` that continue the run; None if it is finished.

    allow_changes: resume although code, threads or processor have changed. Raises UserError where
    the folder holds a run with other options.
    """
    if not run.paths.config.exists():
        return [*run.arguments, "--overwrite"]
    refuse_run_with_other_options(run)
    if is_finished(run):
        return None
    if run.paths.states():
        allow = ["--allow-changes"] if allow_changes else []
        return ["--resume", str(run.folder), *run.allowance, *allow]
    return [*run.arguments, "--overwrite"]
