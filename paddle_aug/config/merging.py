"""Puts options of one place on top of those of another."""

from collections.abc import Mapping
from typing import Any


def on_top(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """The options of both; where both give one, the value of `above`.

    Of a nested option, such as policy, keys that `above` does not give stay as they are below: so
    the command line overrides a file, too.
    """
    both = {**below, **above}
    for name, value in above.items():
        known = below.get(name)
        if isinstance(value, dict) and isinstance(known, dict):
            both[name] = {**known, **value}
    return both
