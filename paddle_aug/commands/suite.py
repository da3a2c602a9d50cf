"""python -m paddle_aug suite: runs several configurations, compares them, judges claims."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddle_aug.cli.parser import Parser
from paddle_aug.cli.seeds import seeds
from paddle_aug.commands.arguments import positive
from paddle_aug.core.bundled import find_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import AllowImports
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.language import tell

if TYPE_CHECKING:
    from paddle_aug.commands.suite_cells import Cell
    from paddle_aug.commands.suite_plan import PlannedRun, Suite

EPILOG = """\
examples:
  python -m paddle_aug suite configs/suites/s1.yaml --quick
  python -m paddle_aug suite configs/suites/s1.yaml --dry-run        the commands, nothing else
  python -m paddle_aug suite configs/suites/s1.yaml --cost           and what they would cost
  python -m paddle_aug suite configs/suites/s1.yaml --jobs 2         two runs side by side
  python -m paddle_aug suite configs/suites/s1.yaml -- --epochs 5 --data path/to/mnist.npz

The same command again goes on where the last one stopped. How runs are compared and published
claims are judged is explained in docs/judging.md.
"""
PRECISIONS = {"no": "float32", "fp16": "float16 (mixed)", "bf16": "bfloat16 (mixed)"}


def build_parser() -> Parser:
    parser = Parser(
        prog=command("suite"),
        usage="%(prog)s FILE [OPTIONS] [-- OPTIONS OF train.py]",
        description="Run the configurations of a suite, each in a process of its own, all methods "
        "of one seed before the next, then compare them and judge the published claims.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", metavar="FILE", type=user_path, help="a YAML file, such as configs/suites/s1.yaml")
    add("--quick", action="store_true", help="the suite's small scale, in minutes; judges no claim")
    add("--jobs", metavar="N", type=positive,
        help="runs side by side, each with its share of the cores (OMP_NUM_THREADS, unless that is "
        "set already; default: 1)")  # fmt: skip
    add("--seeds", metavar="SEEDS", type=seeds,
        help="these seeds for every run instead of the file's: 0-4 or 0,2,5-7")  # fmt: skip
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--dry-run", action="store_true",
        help="print the commands and the precision, and run nothing")  # fmt: skip
    only.add_argument("--cost", action="store_true",
        help="print these, and the suite's cost: times an epoch of each kind of run")  # fmt: skip
    only.add_argument("--judge", action="store_true",
        help="run nothing; compare and judge the runs that are finished")  # fmt: skip
    add("--allow-differences", action="store_true",
        help="go on, and compare, although runs differ in more than the suite varies (code, data, "
        "processor, threads, ...); the differences stand in the tables")  # fmt: skip
    add("--allow-imports", action=AllowImports,
        help="import code of your own that the suite's file or a configuration names")  # fmt: skip
    add(
        "--results", metavar="FOLDER", type=user_path, default=Path("logs/results"),
        help="where FOLDER/<suite>/ gets tables, pictures and the runs' small files "
        "(default: %(default)s)",
    )  # fmt: skip
    add(
        "--logs", metavar="FOLDER", type=user_path, default=Path("logs/suites"),
        help="where the runs' own folders are (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Make the missing runs, then write the results; returns the exit code of a run that fails."""
    argv = list(sys.argv[1:] if argv is None else argv)
    cut = argv.index("--") if "--" in argv else len(argv)
    args = build_parser().parse_args(argv[:cut])
    if args.judge and args.jobs:
        raise UserError("jobs: --judge runs nothing; leave out one of the two")
    args.jobs = args.jobs or 1

    from paddle_aug.commands.suite_plan import is_finished, read_suite, suite_name, with_seeds
    from paddle_aug.commands.suite_results import refuse_foreign_results

    file = find_config(args.file)
    suite = with_seeds(read_suite(file), args.seeds)
    changes = given_to_all(argv[cut + 1 :])
    runs = planned_runs(file, suite, changes, args)
    results = args.results / suite_name(file, args.quick)
    refuse_foreign_results(results, runs)  # checked now, before hours of training
    if args.dry_run or args.cost:
        print_what_is_left(runs, args)
        return 0
    finished = [run for run in runs if is_finished(run)]
    code = 0
    if args.judge:
        keep(finished, results)
    else:
        code = make_missing(runs, finished, args, results)
    if not code:
        own = "--allow-imports" in argv[:cut]
        repeated = whole_command(args.file, args.quick, args.seeds, argv[cut + 1 :], own)
        judge_and_write(suite, runs, changes, args, results, repeated)
    return code


