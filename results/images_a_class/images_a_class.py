#!/usr/bin/env python3
"""Accuracy against the number of images a class, with and without mixing.

    python results/images_a_class/images_a_class.py [--jobs 2] [--amp bf16]
    python results/images_a_class/images_a_class.py --quick          the bundled digits, a minute
    python results/images_a_class/images_a_class.py --judge --amp bf16 --output FOLDER
                        the table and the picture of what lies in a folder, without a run

For each number the suite configs/suites/images_a_class.yaml is run with --per-class: a finished run
is not repeated, a stopped one goes on. The accuracy is that of the last state on the whole
evaluation set, with Student's 95 % interval over the seeds; gains are paired, seed by seed. Written
to OUTPUT: accuracy.png, accuracy.md, and a folder a number with the suite's tables, curves and
small files.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
from tabulate import tabulate

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from matplotlib.figure import Figure  # noqa: E402
from matplotlib.ticker import NullFormatter, ScalarFormatter  # noqa: E402

from paddle_aug.commands.suite_plan import suite_name  # noqa: E402
from paddle_aug.core.atomic import write_text  # noqa: E402
from paddle_aug.core.errors import UserError, run_command  # noqa: E402
from paddle_aug.modes import BASELINE_COLOUR, MODES  # noqa: E402
from paddle_aug.report.figure import new_figure, save_figure  # noqa: E402
from paddle_aug.report.judgement_text import p_in_words  # noqa: E402
from paddle_aug.report.statistics import estimate, holm, paired_p  # noqa: E402

SUITE = "configs/suites/images_a_class.yaml"
NUMBERS, QUICK = (10, 20, 50, 100, 200, 500), (2, 5, 10)
GAINS = ("images a class", "method", "gain", "95 % interval", "seeds", "p", "p (Holm, number)",
         "p (Holm, all)")  # fmt: skip
# As in the other figures.
COLOURS = {"none": BASELINE_COLOUR, "SamplePairing": MODES["samplePairing"].colour,
           "Mixup 1": MODES["mixup"].colour}  # fmt: skip


def accuracies(tables: dict[int, dict[str, Any]]) -> dict[str, dict[int, dict[str, float]]]:
    """By method and number the estimate of the accuracy, from the suite's table.json of each."""
    found: dict[str, dict[int, dict[str, float]]] = {}
    for number, table in tables.items():
        for method in table["methods"]:
            figures = method["figures"]["accEval"]
            found.setdefault(method["label"], {})[number] = figures["whole"]
    return found


def gains(tables: dict[int, dict[str, Any]]) -> list[list[str]]:
    """A row for each number and method that mixes: points over none on equal seeds, their interval,
    p, and p with Holm's correction over the methods of that number and over all rows."""
    rows: list[list[str]] = []
    p_values: dict[int, list[float]] = {}
    for number, table in tables.items():
        by_method = {method["label"]: _by_seed(method) for method in table["methods"]}
        none = by_method.pop("none")
        for label, values in by_method.items():
            points = [100 * (values[seed] - none[seed]) for seed in none if seed in values]
            found = estimate(points)
            ends = [found.low, found.high]  # none of one seed, nor of the same gain in all
            interval = "{:+.1f} to {:+.1f}".format(*ends) if np.isfinite(ends).all() else "-"
            rows.append([str(number), label, f"{found.mean:+.1f}", interval, str(found.n)])
            p_values.setdefault(number, []).append(paired_p(points))
    single = [p for values in p_values.values() for p in values]
    within = [p for values in p_values.values() for p in holm(values)]
    for row, *values in zip(rows, single, within, holm(single), strict=True):
        row += map(p_in_words, values)
    return rows


def _by_seed(method: dict[str, Any]) -> dict[Any, float]:
    values = method["figures"]["accEval"]["whole"]["values"]
    return dict(zip(method["seeds"], values, strict=True))


def draw(found: dict[str, dict[int, dict[str, float]]]) -> Figure:
    """A line a method over the numbers, a bar for each interval; from one seed a point alone."""
    figure = new_figure(8, 5.5)
    axes = figure.add_subplot()
    for label, points in found.items():
        means = [point["mean"] for point in points.values()]
        below, above = (
            [abs((point[end] if point[end] is not None else point["mean"]) - point["mean"])
             for point in points.values()]
            for end in ("low", "high")
        )  # fmt: skip
        axes.errorbar(list(points), means, [below, above], label=label, color=COLOURS.get(label),
                      marker="o", markersize=4, capsize=3)  # fmt: skip
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, 0), min(high, 1))  # an interval of few seeds may reach further
    axes.set_xscale("log")
    axes.set_xticks(sorted({number for points in found.values() for number in points}))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_title("bars: 95 % interval of the mean over the seeds; a point without one: one seed",
                   fontsize="medium")  # fmt: skip
    axes.set_xlabel("images a class")
    axes.set_ylabel("accuracy on the whole evaluation set")
    axes.grid(True, alpha=0.6)
    axes.legend()
    return figure


