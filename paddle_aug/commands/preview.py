"""python -m paddle_aug preview: sheets of augmented and mixed images."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddle_aug.cli.override import add_override
from paddle_aug.cli.parser import Parser
from paddle_aug.command_line import add_options, options_given
from paddle_aug.commands.arguments import positive
from paddle_aug.config import DIGITS_DEFAULTS, Config, fact, load_config, without_effect
from paddle_aug.core.errors import UserError
from paddle_aug.core.own_code import is_import_path, short_name
from paddle_aug.core.plain_yaml import parse_yaml_text
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import expand, user_path
from paddle_aug.language import tell
from paddle_aug.modes import MIXES, has_partners, is_mix

if TYPE_CHECKING:
    from paddle_aug.commands.preview_sheets import NamedImage
    from paddle_aug.report.image_sheet import Grid

# Methods with a sheet in the SamplePairing article; others get a sheet of images and their mixes.
OWN_SHEETS = {"samplePairing": "pairing", "mixup": "mixup"}
# Sheet: number of images that it needs, and what it shows.
SHEETS = {
    "pairing": (2, "3x3: originals, augmented images, their SamplePairing"),
    "mixup": (2, "4x4: two originals, two augmented, 12 mixups with their lam"),
    "mixup-lam": (2, "3x3: mixups of the originals, lam 0.1 to 0.9"),
    **{
        method: (1 + has_partners(method), f"images above, what {method} makes of them below")
        for method in MIXES
        if method not in OWN_SHEETS
    },
    "draws": (1, "2x4: an image and draws of one policy or operation"),
}
# The options of train.py that change a picture: those of the augmentation, two of mixing, and those
# of the data below. When and how often a run mixes does not show in a picture.
AUGMENTATION = frozenset(
    name for name in Config.model_fields
    if fact(name, "group") == "Augmentation" and name != "eval_transforms"
) | {"alpha", "cutout_size"}  # fmt: skip
# Options that describe --data.
OF_DATA = frozenset((
    "images_root", "image_column", "label_column", "folders", "class_names", "changes_label",
    "encoding",
))  # fmt: skip
TAKEN = AUGMENTATION | OF_DATA | {"data", "image_size", "mean", "std", "seed"}
# Sheets that show or mix the pixels; the others mix normalised images, as training does.
OF_PIXELS = {*OWN_SHEETS.values(), "mixup-lam", "draws"}

EPILOG = (
    "sheets:\n"
    + "\n".join(f"  {name:<11}{text}" for name, (_, text) in SHEETS.items())
    + """

examples:
  python -m paddle_aug preview                                the SamplePairing article's sheet
  python -m paddle_aug preview --image cat.jpg                draws of userDef
  python -m paddle_aug preview --augment mixup                twelve mixups
  python -m paddle_aug preview --augment imgaugLib            draws of a policy
  python -m paddle_aug preview --augment userDef --policy.noise-max-sigma 40
  python -m paddle_aug preview --augment cutmix --base flip --data my_images
  python -m paddle_aug preview --operation RandomHorizontalFlip --image cat.jpg
  python -m paddle_aug preview --rows 3 --columns 3 --operation "Resize: 120" \\
      --operation RandomHorizontalFlip --operation "RandomCrop: 96"
"""
)


def build_parser() -> Parser:
    parser = Parser(
        prog=command("preview"),
        usage="%(prog)s [OPTIONS]",
        description="Draw what an augmentation does to images, with the options of train.py. "
        "Without --image or --data: two photographs that come with scikit-learn. Images keep their "
        "size unless --image-size is given.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("--sheet", choices=list(SHEETS), help="default: what shows --augment or --operation best")
    add(
        "--operation", metavar="YAML", action="append",
        help="one of torchvision's transforms instead of --augment, such as RandomHorizontalFlip "
        'or "RandomCrop: 96"; given several times, one after the other',
    )  # fmt: skip
    add(
        "--image", metavar="FILE", action="append", type=expand,
        help="image to use; may be given several times",
    )  # fmt: skip
    add("--rows", metavar="N", type=positive, help="of draws (default: 2)")
    add("--columns", metavar="N", type=positive, help="of draws (default: 4)")
    add(
        "--output", metavar="FILE", type=user_path,
        help="picture (default: preview_<what it shows>.png)",
    )  # fmt: skip
    add_override(parser, TAKEN)
    add_options(parser, TAKEN)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Draw one sheet, write it and print its path."""
    parser = build_parser()
    args = parser.parse_args(argv)
    given = {name: value for name, value in vars(args).items() if name.split(".")[0] in TAKEN}
    if args.image and "data" in given:
        parser.error("give --image or --data, not both")
    if args.operation and {"augment", "train_transforms"} & set(given):
        parser.error("give --operation, or --augment and --train-transforms, not both")
    options = options_given(given)
    if options.get("augment") is not None:
        load_config({"augment": options["augment"]})  # makes a Method of the user's own known
    sheet = args.sheet or choose_sheet(
        options.get("augment"), args.operation, len(args.image or ())
    )
    config = load_config({**options, **_augmentation(sheet, args.operation, options)})
    refuse_ignored(sheet, args, config)
    name = f"preview_{short_name(sheet) if sheet != 'draws' else config.mode}.png"
    if args.operation:
        name = "preview_operations.png"
    output = args.output or Path(name)
    if output.is_dir() or not output.suffix:
        output = output / name

    from paddle_aug.report.figure import refuse_foreign_picture, save_figure
    from paddle_aug.report.image_sheet import draw_sheet

    refuse_foreign_picture(output)
    photos, excluded = load_photos(args.image, config)
    if len(photos) < (needed := images_needed(sheet)):
        raise UserError(f"--sheet {sheet} needs {needed} images: give --image again")
    grid, title = build_sheet(sheet, photos, excluded, config, args)
    tell(f"wrote {save_figure(draw_sheet(grid, title), output)}")
    return 0