def planned_runs(
    file: Path, suite: "Suite", changes: dict[str, Any], args: argparse.Namespace
) -> "list[PlannedRun]":
    """All runs of the suite. changes: options for all of them. Raises UserError for those in which
    its own runs differ, and for code of the user's own that only a file names."""
    from paddle_aug.commands.suite_conditions import refuse_untrusted_code, refuse_varied
    from paddle_aug.commands.suite_plan import plan

    if changes:
        refuse_varied(file, plan(file, suite, args.quick, {}, args.logs), changes)
    runs = plan(file, suite, args.quick, changes, args.logs)
    if not args.judge:
        refuse_untrusted_code(runs)
    return runs


def print_what_is_left(runs: "Sequence[PlannedRun]", args: argparse.Namespace) -> None:
    """Print the commands that are left to do, with --cost also what they would cost."""
    from paddle_aug.commands.suite_conditions import child_environment

    environment = child_environment(args.jobs, runs)
    print_plan(runs, unfinished_cells(runs, args.allow_differences), args.jobs, environment)
    if args.cost:
        print_cost(runs, args.jobs, environment)


def keep(finished: "Sequence[PlannedRun]", results: Path) -> None:
    """Copy the small files of the finished runs to the results. Raises UserError, before the first
    one's go, where one has other options than planned."""
    from paddle_aug.commands.suite_plan import refuse_run_with_other_options
    from paddle_aug.commands.suite_results import keep_run

    for run in finished:
        refuse_run_with_other_options(run)
    for run in finished:
        keep_run(results, run)


def make_missing(
    runs: "Sequence[PlannedRun]", finished: "Sequence[PlannedRun]", args: argparse.Namespace,
    results: Path,
) -> int:  # fmt: skip
    """Make the missing runs, under the suite's lock; returns 0, or the exit code of a failed one.

    Raises UserError where they would be made otherwise than the finished ones, or where another
    process works on the same suite's runs.
    """
    from paddle_aug.commands.suite_cells import run_cells
    from paddle_aug.commands.suite_conditions import child_environment, refuse_other_conditions
    from paddle_aug.commands.suite_progress import SuiteProgress
    from paddle_aug.commands.suite_results import keep_run
    from paddle_aug.core.folders.lock import locked

    environment = child_environment(args.jobs, runs)
    cells = unfinished_cells(runs, args.allow_differences)
    missing = [run for run in runs if run not in finished]
    refuse_other_conditions(finished, missing, environment, args.allow_differences)
    keep(finished, results)
    if not cells:
        return 0
    with locked(args.logs / results.name / "runs", option="--logs"):
        return run_cells(
            cells, args.jobs, environment, SuiteProgress(runs, args.jobs),
            lambda run: keep_run(results, run),
        )  # fmt: skip


def judge_and_write(
    suite: "Suite", runs: "Sequence[PlannedRun]", changes: dict[str, Any],
    args: argparse.Namespace, results: Path, repeated: str,
) -> None:  # fmt: skip
    """Compare the finished runs, judge the claims, write and print the tables. repeated: the
    command that does all this again."""
    from paddle_aug.commands.suite_results import (
        print_results,
        with_comparable_figures,
        write_results,
    )

    suite, note = with_comparable_figures(suite, args.quick, changes)
    if note:
        tell(f"note: {note}", error=True)
    found = write_results(results, suite, runs, args.quick, repeated, note, args.allow_differences)
    print_results(results, suite, found)


