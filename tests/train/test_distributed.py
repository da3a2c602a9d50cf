"""One run in two processes, as Paddle's launcher starts them, against the same run in one.

Paddle's store listens on every address of the machine, so the launches here get a network of their
own that has the loopback alone (Linux namespaces); where the system forbids that they are skipped.
"""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import paddle
import pytest
from sklearn.datasets import load_sample_image

from paddle_aug.batches.augmented import Batch, collate
from paddle_aug.batches.loader import Loader
from paddle_aug.build.mix import build_mix_policy
from paddle_aug.command_line import to_arguments
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import python
from paddle_aug.core.seeding import stream
from paddle_aug.core.stopping import handled_by
from paddle_aug.mix.methods import MixPolicy
from paddle_aug.runs.checkpoint import CheckpointFolder, load_state
from paddle_aug.train import distributed
from paddle_aug.train.distributed import SINGLE, Ranks, start
from paddle_aug.train.engine import Trainer, train_step
from paddle_aug.train.fit import fit
from paddle_aug.train.learning_rate import LearningRate
from paddle_aug.train.losses import build_criterion
from paddle_aug.train.metrics import TrainingMeters
from tests.helpers import policy, view

ROOT = Path(__file__).parent.parent.parent
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


@contextlib.contextmanager
def launched(tmp_path: Path, *arguments: str) -> Iterator[subprocess.Popen]:
    """`launch` with the run in `out/no`, from the end of its first epoch on; nothing is left."""
    output = tmp_path / "out"
    process = launch(tmp_path / "log", *arguments, "--output", str(output))
    try:
        end = time.monotonic() + 90
        while not (output / "no" / "metrics.csv").exists():
            assert process.poll() is None, process.stdout.read()
            assert time.monotonic() < end, "no epoch has ended"
            time.sleep(0.05)
        yield process
    finally:
        if process.poll() is None:
            for each in (*processes_of(process), process.pid):
                os.kill(each, signal.SIGKILL)
            process.communicate()


