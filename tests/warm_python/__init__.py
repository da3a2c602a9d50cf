"""A Python that has imported Paddle already, for the programs that tests start.

A program of a test works for a moment, but starting Python and importing Paddle and the rest takes
seconds. So a server imports all of it once, and each program is a fork of it:

    subprocess.run([*warm_python(), "train.py", "--epochs", "1"], cwd=ROOT, ...)

in place of [sys.executable, "train.py", ...]. The fork runs the program from its first line, with
the folder, the environment, the input and the outputs of the one who asked, and ends as any Python
does. What is asked of it answers signals but SIGKILL and SIGSTOP, which reach only the client.
Tests of the start itself, of what is imported when, of threads, and of processes and their children
take sys.executable.
"""

import atexit
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

HERE = Path(__file__).parent
CAN_FORK = hasattr(os, "fork") and hasattr(socket, "send_fds")


@cache
def warm_python() -> list[str]:
    """The beginning of a command line; just sys.executable where processes cannot be forked."""
    if not CAN_FORK:
        return [sys.executable]
    folder = tempfile.mkdtemp(prefix="warm_python_")
    address = f"{folder}/socket"
    # Its imports are no part of what tests run, so they are not measured.
    environment = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")}
    server = subprocess.Popen(
        [sys.executable, "-m", "tests.warm_python.server", address], cwd=HERE.parent.parent,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment,
    )  # fmt: skip
    assert server.stdin and server.stdout
    assert server.stdout.readline() == b"ready\n", "the server of warm_python did not start"
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    atexit.register(server.wait)
    atexit.register(server.stdin.close)  # ends it
    return [sys.executable, "-I", "-S", str(HERE / "client.py"), address]
