"""One contender of training_step.py, in a process of its own: prints one line of JSON.

Runs under the project's interpreter (Paddle) or under one that has only torch and NumPy.
"""

import argparse
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

CLASSES = 16
LEARNING_RATE = 1e-4


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("contender", choices=["paddle", "tuned", "accelerate", "torch"])
    parser.add_argument("model")
    parser.add_argument("size", type=int)
    parser.add_argument("batch", type=int)
    parser.add_argument("--amp", choices=["bf16"])
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--steps", type=int, default=3, help="measured steps at least")
    arguments = parser.parse_args()
    make = _torch_step if arguments.contender == "torch" else _paddle_step
    step = make(arguments)
    started = time.perf_counter()
    losses = [step()]
    first = time.perf_counter() - started
    step()  # the second step still allocates
    times: list[float] = []
    started = time.perf_counter()
    while len(times) < arguments.steps or time.perf_counter() - started < arguments.seconds:
        before = time.perf_counter()
        losses.append(step())
        times.append(time.perf_counter() - before)
    times.sort()
    median = times[len(times) // 2]
    print(
        json.dumps(
            {
                "images_per_second": arguments.batch / median,
                "best_images_per_second": arguments.batch / times[0],
                "first_step_seconds": first,
                "steps": len(times),
                "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "first_loss": losses[0],
            }
        )
    )


def _paddle_step(arguments: argparse.Namespace) -> Callable[[], float]:
    if arguments.contender == "accelerate":
        from paddle_aug.threads import prepare_environment

        prepare_environment()
    elif arguments.contender == "tuned":
        os.environ["MKL_DEBUG_CPU_TYPE"] = "7"
    import numpy as np
    import paddle
    import paddle.nn.functional as F

    from models import build_model

    paddle.seed(0)
    model = build_model(arguments.model, CLASSES, image_size=arguments.size)
    optimizer = paddle.optimizer.Adam(LEARNING_RATE, parameters=model.parameters())
    if arguments.contender == "accelerate":
        from paddle_aug import accelerate

        model = accelerate(model, amp=arguments.amp)
    images, labels = _batch(np, arguments)
    x, y = paddle.to_tensor(images), paddle.to_tensor(labels)

    def step() -> float:
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad(set_to_zero=False)
        return float(loss)

    return step


def _torch_step(arguments: argparse.Namespace) -> Callable[[], float]:
    import numpy as np
    import torch
    import torch.nn.functional as F
    from torch_models import build_torch_model

    torch.manual_seed(0)
    model = build_torch_model(arguments.model, CLASSES, arguments.size)
    model = model.to(memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(model.parameters(), LEARNING_RATE)
    images, labels = _batch(np, arguments)
    x = torch.from_numpy(images).to(memory_format=torch.channels_last)
    y = torch.from_numpy(labels)

    def step() -> float:
        optimizer.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bool(arguments.amp)):
            loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def _batch(np, arguments: argparse.Namespace):
    rng = np.random.default_rng(1)
    shape = (arguments.batch, 3, arguments.size, arguments.size)
    images = rng.uniform(-1, 1, shape).astype(np.float32)
    return images, rng.integers(0, CLASSES, arguments.batch)


if __name__ == "__main__":
    main()
