"""How far loss curves of the oneDNN backend are from those of Paddle, for every model.

    python benchmarks/training_curves.py [--models NAME ...] [--steps 50] [--amp bf16]

The same initial weights, the same batches, Adam, without dropout (whose random numbers differ).
Rounding errors differ between the two and grow from step to step, as they do between one thread and
two. Exits with code 1 if a curve leaves its tolerance.
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

CLASSES, SIZE, BATCH = 7, 64, 8
# Shares of the largest loss: in the first five steps, and in all steps.
TOLERANCES = {None: (0.005, 0.10), "bf16": (0.05, 0.25)}
# Rounding errors grow with depth: Paddle's own kernels differ by 2.5 % (ResNet50) and 6.2 %
# (ResNet101) in the first five steps between MKL's AVX2 (MKL_DEBUG_CPU_TYPE=5) and AVX-512 paths.
DEEP, DEEP_TOLERANCE = ("ResNet50", "ResNet101", "ResNet152"), (0.10, 0.20)


def main(argv: Sequence[str] | None = None) -> int:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--models", nargs="+", default=model_names(), choices=model_names())
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--amp", choices=["bf16"])
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    arguments = parser.parse_args(argv)
    early, late = TOLERANCES[arguments.amp]
    table = Table(
        f"Distance of {arguments.steps} steps' losses from Paddle's, % of the largest loss",
        ["model", "first loss", "last loss", "first five steps", "all steps", "within tolerance"],
        [],
        note=f"Tolerance: {early:.1%} in the first five steps "
        f"and {late:.0%} in all; without bf16 {DEEP_TOLERANCE[0]:.0%} and {DEEP_TOLERANCE[1]:.0%} "
        f"for {', '.join(DEEP)}.",
    )
    fine = True
    for name in arguments.models:
        print(f"{name} ...", file=sys.stderr, flush=True)
        wanted = curve(name, arguments, fast=False)
        found = curve(name, arguments, fast=True)
        apart = np.abs(found - wanted) / wanted.max()
        first, last = DEEP_TOLERANCE if name in DEEP and not arguments.amp else (early, late)
        within = bool(apart[:5].max() <= first and apart.max() <= last)
        fine = fine and within
        percent = (100 * float(apart[:5].max()), 100 * float(apart.max()))
        ends = (float(wanted[0]), float(wanted[-1]))
        table.rows.append([name, *ends, *percent, "yes" if within else "NO"])
    publish([table], arguments.output, argv)
    return 0 if fine else 1


def curve(name: str, arguments, fast: bool) -> np.ndarray:
    """Losses of the first steps, float64 [steps]."""
    paddle.seed(0)
    with paddle.utils.unique_name.guard():
        model = build_model(name, CLASSES, image_size=SIZE)
        for layer in model.sublayers():
            if isinstance(layer, paddle.nn.Dropout):
                layer.p = 0.0
        optimizer = paddle.optimizer.Adam(arguments.learning_rate, parameters=model.parameters())
        run = accelerate(model, arguments.amp) if fast else model
        rng = np.random.default_rng(1)
        shape = (4, BATCH, 3, SIZE, SIZE)
        batches = [paddle.to_tensor(x) for x in rng.uniform(-1, 1, shape).astype(np.float32)]
        labels = [paddle.to_tensor(y) for y in rng.integers(0, CLASSES, (4, BATCH))]
        losses = []
        for index in range(arguments.steps):
            loss = F.cross_entropy(run(batches[index % 4]), labels[index % 4])
            loss.backward()
            optimizer.step()
            optimizer.clear_grad()
            losses.append(float(loss))
    return np.array(losses)


if __name__ == "__main__":
    sys.exit(main())
