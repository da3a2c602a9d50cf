"""The picture of when mixing is on, and of the learning rate."""

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from paddle_aug.core.text import counted
from paddle_aug.report.figure import new_figure


def draw_schedule(
    epochs: int, is_active: Callable[[int], bool] | None, learning_rates: Sequence[float]
) -> Figure:
    """When images are mixed, and the learning rate, over the epochs.

    is_active: whether images are mixed in an epoch, counted from 0; None where they never are.
    learning_rates: any number, spread evenly over the run (one an epoch, or one a step).
    """
    figure = new_figure(12, 4.5, dpi=80)
    heights = [5, 1] if is_active else [5]
    strips = figure.subplots(len(heights), 1, sharex=True, squeeze=False, height_ratios=heights)
    rate, lowest = strips[0, 0], strips[-1, 0]
    rates = np.asarray(learning_rates, np.float64)
    edges = np.linspace(0, epochs, len(rates) + 1)
    rate.stairs(rates, edges, baseline=None, color="black", linewidth=1.5, label="learning rate")
    steps = np.unique(rates)
    # Cuts by a factor show on a logarithmic axis, the shape of a cosine on a linear one.
    if len(steps) <= 10 and 0 < 5 * steps[0] < steps[-1]:
        rate.set_yscale("log")
    else:
        rate.set_ylim(0, 1.15 * rates.max())
        rate.ticklabel_format(axis="y", scilimits=(-2, 4))
    rate.set_ylabel("Learning rate")
    rate.grid(True, alpha=0.6)
    rate.set_title("Training schedule")
    if is_active:
        active = np.array([is_active(epoch) for epoch in range(epochs)], float)
        lowest.stairs(active, np.arange(epochs + 1), fill=True, color="blue", alpha=0.5)
        lowest.set_ylim(0, 1)
        lowest.set_yticks([])
        lowest.set_ylabel("Mixing")
        share = f"on in {active.sum():.0f} of {counted(epochs, 'epoch')}"
        lowest.set_title(share, fontsize="medium")
    lowest.set_xlabel("Epoch")
    lowest.set_xlim(0, epochs)
    lowest.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    return figure