def given_to_all(argv: Sequence[str]) -> dict[str, Any]:
    """The options of train.py after `--`, which are checked with those of each run. Raises
    UserError for those that each run has of its own."""
    from paddle_aug.command_line import build_parser, options_given

    parser = build_parser("Options for every run of a suite.", command("suite"))
    given = vars(parser.parse_args(argv))
    if given["config"] is None:  # which is there even where it is not given
        del given["config"]
    for name in ("seed", "output", "resume", "config", "allow_changes"):
        if name in given:
            own = name.replace("_", "-")
            raise UserError(
                f"after --: --{own} is each run's own: seeds and configurations are in the suite's "
                "file, --logs chooses where the runs are, and a suite resumes by itself"
            )
    return options_given(given)


def unfinished_cells(runs: "Sequence[PlannedRun]", allow_changes: bool) -> "list[Cell]":
    """The cells left to do, in the suite's order; a finished run may lack its predictions."""
    from paddle_aug.commands.suite_cells import Cell
    from paddle_aug.commands.suite_plan import next_arguments
    from paddle_aug.commands.suite_results import evaluation_command
    from paddle_aug.runs.kept import is_evaluated

    cells = []
    for number, run in enumerate(runs):
        name = f"[{number + 1}/{len(runs)}] {run.entry.label}, seed {run.seed}"
        training = next_arguments(run, allow_changes)
        if training is not None:
            cells.append(Cell(run, name, [["train", *training], evaluation_command(run)]))
        elif is_evaluated(run.paths):
            tell(f"{name}: finished before")
        elif run.paths.states():
            tell(f"{name}: finished before, but for its predictions")
            cells.append(Cell(run, name, [evaluation_command(run)]))
        else:
            tell(f"{name}: finished before; no predictions, as its states are gone")
    return cells


def print_plan(
    runs: "Sequence[PlannedRun]", cells: "Sequence[Cell]", jobs: int, environment: dict[str, str]
) -> None:
    """Print the commands, the number of epochs, and the precision."""
    for cell in cells:
        verb, *arguments = cell.commands[0]
        tell(f"{cell.name}\n{command(verb)} {shlex.join(arguments)}")
    precisions = dict.fromkeys(PRECISIONS[run.config.amp] for run in runs)
    threads = environment["OMP_NUM_THREADS"]
    tell(
        f"{len(runs)} runs, {sum(run.epochs for run in runs):,} epochs; "
        f"precision: {', '.join(precisions)}; {jobs} side by side, threads a run: {threads}"
    )


def print_cost(runs: "Sequence[PlannedRun]", jobs: int, environment: dict[str, str]) -> None:
    """Print the time that the remaining epochs will take, from one that is timed now."""
    from paddle_aug.commands.suite_cost import seconds_left, time_epochs
    from paddle_aug.core.text import duration

    costs = time_epochs(runs, jobs, environment)
    for cost in costs:
        labels = ", ".join(dict.fromkeys(run.entry.label for run in cost.runs))
        tell(f"{cost.seconds:.3g} s an epoch (evaluation included): {labels}")
    whole = seconds_left(costs, jobs)
    epochs = sum(cost.epochs for cost in costs)
    tell(f"{epochs:,} epochs left: about {duration(whole)}, timed beside what else runs here now")


def whole_command(
    file: Path, quick: bool, seeds: Sequence[int] | None, options: Sequence[str],
    allow_imports: bool = False,
) -> str:  # fmt: skip
    """The command that repeats the suite."""
    from paddle_aug.runs.kept import portable

    parts = ["suite", str(file), *(["--quick"] if quick else [])]
    parts += ["--seeds", ",".join(map(str, seeds))] if seeds else []
    parts += ["--allow-imports"] if allow_imports else []
    parts += ["--", *options] if options else []
    return f"python -m paddle_aug {shlex.join(portable(part) for part in parts)}"
