#!/usr/bin/env python3
"""Give every reader of untrusted files thousands of inputs that are almost right.

Each input must be read, or refused by a UserError with the file's name, within limits of time and
memory. Prints a line for each reader: inputs, refused ones, the slowest one, growth of memory.

    python tools/soak_fuzz.py --count 10000
"""

import argparse
import logging
import os
import resource
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import hypothesis  # noqa: E402
import pandas  # noqa: E402, F401 - so that no input pays for it
from hypothesis import HealthCheck, Phase  # noqa: E402

from paddle_aug.core.errors import UserError  # noqa: E402
from tests.fuzz_targets import TARGETS, Target  # noqa: E402

SLOWEST_SECONDS = 10.0
MOST_MEGABYTES = 1500  # the largest image allowed takes 268, and more while it is decoded


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=10_000, help="inputs each (default: 10000)")
    parser.add_argument("--seed", type=int, default=0, help="(default: 0)")
    parser.add_argument("--targets", default=",".join(TARGETS), help="(default: all)")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable()
    # A fork would write the buffered output again, and _exit would drop it.
    sys.stdout.reconfigure(line_buffering=True)
    print(f"{'reader':<12}{'inputs':>8}{'refused':>9}{'slowest':>10}{'memory':>10}")
    failed = []
    for name in args.targets.split(","):
        # One process for each reader, so that its memory can be measured.
        process = os.fork()
        if process == 0:
            os._exit(soak(name, TARGETS[name], args.count, args.seed))
        if os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]):
            failed.append(name)
    print(f"failed: {', '.join(failed)}" if failed else "all readers passed")
    return 1 if failed else 0


def soak(name: str, target: Target, count: int, seed: int) -> int:
    """Test one reader; returns 0 if it raised nothing but UserError and kept within the limits."""
    seen = {"inputs": 0, "refused": 0}
    slowest = [0.0, b""]
    before = megabytes()
    code = 0

    def read(folder: Path, data: bytes) -> None:
        start = time.perf_counter()
        seen["inputs"] += 1
        try:
            target.read(folder, data)
        except UserError as error:
            seen["refused"] += 1
            if target.name not in str(error):
                raise AssertionError(f"the error does not name the file: {error}") from error
        seconds = time.perf_counter() - start
        if seconds > slowest[0]:
            slowest[:] = seconds, data

    with tempfile.TemporaryDirectory(prefix="soak_fuzz_") as folder:
        round_ = 0
        # Hypothesis may stop early when it has tried all similar inputs: start again with another
        # seed.
        while seen["inputs"] < count and code == 0:
            examine = examination(target, Path(folder), read, count - seen["inputs"])
            try:
                hypothesis.seed(seed * 1000 + round_)(examine)()
            except BaseException:
                traceback.print_exc()
                code = 1
            round_ += 1
    growth = megabytes() - before
    print(f"{name:<12}{seen['inputs']:>8}{seen['refused']:>9}{slowest[0]:>8.2f} s{growth:>7.0f} MB")
    if slowest[0] > SLOWEST_SECONDS or growth > MOST_MEGABYTES:
        print(f"{name}: a bound was passed; the slowest input began with {slowest[1][:200]!r}")
        code = 1
    return code


def examination(
    target: Target, folder: Path, read: Callable[[Path, bytes], None], count: int
) -> Callable[[], None]:
    """A Hypothesis test with `count` inputs."""

    @hypothesis.settings(
        max_examples=count, deadline=None, database=None,
        phases=[Phase.explicit, Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @hypothesis.given(target.inputs)
    def examine(data: bytes) -> None:
        read(folder, data)

    return examine


def megabytes() -> float:
    """The largest memory that this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    sys.exit(main())
