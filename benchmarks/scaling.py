"""How costs grow: images 1x, 4x, 16x; classes 10 to 1000; workers 0 to 4; memory of a step.

    python benchmarks/scaling.py [--only images classes workers memory] [--output scaling.md]

Each row is a process of its own in a clean environment; the rows of a table take turns. Time is the
median of whole epochs after the first, which still plans and allocates. Memory is the largest
resident size of the process without its workers; it includes the mapped cache file, whose pages the
system can free.
"""

import json
import statistics
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.article_data import prepare
from benchmarks.common import Table, Worker, benchmark_parser, has_bf16, median_ratio, publish
from benchmarks.training_step import run as run_step


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    arguments = parse_arguments(argv)
    makers = {
        "images": images_table, "classes": classes_table, "workers": workers_table,
        "memory": memory_table,
    }  # fmt: skip
    return publish([makers[name](arguments) for name in arguments.only], arguments.output, argv)


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument(
        "--only", nargs="+", default=["images", "classes", "workers", "memory"],
        choices=["images", "classes", "workers", "memory"],
    )  # fmt: skip
    parser.add_argument("--model", default="ResNetSmall", help="trained in all but the last table")
    parser.add_argument("--image-size", type=int, default=64, help="in all but the last table")
    parser.add_argument("--batch-size", type=int, default=8, help="in all but the last table")
    parser.add_argument("--images", type=int, default=250, help="training images of 1x")
    parser.add_argument("--times", type=int, nargs="+", default=[1, 4, 16])
    parser.add_argument("--classes", type=int, nargs="+", default=[10, 100, 1000])
    parser.add_argument("--workers", nargs="+", default=["0", "thread", "1", "2", "4"])
    parser.add_argument("--epochs", type=int, default=3, help="measured in a row")
    parser.add_argument(
        "--steps-of", nargs="+", default=["GoogLeNet:224:8", "GoogLeNet:64:32"],
        metavar="MODEL:SIZE:BATCH", help="whose memory a step's is measured",
    )  # fmt: skip
    return parser.parse_args(argv)


@dataclass(frozen=True)
class Case:
    """What is trained on: generated images and classes, and who makes the batches."""

    images: int
    classes: int = 16
    workers: str = "auto"


@dataclass
class Run:
    """What was measured of a case. milliseconds: an image, one value an epoch."""

    setup_seconds: float
    milliseconds: list[float]
    waited_percent: float
    peak_megabytes: float | None

    @property
    def median(self) -> float:
        return statistics.median(self.milliseconds)


def images_table(arguments: Namespace) -> Table:
    """Table with more images: time and memory for each should not grow."""
    cases = [Case(arguments.images * times) for times in arguments.times]
    runs = train(arguments, cases)
    rows = []
    for times, case, run in zip(arguments.times, cases, runs, strict=True):
        more = None
        if case is not cases[0] and run.peak_megabytes and runs[0].peak_megabytes:
            grown = 1024 * (run.peak_megabytes - runs[0].peak_megabytes)
            more = grown / (case.images - cases[0].images)
        rows.append(
            [
                f"{times}x", case.images, 1000 * run.setup_seconds / case.images, run.median,
                median_ratio(run.milliseconds, runs[0].milliseconds), run.peak_megabytes, more,
                arguments.image_size**2 * 3 / 1024,
            ]
        )  # fmt: skip
    return Table(
        "Images",
        [
            "images", "training images", "set-up ms an image", "training ms an image",
            "ratio to the first row", "peak MB", "KB more an image than the first row",
            "KB of an image in the cache file",
        ],
        rows,
        described(arguments, "16 classes") + " Set-up reads, decodes and caches the images, and "
        "also has the fixed cost of building the model.",
    )  # fmt: skip


