"""No character ends a command, whatever the terminal can show; lines appear at once."""

import json
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMANDS = {
    "train.py": ["train.py", "--config"],
    "evaluate.py": ["evaluate.py"],
    "python -m paddle_aug": ["-m", "paddle_aug", "compare"],
}


def run(arguments, encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True
    )


@pytest.mark.parametrize("command", COMMANDS)
def test_an_error_with_a_chinese_path_is_told_on_an_ascii_terminal(command):
    done = run([*COMMANDS[command], "没有/圆盘"], "ascii")
    assert done.returncode == 2
    assert rb"\u6ca1\u6709/\u5706\u76d8" in done.stderr and b"Traceback" not in done.stderr


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="has no device that is always full")
@pytest.mark.parametrize("full", [["stdout"], ["stderr"], ["stdout", "stderr"]])
def test_an_output_on_a_full_disk_ends_a_command_with_a_line(full):
    code = (
        "import sys; from paddle_aug.core.errors import run_command; "
        f"run_command(lambda: print('a line', file=sys.{full[0]}))"
    )
    with open("/dev/full", "w") as device:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        streams |= dict.fromkeys(full, device)
        done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, **streams)
    assert done.returncode == 2
    if full == ["stdout"]:
        assert done.stderr.decode().strip() == "error: <stdout>: No space left on device"


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("gbk", "圆盘 \\xf1".encode("gbk")), ("utf-8", "圆盘 ñ".encode()),
     ("ascii", b"\\u5706\\u76d8 \\xf1")],
)  # fmt: skip
def test_both_streams_write_what_they_can_and_the_rest_in_numbers(encoding, shown):
    code = (
        "import sys; from paddle_aug.core.errors import run_command; "
        "run_command(lambda: print('圆盘 ñ') or print('圆盘 ñ', file=sys.stderr))"
    )
    done = run(["-c", code], encoding)
    assert (done.returncode, done.stdout.strip(), done.stderr.strip()) == (0, shown, shown)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "gbk"])
def test_json_is_json_on_every_terminal(encoding):
    code = (
        "from paddle_aug.core.errors import run_command; "
        "from paddle_aug.core.terminal import print_json; "
        r"run_command(lambda: print_json({'\u5706\xe9': '\U0001f600', 'b': '\udcb2'}))"
    )
    done = run(["-c", code], encoding)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(done.stdout) == {"圆é": "😀", "b": "\udcb2"}


def test_a_name_that_is_too_long_for_the_disk_is_told_in_a_line():
    done = run(["train.py", "--data", "digits", "--output", "a" * 300], "utf-8")
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ") and line.endswith(": File name too long")


@pytest.mark.skipif(os.name != "posix", reason="needs select on pipes")
def test_each_line_is_there_at_once_and_in_order_where_output_goes_to_a_pipe():
    code = (
        "import sys; from tqdm import tqdm; from paddle_aug.core.errors import run_command\n"
        "def main():\n"
        "    tqdm.write('first'); print('second', file=sys.stderr); print('third'); input()\n"
        "run_command(main)"
    )
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    with subprocess.Popen(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    ) as process:  # fmt: skip
        assert process.stdin is not None and process.stdout is not None
        said = b""
        while said.count(b"\n") < 3 and select.select([process.stdout], [], [], 20)[0]:
            said += os.read(process.stdout.fileno(), 1000)
        process.stdin.close()
    assert said.split() == [b"first", b"second", b"third"]
