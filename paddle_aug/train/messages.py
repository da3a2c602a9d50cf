"""The lines that a run prints: before its first epoch, after each one, and at its end."""

import time
from collections.abc import Sequence
from typing import Any

from models.structure import parameter_count
from paddle_aug.core.text import counted, duration
from paddle_aug.runs.layout import RunPaths
from paddle_aug.runs.stats import Best, last_mean
from paddle_aug.train.engine import Progress
from paddle_aug.train.setup import Setup

# A forward and a backward pass cost about three forward passes.
_EVALUATION_SHARE = 1 / 3
_FORECAST_SECONDS = 2.0  # of training before the estimate is printed


def introduction(setup: Setup) -> str:
    """A line with the model, the images and the length of the run."""
    config = setup.config
    size, learned = config.image_size, len(setup.train_loader.dataset)
    images = min(config.batch_size * setup.ranks.size, learned)
    return (
        f"{config.model}, {counted(parameter_count(setup.trainer.model), 'parameter')}; images of "
        f"{size}x{size} in {counted(config.channels, 'channel')}; "
        f"{counted(config.epochs, 'epoch')} of {counted(len(setup.train_loader), 'step')} with "
        f"{counted(images, 'image')}; computed by {setup.backend}"
    )


class Forecast:
    """Estimates once, from the first steps, how long the rest of the run will take."""

    def __init__(self, setup: Setup):
        config = setup.config
        self.epochs, self.steps = config.epochs, len(setup.train_loader)
        loaders = [setup.eval_loader, *([setup.clean_loader] if setup.clean_loader else [])]
        evaluated = sum(len(loader.dataset) for loader in loaders) / setup.ranks.size
        # The cost of an epoch's evaluations, in training steps.
        self.evaluation_steps = _EVALUATION_SHARE * evaluated / config.batch_size
        self._first, self._told = True, False

    def start_epoch(self) -> None:
        """Start the clock again, as evaluations are not steps."""
        self._started, self._steps = time.perf_counter(), 0

    def after_step(self, progress: Progress) -> str | None:
        """The line, once enough steps were timed; the first one is left out, as it makes plans."""
        if self._told:
            return None
        now = time.perf_counter()
        if self._first:
            self._first, self._started = False, now
            return None
        self._steps += 1
        spent = now - self._started
        if spent < _FORECAST_SECONDS and progress.step < self.steps:
            return None
        self._told = True
        seconds = spent / self._steps
        epochs = self.epochs - progress.epoch
        steps = epochs * (self.steps + self.evaluation_steps) - progress.step
        left = duration(steps * seconds)
        return f"about {left} to the end ({seconds:.2g} s a step, evaluations included)"


def epoch_line(row: dict[str, Any], epochs: int, seconds: float) -> str:
    """An epoch's figures, and the time left if that is a minute or more.

    seconds: that the epoch took, with evaluation and saving; row["seconds"] are of training alone.
    """
    width = len(str(epochs))
    left = (epochs - row["epoch"] - 1) * seconds
    return (
        f"epoch {row['epoch']:{width}} of {epochs}  "
        f"train loss {row['lossTrain']:.4f} accuracy {row['accTrain']:.3f}  "
        f"eval loss {row['lossEval']:.4f} accuracy {row['accEval']:.3f}  "
        f"{row['seconds']:.1f} s {row['imagesPerSecond']:.0f} images/s"
        f"{'  mixing' if row['mixing'] else ''}"
        f"{f'  {left / 60:.0f} min left' if left >= 60 else ''}"
    )


def summary(accuracies: Sequence[float], best: Best, paths: RunPaths) -> str:
    """The run's final figures, and the place of its files."""
    mean, count = last_mean(accuracies)
    return (
        f"evaluation accuracy: {mean:.4f} {_what_mean(count, len(accuracies))}, "
        f"{best.value:.4f} best (epoch {best.epoch})\n"
        f"curves: {paths.output}/{paths.mode}Aug_*.npy  run: {paths.folder}"
    )


def _what_mean(count: int, epochs: int) -> str:
    """Which epochs a mean is over, with a warning where these are most of the run."""
    if epochs == 1:
        return "in the one epoch"
    if count == epochs:
        return f"mean of all {epochs} epochs (the start too, so no measure of the end)"
    if 2 * count > epochs:
        return f"mean of the last {count} of {epochs} epochs (most of the training too)"
    return f"mean of the last {count} epochs"
