"""Objects of a user's own code, named as `my_module:thing` in an option.

Importing a module runs it. So a path is imported only if it stands on the command line itself, or
with --allow-imports: a configuration or checkpoint from elsewhere cannot run code.
"""

import argparse
import contextlib
import functools
import hashlib
import importlib
import os
import re
import site
import sys
import sysconfig
import traceback
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from paddle_aug.core.errors import UserError

_PATH = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")
_PADDLE_VISION = "paddle.vision:"  # models that come with Paddle
_allowed: set[str] = set()
_all_allowed = False


def is_import_path(text: object) -> bool:
    """Whether `text` has the form `my_module:thing` of the user's own code."""
    return (
        isinstance(text, str)
        and _PATH.fullmatch(text) is not None
        and not text.startswith(_PADDLE_VISION)
    )


def short_name(text: str) -> str:
    """`thing` for `my_module:thing`; any other text unchanged."""
    return text.partition(":")[2] if is_import_path(text) else text


def named_by(config: Any) -> dict[str, str]:
    """The options of a Config that name code of the user's own, with its import paths."""
    values = {name: getattr(config, name) for name in ("augment", "model", "data")}
    return {name: value for name, value in values.items() if is_import_path(value)}


def allow(*paths: str) -> None:
    """Allow these paths to be imported."""
    _allowed.update(paths)


class AllowImports(argparse.Action):
    """--allow-imports: takes effect while the command line is parsed, and stores nothing."""

    def __init__(self, option_strings: list[str], dest: str, **settings: Any):
        super().__init__(option_strings, argparse.SUPPRESS, nargs=0, **settings)

    def __call__(self, *_: Any) -> None:
        global _all_allowed
        _all_allowed = True


def refuse_untrusted(path: str, option: str) -> None:
    """Raise UserError where the path may not be imported. option: its name, for the message."""
    if not (_all_allowed or path in _allowed):
        raise UserError(
            f"{option} {path}: code of your own is named in a file, not on the command line; "
            "if you trust it, say --allow-imports"
        )


def load_object(path: str, option: str) -> Any:
    """The object that `my_module:thing` names; modules in the current folder are found.

    option: its name, for messages. Raises UserError where the path may not be imported, or where
    there is no such module or object.
    """
    refuse_untrusted(path, option)
    module_name, _, name = path.partition(":")
    if (here := os.getcwd()) not in sys.path:
        sys.path.insert(0, here)
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise UserError(
            f"{option} {path}: importing {module_name} failed ({failure(error)})"
        ) from None
    try:
        return getattr(module, name)
    except AttributeError:
        raise UserError(
            f"{option} {path}: {module.__file__ or module_name} has no {name!r}"
        ) from None


def failure(error: Exception) -> str:
    """What was raised, behind the line of the user's own code that led to it, where one did:
    "mine.py:7: ValueError: too small"."""
    reason = f"{type(error).__name__}: {error}".splitlines()[0]
    place = place_in_own_code(error)
    return f"{place}: {reason}" if place else reason


def place_in_own_code(error: Exception) -> str | None:
    """The line of the user's own code that an error came from: "mine.py:7"; None where the user's
    code has no part in it."""
    lines = traceback.extract_tb(error.__traceback__)
    own = [line for line in lines if not line.filename.startswith(_others_code())]
    return f"{Path(own[-1].filename).name}:{own[-1].lineno}" if own else None


@functools.cache
def _others_code() -> tuple[str, ...]:
    """What the files of Python, of installed packages and of this one begin with."""
    folders = {sysconfig.get_path(kind) for kind in ("stdlib", "purelib", "platlib")}
    folders |= {*site.getsitepackages(), site.getusersitepackages(), str(Path(__file__).parents[1])}
    return (*folders, "<")  # <frozen importlib>


def source_digests(paths: Iterable[str]) -> dict[str, str]:
    """SHA-256 of the source file of each module that the import paths name, by the module's name;
    of the file alone, not of what that imports."""
    digests = {}
    for path in paths:
        name = path.partition(":")[0]
        file = getattr(sys.modules.get(name), "__file__", None)
        with contextlib.suppress(OSError):
            digests[name] = hashlib.sha256(Path(file or "").read_bytes()).hexdigest()[:16]
    return digests
