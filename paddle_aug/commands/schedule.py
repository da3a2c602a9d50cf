"""python -m paddle_aug schedule: mixing and the learning rate over the epochs of a run."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.cli.parser import Parser
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.core.text import counted
from paddle_aug.language import tell

if TYPE_CHECKING:
    from paddle_aug.train.learning_rate import LearningRate

DESCRIPTION = "Draw when mixing is on and the learning rate, for the options of train.py."
# Steps an epoch in the figure, enough for a smooth curve: the real number is that of the data.
POINTS_PER_EPOCH = 10
_LISTED = 8  # at most so many parts of a schedule stand in a line


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
    from paddle_aug.train.learning_rate import learning_rates

    config, control = parse_args(argv, DESCRIPTION, command("schedule"))
    for name, given in (("resume", control.resume is not None),
                        ("allow_changes", control.allow_changes)):  # fmt: skip
        if given:
            raise UserError(f"{name}: only with train.py; a schedule is drawn from options alone")
    given, config = config, config.filled()
    policy = build_mix_policy(config)
    is_active = policy.phases.is_active if policy else None
    rate = learning_rates(config, POINTS_PER_EPOCH)
    for line in (*without_effect(given), *phases_without_effect(config)):
        tell(f"note: {line}")
    if reason := why_nothing_is_mixed(config):
        tell(f"note: nothing is mixed in such a {config.augment} run: {reason}")
    tell(describe(rate, is_active))
    if config.lr_schedule == "plateau":
        tell("plateau: the rate is cut when the evaluation loss stalls, which cannot be foreseen")
    path = Path(config.output) / f"{config.mode}_schedule.png"
    refuse_foreign_picture(path)
    rates = [rate.learning_rate(step) for step in range(config.epochs * POINTS_PER_EPOCH)]
    figure = draw_schedule(config.epochs, is_active, rates)
    tell(f"wrote {save_figure(figure, path)}")
    return 0


def describe(rate: "LearningRate", is_active: Callable[[int], bool] | None) -> str:
    """The schedule in a few lines of text: a bar, the epochs with mixing, the learning rate.

    is_active: whether an epoch mixes; None where nothing is ever mixed.
    """
    mixing = _describe_mixing(rate.epochs, is_active) if is_active else ["mixing         none"]
    return "\n".join([
        f"epochs         0..{rate.epochs - 1}",
        *mixing,
        f"learning rate  {_describe_rates(rate)}",
    ])  # fmt: skip


def _describe_mixing(epochs: int, is_active: Callable[[int], bool]) -> list[str]:
    active = [is_active(epoch) for epoch in range(epochs)]
    ranges = [
        f"{members[0]}-{members[-1]}" if len(members) > 1 else f"{members[0]}"
        for on, group in groupby(range(epochs), active.__getitem__)
        if on and (members := list(group))
    ]
    shown = f": {_in_a_line(ranges)}" if ranges else ""
    return [
        f"mixing         {_bar(active)}",
        f"               on in {sum(active)} of {counted(epochs, 'epoch')}{shown}",
    ]


def _bar(active: Sequence[bool], width: int = 80) -> str:
    """One character an epoch, or a part of the run: # mixing, . none, + both."""
    size = math.ceil(len(active) / width)
    parts = [active[start : start + size] for start in range(0, len(active), size)]
    return "".join("#" if all(part) else "+" if any(part) else "." for part in parts)


def _describe_rates(rate: "LearningRate") -> str:
    """By epochs alone, as the number of an epoch's steps is that of the data."""
    # The rate of each epoch's last step, from the warm-up's end on.
    first = max(rate.warmup_epochs - 1, 0)
    last_step = {e: (e + 1) * rate.steps_per_epoch - 1 for e in range(first, rate.epochs)}
    rates = [(rate.learning_rate(step), epoch) for epoch, step in last_step.items()]
    if rate.name == "cosine":  # told by its ends
        rates = [(rate.lr, first)]
    pieces = [next(group) for _, group in groupby(rates, key=itemgetter(0))]
    parts = [f"{value:g} from epoch {epoch}" for value, epoch in pieces]
    if rate.warmup_epochs:
        parts[0] = f"grows to {pieces[0][0]:g} over {counted(rate.warmup_epochs, 'epoch')}"
    if rate.name == "cosine":
        parts.append("falls to 0 as a cosine until the end")
    if len(parts) == 1 and not rate.warmup_epochs and rate.name != "plateau":
        return f"{rate.lr:g} throughout"
    return _in_a_line(parts)


def _in_a_line(parts: Sequence[str]) -> str:
    """The parts with commas between them; of many the first five and the last two."""
    if len(parts) > _LISTED:
        parts = [*parts[:5], "...", *parts[-2:]]
    return ", ".join(parts)
