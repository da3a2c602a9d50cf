"""Reading images: the SamplePairing article's reader against ours; whole batches; the cache.

    python benchmarks/reading.py [--data FOLDER] [--image-size 224] [--output reading.md]

Contenders take turns in several rounds; ratios are medians over the rounds. Files come from the
system's page cache, so this measures the code and not the disk.
"""

# ruff: noqa: E402 - the environment must be set before Paddle is imported
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_aug.core.paddle_import import import_paddle

import_paddle()

import itertools
import shutil
import statistics
import tempfile
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Any

import cv2
import numpy as np
from PIL import Image

from benchmarks import naive_article as article
from benchmarks.article_data import add_arguments, prepare
from benchmarks.common import Table, benchmark_parser, median_ratio, publish
from paddle_aug.augment import ops
from paddle_aug.augment.policies import build_policy
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.batches.loader import Loader
from paddle_aug.data.cached import CachedDataset
from paddle_aug.data.decode import read_image
from paddle_aug.data.load import DataOptions, FileDataset, load_data

Rates = dict[str, list[float]]
ARTICLE = "the SamplePairing article's reader"


def main(argv: Sequence[str] | None = None) -> dict[str, Any]:
    arguments = parse_arguments(argv)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary, "data")
        folder.mkdir()
        prepare(folder, arguments.data, arguments.images)
        dataset, _ = load_data(DataOptions(data=str(folder)))
        assert isinstance(dataset, FileDataset)
        cache = Path(temporary, "cache")
        tables = [
            cache_table(arguments, dataset, cache),
            images_table(arguments, dataset, cache),
            batches_table(arguments, folder, dataset, cache),
        ]
    return publish(tables, arguments.output, argv)


def parse_arguments(argv: Sequence[str] | None) -> Namespace:
    parser = benchmark_parser(__doc__)
    add_arguments(parser)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a measurement")
    parser.add_argument("--workers", nargs="+", default=["0", "thread", "1", "2", "4"])
    return parser.parse_args(argv)


def cache_table(arguments: Namespace, dataset: FileDataset, cache: Path) -> Table:
    """Building the cache, and opening one that is there."""
    size = (arguments.image_size, arguments.image_size)
    built, opened, volume = [], [], 0
    for _ in range(min(3, arguments.rounds)):
        shutil.rmtree(cache, ignore_errors=True)
        for seconds in (built, opened):
            start = time.perf_counter()
            cached = CachedDataset(dataset, size, directory=cache, progress=False)
            seconds.append(time.perf_counter() - start)
        assert cached.cache_path is not None
        volume = cached.cache_path.stat().st_size
    rows = []
    for name, seconds in (("build", built), ("open", opened)):
        rate = len(dataset) / statistics.median(seconds)
        rows.append([name, statistics.median(seconds), rate, median_ratio(built, seconds)])
    return Table(
        "The cache of decoded images",
        ["what", "seconds", "images/s", "times faster"],
        rows,
        f"{len(dataset)} images of {size[0]}x{size[1]}, {volume / 1e6:.1f} MB on disk.",
    )


def images_table(arguments: Namespace, dataset: FileDataset, cache: Path) -> Table:
    """One image as uint8 of the model's size, without augmentation, in one thread."""
    side = arguments.image_size
    size = (side, side)
    cached = CachedDataset(dataset, size, directory=cache, progress=False)

    def by_the_article(index: int) -> np.ndarray:
        image = cv2.imread(dataset.paths[index])
        assert image is not None, dataset.paths[index]
        return cv2.resize(cv2.cvtColor(image, cv2.COLOR_BGR2RGB), size)

    def pillow(index: int) -> np.ndarray:
        picture = Image.open(dataset.paths[index]).convert("RGB")
        return np.asarray(picture.resize(size, Image.Resampling.BILINEAR))

    readers: dict[str, Callable[[int], Any]] = {
        ARTICLE: by_the_article,
        "Pillow": pillow,
        "ours, decoded": lambda index: ops.resize(
            read_image(dataset.paths[index]), *size, antialias=False
        ),
        "ours, cached": lambda index: cached[index],
    }
    # Each continues where it stopped, so that all of them read all files, equally cached.
    rates: Rates = {name: [] for name in readers}
    indices = {name: itertools.cycle(range(len(dataset))) for name in readers}
    for _ in range(arguments.rounds):
        for name, reader in readers.items():
            done, start = 0, time.perf_counter()
            while (elapsed := time.perf_counter() - start) < arguments.seconds:
                reader(next(indices[name]))
                done += 1
            rates[name].append(done / elapsed)
    return rates_table(
        f"Reading one image at {side}x{side}", rates, "Decoded and resized, uint8, one thread."
    )


def batches_table(arguments: Namespace, folder: Path, dataset: FileDataset, cache: Path) -> Table:
    """Whole batches as a model takes them: read, userDef, float32 CHW, stacked."""
    side, batch = arguments.image_size, arguments.batch_size
    reader = article.data_reader(folder, "train", side, batch, "userDef")
    cached = CachedDataset(dataset, (side, side), directory=cache, progress=False)
    decoded = CachedDataset(dataset, (side, side), limit_bytes=0)
    policy = build_policy("userDef")
    views = {
        "decoded": AugmentedDataset(decoded, policy, side),
        "cached": AugmentedDataset(cached, policy, side),
    }
    with ExitStack() as stack:
        sources: dict[str, Callable[[int], Iterable[Any]]] = {ARTICLE: lambda epoch: reader()}
        for workers in arguments.workers:
            chosen = workers if workers == "thread" else int(workers)
            for kind, view in views.items():
                # Worker processes are measured with the cache only, as runs use them.
                if kind == "decoded" and workers != "0":
                    continue
                loader = Loader(view, batch, shuffle=True, workers=chosen)
                stack.callback(loader.close)
                sources[f"ours, {kind}, workers {workers}"] = loader.epoch
        rates = take_turns(sources, arguments)
    return rates_table(
        f"Batches of {batch} at {side}x{side}",
        rates,
        "Read, augmented (userDef), normalised to float32 CHW, stacked; nothing consumes them, so "
        "that all cores are free to make them. The SamplePairing article's reader shares this "
        "process, whose allocator keeps freed memory, which helps it too.",
    )


def take_turns(sources: dict[str, Callable[[int], Iterable[Any]]], arguments: Namespace) -> Rates:
    """Images a second of each source of batches; a round continues where the last one stopped."""
    rates: Rates = {name: [] for name in sources}
    streams = {
        name: itertools.chain.from_iterable(map(source, itertools.count()))
        for name, source in sources.items()
    }
    for batches in streams.values():
        next(batches)  # starts the workers
    for _ in range(arguments.rounds):
        for name, batches in streams.items():
            # Batches that were made while the others had their turn are not counted.
            for _ in range(10):
                next(batches)
            done, start = 0, time.perf_counter()
            while (elapsed := time.perf_counter() - start) < arguments.seconds:
                done += len(next(batches)[0])
            rates[name].append(done / elapsed)
    return rates


def rates_table(title: str, rates: Rates, note: str) -> Table:
    rows = [
        [name, statistics.median(values), median_ratio(values, rates[ARTICLE])]
        for name, values in rates.items()
    ]
    return Table(title, ["contender", "images/s", "times faster"], rows, note)


if __name__ == "__main__":
    main()
