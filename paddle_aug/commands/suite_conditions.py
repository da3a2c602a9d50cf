"""The conditions under which the runs of a suite are made: threads, code, processor, versions."""

import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

from paddle_aug.commands.suite_plan import PlannedRun
from paddle_aug.core.cpu import available_cores
from paddle_aug.core.errors import UserError
from paddle_aug.runs.environment import describe_environment, flatten

_COMPARED = ("code", "cpu", "cores", "platform", "python", "versions")


def child_environment(jobs: int) -> dict[str, str]:
    """Environment variables of each run: its share of the cores, unless the user has set threads.

    A single run chooses its number of threads itself, as train.py does.
    """
    environment = dict(os.environ)
    if jobs > 1:
        environment.setdefault("OMP_NUM_THREADS", str(max(1, available_cores() // jobs)))
    return environment


def refuse_other_conditions(
    finished: Sequence[PlannedRun], environment: Mapping[str, str], allow: bool
) -> None:
    """Check, before hours of work, that the missing runs would be made like the finished ones.

    Raises UserError naming what has changed, unless that is allowed. What only a run itself knows
    (its data, its backend) is compared when the tables are made.
    """
    record = describe_environment("", {})
    now = flatten({key: record[key] for key in _COMPARED})
    now["OMP_NUM_THREADS"] = environment.get("OMP_NUM_THREADS", str(available_cores()))
    lines = [line for run in finished for line in _other(_conditions_of(run), now)]
    if lines and not allow:
        raise UserError(
            "the finished runs were made otherwise than the others would be now: "
            f"{'; '.join(dict.fromkeys(lines))}\n"
            "--allow-differences goes on all the same, --logs FOLDER starts anew"
        )


def _conditions_of(run: PlannedRun) -> dict[str, Any]:
    path = run.paths.environment
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        conditions = flatten({key: record[key] for key in _COMPARED})
        conditions["OMP_NUM_THREADS"] = record["threads"].get("OMP_NUM_THREADS")
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{path}: no record of a run's environment ({error!r})") from None
    return conditions


def _other(was: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    keys = sorted({*was, *now})
    return [f"{k}: was {was.get(k)}, is {now.get(k)}" for k in keys if was.get(k) != now.get(k)]
