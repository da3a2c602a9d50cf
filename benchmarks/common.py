"""Shared by the benchmarks: tables, a description of the machine, workers in clean processes."""

import argparse
import importlib.metadata
import json
import os
import shlex
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from paddle_aug.runs.environment import describe_environment

ROOT = Path(__file__).resolve().parent.parent

# Environment variables that change the speed of Paddle, MKL, OpenMP or the allocator.
_TUNING = (
    "OMP_", "MKL_", "KMP_", "GOMP_", "OPENBLAS_", "MALLOC_", "GLIBC_TUNABLES", "LD_PRELOAD",
    "FLAGS_", "GLOG_", "DNNL_", "ONEDNN_", "ATEN_", "CPU_NUM", "PADDLE_LOCAL",
)  # fmt: skip

# Variables that keep oneDNN, torch and MKL from wider instructions than these.
ISA: dict[str, dict[str, str]] = {
    "native": {},
    "avx2": {
        "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2",
        "MKL_ENABLE_INSTRUCTIONS": "AVX2",
    },
}  # fmt: skip


def has_bf16(isa: str = "native") -> bool:
    """Whether ours computes in bf16 here; isa: a key of ISA."""
    from paddle_aug.core.cpu import cpu_flags

    return isa == "native" and "avx512_bf16" in cpu_flags()


@dataclass
class Table:
    """A titled table with exact numbers, which `as_markdown` rounds; None is an empty cell."""

    title: str
    columns: list[str]
    rows: list[list[Any]]
    note: str = ""

    def as_markdown(self) -> str:
        rows = [[_cell(value) for value in row] for row in self.rows]
        text = tabulate(
            rows, self.columns, tablefmt="github", disable_numparse=True,
            colalign=["left", *["right"] * (len(self.columns) - 1)],
        )  # fmt: skip
        return f"### {self.title}\n\n{text}\n" + (f"\n{self.note}\n" if self.note else "")


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if not isinstance(value, float):
        return str(value)
    size = abs(value)
    return f"{value:.{0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 4}f}"


def benchmark_parser(description: str | None) -> argparse.ArgumentParser:
    """Parser whose help is the script's docstring, with --output."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--output", type=Path, help="save the tables as .json or .md")
    return parser


def publish(
    tables: Sequence[Table], output: Path | None, argv: Sequence[str] | None
) -> dict[str, Any]:
    """Print the machine, the command line and the tables, and save them; returns what is saved.

    output: .md for Markdown, anything else for JSON. argv: of the benchmark's main.
    """
    given = sys.argv[1:] if argv is None else argv
    script = Path(sys.argv[0]).name if argv is None else "(called from Python)"
    content = {
        "machine": describe_machine(),
        "command": shlex.join(["python", f"benchmarks/{script}", *given]),
        "tables": [asdict(table) for table in tables],
    }
    text = "\n".join(
        [content["machine"], "", f"    {content['command']}", ""]
        + [table.as_markdown() for table in tables]
    )
    print(text)
    if output is not None:
        is_markdown = output.suffix == ".md"
        output.write_text(text if is_markdown else json.dumps(content, indent=1), encoding="utf-8")
    return content


def describe_machine() -> str:
    """One line: processor, cores, versions, the code's digest, and other load at this moment."""
    record = describe_environment("cpu", {})
    versions = {**record["versions"], "pillow": importlib.metadata.version("pillow")}
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    load = f"; load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return (
        f"{record['cpu']}, {record['cores']} cores, {record['platform']}, Python "
        f"{record['python']}, {listed}; code {record['code']}{load}"
    )


def clean_environment(**more: str) -> dict[str, str]:
    """The environment of a user who has tuned nothing, and `more`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_TUNING)}
    return {**kept, **more}


def median_ratio(ours: Sequence[float], others: Sequence[float]) -> float:
    """Median over the rounds of ours / others; in a round both have the same load."""
    return statistics.median(a / b for a, b in zip(ours, others, strict=True))


class Stopwatch:
    """Hands batches on and adds up the seconds spent waiting for them."""

    def __init__(self) -> None:
        self.waited = 0.0
        self.images = 0

    def over(self, batches: Generator[Any, None, None], limit: int | None = None) -> Iterator[Any]:
        """The first `limit` batches (all for None); closes `batches` at the end."""
        done = 0
        try:
            while limit is None or done < limit:
                start = time.perf_counter()
                batch = next(batches, None)
                self.waited += time.perf_counter() - start
                if batch is None:
                    return
                self.images += len(batch[0])
                done += 1
                yield batch
        finally:
            batches.close()


class Worker:
    """A script of this folder in a process of its own, which gets requests over a pipe.

    The other side is `serve`. started: its message when it is ready.
    """

    def __init__(self, script: str, *arguments: str, **environment: str):
        self._name = f"{script} {' '.join(arguments)}"
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115 - closed with the worker
        self._process = subprocess.Popen(
            [sys.executable, str(ROOT / "benchmarks" / script), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self._errors, text=True,
            env=clean_environment(**environment), cwd=ROOT,
        )  # fmt: skip
        self.started = self._receive()

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *error: object) -> None:
        # A worker ends when its stdin closes; one that hangs must not delay the others.
        try:
            self._process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._errors.close()

    def ask(self, **request: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()
        return self._receive()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            self._errors.seek(0)
            last = self._errors.read()[-2000:]
            raise SystemExit(f"error: {self._name} ended with code {code}\n{last}")
        return json.loads(line)


def serve(start: Callable[[], tuple[dict[str, Any], Callable[..., dict[str, Any]]]]) -> None:
    """The worker's side: send the first result of `start`, then answer requests until stdin ends.

    Output of the measured code goes to stderr, so that it is not taken for an answer.
    """
    channel = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def send(reply: dict[str, Any]) -> None:
        channel.write(json.dumps(reply) + "\n")
        channel.flush()

    started, answer = start()
    send(started)
    for line in sys.stdin:
        send(answer(**json.loads(line)))
