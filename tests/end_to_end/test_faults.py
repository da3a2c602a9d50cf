"""Faults while the real command trains: a clear message, a code, no hang, nothing lost or left."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_aug.runs.checkpoint import CheckpointFolder
from paddle_aug.train.fit import fit
from tests.end_to_end.test_train import ROOT, quiet, result_bytes, tiny

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
PATIENCE = 30.0  # for what takes a second on an idle machine


@pytest.fixture
def folders(tmp_path) -> Path:
    """Class folders of noise: 12 training and 4 evaluation images of two classes."""
    rng = np.random.default_rng(5)
    for part, count in (("train", 6), ("test", 2)):
        for name in "ab":
            for number in range(count):
                path = tmp_path / "set" / part / name / f"{number}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(rng.integers(0, 256, (9, 7, 3), np.uint8)).save(path)
    return tmp_path / "set"


class Training:
    """train.py on tiny images for very long, started and in its second epoch or later."""

    def __init__(self, data: Path | str, output: Path, *options: str, before: tuple[str, ...] = (),
                 **settings) -> None:  # fmt: skip
        command = [
            *before, sys.executable, "train.py", "--data", str(data), "--model", "LeNet",
            "--image-size", "32", "--batch-size", "4", "--epochs", "100000", "--augment", "no",
            "--per-class", "2", "--output", str(output), "--no-cache", *options,
        ]  # fmt: skip
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True, **settings,
        )  # fmt: skip
        self.run = output / "no"

    def wait_for_an_epoch(self) -> "Training":
        for line in self.process.stdout:
            if line.startswith("epoch"):
                return self
        raise AssertionError(self.process.stderr.read())

    def end(self) -> tuple[int, str, float]:
        """(exit code, what it said on stderr, seconds until then)."""
        start = time.perf_counter()
        _, said = self.process.communicate(timeout=PATIENCE)
        return self.process.returncode, said, time.perf_counter() - start

    def workers(self) -> list[int]:
        pid = self.process.pid
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))

    def __enter__(self) -> "Training":
        return self.wait_for_an_epoch()

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


def until(condition: Callable[[], object], seconds: float = PATIENCE) -> None:
    end = time.perf_counter() + seconds
    while not condition():
        assert time.perf_counter() < end, "it did not happen"
        time.sleep(0.01)


def is_running(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@contextlib.contextmanager
def small_disk(folder: Path, options: str) -> Iterator[Path]:
    """A file system in memory with mount's options; skips the test where that is not allowed."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.geteuid() or not shutil.which("mount") or subprocess.run(command).returncode:
        pytest.skip("a disk of its own can only be mounted by root")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


@LINUX
def test_a_worker_that_is_killed_ends_the_run_at_once_with_a_message(folders, tmp_path):
    with Training(folders, tmp_path / "logs", "--workers", "2") as training:
        workers = training.workers()
        os.kill(workers[0], signal.SIGKILL)
        code, said, seconds = training.end()
    assert code == 2
    assert re.search(r"error: a worker process died \(by signal 9", said)
    assert seconds < 30
    assert not any(map(is_running, workers))
    assert CheckpointFolder(training.run / "checkpoints").load_newest()[1]["progress"]["epoch"] > 0


@LINUX
def test_killed_training_leaves_no_workers_and_needs_no_shared_memory(folders, tmp_path):
    no_shm = 'mount -t tmpfs -o ro,size=4k tmpfs /dev/shm && exec "$@"'
    isolated = ("unshare", "-m", "sh", "-c", no_shm, "-")
    possible = not os.geteuid() and not subprocess.run([*isolated, "true"]).returncode
    shared = sorted(os.listdir("/dev/shm"))
    before = isolated if possible else ()
    with Training(folders, tmp_path / "logs", "--workers", "2", before=before) as training:
        workers = training.workers()
        assert len(workers) >= 2
        assert sorted(os.listdir("/dev/shm")) == shared
        training.process.kill()
        until(lambda: not any(map(is_running, workers)), 5)


@pytest.mark.parametrize("workers", ["thread", "2"])
def test_a_file_that_vanishes_ends_the_run_with_its_name(folders, tmp_path, workers):
    with Training(folders, tmp_path / "logs", "--workers", workers) as training:
        shutil.rmtree(folders / "train" / "a")
        code, said, _ = training.end()
    assert code == 2
    assert re.search(r"error: .*train/a/\d\.png: no such file", said)
    assert CheckpointFolder(training.run / "checkpoints").load_newest()[1]["progress"]["epoch"] > 0


