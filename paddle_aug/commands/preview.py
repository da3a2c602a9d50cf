"""python -m paddle_aug preview: sheets of augmented and mixed images."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddle_aug.commands.arguments import positive
from paddle_aug.core.errors import UserError

if TYPE_CHECKING:
    from paddle_aug.commands.preview_sheets import Photo
    from paddle_aug.report.image_sheet import Grid

# Sheet: images it needs, and what it shows.
SHEETS = {
    "pairing": (2, "3x3: originals, augmented images, their SamplePairing"),
    "mixup": (2, "4x4: two originals, two augmented, 12 mixups with their lam"),
    "mixup-lam": (2, "3x3: mixups of the originals, lam 0.1 to 0.9"),
    "cutmix": (2, "images and their CutMix with the label that results"),
    "cutout": (1, "images with a square cut out"),
    "draws": (1, "2x4: an image and draws of one policy or operation"),
}
SHEET_OF_MIX = {
    "samplePairing": "pairing", "mixup": "mixup", "cutmix": "cutmix", "cutout": "cutout",
}  # fmt: skip
# Options that the other sheets would ignore.
_OF_SHEETS = {
    "augment": ("pairing", "mixup", "draws"),
    "operation": ("pairing", "mixup", "draws"),
    "alpha": ("mixup", "cutmix"),
    "rows": ("draws",),
    "columns": ("draws",),
}

EPILOG = (
    "sheets:\n"
    + "\n".join(f"  {name:<11}{text}" for name, (_, text) in SHEETS.items())
    + """

examples:
  python -m paddle_aug preview                                the article's pairing sheet
  python -m paddle_aug preview --image cat.jpg                draws of userDef
  python -m paddle_aug preview --augment mixup                twelve mixups
  python -m paddle_aug preview --augment imgaugLib            draws of a policy
  python -m paddle_aug preview --operation RandomHorizontalFlip --image cat.jpg
  python -m paddle_aug preview --rows 3 --columns 3 --operation "Resize: 120" \\
      --operation RandomHorizontalFlip --operation "RandomCrop: 96"
"""
)


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m paddle_aug preview",
        description="Draw what an augmentation does to images. Without --image or --data: two "
        "photographs that come with scikit-learn.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--sheet", choices=list(SHEETS), help="default: what shows --augment or --operation best")
    add("--augment", metavar="NAME", help="a value of train.py --augment (default: userDef)")
    add(
        "--operation", metavar="YAML", action="append",
        help="one of torchvision's transforms instead of --augment, such as RandomHorizontalFlip "
        'or "RandomCrop: 96"; given several times, one after the other',
    )  # fmt: skip
    add("--image", metavar="FILE", action="append", help="image to use; may be given several times")
    add(
        "--data", metavar="DATA", help="take images of this data set, as train.py --data; or digits"
    )
    add("--image-size", metavar="N", type=positive, help="scale images to NxN first, as train.py")
    add("--alpha", metavar="A", type=float, help="lam ~ Beta(A, A) (mixup 1.5, cutmix 1)")
    add("--rows", metavar="N", type=positive, help="of draws (default: 2)")
    add("--columns", metavar="N", type=positive, help="of draws (default: 4)")
    add("--seed", metavar="N", type=int, default=0, help="other images and draws (default: 0)")
    add("--output", metavar="FILE", type=Path, help="picture (default: preview_<sheet>.png)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draw one sheet, write it and print its path."""
    parser = build_parser()
    args = parser.parse_args(argv)
    if args.image and args.data:
        parser.error("give --image or --data, not both")
    if args.augment and args.operation:
        parser.error("give --augment or --operation, not both")
    if args.seed < 0 or (args.alpha is not None and not args.alpha > 0):
        parser.error("--seed must be 0 or more, and --alpha greater than 0")
    sheet = args.sheet or choose_sheet(args.augment, args.operation, len(args.image or ()))
    refuse_ignored(sheet, args)
    output = args.output or Path(f"preview_{sheet}.png")
    if output.is_dir() or not output.suffix:
        output = output / f"preview_{sheet}.png"

    from paddle_aug.report.figure import save_figure
    from paddle_aug.report.image_sheet import draw_sheet

    photos, excluded = load_photos(args)
    if len(photos) < SHEETS[sheet][0]:
        raise UserError(f"--sheet {sheet} needs {SHEETS[sheet][0]} images: give --image again")
    grid, title = build_sheet(sheet, photos, excluded, args)
    print(f"wrote {save_figure(draw_sheet(grid, title), output)}")
    return 0


def choose_sheet(augment: str | None, operations: Sequence[str] | None, images: int = 0) -> str:
    """The sheet that shows a policy best: its own for a mix, draws for an image part.

    images: how many were named; a single one cannot be paired.
    """
    if augment in SHEET_OF_MIX:
        return SHEET_OF_MIX[augment]
    return "draws" if augment or operations or images == 1 else "pairing"


