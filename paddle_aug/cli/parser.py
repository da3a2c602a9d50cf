"""The parser of every command line: what is mistyped is named, with what was probably meant."""

import argparse
import itertools
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from paddle_aug.cli.help import translated_help, with_chinese_lines
from paddle_aug.core.errors import UserError, closest, half_width, unknown_value
from paddle_aug.language import LANGUAGES, set_language

FILES = "<files>"  # among offered values: those of the current folder


class Parser(argparse.ArgumentParser):
    """argparse's parser with this project's errors: one line, raised as UserError.

    Options are never abbreviated: a mistyped one must not be taken for another.
    """

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **{"allow_abbrev": False, **settings})
        self.add_argument(
            "--language", choices=LANGUAGES, action=_Language, default=argparse.SUPPRESS,
            dest=argparse.SUPPRESS,
            help="language of messages, figures and help (default: the locale's)",
        )  # fmt: skip

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # First of all: argparse would tell what is missing, which a mistyped option stands for.
        args = sys.argv[1:] if args is None else list(args)
        self._refuse_unknown(args)
        return super().parse_known_args(args, namespace)

    def format_help(self) -> str:
        return translated_help(self, super().format_help)

    def _get_formatter(self) -> argparse.HelpFormatter:
        return with_chinese_lines(super()._get_formatter())

    def knows(self, flag: str) -> bool:
        """Whether there is this option."""
        return flag in self._option_string_actions

    def knows_any(self, start: str) -> bool:
        """Whether there is an option that begins so."""
        return any(name.startswith(start) for name in self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Raise UserError. argparse calls it with all that it finds wrong."""
        message += half_width(message.rpartition(": ")[2])
        help_ = "" if message.endswith("?") else f"; {self.prog} --help explains"
        raise UserError(message.removeprefix("argument ") + help_)

    def _refuse_unknown(self, args: Sequence[str]) -> None:
        known = self._option_string_actions
        for text in args:
            name = text.partition("=")[0]
            if text == "--":
                return
            # With a blank in it, argparse takes it for a value.
            if name.startswith("--") and " " not in text and name not in known:
                near = closest(name, known)
                raise UserError(
                    f"{name}: unknown option; "
                    + (f"did you mean {near}?" if near else f"{self.prog} --help lists them")
                )

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """argparse's own check of `choices`, which has no suggestion before Python 3.14."""
        if action.choices is not None and value not in action.choices:
            raise argparse.ArgumentError(action, unknown_value(value, map(str, action.choices)))


class _Language(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        set_language(values)


def language_first(args: Sequence[str]) -> None:
    """Take --language before all others, so that --help and errors about them follow it."""
    for name, value in itertools.pairwise([*args, ""]):
        if name == "--":
            return
        if name.startswith("--language="):
            name, value = name.split("=", 1)
        if name == "--language" and value in LANGUAGES:
            set_language(value)


def offer(action: argparse.Action, values: Iterable[Any]) -> None:
    """Values for a shell to complete, of an option whose value is checked elsewhere."""
    action.offered = [str(value) for value in values]  # pyright: ignore[reportAttributeAccessIssue]
