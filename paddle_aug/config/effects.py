"""Which options have an effect beside the others: a run prints those that have none, and runs are
compared by those that have one."""

from collections.abc import Collection, Mapping
from dataclasses import fields, replace
from typing import Any

from paddle_aug.augment.policies import NUMBERS_USED, PolicyOptions, build_policy, restricted
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.augment.transforms.base import Compose, Transform
from paddle_aug.config.table import Config, fact
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import changes, flag
from paddle_aug.mix.methods import METHODS, draw_nothing
from paddle_aug.modes import BASES, MODES, image_part, is_mix

_ROTATION_LIMITS = ("max_rotation", "small_rotation")


def without_effect(config: Config) -> list[str]:
    """A line for each option that was changed but has no effect beside the others."""
    given = config.difference()
    config = config.filled()  # of the bundled digits: what is given is the user's alone
    lines = []
    for name in given:
        if (used_with := fact(name, "used_with")) is None:
            continue
        other, values = used_with
        value = getattr(config, other)
        if not (values(value) if callable(values) else value in values):
            lines.append(f"{flag(name)} has no effect with {flag(other)} {value}")
    lines += _image_part(config, given)
    lines += _learning_rate(config)
    lines += _mixing(config, given)
    # The first epoch is the best so far, so it takes one more than the patience to stop.
    if config.early_stopping is not None and config.early_stopping >= config.epochs - 1:
        lines.append(
            f"--early-stopping {config.early_stopping} has no effect in {config.epochs} epochs"
        )
    return lines + _otherwise_than_it_seems(config)


def has_effect(name: str, options: Mapping[str, Any]) -> bool:
    """Whether an option can change a run: False for numbers that the run's image part does not use.

    name: as flatten writes it, such as "policy.imgaug.crop". options: all of the run's options, or
    those that differ from the defaults, as its files have them.
    """
    option, _, number = name.partition(".")
    return option != "policy" or number.partition(".")[0] in _numbers_used(options)


def _numbers_used(options: Mapping[str, Any]) -> Collection[str]:
    """Names of the PolicyOptions that a run with these options uses."""
    if options.get("train_transforms") is not None:
        return ()
    augment, base = options.get("augment", Config().augment), options.get("base")
    if augment not in [*MODES] or base not in (None, *BASES):
        return PolicyOptions.__dataclass_fields__  # code of one's own may use any
    left_out = options.get("changes_label")  # None: the data set decides
    turned = left_out is None or "large_rotation" in left_out
    used = NUMBERS_USED.get(image_part(augment, base), ())
    return [name for name in used if turned or name != "small_rotation"]


def changed_options(
    was: Mapping[str, Any], now: Mapping[str, Any], options: Mapping[str, Any]
) -> dict[str, str]:
    """For each option that differs and has an effect, its flat name and a line with both values.

    options: all of the run's options, which decide what has an effect.
    """
    return {k: line for k, line in changes(was, now).items() if has_effect(k, options)}


def _mixing(config: Config, given: Collection[str]) -> list[str]:
    """Lines for options of what is drawn, where it is not drawn in such a way."""
    if not is_mix(config.augment):
        return []
    if config.mix_setting("partner") == "dataset":
        return [
            f"{flag(name)} has no effect with --partner dataset: partners are drawn image by image"
            for name in ("pairs", "mix_draws")
            if name in given
        ]
    always = config.mix_setting("mix_prob") == 1
    if "mix_draws" in given and always and METHODS[config.augment].draw is draw_nothing:
        return [
            f"--mix-draws has no effect with --augment {config.augment} and --mix-prob 1: no lam "
            "and no box is drawn"
        ]
    return []


def _learning_rate(config: Config) -> list[str]:
    """Lines for a schedule that leaves the rate as it is."""
    if config.lr_schedule in ("multistep", "plateau") and config.gamma == 1:
        return [f"--lr-schedule {config.lr_schedule} has no effect with --gamma 1"]
    if config.lr_schedule == "multistep":
        if not config.milestones:
            return ["--lr-schedule multistep has no effect without --milestones"]
        late = [str(epoch) for epoch in config.milestones if epoch >= config.epochs]
        if late:
            return [f"--milestones {','.join(late)} has no effect in {config.epochs} epochs"]
    # The first epoch is the best so far; the epoch after the patience cuts, the next one feels it.
    first_cut = config.warmup_epochs + config.plateau_patience + 2
    if config.lr_schedule == "plateau" and config.epochs <= first_cut:
        return [
            f"--lr-schedule plateau has no effect in {config.epochs} epochs with "
            f"--plateau-patience {config.plateau_patience}"
        ]
    return []


def _otherwise_than_it_seems(config: Config) -> list[str]:
    """Lines for options that do something else than their words say."""
    lines = []
    for name, values in (("mean", config.mean), ("std", config.std)):
        if config.channels == 1 and len(set(values)) > 1:
            given, average = ",".join(map(str, values)), sum(values) / len(values)
            lines.append(f"--{name} {given}: gray images take the average, {average:.6g}")
    steps = build_transforms(config.eval_transforms or [])
    assert isinstance(steps, Compose)
    kinds = map(type, steps.transforms)
    if random := [kind.__name__ for kind in kinds if kind.sample is not Transform.sample]:
        lines.append(
            f"--eval-transforms draw at random ({', '.join(random)}): the evaluation is one of "
            "many draws, and not of the images as they are"
        )
    return lines


def _image_part(config: Config, given: dict[str, object]) -> list[str]:
    """Lines for numbers of an image part, and for its name, where another image part is used."""
    numbers = sorted(
        name
        for name in (field.name for field in fields(PolicyOptions))
        if getattr(config.policy, name) != getattr(PolicyOptions(), name)
    )
    used = _numbers_used(config.dump())
    unused = [f"policy.{name}" for name in numbers if name not in used]
    if config.train_transforms is not None:
        unused += ["base"] if "base" in given else []
        lines = [f"{flag(name)} has no effect with --train-transforms" for name in unused]
        if config.augment != "no" and not is_mix(config.augment):
            lines.append(
                f"--augment {config.augment} only names the run: its images are made by "
                "--train-transforms"
            )
        return lines
    if config.image_part not in BASES:
        if config.changes_label is None or not is_import_path(config.image_part):
            return []
        return [f"--changes-label has no effect on {config.image_part}, code of your own"]
    lines = [
        f"{flag(f'policy.{name}')} {getattr(config.policy, name):g} has no effect: the image part "
        f"{config.image_part} turns no image further"
        for name in _ROTATION_LIMITS
        if name in numbers and f"policy.{name}" not in unused and _limits_nothing(config, name)
    ]
    left_out = frozenset(config.changes_label or ())
    limited = restricted(config.policy, left_out)
    unchanged = all(getattr(limited, name) == getattr(config.policy, name) for name in used)
    if left_out and unchanged:
        operations = ",".join(config.changes_label or ())
        lines.append(
            f"--changes-label {operations} has no effect: the image part {config.image_part} has "
            "no such operation"
        )
    return lines + [
        f"{flag(name)} has no effect on the image part {config.image_part}" for name in unused
    ]


def _limits_nothing(config: Config, name: str) -> bool:
    """Whether the image part is the same without this limit of its rotations, whatever the data."""
    default = replace(config.policy, **{name: getattr(PolicyOptions(), name)})
    undecided = ([], ["large_rotation"])  # the data set decides
    left_out = undecided if config.changes_label is None else [config.changes_label]
    built = [
        [build_policy(config.image_part, frozenset(names), policy) for names in left_out]
        for policy in (config.policy, default)
    ]
    return built[0] == built[1]
