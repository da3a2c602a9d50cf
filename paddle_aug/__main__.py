"""python -m paddle_aug VERB, or paddle-aug VERB where the project is installed.

A verb's module is imported when the verb is called, so that --help appears at once. train.py,
evaluate.py and predict.py in the project's folder run the verbs of their names.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from paddle_aug import __version__
from paddle_aug.cli.parser import Parser, language_first
from paddle_aug.core.errors import UserError, run_command, unknown_value
from paddle_aug.core.program import command
from paddle_aug.language import speak_what_is_shown

SHELLS = ("bash", "zsh", "tcsh")  # that completion is made for
# Verb: module with `main(argv) -> int`, and what the verb does.
VERBS = {
    "train": ("paddle_aug.commands.train", "train a classifier under augmentation"),
    "evaluate": ("paddle_aug.commands.evaluate", "a run on its evaluation images, class by class"),
    "predict": ("paddle_aug.commands.predict", "what a trained model says of your photos"),
    "compare": ("paddle_aug.commands.compare", "curves and table of several runs side by side"),
    "report": (
        "paddle_aug.commands.report",
        "one page that says what runs have shown",
    ),
    "preview": ("paddle_aug.commands.preview", "sheets of augmented and mixed images"),
    "schedule": ("paddle_aug.commands.schedule", "when mixing is on, and the learning rate"),
    "check": ("paddle_aug.commands.check", "bad images, copies, sizes; the number of workers"),
    "suite": ("paddle_aug.commands.suite", "the runs of an experiment in turn, and their table"),
    "export": ("paddle_aug.commands.export", "a trained model as files for inference"),
    "demo": ("paddle_aug.demo.command", "a page to play with images, operations and mixes"),
    "cache": ("paddle_aug.commands.cache", "list or empty the cache of decoded images"),
}


def build_parser() -> Parser:
    """The parser for the list of verbs; each verb's module has the parser of its options."""
    width = max(map(len, VERBS)) + 2
    lines = [f"  {verb:<{width}}{text}" for verb, (_, text) in VERBS.items()]
    parser = Parser(
        prog=command("VERB").removesuffix(" VERB"),
        usage="%(prog)s VERB [OPTIONS]",
        description="verbs:\n" + "\n".join(lines),
        epilog=f"{command('VERB')} --help explains a verb's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--print-completion", metavar="SHELL", choices=SHELLS,
        help="print the script that completes verbs, options and values in bash, zsh or tcsh",
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"paddle_aug {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb with the arguments after it; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    language_first(argv)
    speak_what_is_shown()
    if not argv:
        build_parser().print_help()
        return 2
    verb = argv[0]
    if verb.startswith("-"):
        return before_a_verb(argv)
    if verb not in VERBS:
        raise UserError(f"verb: {unknown_value(verb, VERBS)}")
    return importlib.import_module(VERBS[verb][0]).main(argv[1:]) or 0


def before_a_verb(argv: Sequence[str]) -> int:
    """What is asked for without a verb: --help and --version end the process in here."""
    parser = build_parser()
    shell = parser.parse_args(argv).print_completion
    if shell is None:
        parser.error("a verb comes first")
    from paddle_aug.cli.completion import completion

    print(completion(shell, parser, VERBS))
    return 0


def run(verb: str | None = None) -> NoReturn:
    """Run this process's command line and exit. verb: the one to run if the line has none."""
    run_command(lambda: main([*([verb] if verb else []), *sys.argv[1:]]))


if __name__ == "__main__":
    run()
