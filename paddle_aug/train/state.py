"""Saves and restores a run's state: weights, optimizer, averages, progress."""

from typing import Any

import numpy as np
import paddle
from pydantic import TypeAdapter

from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import Arrays, under_prefix, with_prefix
from paddle_aug.train.engine import ADVICE, Progress, Trainer, read_steps
from paddle_aug.train.metrics import TrainingMeters
from paddle_aug.train.one_pass import OnePass
from paddle_aug.weights.into_model import load_model, model_arrays, to_numpy


def capture(
    trainer: Trainer, progress: Progress, fixed: dict[str, Any]
) -> tuple[Arrays, dict[str, Any]]:
    """(arrays, state) to save. fixed: entries of the state that stay the same during a run.

    Reads the steps that are unread first; UserError where the loss of one is not finite.
    """
    read_steps(trainer, progress)
    arrays = model_arrays(trainer.model)
    arrays |= with_prefix("optimizer", to_numpy(trainer.optimizer.state_dict()))
    if trainer.ema:
        arrays |= with_prefix("ema", to_numpy(trainer.ema.state_dict()))
    state = {
        **fixed,
        # Not `asdict`, which copies every number of every epoch so far.
        "progress": {**vars(progress), "history": list(progress.history)},
        "schedule": trainer.learning_rates.state_dict(),
    }
    if trainer.scaler:
        arrays |= with_prefix("scaler", _scaler_arrays(trainer.scaler))
    return arrays, state


def restore(trainer: Trainer, arrays: Arrays, state: dict[str, Any]) -> Progress:
    """Put a saved state into newly built objects; returns the progress.

    Raises UserError where it has another form than `capture` gives it.
    """
    load_model(trainer.model, under_prefix("model", arrays))
    optimizer = {name: paddle.to_tensor(a) for name, a in under_prefix("optimizer", arrays).items()}
    trainer.optimizer.set_state_dict(optimizer)
    try:
        if trainer.ema:
            averages = under_prefix("ema", arrays)
            # A run that had no --ema before (--allow-changes) averages from here on.
            trainer.ema.set_state_dict(averages) if averages else trainer.ema.start()
        if trainer.scaler and (scaler := under_prefix("scaler", arrays)):
            # As Paddle gives them: the scale as an array of one, the others as numbers.
            values: Any = {n: a if n == "scale" else a.item() for n, a in scaler.items()}
            trainer.scaler.load_state_dict(values)
        trainer.learning_rates.set_state_dict(state["schedule"])
        return _progress(state["progress"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        reason = " ".join(str(error).split())
        raise UserError(f"the state is of another version of this project ({reason})") from None


def _progress(saved: dict[str, Any]) -> Progress:
    """Raises ValueError, TypeError or KeyError where the values have another form than `capture`
    gives them."""
    progress = TypeAdapter(Progress).validate_python(vars(Progress(**saved)))
    TrainingMeters().set_state_dict(progress.meters)
    for row in progress.history:
        float(row["accEval"])
    return progress


def without_state(trainer: Trainer, arrays: Arrays) -> int:
    """Number of parameters of which the optimizer finds no state among the saved arrays."""
    optimizer = trainer.optimizer
    assert isinstance(optimizer, OnePass)
    saved = {name: list(array.shape) for name, array in under_prefix("optimizer", arrays).items()}
    shapes = [optimizer.state_shapes(p) for p in trainer.model.parameters() if p.trainable]
    return sum(not own.items() <= saved.items() for own in shapes)


def taken_by_none(trainer: Trainer, arrays: Arrays) -> list[str]:
    """Names in the saved state of the optimizer that belong to no parameter of the model."""
    optimizer = trainer.optimizer
    assert isinstance(optimizer, OnePass)
    known = {name for p in trainer.model.parameters() for name in optimizer.state_shapes(p)}
    return sorted(under_prefix("optimizer", arrays).keys() - known)


def refuse_damage(arrays: Arrays, place: str) -> None:
    """Raise UserError where a weight is not finite: such a state must not replace a good one."""
    for name, array in under_prefix("model", arrays).items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise UserError(f"the weights are not finite any more at {place} ({name}); {ADVICE}")


def _scaler_arrays(scaler: paddle.amp.GradScaler) -> Arrays:
    return {name: np.asarray(value) for name, value in scaler.state_dict().items()}
