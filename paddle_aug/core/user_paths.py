"""Paths as users write them: with ~ for the home folder."""

import os
from pathlib import Path


def expand(text: str) -> str:
    """The path with a leading ~ replaced by the home folder. Shells do not replace it in
    --output=~/runs, nor does anything in a YAML file. Raises ValueError for a zero character."""
    if "\0" in text:
        raise ValueError(f"{text!r}: a path cannot have a zero character")
    return os.path.expanduser(text)


def user_path(text: str) -> Path:
    """The same as a Path, for argparse."""
    return Path(expand(text))


def cache_home() -> Path:
    """Folder for what can be made again: $PADDLE_AUG_CACHE, or ~/.cache/paddle_aug."""
    chosen = os.environ.get("PADDLE_AUG_CACHE")
    return user_path(chosen or "~/.cache/paddle_aug")
