"""Training steps on a CPU: Paddle as installed, Paddle tuned, our oneDNN backend, and torch.

    python benchmarks/training_step.py [--torch-python PYTHON] [--compile] [--isa avx2]
        [--models GoogLeNet ...] [--sizes 64:8 64:32 224:8] [--rounds 2] [--seconds 10]
        [--output training_step.json]

Whole steps (forward, loss, backward, Adam) of random images. Every contender runs in a process of
its own, in turns, in several rounds; ratios are medians over the rounds, so that other load on the
machine slows all alike. --torch-python names an interpreter with torch and NumPy; --compile adds
torch.compile in float32, which needs a C++ compiler.

"as installed" sets nothing, and Paddle computes on one core; "tuned" sets what `train.py` sets (all
cores, MKL's fast path); torch is eager, channels_last, with its fused Adam. GFLOP counts the
products and sums of convolutions and linear layers; the peak is that of oneDNN's product of square
matrices, measured in the same run. --isa avx2 keeps all libraries from using AVX-512, to see what a
processor without it gives.
"""

import json
import statistics
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.common import (
    ISA,
    ROOT,
    Table,
    benchmark_parser,
    clean_environment,
    has_bf16,
    median_ratio,
    publish,
)

MODELS = ("GoogLeNet", "VGG16", "ResNet18")
SIZES = ("64:8", "64:32", "224:8")
CASE = "model, pixels, batch"


class Contender(NamedTuple):
    """What training_step_worker.py runs; amp: "bf16" or None for float32."""

    kind: str
    amp: str | None = None

    @property
    def is_torch(self) -> bool:
        return self.kind in ("torch", "compile")

    @property
    def title(self) -> str:
        words = {"paddle": "installed", "tuned": "tuned", "accelerate": "ours"}
        precision = "" if self.kind in ("paddle", "tuned") else f" {self.amp or 'f32'}"
        return words.get(self.kind, self.kind) + precision


INSTALLED, TUNED = Contender("paddle"), Contender("tuned")
Results = dict[Contender, list[dict[str, Any]]]


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--torch-python", help="interpreter that has torch")
    parser.add_argument("--compile", action="store_true", help="torch.compile, too")
    parser.add_argument("--isa", choices=ISA, default="native", help="instructions that are used")
    parser.add_argument("--models", nargs="+", default=MODELS, choices=MODELS)
    parser.add_argument("--sizes", nargs="+", default=SIZES, metavar="PIXELS:BATCH")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10, help="of each contender in a round")
    parser.add_argument("--no-bf16", action="store_true")
    parser.add_argument("--skip-paddle", action="store_true", help="only ours against torch")
    arguments = parser.parse_args(argv)
    contenders = contenders_of(arguments)
    peak = run(sys.executable, "peak", isa=arguments.isa)
    measured: dict[str, Results] = {}
    for model in arguments.models:
        for pair in arguments.sizes:
            size, batch = pair.split(":")
            name = f"{model} {size} b{batch}"
            print(f"{name} ...", file=sys.stderr, flush=True)
            measured[name] = measure(contenders, model, size, batch, arguments)
    tables = [
        speeds(contenders, measured),
        ratios(contenders, measured),
        shares(contenders, measured, peak),
        memory(contenders, measured),
    ]
    return publish(tables, arguments.output, argv)


def contenders_of(arguments: Any) -> list[Contender]:
    """All that the options ask for, in the order in which they run."""
    with_bf16 = has_bf16(arguments.isa) and not arguments.no_bf16
    precisions = [None, "bf16"] if with_bf16 else [None]
    kinds = ["accelerate", "torch"] if arguments.torch_python else ["accelerate"]
    found = [] if arguments.skip_paddle else [INSTALLED, TUNED]
    found += [Contender(kind, amp) for amp in precisions for kind in kinds]
    if arguments.torch_python and arguments.compile:
        found.append(Contender("compile"))
    return found


