"""oneDNN's threads: all of them work, in whatever order the program imports; none is waited for."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from paddle_aug.core.cpu import available_cores

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

ROOT = Path(__file__).parents[2]

# A convolution, and the processor seconds that each thread spends on it.
CONVOLUTION = """
import json, pathlib
import paddle
from paddle_aug import accelerate

net = accelerate(paddle.nn.Conv2D(32, 32, 3, padding=1))
x = paddle.rand([8, 32, 40, 40])

def seconds():
    files = pathlib.Path("/proc/self/task").glob("*/schedstat")
    return {file.parent.name: int(file.read_text().split()[0]) / 1e9 for file in files}

def step():
    net(x).mean().backward()

step()
before, used = seconds(), {}
while sum(used.values()) < 0.4:
    step()
    used = {name: value - before.get(name, 0.0) for name, value in seconds().items()}
print(json.dumps(max(used.values()) / sum(used.values())))
"""
TRAINING = """
import json
import numpy as np, paddle
from paddle_aug.onednn import accelerate
from paddle_aug.onednn.native.openmp import usable_threads
from models import build_model

paddle.seed(0)
model = build_model("ResNetSmall", 3, image_size=32)
x = paddle.to_tensor(np.random.default_rng(0).normal(size=(4, 3, 32, 32)).astype("float32"))
for run in (model, accelerate(model)):
    (run(x) ** 2).sum().backward()
    name, parameter = next(iter(model.named_parameters()))
    print(json.dumps(float(parameter.grad.square().sum())))
    model.clear_gradients()
print(json.dumps(usable_threads()))
"""


def run(code: str, **environment: str) -> tuple[list[Any], str]:
    """(what a program of a user prints, what it says on stderr), with these settings only."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("OMP_", "KMP_", "MKL_"))}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120,
        env={**kept, **environment}, cwd=ROOT,
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()], done.stderr


@pytest.mark.skipif(available_cores() < 2, reason="one core only")
@pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="no times of threads here")
@pytest.mark.parametrize(
    "imports",
    [
        "import paddle",
        "from paddle_aug import accelerate",
        "from paddle_aug.core.paddle_import import import_paddle; import_paddle()",
        # As torch does, when it is imported before Paddle: then oneDNN uses this one.
        "import ctypes; ctypes.CDLL('libgomp.so.1', ctypes.RTLD_GLOBAL)",
    ],
)
def test_the_threads_share_the_work_in_every_order_of_imports(imports):
    # Threads that wait must not spin, or they would look as if they worked.
    quiet = {"KMP_BLOCKTIME": "0", "OMP_WAIT_POLICY": "passive"}
    alone = "import paddle_aug.core.paddle_import as p; p.busy_cores = lambda: 0.0; "
    [busiest], _ = run(alone + imports + CONVOLUTION, **quiet)
    assert busiest < 0.7


@pytest.mark.parametrize(
    ("name", "value", "threads"),
    [("OMP_THREAD_LIMIT", "1", 1), ("KMP_LIBRARY", "serial", 1), ("OMP_DYNAMIC", "true", 2)],
)
def test_a_plan_has_no_more_threads_than_openmp_grants(name, value, threads):
    # A primitive that was made for two threads waits for the second for ever.
    [plain, accelerated, count], said = run(TRAINING, OMP_NUM_THREADS="2", **{name: value})
    assert count == threads
    assert accelerated == pytest.approx(plain, rel=1e-3)
    assert (f"1 instead of 2 threads, OpenMP grants no more: unset {name}={value}" in said) == (
        threads == 1
    )
