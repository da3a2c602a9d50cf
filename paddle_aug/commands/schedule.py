"""python -m paddle_aug schedule: mixing and the learning rate over the epochs of a run."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.core.text import counted
from paddle_aug.language import tell

DESCRIPTION = "Draw when mixing is on and the learning rate, for the options of train.py."
# Points an epoch in the figure, enough for a smooth curve; the real number of steps is not needed.
POINTS_PER_EPOCH = 10


def build_parser() -> Parser:
    from paddle_aug.command_line import build_parser

    return build_parser(DESCRIPTION, command("schedule"))


def main(argv: Sequence[str] | None = None) -> int:
    """Print the schedule and write OUTPUT/<augment>_schedule.png; nothing is trained."""
    from paddle_aug.build.mix import (
        build_mix_policy,
        phases_without_effect,
        why_nothing_is_mixed,
    )
    from paddle_aug.command_line import parse_args
    from paddle_aug.config import without_effect
    from paddle_aug.report.figure import refuse_foreign_picture, save_figure
    from paddle_aug.report.schedule_figure import draw_schedule
    from paddle_aug.train.learning_rate import LearningRate

    config, control = parse_args(argv, DESCRIPTION, command("schedule"))
    for name, given in (("resume", control.resume is not None),
                        ("allow_changes", control.allow_changes)):  # fmt: skip
        if given:
            raise UserError(f"{name}: only with train.py; a schedule is drawn from options alone")
    given, config = config, config.filled()
    policy = build_mix_policy(config)
    is_active = policy.schedule.is_active if policy else None
    rate = LearningRate(
        name=config.lr_schedule,
        lr=config.lr,
        epochs=config.epochs,
        steps_per_epoch=POINTS_PER_EPOCH,
        milestones=config.milestones,
        gamma=config.gamma,
        warmup_epochs=config.warmup_epochs,
    )
    rates = [rate.learning_rate(step) for step in range(config.epochs * POINTS_PER_EPOCH)]
    for line in (*without_effect(given), *phases_without_effect(config)):
        tell(f"note: {line}")
    if reason := why_nothing_is_mixed(config):
        tell(f"note: nothing is mixed in such a {config.augment} run: {reason}")
    tell(describe(config.epochs, is_active, rates))
    if config.lr_schedule == "plateau":
        tell("plateau: the rate is cut when the evaluation loss stalls, which cannot be foreseen")
    path = Path(config.output) / f"{config.mode}_schedule.png"
    refuse_foreign_picture(path)
    figure = draw_schedule(config.epochs, is_active, rates)
    tell(f"wrote {save_figure(figure, path)}")
    return 0


def describe(
    epochs: int, is_active: Callable[[int], bool] | None, learning_rates: Sequence[float]
) -> str:
    """The schedule in a few lines of text: a bar, the epochs with mixing, the learning rate.

    is_active: None where nothing is ever mixed.
    """
    mixing = _describe_mixing(epochs, is_active) if is_active else ["mixing         none"]
    return "\n".join([
        f"epochs         0..{epochs - 1}",
        *mixing,
        f"learning rate  {_describe_rates(epochs, learning_rates)}",
    ])  # fmt: skip


def _describe_mixing(epochs: int, is_active: Callable[[int], bool]) -> list[str]:
    active = [is_active(epoch) for epoch in range(epochs)]
    ranges = [
        f"{members[0]}-{members[-1]}" if len(members) > 1 else f"{members[0]}"
        for on, group in groupby(range(epochs), active.__getitem__)
        if on and (members := list(group))
    ]
    if len(ranges) > 8:
        ranges = [*ranges[:5], "...", *ranges[-2:]]
    shown = f": {', '.join(ranges)}" if ranges else ""
    return [
        f"mixing         {_bar(active)}",
        f"               on in {sum(active)} of {counted(epochs, 'epoch')}{shown}",
    ]


def _bar(active: Sequence[bool], width: int = 80) -> str:
    """One character an epoch, or a part of the run: # mixing, . none, + both."""
    size = math.ceil(len(active) / width)
    parts = [active[start : start + size] for start in range(0, len(active), size)]
    return "".join("#" if all(part) else "+" if any(part) else "." for part in parts)


def _describe_rates(epochs: int, rates: Sequence[float]) -> str:
    steps = [(rate, len(list(group))) for rate, group in groupby(rates)]
    per_epoch = len(rates) / epochs
    if len(steps) == 1:
        return f"{rates[0]:g} throughout"
    if len(steps) <= 6:
        starts = [sum(count for _, count in steps[:i]) / per_epoch for i in range(len(steps))]
        return ", ".join(
            f"{rate:g} from epoch {start:g}" for (rate, _), start in zip(steps, starts, strict=True)
        )
    highest = max(range(len(rates)), key=rates.__getitem__)
    return (
        f"{rates[0]:.3g} at the start, highest {rates[highest]:.3g} at epoch "
        f"{highest / per_epoch:.3g}, {rates[-1]:.3g} at the end"
    )