def processes_of(launcher: subprocess.Popen) -> list[int]:
    """The run's processes in the order of their ranks, in which they were started."""
    children = Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children")
    return sorted(map(int, children.read_text().split()))


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
    process = launch(
        tmp_path / "log", *to_arguments(options), "--batch-size", "4", "--eval-batch-size", "3",
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


def long_run(data: Path) -> dict[str, str]:
    return {
        "data": str(data), "model": "LeNet", "image_size": "32", "epochs": "100000",
        "augment": "no", "optimizer": "SGD", "lr": "0.01", "workers": "0", "cpu_backend": "paddle",
    }  # fmt: skip


@needs_own_network
def test_sigterm_to_the_launcher_saves_the_state_and_resume_goes_on_from_there(tmp_path, odd_data):
    options, run = long_run(odd_data), tmp_path / "out" / "no"
    with launched(tmp_path, *to_arguments(options), "--batch-size", "4") as process:
        process.terminate()
        text, _ = process.communicate(timeout=90)
    assert process.returncode == 15, text
    said = (tmp_path / "log" / "workerlog.0").read_text(encoding="utf-8")
    assert f"go on with: {python()} train.py --resume {run}" in said
    progress = CheckpointFolder(run / "checkpoints").load_newest()[1]["progress"]
    epochs = progress["epoch"] + 1

    process = launch(
        tmp_path / "log", "--resume", str(run), "--allow-changes", "--epochs", str(epochs)
    )
    one = {**options, "epochs": epochs, "batch_size": 8, "output": str(tmp_path / "one")}
    fit(load_config(one), say=lambda line: None)
    text, _ = process.communicate(timeout=90)
    assert process.returncode == 0, text
    assert f"at epoch {progress['epoch']}, step {progress['step']}" in text
    for curve in ("lossTrain", "lossEval"):
        two, one = (np.load(tmp_path / name / f"noAug_{curve}.npy") for name in ("out", "one"))
        assert len(two) == epochs
        np.testing.assert_allclose(two, one, rtol=1e-5)


@needs_own_network
def test_a_killed_process_ends_the_run_with_the_code_of_its_signal(tmp_path, odd_data):
    with launched(tmp_path, *to_arguments(long_run(odd_data))) as launcher:
        first, second = processes_of(launcher)
        os.kill(second, signal.SIGKILL)
        text, _ = launcher.communicate(timeout=90)
    # Paddle's launcher names the first process's end instead where it ended it before it noticed.
    ends = (256 - signal.SIGKILL, 256 - signal.SIGTERM, 128 + signal.SIGTERM)
    assert launcher.returncode in ends, text
    assert "Container rank 1 status failed" in text
    assert not Path(f"/proc/{first}").exists()
    saved = CheckpointFolder(tmp_path / "out" / "no" / "checkpoints").load_newest()[1]
    assert saved["progress"]["epoch"] > 0


class Apart(Ranks):
    """One of several processes, without the others: for what it does before they exchange."""

    def average_gradients(self, model, images, values):
        return values


class Watched(paddle.nn.Layer):
    """Keeps the images that it sees, and what chance gives it as it gives it to dropout."""

    def __init__(self):
        super().__init__()
        self.linear = paddle.nn.Linear(192, 3)
        self.seen: list[np.ndarray] = []
        self.chance: list[float] = []

    def forward(self, images):
        self.seen.append(images.numpy())
        self.chance.append(float(paddle.rand([])))
        return self.linear(images.flatten(1))


def watched_steps(rank: int, mix: MixPolicy, batch: Batch, epoch: int) -> Watched:
    """Two steps of one of two processes, on the same batch."""
    model = Watched()
    trainer = Trainer(
        config=load_config({"seed": 5}), model=model,
        optimizer=paddle.optimizer.SGD(0.1, parameters=model.parameters()),
        criterion=build_criterion(), learning_rates=LearningRate("constant", 0.1, 10, 2), mix=mix,
        ema=None, scaler=None, source=lambda epoch, index: "", ranks=Apart(rank, 2),
    )  # fmt: skip
    for step in (0, 1):
        train_step(trainer, batch, epoch, step)
    return model


def test_processes_mix_in_the_same_epochs_each_with_its_own_lam_and_partners():
    options = {"augment": "mixup", "epochs": 10, "pairing_start": 3, "pairing_end": 8}
    mix = build_mix_policy(load_config({**options, "pairing_on": 2, "pairing_off": 1}))
    batch = collate(view(mean=[0.5], std=[0.5]), 0, np.arange(7))
    for epoch in range(10):
        models = [watched_steps(rank, mix, batch, epoch) for rank in (0, 1)]
        seen = [images for model in models for images in model.seen]
        assert len({value for model in models for value in model.chance}) == 4
        if epoch not in (3, 4, 6, 7):
            for images in seen:
                np.testing.assert_array_equal(images, batch.images)
            continue
        # Processes take numbers in turn: 0 and 1 in the first step, 2 and 3 in the second.
        streams = [stream(5, epoch, number, "mix") for number in (0, 2, 1, 3)]
        expected = [mix.mix_batch(batch.images, batch.labels, rng) for rng in streams]
        assert len({lam for *_, lam in expected}) == 4
        for images, (mixed, *_) in zip(seen, expected, strict=True):
            np.testing.assert_allclose(images, mixed, atol=1e-5)


def test_augmentation_and_partners_of_the_data_set_depend_on_the_image_not_on_the_process():
    data = view(23, mix=policy("cutmix", partner="dataset", probability=0.5))
    whole = list(Loader(data, 6, shuffle=True, seed=5).epoch(2))
    parts = [
        list(Loader(data, 3, shuffle=True, seed=5, rank=rank, ranks=2).epoch(2)) for rank in (0, 1)
    ]
    assert 0 < np.mean(np.concatenate([batch.lam for batch in whole]) < 1) < 1
    for batch, *both in zip(whole, *parts, strict=True):
        for name in Batch._fields:
            found = np.concatenate([getattr(part, name) for part in both])
            np.testing.assert_array_equal(found, getattr(batch, name), err_msg=name)


def test_images_of_different_processes_are_augmented_by_different_draws():
    drawn = []
    for rank in (0, 1):
        batches = Loader(view(24), 3, shuffle=False, rank=rank, ranks=2).epoch(0)
        drawn.append(np.concatenate([b.images[:, 0, 0, 0] - b.numbers for b in batches]).round())
    assert len(drawn[0]) == len(drawn[1]) == 12
    assert len(set(drawn[0])) > 6
    assert np.mean(drawn[0] == drawn[1]) < 0.2


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


class Store:
    """Paddle's key-value store as far as meetings need it, in this process.

    late: seconds from the wish to reach it until it is reached. Once `open` is False, its process
    has ended.
    """

    def __init__(self) -> None:
        self.counts: dict[str, int] = {}
        self.late: dict[int, float] = {}
        self.open = True

    def add(self, key: str, number: int) -> int:
        time.sleep(self.late.get(threading.get_ident(), 0.0))
        if not self.open:
            raise ValueError(
                "\n(InvalidArgument) TCP receive error. Details: Connection reset by peer.\n"
                "  [Hint: Expected byte_received >= 0, but received byte_received:-1 < 0:0.] (at x)"
            )
        self.counts[key] = self.counts.get(key, 0) + number
        return self.counts[key]


@pytest.fixture
def no_launcher(monkeypatch):
    """Nobody ends this process when another one is lost."""
    monkeypatch.setattr(distributed, "_LAUNCHER_SECONDS", 0.0)
    monkeypatch.setattr(distributed, "_leave", lambda number, frame: None)
    earlier = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, earlier)


