"""Gradients of one step in Paddle's float32 and in the oneDNN backend, against float64.

    python benchmarks/gradient_exactness.py [--models LeNet ResNetSmall] [--draws 10] [--size 32]

The reference is the same model with the same weights and batch in Paddle's float64. The error of a
parameter is the distance of its gradient from the reference, divided by the reference's length
(2-norms). A ReLU whose input is nearly 0 may be on in one computation and off in another (a flip):
then all parameters before it are far off, in Paddle's float32 as in ours. Medians are without
these.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_aug.core.paddle_import import import_paddle

import_paddle()

import numpy as np  # noqa: E402
import paddle  # noqa: E402
import paddle.nn.functional as F  # noqa: E402

from benchmarks.common import Table, benchmark_parser, publish  # noqa: E402
from models import build_model, model_names  # noqa: E402
from paddle_aug import accelerate  # noqa: E402

CLASSES = 10
# The gradient of a bias before a batch normalisation is 0, with no length to divide an error by.
_SMALLEST = 1e-7  # times the longest gradient of the model: shorter ones are left out
_FLIP = 1e-4  # larger errors come from a flip; rounding alone stays ten times below

Gradients = dict[str, np.ndarray]


def main(argv: Sequence[str] | None = None) -> dict:
    """Measure, print and save the table; returns what is saved."""
    parser = benchmark_parser(__doc__)
    parser.add_argument(
        "--models", nargs="+", default=["LeNet", "ResNetSmall"], choices=model_names()
    )
    parser.add_argument("--draws", type=int, default=10, help="of weights and batches (default 10)")
    parser.add_argument("--size", type=int, default=32, help="height and width (default 32)")
    parser.add_argument("--batch-size", type=int, default=8)
    arguments = parser.parse_args(argv)
    table = Table(
        "Relative errors of gradients against float64, in millionths",
        ["model", "Paddle, median", "largest", "draws with a flip", "oneDNN, median", "largest",
         "draws with a flip", "ratio of medians"],
        [],
        note=f"{arguments.draws} draws of weights and batches of {arguments.batch_size} images of "
        f"{arguments.size}x{arguments.size}; one error for each draw and parameter. Medians are of "
        "the errors up to 100, larger ones come from the flip of a ReLU.",
    )  # fmt: skip
    for name in arguments.models:
        draws = [errors(name, seed, arguments) for seed in range(arguments.draws)]
        row: list = [name]
        medians = []
        for column in zip(*draws, strict=True):
            values = np.concatenate(column)
            medians.append(np.median(values[values <= _FLIP]))
            flips = sum(bool(draw.max() > _FLIP) for draw in column)
            row += [1e6 * float(medians[-1]), 1e6 * float(values.max()), flips]
        table.rows.append([*row, float(medians[1] / medians[0])])
    return publish([table], arguments.output, argv)


def errors(name: str, seed: int, arguments) -> tuple[np.ndarray, np.ndarray]:
    """Relative errors of each parameter's gradient: Paddle's float32, and oneDNN's."""
    rng = np.random.default_rng(seed)
    shape = (arguments.batch_size, 3, arguments.size, arguments.size)
    images = rng.uniform(-1, 1, shape).astype(np.float32)
    labels = rng.integers(0, CLASSES, arguments.batch_size)

    reference = gradients(build(name, seed, arguments.size, paddle.float64), images, labels)
    model = build(name, seed, arguments.size, paddle.float32)
    paddles = gradients(model, images, labels)
    ours = gradients(accelerate(model), images, labels)

    lengths = {key: np.linalg.norm(value) for key, value in reference.items()}
    counted = [key for key in lengths if lengths[key] > _SMALLEST * max(lengths.values())]
    paddle_errors, our_errors = (
        np.array([np.linalg.norm(found[key] - reference[key]) / lengths[key] for key in counted])
        for found in (paddles, ours)
    )
    return paddle_errors, our_errors


def build(name: str, seed: int, size: int, dtype: paddle.dtype) -> paddle.nn.Layer:
    """The model without dropout, with the same weights in both types."""
    paddle.seed(seed)
    with paddle.utils.unique_name.guard():
        model = build_model(name, CLASSES, image_size=size)
    for layer in model.sublayers():
        if isinstance(layer, paddle.nn.Dropout):
            layer.p = 0.0
    return model.to(dtype=dtype)


def gradients(model: paddle.nn.Layer, images: np.ndarray, labels: np.ndarray) -> Gradients:
    """Gradients of the mean cross entropy by parameter, float64."""
    model.train()
    dtype = model.parameters()[0].dtype
    loss = F.cross_entropy(model(paddle.to_tensor(images).astype(dtype)), paddle.to_tensor(labels))
    loss.backward()
    found = {
        key: parameter.grad.clone().numpy().astype(np.float64)
        for key, parameter in model.named_parameters()
        if parameter.grad is not None
    }
    model.clear_gradients()
    return found


if __name__ == "__main__":
    main()
