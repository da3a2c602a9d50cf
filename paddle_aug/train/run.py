"""The run loop: train, evaluate, keep the best, save and record, epoch by epoch.

Epochs are counted from 0 everywhere: in the lines, the options, metrics.csv and the npy files.
"""

import shlex
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from paddle_aug.config import Config
from paddle_aug.core.errors import Interrupted
from paddle_aug.core.program import command
from paddle_aug.core.stopping import Wish, handled_by
from paddle_aug.core.text import Say
from paddle_aug.runs.checkpoint import KEEP, CheckpointFolder
from paddle_aug.runs.recorder import Recorder, Row
from paddle_aug.runs.stats import Best, stopped_early
from paddle_aug.train.engine import Progress, evaluate, train_one_epoch
from paddle_aug.train.memory import shortage_named, warn_of_shortage
from paddle_aug.train.messages import Forecast, epoch_line, introduction, summary
from paddle_aug.train.metrics import TrainingMeters
from paddle_aug.train.setup import Setup
from paddle_aug.train.state import capture, refuse_damage
from paddle_aug.train.visualdl_log import visualdl_log
from paddle_aug.weights.into_model import model_arrays


def is_over(progress: Progress, config: Config) -> bool:
    """Whether all epochs are done, or --early-stopping has ended the training."""
    accuracies = [row["accEval"] for row in progress.history]
    return progress.epoch >= config.epochs or stopped_early(accuracies, config.early_stopping)


