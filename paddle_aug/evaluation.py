"""evaluate.py's work: a checkpoint on a split, written as tables, pictures and JSON."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from tabulate import tabulate

from paddle_aug.atomic import atomic_write, write_json
from paddle_aug.augmented import AugmentedDataset
from paddle_aug.build import accelerated, choose_device, evaluation_view, load_datasets, make_model
from paddle_aug.checkpoint import read_trained, trained_weights
from paddle_aug.config import BASES, Config, load_config
from paddle_aug.engine import predict, score
from paddle_aug.errors import UserError
from paddle_aug.evaluation_options import EvaluationOptions
from paddle_aug.figures import print_font_note, save_figure
from paddle_aug.image_dataset import ImageDataset
from paddle_aug.loader import Loader, choose_workers
from paddle_aug.metrics import ClassFigures, accuracy, confusion_matrix, per_class
from paddle_aug.plots import confusion_figure, mistakes_figure
from paddle_aug.state import load_model
from paddle_aug.transforms import Compose
from paddle_aug.views import build_views
from paddle_aug.words import counted

MISTAKES = 16  # on the sheet
TOP = 5  # told of more classes than that


def evaluate_checkpoint(options: EvaluationOptions) -> dict[str, Any]:
    """Evaluate, write everything, print the table; returns the figures of evaluation.json."""
    arrays, state, folder = read_trained(options.run, options.checkpoint)
    output = Path(options.output) if options.output else folder / folder_name(options)
    config = load_config(state["config"], where=f"{options.run}: ")
    changes = {"device": options.device, "cpu_backend": options.cpu_backend,
               "eval_per_class": None}  # fmt: skip
    config = config.model_copy(update=changes | ({"data": options.data} if options.data else {}))
    say = (lambda line: None) if options.json else print
    choose_device(config.device)
    if options.tta_policy not in BASES:
        raise UserError(f"tta_policy: {options.tta_policy!r} is none of {', '.join(BASES)}")

    classes = state["classes"]
    train, evaluation = load_datasets(config, say)
    dataset = evaluation if options.split == "eval" else train
    if list(dataset.classes) != classes:
        raise UserError(
            f"{dataset.name}: its classes are not those the model was trained on "
            f"({len(dataset.classes)}: {', '.join(dataset.classes[:5])} ... "
            f"instead of {len(classes)}: {', '.join(classes[:5])} ...)"
        )
    with paddle.utils.unique_name.guard():
        model, _ = accelerated(make_model(config, len(classes)), config, say)
    load_model(model, trained_weights(arrays))
    probabilities, labels = predict_views(model, dataset, config, options)

    result = figures(probabilities, labels, classes)
    result |= {
        "run": str(options.run), **checkpoint_place(state), "checkpoint": checkpoint_name(options),
        "data": dataset.name, "split": options.split, "tta": options.tta,
    }  # fmt: skip
    write_evaluation(output, result, probabilities, labels, dataset)
    print_font_note(classes)
    if options.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        print(format_classes(result), end="\n\n")
        same_data = options.data in (None, state["config"].get("data"))
        print(describe_checkpoint(result, chosen="epoch" in state, same_data=same_data))
        print(headline(result))
        print(f"written to {output}")
    return result


def checkpoint_name(options: EvaluationOptions) -> str:
    """best, last, or the name of the file that is evaluated, without its ending."""
    run = Path(options.run)
    return options.checkpoint if run.is_dir() else run.name.removesuffix(".safetensors")


def folder_name(options: EvaluationOptions) -> str:
    """Where in a run's folder to write: another name for everything else that is evaluated."""
    parts = ["evaluation"]
    if (name := checkpoint_name(options)) != "best":
        parts.append(name)
    if options.split != "eval":
        parts.append(options.split)
    if options.data:
        parts.append(f"data-{Path(options.data).name}")
    if options.tta != "none":
        draws = f"-{options.tta_policy}-{options.tta_draws}" if options.tta == "draws" else ""
        parts.append(f"tta-{options.tta}{draws}")
    return "_".join(parts)


def checkpoint_place(state: dict[str, Any]) -> dict[str, Any]:
    """The epoch of a checkpoint, counted from 0, and the step in it where it is not a whole one.

    A run's state says which epoch and step come next.
    """
    if "epoch" in state:
        return {"checkpoint_epoch": state["epoch"], "checkpoint_step": None}
    progress = state.get("progress", {})
    epoch, step = progress.get("epoch"), progress.get("step")
    if step == 0 and isinstance(epoch, int):
        return {"checkpoint_epoch": epoch - 1, "checkpoint_step": None}
    return {"checkpoint_epoch": epoch, "checkpoint_step": step}


