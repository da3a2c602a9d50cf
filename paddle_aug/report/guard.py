"""Finds in what the compared runs differ beside what is studied: is the comparison fair?

Read from each run's config.yaml and environment.json: options, code, data, epochs, threads,
processor, precision, backend, versions. What a run did not record is reported as not known.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from paddle_aug.core.errors import UserError
from paddle_aug.core.text import flatten
from paddle_aug.modes import is_mix, mixing_of
from paddle_aug.report.groups import Counts, Group
from paddle_aug.runs.environment import compared, device_kind, recorded_changes
from paddle_aug.runs.reading import Run

_OF_SOME = ("own_code", "gpu")  # compared among the runs that have them
# Options that choose the images: if one of them is studied, the data may differ.
_CHOOSES_IMAGES = (
    "data", "images_root", "image_column", "label_column", "eval_data", "eval_share", "split",
    "skip_bad",
)  # fmt: skip
_CHOOSES = {
    "train": frozenset({*_CHOOSES_IMAGES, "per_class"}),
    "eval": frozenset({*_CHOOSES_IMAGES, "eval_per_class"}),
}
# Options that choose the backend and the precision.
_CHOOSES_BACKEND = frozenset({"amp", "cpu_backend", "device"})


class Fairness(NamedTuple):
    """differences: a line each, such as "batch_size: 8 (userDef), 16 (mixup)".

    unknown: lines on runs that recorded too little to be compared. evaluation: those of the
    differences that say that the runs were evaluated on other images.
    """

    differences: list[str]
    unknown: list[str]
    evaluation: list[str]


def refuse_other_images(fairness: Fairness, allowed: bool) -> None:
    """Raise UserError where runs were evaluated on other images, unless that is allowed: points
    between them would say nothing about what is studied."""
    if fairness.evaluation and not allowed:
        lines = "; ".join(fairness.evaluation)
        raise UserError(
            f"the runs were evaluated on other images: {lines}\n"
            "--allow-differences compares them all the same"
        )


def compare_runs(groups: Sequence[Group], studied: Collection[str], counts: Counts) -> Fairness:
    """In what the runs differ.

    studied: options that may differ between groups, but not between the seeds of one. counts:
    whether an option can change the result of a run with these options; others may differ. A run
    that went on with other options, data or surroundings differs from one that had them throughout.
    """
    named = [(_name(group, run), group.label, run) for group in groups for run in group.runs]
    lines = _options(named, lambda k, options: not _is_of(k, studied) and counts(k, options))
    for group in groups:
        own = [(name, name, run) for name, label, run in named if label == group.label]
        lines += _options(own, lambda k, options: _is_of(k, studied) and counts(k, options))
    runs = [(name, label, run) for name, label, run in named if run.environment]
    lines += _environment(runs, studied)
    if not set(_CHOOSES_IMAGES) & set(studied):
        lines += _lines("data", [(n, label, run.data("name")) for n, label, run in runs])
    lines += [*_images("train", runs, studied), *_images("eval", runs, studied)]
    # Where its own early stopping ends a run is a result, and --early-stopping itself an option.
    ended = [(name, label, run.epochs) for name, label, run in named if not run.ended_early]
    lines += _lines("epochs finished", ended)
    lines += _midway(named, counts)
    unknown = []
    every = [name for name, _, _ in named]
    if unsaid := [name for name, _, run in named if not run.config]:
        which = _all_or(unsaid, every)
        unknown.append(f"options of {which}: not recorded, so not compared")
    if unsaid := [name for name, _, run in named if not run.environment]:
        which = _all_or(unsaid, every)
        unknown.append(
            f"code, data, processor and backend of {which}: not recorded, so not compared"
        )
    partly = [name for name, _, run in named if run.config and not run.whole_config]
    if partly and any(run.whole_config for _, _, run in named):
        unknown.append(
            f"options of {', '.join(partly)}: only those that were changed are recorded, and not "
            "compared with the others', as defaults may have changed in between"
        )
    recorded = [named for named in runs if named[2].data("eval")]
    return Fairness(lines, unknown, _images("eval", recorded, studied))


def _all_or(names: Sequence[str], every: Sequence[str]) -> str:
    """The names; "any run" where they are all."""
    return "any run" if len(names) == len(every) else ", ".join(names)


Named = tuple[str, str, Run]  # name of the run, label of its group, the run


def _is_of(name: str, options: Collection[str]) -> bool:
    """Whether a flat name, such as "policy.rotation", is of one of the options."""
    return name.split(".")[0] in options


def _options(runs: Sequence[Named], counts: Counts) -> list[str]:
    """Options that count and differ.

    Runs that saved only their changed options are compared with each other, as the rest are
    defaults, but not with runs that saved all, as defaults may have changed in between.
    """
    known = [named for named in runs if named[2].config]
    whole = [named for named in known if named[2].whole_config]
    lines = []
    partly = [named for named in known if not named[2].whole_config]
    for alike, unsaid in ((whole, None), (partly, "default")):
        saved = [(name, label, run.config, flatten(run.config)) for name, label, run in alike]
        for key in sorted({key for *_, flat in saved for key in flat}):
            values = [
                (name, label, flat.get(key, unsaid))
                for name, label, options, flat in saved
                if counts(key, options)
            ]
            lines += _lines(key, values)
    return lines


def _environment(runs: Sequence[Named], studied: Collection[str]) -> list[str]:
    records = [(name, label, _compared(run.environment)) for name, label, run in runs]
    chosen = {"backend", "device"} if _CHOOSES_BACKEND & set(studied) else set()
    lines = []
    for key in sorted({key for _, _, record in records for key in record}):
        entry = key.split(".")[0]
        if entry not in chosen:
            values = [(name, label, record.get(key)) for name, label, record in records]
            lines += _lines(key, [v for v in values if v[2] is not None or entry not in _OF_SOME])
    return lines


def _compared(environment: Mapping[str, Any]) -> dict[str, Any]:
    """The entries that are compared between runs, by their flat names."""
    record = {key: environment.get(key) for key in compared("between")}
    return flatten({**record, "device": device_kind(record["device"])})


def _images(part: str, runs: Sequence[Named], studied: Collection[str]) -> list[str]:
    """Differences in the images of a part, "train" or "eval": their number over all runs, their
    content among runs of the same seed, as the split may depend on the seed. Between labels without
    a seed in common the content of "eval" is compared, too: their points are of whatever seeds."""
    if _CHOOSES[part] & set(studied):
        return []
    key = f"data.{part}"
    lines = _lines(f"{key}.images", [(n, g, r.data(part, "images")) for n, g, r in runs])
    for seed in dict.fromkeys(run.seed for _, _, run in runs):
        same = [(n, g, r.data(part, "digest")) for n, g, r in runs if r.seed == seed]
        lines += _lines(f"{key}.digest, seed {seed}", same)
    if part == "eval":
        apart = _without_common_seed(runs)
        other = [(n, g, r.data(part, "digest")) for n, g, r in runs if g in apart]
        lines += _lines(f"{key}.digest, no seed in common", other)
    return lines


def _without_common_seed(runs: Sequence[Named]) -> set[str]:
    """The labels that have no seed in common with some other label."""
    seeds: dict[str, set[Any]] = {}
    for _, label, run in runs:
        seeds.setdefault(label, set()).add(run.seed)
    return {label for label, own in seeds.items() if any(own.isdisjoint(s) for s in seeds.values())}


def _midway(runs: Sequence[Named], counts: Counts) -> list[str]:
    """A line for each change with which runs were resumed and that could change their figures."""
    found: dict[tuple[str, int], list[str]] = {}
    for name, _, run in runs:
        for epoch, line in recorded_changes(run.environment):
            if epoch < run.epochs and _counts_midway(line.partition(": ")[0], run.config, counts):
                found.setdefault((line, epoch), []).append(name)
    return [
        f"{line} within a run, from epoch {epoch} on ({', '.join(names)})"
        for (line, epoch), names in found.items()
    ]


def _counts_midway(name: str, options: Mapping[str, Any], counts: Counts) -> bool:
    """Whether a change within a run can change its figures. What only says how long it trains
    cannot, unless its learning rate or its mixing follow the number of epochs."""
    if name == "early_stopping":
        return False
    if name == "epochs":
        return options.get("lr_schedule") == "cosine" or _mixing_follows_epochs(options)
    return counts(name, options)


def _mixing_follows_epochs(options: Mapping[str, Any]) -> bool:
    augment = options.get("augment", "")
    if not is_mix(augment):
        return False
    default_phases = None in (options.get("pairing_start"), options.get("pairing_end"))
    turns = mixing_of(augment).phases == "samplePairing" and default_phases
    return turns or bool(options.get("mix_off_last"))


def _lines(key: str, values: Sequence[tuple[str, str, Any]]) -> list[str]:
    """One line where the values differ, none where they are the same.

    A label stands for all its runs if they have the same value.
    """
    labels: dict[str, set[str]] = {}
    for _, label, value in values:
        labels.setdefault(label, set()).add(repr(value))
    names: dict[str, list[str]] = {}
    for name, label, value in values:
        names.setdefault(str(value), []).append(label if len(labels[label]) == 1 else name)
    if len(names) < 2:
        return []
    shown = (f"{value} ({', '.join(dict.fromkeys(who))})" for value, who in names.items())
    return [f"{key}: {', '.join(shown)}"]


def _name(group: Group, run: Run) -> str:
    return group.label if len(group.runs) == 1 else f"{group.label}, seed {run.seed}"
