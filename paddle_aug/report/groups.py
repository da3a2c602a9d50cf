"""Groups of runs that differ in their seed only; each is one line of a table."""

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from paddle_aug.core.errors import UserError, did_you_mean
from paddle_aug.core.text import flatten
from paddle_aug.modes import BASELINES, mode_order
from paddle_aug.runs.reading import Run
from paddle_aug.runs.stats import LAST, Spread, last_mean, spread

# Whether an option, such as "lr" or "policy.rotation", counts in a run with these options.
Counts = Callable[[str, Mapping[str, Any]], bool]


@dataclass(frozen=True)
class Group:
    """Runs that differ in their seed only, shown together by their mean."""

    label: str
    mode: str
    runs: tuple[Run, ...]

    @property
    def epochs(self) -> int:
        """Epochs of the longest run."""
        return max(run.epochs for run in self.runs)

    @property
    def shortest(self) -> int:
        """Epochs of the shortest run, with which its mean curves end."""
        return min(run.epochs for run in self.runs)

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray | None]:
        """Mean over the runs, and their sample standard deviation (None for a single run).

        Runs of unequal lengths are cut to the shortest: a mean over fewer runs would jump.
        """
        curves = [run.curves[name] for run in self.runs if name in run.curves]
        if not curves:
            return np.empty(0), None
        length = min(map(len, curves))
        stacked = np.stack([curve[:length] for curve in curves])
        return stacked.mean(axis=0), stacked.std(axis=0, ddof=1) if len(stacked) > 1 else None

    def final(self, name: str, last: int = LAST) -> Spread:
        """The mean of the last epochs of a curve, over the runs."""
        curves = [run.curves[name] for run in self.runs if name in run.curves]
        return spread([last_mean(curve, last).mean for curve in curves])


def group_runs(runs: Sequence[Run], counts: Counts) -> list[Group]:
    """Put runs together that have the same label, or that differ in their seed only.

    counts: whether an option can change a result; in others the runs of a group may differ, too.
    Without saved options two runs of one mode stay apart, labelled with the end of their path.
    Sorted by mode.
    """
    keys = _group_keys(runs, counts)
    modes_of_label: dict[str, set[str]] = {}
    for run in runs:
        if run.label:
            modes_of_label.setdefault(run.label, set()).add(run.mode)
    grouped: dict[tuple[str, ...], list[Run]] = {}
    for key, run in zip(keys, runs, strict=True):
        grouped.setdefault(key, []).append(run)
    unlabelled = [members[0] for members in grouped.values() if not members[0].label]
    groups = []
    for members in grouped.values():
        first = members[0]
        if first.label:
            several = len(modes_of_label[first.label]) > 1
            label = f"{first.label} {first.mode}" if several else first.label
        else:
            alike = [run for run in unlabelled if run.mode == first.mode]
            label = _place(first, alike) if len(alike) > 1 else first.mode
        groups.append(Group(label, first.mode, tuple(members)))
    for label in {group.label for group in groups}:
        alike = [group.runs[0] for group in groups if group.label == label]
        if len(alike) > 1:
            groups = [
                replace(group, label=f"{label} ({_place(group.runs[0], alike)})")
                if group.label == label
                else group
                for group in groups
            ]
    return sorted(groups, key=lambda group: mode_order(group.mode))


def groups_named(groups: Sequence[Group], name: str) -> list[Group]:
    """The group with that label or, if there is none, those of that mode that were given no label.

    A label is somebody's own word: runs labelled "mixup, alpha 0.2" are not "mixup".
    """
    labelled = [group for group in groups if group.label == name]
    own_words = [group for group in groups if any(run.label for run in group.runs)]
    return labelled or [each for each in groups if each.mode == name and each not in own_words]


def by_common_seed(group: Group, baseline: Group) -> dict[int | None, tuple[Run, Run]]:
    """The runs of two groups by the seeds that both have; None: a run that did not record its seed.

    Empty where a group has a seed twice, or several runs without a recorded one.
    """
    own, other = ({run.seed: run for run in each.runs} for each in (group, baseline))
    if len(own) < len(group.runs) or len(other) < len(baseline.runs):
        return {}
    return {seed: (own[seed], other[seed]) for seed in own if seed in other}


def with_common_seeds(group: Group, baseline: Group) -> tuple[Group, Group]:
    """The two groups with the runs of the seeds that both have; whole where there are none."""
    pairs = by_common_seed(group, baseline).values()
    if not pairs:
        return group, baseline
    own, other = zip(*pairs, strict=True)
    return replace(group, runs=own), replace(baseline, runs=other)


def choose_baseline(groups: Sequence[Group], name: str | None = None) -> Group:
    """The group called `name` (see `groups_named`), or userDef, no, flip, or the first.

    Raises UserError where the name is not among them, or is that of several.
    """
    labels = [group.label for group in groups]
    if name is not None:
        found = groups_named(groups, name)
        if len(found) > 1:
            alike = ", ".join(group.label for group in found)
            raise UserError(f"--baseline {name}: several of the runs ({alike}); name one of them")
        if not found:
            known = ", ".join(labels)
            raise UserError(
                f"--baseline {name}: not among the runs ({known}){did_you_mean(name, labels)}"
            )
        return found[0]
    for wanted in BASELINES:
        of_mode = [group for group in groups if group.mode == wanted]
        if found := groups_named(groups, wanted) or of_mode:
            return found[0]
    return groups[0]


def _group_keys(runs: Sequence[Run], counts: Counts) -> list[tuple[str, ...]]:
    """For each run what the runs of its group have in common."""
    options = [(run.mode, _options_that_count(run.config, counts)) for run in runs]
    without_label = [
        (run.seed, *own) for run, own in zip(runs, options, strict=True) if not run.label
    ]
    keys = []
    for run, own in zip(runs, options, strict=True):
        if run.label:
            keys.append(("label", run.label, run.mode))
        elif run.seed is None or without_label.count((run.seed, *own)) > 1:
            keys.append(("folder", str(run.folder), run.mode))
        else:
            keys.append(("options", *own))
    return keys


def _options_that_count(config: Mapping[str, Any], counts: Counts) -> str:
    flat = flatten(config)
    return repr(sorted((name, value) for name, value in flat.items() if counts(name, config)))


def _place(run: Run, among: Sequence[Run]) -> str:
    """The shortest end of FOLDER/MODE, with one folder at least, that no other run's path has."""
    own, *others = (
        (*Path(os.path.abspath(one.folder)).parts, one.mode)
        for one in (run, *(other for other in among if other is not run))
    )
    for length in range(2, len(own) + 1):
        if all(other[-length:] != own[-length:] for other in others):
            return str(Path(*own[-length:]))
    return f"{run.folder}/{run.mode}"
