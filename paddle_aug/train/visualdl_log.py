"""--visualdl: a run's curves, options and a look at its training images, for VisualDL's page.

Made of the run's history, beside metrics.csv: a resumed run writes the file anew. VisualDL's
precision-recall and ROC curves are left out, as they fail with NumPy 2.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
import yaml

from paddle_aug.batches.augmented import collate
from paddle_aug.batches.normalise import to_pixels
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.requirements import install
from paddle_aug.mix.methods import mix_step
from paddle_aug.runs.recorder import Recorder, Row
from paddle_aug.train.setup import Setup

# A column of metrics.csv, and what it is called on the page; what is before a slash is a group.
TAGS = {
    "lossTrain": "loss/train",
    "lossEval": "loss/evaluation",
    "accTrain": "accuracy/train",
    "accTrainFirst": "accuracy/train_first_label",
    "accTrainClean": "accuracy/train_clean",
    "accEval": "accuracy/evaluation",
    "lr": "learning_rate",
    "mixing": "mixing",
    "imagesPerSecond": "images_per_second",
}
SIDE = 4  # images in a row and in a column of the sheet
_MARGIN = 2


@contextmanager
def visualdl_log(
    setup: Setup, recorder: Recorder, history: Sequence[Row]
) -> Iterator[Callable[[Row], None]]:
    """Gives a function that adds an epoch's row; the rows of `history` are written at once.

    Without --visualdl, and in processes that write nothing, it does nothing.
    """
    if not (setup.config.visualdl and recorder.writes):
        yield lambda row: None
        return
    path = recorder.paths.visualdl
    path.unlink(missing_ok=True)
    with log_writer()(logdir=str(path.parent), file_name=path.name) as writer:
        options = {"changed": setup.config.difference(), "all": setup.config.dump()}
        for name, values in options.items():
            text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
            writer.add_text(f"options/{name}", text, 0)
        for epoch in _epochs_shown(setup):
            writer.add_image("training_images", training_sheet(setup, epoch), epoch)

        def add(row: Row) -> None:
            for column, tag in TAGS.items():
                if row.get(column) is not None:
                    writer.add_scalar(tag, float(row[column]), int(row["epoch"]))
            writer.flush()

        for row in history:
            add(row)
        yield add


def check_visualdl(config: Config) -> None:
    """Raise UserError where --visualdl is asked for and its package is missing."""
    if config.visualdl:
        log_writer()


def log_writer() -> Any:
    """VisualDL's LogWriter. Raises UserError where it is missing, with what to do."""
    try:
        from visualdl import LogWriter
    except ImportError as error:
        raise UserError(
            f"visualdl: needs the package visualdl: {install('visualdl>=2.5')} ({error})"
        ) from None
    return LogWriter


def training_sheet(setup: Setup, epoch: int) -> np.ndarray:
    """uint8 [H, W, 3]: the first images of an epoch's first batch as the model learns from them,
    mixed where that epoch mixes."""
    loader, trainer = setup.train_loader, setup.trainer
    batch = collate(loader.dataset, epoch, loader.batches_of(epoch)[0])
    images, labels = paddle.to_tensor(batch.images), paddle.to_tensor(batch.labels)
    mixed = mix_step(trainer.mix, images, labels, setup.config.seed, epoch, setup.ranks.rank)
    images = mixed[0].numpy() if mixed else batch.images
    return tiled(images[: SIDE * SIDE], setup.config.mean, setup.config.std)


def tiled(images: np.ndarray, mean: Sequence[float], std: Sequence[float]) -> np.ndarray:
    """uint8 [H, W, 3]: normalised images float32 [N, C, S, S] in rows of SIDE, on white."""
    count, _, height, width = images.shape
    rows = -(-count // SIDE)
    shape = (rows * (height + _MARGIN) + _MARGIN, SIDE * (width + _MARGIN) + _MARGIN, 3)
    sheet = np.full(shape, 255, np.uint8)
    for number, image in enumerate(images):
        top = _MARGIN + number // SIDE * (height + _MARGIN)
        left = _MARGIN + number % SIDE * (width + _MARGIN)
        sheet[top : top + height, left : left + width] = to_pixels(image, mean, std)
    return sheet


def _epochs_shown(setup: Setup) -> list[int]:
    """The first epoch, and the first one that mixes if it is another."""
    mix, epochs = setup.trainer.mix, range(setup.config.epochs)
    mixing = [epoch for epoch in epochs if mix and mix.phases.is_active(epoch)]
    return sorted({0, *mixing[:1]})
