#!/usr/bin/env python3
"""The slips of the original notebooks, each switched on alone: which of them moves a figure?

    python results/slips/slips.py [--seeds 0 1 2] [--amp bf16]
    python results/slips/slips.py --quick                        the bundled digits, a minute

docs/faults.md names the slips. The project has no options for them: this program puts each in the
place of the right code, in a process of its own, and trains with the command train.py. A finished
run is not repeated, a stopped one goes on. RESULTS gets a folder for each comparison: its runs'
small files in curves/, tables and pictures made from these.
"""

import argparse
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import yaml

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from paddle_aug.core.paddle_import import import_paddle  # noqa: E402

import_paddle()  # before the modules below do: what it sets counts from Paddle's import on

from paddle_aug.augment import ops  # noqa: E402
from paddle_aug.batches import loader  # noqa: E402
from paddle_aug.commands.suite_plan import suite_name  # noqa: E402
from paddle_aug.core.errors import UserError, run_command  # noqa: E402
from paddle_aug.mix import formulas, methods  # noqa: E402
from paddle_aug.runs.kept import copy_small_files, is_evaluated  # noqa: E402
from paddle_aug.runs.layout import RunPaths, curve_path  # noqa: E402

CONFIG = ROOT / "configs/small_data.yaml"
QUICK = {"data": "digits", "epochs": 20, "batch_size": 10, "per_class": 10}
NINE = "nine values for ten"


def none() -> None:
    """The project as it is."""


def partners_already_mixed() -> None:
    """`x[i] = mix(x[i], x[j])` in a loop: an image whose partner stands before it in the batch is
    paired with one that is mixed already."""

    def mix_batch(policy: methods.MixPolicy, images: Any, labels: Any, rng: np.random.Generator):
        import paddle

        if policy.draw(rng, *images.shape[-2:]) is None:
            return images, labels, labels, 1.0
        partners = formulas.sample_partners(rng, len(labels), policy.pairs)
        mixed = images.numpy()
        for i, j in enumerate(partners):
            mixed[i] = formulas.sample_pairing(mixed[i], mixed[j])
        order = paddle.to_tensor(partners, place=labels.place)
        return paddle.to_tensor(mixed, place=images.place), labels, labels[order], 1.0

    methods.MixPolicy.mix_batch = mix_batch  # type: ignore[method-assign]


def noise_that_wraps() -> None:
    """Noise is rounded and cast to uint8, and added in uint8: 0 with noise -2 becomes 254."""

    def noise(image: np.ndarray, sigma: float, seed: int, per_channel: bool = True) -> np.ndarray:
        shape = image.shape if per_channel else (*image.shape[:2], 1)
        values = np.random.default_rng(seed).normal(0, sigma, shape).round().astype(int)
        return image + values.astype(np.uint8)

    ops.noise = noise


def list_shuffled_once() -> None:
    """The order of the first epoch is that of all: a batch has the same images in every epoch."""
    right = loader.stream

    def stream(seed: int, epoch: int, index: int, *purpose: str) -> np.random.Generator:
        return right(seed, 0 if "shuffle" in purpose else epoch, index, *purpose)

    loader.stream = stream


class Comparison(NamedTuple):
    """The same options without a slip, and with each of these."""

    title: str
    options: dict[str, Any]
    slips: tuple[str, ...]


SLIPS: dict[str, Callable[[], None]] = {
    "none": none,
    "partners already mixed": partners_already_mixed,
    "noise that wraps": noise_that_wraps,
    "list shuffled once": list_shuffled_once,
}
COMPARISONS = (
    Comparison("samplePairing", {"augment": "samplePairing", "partner": "batch"},
               ("none", "partners already mixed", "list shuffled once")),
    # Noise is a part of userDef, so here it stands in the place of flips and shifted crops.
    Comparison("userDef", {"augment": "userDef", "train_transforms": None},
               ("none", "noise that wraps")),
)  # fmt: skip


def folder_of(parent: Path, slip: str, seed: int) -> Path:
    return parent / slip.replace(" ", "_") / f"seed{seed}"


def train(folder: Path, options: dict[str, Any], slip: str) -> Path:
    """Train, or go on, in a process with the slip; returns the folder of the run."""
    config, run = folder / "options.yaml", folder / options["augment"]
    if config.exists() and yaml.safe_load(config.read_text(encoding="utf-8")) != options:
        raise UserError(f"{folder}: holds a run of other options; choose another --output")
    folder.mkdir(parents=True, exist_ok=True)
    config.write_text(yaml.safe_dump(options), encoding="utf-8")
    if is_evaluated(RunPaths.of(run)):
        return run
    started = (run / "checkpoints").exists()
    words = ["--resume", str(run)] if started else ["--config", str(config)]
    subprocess.run([sys.executable, __file__, "--as", slip, *words], check=True)
    evaluate = [str(ROOT / "evaluate.py"), str(run), "--checkpoint", "last"]
    subprocess.run([sys.executable, *evaluate], check=True, stdout=subprocess.DEVNULL)
    return run


def main() -> int:
    if sys.argv[1:2] == ["--as"]:
        from paddle_aug.commands.train import main as train_main

        SLIPS[sys.argv[2]]()
        return train_main(sys.argv[3:])
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    add = parser.add_argument
    add("--seeds", type=int, nargs="+", default=[0], metavar="N")
    add("--amp", choices=["no", "bf16"], default="no")
    add("--quick", action="store_true", help="20 epochs of the bundled digits")
    add("--output", type=Path, help="the runs' folder (default: logs/slips, or logs/slips_quick)")
    add("--results", type=Path, help="gets a folder for each comparison (default: "
        "logs/results/slips, or slips_quick)")  # fmt: skip
    args = parser.parse_args()
    name = suite_name(Path("slips"), args.quick)
    args.output = args.output or Path("logs", name)
    args.results = args.results or Path("logs/results", name)
    base = QUICK if args.quick else yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for comparison in COMPARISONS:
        arguments, curves = [], []
        results = args.results.resolve() / comparison.title
        for seed in args.seeds:
            for slip in comparison.slips:
                folder = folder_of(args.output / comparison.title, slip, seed)
                options = {**base, **comparison.options, "seed": seed, "amp": args.amp,
                           "output": str(folder)}  # fmt: skip
                run = RunPaths.of(train(folder, options, slip))
                kept = folder_of(results / "curves", slip, seed)
                copy_small_files(kept, run)
                arguments.append(f"{slip}={kept}")
                curves.append(np.load(curve_path(kept, run.mode, "accEval")))
        compare = ["compare", *arguments, "--output", str(results), "--baseline", "none"]
        subprocess.run([sys.executable, "-m", "paddle_aug", *compare], check=True, cwd=ROOT)
        nine, ten = (np.mean([curve[part].mean() for curve in curves])
                     for part in (slice(-10, -1), slice(-10, None)))  # fmt: skip
        print(f"{NINE}: {nine:.4f} for {ten:.4f}, mean over the {len(curves)} runs above")
    return 0


if __name__ == "__main__":
    run_command(main)
