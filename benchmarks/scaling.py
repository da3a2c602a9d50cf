"""How cost grows: images 1x, 4x, 16x; classes 10 to 1000; workers 0 to 4; memory of a step.

    python benchmarks/scaling.py [--only images classes workers memory] [--output scaling.md]

Each row is a process of its own in a clean environment. Time is the median of whole epochs after
the first, which still plans and allocates; memory is the largest resident size of the process (its
worker processes not counted), of which the mapped cache file is the system's to take back.
"""

import json
import statistics
import subprocess
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.article_data import prepare
from benchmarks.common import ROOT, Table, Worker, benchmark_parser, clean_environment, publish


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


def images_table(arguments: Namespace) -> Table:
    """More images: time and memory of each should stay."""
    rows: list[list[Any]] = []
    for times in arguments.times:
        images = arguments.images * times
        run = train(arguments, images, 16, "auto")
        first = rows[0] if rows else None
        milliseconds, peak = run["milliseconds"], run["peak_megabytes"]
        rows.append(
            [
                f"{times}x", images, 1000 * run["setup_seconds"] / images, milliseconds,
                milliseconds / first[3] if first else 1.0, peak,
                (peak - first[5]) * 1024 / (images - first[1]) if first and peak else None,
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
    """More classes, as many images."""
    images = max(arguments.images, 2 * max(arguments.classes))
    rows: list[list[Any]] = []
    for classes in arguments.classes:
        run = train(arguments, images, classes, "auto")
        ratio = run["milliseconds"] / rows[0][1] if rows else 1.0
        rows.append([str(classes), run["milliseconds"], ratio, run["peak_megabytes"]])
    return Table(
        "Classes",
        ["classes", "training ms an image", "ratio to the first row", "peak MB"],
        rows,
        described(arguments, f"{images} images"),
    )


def workers_table(arguments: Namespace) -> Table:
    """Who makes the batches."""
    images = arguments.images * 4
    rows: list[list[Any]] = []
    for workers in arguments.workers:
        run = train(arguments, images, 16, workers)
        ratio = rows[0][1] / run["milliseconds"] if rows else 1.0
        rows.append(
            [workers, run["milliseconds"], ratio, run["waited_percent"], run["peak_megabytes"]]
        )
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


def train(arguments: Namespace, images: int, classes: int, workers: str) -> dict[str, Any]:
    """Epochs of a small model in a process of its own."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "data")
        folder.mkdir()
        prepare(folder, None, images, classes, arguments.image_size)
        options = {
            "data": str(folder), "model": arguments.model, "image_size": arguments.image_size,
            "batch_size": arguments.batch_size, "workers": workers,
        }  # fmt: skip
        cache = str(Path(temporary, "cache"))
        with Worker("epoch_worker.py", "ours", json.dumps(options), PADDLE_AUG_CACHE=cache) as own:
            own.ask(steps=None, eval_steps=1)
            answers = [own.ask(steps=None, eval_steps=1) for _ in range(arguments.epochs)]
    return {
        "setup_seconds": own.started["setup_seconds"],
        "milliseconds": statistics.median(1000 * a["seconds"] / a["images"] for a in answers),
        "waited_percent": statistics.median(100 * a["waited"] / a["seconds"] for a in answers),
        "peak_megabytes": answers[-1]["peak_megabytes"],
    }


def memory_table(arguments: Namespace) -> Table:
    """Peak of whole steps with Adam: Paddle as installed against ours."""
    from paddle_aug.threads import cpu_flags

    contenders = {"Paddle as installed": ["paddle"], "ours, float32": ["accelerate"]}
    if "avx512_bf16" in cpu_flags():
        contenders["ours, bf16"] = ["accelerate", "--amp", "bf16"]
    rows: list[list[Any]] = []
    for case in arguments.steps_of:
        paddle_peak = 0.0
        for name, (contender, *amp) in contenders.items():
            result = step(contender, *case.split(":"), *amp)
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


def step(contender: str, *arguments: str) -> dict[str, Any]:
    """One contender of training_step.py, for a few steps."""
    # This process is small, so that the peak is the worker's: a child's counter starts from it.
    script = str(ROOT / "benchmarks" / "training_step_worker.py")
    done = subprocess.run(
        [sys.executable, script, contender, *arguments, "--seconds", "0", "--steps", "2"],
        cwd=ROOT, env=clean_environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"error: {script} {contender} failed\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


if __name__ == "__main__":
    main()
