"""The parser of every command line: what is mistyped is named, with what was probably meant."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from paddle_aug.core.errors import UserError, closest, unknown_value

FILES = "<files>"  # among offered values: those of the current folder


class Parser(argparse.ArgumentParser):
    """argparse's parser with this project's errors: one line, raised as UserError.

    Options are never abbreviated: a mistyped one must not be taken for another.
    """

    def __init__(self, *args: Any, **settings: Any):
        super().__init__(*args, **{"allow_abbrev": False, **settings})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        # First of all: argparse would tell what is missing, which a mistyped option stands for.
        args = sys.argv[1:] if args is None else list(args)
        self._refuse_unknown(args)
        return super().parse_known_args(args, namespace)

    def knows(self, flag: str) -> bool:
        """Whether there is an option that begins so."""
        return any(name.startswith(flag) for name in self._option_string_actions)

    def error(self, message: str) -> NoReturn:
        """Raise UserError. argparse calls it with all that it finds wrong."""
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


def offer(action: argparse.Action, values: Iterable[Any]) -> None:
    """Values for a shell to complete, of an option whose value is checked elsewhere."""
    action.offered = [str(value) for value in values]  # pyright: ignore[reportAttributeAccessIssue]
