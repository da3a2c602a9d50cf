"""The real commands are asked to stop before there is anything to save: at once, in order."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_aug.train.fit import fit
from tests.end_to_end.test_train import ROOT, quiet, tiny

pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

# Runs a script of the project; `after_import(module, action)` acts once the module is there.
HEAD = """
import importlib.abc, importlib.util, os, runpy, signal, sys, traceback

class Watch(importlib.abc.MetaPathFinder):
    def __init__(self, name, before=None, after=None):
        self.name, self.before, self.after = name, before, after
        sys.meta_path.insert(0, self)
    def find_spec(self, name, path, target=None):
        if name != self.name: return None
        sys.meta_path.remove(self)
        if self.before: self.before()
        spec = importlib.util.find_spec(name)
        if self.after:
            real = spec.loader.exec_module
            def run(module): real(module); self.after(module)
            spec.loader.exec_module = run
        return spec

def ask(): os.kill(os.getpid(), NUMBER)
def ask_in(module, function):
    def patch(module):
        real = getattr(module, function)
        def asking(*args, **kwargs): ask(); return real(*args, **kwargs)
        setattr(module, function, asking)
    Watch(module, after=patch)
def ask_while_tracing():
    # Paddle's C++ side asks for the stack at every operation that it traces, and drops what
    # that raises.
    real, calls = traceback.extract_stack, [0]
    def asking(*args, **kwargs):
        paddles = sys._getframe(1).f_globals.get("__name__", "").startswith("paddle")
        calls[0] += paddles
        if paddles and calls[0] == 5: ask()
        return real(*args, **kwargs)
    traceback.extract_stack = asking
"""
# When, and by which signal.
MOMENTS = {
    "options": (signal.SIGINT, "ask_in('paddle_aug.command_line', 'parse_args')"),
    "Paddle's import, SIGINT": (signal.SIGINT, "Watch('paddle.nn', before=ask)"),
    "Paddle's import, SIGTERM": (signal.SIGTERM, "Watch('paddle.nn', before=ask)"),
    "reading the data": (signal.SIGINT, "ask_in('paddle_aug.data.load', 'load_data')"),
    "filling the cache": (signal.SIGTERM, "ask_in('paddle_aug.data.cache_store', '_write_npy')"),
    "tracing, SIGINT": (signal.SIGINT, "ask_while_tracing()"),
    "tracing, SIGTERM": (signal.SIGTERM, "ask_while_tracing()"),
    "building": (signal.SIGTERM, "ask_in('paddle_aug.train.optimizer', 'build_optimizer')"),
}
LONG = ["--model", "LeNet", "--image-size", "32", "--augment", "no", "--batch-size", "4",
        "--epochs", "100000"]  # fmt: skip


def run(script: str, moment: str, number: int, *arguments: str) -> subprocess.CompletedProcess:
    code = f"{HEAD}\nNUMBER = {int(number)}\n{moment}\nsys.argv = {[script, *arguments]!r}\n"
    code += f"runpy.run_path({script!r}, run_name='__main__')"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=100
    )


@pytest.fixture(scope="module")
def images(tmp_path_factory) -> Path:
    folder, rng = tmp_path_factory.mktemp("images"), np.random.default_rng(0)
    for name in "ab":
        (folder / name).mkdir()
        for number in range(6):
            image = rng.integers(0, 256, (9, 7, 3), np.uint8)
            Image.fromarray(image).save(folder / name / f"{number}.png")
    return folder


@pytest.mark.parametrize(("number", "moment"), MOMENTS.values(), ids=MOMENTS)
def test_a_stop_before_the_first_epoch_ends_the_run_and_leaves_nothing(
    number, moment, images, tmp_path, monkeypatch
):
    monkeypatch.setenv("PADDLE_AUG_CACHE", str(tmp_path / "cache"))
    arguments = ["--data", str(images), *LONG, "--output", str(tmp_path / "logs")]
    result = run("train.py", moment, number, *arguments)
    assert result.returncode == 128 + number, result.stdout[-500:] + result.stderr[-500:]
    assert result.stderr.splitlines()[-1] == "stopped"
    assert "Traceback" not in result.stderr and "slow" not in result.stdout + result.stderr
    assert "epoch" not in result.stdout
    assert not (tmp_path / "logs").exists()
    left = [path.name for path in tmp_path.rglob("*.part-*")]
    assert left == []


def test_a_stop_while_the_first_step_is_planned_is_kept_until_it_can_be_saved(images, tmp_path):
    arguments = ["--data", str(images), *LONG, "--output", str(tmp_path / "logs")]
    moment = """
def later(module):
    real = module.RunLoop.train
    def train(self): ask_while_tracing(); return real(self)
    module.RunLoop.train = train
Watch('paddle_aug.train.run', after=later)
"""
    result = run("train.py", moment, signal.SIGTERM, *arguments)
    assert result.returncode == 143, result.stderr[-500:]
    assert re.search(r"^stopped at epoch 0, step 1; go on with: .* --resume", result.stderr, re.M)
    assert "runs in Paddle" not in result.stderr


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    output = tmp_path_factory.mktemp("trained")
    return fit(tiny(output, augment="no", epochs=1, max_steps=1), say=quiet)


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        (signal.SIGINT, "ask_while_tracing()"),
        (signal.SIGTERM, "ask_in('paddle_aug.train.engine', 'predict')"),
    ],
)
def test_an_evaluation_that_is_stopped_writes_nothing(number, moment, trained, tmp_path):
    result = run("evaluate.py", moment, number, str(trained), "--output", str(tmp_path / "out"))
    assert result.returncode == 128 + number, result.stderr[-500:]
    assert result.stderr.splitlines()[-1] == "stopped"
    assert "Traceback" not in result.stderr and not (tmp_path / "out").exists()


@pytest.mark.parametrize("seconds", [0.15, 0.6, 3.0])
@pytest.mark.usefixtures("programs_without_coverage")  # its start swallows a Ctrl-C
def test_a_stop_at_any_moment_of_the_start_ends_the_program_soon(seconds, tmp_path):
    command = [sys.executable, "train.py", "--data", "digits", *LONG, "--output", str(tmp_path)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # Tests in the background of a shell ignore SIGINT, and so would what they start.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )  # fmt: skip
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    # Before its first line Python itself ends: by the signal, or with a traceback of its own start.
    assert process.returncode in (130, -signal.SIGINT) or b"<frozen site>" in said, said.decode()
