"""python -m paddle_aug VERB, or paddle-aug VERB where the project is installed.

A verb's module is imported when the verb is called, so that --help appears at once. train.py and
evaluate.py in the project's folder run the verbs train and evaluate.
"""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import NoReturn

from paddle_aug import __version__
from paddle_aug.core.errors import run_command
from paddle_aug.core.program import command

# Verb: module with `main(argv) -> int`, and what the verb does.
VERBS = {
    "train": ("paddle_aug.commands.train", "train a classifier under augmentation"),
    "evaluate": ("paddle_aug.commands.evaluate", "a run on its evaluation images, class by class"),
    "compare": ("paddle_aug.commands.compare", "curves and table of several runs side by side"),
    "preview": ("paddle_aug.commands.preview", "sheets of augmented and mixed images"),
    "schedule": ("paddle_aug.commands.schedule", "when mixing is on, and the learning rate"),
    "check": ("paddle_aug.commands.check", "bad images, copies, sizes; the number of workers"),
    "suite": ("paddle_aug.commands.suite", "the runs of an experiment in turn, and their table"),
    "export": ("paddle_aug.commands.export", "a trained model as files for inference"),
    "cache": ("paddle_aug.commands.cache", "list or empty the cache of decoded images"),
}


def build_parser() -> argparse.ArgumentParser:
    """The parser for the list of verbs; each verb's module has the parser of its options."""
    width = max(map(len, VERBS)) + 2
    lines = [f"  {verb:<{width}}{text}" for verb, (_, text) in VERBS.items()]
    parser = argparse.ArgumentParser(
        prog=command("VERB").removesuffix(" VERB"),
        usage="%(prog)s VERB [OPTIONS]",
        description="verbs:\n" + "\n".join(lines),
        epilog=f"{command('VERB')} --help explains a verb's options.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("verb", metavar="VERB", choices=list(VERBS), help=argparse.SUPPRESS)
    parser.add_argument("--version", action="version", version=f"paddle_aug {__version__}")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb with the arguments after it; returns the exit code."""
    argv = sys.argv[1:] if argv is None else list(argv)
    if not argv:
        build_parser().print_help()
        return 2
    # Only the first argument is parsed here: the others are options of the verb.
    verb = build_parser().parse_args(argv[:1]).verb
    return importlib.import_module(VERBS[verb][0]).main(argv[1:]) or 0


def run(verb: str | None = None) -> NoReturn:
    """Run this process's command line and exit. verb: the one to run if the line has none."""
    run_command(lambda: main([*([verb] if verb else []), *sys.argv[1:]]))


if __name__ == "__main__":
    run()
