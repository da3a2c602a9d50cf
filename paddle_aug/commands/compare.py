"""python -m paddle_aug compare: curves and table of several runs side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.cli.parser import Parser
from paddle_aug.commands.arguments import positive
from paddle_aug.core.bundled import find_config
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.language import show, tell

EPILOG = """\
examples:
  python -m paddle_aug compare logs                          every run in logs/
  python -m paddle_aug compare logs/userDef logs/mixup       two of them
  python -m paddle_aug compare GoogLeNet=logs/mixup VGG16=logs_vggnet/mixup
  python -m paddle_aug compare logs_seed0 logs_seed1         seeds: mean and deviation

Runs with the same LABEL, or that differ in their seed only, become one line: their mean. Where two
lines have seeds in common they are compared seed by seed. With one seed the images decide, where
both runs have been evaluated with: python evaluate.py RUN --checkpoint last
What is computed and how verdicts are found is explained in docs/judging.md.
"""


def build_parser() -> Parser:
    parser = Parser(
        prog=command("compare"),
        description="Curves of several runs in the SamplePairing article's colours, the table of "
        "the mean of their last ten epochs, differences with their intervals, and what else "
        "differs.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "runs", nargs="+", metavar="RUN", help="[LABEL=]FOLDER or [LABEL=]FOLDER/MODE"
    )
    parser.add_argument(
        "--output", metavar="FOLDER", type=user_path, default=Path("comparison"),
        help="where pictures and tables go (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--baseline", metavar="NAME",
        help="label or mode to measure the others against (default: the suite's; userDef, no, "
        "flip, the first)",
    )  # fmt: skip
    parser.add_argument(
        "--last", metavar="N", type=positive,
        help="epochs at the end whose mean is the reference value (default: the suite's; 10)",
    )  # fmt: skip
    parser.add_argument(
        "--zoom", metavar="N", type=positive,
        help="epochs in the zoom (default: 100, or the last fifth of fewer than 200, "
        "but at least --last)",
    )  # fmt: skip
    parser.add_argument(
        "--claims", metavar="SUITE", type=user_path,
        help="judge the published claims of this file of configs/suites; the runs carry its labels",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Compare the runs, print and save the result; warnings about their files go to stderr."""
    args = build_parser().parse_args(argv)

    from paddle_aug.commands.suite_plan import counts, read_suite
    from paddle_aug.config import options_that_are
    from paddle_aug.report.groups import group_runs, groups_named
    from paddle_aug.report.side_by_side import for_terminal, put_side_by_side, write
    from paddle_aug.runs.reading import read_runs
    from paddle_aug.runs.stats import LAST

    claims, baseline, last = [], args.baseline, args.last
    if args.claims:
        suite = read_suite(find_config(args.claims))
        claims, last = suite.claims, last or suite.last
    runs = read_runs(args.runs)
    if args.claims and baseline is None:
        named = groups_named(group_runs(runs, counts), suite.reference)
        baseline = suite.reference if named else None
    found = put_side_by_side(
        runs, baseline, last or LAST, claims, options_that_are("studied"), counts
    )
    for run in runs:
        for warning in run.warnings:
            tell(f"warning: {warning}", error=True)
    for difference in found.fairness.differences:
        tell(f"note: the runs differ in {difference}", error=True)
    show(for_terminal(found))
    for path in write(args.output, found, zoom=args.zoom):
        tell(f"wrote {path}")
    return 0
