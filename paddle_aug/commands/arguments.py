"""Values and options that several verbs take."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1; argparse reports anything else."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return value


def add_comparison(parser: argparse.ArgumentParser) -> None:
    """The options of `compare` and `report` on which runs are compared with which."""
    parser.add_argument(
        "--baseline", metavar="NAME",
        help="label or mode to measure the others against (default: the suite's, else userDef, "
        "no or flip, else the first)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-differences", action="store_true",
        help="compare runs that were evaluated on other images, too",
    )  # fmt: skip
