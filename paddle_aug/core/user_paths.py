"""Paths as people write them."""

import os
from pathlib import Path


def expand(text: str) -> str:
    """The path with a leading ~ replaced by the home folder: shells leave it in --output=~/runs,
    and nobody else does it in a YAML file."""
    return os.path.expanduser(text)


def user_path(text: str) -> Path:
    """The same as a Path, for argparse."""
    return Path(expand(text))
