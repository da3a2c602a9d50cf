"""Fine-tuning: a model's first weights from elsewhere, a new head, a frozen backbone.

Where the weights come from a download, only the file is Paddle's: it is read without running
anything in it (weights.py).
"""

import re
import sys
from pathlib import Path

import numpy as np
import paddle
from paddle import nn

from models.structure import head_name
from paddle_aug.checkpoint import Arrays
from paddle_aug.errors import UserError
from paddle_aug.weights import PRETRAINED, find_weights, load_weights

# Models of this project whose parameters have the names and shapes of paddle.vision's.
_OURS = re.compile(r"(ResNet(18|34|50|101|152)|VGG(16|19))")


def check_weights(source: str, model_name: str) -> None:
    """Raise UserError where `read_weights` would find nothing, without reading or downloading."""
    if source == PRETRAINED:
        _pretrained_of(model_name)
    else:
        find_weights(Path(source).expanduser())


def read_weights(source: str, model_name: str) -> Arrays:
    """Arrays by the names of a state_dict.

    source: a .pdparams, .safetensors or .npz file, a checkpoint or a run's folder of this project,
    or "pretrained" for the ImageNet weights that Paddle offers for `model_name`.
    Raises UserError where there are none, or the file is none of these.
    """
    if source == PRETRAINED:
        return load_weights(download_pretrained(model_name))
    return load_weights(Path(source).expanduser())


def fit_weights(model: nn.Layer, arrays: Arrays, source: str) -> str:
    """Put `arrays` into the model, but for a head of another size; returns a line that says what.

    Floating arrays take the model's dtype. A head that the file has not, or has for another number
    of classes, keeps its first weights. Raises UserError listing every other array that is
    missing, unknown or of another shape, or holds values that are not finite.
    """
    own = model.state_dict()
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    heads = (head_name(model), *getattr(model, "auxiliary_heads", ()))
    in_head = {name for name in own if name.rpartition(".")[0] in heads}
    problems, new_head = [], []
    for name, value in own.items():
        wanted, found = list(value.shape), shapes.get(name)
        if found != wanted:
            line = f"{name} {wanted}: " + ("not in the file" if found is None else f"is {found}")
            (new_head if name in in_head else problems).append(line)
    problems += [f"{name} {shape}: unknown" for name, shape in shapes.items() if name not in own]
    fitting = [name for name in own if shapes.get(name) == list(own[name].shape)]
    problems += [f"{n}: values that are not finite" for n in fitting if not _finite(arrays[n])]
    if problems:
        raise UserError(
            f"{source}: {len(problems)} of its arrays do not fit the model:\n  "
            + "\n  ".join(problems + new_head)
        )
    if new_head:
        # All of the head or nothing: half a head of another task is worth nothing.
        fitting = [name for name in fitting if name not in in_head]
    for name in fitting:
        own[name].set_value(arrays[name].astype(own[name].numpy().dtype))
    head = f"; new head: {', '.join(new_head)}" if new_head else ""
    return f"weights of {source}: {len(fitting)} of {len(own)} arrays{head}"


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


def download_pretrained(model_name: str) -> Path:
    """Path of the ImageNet weights that Paddle offers for a model, brought on first use.

    The file lies in Paddle's own cache, and its MD5 is checked. Raises UserError where there are
    none for this model, or no connection.
    """
    url, checksum = _pretrained_of(model_name)
    try:
        return Path(paddle.utils.download.get_weights_path_from_url(url, checksum))
    except Exception as error:  # its own and its HTTP library's
        raise UserError(
            f"weights: the download of {url} failed ({str(error).splitlines()[0]}): "
            "bring the file yourself and give its path"
        ) from None


def _pretrained_of(model_name: str) -> tuple[str, str]:
    """(URL, MD5); UserError where there are none."""
    name = model_name.removeprefix("paddle.vision:")
    if _OURS.fullmatch(name):
        name = name.lower()
    found = pretrained_url(name) if name != model_name or name.islower() else None
    if found is None:
        raise UserError(
            f"weights: Paddle offers no pretrained weights for {model_name}; "
            "models that have some: ResNet18/34/50/101/152, VGG16/19, paddle.vision:NAME"
        )
    return found


def pretrained_url(name: str) -> tuple[str, str] | None:
    """(URL, MD5) of paddle.vision.models.NAME's weights; None where there are none."""
    wanted = name.replace("_", "")
    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("paddle.vision.models."):
            for key, found in getattr(module, "model_urls", {}).items():
                # MobileNet's keys carry the width, which is 1.0 by default.
                if re.sub(r"_x?1\.0$", "", key).replace("_", "") == wanted:
                    return found
    return None


def _finite(array: np.ndarray) -> bool:
    return not np.issubdtype(array.dtype, np.floating) or bool(np.isfinite(array).all())