def test_one_interrupt_saves_and_exits_with_130(tmp_path):
    with Training("digits", tmp_path / "logs", "--workers", "2") as training:
        os.killpg(training.process.pid, signal.SIGINT)  # as a terminal does: workers too
        code, said, _ = training.end()
    assert code == 130
    found = re.search(r"stopped at epoch (\d+), step (\d+); go on with: .* train.py --re", said)
    progress = CheckpointFolder(training.run / "checkpoints").load_newest()[1]["progress"]
    assert [progress["epoch"], progress["step"]] == list(map(int, found.groups()))


def test_a_second_interrupt_stops_at_once_even_within_a_step(tmp_path):
    code = (
        "import os, sys, time\n"
        "from paddle_aug.core.paddle_import import import_paddle as p; p()\n"
        "import paddle_aug.train.fit as f, paddle_aug.train.engine as e\n"
        "from paddle_aug.config import load_config\n"
        "from paddle_aug.core.errors import run_command\n"
        "def forever(*args):\n"
        "    print('stepping', flush=True)\n"
        "    while True: time.sleep(0.01)\n"
        "e.train_step = forever\n"
        f"run_command(lambda: f.fit(load_config({tiny(tmp_path, workers=1).dump()!r})) and 0)"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )
    while process.stdout.readline() != "stepping\n":
        assert process.poll() is None
    workers = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    started = list(map(int, workers.read_text().split())) if workers.exists() else []
    process.send_signal(signal.SIGINT)
    time.sleep(0.3)
    assert process.poll() is None  # the first one waits for the step
    process.send_signal(signal.SIGINT)
    assert process.wait(5) == 130
    until(lambda: not any(map(is_running, started)), 5)


def test_a_full_disk_stops_the_run_and_loses_nothing(tmp_path, folders):
    with small_disk(tmp_path / "disk", "size=8m") as disk:
        with Training(folders, disk / "logs") as training:
            with open(disk / "filler", "wb", buffering=0) as file, contextlib.suppress(OSError):
                while file.write(b"x" * 4096):
                    pass
            code, said, _ = training.end()
        assert code == 2
        assert re.search(r"error: cannot write .*: No space left on device.* is intact", said)
        (disk / "filler").unlink()
        _, state, warnings = CheckpointFolder(training.run / "checkpoints").load_newest()
        epoch = state["progress"]["epoch"]
        assert epoch > 0 and warnings == []
        assert not list(disk.rglob(".*.tmp"))
        curve = np.load(disk / "logs" / "noAug_accEval.npy")
        assert epoch - 1 <= len(curve) <= epoch
        # What is there goes on to the same bytes as a run on a disk with room.
        changes = {"epochs": epoch + 1}
        from paddle_aug.train.fit import resume

        resume(training.run, allow_changes=True, changes=changes, say=quiet)
        found = result_bytes(disk / "logs", "no")
    options = state["config"] | changes | {"output": str(tmp_path / "whole")}
    from paddle_aug.config import load_config

    fit(load_config(options), say=quiet)
    assert found == result_bytes(tmp_path / "whole", "no")


def test_a_folder_that_cannot_be_written_is_one_line_and_leaves_what_is_there(tmp_path):
    with small_disk(tmp_path / "disk", "size=1m") as disk:
        (disk / "notes.txt").write_text("mine")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        training = Training("digits", disk / "logs")
        code, said, _ = training.end()
        assert code == 2
        assert re.search(r"error: cannot write .*logs.*: Read-only file system", said)
        assert said.splitlines()[-1].startswith("error: cannot write")
        assert [path.name for path in disk.iterdir()] == ["notes.txt"]


def test_a_limit_on_file_sizes_is_reported_like_a_full_disk(tmp_path):
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))

    training = Training("digits", tmp_path / "logs", preexec_fn=limit)
    code, said, _ = training.end()
    assert code == 2
    assert re.search(r"error: cannot write .*: .*File too large", said)
    assert not list(tmp_path.rglob("*.tmp"))
    assert not list(tmp_path.rglob("*.safetensors"))