def describe_checkpoint(result: dict[str, Any], chosen: bool, same_data: bool) -> str:
    """Which checkpoint the figures are of.

    chosen: for its accuracy on the run's evaluation images. same_data: as the run's.
    """
    step = result["checkpoint_step"]
    place = f"epoch {result['checkpoint_epoch']}" + (f" after step {step}" if step else "")
    remark = ""
    if chosen:
        these = result["split"] == "eval" and same_data
        images = "these images, so it flatters" if these else "the run's evaluation images"
        remark = f" (counted from 0; chosen on {images})"
    return f"{result['checkpoint']} checkpoint, {place}{remark}"


def predict_views(
    model: paddle.nn.Layer, dataset: ImageDataset, config: Config, options: EvaluationOptions
) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities float64 [N, classes], labels int64 [N]), the mean over the views."""
    clean = evaluation_view(dataset, config)
    views = build_views(
        options.tta, options.tta_draws, options.tta_policy, config, dataset.changes_label
    )
    total: np.ndarray | float = 0.0
    labels = np.empty(0, np.int64)
    for number, view in enumerate(views):
        images = AugmentedDataset(
            clean.dataset, Compose([clean.transform, view]), config.image_size, config.channels,
            config.mean, config.std, config.seed,
        )  # fmt: skip
        loader = Loader(
            images, options.batch_size, shuffle=False, workers=choose_workers(options.workers)
        )
        try:
            # Another epoch for each view: the draws of a policy are other ones.
            logits, labels = predict(model, loader, f"view {number + 1}/{len(views)}", number)
        finally:
            loader.close()
        total = total + softmax(logits)
    return np.asarray(total) / len(views), labels


def softmax(logits: np.ndarray) -> np.ndarray:
    """Probabilities float64 of logits [N, classes]."""
    values = np.exp(logits.astype(np.float64) - logits.max(1, keepdims=True))
    return values / values.sum(1, keepdims=True)


def figures(probabilities: np.ndarray, labels: np.ndarray, classes: list[str]) -> dict[str, Any]:
    """Everything that evaluation.json holds of a prediction.

    top5: None of five classes or fewer, where it says nothing.
    """
    confusion = confusion_matrix(labels, probabilities.argmax(1), len(classes))
    tiny = np.finfo(np.float64).tiny
    return {
        "images": len(labels),
        "loss": score(np.log(np.maximum(probabilities, tiny)), labels).loss,
        "top1": accuracy(probabilities, labels),
        "top5": accuracy(probabilities, labels, k=TOP) if len(classes) > TOP else None,
        "classes": [
            {"class": name, **vars(row)}
            for name, row in zip(classes, per_class(confusion), strict=True)
        ],
        "confusion": confusion.tolist(),
    }


def write_evaluation(
    output: Path,
    result: dict[str, Any],
    probabilities: np.ndarray,
    labels: np.ndarray,
    dataset: ImageDataset,
) -> None:
    """evaluation.json, classes.csv, confusion.csv, confusion.png, mistakes.csv, mistakes.png."""
    classes = dataset.classes
    write_json(output / "evaluation.json", result)
    _write_csv(
        output / "classes.csv",
        ["class", *ClassFigures.__dataclass_fields__],
        [list(row.values()) for row in result["classes"]],
    )
    confusion = result["confusion"]
    rows = [[name, *counts] for name, counts in zip(classes, confusion, strict=True)]
    _write_csv(output / "confusion.csv", ["true \\ predicted", *classes], rows)
    save_figure(confusion_figure(np.array(confusion), classes), output / "confusion.png")

    predicted = probabilities.argmax(1)
    confidence = probabilities.max(1)
    wrong = np.flatnonzero(predicted != labels)
    wrong = wrong[np.argsort(-confidence[wrong], kind="stable")]
    _write_csv(
        output / "mistakes.csv",
        ["image", "true", "predicted", "probability"],
        [
            [dataset.source(int(i)), classes[labels[i]], classes[predicted[i]], confidence[i]]
            for i in wrong
        ],
    )
    shown = wrong[:MISTAKES]
    images = [dataset[int(index)][0] for index in shown]
    figure = mistakes_figure(
        images, labels[shown].tolist(), predicted[shown].tolist(), confidence[shown].tolist(),
        classes,
    )  # fmt: skip
    save_figure(figure, output / "mistakes.png")


def format_classes(result: dict[str, Any]) -> str:
    """The table of the classes, for a terminal."""
    rows = [list(row.values()) for row in result["classes"]]
    return tabulate(rows, ["class", *ClassFigures.__dataclass_fields__], floatfmt=".3f")


def headline(result: dict[str, Any]) -> str:
    """The figures of all classes together, in a line."""
    top5 = "" if result["top5"] is None else f", top-{TOP} {result['top5']:.4f}"
    return (
        f"{counted(result['images'], 'image')}: loss {result['loss']:.4f}, "
        f"top-1 {result['top1']:.4f}{top5}"
    )


def _write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> None:
    with (
        atomic_write(path) as temporary,
        temporary.open("w", newline="", encoding="utf-8") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(header)
        writer.writerows(rows)