def table_of(
    found: dict[str, dict[int, dict[str, float]]], gained: list[list[str]], command: str
) -> str:
    """Markdown: a row a number, a column a method; the gains; the command that made it."""
    numbers = sorted({number for points in found.values() for number in points})
    rows = [[number, *(_words(points.get(number)) for points in found.values())]
            for number in numbers]  # fmt: skip
    heads = ["images a class", *found]
    return (
        "# Accuracy against images a class\n\nAccuracy of the last state on the whole evaluation "
        "set: mean over the seeds, Student's 95 % interval of the mean in brackets.\n\n"
        f"{tabulate(rows, heads, tablefmt='github', disable_numparse=True)}\n\n"
        "Gains over none of the same seed, in points, with the paired t test; p is corrected by "
        "Holm's method over the methods of one number, and over all rows:\n\n"
        f"{tabulate(gained, GAINS, tablefmt='github', disable_numparse=True)}\n\n    {command}\n"
    )


def _words(point: dict[str, float] | None) -> str:
    if point is None:
        return "-"
    if point["n"] == 1:
        return f"{point['mean']:.3f} (one seed)"
    interval = "" if point["low"] is None else f" [{point['low']:.3f}, {point['high']:.3f}]"
    return f"{point['mean']:.3f}{interval}"


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--numbers", type=int, nargs="+", metavar="N", help="images a class (default: "
        f"{' '.join(map(str, NUMBERS))}; with --quick {' '.join(map(str, QUICK))})")  # fmt: skip
    add("--seeds", help="these seeds instead of the suite's, such as 0 or 0-4")
    add("--jobs", type=int, metavar="N", help="runs side by side (default: 1)")
    add("--amp", choices=["no", "bf16"], default="no")
    add("--quick", action="store_true", help="3 epochs of the bundled digits")
    add("--judge", action="store_true", help="run nothing: judge the numbers that lie in OUTPUT")
    add("--output", type=Path, default=Path("logs/images_a_class"))
    args = parser.parse_args()
    args.output = args.output.resolve()
    if args.output.is_relative_to(ROOT):  # the suite runs there, and names its runs' places so
        args.output = args.output.relative_to(ROOT)
    tables = {}
    numbers = args.numbers or (QUICK if args.quick else NUMBERS)
    if args.judge and not args.numbers:
        numbers = [n for n in numbers if (ROOT / args.output / f"{n}_a_class").is_dir()]
    if not numbers:
        raise UserError(f"{args.output}: has no folder such as {NUMBERS[0]}_a_class to be judged")
    scale = ["--quick"] * args.quick + ([f"--seeds={args.seeds}"] if args.seeds else [])
    precision = ["--amp", "bf16"] if args.amp == "bf16" else []
    for number in sorted(numbers):
        place = args.output / f"{number}_a_class"
        command = ["-m", "paddle_aug", "suite", SUITE, "--logs", str(place / "runs"),
                   "--results", str(place), *scale]  # fmt: skip
        command += ["--judge"] * args.judge + (["--jobs", str(args.jobs)] if args.jobs else [])
        command += ["--", "--per-class", str(number), *precision]
        if code := subprocess.run([sys.executable, *command], cwd=ROOT).returncode:
            return code
        path = ROOT / place / suite_name(Path(SUITE), args.quick) / "table.json"
        tables[number] = json.loads(path.read_text(encoding="utf-8"))
    found = accuracies(tables)
    save_figure(draw(found), ROOT / args.output / "accuracy.png")
    command = ["python", f"results/images_a_class/{Path(__file__).name}", "--numbers"]
    command += [*map(str, tables), *scale, *precision]
    text = table_of(found, gains(tables), " ".join(command))
    write_text(ROOT / args.output / "accuracy.md", text)
    print(f"wrote {args.output}/accuracy.png and accuracy.md")
    return 0


if __name__ == "__main__":
    run_command(main)
