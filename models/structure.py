"""Facts about a model: its classification head, number of parameters, normalisations; freezing."""

import contextlib
from collections.abc import Iterator
from typing import Any

import paddle
from paddle import Tensor, nn


def head_name(model: nn.Layer) -> str:
    """Name of the layer that gives the logits, such as "fc" or "classifier.6".

    It is the last Linear or Conv2D in the order of definition, unless the model has an attribute
    `head_name`. Raises ValueError where there is none.
    """
    if hasattr(model, "head_name"):
        return model.head_name
    names = [
        name for name, layer in model.named_sublayers() if isinstance(layer, (nn.Linear, nn.Conv2D))
    ]
    if not names:
        raise ValueError(f"{type(model).__name__} has no linear or convolutional layer")
    return names[-1]


def head_parameters(model: nn.Layer) -> list[Tensor]:
    """Weight and bias of the classification head, for a learning rate of its own."""
    return dict(model.named_sublayers())[head_name(model)].parameters()


def parameter_count(model: nn.Layer) -> int:
    """Number of trainable values: without the running statistics of batch normalisation, which
    Paddle lists among the parameters."""
    return sum(int(parameter.size) for parameter in model.parameters() if parameter.trainable)


def freeze_backbone(model: nn.Layer) -> None:
    """Freeze everything but the head. See also `training_mode` for frozen statistics."""
    head = dict(model.named_sublayers())[head_name(model)]
    learning = {id(parameter) for parameter in head.parameters()}
    for parameter in model.parameters():
        if id(parameter) not in learning:
            parameter.stop_gradient = True


def training_mode(model: nn.Layer) -> None:
    """model.train(), but for batch normalisations that are frozen: they use their running
    statistics and do not change them."""
    model.train()
    for layer in batch_norms(model):
        if _rests(layer):
            layer.eval()


@contextlib.contextmanager
def on_trial(model: nn.Layer) -> Iterator[None]:
    """Context for a look at what a model makes of an image: without dropout, gradients or a change
    of running statistics. Each layer is then in training, or not, as it was."""
    learning = [layer for layer in model.sublayers(include_self=True) if layer.training]
    model.eval()
    try:
        with paddle.no_grad():
            yield
    finally:
        for layer in learning:
            layer.training = True


def single_value_norms(model: nn.Layer, in_channels: int, size: int) -> list[str]:
    """Names of the batch normalisations that see one value a channel of one image: its map is 1x1.

    The mean of a single value is the value itself and its variance 0. In a batch of one image
    oneDNN sets such a channel to 0 for every image, so that no layer before it learns; Paddle's own
    kernel passes the value on unchanged, but not in evaluation. Frozen layers (`training_mode`) are
    left out. Changes nothing in the model, and draws no random number. size: height and width of
    the image.
    """
    found: list[str] = []

    def noting(name: str) -> Any:
        def note(layer: nn.Layer, inputs: tuple[Tensor, ...]) -> None:
            if inputs[0].size == inputs[0].shape[1]:  # [N, C, ...] with one value a channel
                found.append(name)

        return note

    hooks = [
        layer.register_forward_pre_hook(noting(name))
        for name, layer in model.named_sublayers()
        if hasattr(layer, "_variance") and not _rests(layer)
    ]
    try:
        with on_trial(model):
            model(paddle.zeros([1, in_channels, size, size]))
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _rests(layer: nn.Layer) -> bool:
    """Whether a batch normalisation is frozen."""
    return layer.weight is not None and layer.weight.stop_gradient


def batch_norms(model: nn.Layer) -> list[nn.Layer]:
    """All layers with running statistics (`_mean`, `_variance`)."""
    return [layer for layer in model.sublayers() if hasattr(layer, "_variance")]