def choose_sheet(augment: str | None, operations: Sequence[str] | None, images: int = 0) -> str:
    """The sheet for a policy: that of its mixing method, or draws for an image part.

    images: how many were given; a single one cannot be paired.
    """
    if augment is not None and is_mix(augment):
        return OWN_SHEETS.get(augment, augment)
    return "draws" if augment or operations or images == 1 else "pairing"


def images_needed(sheet: str) -> int:
    """How many images a sheet needs: one of SHEETS, or that of a Method of the user's own."""
    return SHEETS[sheet][0] if sheet in SHEETS else 1 + has_partners(sheet)


def method_of(sheet: str) -> str | None:
    """The mixing method that a sheet shows."""
    methods = {own_sheet: method for method, own_sheet in OWN_SHEETS.items()}
    method = methods.get(sheet, sheet)
    return method if is_mix(method) else None


def _augmentation(
    sheet: str, operations: Sequence[str] | None, options: dict[str, Any]
) -> dict[str, Any]:
    """The options with the method and the image part that the sheet shows."""
    method, augment = method_of(sheet), options.get("augment")
    if operations:
        steps = [step for text in operations for step in _parse_operation(text)]
        return {"augment": method or "no", "train_transforms": steps}
    if augment is None:
        return {"augment": method or "userDef"}
    if sheet == "draws" and is_mix(augment):
        return {"augment": load_config(options).image_part, "base": None}
    if method in (None, augment):
        return {}
    # --sheet names a mixing method and --augment an image part: show the method over that part.
    if is_mix(augment):
        raise UserError(f"augment: {augment} is not what --sheet {sheet} draws ({method}); "
                        "leave one of them out")  # fmt: skip
    if options.get("base") is not None:
        raise UserError(f"base: --sheet {sheet} draws {method} over --augment {augment}; "
                        "leave one of them out")  # fmt: skip
    return {"augment": method, "base": augment}


def refuse_ignored(sheet: str, args: argparse.Namespace, config: Config) -> None:
    """Raise UserError for an option without effect on the sheet, or with which it shows nothing."""
    from paddle_aug.build.mix import why_nothing_is_mixed

    given = {name.partition(".")[0] for name, value in vars(args).items() if value is not None}
    has_data, mixes_originals = config.data is not None, sheet == "mixup-lam"
    of_mixes = AUGMENTATION | {"operation", "changes_label"}
    of_mixes |= set() if has_data else {"seed"}  # which also draws images of the data
    own_part = config.train_transforms is not None or is_import_path(config.image_part)
    for names, taken, reason in (
        ({"rows", "columns"}, sheet == "draws", f"only with --sheet draws, this is {sheet}"),
        (OF_DATA, has_data, "only with --data"),
        ({"mean", "std"}, sheet not in OF_PIXELS,
         f"only with a sheet that mixes normalised images, such as cutmix; this is {sheet}"),
        (of_mixes, not mixes_originals, "not with --sheet mixup-lam, which mixes the originals"),
        ({"changes_label"}, not own_part,
         "not with transforms of your own, which are applied as they stand"),
    ):  # fmt: skip
        for name in sorted(given & names):
            if not taken:
                raise UserError(f"{name}: {reason}")
    for line in without_effect(config):
        raise UserError(f"--sheet {sheet}: {line}")
    if reason := why_nothing_is_mixed(config):
        raise UserError(f"--sheet {sheet} would show no mixing: {reason}")


