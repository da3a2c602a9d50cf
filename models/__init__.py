"""The classifiers by name. This file does not import Paddle until a model is built."""

import importlib
from typing import TYPE_CHECKING, Any, NamedTuple

from models.names import VISION_PREFIX, close_names, vision_names

if TYPE_CHECKING:
    import paddle


class _Entry(NamedTuple):
    module: str
    layer: str
    arguments: dict[str, Any]


_REGISTRY = {
    "LeNet": _Entry("lenet", "LeNet", {}),
    "AlexNet": _Entry("alexnet", "AlexNet", {}),
    **{
        f"VGG{depth}{suffix}": _Entry("vgg", "VGG", {"depth": depth, "batch_norm": bool(suffix)})
        for suffix in ("", "BN")
        for depth in (11, 13, 16, 19)
    },
    "GoogLeNet": _Entry("googlenet", "GoogLeNet", {"batch_norm": False}),
    "GoogLeNetBN": _Entry("googlenet", "GoogLeNet", {"batch_norm": True}),
    **{
        f"ResNet{depth}": _Entry("resnet", "ResNet", {"depth": depth})
        for depth in (18, 34, 50, 101, 152)
    },
    **{
        f"ResNet{depth}Clas": _Entry("resnet", "ResNet", {"depth": depth, "first_shortcut": True})
        for depth in (18, 34)
    },
    "ResNetSmall": _Entry("resnet_small", "ResNetSmall", {}),
}


def model_names() -> list[str]:
    """Names that `build_model` knows, beside `paddle.vision:NAME`."""
    return list(_REGISTRY)


def check_name(name: str) -> None:
    """Raise ValueError, naming similar names, for an unknown model; needs no Paddle.

    The part after `paddle.vision:` is checked by `build_model` only.
    """
    if name in _REGISTRY or name.startswith(VISION_PREFIX):
        return
    close = close_names(name, [*_REGISTRY, *(VISION_PREFIX + known for known in vision_names())])
    hint = (
        f"did you mean {' or '.join(close)}?"
        if close
        else (f"known: {', '.join(_REGISTRY)} and Paddle's as {VISION_PREFIX}NAME")
    )
    raise ValueError(f"unknown model {name!r}; {hint}")


def build_model(
    name: str,
    num_classes: int,
    in_channels: int = 3,
    image_size: int = 224,
    *,
    init: str = "default",
    stem: str = "auto",
    **options: Any,
) -> "paddle.nn.Layer":
    """New model that maps float32 [N, in_channels, S, S] to logits float32 [N, num_classes].

    name: one of `model_names()`, or `paddle.vision:NAME` for a function of paddle.vision.models.
    image_size: S, height and width in pixels; from 32 up for every model of this package.
    init: "default" (Paddle's own), "xavier" or "kaiming"; see
        models/initialisation.py. All draw from Paddle's generator (`paddle.seed`).
    stem: "auto", "small" or "imagenet", for ResNet18 to ResNet152 only; see models/resnet.py.
    options: passed on to the function of paddle.vision.models.
    Raises ValueError for a name, option or size that does not exist.
    """
    from models.initialisation import initialise
    from models.vision import build_vision_model

    check_name(name)
    if num_classes < 1 or in_channels < 1:
        raise ValueError(f"need num_classes, in_channels >= 1, got {num_classes}, {in_channels}")
    arguments = {} if stem == "auto" else {"stem": stem}
    if arguments and not _has_stem(name):
        raise ValueError(f"stem={stem!r} is for ResNet18 to ResNet152, not for {name}")
    if name.startswith(VISION_PREFIX):
        model = build_vision_model(
            name.removeprefix(VISION_PREFIX), num_classes, in_channels, options
        )
    elif options:
        raise ValueError(f"{name} has no option {', '.join(map(repr, options))}")
    else:
        entry = _REGISTRY[name]
        layer = getattr(importlib.import_module(f"models.{entry.module}"), entry.layer)
        model = layer(num_classes, in_channels, image_size, **entry.arguments, **arguments)
    initialise(model, init)
    return model


def _has_stem(name: str) -> bool:
    return name in _REGISTRY and _REGISTRY[name].module == "resnet"
