"""evaluate.py's work: a checkpoint on a split, written as tables, pictures and JSON."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import paddle

from paddle_aug.augment.transforms.base import Compose
from paddle_aug.batches.augmented import AugmentedDataset
from paddle_aug.batches.loader import Loader, choose_workers
from paddle_aug.build.data import evaluation_view, load_datasets
from paddle_aug.build.model import accelerated, choose_device, make_model
from paddle_aug.config import Config, load_trained_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.evaluation.results import (
    figures,
    format_classes,
    headline,
    softmax,
    write_evaluation,
)
from paddle_aug.evaluation.tta import build_views
from paddle_aug.modes import BASES
from paddle_aug.report.figure import print_font_note
from paddle_aug.runs.checkpoint import read_trained, trained_weights
from paddle_aug.train.engine import predict
from paddle_aug.weights.into_model import load_model


def evaluate_checkpoint(options: EvaluationOptions) -> dict[str, Any]:
    """Evaluate, write everything, print the table; returns the figures of evaluation.json."""
    arrays, state, folder = read_trained(options.run, options.checkpoint)
    output = Path(options.output) if options.output else folder / folder_name(options)
    config = load_trained_config(state["config"], where=f"{options.run}: ")
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
