"""Optimizers from names and numbers."""

from collections.abc import Iterable
from typing import Any

import paddle
from paddle import Tensor
from paddle.optimizer import Optimizer

from paddle_aug.core.errors import UserError
from paddle_aug.train.one_pass import SGD, Adam, AdamW, Momentum

OPTIMIZERS: dict[str, Any] = {"Adam": Adam, "AdamW": AdamW, "SGD": SGD, "Momentum": Momentum}


def build_optimizer(
    name: str,
    parameters: Iterable[Tensor],
    lr: float,
    weight_decay: float = 0.0,
    momentum: float = 0.9,
    clip_norm: float | None = None,
    head_parameters: Iterable[Tensor] | None = None,
    head_lr_ratio: float = 1.0,
) -> Optimizer:
    """Optimizer over the trainable ones of `parameters`.

    name: "Adam" (beta 0.9 and 0.999, epsilon 1e-8), "AdamW", "SGD" or "Momentum".
    lr: the initial learning rate; change it with `optimizer.set_lr` before each step.
    weight_decay: adds weight_decay * p to the gradient of each parameter p, biases and batch
        normalisation included, as PyTorch does (L2, weight_decay / 2 * |p|^2 in the loss);
        for AdamW decoupled, p *= 1 - lr * weight_decay (arXiv 1711.05101).
    momentum: "Momentum" only: v = momentum * v + gradient, p -= lr * v.
    clip_norm: scales all gradients by one factor so that their global norm is at most this;
        before the weight decay is added.
    head_parameters, head_lr_ratio: these parameters learn at lr * head_lr_ratio. The ratio is
        kept on the parameters themselves, so gradients are still clipped by one global norm.
    Build the model and train inside one `paddle.utils.unique_name.guard()`: the optimizer's state
    is keyed by automatic names, which must be the same in the run that resumes.
    Raises UserError for an unknown name, or where no parameter is trainable.
    """
    if name not in OPTIMIZERS:
        raise UserError(f"optimizer: {name!r} is none of {', '.join(OPTIMIZERS)}")
    trainable = [parameter for parameter in parameters if not parameter.stop_gradient]
    if not trainable:
        raise UserError("the optimizer has nothing to learn: every parameter is frozen")
    for parameter in head_parameters or ():
        parameter.optimize_attr["learning_rate"] = float(head_lr_ratio)
    own = {"momentum": momentum} if name == "Momentum" else {}
    return OPTIMIZERS[name](
        learning_rate=lr,
        parameters=trainable,
        weight_decay=weight_decay if name == "AdamW" else (weight_decay or None),
        grad_clip=None if clip_norm is None else paddle.nn.ClipGradByGlobalNorm(clip_norm),
        **own,
    )
