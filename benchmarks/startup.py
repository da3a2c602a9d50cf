"""Start-up: seconds to the help text, to an error in an option, and to the first training step.

    python benchmarks/startup.py [--data FOLDER] [--repeats 7] [--output startup.md]

Times are from starting the interpreter to the end of the process. For the first step the process is
ended right after it; reading options and data, imports, the model, the cache (built in every repeat
for "cold") and planning the step are included.
"""

import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.article_data import add_arguments, prepare
from benchmarks.common import ROOT, Table, benchmark_parser, clean_environment, publish

# Runs a script like a shell, and ends the process after the first training step.
_STOP_AFTER_FIRST_STEP = """
import os, runpy, sys
sys.path.insert(0, os.getcwd())
from paddle_aug.core.paddle_import import import_paddle
import_paddle()
import paddle_aug.train.engine as engine
step = engine.train_step
def first(*arguments):
    step(*arguments)()
    os._exit(42)
engine.train_step = first
sys.argv = ["train.py", *sys.argv[1:]]
runpy.run_path("train.py", run_name="__main__")
"""
_NAIVE_FIRST_STEP = """
import os, runpy, sys
sys.path.insert(0, os.getcwd())
import paddle
step = paddle.optimizer.Adam.step
def first(self):
    step(self)
    os._exit(42)
paddle.optimizer.Adam.step = first
sys.argv = ["naive_article.py", *sys.argv[1:]]
runpy.run_path("benchmarks/naive_article.py", run_name="__main__")
"""


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    arguments = parse_arguments(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "data")
        folder.mkdir()
        prepare(folder, arguments.data, arguments.images)
        tables = [
            answers_table(arguments),
            first_step_table(arguments, folder, Path(temporary)),
        ]
    return publish(tables, arguments.output, argv)


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    parser = benchmark_parser(__doc__)
    add_arguments(parser)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--repeats", type=int, default=7, help="runs of each (default 7)")
    parser.add_argument("--model", default="GoogLeNet", help="of ours (default GoogLeNet)")
    return parser.parse_args(argv)


def answers_table(arguments: Namespace) -> Table:
    """Table of answers that need no Paddle, beside the import of Paddle alone."""
    runs = {
        "python -c 'import paddle'": (["-c", "import paddle"], 0),
        "train.py --help": (["train.py", "--help"], 0),
        "train.py --augmnt mixup": (["train.py", "--augmnt", "mixup"], 2),
        "train.py --image-size 4": (["train.py", "--image-size", "4"], None),
        "evaluate.py --help": (["evaluate.py", "--help"], 0),
        "python -m paddle_aug --help": (["-m", "paddle_aug", "--help"], 0),
    }
    seconds = take_turns(
        {name: lambda run=run: timed(*run) for name, run in runs.items()}, arguments.repeats
    )
    return seconds_table("Help and mistakes in options", seconds, arguments.repeats)


def first_step_table(arguments: Namespace, folder: Path, temporary: Path) -> Table:
    """Table of the time to the end of the first training step, update of the weights included."""
    size = str(arguments.image_size)
    cache = temporary / "cache"
    article = ["--data", str(folder), "--image-size", size, "--model", arguments.model]

    def ours(*options: str, cold: bool) -> float:
        if cold:
            shutil.rmtree(cache, ignore_errors=True)
        output = ["--output", str(temporary / "logs"), "--overwrite"]
        command = ["-c", _STOP_AFTER_FIRST_STEP, *options, *output]
        return timed(command, 42, PADDLE_AUG_CACHE=str(cache))

    def naive() -> float:
        return timed(["-c", _NAIVE_FIRST_STEP, str(folder), "--image-size", size], 42)

    runs: dict[str, Callable[[], float]] = {
        "the SamplePairing article's script": naive,
        "train.py, cold cache": lambda: ours(*article, cold=True),
        "train.py, cached images": lambda: ours(*article, cold=False),
        "train.py, bundled digits": lambda: ours("--data", "digits", cold=False),
    }
    seconds = take_turns(runs, arguments.repeats)
    table = seconds_table("To the first training step", seconds, arguments.repeats)
    table.note += (
        f" {arguments.model} at {size}x{size} with SamplePairing, batches of 8, "
        f"{arguments.images} images at most; the digits with their own defaults."
    )
    return table


def timed(command: list[str], expected: int | None, **environment: str) -> float:
    """Seconds of a Python process. expected: its exit code, None for any failure."""
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, *command], cwd=ROOT, env=clean_environment(**environment),
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    seconds = time.perf_counter() - start
    as_expected = done.returncode == expected if expected is not None else done.returncode != 0
    if not as_expected:
        name = " ".join(command)[-200:]
        raise SystemExit(f"error: {name} ended with {done.returncode}\n{done.stderr[-2000:]}")
    return seconds


def take_turns(runs: dict[str, Callable[[], float]], repeats: int) -> dict[str, list[float]]:
    """Seconds of each run, one repeat of all after the other."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(repeats):
        for name, run in runs.items():
            seconds[name].append(run())
    return seconds


def seconds_table(title: str, seconds: dict[str, list[float]], repeats: int) -> Table:
    """Medians, extremes, and the ratio to the first row."""
    first = statistics.median(next(iter(seconds.values())))
    rows = []
    for name, values in seconds.items():
        median = statistics.median(values)
        rows.append([name, median, min(values), max(values), first / median])
    return Table(
        title,
        ["what", "median s", "fastest s", "slowest s", "times faster"],
        rows,
        f"Runs of each, in turns: {repeats}; the ratio is to the first row.",
    )


if __name__ == "__main__":
    main()
