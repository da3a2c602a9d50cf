"""Models of paddle.vision.models by name."""

from typing import Any

import paddle
from paddle import Tensor, nn

from models.names import VISION_PREFIX, close_names, is_vision_model
from models.structure import on_trial


def build_vision_model(
    name: str, num_classes: int, in_channels: int, options: dict[str, Any]
) -> nn.Layer:
    """paddle.vision.models.NAME(num_classes=num_classes, **options), as a model with one output.

    Raises ValueError for an unknown name, options that it does not take, or a number of channels
    that does not fit its first convolution.
    """
    functions = {
        known: value
        for known, value in vars(paddle.vision.models).items()
        if known in paddle.vision.models.__all__ and is_vision_model(known)
    }
    if name not in functions:
        close = [VISION_PREFIX + known for known in close_names(name, functions)]
        hint = f"did you mean {' or '.join(close)}?" if close else f"known: {', '.join(functions)}"
        raise ValueError(f"paddle.vision.models has no {name!r}; {hint}")
    try:
        model = functions[name](num_classes=num_classes, **options)
    except TypeError as error:
        raise ValueError(f"paddle.vision:{name}: {error}") from None
    first = next(layer for layer in model.sublayers() if isinstance(layer, nn.Conv2D))
    needed = first.weight.shape[1] * first._groups
    if needed != in_channels:
        raise ValueError(f"paddle.vision:{name} needs {needed} channels, got {in_channels}")
    if name == "googlenet":
        model.register_forward_post_hook(_main_output)
        model.head_name = "_fc_out"
        model.auxiliary_heads = ("_out1", "_out2")
    return model


def check_image_size(model: nn.Layer, name: str, in_channels: int, size: int) -> None:
    """Raise ValueError where a model of paddle.vision gives no finite logits for size x size.

    These models do not check it: some fail with the message of a matrix product, others average
    over an empty map. Changes nothing in the model, and draws no random number.
    name: for the message.
    """
    if _takes(model, in_channels, size):
        return
    # 28 is the size of its LeNet, 224 that of the other models.
    fitting = next((other for other in (28, 224) if _takes(model, in_channels, other)), None)
    reason = "do not fit this model"
    if fitting is not None:
        way = "small" if size < fitting else "large"
        reason = f"are too {way} for this model; try --image-size {fitting}"
    raise ValueError(f"{name}: {size}x{size} images {reason}")


def _takes(model: nn.Layer, in_channels: int, size: int) -> bool:
    try:
        with on_trial(model):
            logits = model(paddle.zeros([1, in_channels, size, size]))
        return bool(paddle.isfinite(logits).all())
    except (ValueError, RuntimeError):
        return False


def _main_output(layer: nn.Layer, inputs: tuple[Tensor, ...], outputs: list[Tensor]) -> Tensor:
    """Only the main logits of paddle.vision's GoogLeNet, which also returns two auxiliary ones."""
    return outputs[0]
