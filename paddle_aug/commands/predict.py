"""Prediction from the command line: predict.py, paddle-aug predict, ..."""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.cli.parser import Parser
from paddle_aug.commands.arguments import positive
from paddle_aug.config.words import offer_values
from paddle_aug.core.errors import UserError
from paddle_aug.core.program import command
from paddle_aug.core.terminal import print_json
from paddle_aug.core.text import Say, counted
from paddle_aug.core.user_paths import expand, user_path
from paddle_aug.evaluation.options import Views, add_run, add_views, views_of
from paddle_aug.language import show, tell, translate

if TYPE_CHECKING:
    from paddle_aug.prediction.photos import Photo
    from paddle_aug.prediction.predictor import Prediction, Predictor

STDOUT = "-"
EPILOG = """
exit code: 0 all images were predicted; 1 some could not be, the others were; 2
nothing was done, such as for a missing file or an output that is there already

examples:
  python predict.py logs/mine/mixup cat.jpg
  python predict.py logs/mine/mixup holiday/ "more/*.jpg" --csv answers.csv --sheet answers.png
  python predict.py logs/mine/mixup/export list.txt --tta flip --jsonl -
"""


def build_parser() -> Parser:
    parser = Parser(
        prog=command("predict"),
        description="What a trained model says of images without labels: the most probable "
        "classes of each, as a table, CSV, JSON lines and a sheet of pictures.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_run(parser, ", or a folder that `export` wrote")
    add = parser.add_argument
    add("images", nargs="+", metavar="IMAGES",
        help="a photo, a folder (all below it), a list of paths (.txt, a line each), an archive "
        "(.zip, .tar.gz, ...) or a glob in quotes; one or more")  # fmt: skip
    add("--top", type=positive, default=5, metavar="K",
        help="classes to tell of each image (default: %(default)s)")  # fmt: skip
    add("--csv", metavar="FILE", type=user_path,
        help="write a table, in UTF-8 as Excel opens it")  # fmt: skip
    add("--jsonl", metavar="FILE", type=expand,
        help="write a JSON object a line; - : to the screen, and all else to stderr")  # fmt: skip
    add("--sheet", metavar="FILE.png", type=user_path,
        help="draw the first 40 images with their classes")  # fmt: skip
    add("--overwrite", action="store_true", help="replace what an earlier predict wrote there")
    add_views(parser)
    add("--images-root", metavar="FOLDER", type=expand,
        help="where paths in a list start, and where links in a folder may lead")  # fmt: skip
    add("--encoding", metavar="NAME",
        help="of lists and of names in a .zip that are not UTF-8 (default: GBK where they look "
        "like it)")  # fmt: skip
    add("--batch-size", type=positive, default=32, metavar="N",
        help="images a step (default: %(default)s)")  # fmt: skip
    device = add("--device", default="auto", help="auto, cpu, gpu, gpu:1, ... (default: auto)")
    offer_values(device, "device")
    add("--cpu-backend", choices=("auto", "onednn", "paddle"), default="auto", help="on a CPU")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Predict, print the table and write what was asked for; returns the exit code."""
    args = build_parser().parse_args(argv)
    views = views_of(vars(args))
    outputs = _outputs(args)
    if args.overwrite and not outputs:
        raise UserError("overwrite: only with --csv, --jsonl FILE or --sheet")
    _refuse_outputs(outputs, args.overwrite)
    say: Say = _to_stderr if args.jsonl == STDOUT else tell
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.prediction.predictor import Predictor
    from paddle_aug.prediction.sources import find_photos

    found = find_photos(args.images, args.images_root, args.encoding, list(outputs.values()))
    predictor = Predictor(args.run, args.checkpoint, args.device, args.cpu_backend, say)
    say(_heading(predictor, len(found.photos), views, found.read_as))
    predictions = _predict(predictor, found.photos, views, args)
    report(predictions, views, say)
    _refuse_outputs(outputs, args.overwrite)  # again: another program may have written meanwhile
    for path in _write(outputs, found.photos, predictions, predictor, views, args.top):
        say(f"wrote {path}")
    return 1 if any(one.error for one in predictions) else 0


def _outputs(args: argparse.Namespace) -> dict[str, Path]:
    """The files to write, by kind. Raises UserError for names that do not fit."""
    lines = None if args.jsonl in (None, STDOUT) else Path(args.jsonl)
    outputs = {"csv": args.csv, "jsonl": lines, "sheet": args.sheet}
    outputs = {kind: path for kind, path in outputs.items() if path is not None}
    if args.sheet and args.sheet.suffix.lower() != ".png":
        raise UserError(f"sheet: {args.sheet}: end the name in .png")
    if len({path.absolute() for path in outputs.values()}) < len(outputs):
        raise UserError(f"{', '.join(outputs)}: give each a file of its own")
    return outputs


def _refuse_outputs(outputs: dict[str, Path], overwrite: bool) -> None:
    from paddle_aug.prediction import files

    for kind, path in outputs.items():
        files.refuse_output(path, overwrite, files.IS_OWN[kind])


def _heading(predictor: "Predictor", images: int, views: Views, read_as: Sequence[str]) -> str:
    """The lines that say what is predicted with which model, before it begins."""
    from paddle_aug.build.scaling import describe_evaluation

    lines = [
        f"{predictor.what}: {counted(len(predictor.classes), 'class', 'classes')}",
        f"{counted(images, 'image')}, {describe_evaluation(predictor.config)}",
        *(f"  {line}" for line in dict.fromkeys(read_as)),
    ]
    return "\n".join([*lines, *_told(views)])


def _told(views: Views) -> list[str]:
    if views.kind == "none":
        return []
    return [f"test-time augmentation: {views.kind}, the mean probability of {views.in_words()}"]


def _predict(
    predictor: "Predictor", photos: "Sequence[Photo]", views: Views, args: argparse.Namespace
) -> "list[Prediction]":
    from tqdm.auto import tqdm

    from paddle_aug.prediction.outputs import json_values

    bar = tqdm(total=len(photos), desc=translate("predicting"), unit=translate("image"),
               disable=None, leave=False)  # fmt: skip
    predictions = []
    with bar:
        for one in predictor.predict_photos(photos, args.top, views, args.batch_size):
            predictions.append(one)
            if args.jsonl == STDOUT:
                print_json(json_values(one, views.kind))  # for programs: never translated
            bar.update()
    return predictions


def report(predictions: "Sequence[Prediction]", views: Views, say: Say) -> None:
    """Print the table, the images without a prediction, and how many have one."""
    from paddle_aug.prediction.outputs import format_errors, format_table

    if say is tell and (table := format_table(predictions)):
        show(f"\n{table}\n")
    errors = format_errors(predictions)
    for line in errors:
        _to_stderr(f"error: {line}")
    done = counted(len(predictions) - len(errors), "image")
    line = f"{done} predicted, {len(errors)} could not be" if errors else f"{done} predicted"
    say(line if views.kind == "none" else f"{line}; --tta {views.kind} was on")


def _write(
    outputs: dict[str, Path],
    photos: "Sequence[Photo]",
    predictions: "Sequence[Prediction]",
    predictor: "Predictor",
    views: Views,
    top: int,
) -> Iterator[Path]:
    """Write each output; gives the paths of what was written."""
    from paddle_aug.prediction import outputs as tables

    if csv := outputs.get("csv"):
        tables.write_csv(csv, predictions, views.kind, min(top, len(predictor.classes)))
        yield csv
    if jsonl := outputs.get("jsonl"):
        tables.write_json_lines(jsonl, predictions, views.kind)
        yield jsonl
    sheet = outputs.get("sheet")
    if sheet and _draw(sheet, photos, predictions, predictor, views):
        yield sheet


def _draw(
    path: Path,
    photos: "Sequence[Photo]",
    predictions: "Sequence[Prediction]",
    predictor: "Predictor",
    views: Views,
) -> bool:
    """Whether there was an image to draw."""
    from paddle_aug.prediction.sheet import prediction_sheet
    from paddle_aug.report.figure import save_figure

    tta = f"{views.kind}, the mean of {views.in_words()}" if views.kind != "none" else ""
    figure = prediction_sheet(photos, predictions, predictor.classes, tta)
    if figure is None:
        _to_stderr(f"note: {path} is not drawn: no image was predicted")
        return False
    save_figure(figure, path)
    return True


def _to_stderr(line: str) -> None:
    tell(line, error=True)
