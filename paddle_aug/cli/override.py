"""-o KEY=VALUE: options by their names in YAML files, as PaddleClas and Hydra take them."""

import argparse
from collections.abc import Collection
from typing import Any

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError, closest, half_width, unknown_option
from paddle_aug.core.plain_yaml import parse_yaml_text
from paddle_aug.core.text import flag

EXAMPLE = "image_size=64 policy.noise_max_sigma=4"


def add_override(parser: Parser, names: Collection[str]) -> None:
    """Add -o for the options in `names`; what is given stands under its key in the namespace."""
    parser.add_argument(
        "-o", nargs="+", metavar="KEY=VALUE", action=_Override, names=names,
        default=argparse.SUPPRESS, dest=argparse.SUPPRESS,
        help=f"options by their names in YAML files, such as {EXAMPLE}; null: none. Of an option "
        "that is given twice, as a flag or here, the last one counts",
    )  # fmt: skip


class _Override(argparse.Action):
    def __init__(self, *args: Any, names: Collection[str], **settings: Any):
        super().__init__(*args, **settings)
        self.names = names

    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: Any = None) -> None:
        for text in values:
            key, _, value = text.partition("=")
            if not key or not value:
                example = f"give KEY=VALUE, such as {EXAMPLE.split()[0]}"
                raise UserError(f"-o {text}: {example}{half_width(text)}")
            self._check_key(parser, key)
            # Nested values are YAML; the others are read as those of the option's flag.
            if key.partition(".")[0] == "policy":
                try:
                    value = parse_yaml_text(value)
                except ValueError as error:
                    raise UserError(f"-o {text}: {error}") from None
            setattr(namespace, key, None if value == "null" else value)

    def _check_key(self, parser: Parser, key: str) -> None:
        top, *inner = key.split(".")
        if top in self.names:
            if inner and not parser.knows_any(f"--{top}."):
                raise UserError(f"-o {key}: {top} has no parts")
        elif parser.knows(flag(key)) and key.replace("-", "_") not in self.names:
            raise UserError(f"-o {key}: not in YAML files; give it as {flag(key)}")
        else:
            # PaddleClas's keys have a section before them: Global.epochs.
            meant = key if closest(top, self.names) or not inner else inner[-1]
            raise UserError(f"-o {key}: {unknown_option(meant, self.names)}")
