"""python -m paddle_aug compare: curves and table of several runs side by side."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.cli.parser import Parser
from paddle_aug.commands.arguments import add_comparison, positive
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
  python -m paddle_aug compare results/small_data            a suite's results, with its claims

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
        "runs", nargs="+", metavar="RUNS",
        help="[LABEL=]FOLDER or FOLDER/MODE of a run, a folder with runs below it, or a suite's "
        "folder of results",
    )  # fmt: skip
    parser.add_argument(
        "--output", metavar="FOLDER", type=user_path, default=Path("comparison"),
        help="where pictures and tables go (default: %(default)s)",
    )  # fmt: skip
    add_comparison(parser)
    parser.add_argument(
        "--last", metavar="N", type=positive,
        help="how many last epochs the means are over (default: the suite's, else 10)",
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
    from paddle_aug.report.found_runs import find_runs
    from paddle_aug.report.groups import group_runs, groups_named
    from paddle_aug.report.guard import refuse_other_images
    from paddle_aug.report.side_by_side import for_terminal, put_side_by_side, tell_notes, write

    found = find_runs(args.runs, options_that_are("studied"))
    claims, baseline, last = found.claims, args.baseline or found.baseline, found.last
    if args.claims:
        suite = read_suite(find_config(args.claims))
        claims, last = suite.claims, suite.last
        if args.baseline is None and groups_named(group_runs(found.runs, counts), suite.reference):
            baseline = suite.reference
    judged = put_side_by_side(
        found.runs, baseline, args.last or last, claims, found.studied, counts
    )
    refuse_other_images(judged.fairness, args.allow_differences)
    tell_notes(found.runs, judged.fairness, found.missing, found.left_out)
    show(for_terminal(judged))
    for path in write(args.output, judged, zoom=args.zoom):
        tell(f"wrote {path}")
    return 0
