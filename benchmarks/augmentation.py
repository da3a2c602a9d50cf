"""Augmentation throughput on one core, beside the SamplePairing article's code and libraries.

    python benchmarks/augmentation.py [--data FOLDER] [--output augmentation.json]

All candidates are measured in turns, in several rounds, and ratios are medians over the rounds, so
that other load on the machine slows all of them alike; time in which another process has the core
is not counted. Prints tables with ratios; --output saves them, as JSON or, with the ending .md, as
Markdown. albumentations, torchvision and imaug are included if they are installed.
"""

# ruff: noqa: E402 - the number of threads must be set before the imports that read it
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[_name] = "1"  # read when NumPy and torch are imported

import argparse
import importlib.metadata
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import augmentation_peers as peers
from paddle_aug.augment import ops
from paddle_aug.augment.policies import POLICIES, build_policy
from paddle_aug.batches.normalise import to_chw
from paddle_aug.core.seeding import stream

Table = dict[str, Any]


def main() -> None:
    arguments = parse_arguments()
    cv2.setNumThreads(1)
    # In a training process glibc keeps freed memory after the first batch. The same is set here:
    # otherwise a third of the time would go into new pages.
    np.ones(1 << 20)
    images = load_images(arguments.data, arguments.size)
    tables = [
        operations_table(images, arguments.rounds, arguments.seconds),
        policies_table(images, arguments.rounds, arguments.seconds),
    ]
    text = "\n\n".join(as_markdown(table) for table in tables)
    environment = describe_environment(arguments, len(images))
    print(f"{environment}\n\n{text}")
    if arguments.output:
        markdown = f"{environment}\n\n{text}\n"
        content = {"environment": environment, "tables": tables}
        is_markdown = arguments.output.suffix == ".md"
        arguments.output.write_text(markdown if is_markdown else json.dumps(content, indent=1))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Augmentation throughput on one core.")
    parser.add_argument("--data", type=Path, help="folder of images (default: generated ones)")
    parser.add_argument("--size", type=int, default=224, help="height and width (default 224)")
    parser.add_argument("--rounds", type=int, default=15, help="measurements of each (default 15)")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of one (default 0.1)")
    parser.add_argument("--output", type=Path, help="save the tables as .json or .md")
    return parser.parse_args()


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
        rows.append([name, *(1e6 / rates[k].median for k in ("Pillow", "ours"))])
        rows[-1].append(rates["ours"].times(rates["Pillow"]))
    out = np.empty((3, *images[0].shape[:2]), np.float32)
    rate = measure({"ours": (lambda image: to_chw(image, out=out), images)}, rounds, seconds)
    rows.append(["to float32 CHW", None, 1e6 / rate["ours"].median, None])
    return {
        "title": "One operation, microseconds an image",
        "columns": ["operation", "SamplePairing article (Pillow)", "ours", "times faster"],
        "rows": rows,
    }


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
        row: list[Any] = [name, rates["ours"].median]
        for other in others:
            known = other in rates
            row.append(rates[other].median if known else None)
            row.append(rates["ours"].times(rates[other]) if known else None)
        rows.append(row)
    columns = ["policy", "ours"]
    for other in others:
        columns += [other, "times faster"]
    return {"title": "Policies, images a second", "columns": columns, "rows": rows}


def seeded(name: str) -> peers.Augment:
    """A policy as in training: with a new random stream for every image."""
    policy = build_policy(name)
    count = iter(range(1 << 60))
    return lambda image: policy(image, stream(0, 0, next(count)))


@dataclass
class Rates:
    """Images a second, one value a round."""

    values: list[float] = field(default_factory=list)

    @property
    def median(self) -> float:
        return statistics.median(self.values)

    def times(self, other: "Rates") -> float:
        """How many times faster: the median over the rounds, in each of which both have the same
        load."""
        return statistics.median(a / b for a, b in zip(self.values, other.values, strict=True))


def measure(
    candidates: dict[str, tuple[Callable[[Any], Any], list[Any]]], rounds: int, seconds: float
) -> dict[str, Rates]:
    """Rates of each candidate (function, images), measured in turns."""
    rates = {name: Rates() for name in candidates}
    for function, images in candidates.values():
        for image in images[:8]:
            function(image)
    for _ in range(rounds):
        for name, (function, images) in candidates.items():
            done, start = 0, time.thread_time()
            while (elapsed := time.thread_time() - start) < seconds:
                function(images[done % len(images)])
                done += 1
            rates[name].values.append(done / elapsed)
    return rates


def as_markdown(table: Table) -> str:
    """The table with its title."""
    lines = [f"### {table['title']}", "", "| " + " | ".join(table["columns"]) + " |"]
    lines.append("|---" * len(table["columns"]) + "|")
    for row in table["rows"]:
        cells = [row[0]]
        for column, value in zip(table["columns"][1:], row[1:], strict=True):
            digits = 1 if column == "times faster" else 0
            cells.append("" if value is None else f"{value:.{digits}f}")
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def describe_environment(arguments: argparse.Namespace, images: int) -> str:
    """One line: machine, versions, settings."""
    versions = []
    for package in (
        "numpy",
        "opencv-python-headless",
        "pillow",
        "albumentations",
        "torchvision",
        "imaug",
    ):
        try:
            versions.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{package} not installed")
    return (
        f"{platform.machine()}, {os.cpu_count()} cores (one used), Python "
        f"{platform.python_version()}, {', '.join(versions)}; {images} "
        f"{'generated ' if arguments.data is None else ''}images of {arguments.size}x"
        f"{arguments.size}, medians of {arguments.rounds} rounds"
    )


if __name__ == "__main__":
    main()