class RunLoop:
    """One run, from `progress` to its end; `go` is the whole loop.

    environment: the record that is saved with each state.
    """

    def __init__(
        self,
        *,
        setup: Setup,
        recorder: Recorder,
        progress: Progress,
        environment: dict[str, Any],
        say: Say,
    ):
        self.setup, self.recorder, self.progress, self.say = setup, recorder, progress, say
        self.config, self.trainer, self.ranks = setup.config, setup.trainer, setup.ranks
        self.checkpoints = CheckpointFolder(
            recorder.paths.checkpoints, writes=recorder.writes,
            count=max(KEEP, self.config.keep_states),
        )  # fmt: skip
        self.fixed = {
            "config": self.config.dump(), "environment": environment, "classes": setup.classes,
        }  # fmt: skip
        self.stop = Wish()
        self.began = time.perf_counter()  # of the epoch; earlier by what an interruption cut off
        self.forecast = Forecast(setup)
        self.show_row: Callable[[Row], None] = lambda row: None  # in `go` that of VisualDL's log
        self.saved_at = time.perf_counter()

    def go(self) -> Path:
        """Train to the end; returns the run's folder. Raises Interrupted after a signal."""
        board = visualdl_log(self.setup, self.recorder, self.progress.history)
        # A first signal is noted only, so that the run can save; a second one ends the program.
        noted = handled_by(lambda number, frame: self.stop.note(number))
        with noted, self.setup.loaders(), board as self.show_row:
            if self.goes_on():
                self.introduce()
            while self.goes_on():
                self.train()
                row = self.evaluate()
                self.keep_best(row)
                self.finish_epoch(row)
                self.stop_if_asked()
            self.end()
        return self.recorder.paths.folder

    @property
    def seconds(self) -> float:
        """Seconds of this epoch so far, those before an interruption included."""
        return time.perf_counter() - self.began

    def goes_on(self) -> bool:
        """Whether training or evaluating an epoch is still to be done."""
        return not is_over(self.progress, self.config)

    def introduce(self) -> None:
        """Print what begins, and a warning if it will not fit into memory."""
        self.say(introduction(self.setup))
        for need in (self.training_need(), self.evaluation_need()):
            if line := warn_of_shortage(*need):
                self.say(line)

    def train(self) -> None:
        """Train to the end of the epoch, from the current step."""
        self.began = time.perf_counter() - self.progress.seconds
        self.forecast.start_epoch()
        with shortage_named(*self.training_need()):
            train_one_epoch(
                self.trainer, self.setup.train_loader, self.progress, after_step=self.after_step
            )
        self.progress.seconds = self.seconds

    def after_step(self) -> None:
        """Save the state if that is due, and stop if a signal has come."""
        self.progress.seconds = self.seconds
        if line := self.forecast.after_step(self.progress):
            self.say(line)
        due = time.perf_counter() - self.saved_at > self.config.checkpoint_minutes * 60
        # All processes must stop in the same step, but a signal may reach them in different ones.
        signal, due = self.ranks.agree(self.stop.signal or 0, due)
        if signal or due:
            self.save()
        if signal:
            raise self.interrupted(int(signal))

    def evaluate(self) -> dict[str, Any]:
        """Evaluate; returns the epoch's row of metrics.csv."""
        try:
            with self.setup.evaluation_weights(), shortage_named(*self.evaluation_need()):
                return self.measure()
        except Interrupted:
            self.save()  # averaged weights, if any, have left the model
            raise

    def measure(self) -> dict[str, Any]:
        """The epoch's row, measured with the weights that are in the model."""
        trainer, epoch, setup = self.trainer, self.progress.epoch, self.setup
        meters = TrainingMeters()
        meters.set_state_dict(self.progress.meters)
        evaluation = evaluate(
            trainer.model, setup.eval_loader, ranks=self.ranks, after_batch=self.after_batch
        )
        clean = None
        if setup.clean_loader:
            clean = evaluate(
                trainer.model, setup.clean_loader, title="clean training images",
                ranks=self.ranks, after_batch=self.after_batch,
            ).accuracy  # fmt: skip
        # Of the epoch's last step. Not read from the optimizer: after a resume at this place it has
        # no rate set yet.
        rate = trainer.learning_rates.learning_rate((epoch + 1) * len(setup.train_loader) - 1)
        trainer.learning_rates.end_epoch(epoch, evaluation.loss)
        mixing = trainer.mix is not None and trainer.mix.phases.is_active(epoch)
        return {
            "epoch": epoch,
            "lr": rate,
            "mixing": int(mixing),
            "lossTrain": meters.loss.value,
            "accTrain": meters.accuracy_mixed.value,
            "accTrainFirst": meters.accuracy.value,
            "accTrainClean": clean,
            "lossEval": evaluation.loss,
            "accEval": evaluation.accuracy,
            "seconds": round(self.progress.seconds, 3),
            "imagesPerSecond": round(meters.loss.weight / self.progress.seconds, 2),
        }

    def after_batch(self) -> None:
        """Stop within an evaluation, but not with several processes: they would have to agree."""
        if self.stop.signal and self.ranks.size == 1:
            raise self.interrupted(self.stop.signal)

    def keep_best(self, row: dict[str, Any]) -> None:
        """Save the model if this epoch is better than all before."""
        progress = self.progress
        if row["accEval"] <= progress.best_accuracy:
            return
        progress.best_epoch, progress.best_accuracy = progress.epoch, row["accEval"]
        if self.ranks.is_first:
            with self.setup.evaluation_weights():
                state = {**self.fixed, "epoch": progress.epoch, "row": row}
                self.checkpoints.save_best(model_arrays(self.trainer.model), state)

    def finish_epoch(self, row: dict[str, Any]) -> None:
        """Move on to the next epoch: save the state, write the curves, print the epoch's
        figures."""
        progress = self.progress
        progress.history.append(row)
        progress.epoch += 1
        progress.step, progress.seconds = 0, 0.0
        progress.meters = TrainingMeters().state_dict()
        # The state is saved first, so that the curves are never ahead of it. It holds them too, so
        # they need not survive a power cut before the run's end.
        self.save()
        self.recorder.write_history(progress.history, synced=False)
        self.show_row(row)
        self.say(epoch_line(row, self.config.epochs, self.seconds))

    def stop_if_asked(self) -> None:
        """Stop between two epochs if a signal has come; everything is saved already."""
        if signal := self.ranks.agree(self.stop.signal or 0)[0]:
            raise self.interrupted(int(signal))

    def save(self) -> None:
        """Save the state; all processes wait until it is written."""
        progress = self.progress
        if self.ranks.is_first:
            arrays, state = capture(self.trainer, progress, self.fixed)
            refuse_damage(arrays, f"epoch {progress.epoch}, step {progress.step}")
            self.checkpoints.save(progress.epoch, progress.step, arrays, state)
        self.ranks.meet()
        self.saved_at = time.perf_counter()

    def end(self) -> None:
        """Write files that may be missing, delete states not needed now, print the figures."""
        progress, paths = self.progress, self.recorder.paths
        self.recorder.write_history(progress.history)
        if self.ranks.is_first:
            self.checkpoints.keep(progress.epoch, progress.step, self.config.keep_states)
        accuracies = [row["accEval"] for row in progress.history]
        self.say(summary(accuracies, Best(progress.best_epoch, progress.best_accuracy), paths))

    def interrupted(self, signal: int) -> Interrupted:
        """The error that ends the run, whose state is saved. signal: its number, as 15."""
        folder = shlex.quote(str(self.recorder.paths.folder))
        return Interrupted(
            signal,
            f"stopped at epoch {self.progress.epoch}, step {self.progress.step}; "
            f"go on with: {command('train')} --resume {folder}",
        )

    def training_need(self) -> tuple[int, str, int]:
        """(bytes of a step, the option to lower, images in a step of this process)."""
        batch = self.config.batch_size
        need = self.setup.memory.training(batch, self.setup.backend)
        return need, "--batch-size", batch

    def evaluation_need(self) -> tuple[int, str, int]:
        """The same of an evaluation's step."""
        batch = self.setup.eval_loader.batch_size
        return self.setup.memory.evaluation(batch), "--eval-batch-size", batch
