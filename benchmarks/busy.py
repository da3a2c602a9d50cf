"""Training steps beside other processes that compute: how much of the free time is used.

    python benchmarks/busy.py [--cases GoogLeNet:64:8 ...] [--others 0 1 2] [--rounds 2]
        [--settings KMP_BLOCKTIME=0 KMP_LIBRARY=turnaround ...] [--seconds 5]
        [--torch-python PYTHON] [--isa avx2] [--output busy.md]

Threads that wait for each other suffer when one of them loses its core to another process. Each
case is timed alone and beside one, two, ... processes that count without end, in turns, in several
rounds. "used" is the rate divided by what the free core-seconds would allow: the best rate alone
times the share of the cores' time that the other processes left. "as it is" takes as many threads
as cores are free when it starts; "all cores" has OMP_NUM_THREADS set to all of them; a setting is
all cores, too, and a variable of OpenMP's: KMP_BLOCKTIME, the milliseconds for which a thread waits
actively, or KMP_LIBRARY (throughput, as it is, or turnaround, where threads never stop waiting
actively).
"""

import json
import multiprocessing
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import (
    ISA,
    ROOT,
    Table,
    benchmark_parser,
    clean_environment,
    has_bf16,
    publish,
)
from paddle_aug.core.cpu import available_cores

CASES = ("GoogLeNet:64:8", "GoogLeNet:64:32", "GoogLeNet:224:8", "LeNet:28:8")


def main(argv: Sequence[str] | None = None) -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--cases", nargs="+", default=CASES, metavar="MODEL:PIXELS:BATCH")
    parser.add_argument("--others", nargs="+", type=int, default=[0, 1, 2], metavar="N",
                        help="numbers of other processes; 0 is measured in any case")  # fmt: skip
    parser.add_argument("--settings", nargs="+", default=[], metavar="NAME=VALUE",
                        help="variables of the environment, each a contender")  # fmt: skip
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=5, help="of each measurement")
    parser.add_argument("--amp", choices=["bf16"])
    parser.add_argument("--isa", choices=ISA, default="native", help="instructions that are used")
    parser.add_argument("--torch-python", help="interpreter that has torch, as another contender")
    arguments = parser.parse_args(argv)
    if arguments.amp and not has_bf16(arguments.isa):
        parser.error("--amp bf16: these instructions have no bf16, float32 would be measured")
    if wrong := [setting for setting in arguments.settings if "=" not in setting]:
        parser.error(f"--settings {wrong[0]}: expected NAME=VALUE")
    numbers = sorted({0, *arguments.others})
    contenders = ["as it is", "all cores", *arguments.settings]
    contenders += ["torch"] if arguments.torch_python else []
    tables = []
    for case in arguments.cases:
        measured: dict[tuple[str, int], list[dict[str, float]]] = {}
        for _ in range(arguments.rounds):
            for number in numbers:
                for contender in contenders:
                    print(f"{case}, {contender}, {number} others ...", file=sys.stderr, flush=True)
                    result = measure(case, contender, number, arguments)
                    measured.setdefault((contender, number), []).append(result)
        tables.append(table_of(case, contenders, numbers, measured))
    publish(tables, arguments.output, argv)


def measure(case: str, contender: str, others: int, arguments: Any) -> dict[str, float]:
    """rate: images a second of the worker; free: the share of the cores' time that the other
    processes left it."""
    model, size, batch = case.split(":")
    is_torch = contender == "torch"
    command = [
        arguments.torch_python if is_torch else sys.executable,
        str(ROOT / "benchmarks" / "training_step_worker.py"), "torch" if is_torch else "accelerate",
        "--model", model, "--size", size, "--batch", batch, "--seconds", str(arguments.seconds),
        *(["--amp", arguments.amp] if arguments.amp else []),
    ]  # fmt: skip
    with (
        competing(others) as used,
        subprocess.Popen(
            command, env=environment_of(contender, arguments.isa), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True,
        ) as worker,
    ):  # fmt: skip
        assert worker.stdout is not None and worker.stderr is not None
        before, start, last = 0.0, 0.0, ""
        for line in worker.stdout:
            if line.strip() == "timed from here":
                before, start = sum(each.value for each in used), time.perf_counter()
            last = line
        seconds = time.perf_counter() - start
        taken = sum(each.value for each in used) - before
        if worker.wait():
            raise SystemExit(f"error: {' '.join(command)} failed:\n{worker.stderr.read()[-2000:]}")
    free = 1 - taken / seconds / available_cores()
    result = json.loads(last)
    # Of all steps: beside others a few steps may take most of the time.
    return {"rate": result["steps"] * int(batch) / result["seconds"], "free": free}


def environment_of(contender: str, isa: str) -> dict[str, str]:
    """The environment of its worker."""
    more = dict(ISA[isa])
    if contender not in ("as it is", "torch"):
        more["OMP_NUM_THREADS"] = str(available_cores())
    name, is_setting, value = contender.partition("=")
    if is_setting:
        more[name] = value
    return clean_environment(**more)


@contextmanager
def competing(number: int) -> Iterator[list["Synchronized[float]"]]:
    """Context in which so many processes count; gives the processor time that each has used."""
    context = multiprocessing.get_context("spawn")
    used = [context.Value("d", 0.0) for _ in range(number)]
    processes = [context.Process(target=count, args=(each,), daemon=True) for each in used]
    for process in processes:
        process.start()
    try:
        while any(each.value == 0 for each in used):
            time.sleep(0.01)
        yield used
    finally:
        for process in processes:
            process.kill()
            process.join()


def count(used: "Synchronized[float]") -> None:
    """Count without end, and note the processor time that this has taken."""
    while True:
        for _ in range(100_000):
            pass
        used.value = time.process_time()


def table_of(
    case: str, contenders: Sequence[str], numbers: Sequence[int],
    measured: dict[tuple[str, int], list[dict[str, float]]],
) -> Table:  # fmt: skip
    """A row a contender: images a second, and beside others the share that was used."""
    columns = ["contender"]
    for number in numbers:
        columns += ["alone"] if number == 0 else [f"beside {number}", "used"]
    rows = []
    rounds = range(len(measured[contenders[0], 0]))
    # Of each round, the fastest contender's.
    alone = [max(measured[each, 0][i]["rate"] for each in contenders) for i in rounds]
    for contender in contenders:
        own = statistics.median(each["rate"] for each in measured[contender, 0])
        row: list[Any] = [contender, own]
        for number in numbers[1:]:
            beside = measured[contender, number]
            shares = [
                each["rate"] / (quiet * each["free"])
                for each, quiet in zip(beside, alone, strict=True)
            ]
            rate = statistics.median(each["rate"] for each in beside)
            row += [rate, statistics.median(shares)]
        rows.append(row)
    return Table(f"{case.replace(':', ' ', 1).replace(':', ' b')}, images a second", columns, rows)


if __name__ == "__main__":
    main()
