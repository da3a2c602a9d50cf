"""The conditions under which the runs of a suite are made: threads, code, processor, versions; and
what may be given to all of them."""

import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from paddle_aug.commands.suite_plan import PlannedRun, studied_options
from paddle_aug.core import own_code
from paddle_aug.core.cpu import available_cores, busy_cores, free_cores
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import read_json
from paddle_aug.core.text import flag
from paddle_aug.runs.environment import (
    SINCE_LATER,
    compared,
    describe_environment,
    differences_ahead,
    library_variables,
    recorded_threads,
)


def refuse_varied(path: Path, own: Sequence[PlannedRun], given: Collection[str]) -> None:
    """Raise UserError for an option given to all runs in which the suite's own runs differ.

    own: the runs as the suite's file at `path` has them.
    """
    if varied := sorted(studied_options(own) & {*given}):
        raise UserError(
            f"after --: {flag(varied[0])} would be the same in all runs, which differ in it: "
            f"change it in {path}"
        )


def refuse_untrusted_code(runs: Sequence[PlannedRun]) -> None:
    """Raise UserError where a run has code of the user's own that only a file names.

    Without this check a suite's file could run code, as its options become arguments of `train`.
    """
    for run in runs:
        for option, path in own_code.named_by(run.config).items():
            own_code.refuse_untrusted(path, option)


def child_environment(jobs: int, runs: Sequence[PlannedRun]) -> dict[str, str]:
    """Environment variables of each run: its threads, unless the user has set them.

    Several runs side by side have each its share of the cores. A single one has those that are free
    now, or as many threads as the suite's runs were begun with, so that all have the same number.
    """
    environment = dict(os.environ)
    if "OMP_NUM_THREADS" in environment:
        return environment
    if jobs > 1:
        threads = max(1, available_cores() // jobs)
    else:
        recorded = (recorded_threads(run.paths.environment) for run in runs)
        threads = next(filter(None, recorded), None) or free_cores(busy_cores())
    return {**environment, "OMP_NUM_THREADS": str(threads)}


def refuse_other_conditions(
    finished: Sequence[PlannedRun], missing: Sequence[PlannedRun],
    environment: Mapping[str, str], allow: bool,
) -> None:  # fmt: skip
    """Check, before hours of work, that the missing runs would be made like the finished ones.

    Raises UserError naming what has changed, unless that is allowed. What only a run itself knows
    (its data, its backend) is compared when the tables are made.
    """
    if allow or not missing:
        return
    now = describe_environment("", {}, own_code=_own_code(missing))
    now["threads"] = library_variables(environment)
    lines = [line for run in finished for line in differences_ahead(_conditions_of(run), now)]
    if lines:
        raise UserError(
            "the finished runs were made otherwise than the others would be now: "
            f"{'; '.join(dict.fromkeys(lines))}\n"
            "--allow-differences goes on all the same, --logs FOLDER starts anew"
        )


def _own_code(runs: Sequence[PlannedRun]) -> dict[str, str]:
    """Digests of the user's own code that the runs name, which is imported for that."""
    named = {path: option for run in runs for option, path in own_code.named_by(run.config).items()}
    for path, option in named.items():
        own_code.load_object(path, option)
    return own_code.source_digests(named)


def _conditions_of(run: PlannedRun) -> dict[str, Any]:
    path = run.paths.environment
    record = read_json(path)
    if missing := [key for key in compared("ahead") if key not in {*record, *SINCE_LATER}]:
        raise UserError(f"{path}: no record of a run's environment (without {missing[0]})")
    return record
