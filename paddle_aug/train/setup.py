"""Builds the objects of a run from its options: data, loaders, model, optimizer."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import paddle

from models.structure import head_parameters, single_value_norms
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.batches.loader import Loader, choose_workers
from paddle_aug.build.data import evaluation_view, load_datasets, training_view, with_data_named
from paddle_aug.build.mix import build_mix_policy, phases_without_effect, why_nothing_is_mixed
from paddle_aug.build.model import accelerated, choose_device, first_model, on_cpu
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.text import Say, counted
from paddle_aug.data.dataset import ImageDataset, data_digest
from paddle_aug.train.distributed import SINGLE, Ranks
from paddle_aug.train.ema import ExponentialMovingAverage
from paddle_aug.train.engine import Trainer
from paddle_aug.train.learning_rate import learning_rates
from paddle_aug.train.losses import build_criterion
from paddle_aug.train.memory import MemoryNeed, memory_need
from paddle_aug.train.optimizer import build_optimizer
from paddle_aug.train.smote import images_to_learn
from paddle_aug.weights.pretrained import check_weights


@dataclass
class Setup:
    """The objects of one run, built from its options."""

    config: Config
    trainer: Trainer
    train_loader: Loader
    eval_loader: Loader
    clean_loader: Loader | None  # the training images without augmentation
    classes: list[str]
    backend: str
    memory: MemoryNeed
    data_record: dict[str, Any] = field(default_factory=dict)
    ranks: Ranks = SINGLE

    @contextlib.contextmanager
    def loaders(self) -> Iterator[None]:
        """End all workers when the run ends, however it ends."""
        try:
            yield
        finally:
            for loader in (self.train_loader, self.eval_loader, self.clean_loader):
                if loader:
                    loader.close()

    def evaluation_weights(self) -> contextlib.AbstractContextManager[Any]:
        """Context in which the model has the averaged weights, if --ema is on."""
        ema = self.trainer.ema
        return ema.applied() if ema else contextlib.nullcontext()


def build_setup(config: Config, say: Say, ranks: Ranks = SINGLE, fresh: bool = True) -> Setup:
    """Read the data, build everything; writes nothing but the image cache.

    fresh: whether to load --weights; False if a saved state replaces all weights.
    """
    config = config.filled()
    choose_device(config.device)
    if config.weights and fresh:
        check_weights(config.weights, config.model)  # before the data are read
    train, evaluation = load_datasets(config, say)
    config = with_data_named(config)
    paddle.seed(config.seed)
    model = first_model(config, train.classes, say, fresh)
    ranks.same_model(model)
    memory = memory_need(model, [config.channels, config.image_size, config.image_size])
    plain = model
    model, backend = accelerated(plain, config, say)
    mix = build_mix_policy(config)
    if reason := why_nothing_is_mixed(config):
        say(f"note: nothing is mixed in this {config.augment} run: {reason}")
    for line in phases_without_effect(config):
        say(f"note: {line}")
    workers = choose_workers(config.workers)
    if config.workers == "auto":
        made_by = "a thread" if workers == "thread" else f"{workers} processes"
        say(f"batches are made by {made_by} (--workers)")
    view = training_view(images_to_learn(train, config, say), config, mix)
    check_sizes(view, evaluation, config)
    train_loader = Loader(
        view,
        batch_size=config.batch_size, shuffle=True, seed=config.seed, workers=workers,
        max_steps=config.max_steps, sampling=config.sampling, rank=ranks.rank, ranks=ranks.size,
    )  # fmt: skip
    steps = len(train_loader)
    most = config.max_steps
    if most and len(view) <= most * config.batch_size * ranks.size:
        say(f"note: --max-steps {most} has no effect: an epoch has {counted(steps, 'step')}")
    check_batch_norms(plain, config, train_loader, say)
    clean = evaluation_loader(train, config, workers, ranks) if config.clean_accuracy else None
    return Setup(
        config=config,
        trainer=Trainer(
            config=config,
            model=model,
            optimizer=build_optimizer(
                config.optimizer, model.parameters(), lr=config.lr,
                weight_decay=config.weight_decay, momentum=config.momentum,
                clip_norm=config.clip_norm, head_parameters=head_parameters(model),
                head_lr_ratio=config.head_lr_ratio,
            ),
            criterion=build_criterion(
                config.criterion, label_smoothing=config.label_smoothing,
                focal_gamma=config.focal_gamma,
            ),
            learning_rates=learning_rates(config, steps),
            mix=mix,
            ema=ExponentialMovingAverage(model, config.ema) if config.ema else None,
            scaler=paddle.amp.GradScaler() if config.amp == "fp16" and not on_cpu() else None,
            source=train_loader.source,
            ranks=ranks,
        ),
        train_loader=train_loader,
        eval_loader=evaluation_loader(evaluation, config, workers, ranks),
        clean_loader=clean,
        classes=list(train.classes),
        backend=backend,
        memory=memory,
        data_record={
            "name": train.name,
            "train": {"images": len(train), "digest": data_digest(train)},
            "eval": {"images": len(evaluation), "digest": data_digest(evaluation)},
        },
        ranks=ranks,
    )  # fmt: skip


def check_sizes(view: AugmentedDataset, evaluation: ImageDataset, config: Config) -> None:
    """Put a first image through transforms of the user's. Raises UserError where what comes out is
    not of --image-size, so that it is told before the run has files.

    view: the training images, augmented.
    """
    if config.train_transforms is not None or is_import_path(config.augment):
        view[0]
    if config.eval_transforms is not None:
        evaluation_view(evaluation, config)[0]


def check_batch_norms(model: paddle.nn.Layer, config: Config, loader: Loader, say: Say) -> None:
    """Warn of batches of one image that give a batch normalisation one value a channel.

    Raises UserError where all batches are such.
    """
    sizes = loader.batch_sizes()
    names = single_value_norms(model, config.channels, config.image_size) if 1 in sizes else []
    if not names:
        return
    norms = f"{counted(len(names), 'batch normalisation')} of {config.model} ({names[0]}"
    norms += f" ... {names[-1]}" if len(names) > 1 else ""
    reason = f"{norms}) see a single value a channel, which cannot be normalised"
    if max(sizes) == 1:
        what = "a --batch-size of 2 or more" if loader.batch_size == 1 else "fewer processes"
        raise UserError(
            f"batch_size: with one image a step {reason}: the model would not learn; "
            f"take {what}, or a larger --image-size"
        )
    say(
        f"warning: the last batch of an epoch has one image, of which {reason}: that step undoes "
        "what others learn; another --batch-size avoids it"
    )


def evaluation_loader(
    dataset: ImageDataset, config: Config, workers: str | int, ranks: Ranks = SINGLE
) -> Loader:
    """Batches of clean images in the data set's order, this process's part of each."""
    batch_size = config.eval_batch_size or max(32, config.batch_size)
    return Loader(
        evaluation_view(dataset, config), batch_size=batch_size, shuffle=False, workers=workers,
        rank=ranks.rank, ranks=ranks.size,
    )  # fmt: skip
