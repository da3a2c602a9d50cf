"""Training steps on a CPU: Paddle as installed, Paddle tuned, our oneDNN backend, and torch.

    python benchmarks/training_step.py [--torch-python PYTHON] [--models GoogLeNet ...]
        [--sizes 64:32 224:8] [--rounds 2] [--seconds 10] [--output training_step.json]

Whole steps (forward, loss, backward, Adam) of random images. Every contender runs in a process of
its own, in turns, in several rounds; ratios are medians over the rounds, so that other load on the
machine slows all alike. --torch-python names an interpreter with torch and NumPy.

"as installed" sets nothing; "tuned" sets MKL_DEBUG_CPU_TYPE=7; torch is eager, channels_last. GFLOP
counts the products and sums of convolutions and linear layers; the peak is that of oneDNN's product
of square matrices, measured in the same run.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import (
    ROOT,
    Table,
    benchmark_parser,
    clean_environment,
    median_ratio,
    publish,
)

MODELS = ("GoogLeNet", "VGG16", "ResNet18")
SIZES = ("64:32", "224:8")
Results = dict[str, list[dict[str, Any]]]


def main(argv: Sequence[str] | None = None) -> None:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--torch-python", help="interpreter that has torch")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="PIXELS:BATCH")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of each contender in a round")
    parser.add_argument("--no-bf16", action="store_true")
    parser.add_argument("--skip-paddle", action="store_true", help="only ours against torch")
    arguments = parser.parse_args(argv)
    peak = run(sys.executable, "peak")
    case = "model, pixels, batch"
    speed = Table(
        "Training step, images a second",
        [case, *("installed", "tuned", "ours f32", "torch f32", "ours bf16", "torch bf16")],
        [],
    )
    ratios = Table(
        "Ratios, and share of the matrix product's peak",
        [
            *(case, "f32 / installed", "f32 / tuned", "f32 / torch", "bf16 / installed"),
            *("bf16 / torch bf16", "GFLOP/s f32", "% of peak", "GFLOP/s bf16", "% of peak"),
        ],
        [],
        note=f"Peak: {peak['float32']:.0f} GFLOP/s float32, {peak['bf16']:.0f} bf16.",
    )
    memory = Table(
        "Peak memory in MB, and seconds to the end of the first step",
        [case, *("tuned", "ours f32", "ours bf16", "torch f32", "first: tuned", "first: ours")],
        [],
    )
    for model in arguments.models:
        for pair in arguments.sizes:
            size, batch = pair.split(":")
            name = f"{model} {size} b{batch}"
            print(f"{name} ...", file=sys.stderr, flush=True)
            results = measure(model, size, batch, arguments)
            add_rows(name, results, peak, speed, ratios, memory)
    publish([speed, ratios, memory], arguments.output, argv)


def measure(model: str, size: str, batch: str, arguments: Any) -> Results:
    """Results of every contender, one for each round."""
    contenders: dict[str, list[str]] = {}
    if not arguments.skip_paddle:
        contenders = {"paddle": [sys.executable, "paddle"], "tuned": [sys.executable, "tuned"]}
    for amp in ("f32",) if arguments.no_bf16 else ("f32", "bf16"):
        options = ["--amp", "bf16"] if amp == "bf16" else []
        contenders[f"ours {amp}"] = [sys.executable, "accelerate", *options]
        if arguments.torch_python:
            contenders[f"torch {amp}"] = [arguments.torch_python, "torch", *options]
    results: Results = {name: [] for name in contenders}
    for _ in range(arguments.rounds):
        for name, (python, *command) in contenders.items():
            case = ["--model", model, "--size", size, "--batch", batch]
            seconds = ["--seconds", str(arguments.seconds)]
            results[name].append(run(python, *command, *case, *seconds))
    return results


def run(python: str, *arguments: str) -> dict[str, Any]:
    """The worker's result. Raises SystemExit with the end of its output if it fails."""
    command = [python, str(ROOT / "benchmarks" / "training_step_worker.py"), *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, env=clean_environment(), check=False
    )
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def add_rows(
    name: str, results: Results, peak: dict[str, float], speed: Table, ratios: Table, memory: Table
) -> None:
    """One row in each table."""

    def rates(contender: str) -> list[float]:
        return [result["images_per_second"] for result in results.get(contender, [])]

    def middle(contender: str, key: str) -> float | None:
        values = [result[key] for result in results.get(contender, [])]
        return statistics.median(values) if values else None

    def ratio(ours: str, other: str) -> float | None:
        return median_ratio(rates(ours), rates(other)) if rates(ours) and rates(other) else None

    def work(contender: str, precision: str) -> list[float | None]:
        if not rates(contender):
            return [None, None]
        done = results[contender][0]["gflop_per_image"] * statistics.median(rates(contender))
        return [done, 100 * done / peak[precision]]

    order = ("paddle", "tuned", "ours f32", "torch f32", "ours bf16", "torch bf16")
    speed.rows.append([name, *(middle(each, "images_per_second") for each in order)])
    ratios.rows.append(
        [
            name,
            ratio("ours f32", "paddle"),
            ratio("ours f32", "tuned"),
            ratio("ours f32", "torch f32"),
            ratio("ours bf16", "paddle"),
            ratio("ours bf16", "torch bf16"),
            *work("ours f32", "float32"),
            *work("ours bf16", "bf16"),
        ]
    )
    memory.rows.append(
        [
            name,
            *(
                middle(each, "peak_megabytes")
                for each in ("tuned", "ours f32", "ours bf16", "torch f32")
            ),
            middle("tuned", "first_step_seconds"),
            middle("ours f32", "first_step_seconds"),
        ]
    )


if __name__ == "__main__":
    main()
