"""Memory that a training keeps from step to step: a leak shows after thousands of them.

    python benchmarks/memory_growth.py [--models LeNet ResNetSmall] [--steps 100 500 1000 2000]

Each row is a process of its own that trains with Adam on one batch, with our CPU backend or with
Paddle alone, and reads after these steps its resident memory (/proc, so Linux only), and the
objects that Python's collector counts.
"""

import gc
import multiprocessing
import sys
from collections.abc import Callable, Sequence
from itertools import pairwise, product
from pathlib import Path
from typing import Any, TypeVar

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import Table, benchmark_parser, publish
from benchmarks.memory import resident_megabytes

CLASSES = 10
T = TypeVar("T")


def main(argv: Sequence[str] | None = None) -> dict:
    """Measure, print and save the table; returns what is saved."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--models", nargs="+", default=["LeNet", "ResNetSmall"])
    parser.add_argument("--steps", nargs="+", type=int, default=[100, 500, 1000, 2000])
    parser.add_argument("--size", type=int, default=32, help="height and width (default 32)")
    parser.add_argument("--batch-size", type=int, default=4)
    arguments = parser.parse_args(argv)
    steps = sorted({*arguments.steps})
    if steps[0] < 1:
        parser.error("--steps: a step before the first")
    rows = []
    for model, ours in product(arguments.models, (False, True)):
        shape = (arguments.batch_size, 3, arguments.size, arguments.size)
        read = in_own_process(after_steps, model, ours, shape, steps)
        objects = [count for _, count in read]
        rows.append([model, "ours" if ours else "Paddle", *(mb and f"{mb:.2f}" for mb, _ in read),
                     objects[-1] - objects[0]])  # fmt: skip
    size = f"{arguments.size}x{arguments.size}"
    table = Table(
        "Resident memory after so many steps, in MB",
        ["model", "computes", *(f"step {step}" for step in steps),
         f"new objects, steps {steps[0]} to {steps[-1]}"],
        rows,
        note=f"Adam, batches of {arguments.batch_size} images of {size}.",
    )  # fmt: skip
    return publish([table], arguments.output, argv)


def in_own_process(function: Callable[..., T], *arguments: Any) -> T:
    """What it returns in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function, arguments)


def after_steps(
    name: str, ours: bool, shape: Sequence[int], steps: Sequence[int]
) -> list[tuple[float | None, int]]:
    """Megabytes and objects of this process after each number of training steps."""
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    import numpy as np
    import paddle
    import paddle.nn.functional as F

    from models import build_model
    from paddle_aug import accelerate

    rng = np.random.default_rng(0)
    paddle.seed(0)
    model = build_model(name, num_classes=CLASSES, image_size=shape[-1])
    optimizer = paddle.optimizer.Adam(1e-4, parameters=model.parameters())
    net = accelerate(model) if ours else model
    images = paddle.to_tensor(rng.normal(0, 1, shape).astype(np.float32))
    labels = paddle.to_tensor(rng.integers(0, CLASSES, shape[0]))
    read = []
    for before, step in pairwise([0, *steps]):
        for _ in range(step - before):
            F.cross_entropy(net(images), labels).backward()
            optimizer.step()
            optimizer.clear_grad()
        gc.collect()
        read.append((resident_megabytes(), len(gc.get_objects())))
    return read


if __name__ == "__main__":
    main()
