"""Imports what the project's programs import, then forks itself for each program that is asked for.

python -m tests.warm_python.server ADDRESS: listens on this Unix socket until its input ends.
"""

import contextlib
import gc
import importlib
import io
import os
import pkgutil
import random
import runpy
import select
import signal
import socket
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

import models
import paddle_aug
from paddle_aug.core.paddle_import import import_paddle
from tests.warm_python.client import NUMBER

# Variables with such names are read when Python starts or a library is imported.
READ_AT_START = ("PYTHON", "OMP_", "KMP_", "MKL_", "GLOG_", "FLAGS_", "MALLOC_", "GLIBC_")
CHANGED = ("PYTHONPATH", "PYTHONIOENCODING")  # are given to each program
# By functions of the project, or by libraries.
IMPORTED_LATE = (
    "coverage", "matplotlib.backends.backend_agg", "scipy.stats", "sklearn.datasets", "tabulate",
    "imblearn.over_sampling", "asyncio",
)  # fmt: skip


def import_all() -> None:
    """Paddle, this project, and what it imports when it is needed; coverage, which is started where
    a program asks for it."""
    import_paddle()
    for package in (paddle_aug, models):
        for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.startswith(("paddle_aug.demo", "paddle_aug.__main__")):
                importlib.import_module(module.name)
    for name in IMPORTED_LATE:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    gc.freeze()  # otherwise each fork would copy all of it, as it looks for garbage at its end


def serve(listener: socket.socket) -> socket.socket | None:
    """Fork a process for each client: it gets the client's socket; the server in the end None."""
    while True:
        ready, _, _ = select.select([listener, 0], [], [])
        if 0 in ready:
            return None
        client, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            return client
        client.close()


def take(client: socket.socket) -> list[bytes]:
    """Take over the client's input and outputs; returns its folder, environment and words."""
    size, files, _, _ = socket.recv_fds(client, NUMBER.size, 3)
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    (length,) = NUMBER.unpack(size)
    return client.recv(length, socket.MSG_WAITALL).split(b"\0")


def fork_program(client: socket.socket) -> None:
    """Returns in a fork of its own; here it waits for its end and tells the client."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    program = os.fork()
    if program == 0:
        return client.close()
    client.sendall(NUMBER.pack(program))
    _, status = os.waitpid(program, 0)
    with contextlib.suppress(OSError):  # the client was killed
        client.sendall(NUMBER.pack(status))
    os._exit(0)


def become(folder: bytes, environment: dict[str, str], at_start: dict[str, str]) -> None:
    """Take over the folder and the environment. at_start: the server's when it was started."""
    for name in sorted({*environment, *at_start}):
        known = (at_start.get(name), os.environ.get(name))  # imports set some, too
        is_late = name.startswith(READ_AT_START) and name not in CHANGED
        if is_late and environment.get(name) not in known:
            sys.exit(f"warm_python cannot change {name}: take sys.executable for this program")
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    open_outputs(environment.get("PYTHONIOENCODING", ""))
    random.seed()
    np.random.seed()
    if "coverage" in sys.modules:
        sys.modules["coverage"].process_startup()


def open_outputs(coding: str) -> None:
    """As Python opens its input and outputs. coding: ENCODING[:ERRORS], or nothing."""
    encoding, _, errors = coding.partition(":")
    for name, number, mode, instead in (
        ("stdin", 0, "r", None), ("stdout", 1, "w", None), ("stderr", 2, "w", "backslashreplace"),
    ):  # fmt: skip
        lines = name == "stderr" or os.isatty(number)
        binary = os.fdopen(number, mode + "b", closefd=False)
        text = io.TextIOWrapper(binary, encoding or None, instead or errors or None, None, lines)
        setattr(sys, name, text)


def run(words: list[str], path: list[str]) -> None:
    """Run the program as Python does: FILE, -m MODULE or -c CODE, and its arguments."""
    first, *rest = words
    if first == "-m":
        sys.path[:] = [os.getcwd(), *path]
        sys.argv = rest
        runpy.run_module(rest[0], run_name="__main__", alter_sys=True)
        return
    module = sys.modules["__main__"] = ModuleType("__main__")
    if first == "-c":
        folder, code, file = "", rest.pop(0), "<string>"
    else:
        file = module.__file__ = os.path.abspath(first)
        folder, code = os.path.dirname(file), Path(file).read_bytes()
    sys.path[:] = [folder, *path]
    sys.argv = [first, *rest]
    exec(compile(code, file, "exec"), module.__dict__)


def main() -> None:
    """Serve; in a fork, run the program that was asked for, whose end is this process's end."""
    at_start = dict(os.environ)
    import_all()
    libraries = sys.path[1:]
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # what has ended needs no wait
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(sys.argv[1])
        listener.listen()
        print("ready", flush=True)
        client = serve(listener)
    if client is None:
        return
    folder, *words = take(client)
    fork_program(client)
    end = words.index(b"")
    pairs = (os.fsdecode(pair).partition("=") for pair in words[:end])
    environment = {name: value for name, _, value in pairs}
    become(folder, environment, at_start)
    more = environment.get("PYTHONPATH")
    run([os.fsdecode(word) for word in words[end + 1 :]],
        [*(more.split(os.pathsep) if more else []), *libraries])  # fmt: skip


if __name__ == "__main__":
    main()
