"""Finds the initial weights for fine-tuning: a file, a run, or Paddle's ImageNet weights.

Paddle only downloads the file; it is read without running anything in it (pdparams.py).
"""

import re
import sys
from pathlib import Path
from typing import Any

import paddle

from models import VISION_PREFIX
from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import Arrays
from paddle_aug.weights.read import PRETRAINED, find_weights, load_weights_and_state

# Models of this project whose parameters have the names and shapes of paddle.vision's.
_OURS = re.compile(r"(ResNet(18|34|50|101|152)|VGG(16|19))")


def check_weights(source: str, model_name: str) -> None:
    """Raise UserError where `read_weights` would find nothing, without reading or downloading."""
    if source == PRETRAINED:
        _pretrained_of(model_name)
    else:
        find_weights(Path(source))


def read_weights(source: str, model_name: str) -> tuple[Arrays, dict[str, Any]]:
    """(arrays by the names of a state_dict, the state of the run that they are of: empty where the
    file has none).

    source: a .pdparams, .safetensors or .npz file, a checkpoint or a run's folder of this project,
    or "pretrained" for the ImageNet weights that Paddle offers for `model_name`.
    Raises UserError where there are none, or the file is none of these.
    """
    if source == PRETRAINED:
        return load_weights_and_state(download_pretrained(model_name))
    return load_weights_and_state(Path(source))


def download_pretrained(model_name: str) -> Path:
    """Path of the ImageNet weights that Paddle offers for a model, downloaded on first use.

    The file lies in Paddle's own cache, and its MD5 is checked. Raises UserError where there are
    none for this model, or no connection.
    """
    url, checksum = _pretrained_of(model_name)
    try:
        return Path(paddle.utils.download.get_weights_path_from_url(url, checksum))
    except Exception as error:  # exceptions of Paddle and of its HTTP library
        raise UserError(
            f"weights: the download of {url} failed ({str(error).splitlines()[0]}): "
            "bring the file yourself and give its path"
        ) from None


def _pretrained_of(model_name: str) -> tuple[str, str]:
    """(URL, MD5); UserError where there are none."""
    name = model_name.removeprefix(VISION_PREFIX)
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
                # MobileNet's keys end in the width, which is 1.0 by default.
                if re.sub(r"_x?1\.0$", "", key).replace("_", "") == wanted:
                    return found
    return None
