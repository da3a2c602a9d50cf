"""A whole run: train, evaluate, record and save, epoch by epoch, from the start or resumed.

Epochs are counted from 0 everywhere: in the lines, the options, metrics.csv and the npy files.
"""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import paddle
from tqdm.auto import tqdm

from paddle_aug.config import Config, load_config, options_that_are, without_effect
from paddle_aug.config.other_data import refuse_for_other_data
from paddle_aug.core.atomic import remove_leftovers
from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.core.program import command
from paddle_aug.runs.checkpoint import CheckpointFolder, need, refuse_runs_inside
from paddle_aug.runs.environment import describe_environment, differences
from paddle_aug.runs.recorder import Recorder
from paddle_aug.runs.stats import last_mean
from paddle_aug.train.distributed import Ranks, start
from paddle_aug.train.engine import Evaluation, Progress, evaluate, train_one_epoch
from paddle_aug.train.metrics import TrainingMeters
from paddle_aug.train.setup import Setup, build_setup
from paddle_aug.train.state import capture, refuse_damage, restore
from paddle_aug.train.stopping import StopRequest
from paddle_aug.weights.into_model import model_arrays

Say = Callable[[str], None]


def say(line: str) -> None:
    """Print a line above the progress bar."""
    tqdm.write(line)


def fit(config: Config, say: Say = say) -> Path:
    """Train from the start; returns the run's folder.

    Raises UserError where the folder holds a run already (unless config.overwrite), or where the
    data, the options or the training cannot go on; Interrupted after SIGINT or SIGTERM.
    """
    ranks = start()
    say = say if ranks.is_first else _silent
    recorder = Recorder(config.output, config.mode, writes=ranks.is_first)
    # Names of parameters, and so of the optimizer's state, are counted from zero in the guard:
    # they are the same in every process, whatever else it has built.
    with ranks.joined(), paddle.utils.unique_name.guard():
        if not config.overwrite:
            recorder.refuse_existing()
        for line in without_effect(config):
            say(f"note: {line}")
        setup = build_setup(config, say, ranks)
        environment = _environment(setup)
        recorder.remove_existing()
        recorder.write_start(setup.config.dump(), setup.config.difference(), environment)
        return _run(setup, recorder, Progress(), environment, say)


def resume(
    folder: str | Path, allow_changes: bool = False, changes: dict[str, Any] | None = None,
    say: Say = say,
) -> Path:  # fmt: skip
    """Continue the run in `folder` bit for bit; returns the folder.

    changes: options to change; with allow_changes only. Raises UserError where the options, the
    data, the code or the threads are not those the run was started with, naming what differs.
    """
    ranks = start()
    with ranks.joined(), paddle.utils.unique_name.guard():
        return _resume(
            Path(folder), ranks, allow_changes, changes, say if ranks.is_first else _silent
        )


def _resume(
    folder: Path, ranks: Ranks, allow_changes: bool, changes: dict[str, Any] | None, say: Say
) -> Path:
    refuse_runs_inside(folder)
    recorder = Recorder(folder.parent, folder.name, writes=ranks.is_first)
    if ranks.is_first:
        remove_leftovers(recorder.folder)
        remove_leftovers(recorder.output)
    checkpoints = CheckpointFolder(recorder.checkpoints, writes=ranks.is_first)
    arrays, state, warnings = checkpoints.load_newest()
    for warning in warnings:
        say(f"warning: {warning}; an older state is used")
    need(state, folder, "config", "environment", "progress", "schedule")
    saved = {**state["config"], "output": str(folder.parent)}
    refuse_for_other_data(saved, changes or {}, f"the run {folder}")
    config = load_config({**saved, **(changes or {})}, where=f"{folder}: ")
    setup = build_setup(config, say, ranks, fresh=False)
    environment = _environment(setup)
    lines = [
        f"{key}: was {saved.get(key)}, is {value}"
        for key, value in setup.config.dump().items()
        if saved.get(key) != value and key not in options_that_are("free_on_resume")
    ]
    lines += differences(state["environment"], environment)
    if lines and not allow_changes:
        raise UserError(
            f"{folder}: not the same run any more: " + "; ".join(lines)
            + "\nuse --allow-changes to go on all the same (not bit for bit)"
        )  # fmt: skip
    progress = restore(setup, arrays, state)
    if progress.epoch >= config.epochs:
        say(f"{folder}: all {config.epochs} epochs are done already")
    else:
        say(f"resuming {folder} at epoch {progress.epoch}, step {progress.step}")
    return _run(setup, recorder, progress, environment, say)