def build_sheet(
    sheet: str,
    photos: "Sequence[NamedImage]",
    excluded: frozenset[str],
    config: Config,
    args: argparse.Namespace,
) -> "tuple[Grid, str]":
    """Cells and title of a sheet."""
    from paddle_aug.build.image_part import image_part
    from paddle_aug.build.mix import build_mix_policy
    from paddle_aug.commands import preview_sheets as sheets

    if sheet == "mixup-lam":
        return sheets.mixup_lam_sheet(photos[0], photos[1]), "Mixup, lam weights the first image"
    transform, seed = image_part(config, excluded), config.seed
    name = _name_of_image_part(config)
    if sheet == "draws":
        rows, columns = args.rows or 2, args.columns or 4
        return sheets.draws_sheet(photos[0], transform, seed, rows, columns), name
    # Mixed one by one, as with partners of the data set, and so without Paddle.
    policy = build_mix_policy(config.model_copy(update={"partner": "dataset"}))
    assert policy is not None
    if sheet == "pairing":
        return sheets.pairing_sheet(photos[0], photos[1], transform, name, seed), "SamplePairing"
    if sheet == "mixup":
        alpha = policy.numbers.alpha
        grid = sheets.mixup_sheet(photos[0], photos[1], transform, name, seed, alpha)
        return grid, f"Mixup, lam ~ Beta({alpha:g}, {alpha:g})"
    grid = sheets.mix_sheet(photos, transform, policy, seed, config.mean, config.std)
    return grid, config.mode if config.image_part == "no" else f"{config.mode} over {name}"


def _name_of_image_part(config: Config) -> str:
    if config.train_transforms is None:
        return config.image_part
    steps = config.train_transforms
    return ", ".join(next(iter(step)) if isinstance(step, dict) else str(step) for step in steps)


def load_photos(
    images: Sequence[str] | None, config: Config
) -> "tuple[list[NamedImage], frozenset[str]]":
    """The images to show, and the operations that would change their labels."""
    from paddle_aug.build.scaling import default_resize, scaling_in_words
    from paddle_aug.commands.preview_sheets import NamedImage
    from paddle_aug.data.bundled import photographs
    from paddle_aug.data.decode import read_image
    from paddle_aug.data.options import uses_digits
    from paddle_aug.report.figure import class_labels, print_font_note

    excluded: frozenset[str] = frozenset()
    if images:
        names = [Path(path).stem for path in images]
        print_font_note(names, "file names")
        photos = [
            NamedImage(read_image(path), name)
            for path, name in zip(images, class_labels(names), strict=True)
        ]
    elif config.data:
        photos, excluded = _from_data(config)
    else:
        photos = [NamedImage(image, name) for name, image in photographs().items()]
    size = config.image_size if "image_size" in config.model_fields_set else None
    if size is None and config.data and uses_digits(config.data):
        size = DIGITS_DEFAULTS["image_size"]
    if size:
        # Scaled as in a run, so that the effect of a coarse filter is visible.
        scale = default_resize(config.model_copy(update={"image_size": size}))
        photos = [NamedImage(scale.apply(photo.image, None), photo.name) for photo in photos]
        tell(f"images are scaled to {size}x{size} first ({scaling_in_words(scale)})")
    return photos, excluded


def _from_data(config: Config) -> "tuple[list[NamedImage], frozenset[str]]":
    """Four training images drawn by the seed, of different classes as far as possible."""
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    import numpy as np

    from paddle_aug.commands.preview_sheets import NamedImage
    from paddle_aug.core.seeding import stream
    from paddle_aug.data.load import DataOptions, describe, load_data
    from paddle_aug.report.figure import class_labels, print_font_note

    train, evaluation = load_data(DataOptions.of(config))
    tell(describe(train, evaluation))
    order = stream(config.seed, 0, 0, "subset").permutation(len(train))
    _, first = np.unique(train.labels[order], return_index=True)  # each class's place in order
    first.sort()
    chosen = [*order[first], *np.delete(order, first)][:4]
    images = [train[int(index)] for index in chosen]
    print_font_note(train.classes)
    labels = class_labels(train.classes)
    photos = [NamedImage(image, labels[label]) for image, label in images]
    return photos, frozenset(train.changes_label)


def _parse_operation(text: str) -> list[Any]:
    try:
        steps = parse_yaml_text(text)
    except ValueError as error:
        raise UserError(f"--operation {text}: {error}") from None
    return steps if isinstance(steps, list) else [steps]
