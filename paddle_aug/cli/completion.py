"""--print-completion SHELL: the verbs, their options and the values to choose from, by shtab."""

import argparse
import importlib
from collections.abc import Mapping
from typing import Any

from paddle_aug.cli.parser import FILES, Parser
from paddle_aug.core.user_paths import expand, user_path

# What stands for a file or a folder in help texts: the shell's own completion of files.
_PATHS = {"FILE", "FOLDER", "RUN", "RUNS", "DATA"}


def completion(shell: str, root: Parser, verbs: Mapping[str, tuple[str, str]]) -> str:
    """The script that teaches a shell the command line.

    root: the parser of what stands before a verb. verbs: as in `__main__.VERBS`; each module has
    `build_parser()`. Raises ImportError where shtab is not installed.
    """
    import shtab

    # Every parser has --language: a child's takes the place of what it has from its parent.
    settings: Any = {"add_help": False, "conflict_handler": "resolve"}
    root = Parser(prog="paddle-aug", parents=[root], **settings)
    choices = root.add_subparsers()
    for verb, (module, text) in verbs.items():
        parser = importlib.import_module(module).build_parser()
        _add_values(parser)
        choices.add_parser(verb, parents=[parser], help=text, description=text, **settings)
    return shtab.complete(root, shell)


def _add_values(parser: Parser) -> None:
    """Give every option the values that can be completed, where argparse does not know them."""
    import shtab

    files = shtab.Choice("file")
    for action in parser._actions:
        words = getattr(action, "offered", [])
        if not words and (action.type in (expand, user_path) or action.metavar in _PATHS):
            words = [FILES]
        if words and not isinstance(action, argparse.BooleanOptionalAction):
            action.choices = [files if word == FILES else word for word in words]
