"""python -m paddle_aug report: one page with the results of runs."""

import argparse
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.cli.parser import Parser
from paddle_aug.commands.arguments import add_comparison
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import AllowImports
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.language import language, tell

if TYPE_CHECKING:
    from paddle_aug.page.pictures import ImageSource
    from paddle_aug.page.sentences import Language

EPILOG = """\
examples:
  python -m paddle_aug report logs                               every run in logs/
  python -m paddle_aug report logs/userDef logs/mixup            two of them
  python -m paddle_aug report GoogLeNet=logs/mixup VGG16=logs_vggnet/mixup
  python -m paddle_aug report results/small_data                 a suite's results, with its claims
  python -m paddle_aug report configs/suites/s4.yaml             the same in logs/results/s4
  python -m paddle_aug report results/small_data --language zh

The page is one file without scripts, and opens without a network, on a phone as well; it can be
printed. What its figures are and how verdicts are found is explained in docs/judging.md.
"""


def build_parser() -> Parser:
    parser = Parser(
        prog=command("report"),
        description="One HTML page of several runs: verdicts on published claims first, then "
        "tables, curves, images, in what the runs differ, and the commands that repeat them.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("runs", nargs="+", metavar="RUNS",
        help="[LABEL=]FOLDER or FOLDER/MODE of a run, a folder with runs below it, a suite's "
        "folder of results, or a suite's YAML file")  # fmt: skip
    add("--output", metavar="FILE", type=user_path, default=Path("report.html"),
        help="the page; of files that are there already only an earlier report is replaced "
        "(default: %(default)s)")  # fmt: skip
    add_comparison(parser)
    add("--results", metavar="FOLDER", type=user_path,
        help="where the results of a suite's YAML file are (default: logs/results)")  # fmt: skip
    add("--no-images", action="store_true",
        help="show no image of the data, such as where they may not be handed on")  # fmt: skip
    add("--allow-imports", action=AllowImports,
        help="import the code of your own that augmented images, to draw them")  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the page and print its path and size."""
    argv = list(sys.argv[1:] if argv is None else argv)
    args = build_parser().parse_args(argv)

    from paddle_aug.commands.suite_plan import counts
    from paddle_aug.config import options_that_are
    from paddle_aug.page.contents import contents
    from paddle_aug.page.render import check_place, render, write_page
    from paddle_aug.page.sentences import Language
    from paddle_aug.report.found_runs import find_runs
    from paddle_aug.report.guard import refuse_other_images
    from paddle_aug.report.side_by_side import put_side_by_side, tell_notes

    check_place(args.output)
    results = args.results or Path("logs/results")
    names = [results_of(name, results) for name in args.runs]
    if args.results and names == args.runs:
        raise UserError("results: only with a suite's YAML file")
    found = find_runs(names, options_that_are("studied"))
    judged = put_side_by_side(
        found.runs, args.baseline or found.baseline, found.last, found.claims, found.studied, counts
    )
    refuse_other_images(judged.fairness, args.allow_differences)
    tell_notes(found.runs, judged.fairness, found.missing, found.left_out)
    say = Language(language())
    images = image_source(args.no_images, say)
    repeated = f"python -m paddle_aug report {shlex.join(argv)}"
    html = render(contents(found, judged, images, say, repeated), say)
    write_page(args.output, html)
    tell(f"wrote {args.output} ({args.output.stat().st_size / 1e6:.2f} MB)")
    return 0


def image_source(leave_out: bool, say: "Language") -> "ImageSource":
    """The source of images from the runs' data; without Paddle one that has none."""
    from paddle_aug.core.requirements import explain
    from paddle_aug.page.pictures import NoImages

    if leave_out:
        return NoImages(say("left_out"))
    try:
        from paddle_aug.core.paddle_import import import_paddle

        import_paddle()
        from paddle_aug.page.run_images import RunImages
        from paddle_aug.train.smote import images_to_learn
    except (ImportError, UserError) as error:
        reason = explain(error) if isinstance(error, ImportError) else str(error)
        return NoImages(reason or str(error))
    return RunImages(images_to_learn)


def results_of(name: str, results: Path) -> str:
    """The folder of results of a suite's YAML file; any other name unchanged.

    Raises UserError where there are none.
    """
    from paddle_aug.commands.suite_plan import read_suite, suite_name
    from paddle_aug.core.bundled import find_config
    from paddle_aug.report.side_by_side import TABLE_JSON

    if not name.endswith((".yaml", ".yml")):
        return name
    file = find_config(user_path(name))
    read_suite(file)  # which says what is wrong with it
    folder = results / suite_name(file, quick=False)
    if not (folder / TABLE_JSON).is_file():
        raise UserError(
            f"{name}: no results in {folder}: {command('suite')} {name} makes them "
            "(with --judge of what is finished); --results names another folder"
        )
    return str(folder)
