"""inference.yml: the pre- and postprocessing of an exported program in PaddleX and PaddleClas.

PaddleX knows few steps: one Resize, then at most one centre crop, of colour images. For a run with
other steps no file is written, as a wrong one would be worse; `why_not` gives the reason. Names and
meanings: paddlex/inference/models/image_classification of PaddleX 3.
"""

import re
from typing import Any

import numpy as np
import yaml

from paddle_aug.augment.transforms.base import Transform
from paddle_aug.augment.transforms.crops_and_boxes import CenterCrop, Resize
from paddle_aug.batches.normalise import per_channel
from paddle_aug.build.scaling import evaluation_transforms
from paddle_aug.config import Config

TOP = 5
# PaddleX's names of Pillow's filters. Without antialiasing OpenCV's LINEAR is meant.
_FILTERS = {"nearest": "NEAREST", "bilinear": "BILINEAR", "bicubic": "BICUBIC",
            "lanczos": "LANCZOS4"}  # fmt: skip
# PaddleX accepts a folder only under one of its own names of models; any of them will do.
STAND_IN = "ResNet18"
_KNOWN = re.compile(r"(?:paddle\.vision:)?resnet(18|34|50|101|152)(?:clas)?", re.IGNORECASE)


def why_not(config: Config) -> str | None:
    """Why PaddleX cannot prepare images like evaluate.py, or None where it can."""
    if config.channels != 3:
        return "PaddleX gives a model three channels, this one takes gray"
    steps = evaluation_transforms(config)
    names = [type(step).__name__ for step in steps]
    if names not in (["Resize"], ["Resize", "CenterCrop"]):
        return f"PaddleX knows Resize alone or with CenterCrop, the run has {', '.join(names)}"
    return None


def in_other_pixels(config: Config) -> str | None:
    """How PaddleX's image may be shifted by a pixel against evaluate.py's, or None.

    PaddleX rounds the long side where the run rounds it down, and half a pixel down in a crop where
    the run rounds it to the even number.
    """
    resize, *crops = evaluation_transforms(config)
    assert isinstance(resize, Resize)
    exact = isinstance(resize.size, tuple)
    if exact and crops and isinstance(crops[0], CenterCrop):
        left_over = np.subtract(resize.size, crops[0].size)
        exact = all(round(n / 2) == n // 2 for n in left_over.tolist())
    if exact:
        return None
    return (
        "PaddleX scales and crops up to one pixel beside the run, so its probabilities differ a "
        "little; --eval-transforms '[{Resize: [H, W]}, {CenterCrop: ...}]' with even margins are "
        "the same in both"
    )


def inference_yml(config: Config, classes: list[str]) -> str:
    """The file's text, for a run for which `why_not` is None. classes: names by number."""
    name = paddlex_name(config.model)
    values = {
        "Global": {"model_name": name},
        "PreProcess": {"transform_ops": _transform_ops(config)},
        "PostProcess": {"Topk": {"topk": min(TOP, len(classes)), "label_list": list(classes)}},
    }
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    if _KNOWN.fullmatch(config.model):
        return text
    return (
        f"# PaddleX has no {config.model}: it takes the folder under a name of its own.\n"
        f"# The program computes {config.model} all the same.\n{text}"
    )


def paddlex_name(model: str) -> str:
    """The name under which PaddleX accepts the folder."""
    match = _KNOWN.fullmatch(model)
    return f"ResNet{match[1]}" if match else STAND_IN


def _transform_ops(config: Config) -> list[dict[str, Any]]:
    return [
        *(_OPS[type(step)](step) for step in evaluation_transforms(config)),
        {"NormalizeImage": {
            "scale": 1 / 255, "mean": per_channel(config.mean, 3),
            "std": per_channel(config.std, 3), "order": "", "channel_num": 3,
        }},
        {"ToCHWImage": None},
    ]  # fmt: skip


def _resize(step: Resize) -> dict[str, Any]:
    if isinstance(step.size, tuple):
        height, width = step.size
        values: dict[str, Any] = {"size": [width, height]}
    else:
        values = {"resize_short": step.size}
    if step.antialias:
        values |= {"interpolation": _FILTERS[step.interpolation], "backend": "pil"}
    else:
        values |= {"interpolation": "LINEAR", "backend": "cv2"}
    return {"ResizeImage": values}


def _crop(step: CenterCrop) -> dict[str, Any]:
    height, width = step.size if isinstance(step.size, tuple) else (step.size, step.size)
    return {"CropImage": {"size": [width, height]}}


_OPS: dict[type[Transform], Any] = {Resize: _resize, CenterCrop: _crop}
