"""Writes images in the layout of the SamplePairing article's data, for all contenders to read.

FOLDER/Images/<class>/<number>.jpg   FOLDER/Train.txt   FOLDER/Eval.txt   ("path label" lines)
"""

import shutil
from argparse import ArgumentParser
from pathlib import Path

import cv2
import numpy as np


def prepare(
    folder: Path, data: str | None, images: int | None, classes: int = 16, side: int = 256
) -> tuple[int, int]:
    """Fill `folder` with copies of the images of `data`, or with generated ones for None.

    images: at most so many training images (None: all of data, or 1400 generated ones), and
    evaluation images in proportion. classes, side: of generated images. Returns (training,
    evaluation images).
    """
    if data is None:
        count = images or 1400
        generate(folder / "Images", count + count // 4, min(classes, count), side)
        paths = sorted((folder / "Images").rglob("*.jpg"), key=lambda path: path.name)
        rows = [(path, int(path.parent.name)) for path in paths]
        train, evaluation = rows[:count], rows[count:] or rows[:1]
    else:
        train, evaluation = _copied(folder, data, images)
    for name, rows in (("Train.txt", train), ("Eval.txt", evaluation)):
        lines = [f"{path.relative_to(folder / 'Images')} {label}\n" for path, label in rows]
        (folder / name).write_text("".join(lines))
    return len(train), len(evaluation)


def add_arguments(parser: ArgumentParser) -> None:
    """--data and --images, which `prepare` takes."""
    parser.add_argument("--data", help="anything train.py takes (default: generated JPEGs)")
    parser.add_argument("--images", type=int, default=1400, help="at most (default 1400)")


def generate(folder: Path, count: int, classes: int, side: int) -> None:
    """Write JPEGs of side x 1.25 side pixels, with file sizes like those of photographs."""
    rng = np.random.default_rng(0)
    shape = (side, side * 5 // 4)
    for number in range(count):
        coarse = rng.integers(0, 256, (max(2, side // 16), max(2, side // 16), 3), np.uint8)
        image = cv2.resize(coarse, shape[::-1], interpolation=cv2.INTER_CUBIC)
        grain = rng.integers(0, 24, (*shape, 3), np.uint8)
        path = folder / str(number % classes) / f"{number:06d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), cv2.add(image, grain), [cv2.IMWRITE_JPEG_QUALITY, 85])


def _copied(
    folder: Path, data: str, images: int | None
) -> tuple[list[tuple[Path, int]], list[tuple[Path, int]]]:
    from paddle_aug.data.load import DataOptions, FileDataset, load_data

    train, evaluation = load_data(DataOptions(data=data))
    if not isinstance(train, FileDataset) or not isinstance(evaluation, FileDataset):
        raise SystemExit(
            f"error: --data {data}: needs image files, as the SamplePairing article's reader does"
        )
    share = min(1.0, (images or len(train)) / len(train))
    parts = []
    for name, dataset in (("train", train), ("eval", evaluation)):
        # Evenly spaced, as lists are often sorted by class.
        count = max(1, round(share * len(dataset)))
        chosen = np.linspace(0, len(dataset) - 1, count).round().astype(int)
        rows = []
        for number in chosen:
            # Names without spaces, at which the SamplePairing article's reader would split them.
            source, label = Path(dataset.paths[number]), int(dataset.labels[number])
            path = folder / "Images" / str(label) / f"{name}{number:06d}{source.suffix.lower()}"
            path.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, path)
            rows.append((path, label))
        parts.append(rows)
    return parts[0], parts[1]
