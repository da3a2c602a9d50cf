"""python -m paddle_aug compare: curves and table of several runs side by side."""

import argparse
import sys
import textwrap
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.commands.arguments import positive
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path

if TYPE_CHECKING:
    from paddle_aug.report.table import Group, Row

EPILOG = """\
examples:
  python -m paddle_aug compare logs                          every run in logs/
  python -m paddle_aug compare logs/userDef logs/mixup       two of them
  python -m paddle_aug compare GoogLeNet=logs/mixup VGG16=logs_vggnet/mixup
  python -m paddle_aug compare logs_seed0 logs_seed1         seeds: mean and deviation

Runs with the same LABEL, or that differ in their seed only, become one line: their mean.
"""


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("compare"),
        description="Curves of several runs in the SamplePairing article's colours, and the table "
        "of the mean of their last ten epochs.",
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
        help="label or mode to measure the others against (default: userDef, no, flip, the first)",
    )  # fmt: skip
    parser.add_argument(
        "--last", metavar="N", type=positive, default=10,
        help="epochs at the end whose mean is the reference value (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--zoom", metavar="N", type=positive,
        help="epochs in the zoom (default: 100, or the last fifth of fewer than 200, "
        "but at least --last)",
    )  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draw, print and save the comparison; warnings about the runs' files go to stderr."""
    args = build_parser().parse_args(argv)

    from paddle_aug.config import options_that_are
    from paddle_aug.report.table import (
        build_table,
        choose_baseline,
        footnote,
        format_table,
        group_runs,
    )
    from paddle_aug.runs.reading import config_differences, read_runs

    runs = read_runs(args.runs)
    groups = group_runs(runs)
    baseline = choose_baseline(groups, args.baseline)
    rows = build_table(groups, baseline, args.last)
    for run in runs:
        for warning in run.warnings:
            print(f"warning: {warning}", file=sys.stderr)
    for difference in config_differences(runs, options_that_are("studied")):
        print(f"note: the runs differ in {difference}", file=sys.stderr)
    print(format_table(rows, last=args.last))
    print(textwrap.fill(footnote(rows, args.last), 100))
    for path in save(args.output, groups, baseline, rows, args.last, args.zoom):
        print(f"wrote {path}")
    return 0


def save(
    output: Path,
    groups: "Sequence[Group]",
    baseline: "Group",
    rows: "Sequence[Row]",
    last: int,
    zoom: int | None,
) -> list[Path]:
    """Write the pictures and the two tables; returns their paths."""
    from paddle_aug.core.atomic import write_text
    from paddle_aug.report.curves import combined_figure, comparison_figure, zoom_start
    from paddle_aug.report.figure import save_figure
    from paddle_aug.report.table import footnote, format_table, table_csv

    start = zoom_start(max(group.epochs for group in groups), zoom, last)
    figures = {"compare.png": combined_figure(groups, baseline, start)}
    for kind, name in (("loss", "loss"), ("acc", "accuracy")):
        figures[f"compare_{name}.png"] = comparison_figure(groups, baseline, kind)
        zoomed = f"compare_{name}_zoom.png"
        if start:
            figures[zoomed] = comparison_figure(groups, baseline, kind, start)
        else:  # The whole is the zoom: an older comparison's must not stand beside it.
            (output / zoomed).unlink(missing_ok=True)
    paths = [save_figure(figure, output / name) for name, figure in figures.items()]
    texts = {
        "table.md": f"{format_table(rows, 'github', last)}\n\n{footnote(rows, last)}\n",
        "table.csv": table_csv(rows),
    }
    for name, text in texts.items():
        write_text(output / name, text)
        paths.append(output / name)
    return paths