def test_a_meeting_waits_for_all():
    store = Store()
    first, second = (Ranks(rank, 2, store) for rank in (0, 1))
    seen = []

    def come() -> None:
        for _ in range(3):
            time.sleep(0.1)
            seen.append("second")
            second.meet(wait=False)

    thread = threading.Thread(target=come)
    thread.start()
    for _ in range(3):
        first.meet()
        seen.append("first")
    thread.join()
    assert seen == ["second", "first"] * 3


def test_the_first_process_whose_store_it_is_leaves_a_meeting_last(no_launcher):
    store = Store()
    first, second = (Ranks(rank, 2, store) for rank in (0, 1))
    errors: list[BaseException] = []

    def meet() -> None:
        store.late[threading.get_ident()] = 0.1
        try:
            second.meet()
        except UserError as error:
            errors.append(error)

    thread = threading.Thread(target=meet)
    thread.start()
    first.meet()
    store.open = False  # as after a stop
    thread.join()
    assert errors == []


@pytest.mark.skipif(sys.platform != "linux", reason="read by the C library of Linux")
def test_a_signal_does_not_break_off_a_call_of_the_store(no_launcher):
    """As the launcher's SIGTERM, which it sends three times."""
    reading, writing = os.pipe()
    counts, came = Store(), []

    class Read(Store):
        def add(self, key: str, number: int) -> int:
            buffer = ctypes.create_string_buffer(1)
            if ctypes.CDLL(None).read(reading, buffer, 1) < 0:  # Python's own would try again
                raise ValueError("TCP receive error. Details: Interrupted system call.")
            return counts.add(key, number)

    def send() -> None:
        for _ in range(2):  # the two counts of a meeting
            time.sleep(0.1)
            signal.pthread_kill(threading.main_thread().ident, signal.SIGTERM)
            time.sleep(0.1)
            os.write(writing, b"x")

    thread = threading.Thread(target=send)
    with handled_by(lambda number, frame: came.append(number)):
        thread.start()
        try:
            Ranks(1, 2, Read()).meet(wait=False)
        finally:
            thread.join()  # no signal comes later
            os.close(reading)
            os.close(writing)
    assert came == [signal.SIGTERM] * 2
    assert list(counts.counts.values()) == [1, 1]


def test_a_process_that_never_comes_is_missing_and_one_that_does_not_leave_is_not_waited_for(
    no_launcher, monkeypatch
):
    monkeypatch.setattr(distributed, "_LEAVING_SECONDS", 0.05)
    first = Ranks(0, 2, Store())
    first._store.add(distributed._ARRIVED, 1)  # the other one's arrival, before it was killed
    first.meet()
    monkeypatch.setattr(distributed, "_PATIENCE_SECONDS", 0.05)
    with pytest.raises(UserError, match=r"does not answer; .*\(a process is missing\)$"):
        first.meet()


def test_a_store_that_is_gone_means_that_another_process_has_ended(no_launcher):
    ranks = Ranks(1, 2, Store())
    ranks._store.open = False
    message = (
        r"^process 1 of 2: another process of this run has ended .* says why "
        r"\(\(InvalidArgument\) TCP receive error\. Details: Connection reset by peer\.\)$"
    )
    with pytest.raises(UserError, match=message), ranks.joined():
        ranks.meet()


@pytest.mark.parametrize("wait", [True, False])
@pytest.mark.parametrize("before", [True, False])
def test_a_process_that_failed_is_missing_in_every_meeting(before, wait, no_launcher):
    store = Store()
    first, second = (Ranks(rank, 2, store) for rank in (0, 1))
    if before:  # one meeting was whole
        second.meet(wait=False)
        first.meet()
    with pytest.raises(ZeroDivisionError), second.joined():
        raise ZeroDivisionError
    message = r"^process 0 of 2: another process of this run has ended .*\(a process is missing\)$"
    for _ in range(2):
        with pytest.raises(UserError, match=message):
            first.meet(wait)


def test_meters_add_up_over_processes():
    parts, whole = [TrainingMeters(), TrainingMeters()], TrainingMeters()
    scores, labels = np.eye(7)[:5], np.array([0, 1, 1, 3, 0])
    for meters, rows in zip(parts, (slice(0, 3), slice(3, 5)), strict=True):
        meters.update(float(rows.start + 1), scores[rows], labels[rows], labels[rows], 1.0)
    whole.add_sums(parts[0].sums() + parts[1].sums())
    assert whole.loss.value == (1 * 3 + 4 * 2) / 5
    assert whole.accuracy.value == 3 / 5
    assert whole.accuracy_mixed.weight == 5
