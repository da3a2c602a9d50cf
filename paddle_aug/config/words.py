"""The values of an option, for help texts, suggestions and completion in shells."""

import argparse
import types
import typing
from typing import Any, Literal

from paddle_aug.cli.parser import FILES, offer
from paddle_aug.config.table import Config, fact


def choices(name: str) -> list[str]:
    """The values of a Literal, and "N" if numbers are allowed, too; else none."""
    annotation = Config.model_fields[name].annotation
    is_union = typing.get_origin(annotation) in (typing.Union, types.UnionType)
    parts = typing.get_args(annotation) if is_union else (annotation,)
    values: list[Any] = []
    for part in parts:
        if typing.get_origin(part) is Literal:
            values += typing.get_args(part)
    if parts[-1] is not type(None) and len(parts) > 1:
        values.append("N")
    return list(map(str, values))


def offer_values(action: argparse.Action, name: str) -> None:
    """Set how shells complete the option `name`."""
    offer(action, [FILES, *words(name)] if fact(name, "path") else words(name))


def words(name: str) -> list[str]:
    """All values that a shell can complete; for a path, names that may be given instead."""
    return [word for word in choices(name) if word != "N"] + list(fact(name, "words"))
