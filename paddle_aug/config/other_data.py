"""Refuses saved options about the place of data where other data are named."""

import os
from collections.abc import Mapping
from typing import Any

from paddle_aug.core.errors import UserError
from paddle_aug.core.text import flag
from paddle_aug.core.user_paths import user_path

PLACES = ("images_root", "eval_data")


def refuse_for_other_data(saved: Mapping[str, Any], given: Mapping[str, Any], where: str) -> None:
    """Raise UserError where `given` names other data and a saved path would be used for them.

    saved: options of a file or a run. given: those on the command line. Without this check images
    of one camera could be read under the labels of another, or one list be evaluated as another.
    """
    data = saved.get("data")
    if data is None or _same(str(given.get("data") or data), str(data)):
        return
    for name in PLACES:
        if saved.get(name) is not None and name not in given:
            raise UserError(
                f"{name}: {where} has {saved[name]!r} for its own data, {data}; "
                f"with --data {given['data']} give {flag(name)} as well, or start without {where}"
            )


def _same(one: str, other: str) -> bool:
    return one == other or os.path.realpath(user_path(one)) == os.path.realpath(user_path(other))
