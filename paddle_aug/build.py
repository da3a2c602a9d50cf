"""From options to objects: data sets, transforms, model, optimizer, and who feeds whom."""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import paddle

from models import VISION_PREFIX, build_model
from models.structure import head_parameters
from models.vision import check_image_size
from paddle_aug.augmented import AugmentedDataset
from paddle_aug.cache import CachedDataset
from paddle_aug.config import Config
from paddle_aug.datasets import DataOptions, describe, load_data
from paddle_aug.distributed import SINGLE, Ranks
from paddle_aug.ema import ExponentialMovingAverage
from paddle_aug.engine import Trainer
from paddle_aug.environment import data_digest
from paddle_aug.errors import UserError
from paddle_aug.finetune import check_weights, fit_weights, freeze_backbone, read_weights
from paddle_aug.image_dataset import ImageDataset
from paddle_aug.loader import Loader, choose_workers
from paddle_aug.losses import build_criterion
from paddle_aug.lr_schedule import LearningRate
from paddle_aug.mix_policy import MixPolicy, build_mix_policy
from paddle_aug.onednn import accelerate, is_available
from paddle_aug.optimization import build_optimizer
from paddle_aug.oversampling import smote
from paddle_aug.policies import build_policy, build_transforms
from paddle_aug.transforms import Transform

Say = Callable[[str], None]


@dataclass
class Setup:
    """The objects of one run, built from its options."""

    config: Config
    trainer: Trainer
    train_loader: Loader
    eval_loader: Loader
    clean_loader: Loader | None  # the training images as evaluation sees them
    classes: list[str]
    backend: str
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
        """Averaged weights where --ema is on, within the context."""
        ema = self.trainer.ema
        return ema.applied() if ema else contextlib.nullcontext()


def build_setup(config: Config, say: Say, ranks: Ranks = SINGLE, fresh: bool = True) -> Setup:
    """Read the data, build everything; writes nothing but the image cache.

    fresh: load --weights; False where a saved state will replace all weights.
    """
    config = config.filled()
    choose_device(config.device)
    if config.weights and fresh:
        check_weights(config.weights, config.model)  # before the data are read
    train, evaluation = load_datasets(config, say)
    paddle.seed(config.seed)
    model = first_model(config, len(train.classes), say, fresh)
    ranks.same_model(model)
    model, backend = accelerated(model, config, say)
    mix = build_mix_policy(config)
    workers = choose_workers(config.workers)
    if config.workers == "auto":
        made_by = "a thread" if workers == "thread" else f"{workers} processes"
        say(f"batches are made by {made_by} (--workers)")
    learned = train
    if config.oversample == "smote":
        learned = smote(resized(train, config), config.seed)
        say(f"SMOTE: {len(learned) - len(train)} images made, {len(learned)} in all")
    train_loader = Loader(
        training_view(learned, config, mix),
        config.batch_size, shuffle=True, seed=config.seed, workers=workers,
        max_steps=config.max_steps, sampling=config.sampling, rank=ranks.rank, ranks=ranks.size,
    )  # fmt: skip
    clean = evaluation_loader(train, config, workers, ranks) if config.clean_accuracy else None
    return Setup(
        config=config,
        trainer=Trainer(
            config=config,
            model=model,
            optimizer=build_optimizer(
                config.optimizer, model.parameters(), config.lr, config.weight_decay,
                config.momentum, config.clip_norm, head_parameters(model), config.head_lr_ratio,
            ),
            criterion=build_criterion(
                config.criterion, config.label_smoothing, config.focal_gamma
            ),
            schedule=learning_rates(config, len(train_loader)),
            mix=mix,
            ema=ExponentialMovingAverage(model, config.ema) if config.ema else None,
            scaler=paddle.amp.GradScaler() if config.amp == "fp16" and on_gpu() else None,
            source=train_loader.source,
            ranks=ranks,
        ),
        train_loader=train_loader,
        eval_loader=evaluation_loader(evaluation, config, workers, ranks),
        clean_loader=clean,
        classes=list(train.classes),
        backend=backend,
        data_record={
            "name": train.name,
            "train": {"images": len(train), "digest": data_digest(train)},
            "eval": {"images": len(evaluation), "digest": data_digest(evaluation)},
        },
        ranks=ranks,
    )  # fmt: skip


def choose_device(name: str) -> None:
    """Select Paddle's device; "auto" is what Paddle was built and finds a device for."""
    if name == "auto":
        return
    try:
        paddle.device.set_device(name)
    except (ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"device: {name!r} cannot be used here: {reason}") from None


def on_gpu() -> bool:
    return not paddle.device.get_device().startswith("cpu")


