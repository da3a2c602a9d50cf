"""Things of a user's own code, named as `my_module:thing` in an option.

Importing a module runs it. So a path is followed only where it stands on the command line itself,
or where --allow-imports was given: a configuration or a checkpoint from a stranger runs nothing.
"""

import argparse
import importlib
import os
import re
import sys
from typing import Any

from paddle_aug.core.errors import UserError

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PADDLE_VISION = "paddle.vision:"  # models of Paddle's, no code of the user's
_allowed: set[str] = set()
_all_allowed = False


def is_import_path(text: object) -> bool:
    """Whether `text` names a thing of the user's own code, as `my_module:thing` does."""
    return (
        isinstance(text, str)
        and _PATH.fullmatch(text) is not None
        and not text.startswith(_PADDLE_VISION)
    )


def short_name(text: str) -> str:
    """`thing` of `my_module:thing`, and any other text as it is."""
    return text.partition(":")[2] if is_import_path(text) else text


def allow(*paths: str) -> None:
    """Let these import paths be followed."""
    _allowed.update(paths)


class AllowImports(argparse.Action):
    """--allow-imports of a command: has its effect where it is read, and no value."""

    def __init__(self, option_strings: list[str], dest: str, **settings: Any):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **settings)

    def __call__(self, *_: Any) -> None:
        global _all_allowed
        _all_allowed = True


def load_object(path: str, option: str) -> Any:
    """What `my_module:thing` names; modules of the current folder are found.

    option: that names it, for messages. Raises UserError where the path may not be followed, or
    where there is no such module or thing.
    """
    if not (_all_allowed or path in _allowed):
        raise UserError(
            f"{option} {path}: code of your own is named in a file, not on the command line; "
            "if you trust it, say --allow-imports"
        )
    module_name, _, name = path.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        raise UserError(f"{option} {path}: importing {module_name} failed ({reason})") from None
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserError(
            f"{option} {path}: {module.__file__ or module_name} has no {name!r}"
        ) from None