def _run(
    setup: Setup, recorder: Recorder, progress: Progress, environment: dict[str, Any], say: Say
) -> Path:
    config, trainer = setup.config, setup.trainer
    ranks = setup.ranks
    checkpoints = CheckpointFolder(recorder.checkpoints, writes=ranks.is_first)
    fixed = {
        "config": config.dump(), "environment": environment, "classes": setup.classes,
    }  # fmt: skip
    saved_at = started_at = time.perf_counter()
    seconds_before = progress.seconds

    def save() -> None:
        nonlocal saved_at
        if ranks.is_first:
            arrays, state = capture(setup, progress, fixed)
            refuse_damage(arrays, f"epoch {progress.epoch}, step {progress.step}")
            checkpoints.save(progress.epoch, progress.step, arrays, state)
        ranks.meet()
        saved_at = time.perf_counter()

    def save_best(row: dict[str, Any]) -> None:
        if ranks.is_first:
            with setup.evaluation_weights():
                checkpoints.save_best(
                    model_arrays(trainer.model), {**fixed, "epoch": progress.epoch, "row": row}
                )

    with StopRequest() as stop, setup.loaders():

        def interrupted(signal: int) -> Interrupted:
            return Interrupted(
                signal,
                f"stopped at epoch {progress.epoch}, step {progress.step}; "
                f"go on with: {command('train')} --resume {shlex.quote(str(recorder.folder))}",
            )

        def after_step() -> None:
            now = time.perf_counter()
            progress.seconds = seconds_before + now - started_at
            due = now - saved_at > config.checkpoint_minutes * 60
            # Processes act in the same step: a signal may reach them in different ones.
            signal, due = ranks.agree(stop.signal or 0, due)
            if signal or due:
                save()
            if signal:
                raise interrupted(int(signal))

        def after_batch() -> None:
            # Several processes would have to agree: they evaluate to the end.
            if stop.signal and ranks.size == 1:
                raise interrupted(stop.signal)

        # The last evaluation may be missing: a run can be stopped between the two.
        while progress.epoch < config.epochs and not _stop_early(progress, config):
            started_at, seconds_before = time.perf_counter(), progress.seconds
            train_one_epoch(trainer, setup.train_loader, progress, after_step)
            seconds = seconds_before + time.perf_counter() - started_at
            try:
                row, evaluation = _finish_epoch(setup, progress, seconds, after_batch)
            except Interrupted:
                progress.seconds = seconds
                save()  # averaged weights, if any, are out of the model again
                raise
            if evaluation.accuracy > progress.best_accuracy:
                progress.best_epoch, progress.best_accuracy = progress.epoch, evaluation.accuracy
                save_best(row)
            progress.history.append(row)
            progress.epoch += 1
            progress.step, progress.seconds = 0, 0.0
            progress.meters = TrainingMeters().state_dict()
            # The state first: curves are written from it, so they never run ahead of it.
            save()
            recorder.write_history(progress.history)
            say(_epoch_line(row, config.epochs))
            seconds_before = 0.0
            started_at = time.perf_counter()
            if ranks.agree(stop.signal or 0)[0]:
                after_step()
    recorder.write_history(progress.history)
    say(_summary(progress, recorder))
    return recorder.folder


def _finish_epoch(
    setup: Setup, progress: Progress, seconds: float, after_batch: Callable[[], None]
) -> tuple[dict[str, Any], Evaluation]:
    """Evaluate, and make the epoch's row of metrics.csv."""
    trainer = setup.trainer
    meters = TrainingMeters()
    meters.set_state_dict(progress.meters)
    with setup.evaluation_weights():
        evaluation = evaluate(
            trainer.model, setup.eval_loader, ranks=setup.ranks, after_batch=after_batch
        )
        clean = None
        if setup.clean_loader:
            title = "clean training images"
            clean = evaluate(
                trainer.model, setup.clean_loader, title, setup.ranks, after_batch
            ).accuracy
    trainer.schedule.end_epoch(progress.epoch, evaluation.loss)
    mixing = trainer.mix is not None and trainer.mix.schedule.is_active(progress.epoch)
    row = {
        "epoch": progress.epoch,
        "lr": trainer.optimizer.get_lr(),
        "mixing": int(mixing),
        "lossTrain": meters.loss.value,
        "accTrain": meters.accuracy_mixed.value,
        "accTrainFirst": meters.accuracy.value,
        "accTrainClean": clean,
        "lossEval": evaluation.loss,
        "accEval": evaluation.accuracy,
        "seconds": round(seconds, 3),
        "imagesPerSecond": round(meters.loss.weight / seconds, 2),
    }
    return row, evaluation


def _stop_early(progress: Progress, config: Config) -> bool:
    if config.early_stopping is None or not progress.history:
        return False
    return progress.epoch - 1 - progress.best_epoch >= config.early_stopping


def _epoch_line(row: dict[str, Any], epochs: int) -> str:
    width = len(str(epochs))
    left = (epochs - row["epoch"] - 1) * row["seconds"]
    return (
        f"epoch {row['epoch']:{width}} of {epochs}  "
        f"train loss {row['lossTrain']:.4f} accuracy {row['accTrain']:.3f}  "
        f"eval loss {row['lossEval']:.4f} accuracy {row['accEval']:.3f}  "
        f"{row['seconds']:.1f} s {row['imagesPerSecond']:.0f} images/s"
        f"{'  mixing' if row['mixing'] else ''}"
        f"{f'  {left / 60:.0f} min left' if left >= 60 else ''}"
    )


def _summary(progress: Progress, recorder: Recorder) -> str:
    accuracies = [row["accEval"] for row in progress.history]
    last = f"{min(len(accuracies), 10)} epochs" if len(accuracies) > 1 else "epoch"
    return (
        f"evaluation accuracy: {last_mean(accuracies).mean:.4f} mean of the last {last}, "
        f"{progress.best_accuracy:.4f} best (epoch {progress.best_epoch})\n"
        f"curves: {recorder.output}/{recorder.mode}Aug_*.npy  run: {recorder.folder}"
    )


def _environment(setup: Setup) -> dict[str, Any]:
    processes = {"processes": setup.ranks.size} if setup.ranks.size > 1 else {}
    return describe_environment(
        paddle.device.get_device(), setup.data_record, backend=setup.backend, **processes
    )


def _silent(line: str) -> None:
    """Of the processes of a run the first one speaks."""
