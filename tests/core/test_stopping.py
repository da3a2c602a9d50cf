"""A command that is asked to stop stops: real processes, real signals."""

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from paddle_aug.core.stopping import handled_by, held_back

ROOT = Path(__file__).parent.parent.parent
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
pytestmark = pytest.mark.skipif(os.name != "posix", reason="signals as POSIX has them")

HEAD = """
import os, signal, sys, time
from paddle_aug.core import stopping
from paddle_aug.core.errors import run_command
from paddle_aug.core.stopping import held_back, kept_handlers
def ask(number={number}): os.kill(os.getpid(), number)
"""


def command(body: str, number: int, end: str = "run_command(main)") -> subprocess.CompletedProcess:
    """Run `body`, which defines main, as a command; `ask()` in it sends it the signal."""
    code = HEAD.format(number=int(number)) + body + f"\n{end}\n"
    return subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stop_ends_the_command_in_order_and_with_its_code(number):
    body = """
def main():
    try:
        ask(); time.sleep(30); print("went on")
    finally:
        print("cleaned up")
"""
    result = command(body, number)
    assert (result.returncode, result.stdout) == (128 + number, "cleaned up\n")
    assert result.stderr == "stopped\n"


def test_a_ctrl_break_of_windows_stops_the_command_like_a_ctrl_c():
    """Another signal stands for it, which has this name in the program alone."""
    code = "import signal; signal.SIGBREAK = signal.SIGUSR1\n" + HEAD.format(
        number=int(signal.SIGUSR1)
    )
    code += "def main(): ask(); time.sleep(30)\nrun_command(main)\n"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    assert (result.returncode, result.stderr) == (128 + signal.SIGUSR1, "stopped\n")


def test_a_closed_terminal_stops_the_command_in_order_whatever_it_prints():
    """The kernel and the shell both send SIGHUP, and the terminal takes no output any more."""
    code = (
        HEAD.format(number=int(signal.SIGHUP))
        + """
def main():
    open("{mark}", "w").write("started")
    try:
        time.sleep(30)
    finally:
        for _ in range(3): ask(); print("cleaning", flush=True)
        open("{mark}", "w").write("saved")
run_command(main)
"""
    )
    pty = pytest.importorskip("pty")
    with tempfile.TemporaryDirectory() as folder:
        mark = Path(folder) / "mark"
        code = code.replace("{mark}", str(mark))
        pid, terminal = pty.fork()
        if pid == 0:
            os.chdir(ROOT)
            os.execv(sys.executable, [sys.executable, "-c", code])
        end = time.monotonic() + 50
        while not (mark.exists() and mark.read_text()) and time.monotonic() < end:
            time.sleep(0.05)
        os.close(terminal)
        _, status = os.waitpid(pid, 0)
        assert mark.read_text() == "saved"
        assert os.waitstatus_to_exitcode(status) == 128 + signal.SIGHUP


def test_under_nohup_a_closed_terminal_stops_nothing():
    body = """
def main():
    signal_before = signal.getsignal(signal.SIGHUP)
    ask(); time.sleep(0.2); print("went on", signal_before == signal.SIG_IGN)
"""
    result = command(
        body, signal.SIGHUP, "signal.signal(signal.SIGHUP, signal.SIG_IGN); run_command(main)"
    )
    assert (result.returncode, result.stdout) == (0, "went on True\n")


# What C++ code that calls Python, and an import that is cut short, make of the exception.
LOST = {
    "dropped, and the command finishes": "    except BaseException: pass",
    "dropped, and the command fails": "    except BaseException: pass\n    raise UserError('slow')",
    "turned into another one": "    except BaseException: raise ImportError('failed') from None",
}


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("lost", LOST.values(), ids=LOST)
def test_an_exception_that_is_lost_still_stops_the_command(number, lost):
    body = f"""
from paddle_aug.core.errors import UserError
def main():
    try: ask(); time.sleep(0.01)
{lost}
"""
    result = command(body, number)
    assert result.returncode == 128 + number
    assert result.stderr.splitlines()[-1] == "stopped"
    assert "Traceback" not in result.stderr


def test_a_command_that_goes_on_nevertheless_is_ended_soon():
    body = """
stopping.PATIENCE_SECONDS = 0.2
def main():
    try: ask(); time.sleep(0.01)
    except BaseException: pass
    time.sleep(30)
"""
    started = time.perf_counter()
    assert command(body, signal.SIGTERM).returncode == 143
    assert time.perf_counter() - started < 20


def test_a_second_signal_ends_it_at_once():
    body = """
def main():
    try: ask(); time.sleep(30)
    finally: ask(); time.sleep(30); print("went on")
"""
    result = command(body, signal.SIGINT)
    assert (result.returncode, result.stdout) == (130, "")


def test_sigterm_repeated_as_launchers_do_counts_once():
    body = """
def main():
    try: ask(); time.sleep(30)
    finally: ask(); time.sleep(0.2); print("cleaned up")
"""
    result = command(body, signal.SIGTERM)
    assert (result.returncode, result.stdout) == (143, "cleaned up\n")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_stop_that_is_held_back_comes_at_the_end(number):
    body = """
def main():
    with held_back():
        ask(); time.sleep(0.1); print("to the end of it", flush=True)
    time.sleep(30); print("and further")
"""
    result = command(body, number)
    assert (result.returncode, result.stdout) == (128 + number, "to the end of it\n")


def test_a_second_signal_does_not_wait_for_the_end():
    body = """
def main():
    with held_back():
        ask(); time.sleep(0.1); print("first", flush=True); ask(); time.sleep(30); print("second")
"""
    result = command(body, signal.SIGINT)
    assert (result.returncode, result.stdout) == (130, "first\n")


def test_in_a_program_of_ones_own_ctrl_c_is_its_own_again():
    body = "with held_back() as deliver:\n    deliver(); ask()\n    print('kept')"
    result = command(body, signal.SIGINT, end="")
    assert (result.stdout, result.returncode) == ("kept\n", -signal.SIGINT)
    assert result.stderr.splitlines()[-1] == "KeyboardInterrupt"


def test_a_stop_may_be_delivered_where_nothing_is_lost():
    seen = []

    def handler(number, frame):
        seen.append(number)

    with handled_by(handler), held_back() as deliver:
        deliver()
        assert seen == []
        os.kill(os.getpid(), signal.SIGTERM)
        assert seen == []
        deliver()
        assert seen == [signal.SIGTERM]
        deliver()
    assert seen == [signal.SIGTERM]


def test_handlers_come_back():
    before = [signal.getsignal(number) for number in NUMBERS]
    with pytest.raises(ZeroDivisionError), held_back():
        _ = 1 / 0
    assert [signal.getsignal(number) for number in NUMBERS] == before


@pytest.mark.parametrize("number", NUMBERS)
def test_a_handler_that_a_library_replaces_in_its_import_is_put_back(number):
    body = """
import ctypes
def main():
    with kept_handlers():
        ctypes.CDLL(None).signal(signal.SIGTERM, 1)  # SIG_IGN, past Python
        ctypes.CDLL(None).signal(signal.SIGINT, 1)
    ask(); time.sleep(30); print("went on")
"""
    result = command(body, number)
    assert (result.returncode, result.stdout) == (128 + number, "")


def test_sigterm_waits_for_the_end_of_such_an_import():
    body = """
def main():
    with kept_handlers():
        ask(); time.sleep(0.1); print("imported", flush=True)
    time.sleep(30); print("went on")
"""
    result = command(body, signal.SIGTERM)
    assert (result.returncode, result.stdout) == (143, "imported\n")
