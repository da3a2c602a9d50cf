"""python -m paddle_aug schedule: mixing and the learning rate over the epochs of a run."""

import math
from collections.abc import Callable, Sequence
from itertools import groupby
from pathlib import Path

DESCRIPTION = "Draw when mixing is on and the learning rate, for the options of train.py."
# Points a drawn epoch: enough for a smooth warm-up or cosine, whatever the real number of steps.
POINTS_PER_EPOCH = 10


def main(argv: Sequence[str] | None = None) -> int:
    """Print the schedule and write OUTPUT/<augment>_schedule.png; nothing is trained."""
    from paddle_aug.command_line import parse_args
    from paddle_aug.figures import save_figure
    from paddle_aug.lr_schedule import LearningRate
    from paddle_aug.mix_policy import build_mix_policy
    from paddle_aug.plots import draw_schedule

    config, _ = parse_args(argv, DESCRIPTION, "python -m paddle_aug schedule")
    config = config.filled()
    policy = build_mix_policy(config)
    is_active = policy.schedule.is_active if policy else lambda epoch: False
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
    print(describe(config.epochs, is_active, rates))
    if config.lr_schedule == "plateau":
        print("plateau: the rate is cut when the evaluation loss stalls, which cannot be foreseen")
    figure = draw_schedule(config.epochs, is_active, rates)
    path = Path(config.output) / f"{config.augment}_schedule.png"
    print(f"wrote {save_figure(figure, path)}")
    return 0


def describe(epochs: int, is_active: Callable[[int], bool], learning_rates: Sequence[float]) -> str:
    """The schedule in a few lines of text: a bar, the epochs with mixing, the learning rate."""
    active = [is_active(epoch) for epoch in range(epochs)]
    ranges = [
        f"{members[0]}-{members[-1]}" if len(members) > 1 else f"{members[0]}"
        for on, group in groupby(range(epochs), active.__getitem__)
        if on and (members := list(group))
    ]
    if len(ranges) > 8:
        ranges = [*ranges[:5], "...", *ranges[-2:]]
    lines = [
        f"epochs         0..{epochs - 1}",
        f"mixing         {_bar(active)}",
        f"               on in {sum(active)} of {epochs} epochs"
        + (f": {', '.join(ranges)}" if ranges else ""),
        f"learning rate  {_describe_rates(epochs, learning_rates)}",
    ]
    return "\n".join(lines)


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
