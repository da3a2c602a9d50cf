"""Augmentation throughput on one core, beside the SamplePairing article's code and libraries.

    python benchmarks/augmentation.py [--data FOLDER] [--output augmentation.json]

All candidates are measured in turns, in several rounds, and ratios are medians over the rounds, so
that other load on the machine slows all of them alike; time in which another process has the core
is not counted. albumentations, torchvision and imaug are included if they are installed.
"""

# ruff: noqa: E402 - the number of threads must be set before the imports that read it
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # read when NumPy and torch are imported

import argparse
import importlib.metadata
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import augmentation_peers as peers
from benchmarks.common import Table, benchmark_parser, median_ratio, publish
from paddle_aug.augment import ops
from paddle_aug.augment.policies import POLICIES, build_policy
from paddle_aug.batches.normalise import to_chw
from paddle_aug.core.seeding import stream

Rates = dict[str, list[float]]  # images a second, one value a round


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    arguments = parse_arguments(argv)
    cv2.setNumThreads(1)
    # In a training process glibc keeps freed memory after the first batch. The same is set here:
    # otherwise a third of the time would go into new pages.
    np.ones(1 << 20)
    images = load_images(arguments.data, arguments.size)
    tables = [
        operations_table(images, arguments.rounds, arguments.seconds),
        policies_table(images, arguments.rounds, arguments.seconds),
    ]
    tables[-1].note = describe_setting(arguments, len(images))
    return publish(tables, arguments.output, argv)


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = benchmark_parser(__doc__)
    parser.add_argument("--data", type=Path, help="folder of images (default: generated ones)")
    parser.add_argument("--size", type=int, default=224, help="height and width (default 224)")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each (default 15)")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of one (default 0.1)")
    return parser.parse_args(argv)


def load_images(folder: Path | None, size: int, limit: int = 64) -> list[np.ndarray]:
    """uint8 [size, size, 3]: the first images of a folder, or generated ones."""
    if folder is None:
        rng = np.random.default_rng(0)
        coarse = rng.integers(0, 256, (16, size // 8, size // 8, 3), np.uint8)
        return [cv2.resize(c, (size, size), interpolation=cv2.INTER_CUBIC) for c in coarse]
    endings = {".jpg", ".jpeg", ".png", ".bmp", ".webp"}
    paths = sorted(p for p in folder.rglob("*") if p.suffix.lower() in endings)[:limit]
    if not paths:
        sys.exit(f"error: {folder}: no images there")
    return [np.asarray(Image.open(p).convert("RGB").resize((size, size))) for p in paths]


def operations_table(images: list[np.ndarray], rounds: int, seconds: float) -> Table:
    """Table of single operations, microseconds an image: Pillow's and ours."""
    ours: dict[str, Callable[[np.ndarray], Any]] = {
        "brightness": lambda image: ops.brightness(image, 1.23),
        "contrast": lambda image: ops.contrast(image, 1.23),
        "color": lambda image: ops.color(image, 1.23),
        "sharpness": lambda image: ops.sharpness(image, 1.23),
        **{
            f"crop {resample}": lambda image, r=resample: ops.crop(image, 1.23, 1.31, r)
            for resample in ops.RESAMPLES
        },
        "flip": lambda image: ops.flip(image, True, False),
        "rotate": lambda image: ops.rotate(image, 33),
        "noise": lambda image: ops.noise(image, 3.3, 12345),
    }
    pillow_images = [Image.fromarray(image) for image in images]
    rows = []
    for name, pillow in peers.pillow_operations().items():
        rates = measure(
            {"Pillow": (pillow, pillow_images), "ours": (ours[name], images)}, rounds, seconds
        )
        times = (1e6 / statistics.median(rates[k]) for k in ("Pillow", "ours"))
        rows.append([name, *times, median_ratio(rates["ours"], rates["Pillow"])])
    out = np.empty((3, *images[0].shape[:2]), np.float32)
    rate = measure({"ours": (lambda image: to_chw(image, out=out), images)}, rounds, seconds)
    rows.append(["to float32 CHW", None, 1e6 / statistics.median(rate["ours"]), None])
    columns = ["operation", "SamplePairing article (Pillow)", "ours", "times faster"]
    return Table("One operation, microseconds an image", columns, rows)


def policies_table(images: list[np.ndarray], rounds: int, seconds: float) -> Table:
    """Table of whole policies, images a second: ours and the most similar ones of others."""
    others = {
        "SamplePairing article (Pillow)": {"userDef": peers.article_policy()},
        "albumentations": peers.albumentations_policies(),
        "torchvision": peers.torchvision_policies(),
        "imaug": peers.imgaug_policies(),
    }
    rows = []
    for name in POLICIES:
        candidates = {"ours": (seeded(name), images)}
        candidates |= {k: (v[name], images) for k, v in others.items() if name in v}
        rates = measure(candidates, rounds, seconds)
        row: list[Any] = [name, statistics.median(rates["ours"])]
        for other in others:
            known = other in rates
            row.append(statistics.median(rates[other]) if known else None)
            row.append(median_ratio(rates["ours"], rates[other]) if known else None)
        rows.append(row)
    columns = ["policy", "ours"]
    for other in others:
        columns += [other, "times faster"]
    return Table("Policies, images a second", columns, rows)


def seeded(name: str) -> peers.Augment:
    """A policy as in training: with a new random stream for every image."""
    policy = build_policy(name)
    count = iter(range(1 << 60))
    return lambda image: policy(image, stream(0, 0, next(count)))


def measure(
    candidates: dict[str, tuple[Callable[[Any], Any], list[Any]]], rounds: int, seconds: float
) -> Rates:
    """Rates of each candidate (function, images), measured in turns."""
    rates: Rates = {name: [] for name in candidates}
    for function, images in candidates.values():
        for image in images[:8]:
            function(image)
    for _ in range(rounds):
        for name, (function, images) in candidates.items():
            done, start = 0, time.thread_time()
            while (elapsed := time.thread_time() - start) < seconds:
                function(images[done % len(images)])
                done += 1
            rates[name].append(done / elapsed)
    return rates


def describe_setting(arguments: argparse.Namespace, images: int) -> str:
    """The table's note: what was measured, and the versions of the libraries beside ours."""
    versions = []
    for package in ("albumentations", "torchvision", "imaug"):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return (
        f"{', '.join(versions)}; one core; {images} "
        f"{'generated ' if arguments.data is None else ''}images of {arguments.size}x"
        f"{arguments.size}, medians of {arguments.rounds} rounds."
    )


if __name__ == "__main__":
    main()
