"""The learning rate as a function of the step, so that it can be plotted and resumed."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from paddle_aug.config import Config
from paddle_aug.core.errors import UserError

# The defaults of Paddle's ReduceOnPlateau and torch's ReduceLROnPlateau.
_LEAST_IMPROVEMENT = 1e-4  # of the best loss
_LEAST_CUT = 1e-8  # of the rate


@dataclass
class LearningRate:
    """Learning rate of each step; a pure function of the step but for "plateau".

    name: "constant"; "multistep": times `gamma` from each of `milestones` on; "cosine": from `lr`
        down to 0 at the end of the run, step by step (arXiv 1608.03983, without restarts);
        "plateau": times `gamma` after `patience` + 1 epochs in a row that brought no loss lower
        than the lowest before, as Paddle's ReduceOnPlateau.
    lr: the rate that all of them start from, above 0.
    epochs, steps_per_epoch: length of the run, at least 1.
    milestones: epochs, counted from 0: 15 cuts the rate before the sixteenth epoch.
    warmup_epochs: over the steps of these first epochs the rate grows linearly up to `lr`
        (arXiv 1706.02677). Milestones count from the run's start; cosine begins after the
        warm-up; plateau does not count its epochs.
    Raises UserError where the numbers do not fit together.
    """

    name: str
    lr: float
    epochs: int
    steps_per_epoch: int
    milestones: Sequence[int] = ()
    gamma: float = 0.1
    warmup_epochs: int = 0
    patience: int = 10

    def __post_init__(self) -> None:
        if self.name not in _FACTORS:
            raise UserError(f"lr_schedule: {self.name!r} is none of {', '.join(_FACTORS)}")
        if self.lr <= 0 or self.epochs < 1 or self.steps_per_epoch < 1 or self.patience < 1:
            raise UserError("lr must be above 0; epochs, steps and plateau_patience at least 1")
        if self.warmup_epochs < 0 or (self.warmup_epochs and self.warmup_epochs >= self.epochs):
            raise UserError(
                f"warmup_epochs: must be less than epochs ({self.epochs}), got {self.warmup_epochs}"
            )
        self._factor = 1.0
        self._best = math.inf
        self._bad_epochs = 0

    @property
    def warmup_steps(self) -> int:
        """Steps of the warm-up."""
        return self.warmup_epochs * self.steps_per_epoch

    def learning_rate(self, step: int) -> float:
        """Rate of a step, counted from 0 over the whole run."""
        ramp = (step + 1) / self.warmup_steps if step < self.warmup_steps else 1.0
        return self.lr * ramp * _FACTORS[self.name](self, step)

    def end_epoch(self, epoch: int, loss: float) -> None:
        """Take note of the evaluation loss of an epoch, counted from 0; only "plateau" needs it."""
        if self.name != "plateau" or epoch < self.warmup_epochs:
            return
        if loss < self._best * (1 - _LEAST_IMPROVEMENT):
            self._best, self._bad_epochs = loss, 0
            return
        self._bad_epochs += 1
        if self._bad_epochs > self.patience:
            self._bad_epochs = 0
            cut = self._factor * self.gamma
            if self.lr * (self._factor - cut) > _LEAST_CUT:
                self._factor = cut

    def state_dict(self) -> dict[str, Any]:
        """What `end_epoch` has noted, as values for JSON."""
        best = None if math.isinf(self._best) else self._best
        return {"factor": self._factor, "best": best, "bad_epochs": self._bad_epochs}

    def set_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self._factor = float(state["factor"])
        self._best = math.inf if state["best"] is None else float(state["best"])
        self._bad_epochs = int(state["bad_epochs"])


def learning_rates(config: Config, steps_per_epoch: int) -> LearningRate:
    """The rate of each step by the options, whose milestones, warm-up and patience are epochs.

    steps_per_epoch: updates of the weights in an epoch, 1 or more. Raises UserError where the
    numbers do not fit together.
    """
    return LearningRate(
        config.lr_schedule, lr=config.lr, epochs=config.epochs, steps_per_epoch=steps_per_epoch,
        milestones=config.milestones, gamma=config.gamma, warmup_epochs=config.warmup_epochs,
        patience=config.plateau_patience,
    )  # fmt: skip


def _constant(rate: LearningRate, step: int) -> float:
    return 1.0


def _multistep(rate: LearningRate, step: int) -> float:
    epoch = step // rate.steps_per_epoch
    return rate.gamma ** sum(milestone <= epoch for milestone in rate.milestones)


def _cosine(rate: LearningRate, step: int) -> float:
    length = rate.epochs * rate.steps_per_epoch - rate.warmup_steps
    progress = min(max(step - rate.warmup_steps, 0) / length, 1.0)
    return 0.5 * (1 + math.cos(math.pi * progress))


def _plateau(rate: LearningRate, step: int) -> float:
    return rate._factor


_FACTORS = {
    "constant": _constant,
    "multistep": _multistep,
    "cosine": _cosine,
    "plateau": _plateau,
}
