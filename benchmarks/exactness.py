"""How exactly our operations reproduce those of Pillow and of imgaug 0.4.0.

    python benchmarks/exactness.py [--images 360] [--output exactness.md]

Pillow: every operation of userDef, at 28 and 224 pixels, with drawn amounts on crops of
scikit-learn's two photographs; the rotation at all whole angles in turn, on noise, where equal
neighbours cannot hide a wrong pixel. imgaug: the arrays in tests/golden, which
tools/imgaug_golden.py makes.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance
from sklearn.datasets import load_sample_images

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.augmentation_peers import pillow_crop
from benchmarks.common import Table, benchmark_parser, publish
from paddle_aug.augment import ops
from tests.imgaug_cases import CASES, expected, ours, strength

Pair = tuple[np.ndarray, np.ndarray]  # ours and theirs
# Arguments: a picture, random numbers, the number of the picture.
Compare = Callable[[np.ndarray, np.random.Generator, int], Pair]
_SIZES = (28, 224)
_CLOSENESS = ("equal, %", "in the worst image, %", "largest", "off by 2")


def main(argv: Sequence[str] | None = None) -> dict:
    """Measure, print and save the tables; returns what is saved."""
    parser = benchmark_parser(__doc__)
    parser.add_argument("--images", type=int, default=360, help="of each size (default 360)")
    arguments = parser.parse_args(argv)
    tables = [pillow_table(arguments.images), imgaug_table()]
    return publish(tables, arguments.output, argv)


def pillow_table(count: int) -> Table:
    """Table of the comparison with Pillow, a row for each operation."""
    rows = []
    pictures = {size: photographs(size, count) for size in _SIZES}
    for name, compare in operations().items():
        row: list[str] = []
        for size in _SIZES:
            rng = np.random.default_rng(0)
            row += closeness([compare(p, rng, n) for n, p in enumerate(pictures[size])])
        rows.append([name, *row])
    columns = [f"{what} ({size})" for size in _SIZES for what in _CLOSENESS]
    note = (
        f"{count} images of each size (in brackets). Equal: pixels that are the same in all "
        "channels. Largest: difference of two values, levels of 0..255. Off by 2: values whose "
        "difference is 2 or more, in a million."
    )
    return Table("userDef's operations against Pillow", ["operation", *columns], rows, note)


def photographs(size: int, count: int) -> list[np.ndarray]:
    """Square crops of photographs, uint8 [size, size, 3]."""
    rng = np.random.default_rng(0)
    pictures = [Image.fromarray(image) for image in load_sample_images().images]
    crops = []
    for number in range(count):
        picture = pictures[number % len(pictures)]
        side = int(rng.integers(120, min(picture.size)))
        left, top = (int(rng.integers(0, extent - side + 1)) for extent in picture.size)
        crop = picture.crop((left, top, left + side, top + side))
        crops.append(np.asarray(crop.resize((size, size), Image.Resampling.BICUBIC)))
    return crops


def operations() -> dict[str, Compare]:
    """By name: a function that gives our and Pillow's result, at amounts that userDef draws."""

    def enhance(name: str) -> Compare:
        def both(image: np.ndarray, rng: np.random.Generator, number: int) -> Pair:
            factor = rng.uniform(0.5, 1.5)
            enhancer = getattr(ImageEnhance, name.capitalize())(Image.fromarray(image))
            return getattr(ops, name)(image, factor), np.asarray(enhancer.enhance(factor))

        return both

    def crop(resample: str) -> Compare:
        def both(image: np.ndarray, rng: np.random.Generator, number: int) -> Pair:
            ratios = rng.uniform(1, 1.5, 2)
            theirs = pillow_crop(Image.fromarray(image), *ratios, resample)
            return ops.crop(image, *ratios, resample), np.asarray(theirs)

        return both

    def rotate(image: np.ndarray, rng: np.random.Generator, number: int) -> Pair:
        noise = rng.integers(0, 256, image.shape, np.uint8)
        return ops.rotate(noise, number % 360), np.asarray(Image.fromarray(noise).rotate(number))

    return {
        **{name: enhance(name) for name in ("brightness", "contrast", "color", "sharpness")},
        **{f"crop {resample}": crop(resample) for resample in ops.RESAMPLES},
        "rotate": rotate,
    }


def closeness(pairs: Sequence[Pair]) -> list[str]:
    """The figures named in _CLOSENESS, for images of one size."""
    errors = np.array([np.abs(ours.astype(np.int16) - theirs) for ours, theirs in pairs])
    equal = 100 * (errors.max(axis=-1) == 0).mean(axis=(1, 2))
    far = 1e6 * (errors >= 2).mean()
    return [f"{equal.mean():.2f}", f"{equal.min():.2f}", str(errors.max()), f"{far:.1f}"]


def imgaug_table() -> Table:
    """Table of the comparison with imgaug 0.4.0, a row for each operation."""
    rows = []
    for op in dict.fromkeys(case["op"] for case in CASES.values()):
        names = [name for name, case in CASES.items() if case["op"] == op]
        errors = [np.abs(ours(name) - expected(name)) for name in names]
        changes = [strength(ours(name), name) for name in names]
        theirs = [strength(expected(name), name) for name in names]
        mean = float(np.mean([error.mean() for error in errors]))
        largest = max(int(error.max()) for error in errors)
        rows.append(
            [op, len(names), mean, largest, float(np.mean(changes)), float(np.mean(theirs))]
        )
    columns = ["operation", "cases", "mean difference", "largest", "ours changes by", "theirs"]
    note = "Levels of 0..255, the last two columns: mean change of a value by the operation."
    return Table("imgaugLib's operations against imgaug 0.4.0", columns, rows, note)


if __name__ == "__main__":
    main()
