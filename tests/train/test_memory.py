"""How much memory a step takes, by hand; what is said where it is short."""

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_aug.core.errors import UserError
from paddle_aug.train import memory
from paddle_aug.train.memory import (
    MemoryNeed,
    free_bytes,
    is_shortage,
    memory_need,
    shortage,
    shortage_named,
    warn_of_shortage,
)

ROOT = Path(__file__).parent.parent.parent


def test_a_models_need_is_the_sum_over_its_layers():
    model = nn.Sequential(nn.Conv2D(3, 5, 3), nn.BatchNorm2D(5), nn.Sequential(nn.Flatten()),
                          nn.Linear(5 * 5 * 9, 2))  # fmt: skip
    model.train()
    model[2].eval()
    mean = model[1]._mean.numpy().copy()
    need = memory_need(model, [3, 7, 11])
    image, made = 3 * 7 * 11, 5 * 5 * 9
    assert need.outputs == 4 * (3 * made + 2)
    assert need.largest == 4 * max(image + made, made + made)
    # Paddle counts the statistics of batch normalisation among the parameters.
    assert need.weights == 4 * (5 * 3 * 9 + 5 + 4 * 5 + made * 2 + 2)
    np.testing.assert_array_equal(model[1]._mean.numpy(), mean)
    assert not model[0]._forward_post_hooks
    assert [layer.training for layer in model] == [True, True, False, True] and model.training


def test_a_steps_need_is_linear_in_the_batch():
    need = MemoryNeed(weights=100, outputs=1000, largest=200)
    assert need.training(8, "paddle") == 400 + 8 * 1000
    assert need.training(8, "onednn bfloat16") == 400 + 8 * 600
    assert need.evaluation(8) == 100 + 8 * 300


def test_the_line_says_what_to_lower_and_to_what():
    said = shortage(40_000_000_000, 8_000_000_000, "--batch-size", 1000)
    assert said == (
        "1000 images at once need about 40 GB, 8 GB are free: lower --batch-size to 160 or less, "
        "or --image-size, or choose a smaller --model"
    )
    assert "to " not in shortage(4 << 30, None, "--batch-size", 8).partition("lower ")[2][:15]
    assert "lower --batch-size, or" in shortage(4 << 30, 1 << 20, "--batch-size", 8)


def test_a_batch_that_will_not_fit_is_told_before_the_system_ends_the_run(monkeypatch):
    monkeypatch.setattr(memory, "free_bytes", lambda: 1000)
    assert warn_of_shortage(1000, "--batch-size", 8) is None
    said = warn_of_shortage(1001, "--batch-size", 8)
    assert said is not None and said.startswith("warning: memory may be short: 8 images at once")
    monkeypatch.setattr(memory, "free_bytes", lambda: None)
    assert warn_of_shortage(10**15, "--batch-size", 8) is None


@pytest.mark.parametrize(
    ("error", "short"),
    [
        (MemoryError(), True), (OSError(errno.ENOMEM, "Cannot allocate memory"), True),
        (RuntimeError("ResourceExhaustedError: \n Out of memory error on GPU 0."), True),
        # What a backward pass makes of the second one.
        (OSError("(External) { OSError: [Errno 12] Cannot allocate memory }"), True),
        (OSError(errno.ENOSPC, "No space left on device"), False), (RuntimeError("x"), False),
    ],
)  # fmt: skip
def test_errors_of_memory_are_told_from_others(error, short):
    assert is_shortage(error) is short
    expected = UserError if short else type(error)
    with pytest.raises(expected), shortage_named(1000, "--batch-size", 8):
        raise error


@pytest.fixture
def nothing_known(tmp_path, monkeypatch):
    """A system that says nothing of its memory but what stands in files of the folder."""
    monkeypatch.setattr(memory, "_MEMINFO", tmp_path / "meminfo")
    monkeypatch.setattr(memory, "_GROUP", tmp_path)
    monkeypatch.setattr(resource, "getrlimit", lambda _: (resource.RLIM_INFINITY,) * 2)
    return tmp_path


