"""One epoch of training, and evaluation: plain functions of a Trainer and its batches."""

import contextlib
import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import paddle
from tqdm.auto import tqdm

from models.structure import training_mode
from paddle_aug.batches.augmented import Batch
from paddle_aug.batches.loader import Loader
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.core.text import listed
from paddle_aug.core.transfer import HostCopies, to_device
from paddle_aug.language import translate
from paddle_aug.mix.methods import MixPolicy, mix_step
from paddle_aug.train.distributed import SINGLE, Ranks
from paddle_aug.train.ema import ExponentialMovingAverage
from paddle_aug.train.learning_rate import LearningRate
from paddle_aug.train.losses import Criterion, mixed_loss
from paddle_aug.train.metrics import TrainingMeters, accuracy

# Advice for a run that diverges.
ADVICE = "try a lower --lr, --warmup-epochs or --clip-norm; the checkpoints saved before are intact"
_LISTED = 64  # at most so many images are named in a message

# Waits until a step is computed, and gives its sums, float64 [6]: see TrainingMeters.sums.
StepSums = Callable[[], np.ndarray]


@dataclass
class Trainer:
    """Everything that a training step uses and changes.

    config: options with all defaults filled in. model: float32 [N, channels, S, S] with S as
    --image-size to logits [N, classes]. optimizer: of the model's parameters; its rate is set
    before each step. criterion: see losses.py. learning_rates: of each step. mix: how batches
    are mixed; None: not at all. ema: averages of the weights, None without --ema. scaler: of the
    loss, for float16; None otherwise. source: name of the image (epoch, number), for messages.
    ranks: the processes that share each batch. unread: for each step launched whose sums were not
    read yet, oldest first, the function that waits for them.
    """

    config: Config
    model: paddle.nn.Layer
    optimizer: paddle.optimizer.Optimizer
    criterion: Criterion
    learning_rates: LearningRate
    mix: MixPolicy | None
    ema: ExponentialMovingAverage | None
    scaler: paddle.amp.GradScaler | None
    source: Callable[[int, int], str]
    ranks: Ranks = SINGLE
    unread: deque[StepSums] = field(default_factory=deque)


@dataclass
class Progress:
    """Where a run stands: plain values, saved as JSON by `capture`."""

    epoch: int = 0
    step: int = 0  # steps done in this epoch
    seconds: float = 0.0  # spent in this epoch so far
    meters: dict[str, Any] = field(default_factory=lambda: TrainingMeters().state_dict())
    history: list[dict[str, Any]] = field(default_factory=list)
    best_epoch: int = -1
    best_accuracy: float = -1.0


class Evaluation(NamedTuple):
    """Mean cross entropy and accuracy on labelled images."""

    loss: float
    accuracy: float


def train_one_epoch(
    trainer: Trainer, loader: Loader, progress: Progress, after_step: Callable[[], None]
) -> None:
    """Train from progress.step to the end of the epoch; `after_step` may save or raise
    Interrupted.

    What a step has computed is read after the next one was launched, so that a GPU need not wait
    for Python. Therefore progress.meters lack the last step when `after_step` is called; `capture`
    of state.py adds it.
    """
    training_mode(trainer.model)
    epoch, steps = progress.epoch, len(loader)
    batches = loader.epoch(epoch, first=progress.step)
    with contextlib.closing(batches), _bar(steps, f"epoch {epoch}", progress.step) as bar:
        for batch in batches:
            rate = trainer.learning_rates.learning_rate(epoch * steps + progress.step)
            trainer.optimizer.set_lr(rate)
            trainer.unread.append(train_step(trainer, batch, epoch, progress.step))
            progress.step += 1
            for loss in read_steps(trainer, progress, leave=1):
                bar.set_postfix_str(f"loss {loss:.4f}", refresh=False)
            bar.update()
            after_step()
        read_steps(trainer, progress)


