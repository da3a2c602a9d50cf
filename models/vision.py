"""Models of paddle.vision.models by name."""

import difflib
from typing import Any

import paddle
from paddle import Tensor, nn


def build_vision_model(
    name: str, num_classes: int, in_channels: int, options: dict[str, Any]
) -> nn.Layer:
    """paddle.vision.models.NAME(num_classes=num_classes, **options), as a model with one output.

    Raises ValueError for a name that is not there, options it does not take, or a number of
    channels that its first convolution does not have.
    """
    functions = {
        known: value
        for known, value in vars(paddle.vision.models).items()
        if known in paddle.vision.models.__all__ and (known.islower() or known == "LeNet")
    }
    if name not in functions:
        close = difflib.get_close_matches(name.lower(), functions, 3, 0.5)
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


def _main_output(layer: nn.Layer, inputs: tuple[Tensor, ...], outputs: list[Tensor]) -> Tensor:
    """Logits alone, where paddle.vision's GoogLeNet also gives those of its two auxiliary heads."""
    return outputs[0]
