"""Criteria: criterion(logits, target) -> loss of each sample, float32 [N].

logits: [N, C]. target: int64 [N], or a distribution over the classes, float32 [N, C].
"""

from collections.abc import Callable

import numpy as np
import paddle
import paddle.nn.functional as F
from paddle import Tensor

from paddle_aug.core.errors import UserError
from paddle_aug.core.transfer import to_device

Criterion = Callable[[Tensor, Tensor], Tensor]
CRITERIA = ("cross_entropy", "focal")


def build_criterion(
    name: str = "cross_entropy", label_smoothing: float = 0.0, focal_gamma: float = 2.0
) -> Criterion:
    """Criterion by name.

    name: "cross_entropy" or "focal" (see `focal_loss`).
    label_smoothing: in [0, 1); see `smooth_labels`. It works with both.
    focal_gamma: 0 or more; 0 is cross entropy.
    Raises UserError for an unknown name or a value out of range.
    """
    if name not in CRITERIA:
        raise UserError(f"criterion: {name!r} is none of {', '.join(CRITERIA)}")
    if not 0 <= label_smoothing < 1:
        raise UserError(f"label_smoothing: must be in [0, 1), got {label_smoothing}")
    if focal_gamma < 0:
        raise UserError(f"focal_gamma: must be 0 or more, got {focal_gamma}")

    def criterion(logits: Tensor, target: Tensor) -> Tensor:
        if label_smoothing > 0:
            target = smooth_labels(target, logits.shape[-1], label_smoothing)
        if name == "focal":
            return focal_loss(logits, target, focal_gamma)
        return cross_entropy(logits, target)

    return criterion


def cross_entropy(logits: Tensor, target: Tensor) -> Tensor:
    """-log p of the target's class, or its mean under a target distribution.

    On a CPU Paddle's softmax keeps logits within 64 of the highest, so no loss passes about 64.
    """
    logits = logits.astype("float32")
    loss = F.cross_entropy(logits, target, reduction="none", soft_label=target.ndim == 2)
    return loss.flatten()


def focal_loss(logits: Tensor, target: Tensor, gamma: float) -> Tensor:
    """Sum over the classes of target * (1 - p)^gamma * -log p.

    With a hard target this is the focal loss without class weights (Lin et al. 2017,
    arXiv 1708.02002); with a distribution, its mean over the distribution.
    gamma: 0 or more.
    """
    log_p = F.log_softmax(logits.astype("float32"), axis=-1)
    # The gradient of 0^gamma is infinite for gamma < 1: keep 1 - p a little above 0.
    doubt = paddle.clip(-paddle.expm1(log_p), min=1e-12)
    return -(_distribution(target, logits.shape[-1]) * doubt**gamma * log_p).sum(axis=-1)


def smooth_labels(target: Tensor, num_classes: int, smoothing: float) -> Tensor:
    """(1 - smoothing) * target + smoothing / C, float32 [N, C] (arXiv 1512.00567, section 7)."""
    return _distribution(target, num_classes) * (1 - smoothing) + smoothing / num_classes


def mixed_loss(
    criterion: Criterion,
    logits: Tensor,
    labels: Tensor,
    partner_labels: Tensor,
    lam: float | np.ndarray | Tensor,
) -> Tensor:
    """Mean over the batch of lam * criterion(labels) + (1 - lam) * criterion(partner_labels).

    lam: weight of the first image and its label, in [0, 1], one number or one a sample ([N]).
    With the number 1 (SamplePairing, plain batches) partner_labels are not used. Returns a scalar.
    Source: mixup, arXiv 1710.09412; CutMix, arXiv 1905.04899.
    """
    first = criterion(logits, labels)
    if isinstance(lam, (int, float)):
        if lam == 1:
            return first.mean()
    elif isinstance(lam, Tensor):
        lam = lam.astype("float32").flatten()
    else:
        lam = to_device(np.asarray(lam, np.float32), place=logits.place).flatten()
    return (first * lam + criterion(logits, partner_labels) * (1 - lam)).mean()


def _distribution(target: Tensor, num_classes: int) -> Tensor:
    if target.ndim == 2:
        return target.astype("float32")
    return F.one_hot(target, num_classes)
