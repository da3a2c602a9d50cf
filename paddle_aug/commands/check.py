"""python -m paddle_aug check: finds faults in a data set, or the best number of workers."""

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.cli.override import add_override
from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.core.terminal import print_json
from paddle_aug.core.text import counted, flag
from paddle_aug.core.user_paths import user_path
from paddle_aug.language import show, tell, translate, translated

if TYPE_CHECKING:
    from paddle_aug.config import Config

# Options of train.py about the data, which this verb takes unchanged.
DATA_OPTIONS = (
    "images_root", "image_column", "label_column", "eval_data", "eval_share", "split", "folders",
    "class_names", "changes_label", "encoding", "seed",
)  # fmt: skip
FILES = ("check.json", "contact_sheet.png")
TRIAL_OPTIONS = ("augment", "image_size", "batch_size")
SECONDS = 3.0  # of a trial


def build_parser() -> Parser:
    from paddle_aug.config.words import offer_values

    parser = Parser(
        prog=command("check"),
        description="Read every image of a data set and report those that cannot be read, copies "
        "(also across training and evaluation), the classes' counts and the images' sizes; writes "
        "check.json and contact_sheet.png. Exits with 1 where there is a problem.",
    )
    add = parser.add_argument
    data = add("data", nargs="?", metavar="DATA", help="as train.py --data (default: what it uses)")
    offer_values(data, "data")
    add("--output", metavar="FOLDER", type=user_path, help="(default: check)")
    add("--json", action="store_true", help="print the report as JSON instead of text")
    group = parser.add_argument_group("of the data, as train.py's")
    for name in DATA_OPTIONS:
        action = group.add_argument(flag(name), metavar="VALUE")
        offer_values(action, name)
    trial = parser.add_argument_group("choosing --workers for train.py")
    trial.add_argument("--workers", action="store_true",
                       help="time the making of batches with 0, a thread, 1, 2 and 4 processes "
                       "instead of checking")  # fmt: skip
    trial.add_argument("--seconds", metavar="S", type=_seconds,
                       help="for each (default: 3)")  # fmt: skip
    for name in TRIAL_OPTIONS:
        action = trial.add_argument(flag(name), metavar="VALUE", help="as train.py's")
        offer_values(action, name)
    add_override(parser, (*DATA_OPTIONS, *TRIAL_OPTIONS))
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Check the data, or time the workers; 1 where the data have a problem."""
    args = build_parser().parse_args(argv)
    _refuse_options_without_effect(args)
    args.output = args.output or Path("check")
    from paddle_aug.config import load_config

    names = ("data", *DATA_OPTIONS, *TRIAL_OPTIONS)
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    config = load_config(given)
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    return _time_workers(config, args) if args.workers else _check(config, args)


def _refuse_options_without_effect(args: argparse.Namespace) -> None:
    if args.workers and args.output is not None:
        raise UserError("output: only without --workers, which writes nothing")
    for name in ("seconds", *TRIAL_OPTIONS):
        if not args.workers and getattr(args, name) is not None:
            raise UserError(f"{name}: only with --workers, which times the making of batches")


def _check(config: "Config", args: argparse.Namespace) -> int:
    from paddle_aug.commands.check_report import contact_sheet, format_summary, summarize
    from paddle_aug.core.atomic import write_json
    from paddle_aug.core.folders.lock import locked
    from paddle_aug.data.load import DataOptions, load_data
    from paddle_aug.data.scan import scan
    from paddle_aug.report.figure import print_font_note, save_figure

    refuse_foreign_folder(args.output)
    train, evaluation = load_data(DataOptions.of(config, keep_missing=True))
    found = scan(train, evaluation)
    summary = summarize(found, train.description, train.read_as)
    report, sheet = (args.output / name for name in FILES)
    with locked(args.output, wait=True):
        refuse_foreign_folder(args.output)
        write_json(report, summary)
        save_figure(contact_sheet(found), sheet)
    if args.json:
        print_json(summary)
    else:
        show(format_summary(summary))
        tell(f"wrote {sheet} and {report}")
    print_font_note(train.classes)
    return 1 if summary["problems"] else 0


def refuse_foreign_folder(folder: Path) -> None:
    """Raise UserError where the folder has files that `check` would replace, of another kind."""
    from paddle_aug.core.folders.own_files import has_mark, refuse_foreign

    refuse_foreign(folder, FILES, has_mark(folder, "check"), "a check")


def _seconds(text: str) -> float:
    """A number greater than 0; argparse reports anything else."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number greater than 0, got {text!r}")
    return value


def _time_workers(config: "Config", args: argparse.Namespace) -> int:
    from tabulate import tabulate

    from paddle_aug.batches.worker_trial import recommend, time_workers
    from paddle_aug.build.data import load_datasets, training_view
    from paddle_aug.build.mix import build_mix_policy
    from paddle_aug.core.cpu import available_cores

    config = config.filled()
    train, _ = load_datasets(config, (lambda line: None) if args.json else tell)
    view = training_view(train, config, build_mix_policy(config))
    trials = time_workers(view, config.batch_size, args.seconds or SECONDS)
    best = recommend(trials, available_cores())
    if args.json:
        rows = [vars(trial) for trial in trials]
        print_json({"trials": rows, "recommended": best})
        return 0
    rows = [
        [t.workers, f"{t.images_per_second:.0f}" if t.images_per_second else translate(t.problem)]
        for t in trials
    ]
    align = ("left", "right")
    show(tabulate(rows, translated(["workers", "images/s"]), colalign=align, disable_numparse=True))
    cores = counted(available_cores(), "core")
    tell(f"recommended with {cores}: --workers {best}. The model needs cores too: compare "
          "images/s of a short training (train.py --max-steps 50).")  # fmt: skip
    return 0