def classes_table(arguments: Namespace) -> Table:
    """Table with more classes for the same number of images."""
    images = max(arguments.images, 2 * max(arguments.classes))
    runs = train(arguments, [Case(images, classes) for classes in arguments.classes])
    rows = [
        [
            str(classes), run.median, median_ratio(run.milliseconds, runs[0].milliseconds),
            run.peak_megabytes,
        ]
        for classes, run in zip(arguments.classes, runs, strict=True)
    ]  # fmt: skip
    return Table(
        "Classes",
        ["classes", "training ms an image", "ratio to the first row", "peak MB"],
        rows,
        described(arguments, f"{images} images"),
    )


def workers_table(arguments: Namespace) -> Table:
    """Table of ways to make the batches."""
    images = arguments.images * 4
    runs = train(arguments, [Case(images, workers=workers) for workers in arguments.workers])
    rows = [
        [
            workers, run.median, median_ratio(runs[0].milliseconds, run.milliseconds),
            run.waited_percent, run.peak_megabytes,
        ]
        for workers, run in zip(arguments.workers, runs, strict=True)
    ]  # fmt: skip
    return Table(
        "Workers",
        ["workers", "training ms an image", "times faster", "waits for data %", "peak MB"],
        rows,
        described(arguments, f"{images} images"),
    )


def described(arguments: Namespace, more: str) -> str:
    size = arguments.image_size
    return (
        f"{arguments.model} at {size}x{size}, batches of {arguments.batch_size}, SamplePairing, "
        f"{more}; medians of {arguments.epochs} epochs."
    )


def train(arguments: Namespace, cases: Sequence[Case]) -> list[Run]:
    """Train epochs of every case in turns, each case in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary, ExitStack() as stack:
        workers = []
        for number, case in enumerate(cases):
            folder = Path(temporary, str(number))
            folder.mkdir()
            prepare(folder, None, case.images, case.classes, arguments.image_size)
            options = {
                "data": str(folder), "model": arguments.model, "batch_size": arguments.batch_size,
                "image_size": arguments.image_size, "workers": case.workers,
            }  # fmt: skip
            cache = str(folder / "cache")
            worker = Worker("epoch_worker.py", "ours", json.dumps(options), PADDLE_AUG_CACHE=cache)
            workers.append(stack.enter_context(worker))
        for worker in workers:
            worker.ask(steps=None, eval_steps=1)
        answers: list[list[dict[str, Any]]] = [[] for _ in cases]
        for _ in range(arguments.epochs):
            for worker, given in zip(workers, answers, strict=True):
                given.append(worker.ask(steps=None, eval_steps=1))
    return [
        Run(
            worker.started["setup_seconds"],
            [1000 * a["seconds"] / a["images"] for a in given],
            statistics.median(100 * a["waited"] / a["seconds"] for a in given),
            given[-1]["peak_megabytes"],
        )
        for worker, given in zip(workers, answers, strict=True)
    ]


def memory_table(arguments: Namespace) -> Table:
    """Table of the peak memory of whole steps with Adam: Paddle as installed against ours."""
    contenders = {"Paddle as installed": ["paddle"], "ours, float32": ["accelerate"]}
    if has_bf16():
        contenders["ours, bf16"] = ["accelerate", "--amp", "bf16"]
    rows: list[list[Any]] = []
    for case in arguments.steps_of:
        paddle_peak = 0.0
        for name, (contender, *amp) in contenders.items():
            model, size, batch = case.split(":")
            options = ["--model", model, "--size", size, "--batch", batch, "--seconds", "0"]
            result = run_step(sys.executable, contender, *options, *amp)
            peak = result["peak_megabytes"]
            paddle_peak = paddle_peak or peak
            rows.append([f"{case} {name}", peak, peak / paddle_peak, result["images_per_second"]])
    return Table(
        "Memory of a training step",
        ["model:size:batch", "peak MB", "ratio to Paddle's", "images/s"],
        rows,
        "The whole process, interpreter and libraries included; speed is only indicative here, see "
        "training_step.py.",
    )


if __name__ == "__main__":
    main()