def load_datasets(config: Config, say: Say) -> tuple[ImageDataset, ImageDataset]:
    """(training images, evaluation images) of the options."""
    names = DataOptions.__dataclass_fields__
    train, evaluation = load_data(DataOptions(**{k: v for k, v in config if k in names}))
    say(describe(train, evaluation))
    return train, evaluation


def make_model(config: Config, num_classes: int) -> paddle.nn.Layer:
    """The model of the options with its first weights, drawn from Paddle's generator."""
    try:
        model = build_model(
            config.model, num_classes, config.channels, config.image_size,
            init=config.init, stem=config.stem,
        )  # fmt: skip
        if config.model.startswith(VISION_PREFIX):
            check_image_size(model, config.model, config.channels, config.image_size)
    except ValueError as error:
        raise UserError(f"model: {error}") from None
    return model


def first_model(config: Config, num_classes: int, say: Say, fresh: bool) -> paddle.nn.Layer:
    """The model that training starts from: with the weights of --weights, partly frozen."""
    model = make_model(config, num_classes)
    if config.weights and fresh:
        say(fit_weights(model, read_weights(config.weights, config.model), config.weights))
    if config.freeze_backbone:
        freeze_backbone(model)
    return model


def accelerated(model: paddle.nn.Layer, config: Config, say: Say) -> tuple[paddle.nn.Layer, str]:
    """(the model, the name of what computes it): on a CPU over oneDNN, where it can be."""
    if on_gpu():
        return model, "paddle"
    if config.amp == "fp16":
        raise UserError("amp: fp16 is for GPUs; on a CPU use --amp bf16 or no")
    amp = "bf16" if config.amp == "bf16" else None
    reason = "--cpu-backend paddle" if config.cpu_backend == "paddle" else is_available(amp)
    if reason is None:
        return accelerate(model, amp), f"onednn {amp or 'float32'}"
    if config.cpu_backend == "onednn":
        raise UserError(f"cpu_backend: onednn cannot be used here: {reason}")
    if amp:
        raise UserError(f"amp: bf16 on a CPU needs the onednn backend: {reason}")
    if config.cpu_backend == "auto":
        say(f"warning: Paddle's own kernels compute, which are slow: {reason}")
    return model, "paddle"


def learning_rates(config: Config, steps_per_epoch: int) -> LearningRate:
    return LearningRate(
        config.lr_schedule, config.lr, config.epochs, steps_per_epoch, config.milestones,
        config.gamma, config.warmup_epochs, config.plateau_patience,
    )  # fmt: skip


def image_part(config: Config, dataset: ImageDataset) -> Transform:
    """Random transforms of a training image: the list that was given, or the policy by name,
    without the operations that would change this data set's labels."""
    if config.train_transforms is not None:
        return build_transforms(config.train_transforms)
    return build_policy(config.image_part, dataset.changes_label, config.policy)


def training_view(dataset: ImageDataset, config: Config, mix: MixPolicy | None) -> AugmentedDataset:
    """Augmented training images; with --train-transforms these do their own resizing."""
    transform = image_part(config, dataset)
    images = dataset if config.train_transforms is not None else resized(dataset, config)
    return _view(images, config, transform, mix)


def evaluation_view(dataset: ImageDataset, config: Config) -> AugmentedDataset:
    """Clean images; with --eval-transforms these do their own resizing."""
    if config.eval_transforms is not None:
        return _view(dataset, config, build_transforms(config.eval_transforms), None)
    return _view(resized(dataset, config), config, build_policy("no"), None)


def resized(dataset: ImageDataset, config: Config) -> ImageDataset:
    """The images at --image-size, both sides scaled as the documents do, kept for later."""
    size = (config.image_size, config.image_size)
    return (
        CachedDataset(dataset, size)
        if config.cache
        else CachedDataset(dataset, size, limit_bytes=0)
    )


def evaluation_loader(
    dataset: ImageDataset, config: Config, workers: str | int, ranks: Ranks = SINGLE
) -> Loader:
    """Batches of clean images in the data set's order, this process's part of each."""
    batch_size = config.eval_batch_size or max(32, config.batch_size)
    return Loader(
        evaluation_view(dataset, config), batch_size, shuffle=False, workers=workers,
        rank=ranks.rank, ranks=ranks.size,
    )  # fmt: skip


def _view(
    images: ImageDataset, config: Config, transform: Transform, mix: MixPolicy | None
) -> AugmentedDataset:
    return AugmentedDataset(
        images, transform, config.image_size, config.channels, config.mean, config.std,
        config.seed, mix,
    )  # fmt: skip