def refuse_ignored(sheet: str, args: argparse.Namespace) -> None:
    """Raise UserError for an option without effect on the sheet."""
    for name, sheets in _OF_SHEETS.items():
        ignored = getattr(args, name) is not None and sheet not in sheets
        if ignored and not (name == "augment" and SHEET_OF_MIX.get(args.augment) == sheet):
            raise UserError(f"{name}: only with --sheet {' or '.join(sheets)}, this is {sheet}")


def build_sheet(
    sheet: str, photos: "Sequence[Photo]", excluded: frozenset[str], args: argparse.Namespace
) -> "tuple[Grid, str]":
    """Cells and title of a sheet."""
    from paddle_aug.commands import preview_sheets as sheets

    if sheet == "mixup-lam":
        return sheets.mixup_lam_sheet(photos[0], photos[1]), "Mixup, lam weights the first image"
    if sheet == "cutmix":
        return sheets.cutmix_sheet(photos, args.seed, args.alpha or 1.0), "CutMix"
    if sheet == "cutout":
        return sheets.cutout_sheet(photos, args.seed), "Cutout"
    transform, name = build_transform(args.augment, args.operation, excluded)
    if sheet == "pairing":
        grid = sheets.pairing_sheet(photos[0], photos[1], transform, name, args.seed)
        return grid, "SamplePairing"
    if sheet == "mixup":
        alpha = args.alpha or 1.5
        grid = sheets.mixup_sheet(photos[0], photos[1], transform, name, args.seed, alpha)
        return grid, f"Mixup, lam ~ Beta({alpha:g}, {alpha:g})"
    rows, columns = args.rows or 2, args.columns or 4
    return sheets.draws_sheet(photos[0], transform, args.seed, rows, columns), name


def build_transform(
    augment: str | None, operations: Sequence[str] | None, excluded: frozenset[str]
) -> tuple[Any, str]:
    """The image part that the options name, and its name for titles."""
    from paddle_aug.augment.policies import build_policy
    from paddle_aug.augment.transform_list import build_transforms

    if operations:
        steps = [step for text in operations for step in _parse_operation(text)]
        names = [next(iter(step)) if isinstance(step, dict) else str(step) for step in steps]
        return build_transforms(steps), ", ".join(names)

    from paddle_aug.modes import AUGMENTS, MIXES, mixing_of

    augment = augment or "userDef"
    if augment not in AUGMENTS:
        raise UserError(f"--augment {augment}: not one of {', '.join(AUGMENTS)}")
    base = mixing_of(augment).base if augment in MIXES else augment
    return build_policy(base, excluded), base


def load_photos(args: argparse.Namespace) -> "tuple[list[Photo], frozenset[str]]":
    """The images to show, and the operations that would change what they show."""
    from paddle_aug.augment import ops
    from paddle_aug.commands.preview_sheets import Photo
    from paddle_aug.data.decode import read_image
    from paddle_aug.report.figure import class_labels, print_font_note

    excluded: frozenset[str] = frozenset()
    if args.image:
        names = [Path(path).stem for path in args.image]
        print_font_note(names, "file names")
        photos = [
            Photo(read_image(path), name)
            for path, name in zip(args.image, class_labels(names), strict=True)
        ]
    elif args.data:
        photos, excluded = _from_data(args.data, args.seed)
    else:
        from sklearn.datasets import load_sample_images

        sample = load_sample_images()
        photos = [
            Photo(image, Path(path).stem)
            for image, path in zip(sample.images, sample.filenames, strict=True)
        ]
    size = args.image_size
    if not size and args.data == "digits":
        from paddle_aug.config import DIGITS_DEFAULTS

        size = DIGITS_DEFAULTS["image_size"]
    if size:
        photos = [Photo(ops.resize(photo.image, size, size), photo.name) for photo in photos]
    return photos, excluded


def _from_data(data: str, seed: int, count: int = 4) -> "tuple[list[Photo], frozenset[str]]":
    """Training images drawn by the seed, of different classes as far as there are."""
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.commands.preview_sheets import Photo
    from paddle_aug.core.seeding import stream
    from paddle_aug.data.load import DataOptions, load_data
    from paddle_aug.report.figure import class_labels, print_font_note

    train, _ = load_data(DataOptions(data=data, seed=seed))
    order = stream(seed, 0, 0, "subset").permutation(len(train))
    first_of_class = {int(train.labels[index]): int(index) for index in reversed(order)}
    others = [int(index) for index in order if int(index) not in first_of_class.values()]
    chosen = [*sorted(first_of_class.values(), key=list(order).index), *others][:count]
    images = [train[index] for index in chosen]
    print_font_note(train.classes)
    names = class_labels(train.classes)
    photos = [Photo(image, names[label]) for image, label in images]
    return photos, frozenset(train.changes_label)


def _parse_operation(text: str) -> list[Any]:
    import yaml

    try:
        steps = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise UserError(
            f"--operation {text}: not valid YAML: {' '.join(str(error).split())}"
        ) from None
    return steps if isinstance(steps, list) else [steps]
