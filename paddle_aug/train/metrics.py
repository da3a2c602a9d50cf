"""Metrics of a classifier, computed with NumPy.

scores: [N, C], logits or probabilities. predictions: int [N], the classes of the highest scores.
labels, partner_labels: int [N], from 0.
"""

from dataclasses import dataclass, field

import numpy as np


@dataclass
class WeightedMean:
    """Mean of batches of different sizes: sum of value * weight over the sum of weights.

    `total` and `weight` may be added up over several processes before `value` is read.
    """

    total: float = 0.0
    weight: float = 0.0

    def update(self, value: float, weight: float) -> None:
        """Add a batch's mean `value`, weighted by its number of samples."""
        self.total += float(value) * weight
        self.weight += weight

    @property
    def value(self) -> float:
        """The mean; nan before the first update."""
        return self.total / self.weight if self.weight else float("nan")

    def state_dict(self) -> dict[str, float]:
        """The two sums."""
        return {"total": self.total, "weight": self.weight}

    def set_state_dict(self, state: dict[str, float]) -> None:
        """Continue from what `state_dict` gave."""
        self.total, self.weight = float(state["total"]), float(state["weight"])


@dataclass
class TrainingMeters:
    """Loss and accuracies of an epoch of training, each weighted by the batches' sizes.

    loss: as minimised. accuracy: on the first image's label. accuracy_mixed: each label counts by
    its weight, lam or 1 - lam. Without mixing the two accuracies are equal.
    """

    loss: WeightedMean = field(default_factory=WeightedMean)
    accuracy: WeightedMean = field(default_factory=WeightedMean)
    accuracy_mixed: WeightedMean = field(default_factory=WeightedMean)

    def update(
        self,
        loss: float,
        scores: np.ndarray,
        labels: np.ndarray,
        partner_labels: np.ndarray,
        lam: float | np.ndarray,
    ) -> None:
        """Add a batch: its mean loss, the scores, and the labels and weight it was mixed with."""
        predictions = scores.argmax(axis=1)
        size = len(predictions)
        self.loss.update(loss, size)
        self.accuracy.update(float(np.mean(predictions == labels)), size)
        self.accuracy_mixed.update(
            float(np.mean(mixed_hits(predictions, labels, partner_labels, lam))), size
        )

    def sums(self) -> np.ndarray:
        """The sums of all meters, float64 [6], in the order that `add_sums` takes."""
        meters = [getattr(self, name) for name in self.__dataclass_fields__]
        return np.array([(meter.total, meter.weight) for meter in meters]).reshape(-1)

    def add_sums(self, sums: np.ndarray) -> None:
        """Add the result of `sums`, or its sum over several processes."""
        for name, (total, weight) in zip(
            self.__dataclass_fields__, sums.reshape(-1, 2).tolist(), strict=True
        ):
            meter = getattr(self, name)
            meter.total += total
            meter.weight += weight

    def state_dict(self) -> dict[str, dict[str, float]]:
        """The sums of each meter."""
        return {name: getattr(self, name).state_dict() for name in self.__dataclass_fields__}

    def set_state_dict(self, state: dict[str, dict[str, float]]) -> None:
        """Continue from what `state_dict` gave."""
        for name in self.__dataclass_fields__:
            getattr(self, name).set_state_dict(state[name])


def accuracy(scores: np.ndarray, labels: np.ndarray, k: int = 1) -> float:
    """Share of samples whose label is among the k highest scores, in [0, 1]."""
    return float(np.mean(top_k_hits(scores, labels, k)))


def top_k_hits(scores: np.ndarray, labels: np.ndarray, k: int) -> np.ndarray:
    """For each sample whether its label is among the k highest scores; bool [N].

    Of equal scores the lower class comes first, as in argmax. A score that is not a number is
    never a hit.
    """
    labels = np.asarray(labels)
    own = scores[np.arange(len(labels)), labels][:, None]
    tied_before = (scores == own) & (np.arange(scores.shape[1]) < labels[:, None])
    ahead = (~(scores <= own) | tied_before).sum(axis=1)
    return (ahead < k) & ~np.isnan(own[:, 0])


def mixed_hits(
    predictions: np.ndarray, labels: np.ndarray, partner_labels: np.ndarray, lam: float | np.ndarray
) -> np.ndarray:
    """lam where the own label is predicted, 1 - lam where the partner's is (1 where both), else 0.

    lam: weight of the first label in [0, 1], one number or [N]. Returns float64 [N].
    """
    lam = np.asarray(lam, np.float64)
    return lam * (predictions == labels) + (1 - lam) * (predictions == partner_labels)


def soft_hits(predictions: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """Share of the target distribution that lies on the predicted class.

    targets: float [N, C], rows summing to 1. Returns float64 [N]. For the targets of a mixed batch
    this equals `mixed_hits`.
    """
    return targets[np.arange(len(predictions)), predictions].astype(np.float64)


def confusion_matrix(labels: np.ndarray, predictions: np.ndarray, num_classes: int) -> np.ndarray:
    """Number of samples by true class (row) and predicted class (column); int64 [C, C]."""
    cells = np.asarray(labels, np.int64) * num_classes + np.asarray(predictions, np.int64)
    counts = np.bincount(cells, minlength=num_classes * num_classes)
    return counts.reshape(num_classes, num_classes).astype(np.int64)


@dataclass(frozen=True)
class ClassFigures:
    """One class's row of the table. Shares in [0, 1]; 0 where there is nothing to divide by."""

    precision: float
    recall: float
    f1: float
    support: int


def per_class(confusion: np.ndarray) -> list[ClassFigures]:
    """Precision, recall, F1 and number of samples of each class, from its confusion matrix."""
    hits = np.diag(confusion).astype(np.float64)
    predicted, support = confusion.sum(axis=0), confusion.sum(axis=1)
    precision = hits / np.maximum(predicted, 1)
    recall = hits / np.maximum(support, 1)
    f1 = 2 * hits / np.maximum(predicted + support, 1)
    rows = zip(precision, recall, f1, support, strict=True)
    return [ClassFigures(float(p), float(r), float(f), int(n)) for p, r, f, n in rows]
