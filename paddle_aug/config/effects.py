"""Finds options that were given but have no effect beside the others; a run prints them."""

from dataclasses import fields

from paddle_aug.augment.policies import PolicyOptions, numbers_used
from paddle_aug.config.table import Config, fact
from paddle_aug.core.text import flag
from paddle_aug.modes import BASES, is_mix


def without_effect(config: Config) -> list[str]:
    """A line for each option that was changed but has no effect beside the others."""
    given = config.difference()
    lines = []
    for name in given:
        if (used_with := fact(name, "used_with")) is None:
            continue
        other, values = used_with
        value = getattr(config, other)
        if not (values(value) if callable(values) else value in values):
            lines.append(f"{flag(name)} has no effect with {flag(other)} {value}")
    lines += _image_part(config, given)
    if is_mix(config.augment) and config.mix_setting("partner") == "dataset":
        lines += [
            f"{flag(name)} has no effect with --partner dataset: partners are drawn image by image"
            for name in ("pairs", "mix_draws")
            if name in given
        ]
    late = [str(epoch) for epoch in config.milestones if epoch >= config.epochs]
    if late and config.lr_schedule == "multistep":
        lines.append(f"--milestones {','.join(late)} has no effect in {config.epochs} epochs")
    if config.early_stopping is not None and config.early_stopping >= config.epochs:
        lines.append(
            f"--early-stopping {config.early_stopping} has no effect in {config.epochs} epochs"
        )
    return lines


def _image_part(config: Config, given: dict[str, object]) -> list[str]:
    """Lines for numbers of an image part, and for its name, where another image part is used."""
    numbers = sorted(
        name
        for name in (field.name for field in fields(PolicyOptions))
        if getattr(config.policy, name) != getattr(PolicyOptions(), name)
    )
    if config.train_transforms is not None:
        unused = [f"policy.{name}" for name in numbers] + (["base"] if "base" in given else [])
        return [f"{flag(name)} has no effect with --train-transforms" for name in unused]
    if config.image_part not in BASES:
        return []
    used = numbers_used(config.image_part)
    return [
        f"{flag(f'policy.{name}')} has no effect on the image part {config.image_part}"
        for name in numbers
        if name not in used
    ]
