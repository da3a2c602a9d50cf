"""A whole epoch of the SamplePairing article's experiment: its script against ours, same images.

    python benchmarks/epoch.py [--data FOLDER] [--image-size 224 64] [--steps 6] [--output epoch.md]

GoogLeNet, batches of 8, Adam at 1e-4, SamplePairing active, evaluation on the Eval images, and in
ours saving the state and, as after a new best epoch, the model. Every contender has a process and
a clean environment of its own, and they take turns. Without --steps each trains whole epochs; on 2
cores the SamplePairing article's script takes half an hour for one at 224x224. With --steps N each
contender does N training steps and N/4 evaluation batches a round, after two steps to warm up, and
seconds an epoch are extrapolated from these.
"""

import json
import statistics
import sys
import tempfile
from argparse import Namespace
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.article_data import prepare
from benchmarks.common import Table, Worker, benchmark_parser, has_bf16, median_ratio, publish

NAIVE = "the SamplePairing article's script"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    arguments = parse_arguments(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "data")
        folder.mkdir()
        generated = arguments.data is None
        wanted = arguments.images or (1400 if generated else None)
        # Rounds of a few steps need only a few files, but the numbers of images of an epoch.
        few = max(256, (arguments.steps or 0) * arguments.batch_size)
        made = min(wanted, few) if wanted and arguments.steps and generated else wanted
        counts = prepare(folder, arguments.data, made)
        epoch_images = (wanted, wanted // 4) if wanted and arguments.steps else counts
        tables = [
            measure(arguments, folder, size, epoch_images, temporary)
            for size in arguments.image_size
        ]
    return publish(tables, arguments.output, argv)


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--data", help="anything train.py takes (default: generated JPEGs)")
    parser.add_argument(
        "--images", type=int, help="training images of an epoch (default: all of --data, or 1400)"
    )
    parser.add_argument("--image-size", type=int, nargs="+", default=[224, 64])
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument(
        "--steps", type=int, help="measure this many steps a round, and extrapolate"
    )
    parser.add_argument("--rounds", type=int, help="default: 5 with --steps, else 1")
    parser.add_argument("--without-bf16", action="store_true", help="leave out ours in bf16")
    return parser.parse_args(argv)


def measure(
    arguments: Namespace, folder: Path, size: int, epoch_images: tuple[int, int], temporary: str
) -> Table:
    """One size: all contenders in turns."""
    rounds = arguments.rounds or (5 if arguments.steps else 1)
    eval_steps = max(1, arguments.steps // 4) if arguments.steps else None
    answers: dict[str, list[dict[str, Any]]] = {}
    with ExitStack() as stack:
        workers = {
            name: stack.enter_context(
                Worker("epoch_worker.py", kind, json.dumps(options), PADDLE_AUG_CACHE=temporary)
            )
            for name, (kind, options) in contenders(arguments, folder, size).items()
        }
        if arguments.steps:
            for worker in workers.values():
                worker.ask(steps=2, eval_steps=1)
        for _ in range(rounds):
            for name, worker in workers.items():
                answer = worker.ask(steps=arguments.steps, eval_steps=eval_steps)
                answers.setdefault(name, []).append(answer)
        started = {name: worker.started for name, worker in workers.items()}
    return make_table(answers, started, size, epoch_images, arguments.steps, rounds)


def contenders(
    arguments: Namespace, folder: Path, size: int
) -> dict[str, tuple[str, dict[str, Any]]]:
    common = {"data": str(folder), "image_size": size, "batch_size": arguments.batch_size}
    found: dict[str, tuple[str, dict[str, Any]]] = {
        NAIVE: ("naive", common),
        "ours, float32": ("ours", common),
    }
    if not arguments.without_bf16 and has_bf16():
        found["ours, --amp bf16"] = ("ours", {**common, "amp": "bf16"})
    return found


def make_table(
    answers: dict[str, list[dict[str, Any]]],
    started: dict[str, dict[str, Any]],
    size: int,
    epoch_images: tuple[int, int],
    steps: int | None,
    rounds: int,
) -> Table:
    """Medians over the rounds; ratios are medians of the rounds' ratios."""
    seconds = {
        name: [epoch_seconds(answer, epoch_images) for answer in given]
        for name, given in answers.items()
    }
    rows = []
    for name, given in answers.items():
        rows.append(
            [
                name,
                started[name]["computes"],
                statistics.median(a["images"] / a["seconds"] for a in given),
                statistics.median(a["eval_images"] / a["eval_seconds"] for a in given),
                statistics.median(a["save_seconds"] for a in given),
                statistics.median(
                    100 * a["save_seconds"] / whole
                    for a, whole in zip(given, seconds[name], strict=True)
                ),
                statistics.median(seconds[name]),
                median_ratio(seconds[NAIVE], seconds[name]),
                statistics.median(100 * a["waited"] / a["seconds"] for a in given),
                started[name]["setup_seconds"],
                given[-1]["peak_megabytes"],
            ]
        )
    of = f"{epoch_images[0]} training and {epoch_images[1]} evaluation images"
    how = (
        f"extrapolated to {of} from {steps} training steps of each in turns, rounds: {rounds}"
        if steps
        else f"{of}, whole epochs in turns, rounds: {rounds}"
    )
    return Table(
        f"An epoch at {size}x{size}",
        [
            "contender", "computes", "training images/s", "evaluation images/s", "saving s",
            "saving % of an epoch", "extrapolated s an epoch" if steps else "s an epoch",
            "times faster", "training waits for data %", "set-up s", "peak MB",
        ],
        rows,
        f"Seconds an epoch: {how}. Set-up is not part of it; ours reads and decodes every image "
        "there, into the cache.",
    )  # fmt: skip


def epoch_seconds(answer: dict[str, Any], epoch_images: tuple[int, int]) -> float:
    """Seconds of one epoch at the rates in `answer`; exact if that was a whole epoch."""
    train = answer["seconds"] / answer["images"] * epoch_images[0]
    evaluation = answer["eval_seconds"] / answer["eval_images"] * epoch_images[1]
    return train + evaluation + answer["save_seconds"]


if __name__ == "__main__":
    main()
