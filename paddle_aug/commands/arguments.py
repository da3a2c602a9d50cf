"""Types of command-line values that several verbs take."""

import argparse


def positive(text: str) -> int:
    """A whole number from 1; argparse reports anything else."""
    value = int(text) if text.isdecimal() else 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"must be a whole number from 1, got {text!r}")
    return value
