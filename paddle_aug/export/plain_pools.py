"""Adaptive average pools as products with fixed matrices, which every format can hold.

paddle2onnx turns an adaptive pool into one with equal windows, which is another function where the
map cannot be cut evenly (13x13 to 5x5): outputs of LeNet on 64x64 images were off by a sixth.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn


class FixedAverage(nn.Layer):
    """An adaptive average pool of maps of one size, as two products: rows @ x @ columns."""

    def __init__(self, size: tuple[int, int], out: tuple[int, int]):
        super().__init__()
        rows, columns = (averages(*pair) for pair in zip(size, out, strict=True))
        self.register_buffer("rows", paddle.to_tensor(rows))
        self.register_buffer("columns", paddle.to_tensor(columns.T.copy()))

    def forward(self, x: Tensor) -> Tensor:
        return paddle.matmul(paddle.matmul(self.rows, x), self.columns)


def averages(size: int, out: int) -> np.ndarray:
    """float32 [out, size]: row i is the mean of values floor(i size / out) to
    ceil((i + 1) size / out) - 1."""
    weights = np.zeros((out, size), np.float32)
    for i in range(out):
        first, end = i * size // out, -(-(i + 1) * size // out)
        weights[i, first:end] = 1 / (end - first)
    return weights


@contextmanager
def plain_pools(model: nn.Layer, images: np.ndarray) -> Iterator[nn.Layer]:
    """The model, within the context with FixedAverage for each pool that does not cut evenly.

    images: float32 [N, C, S, S], of the size that the pools are for.
    """
    layers = dict(model.named_sublayers(include_self=True))  # the model itself as ""
    changed: list[tuple[nn.Layer, str, nn.Layer]] = []
    try:
        for name, size in _map_sizes(model, images[:1]).items():
            wanted: Any = layers[name]._output_size
            height, width = (wanted, wanted) if isinstance(wanted, int) else wanted
            out = (height or size[0], width or size[1])
            if any(s % o for s, o in zip(size, out, strict=True)):
                above, _, last = name.rpartition(".")
                changed.append((layers[above], last, layers[name]))
                layers[above]._sub_layers[last] = FixedAverage(size, out)
        yield model
    finally:
        for parent, last, pool in changed:
            parent._sub_layers[last] = pool


def _map_sizes(model: nn.Layer, images: np.ndarray) -> dict[str, tuple[int, int]]:
    """Height and width of what each adaptive average pool is given, by the pool's name."""
    sizes: dict[str, tuple[int, int]] = {}

    def noting(name: str) -> Any:
        def note(layer: nn.Layer, inputs: tuple[Tensor, ...]) -> None:
            sizes[name] = (int(inputs[0].shape[2]), int(inputs[0].shape[3]))

        return note

    hooks = [
        layer.register_forward_pre_hook(noting(name))
        for name, layer in model.named_sublayers()
        if isinstance(layer, nn.AdaptiveAvgPool2D)
    ]
    try:
        with paddle.no_grad():
            model(paddle.to_tensor(images))
    finally:
        for hook in hooks:
            hook.remove()
    return sizes
