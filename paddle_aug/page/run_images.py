"""Images of the runs' own data: training images as in training, and evaluation images.

Needs Paddle, and the data at their place in the options; raises UserError without them.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from paddle_aug.batches.augmented import AugmentedDataset, collate
from paddle_aug.batches.loader import Loader
from paddle_aug.batches.normalise import to_pixels
from paddle_aug.build.data import training_view
from paddle_aug.build.mix import build_mix_policy
from paddle_aug.config import Config, load_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import Say
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.dataset import ImageDataset, TrainAndEval, data_digest
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.data.named import NAMES, is_downloaded
from paddle_aug.mix.methods import MixPolicy, mix_step
from paddle_aug.modes import has_partners
from paddle_aug.page.pictures import TrainingImage, TrainingImages
from paddle_aug.runs.predictions import Predictions
from paddle_aug.runs.reading import Run

# At most so many images are prepared; only a few of them are shown.
_MOST_READ = 512


# (training images, options, say): the images that a run learns.
ImagesToLearn = Callable[[ImageDataset, Config, Say], ImageDataset]


class RunImages:
    """Reads the data of runs; a data set that several runs share is read once.

    images_to_learn: that of `train.smote`, which stands above this package.
    """

    def __init__(self, images_to_learn: ImagesToLearn) -> None:
        self._images_to_learn = images_to_learn
        self._read: dict[str, TrainAndEval] = {}

    def training(self, run: Run, most: int) -> TrainingImages:
        """The first images of the first batches of the first epoch in which the run has mixed, or
        of epoch 0, augmented and mixed as in training; several batches, as one may have one lam.

        Raises UserError where the options are not known, the data cannot be read, or several
        processes have trained, each by its own draws.
        """
        if run.environment.get("processes", 1) != 1:
            raise UserError("trained by several processes, whose draws are not shown")
        config = _config(run)
        train, _ = self._load(DataOptions.of(config))
        mix = build_mix_policy(config)
        mixed = (e for e in range(run.epochs) if mix and mix.phases.is_active(e))
        epoch = next(mixed, 0)
        view = training_view(self._images_to_learn(train, config, _quiet), config, mix)
        loader = Loader(
            view, config.batch_size, shuffle=True, seed=config.seed,
            max_steps=config.max_steps, sampling=config.sampling,
        )  # fmt: skip
        batches = loader.batches_of(epoch)[: max(1, min(most, _MOST_READ // config.batch_size))]
        each = -(-most // len(batches))
        shown = [
            image
            for number, indices in enumerate(batches)
            for image in _of_batch(view, config, mix, epoch, number, indices)[:each]
        ][:most]
        return TrainingImages(shown, epoch, _same_data(run, train, "train"))

    def evaluation(self, run: Run, answers: Predictions) -> ImageDataset:
        """The run's whole evaluation set, numbered as the answers are.

        Raises UserError where it cannot be read, or holds other images than the answers are of.
        """
        own = DataOptions.of(_config(run))
        _, as_trained = self._load(own)
        if _same_data(run, as_trained, "eval") is False:
            raise UserError(f"{as_trained.description}: not the images that the run recorded")
        options = replace(own, eval_per_class=None, known_classes=answers.classes)
        _, evaluation = self._load(options)
        if not np.array_equal(evaluation.labels, answers.labels):
            raise UserError(
                f"{evaluation.description}: {len(evaluation)} evaluation images here, "
                f"{len(answers.labels)} in the run's predictions, or others"
            )
        return evaluation

    def _load(self, options: DataOptions) -> TrainAndEval:
        name = (options.data or "").lower()
        if name in NAMES and not user_path(name).exists() and not is_downloaded(name):
            raise UserError(f"{name}: not downloaded on this machine yet; a page fetches nothing")
        key = repr(options)
        if key not in self._read:
            self._read[key] = load_data(options)
        return self._read[key]


def _of_batch(
    view: AugmentedDataset, config: Config, mix: MixPolicy | None, epoch: int, number: int,
    indices: np.ndarray,
) -> list[TrainingImage]:  # fmt: skip
    """The images of one batch, made as training makes them (train.engine)."""
    batch = collate(view, epoch, indices)
    images, labels, partners, lam = batch.images, batch.labels, batch.partner_labels, batch.lam
    mixed = mix_step(mix, images, labels, config.seed, epoch, number)
    if mixed:
        images, labels, partners, lam = mixed
    lams = np.broadcast_to(lam, len(labels))
    paired = mix is not None and has_partners(mix.method)
    classes = view.dataset.classes
    return [
        TrainingImage(
            to_pixels(images[i], config.mean, config.std),
            classes[labels[i]],
            classes[partners[i]] if paired and partners[i] != labels[i] else None,
            float(lams[i]),
        )
        for i in range(len(labels))
    ]


def _quiet(line: str) -> None:
    """Says nothing: a page is no training."""


def _config(run: Run) -> Config:
    """The run's options, changed so that nothing is written into the image cache."""
    if not run.config:
        raise UserError(f"{run.folder}: the run's options are not recorded")
    # Kept files have shortened paths; the value of output is not used here.
    values = {name: value for name, value in run.config.items() if name != "output"}
    return load_config({**values, "cache": False}, where=f"{run.folder}: ").filled()


def _same_data(run: Run, images: ImageDataset, part: str) -> bool | None:
    """Whether they are the images of the run's part, "train" or "eval"; None: not recorded."""
    digest = run.data(part, "digest")
    return None if digest is None else digest == data_digest(images)
