"""One run in two processes, as Paddle's launcher starts them, against the same run in one.

Paddle's store listens on every address of the machine, so the launches here get a network of their
own that has the loopback alone (Linux namespaces); where the system forbids that they are skipped.
"""

import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from sklearn.datasets import load_sample_image

from paddle_aug.checkpoint import load_state
from paddle_aug.config import load_config
from paddle_aug.distributed import SINGLE, start
from paddle_aug.fit import fit
from paddle_aug.metrics import TrainingMeters

ROOT = Path(__file__).parent.parent
ALONE = ["unshare", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up && exec "$@"', "sh"]


def has_own_network() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*ALONE, "true"], capture_output=True).returncode == 0


needs_own_network = pytest.mark.skipif(
    not has_own_network(), reason="no network namespaces here, and Paddle listens on all addresses"
)


def launch(log: Path, *arguments: str) -> subprocess.Popen:
    command = [
        *ALONE, sys.executable, "-m", "paddle.distributed.launch", "--nproc_per_node", "2",
        "--host", "127.0.0.1", "--log_dir", str(log), "train.py", *arguments,
    ]  # fmt: skip
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )


@pytest.fixture
def odd_data(tmp_path) -> Path:
    """25 training and 13 evaluation images of noise: of the last batch one process gets none."""
    rng = np.random.default_rng(0)
    arrays = {
        f"{kind}_{part}": rng.integers(0, high, (count, *shape), dtype=np.uint8)
        for part, count in (("train", 25), ("test", 13))
        for kind, high, shape in (("x", 256, (28, 28, 3)), ("y", 3, ()))
    }
    np.savez(tmp_path / "odd.npz", **arrays)
    return tmp_path / "odd.npz"


@needs_own_network
def test_two_processes_of_batch_4_equal_one_of_batch_8(tmp_path, odd_data):
    options = {
        "data": str(odd_data), "model": "LeNet", "image_size": 32, "epochs": 2, "lr": 0.05,
        "optimizer": "SGD", "augment": "cutmix", "base": "userDef", "mix_prob": 0.5, "ema": 0.9,
        "workers": 0, "cpu_backend": "paddle",
    }  # fmt: skip
    arguments = [
        part for name, value in options.items()
        for part in (f"--{name.replace('_', '-')}", str(value))
    ]  # fmt: skip
    process = launch(
        tmp_path / "log", *arguments, "--batch-size", "4", "--eval-batch-size", "3",
        "--output", str(tmp_path / "two"),
    )  # fmt: skip
    fit(
        load_config({**options, "batch_size": 8, "output": str(tmp_path / "one")}),
        say=lambda line: None,
    )
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 0, text

    state = "cutmix/checkpoints/state-00002-000000.safetensors"
    (one, _), (two, record) = (load_state(tmp_path / name / state) for name in ("one", "two"))
    assert record["environment"]["processes"] == 2
    assert one.keys() == two.keys()
    assert any(name.startswith("ema/") for name in one)
    for name in one:
        np.testing.assert_allclose(two[name], one[name], rtol=0, atol=1e-6, err_msg=name)
    for curve in ("lossTrain", "accTrain", "lossEval", "accEval"):
        file = f"cutmixAug_{curve}.npy"
        np.testing.assert_allclose(
            np.load(tmp_path / "two" / file), np.load(tmp_path / "one" / file), rtol=1e-6
        )


@needs_own_network
def test_a_process_that_fails_ends_the_run_with_its_own_error_and_code(tmp_path):
    lines = []
    for label, name in enumerate(("china.jpg", "flower.jpg")):
        image = load_sample_image(name)
        for number in range(8):
            file = f"{label}_{number}.png"
            cv2.imwrite(str(tmp_path / file), image[number * 20 :, : 60 + number][:60, :, ::-1])
            lines.append(f"{file} {label}")
    (tmp_path / "Train.txt").write_text("\n".join(lines[::2]), encoding="utf-8")
    (tmp_path / "Eval.txt").write_text("\n".join(lines[1::2]), encoding="utf-8")
    # The last evaluation image falls to the second process.
    broken = tmp_path / "1_7.png"
    broken.write_bytes(broken.read_bytes()[:300])
    process = launch(
        tmp_path / "log", "--data", str(tmp_path), "--no-cache", "--model", "LeNet",
        "--image-size", "32", "--epochs", "3", "--augment", "no", "--output", str(tmp_path / "o"),
        "--max-steps", "1", "--workers", "0", "--cpu-backend", "paddle",
    )  # fmt: skip
    text, _ = process.communicate(timeout=120)
    assert process.returncode == 2, text
    assert f"error: {broken}" in text
    assert "Container rank 1 status failed" in text


def test_a_run_without_the_launcher_is_one_process_that_exchanges_nothing():
    ranks = start()
    assert (ranks.rank, ranks.size, ranks.is_first) == (0, 1, True)
    assert ranks.agree(3, 0.5) == [3, 0.5]
    np.testing.assert_array_equal(ranks.sum([2, 7]), [2.0, 7.0])
    layer = paddle.nn.Linear(3, 2)
    layer(paddle.ones([5, 3])).sum().backward()
    before = layer.weight.grad.numpy()
    np.testing.assert_array_equal(SINGLE.average_gradients(layer, 5, np.arange(3)), [0, 1, 2])
    np.testing.assert_array_equal(layer.weight.grad.numpy(), before)


def test_meters_add_up_over_processes():
    parts, whole = [TrainingMeters(), TrainingMeters()], TrainingMeters()
    scores, labels = np.eye(7)[:5], np.array([0, 1, 1, 3, 0])
    for meters, rows in zip(parts, (slice(0, 3), slice(3, 5)), strict=True):
        meters.update(float(rows.start + 1), scores[rows], labels[rows], labels[rows], 1.0)
    whole.add_sums(parts[0].sums() + parts[1].sums())
    assert whole.loss.value == (1 * 3 + 4 * 2) / 5
    assert whole.accuracy.value == 3 / 5
    assert whole.accuracy_mixed.weight == 5