def measure(
    contenders: Sequence[Contender], model: str, size: str, batch: str, arguments: Any
) -> Results:
    """Results of every contender, one for each round."""
    case = ["--model", model, "--size", size, "--batch", batch]
    case += ["--seconds", str(arguments.seconds)]
    results: Results = {contender: [] for contender in contenders}
    for _ in range(arguments.rounds):
        for contender in contenders:
            python = arguments.torch_python if contender.is_torch else sys.executable
            options = ["--amp", contender.amp] if contender.amp else []
            found = run(python, contender.kind, *case, *options, isa=arguments.isa)
            results[contender].append(found)
    return results


def run(python: str, *arguments: str, isa: str = "native") -> dict[str, Any]:
    """The worker's result. Raises SystemExit with the end of its output if it fails."""
    command = [python, str(ROOT / "benchmarks" / "training_step_worker.py"), *arguments]
    environment = clean_environment(**ISA[isa])
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise SystemExit(f"error: {' '.join(command)} failed:\n{done.stderr[-2000:]}")
    return json.loads(done.stdout.strip().splitlines()[-1])


def rates(results: Results, contender: Contender) -> list[float]:
    """Images a second, one for each round."""
    return [result["images_per_second"] for result in results[contender]]


def speeds(contenders: Sequence[Contender], measured: dict[str, Results]) -> Table:
    """Images a second, medians over the rounds."""
    rows = [
        [name, *(statistics.median(rates(results, each)) for each in contenders)]
        for name, results in measured.items()
    ]
    titles = [each.title for each in contenders]
    return Table("Training step, images a second", [CASE, *titles], rows)


def ratios(contenders: Sequence[Contender], measured: dict[str, Results]) -> Table:
    """Ours divided by every other contender of the same precision, and by Paddle as installed."""
    pairs = [
        (ours, other)
        for ours in contenders if ours.kind == "accelerate"
        for other in contenders
        if other is not ours and (other.amp == ours.amp or other == INSTALLED)
    ]  # fmt: skip
    rows = [
        [name, *(median_ratio(rates(results, a), rates(results, b)) for a, b in pairs)]
        for name, results in measured.items()
    ]
    titles = [f"{ours.title} / {other.title}" for ours, other in pairs]
    return Table("How many times faster", [CASE, *titles], rows)


def shares(
    contenders: Sequence[Contender], measured: dict[str, Results], peak: dict[str, float]
) -> Table:
    """GFLOP/s of ours, and their share of what a product of matrices reaches."""
    ours = [each for each in contenders if each.kind == "accelerate"]
    columns, rows = [CASE], []
    for each in ours:
        columns += [f"GFLOP/s {each.amp or 'f32'}", "% of peak"]
    for name, results in measured.items():
        row: list[Any] = [name]
        for each in ours:
            gflop = results[each][0]["gflop_per_image"] * statistics.median(rates(results, each))
            row += [gflop, 100 * gflop / peak[each.amp or "float32"]]
        rows.append(row)
    reached = [f"{peak[each.amp or 'float32']:.0f} in {each.amp or 'float32'}" for each in ours]
    note = f"Peak: {', '.join(reached)} (GFLOP/s of oneDNN's product of two square matrices)."
    return Table("Share of the matrix product's peak", columns, rows, note)


def memory(contenders: Sequence[Contender], measured: dict[str, Results]) -> Table:
    """Peak memory, and how long the first step takes."""
    first = [each for each in contenders if each.kind != "paddle" and not each.amp]
    columns = [CASE, *(f"{each.title}, MB" for each in contenders)]
    columns += [f"{each.title}, first step s" for each in first]
    rows = []
    for name, results in measured.items():
        row: list[Any] = [name]
        for key, chosen in (("peak_megabytes", contenders), ("first_step_seconds", first)):
            row += [statistics.median(result[key] for result in results[each]) for each in chosen]
        rows.append(row)
    return Table("Peak memory, and the time to the end of the first step", columns, rows)


if __name__ == "__main__":
    main()
