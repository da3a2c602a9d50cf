"""python -m paddle_aug suite: several configurations in turn, then their table and curves."""

import argparse
import shlex
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddle_aug.core.bundled import find_config
from paddle_aug.core.errors import Interrupted
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path

if TYPE_CHECKING:
    from paddle_aug.commands.suite_plan import PlannedRun, Suite
    from paddle_aug.report.table import Group

EPILOG = """\
examples:
  python -m paddle_aug suite configs/suites/s1.yaml --quick
  python -m paddle_aug suite configs/suites/s1.yaml --dry-run        the commands, nothing else
  python -m paddle_aug suite configs/suites/s1.yaml -- --epochs 5 --data path/to/mnist.npz

The same command again goes on where the last one stopped.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("suite"),
        usage="%(prog)s FILE [OPTIONS] [-- OPTIONS OF train.py]",
        description="Run the configurations of a suite in turn, each in a process of its own, "
        "then compare them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("file", metavar="FILE", type=user_path, help="a YAML file, such as configs/suites/s1.yaml")
    add("--quick", action="store_true", help="the suite's small scale, in minutes")
    add("--dry-run", action="store_true", help="print the commands and run nothing")
    add(
        "--results", metavar="FOLDER", type=user_path, default=Path("results"),
        help="where FOLDER/<suite>/ gets table, pictures and curves (default: %(default)s)",
    )  # fmt: skip
    add(
        "--logs", metavar="FOLDER", type=user_path, default=Path("logs/suites"),
        help="where the runs' own folders are (default: %(default)s)",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run what is not finished, then write the results; the exit code of a run that fails."""
    argv = list(sys.argv[1:] if argv is None else argv)
    cut = argv.index("--") if "--" in argv else len(argv)
    args = build_parser().parse_args(argv[:cut])

    from paddle_aug.commands.suite_plan import next_arguments, plan, read_suite

    file = find_config(args.file)
    suite = read_suite(file)
    changes = given_to_all(argv[cut + 1 :])
    runs = plan(file, suite, args.quick, changes, args.logs)
    for number, run in enumerate(runs):
        arguments = next_arguments(run)
        name = f"[{number + 1}/{len(runs)}] {run.entry.label}, seed {run.seed}"
        if arguments is None:
            print(f"{name}: finished before", flush=True)
            continue
        print(f"{name}\n{command('train')} {shlex.join(arguments)}", flush=True)
        if args.dry_run:
            continue
        code = train(arguments)
        if code > 128 or code < 0:
            raise Interrupted(abs(code) % 128, "suite stopped; the same command goes on from here")
        if code:
            print(
                f"error: {name}: ended with code {code}; the same command goes on from here, "
                f"or starts it anew once {run.folder.parent} is deleted",
                file=sys.stderr,
            )
            return code
    if not args.dry_run:
        name = args.file.stem + ("_quick" if args.quick else "")
        write_results(args.results / name, suite, runs, args.quick, changes)
    return 0


def given_to_all(argv: Sequence[str]) -> dict[str, Any]:
    """The options of train.py after `--`. Raises UserError for what each run has of its own."""
    from paddle_aug.command_line import parse_args
    from paddle_aug.core.errors import UserError

    _, control = parse_args(argv, "Options for every run of a suite.", command("suite"))
    own = [name for name in ("seed", "output") if name in control.changes]
    own += [name for name in ("resume", "config") if getattr(control, name) is not None]
    if own:
        raise UserError(
            f"after --: --{own[0]} is each run's own: seeds and configurations are in the suite's "
            "file, --logs chooses where the runs are, and a suite resumes by itself"
        )
    return control.changes


def train(arguments: Sequence[str]) -> int:
    """Train in a process of its own; returns its exit code.

    Ctrl-C reaches both processes: this one waits until the run has saved its state.
    """
    process = subprocess.Popen([sys.executable, "-m", "paddle_aug", "train", *arguments])
    while True:
        try:
            return process.wait()
        except KeyboardInterrupt:
            continue


def write_results(
    folder: Path,
    suite: "Suite",
    runs: "Sequence[PlannedRun]",
    quick: bool,
    changes: Mapping[str, Any],
) -> None:
    """FOLDER/table.md, table.csv, the pictures, and the runs' curves and options.

    Published figures stand beside those of the suite's own options only, not of the quick scale or
    of other data, epochs or the like (`changes`: the options after --).
    """
    from paddle_aug.command_line import to_arguments
    from paddle_aug.commands.compare import save
    from paddle_aug.commands.suite_plan import describe_runs, slug
    from paddle_aug.core.atomic import write_text
    from paddle_aug.report.table import (
        build_table,
        choose_baseline,
        footnote,
        format_table,
        group_runs,
    )
    from paddle_aug.runs.layout import CURVES, curve_path
    from paddle_aug.runs.reading import read_run

    found = [read_run(run.folder.parent, run.config.mode, run.entry.label) for run in runs]
    groups = group_runs(found)
    baseline = choose_baseline(groups, suite.baseline or runs[0].entry.label)
    rows = build_table(groups, baseline, suite.last)
    save(folder, groups, baseline, rows, suite.last, None)
    altered = {n: v for n, v in changes.items() if n not in machine_options()}
    published = "" if quick or altered else published_table(suite, groups)
    told = suite.published if not altered else ""
    given = shlex.join(to_arguments(altered))
    print(format_table(rows, last=suite.last))
    parts = [
        f"# {suite.title}{' (quick scale)' if quick else ''}",
        f"Source: {suite.source}",
        *([f"Published: {told}"] if told else []),
        *([f"Not the suite's own options, for all runs: `{given}`."] if altered else []),
        format_table(rows, "github", suite.last),
        footnote(rows, suite.last),
        *([published] if published else []),
        f"Written on {date.today().isoformat()}.",
        describe_runs(list(runs)),
    ]
    write_text(folder / "table.md", "\n\n".join(parts) + "\n")
    for run in runs:
        place = folder / "curves" / slug(run.entry.label) / f"seed{run.seed}"
        place.mkdir(parents=True, exist_ok=True)
        for curve in CURVES:
            shutil.copy(curve_path(run.folder.parent, run.config.mode, curve), place)
        for name in ("metrics.csv", "changes.yaml"):
            shutil.copy(run.folder / name, place)
    if published:
        print(f"\n{published}")
    print(f"wrote {folder}/table.md, table.csv, compare*.png and curves/")


def machine_options() -> frozenset[str]:
    """Options that choose where and how fast a run is computed: its figures stay comparable."""
    from paddle_aug.config import options_that_are

    return options_that_are("free_on_resume") | {"device", "cpu_backend"}


def published_table(suite: "Suite", groups: "Sequence[Group]") -> str:
    """Markdown of the source's figures against ours, both of the last epoch; may be empty."""
    lines = []
    for entry in suite.runs:
        group = next((group for group in groups if group.label == entry.label), None)
        if group is None:
            continue
        for curve, value in entry.published.items():
            ours = group.final(curve, last=1)
            spread = "" if ours.n == 1 else f" ± {ours.std:.3f} (n={ours.n})"
            away = ours.mean - value
            distance = f"{away * 100:+.2f} points" if curve.startswith("acc") else f"{away:+.4f}"
            lines.append(
                f"| {entry.label} | {curve} | {value:g} | {ours.mean:.4f}{spread} | {distance} |"
            )
    head = ["| run | last epoch's | published | ours | difference |", "|---|---|---|---|---|"]
    return "\n".join([*head, *lines]) if lines else ""
