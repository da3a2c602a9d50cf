"""The report on a scanned data set, as JSON, as text and as a picture."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from tabulate import tabulate

from paddle_aug.core.text import counted
from paddle_aug.data.scan import FoundImage, Scan
from paddle_aug.language import translate, translated
from paddle_aug.report.figure import class_labels, make_readable, new_figure

TINY_SIDE = 8
EXTREME_ASPECT = 4.0
UNEQUAL_CLASSES = 10.0
LISTED = 20
SHEET_CLASSES = 40
_PARTS = ("train", "eval")


def summarize(scan: Scan, data: str, read_as: Sequence[str] = ()) -> dict[str, Any]:
    """The report as plain values for JSON.

    data: where the images come from. read_as: what was concluded about them. "problems" in the
    report are faults that make training or evaluation wrong, "notes" are other facts.
    """
    groups = scan.duplicates()
    classes = _class_counts(scan)
    across = [group for group in groups if _differ(group, "part")]
    contradicting = [group for group in groups if _differ(group, "label")]
    problems, notes = [], []

    def say(lines: list[str], count: int, several: str, one: str = "") -> None:
        if count:
            lines.append(counted(count, one, several))

    def among(rows: list[list[FoundImage]]) -> int:
        return sum(map(len, rows))

    say(problems, len(scan.bad), "images cannot be read", "image cannot be read")
    say(problems, among(across), "images are the same in training and in evaluation")
    say(problems, among(contradicting), "images are the same with different labels")
    untrained = [row["class"] for row in classes if not row["train"]]
    names = f"no training image: {', '.join(untrained):.200}"
    say(problems, len(untrained), f"classes have {names}", f"class has {names}")

    trained = [row["class"] for row in classes if row["train"]]
    if len(trained) == 1:
        problems.append(f"all training images are of one class, {trained[0]!r}: nothing to learn")

    copies = [g for g in groups if not _differ(g, "part") and not _differ(g, "label")]
    say(notes, among(copies) - len(copies), "images are copies of others in the same part",
        "image is a copy of another in the same part")  # fmt: skip
    unseen = [row["class"] for row in classes if not row["eval"]]
    names = f"no evaluation image: {', '.join(unseen):.200}"
    say(notes, len(unseen), f"classes have {names}", f"class has {names}")
    sizes = [found.size for found in scan.found if not found.reason]
    tiny = sum(min(size) < TINY_SIDE for size in sizes)
    side = f"a side of less than {TINY_SIDE} pixels"
    say(notes, tiny, f"images have {side}", f"image has {side}")
    extreme = sum(max(size) > EXTREME_ASPECT * min(size) for size in sizes)
    aspect = f"more than {EXTREME_ASPECT:g} times as long as wide"
    say(notes, extreme, f"images are {aspect}", f"image is {aspect}")
    counts = [row["train"] for row in classes if row["train"]]
    if counts and max(counts) > UNEQUAL_CLASSES * min(counts):
        notes.append(f"the largest class has {max(counts):,} training images, "
                     f"the smallest {min(counts):,}")  # fmt: skip
    return {
        "data": data,
        "read_as": list(read_as),
        "images": {part: sum(f.part == part for f in scan.found) for part in _PARTS},
        "problems": problems,
        "notes": notes,
        "bad": [_entry(scan, found) | {"reason": found.reason} for found in scan.bad],
        "classes": classes,
        "sizes": _size_statistics(scan),
        "duplicates": [[_entry(scan, found) for found in group] for group in groups],
    }


def _differ(group: list[FoundImage], name: str) -> bool:
    """Whether an attribute of the images has several values."""
    return len({getattr(found, name) for found in group}) > 1


def _entry(scan: Scan, found: FoundImage) -> dict[str, str]:
    return {"part": found.part, "image": found.source, "class": scan.classes[found.label]}


def _class_counts(scan: Scan) -> list[dict[str, Any]]:
    counts = Counter((found.label, found.part) for found in scan.found if not found.reason)
    return [
        {"class": name, **{part: counts[number, part] for part in _PARTS}}
        for number, name in enumerate(scan.classes)
    ]


def _size_statistics(scan: Scan) -> dict[str, Any]:
    good = [found for found in scan.found if not found.reason]
    if not good:
        return {}
    sizes = np.array([found.size for found in good], np.int64)
    figures = {
        "width": sizes[:, 1],
        "height": sizes[:, 0],
        "width / height": np.round(sizes[:, 1] / sizes[:, 0], 3),
    }
    common, count = Counter(found.size for found in good).most_common(1)[0]
    area = sizes.prod(axis=1)
    return {
        "figures": {
            name: {"least": v.min().item(), "median": float(np.median(v)), "most": v.max().item()}
            for name, v in figures.items()
        },
        "most common": {"width": common[1], "height": common[0], "images": count},
        "smallest": good[int(area.argmin())].source,
        "largest": good[int(area.argmax())].source,
    }


def format_summary(summary: dict[str, Any]) -> str:
    """The report for a terminal, in the user's language: of unreadable files and of copies the
    first ones."""
    images = summary["images"]
    head = [f"{summary['data']}: {images['train']:,} training and {images['eval']:,} evaluation "
            f"images, {len(summary['classes'])} classes"]  # fmt: skip
    head += [f"  {line}" for line in summary["read_as"]]
    rows = [list(row.values()) for row in summary["classes"]]
    tables = ["", tabulate(rows, translated(["class", *_PARTS]))]
    lines = []
    if sizes := summary["sizes"]:
        rows = [[translate(name), *values.values()] for name, values in sizes["figures"].items()]
        headers = translated(["pixels", "least", "median", "most"])
        tables += ["", tabulate(rows, headers)]
        common = sizes["most common"]
        images_of_it = counted(common["images"], "image")
        lines += [
            f"most common {common['width']}x{common['height']} ({images_of_it})",
            f"smallest {sizes['smallest']}, largest {sizes['largest']}",
        ]
    if groups := summary["duplicates"]:
        copies = [" = ".join(_place(entry) for entry in group) for group in groups]
        lines += [
            "",
            "with the same pixels:",
            *_first(copies, counted(len(copies) - LISTED, "more group")),
        ]
    if summary["bad"]:
        bad = [f"{_place(entry)}: {entry['reason']}" for entry in summary["bad"]]
        lines += ["", "cannot be read:", *_first(bad, counted(len(bad) - LISTED, "more image"))]
    lines.append("")
    lines += [f"problem: {line}" for line in summary["problems"]]
    lines += [f"note: {line}" for line in summary["notes"]]
    if not summary["problems"]:
        lines.append("no problems found")
    return "\n".join([*translated(head), *tables, *translated(lines)])


def _first(lines: list[str], rest: str) -> list[str]:
    """The first LISTED of the lines; rest: how many more there are, in words."""
    end = [f"  and {rest}: all are in check.json"] if len(lines) > LISTED else []
    return [f"  {line}" for line in lines[:LISTED]] + end


def _place(entry: dict[str, str]) -> str:
    return f"{entry['image']} ({entry['part']}, {entry['class']})"


def contact_sheet(scan: Scan) -> Figure:
    """A sheet with a row of training images for each class, or for the first of many classes."""
    labels = sorted(label for label, images in scan.images.items() if images)[:SHEET_CLASSES]
    if not labels:
        figure = new_figure(4, 1)
        figure.text(0.5, 0.5, "no image can be read", ha="center", va="center")
        return figure
    rows = [scan.images[label] for label in labels]
    side, gap = rows[0][0].shape[0], 4
    columns = max(map(len, rows))
    sheet = np.full((len(rows) * (side + gap), columns * (side + gap), 3), 255, np.uint8)
    for row, images in enumerate(rows):
        for column, image in enumerate(images):
            top, left = row * (side + gap), column * (side + gap)
            sheet[top : top + side, left : left + side] = image
    figure = new_figure(columns + 2, len(rows) + 0.4)
    # Images keep their shape: the usual layout would put the names' space beside them.
    figure.set_layout_engine("compressed")
    axes = figure.add_subplot()
    axes.imshow(sheet, interpolation="nearest")
    axes.set_xticks([])
    places: Sequence[float] = [row * (side + gap) + side / 2 for row in range(len(rows))]
    names = class_labels(scan.classes)
    axes.set_yticks(places, [names[label] for label in labels], parse_math=False)
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(scan.classes) > len(labels):
        axes.set_title(f"{len(labels)} of {len(scan.classes)} classes", fontsize="small")
    make_readable(figure)
    return figure
