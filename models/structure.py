"""What a model is made of: its classification head, its number of parameters, what may learn."""

from paddle import Tensor, nn


def head_name(model: nn.Layer) -> str:
    """Name of the layer that gives the logits, such as "fc" or "classifier.6".

    It is the last Linear or Conv2D in the order of definition, unless the model has an attribute
    `head_name` that says otherwise. Raises ValueError where there is none.
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
    """Let only the head learn. See also `training_mode`, which rests frozen statistics."""
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
        if layer.weight is not None and layer.weight.stop_gradient:
            layer.eval()


def batch_norms(model: nn.Layer) -> list[nn.Layer]:
    """All layers with running statistics (`_mean`, `_variance`)."""
    return [layer for layer in model.sublayers() if hasattr(layer, "_variance")]