def read_steps(trainer: Trainer, progress: Progress, leave: int = 0) -> list[float]:
    """Add to progress.meters what the steps have computed, but for the last `leave` of them.

    Returns their mean losses. Raises UserError where one is not finite; by then the weights are not
    finite either.
    """
    meters, losses = TrainingMeters(), []
    meters.set_state_dict(progress.meters)
    while len(trainer.unread) > leave:
        step = TrainingMeters()
        step.add_sums(trainer.unread.popleft()())
        meters.add_sums(step.sums())
        losses.append(step.loss.value)
    progress.meters = meters.state_dict()
    return losses


def train_step(trainer: Trainer, batch: Batch, epoch: int, step: int) -> StepSums:
    """Launch one update of the weights; returns a function that waits for its sums.

    With several processes `batch` is this process's part; the sums are of the whole batch.
    """
    ranks, sums = trainer.ranks, TrainingMeters().sums  # of no image
    # Each process draws other numbers; a single process draws those of its step number.
    number = step * ranks.size + ranks.rank
    if len(batch.labels):
        computed = compute_gradients(trainer, batch, epoch, number)
        sums = partial(_sums_of, trainer, computed, batch.numbers, epoch, step)
    if ranks.size > 1:
        # The exchange needs the sums at once.
        whole = ranks.average_gradients(trainer.model, len(batch.labels), sums())
        sums = partial(np.copy, whole)
    _update(trainer)
    return sums


class Computed(NamedTuple):
    """What the meters take of a step: loss [], logits [N, C], labels and partner_labels int64 [N]
    in `copies`; lam is on the host."""

    copies: HostCopies
    lam: float | np.ndarray


def compute_gradients(trainer: Trainer, batch: Batch, epoch: int, number: int) -> Computed:
    """Launch the forward and backward pass of one batch.

    number: of the step, counted over all processes; selects the random streams.
    """
    # Dropout draws from Paddle's generator. Seeding it for each step makes the step depend on its
    # number alone, so that no generator state has to be saved.
    draw = stream(trainer.config.seed, epoch, number, "step")
    paddle.seed(int(draw.integers(2**31)))

    images = to_device(batch.images)
    labels, partner_labels, lam = _targets(batch)
    mixed = mix_step(trainer.mix, images, labels, trainer.config.seed, epoch, number)
    if mixed:
        images, labels, partner_labels, lam = mixed

    with _autocast(trainer.config):
        logits = trainer.model(images)
        loss = mixed_loss(trainer.criterion, logits, labels, partner_labels, lam)
    (trainer.scaler.scale(loss) if trainer.scaler else loss).backward()
    return Computed(HostCopies(loss, logits, labels, partner_labels), lam)


@paddle.no_grad()
def predict(
    model: paddle.nn.Layer,
    loader: Loader,
    title: str = "",
    epoch: int = 0,
    after_batch: Callable[[], None] | None = None,
    advice: str = ADVICE,
) -> tuple[np.ndarray, np.ndarray]:
    """(logits float32 [N, classes], labels int64 [N]) of every image, in the data set's order.

    epoch: selects the random streams, where images are augmented. after_batch: may raise
    Interrupted. Raises UserError naming the images whose outputs are not finite; advice: how it
    ends.
    """
    model.eval()
    logits, labels = [], []
    unread: deque[HostCopies] = deque()
    batches = loader.epoch(epoch)
    with contextlib.closing(batches), _bar(len(loader), title) as bar:
        for batch in batches:
            if not len(batch.labels):
                continue
            # Read after the next batch was launched, as in training.
            unread.append(HostCopies(model(to_device(batch.images))))
            labels.append(batch.labels)
            if len(unread) > 1:
                logits += unread.popleft().arrays()
            bar.update()
            if after_batch:
                after_batch()
    if not labels:
        return np.empty((0, 0), np.float32), np.empty(0, np.int64)
    logits += unread.popleft().arrays()
    outputs = np.concatenate(logits).astype(np.float32)
    bad = np.flatnonzero(~np.isfinite(outputs).all(1))
    if len(bad):
        indices = np.concatenate(loader.batches_of(epoch))[bad]
        names = listed([loader.source(epoch, int(index)) for index in indices], 8)
        raise UserError(
            f"{title}: the model's outputs are not finite for {len(bad)} of {len(outputs)} images "
            f"({names}); {advice}"
        )
    return outputs, np.concatenate(labels)


