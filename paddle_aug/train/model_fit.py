# Paddle's own metrics have other arguments than their base class, too.
# pyright: reportIncompatibleMethodOverride=false
"""Dataset, loss and metric of this project for `paddle.Model.fit`, Paddle's own training loop.

docs/model_fit.md has a whole example.
"""

from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.callbacks import Callback
from paddle.metric import Metric

from paddle_aug.augment.paddle_vision import InPaddleCompose
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.build.data import evaluation_view, load_datasets, training_view
from paddle_aug.build.mix import build_mix_policy, phases_without_effect, why_nothing_is_mixed
from paddle_aug.config import load_config, without_effect
from paddle_aug.core.errors import UserError
from paddle_aug.language import tell
from paddle_aug.mix.formulas import soft_targets
from paddle_aug.train.losses import build_criterion
from paddle_aug.train.metrics import WeightedMean, soft_hits
from paddle_aug.train.smote import images_to_learn


class SoftLabelDataset(paddle.io.Dataset):
    """An AugmentedDataset whose items are (image float32 [C, H, W], label float32 [classes]).

    The label is a distribution: lam on the image's own class, 1 - lam on its partner's where the
    view mixes (CutMix in the Dataset: a MixPolicy with partner "dataset").
    Each reading of an image draws new random numbers: its epoch is the number of times that it was
    read, or with the worker processes of a DataLoader the one that `NewDraws` sets. The same seed,
    epoch and index give the same bytes.
    """

    def __init__(self, view: AugmentedDataset, num_classes: int):
        super().__init__()
        self.view = view
        self.num_classes = num_classes
        self.epoch: int | None = None
        self._reads = np.zeros(len(view), np.int64)

    def __len__(self) -> int:
        return len(self.view)

    def __getitem__(self, index: int) -> tuple[np.ndarray, np.ndarray]:
        sample = self.view.sample(self._epoch_of(index), index)
        label = soft_targets(
            np.array([sample.label]), np.array([sample.partner_label]), sample.lam, self.num_classes
        )
        return sample.image, label[0]

    def _epoch_of(self, index: int) -> int:
        if self.epoch is not None:
            return self.epoch
        if paddle.io.get_worker_info() is not None:
            raise UserError(
                "SoftLabelDataset: worker processes would repeat the same draws in every epoch; "
                "give fit callbacks=[NewDraws(dataset)], or num_workers=0"
            )
        self._reads[index] += 1
        return int(self._reads[index]) - 1


def soft_label_datasets(**options: Any) -> tuple[SoftLabelDataset, SoftLabelDataset]:
    """(training images, evaluation images) of the options of train.py, given by name.

    Training images are augmented, and mixed where the method takes partners from the data set;
    evaluation images are neither. `num_classes` of both is the number of classes in the data.
    Raises UserError on wrong options or data, and on mixing in the batch and `sampling`, which no
    Dataset can do.
    """
    given = load_config(options)
    config = given.filled()
    mix = build_mix_policy(config)
    if reason := why_nothing_is_mixed(config):
        tell(f"note: nothing is mixed: {reason}")
    for line in (*without_effect(given), *phases_without_effect(config)):
        tell(f"note: {line}")
    if mix and mix.partner != "dataset":
        raise UserError(
            f"augment: {config.augment} mixes in the batch, which a Dataset does not see: "
            'give partner="dataset" too'
        )
    if config.sampling != "shuffle":
        raise UserError(
            f"sampling: {config.sampling} is an order, which a Dataset does not choose: "
            'give oversample="smote", or the DataLoader a WeightedRandomSampler'
        )
    train, evaluation = load_datasets(config, tell)
    count = len(train.classes)
    clean = SoftLabelDataset(evaluation_view(evaluation, config), count)
    clean.epoch = 0  # no random numbers are used, so workers may read it in every epoch
    view = training_view(images_to_learn(train, config, tell), config, mix)
    return SoftLabelDataset(view, count), clean


class NewDraws(Callback):
    """Callback that sets the epoch of a SoftLabelDataset, or of an InPaddleCompose, before the
    DataLoader starts its workers."""

    def __init__(self, dataset: SoftLabelDataset | InPaddleCompose):
        super().__init__()
        self.dataset = dataset

    def on_epoch_begin(self, epoch: int, logs: Any = None) -> None:
        self.dataset.epoch = epoch

    def on_train_end(self, logs: Any = None) -> None:
        self.dataset.epoch = None


class SoftLabelLoss(nn.Layer):
    """Mean over the batch of a criterion of losses.py, for distributions and for class numbers.

    Arguments as of `build_criterion`: cross entropy by default.
    """

    def __init__(
        self, name: str = "cross_entropy", label_smoothing: float = 0.0, focal_gamma: float = 2.0
    ):
        super().__init__()
        self._criterion = build_criterion(name, label_smoothing, focal_gamma)

    def forward(self, logits: Tensor, target: Tensor) -> Tensor:
        """logits [N, C]; target float32 [N, C], int64 [N] or [N, 1]. Returns a scalar."""
        return self._criterion(logits, _squeezed(target)).mean()


class SoftLabelAccuracy(Metric):
    """Metric: share of the target distribution on the predicted class, averaged over all images.

    For plain labels it is the accuracy. Paddle's own Accuracy would take the largest entry of a
    soft label as the only right class.
    """

    def __init__(self, name: str = "acc"):
        super().__init__()
        self._name = name
        self.reset()

    def compute(self, pred: Tensor, label: Tensor, *args: Any) -> tuple[Tensor, Tensor]:
        """Arguments of `update`: predicted classes int64 [N], and the labels, on the batch's
        device."""
        return pred.argmax(axis=-1), _squeezed(label)

    def update(self, predictions: np.ndarray, labels: np.ndarray, *args: Any) -> float:
        """Add a batch; returns its own accuracy."""
        hits = predictions == labels if labels.ndim == 1 else soft_hits(predictions, labels)
        accuracy = float(np.mean(hits))
        self._mean.update(accuracy, len(predictions))
        return accuracy

    def accumulate(self) -> float:
        """The accuracy since the last reset."""
        return self._mean.value

    def reset(self) -> None:
        self._mean = WeightedMean()

    def name(self) -> str:
        return self._name


def _squeezed(target: Tensor) -> Tensor:
    """[N, 1] class numbers as [N]; a distribution as it is."""
    is_column = target.ndim == 2 and target.shape[1] == 1 and not target.is_floating_point()
    return target.squeeze(1) if is_column else target
