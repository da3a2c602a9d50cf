"""Weights under the names of PaddleClas's ResNet and VGG, brought to those of this project.

Facts of PaddleClas 2.6, ppcls/arch/backbone/legendary_models/resnet.py and vgg.py:

- ResNet: `stem.0`, then `blocks.0`, `blocks.1`, ... counted through all four stages, each with
  `conv0`, `conv1` (and `conv2`) and `short`; a layer is a convolution `conv` and a normalisation
  `bn`. Its ResNet18 and ResNet34 have a convolution in the first shortcut too, which the paper's
  have not: they are our ResNet18Clas and ResNet34Clas.
- VGG: `conv_block_1.conv1` to `conv_block_5.conv4`, then `fc1`, `fc2`, `fc3`. The convolutions have
  no bias, and dropout halves its input in evaluation, not ours: it is halved in the weights of the
  two layers after it, which is exact.
"""

import re

import numpy as np

from models.resnet import DEPTHS, BottleneckBlock
from models.vgg import BLOCKS
from paddle_aug.runs.checkpoint import Arrays

_RESNET = "stem.0.conv.weight"
_VGG = "conv_block_1.conv1.weight"
_BLOCK = re.compile(r"blocks\.(\d{1,3})\.(conv\d|short)\.(conv|bn)\.(\w+)")
_CONVOLUTION = re.compile(r"conv_block_([1-5])\.conv([1-4])\.weight")
_LINEAR = {"fc1": "classifier.0", "fc2": "classifier.3", "fc3": "classifier.6"}


def from_paddleclas(arrays: Arrays) -> tuple[Arrays, str]:
    """(arrays under our names, which model of PaddleClas they are of).

    If they are of none of these, the same arrays and "". Arrays without a name here keep theirs,
    and are then reported as unknown.
    """
    if _RESNET in arrays:
        return _resnet(arrays)
    if _VGG in arrays:
        return _vgg(arrays)
    return arrays, ""


def _resnet(arrays: Arrays) -> tuple[Arrays, str]:
    bottleneck = "blocks.0.conv2.conv.weight" in arrays
    count = 1 + max((int(m[1]) for m in map(_BLOCK.fullmatch, arrays) if m), default=-1)
    depth, stages = next(
        (
            (depth, stages)
            for depth, (kind, stages) in DEPTHS.items()
            if sum(stages) == count and (kind is BottleneckBlock) == bottleneck
        ),
        (0, ()),
    )
    if "stem.1.conv.weight" in arrays or not depth:
        return (
            arrays,
            "ResNet of another kind, such as ResNet50_vd, which is not among the models here",
        )
    places = [(stage, i) for stage, blocks in enumerate(stages, 1) for i in range(blocks)]
    special = "Clas" if not bottleneck and "blocks.0.short.conv.weight" in arrays else ""
    return {_resnet_name(n, places): a for n, a in arrays.items()}, f"ResNet{depth}{special}"


def _resnet_name(name: str, places: list[tuple[int, int]]) -> str:
    if name == _RESNET:
        return "conv1.weight"
    if name.startswith("stem.0.bn."):
        return name.replace("stem.0.bn", "bn1")
    if not (match := _BLOCK.fullmatch(name)):
        return name  # fc
    number, layer, kind, value = match.groups()
    stage, block = places[int(number)]
    if layer == "short":
        inner = f"downsample.{0 if kind == 'conv' else 1}"
    else:
        inner = f"{kind}{int(layer.removeprefix('conv')) + 1}"
    return f"layer{stage}.{block}.{inner}.{value}"


def _vgg(arrays: Arrays) -> tuple[Arrays, str]:
    counts = [0] * 5
    for match in map(_CONVOLUTION.fullmatch, arrays):
        if match:
            counts[int(match[1]) - 1] += 1
    depth = next((depth for depth, blocks in BLOCKS.items() if list(blocks) == counts), None)
    if depth is None:
        return arrays, "VGG of another depth: no model here is one"
    found: Arrays = {}
    for name, array in arrays.items():
        layer, _, value = name.rpartition(".")
        if match := _CONVOLUTION.fullmatch(name):
            before = sum(2 * n + 1 for n in counts[: int(match[1]) - 1])
            place = f"features.{before + 2 * (int(match[2]) - 1)}"
            found[f"{place}.weight"] = array
            found[f"{place}.bias"] = np.zeros(array.shape[:1], array.dtype)
        elif layer in _LINEAR:
            halved = value == "weight" and layer != "fc1"
            found[f"{_LINEAR[layer]}.{value}"] = array / 2 if halved else array
        else:
            found[name] = array
    return found, f"VGG{depth}"