def evaluate(
    model: paddle.nn.Layer,
    loader: Loader,
    title: str = "evaluation",
    ranks: Ranks = SINGLE,
    after_batch: Callable[[], None] | None = None,
) -> Evaluation:
    """Cross entropy and accuracy on clean images; always plain cross entropy, whatever the
    training criterion, so that the curves of different runs can be compared.

    ranks: processes that evaluate a part each; loss and accuracy are of all images. after_batch:
    may raise Interrupted. Raises UserError naming the images whose outputs are not finite.
    """
    logits, labels = predict(model, loader, title, after_batch=after_batch)
    if ranks.size == 1:
        return score(logits, labels)
    count = len(labels)
    own = score(logits, labels) if count else Evaluation(0.0, 0.0)
    ranks.meet()  # one process may have more images, or slower ones, than another
    loss, hits, total = ranks.sum([own.loss * count, own.accuracy * count, count])
    return Evaluation(float(loss / total), float(hits / total))


def score(logits: np.ndarray, labels: np.ndarray) -> Evaluation:
    """Evaluation of logits float32 [N, classes] against labels int64 [N]."""
    # Imported here: it takes 0.2 s, which the first training step need not wait for.
    from scipy.special import log_softmax

    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    # 0 - mean, as -mean would give -0.0 for a loss of 0.
    loss = float(0 - np.mean(log_probabilities[np.arange(len(labels)), labels]))
    return Evaluation(loss, accuracy(logits, labels))


def _bar(steps: int, title: str, initial: int = 0) -> "tqdm[Any]":
    """A progress bar on a terminal or in a notebook; nothing in a log file."""
    return tqdm(
        total=steps, initial=initial, desc=translate(title), unit=translate("batch"), leave=False,
        disable=None, dynamic_ncols=True,
    )  # fmt: skip


def _targets(batch: Batch) -> tuple[Any, Any, Any]:
    """Tensors of the labels, and lam: float32 [N], or 1.0 where nothing was mixed."""
    labels = to_device(batch.labels)
    if np.all(batch.lam == 1.0):
        return labels, labels, 1.0
    return labels, to_device(batch.partner_labels), batch.lam


def _sums_of(
    trainer: Trainer, computed: Computed, indices: np.ndarray, epoch: int, step: int
) -> np.ndarray:
    """The sums of a step's images; UserError with the images' names where its loss is not
    finite."""
    loss, logits, labels, partner_labels = computed.copies.arrays()
    value = float(loss)
    if not math.isfinite(value):
        names = listed([trainer.source(epoch, int(i)) for i in indices], _LISTED)
        raise UserError(
            f"the loss became {value} at epoch {epoch}, batch {step} (images: {names}); {ADVICE}"
        )
    meters = TrainingMeters()
    meters.update(value, logits, labels, partner_labels, computed.lam)
    return meters.sums()


def _update(trainer: Trainer) -> None:
    if trainer.scaler is None:
        trainer.optimizer.step()
    else:
        trainer.scaler.step(trainer.optimizer)
        trainer.scaler.update()
    # Gradients are not set to zero: the next backward pass overwrites them.
    trainer.optimizer.clear_grad(set_to_zero=False)
    if trainer.ema:
        trainer.ema.update()


@contextlib.contextmanager
def _autocast(config: Config) -> Iterator[None]:
    # Paddle ignores autocast on a CPU, where the oneDNN backend itself computes in bf16.
    if config.amp == "no" or paddle.device.get_device() == "cpu":
        yield
        return
    with paddle.amp.auto_cast(dtype="float16" if config.amp == "fp16" else "bfloat16"):
        yield
