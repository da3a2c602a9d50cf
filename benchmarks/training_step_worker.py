"""One contender of training_step.py, in a process of its own: prints one line of JSON.

Runs under the project's interpreter (Paddle) or under one with only torch and NumPy; so it imports
nothing else at the top but its neighbour memory.py.
"""

import argparse
import contextlib
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from memory import peak_megabytes  # beside this script

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CLASSES = 16
LEARNING_RATE = 1e-4
CONTENDERS = ("paddle", "tuned", "accelerate", "torch", "compile", "peak")
AVX2 = os.environ.get("ONEDNN_MAX_CPU_ISA") == "AVX2"  # see common.ISA
Step = Callable[[], float]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=CONTENDERS)
    parser.add_argument("--model")
    parser.add_argument("--size", type=int)
    parser.add_argument("--batch", type=int)
    parser.add_argument("--amp", choices=["bf16"])
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    if arguments.contender == "peak":
        print(json.dumps(matrix_peak()))
        return
    make = torch_step if arguments.contender in ("torch", "compile") else paddle_step
    print(json.dumps(measure(*make(arguments), arguments)))


def measure(step: Step, model: Any, arguments: argparse.Namespace) -> dict[str, Any]:
    """Median time of whole steps, after two steps that still allocate and plan."""
    start = time.perf_counter()
    losses = [step()]
    first = time.perf_counter() - start
    if first < arguments.seconds:
        losses.append(step())
    times: list[float] = []
    print("timed from here", flush=True)  # for busy.py
    start = time.perf_counter()
    while len(times) < 2 or time.perf_counter() - start < arguments.seconds:
        before = time.perf_counter()
        losses.append(step())
        times.append(time.perf_counter() - before)
    result = {
        "images_per_second": arguments.batch / sorted(times)[len(times) // 2],
        "first_step_seconds": first,
        "steps": len(times),
        "seconds": sum(times),
        "peak_megabytes": peak_megabytes(),
        "losses": losses[:2],
    }
    if arguments.contender == "accelerate":
        result["gflop_per_image"] = gflop_per_image(model, arguments.size)
    return result


def paddle_step(arguments: argparse.Namespace) -> tuple[Step, Any]:
    """A step in Paddle: as installed, tuned (all cores, MKL's fast path), or with oneDNN."""
    from paddle_aug.core.paddle_import import mkl_path, prepare_environment

    if arguments.contender != "paddle":
        os.environ["MKL_DEBUG_CPU_TYPE"] = "5" if AVX2 else mkl_path()
        prepare_environment()
    import paddle
    import paddle.nn.functional as F

    from models import build_model

    paddle.seed(0)
    model = build_model(arguments.model, CLASSES, image_size=arguments.size)
    optimizer = paddle.optimizer.Adam(LEARNING_RATE, parameters=model.parameters())
    run = model
    if arguments.contender == "accelerate":
        from paddle_aug import accelerate
        from paddle_aug.train.optimizer import build_optimizer

        optimizer = build_optimizer("Adam", model.parameters(), LEARNING_RATE)
        run = accelerate(model, amp=arguments.amp)
        if run is model:
            raise SystemExit("error: acceleration is not available here")
    x, y = (paddle.to_tensor(array) for array in batch(arguments))

    def step() -> float:
        loss = F.cross_entropy(run(x), y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad(set_to_zero=False)
        return float(loss)

    return step, model


def torch_step(arguments: argparse.Namespace) -> tuple[Step, Any]:
    """The same step in torch, channels_last; compiled for the contender "compile"."""
    import torch
    import torch.nn.functional as F
    from torch_models import build_torch_model

    torch.manual_seed(0)
    model = build_torch_model(arguments.model, CLASSES, arguments.size)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE, fused=True)
    images, labels = (torch.from_numpy(array) for array in batch(arguments))
    images = images.to(memory_format=torch.channels_last)
    run = model
    if arguments.contender == "compile":
        if AVX2:
            import torch._inductor.config as inductor

            inductor.cpp.simdlen = 256  # bits of a register
        run = torch.compile(model)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(arguments.amp)):
            loss = F.cross_entropy(run(images), labels)
        loss.backward()
        optimizer.step()
        return float(loss.detach())

    return step, model


def batch(arguments: argparse.Namespace) -> tuple[np.ndarray, np.ndarray]:
    """Images in [-1, 1] and labels, the same for every contender."""
    rng = np.random.default_rng(1)
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    images = rng.uniform(-1, 1, shape).astype(np.float32)
    return images, rng.integers(0, CLASSES, arguments.batch)


def gflop_per_image(model: Any, size: int) -> float:
    """Products and sums of a step: forward, and both gradients of every layer (one in the
    first)."""
    import paddle

    counts: list[float] = []

    def count(layer: Any, inputs: Any, output: Any) -> None:
        per_output = layer.weight.size / (
            layer.weight.shape[0] if len(layer.weight.shape) == 4 else layer.weight.shape[1]
        )
        counts.append(2 * per_output * output.size)

    kinds = (paddle.nn.Conv2D, paddle.nn.Linear)
    hooks = [
        layer.register_forward_post_hook(count)
        for layer in model.sublayers()
        if isinstance(layer, kinds)
    ]
    model.eval()
    with paddle.no_grad():
        model(paddle.zeros([1, 3, size, size]))
    for hook in hooks:
        hook.remove()
    return (3 * sum(counts) - counts[0]) / 1e9


def matrix_peak() -> dict[str, float]:
    """GFLOP/s of oneDNN's product of two square matrices, by precision."""
    from paddle_aug.core.paddle_import import prepare_environment

    prepare_environment()
    from paddle_aug.onednn.native import library as dnn
    from paddle_aug.onednn.native.openmp import own_threads, usable_threads

    results = {}
    for name, dtype in (("float32", dnn.F32), ("bf16", dnn.BF16)):
        # A processor without bf16 has no such product.
        with contextlib.suppress(dnn.NotSupported), own_threads(usable_threads()):
            results[name] = max(product_rate(size, dtype) for size in (1024, 2048))
    return results


def product_rate(size: int, dtype: int) -> float:
    """GFLOP/s of the fastest of 20 products of two matrices of `size` rows and columns."""
    from paddle_aug.onednn.native import library as dnn

    desc = dnn.rows((size, size), dtype)
    operation = dnn.PrimitiveDesc("matmul", desc, desc, dnn.NO_DESC, desc, dnn.attributes())
    product = dnn.Primitive(operation, dict.fromkeys((dnn.SRC, dnn.WEIGHTS, dnn.DST), desc))
    kept = []
    for number, needed in product.arguments.items():
        kept.append(np.zeros(needed.size + 64, np.uint8))
        product.bind(number, -(-kept[-1].ctypes.data // 64) * 64)
    times = []
    for _ in range(20):
        start = time.perf_counter()
        product()
        times.append(time.perf_counter() - start)
    return 2 * size**3 / min(times) / 1e9


if __name__ == "__main__":
    main()