def test_free_memory_is_the_least_of_what_the_system_says(nothing_known):
    assert free_bytes() is None
    (nothing_known / "meminfo").write_text("MemTotal: 9 kB\nMemAvailable:    5000 kB\n")
    assert free_bytes() == 5000 << 10
    write_group(nothing_known, "memory.", "max", "current", limit="max")
    assert free_bytes() == 5000 << 10
    (nothing_known / "memory.max").write_text("4096000\n")
    assert free_bytes() == 4095000


@pytest.fixture
def gpu(monkeypatch):
    """A GPU of 8 GB of which Paddle has reserved 5 and uses 3, in a computer of 512 GB."""
    properties = SimpleNamespace(total_memory=8_000_000_000)
    monkeypatch.setattr(paddle.device, "get_device", lambda: "gpu:0")
    monkeypatch.setattr(paddle.device.cuda, "get_device_properties", lambda: properties)
    monkeypatch.setattr(paddle.device.cuda, "memory_allocated", lambda: 3_000_000_000)
    monkeypatch.setattr(paddle.device.cuda, "memory_reserved", lambda: 5_000_000_000)
    monkeypatch.setattr(memory, "_free_in_computer", lambda: 512_000_000_000)


def test_on_a_gpu_its_own_memory_counts(gpu, monkeypatch):
    assert free_bytes() == 5_000_000_000
    assert warn_of_shortage(5_000_000_000, "--batch-size", 8) is None
    assert warn_of_shortage(16_000_000_000, "--batch-size", 80) == (
        "warning: memory may be short: 80 images at once need about 16 GB, 5 GB are free: lower "
        "--batch-size to 20 or less, or --image-size, or choose a smaller --model"
    )
    monkeypatch.setattr(paddle.device, "get_device", lambda: "cpu")
    assert free_bytes() == 512_000_000_000


def test_of_other_devices_nothing_is_known(gpu, monkeypatch):
    def refuse():
        raise ValueError("not supported in CPU-only PaddlePaddle")

    monkeypatch.setattr(paddle.device.cuda, "get_device_properties", refuse)
    assert free_bytes() is None and warn_of_shortage(10**15, "--batch-size", 8) is None


def test_this_machine_says_how_much_is_free():
    free = free_bytes()
    assert free is None or 0 < free < 1 << 50


def write_group(
    folder: Path, start: str, limited: str, used: str, limit: object, cached="inactive_file 0"
) -> None:
    """Files of a control group with 1000 bytes in use."""
    (folder / start).parent.mkdir(exist_ok=True)
    texts = {limited: f"{limit}\n", used: "1000\n", "stat": f"anon 7\n{cached}\nactive_file 5\n"}
    for name, text in texts.items():
        (folder / f"{start}{name}").write_text(text)


def test_files_that_a_container_has_cached_take_no_room(nothing_known):
    write_group(nothing_known, "memory.", "max", "current", 4000, "inactive_file 900")
    assert free_bytes() == 4000 - 1000 + 900


def test_a_container_of_the_older_kind_has_its_limit_too(nothing_known):
    names = ("memory/memory.", "limit_in_bytes", "usage_in_bytes")
    write_group(nothing_known, *names, 3000, "inactive_file 1\ntotal_inactive_file 400")
    assert free_bytes() == 3000 - 1000 + 400
    write_group(nothing_known, *names, (1 << 63) - 4096)  # none
    (nothing_known / "meminfo").write_text("MemAvailable:    5000 kB\n")
    assert free_bytes() == 5000 << 10


@pytest.mark.skipif(sys.platform != "linux", reason="limits of Linux")
def test_a_batch_too_large_for_the_memory_ends_in_a_line(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))

    command = [
        sys.executable, "train.py", "--data", "digits", "--model", "ResNetSmall", "--augment", "no",
        "--image-size", "256", "--batch-size", "100", "--per-class", "10", "--no-cache",
        "--workers", "0", "--output", str(tmp_path),
    ]  # fmt: skip
    result = subprocess.run(
        command, cwd=ROOT, preexec_fn=limit, capture_output=True, text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert result.returncode == 2, result.stderr
    last = result.stderr.splitlines()[-1]
    assert last.startswith("error: out of memory: 100 images at once need about "), last
    assert "lower --batch-size to " in last
    assert "warning: memory may be short: 100 images" in result.stdout
