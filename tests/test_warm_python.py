"""The Python of tests that has Paddle already: its programs run and end as those of any Python."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.warm_python import CAN_FORK, warm_python

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="processes cannot be forked here")
ROOT = Path(__file__).parent.parent


def run(*words: str, python: list[str], **settings) -> tuple[int, str, str]:
    done = subprocess.run([*python, *words], capture_output=True, text=True, **settings)
    return done.returncode, done.stdout, done.stderr


SEEN = "import os, sys; print(sys.argv, os.getcwd(), os.environ.get('MINE'), __name__, __FILE__)"
PROGRAMS = {
    "code": ["-c", SEEN.replace(", __FILE__", ""), "one", "-c"],
    "file": ["shown.py", "--two"],
    "module": ["-m", "shown", "three"],
    "input": ["-c", "import sys; print(sys.stdin.read().upper())"],
    "exit code": ["-c", "raise SystemExit(7)"],
    "words at the end": ["-c", "raise SystemExit('words')"],
    "handlers of the end": ["-c", "import atexit; atexit.register(print, 'end'); 1 / 0"],
    "signal": ["-c", "import os; os.kill(os.getpid(), 9)"],
    "usage": ["-m", "paddle_aug", "--version"],
}


@pytest.mark.parametrize("words", PROGRAMS.values(), ids=PROGRAMS)
def test_a_program_is_told_and_ends_with_the_same_as_in_a_python_of_its_own(words, tmp_path):
    (tmp_path / "shown.py").write_text(SEEN.replace("__FILE__", "__file__"), encoding="utf-8")
    environment = {**os.environ, "MINE": "ä b=c", "PYTHONPATH": str(ROOT)}
    settings = {"cwd": tmp_path, "input": "read", "env": environment}
    code, out, error = run(*words, python=warm_python(), **settings)
    own_code, own_out, own_error = run(*words, python=[sys.executable], **settings)
    assert (code, out) == (own_code, own_out)
    assert error.splitlines()[-1:] == own_error.splitlines()[-1:]


def test_paddle_is_there_already_and_the_random_numbers_differ():
    code = "import sys, random, numpy; print('paddle' in sys.modules, random.random(), " \
           "numpy.random.random())"  # fmt: skip
    first, second = (run("-c", code, python=warm_python())[1].split() for _ in range(2))
    assert first[0] == second[0] == "True"
    assert first[1] != second[1] and first[2] != second[2]


@pytest.mark.parametrize("name", ["OMP_NUM_THREADS", "PYTHONHASHSEED"])
def test_what_is_read_at_the_start_cannot_be_changed(name):
    environment = {**os.environ, name: "5"}
    code, _, error = run("-c", "", python=warm_python(), env=environment)
    assert code == 1 and f"cannot change {name}" in error


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_reaches_the_program(number):
    code = f"""
import signal, sys, time
signal.signal({int(number)}, lambda number, _: sys.exit(40 + number))
print("ready", flush=True)
while True:
    time.sleep(0.2)  # a signal in the moment before it begins is seen after it
"""
    command = [*warm_python(), "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout and program.stdout.readline() == "ready\n"
        program.send_signal(number)
        assert program.wait(30) == 40 + number


def test_two_run_side_by_side_and_the_second_does_not_wait_for_the_first():
    with subprocess.Popen([*warm_python(), "-c", "input()"], stdin=subprocess.PIPE) as first:
        assert run("-c", "print(2)", python=warm_python()) == (0, "2\n", "")
        assert first.poll() is None
        first.communicate(b"\n", timeout=30)
    assert first.returncode == 0


STARTER = """
import os, subprocess, sys
from tests.warm_python import warm_python
subprocess.run([*warm_python(), "-c", "print('run')"])
print(warm_python()[-1], flush=True)
"""


def test_the_server_ends_with_the_tests_that_started_it():
    _, said, _ = run("-c", STARTER, python=[sys.executable], cwd=ROOT)
    ran, address = said.split()
    assert ran == "run" and address.endswith("/socket") and not Path(address).parent.exists()


def test_the_server_ends_when_the_tests_are_killed():
    code, said, _ = run("-c", f"{STARTER}os.kill(os.getpid(), 9)", python=[sys.executable],
                        cwd=ROOT, timeout=120)  # fmt: skip
    address = said.split()[-1]
    assert code == -signal.SIGKILL and Path(address).is_socket()
    try:
        until_refused(address)
    finally:
        shutil.rmtree(Path(address).parent)


def until_refused(address: str) -> None:
    """Wait until nobody listens there any more."""
    for _ in range(600):
        with socket.socket(socket.AF_UNIX) as client:
            try:
                client.connect(address)
            except ConnectionRefusedError:
                return
        time.sleep(0.05)
    pytest.fail("the server goes on")
