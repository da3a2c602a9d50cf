"""The work of evaluate.py: evaluates a checkpoint and writes tables, pictures and JSON."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import paddle
from scipy.special import softmax

from paddle_aug.batches.loader import Loader, choose_workers
from paddle_aug.build.model import accelerated, choose_device, make_model, on_cpu
from paddle_aug.build.scaling import describe_evaluation
from paddle_aug.config import Config, load_trained_config
from paddle_aug.core.terminal import print_json
from paddle_aug.core.text import Say, epoch_in_words
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.dataset import ImageDataset
from paddle_aug.evaluation.images import choose_images
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.evaluation.results import (
    figures,
    format_classes,
    headline,
    refuse_foreign_folder,
    refuse_other_evaluation,
    write_evaluation,
)
from paddle_aug.evaluation.tta import view_datasets
from paddle_aug.language import show, tell
from paddle_aug.onednn import is_available
from paddle_aug.report.figure import print_font_note
from paddle_aug.report.spreadsheets import note_formulas
from paddle_aug.runs.checkpoint import read_trained, trained_weights
from paddle_aug.runs.layout import EVALUATION
from paddle_aug.runs.ownership import RunStart
from paddle_aug.train.engine import predict
from paddle_aug.train.memory import memory_need, shortage_named
from paddle_aug.weights.into_model import load_model

PATHS = ("data", "images_root", "class_names")
# For a model whose outputs are not finite.
ADVICE = (
    "perhaps its weights have grown too large: evaluate another checkpoint, or train again with a "
    "lower --lr, --warmup-epochs or --clip-norm"
)


def evaluate_checkpoint(options: EvaluationOptions) -> dict[str, Any]:
    """Evaluate, write everything, print the table; returns the figures of evaluation.json."""
    arrays, state, folder = read_trained(options.run, options.checkpoint)
    run = RunStart(folder)
    output = Path(options.output) if options.output else folder / folder_name(options)
    refuse_foreign_folder(output)
    config = load_trained_config(state["config"], where=f"{options.run}: ")
    changes = {"device": options.device, "cpu_backend": options.cpu_backend}
    config = config.model_copy(update=changes)
    say = partial(tell, error=True) if options.json else tell
    choose_device(config.device)
    data_options = with_absolute_paths(options.named_data)
    # Its own folder is named by the rest, and by the last part of --data, which others share.
    checkpoint = checkpoint_name(options.run, options.checkpoint)
    place = {"run": os.path.realpath(options.run), "checkpoint": checkpoint}
    own = {**(place if options.output else {}), "data_options": data_options}
    refuse_other_evaluation(output, own)
    config = config.model_copy(update={"amp": precision(config, say)})

    classes = state["classes"]
    images = choose_images(options, config, state, say)
    dataset = images.dataset
    seen = len(np.unique(dataset.labels))
    line = f"{images.what}, {seen} of {len(classes)} classes, {describe_evaluation(config)}"
    say("\n  ".join([line, *dataset.read_as]))
    with paddle.utils.unique_name.guard():
        plain = make_model(config, len(classes))
        need = memory_need(plain, [config.channels, config.image_size, config.image_size])
        model, _ = accelerated(plain, config, say)
    load_model(model, trained_weights(arrays))
    batch = options.batch_size
    with shortage_named(need.evaluation(batch), "--batch-size", batch):
        probabilities, labels = predict_views(model, dataset, config, options)

    result = figures(probabilities, labels, classes)
    result |= {
        "run": str(options.run), **checkpoint_place(state), "checkpoint": checkpoint,
        "data": dataset.name, "data_options": data_options, "split": images.split,
        "what": images.what, "images_changed": images.changed, "tta": options.tta,
        "precision": "bfloat16" if config.amp == "bf16" else "float32",
    }  # fmt: skip
    write_evaluation(output, result, probabilities, labels, dataset, run)
    print_font_note(classes)
    note_formulas(classes, f"{output}/*.csv")
    if options.json:
        print_json(result)
    else:
        show(format_classes(result), end="\n\n")
        tell(describe_checkpoint(result, "epoch" in state, images.own_evaluation))
        tell(headline(result, options.views))
        tell(f"written to {output}")
    return result


def with_absolute_paths(named: dict[str, Any] | None) -> dict[str, Any] | None:
    """--data and its options, with absolute paths."""
    if named is None:
        return None
    paths = {name: user_path(named[name]) for name in PATHS if named[name]}
    return named | {name: str(path.resolve()) for name, path in paths.items() if path.exists()}


def precision(config: Config, say: Say) -> str:
    """--amp of the evaluation, "no" or "bf16": the run's own, if this machine supports it.

    The evaluations during training compute in bfloat16 on a CPU only, and in float32 on a GPU.
    """
    if config.amp != "bf16" or not on_cpu():
        return "no"
    reason = "--cpu-backend paddle" if config.cpu_backend == "paddle" else is_available("bf16")
    if reason is None:
        return "bf16"
    say(f"note: computed in float32, without the run's --amp bf16: {reason}")
    return "no"


def checkpoint_name(run: str | Path, checkpoint: str) -> str:
    """`checkpoint` ("best" or "last") of a run's folder; of a file its name without the ending."""
    run = Path(run)
    return checkpoint if run.is_dir() else run.name.removesuffix(".safetensors")


def folder_name(options: EvaluationOptions) -> str:
    """Name of the folder to write to; different for each checkpoint, part, data and kind of TTA."""
    parts = [EVALUATION]
    if (name := checkpoint_name(options.run, options.checkpoint)) != "best":
        parts.append(name)
    if options.split == "train":
        parts.append(options.split)
    if options.data:
        # Of my_module:load, as Windows has no colon in names.
        parts.append(f"data-{Path(options.data).name.replace(':', '_')}")
    if options.tta != "none":
        draws = f"-{options.tta_policy}-{options.tta_draws}" if options.tta == "draws" else ""
        parts.append(f"tta-{options.tta}{draws}")
    return "_".join(parts)


def checkpoint_place(state: dict[str, Any]) -> dict[str, Any]:
    """The last epoch of a checkpoint, counted from 0, and the step if that epoch is not complete.

    The state itself holds the epoch and step that come next.
    """
    if "epoch" in state:
        return {"checkpoint_epoch": state["epoch"], "checkpoint_step": None}
    progress = state.get("progress", {})
    epoch, step = progress.get("epoch"), progress.get("step")
    if step == 0 and isinstance(epoch, int):
        return {"checkpoint_epoch": epoch - 1, "checkpoint_step": None}
    return {"checkpoint_epoch": epoch, "checkpoint_step": step}


def describe_checkpoint(result: dict[str, Any], chosen: bool, own_evaluation: bool) -> str:
    """A line that says which checkpoint was evaluated.

    chosen: by its accuracy on the run's evaluation images. own_evaluation: these were evaluated.
    """
    place = epoch_in_words(result["checkpoint_epoch"], result["checkpoint_step"])
    remark = ""
    if chosen:
        images = "these images, so it flatters" if own_evaluation else "the run's evaluation images"
        remark = f" (counted from 0; chosen on {images})"
    return f"{result['checkpoint']} checkpoint, {place}{remark}"


def predict_views(
    model: paddle.nn.Layer, dataset: ImageDataset, config: Config, options: EvaluationOptions
) -> tuple[np.ndarray, np.ndarray]:
    """(probabilities float64 [N, classes], labels int64 [N]), the mean over the views.

    Raises UserError naming the images whose outputs are not finite.
    """
    views = view_datasets(dataset, config, options.views)
    total: np.ndarray | float = 0.0
    labels = np.empty(0, np.int64)
    for number, images in enumerate(views):
        loader = Loader(
            images, options.batch_size, shuffle=False, workers=choose_workers(options.workers)
        )
        try:
            title = f"view {number + 1}/{len(views)}"
            logits, labels = predict(model, loader, title, number, advice=ADVICE)
        finally:
            loader.close()
        total = total + softmax(logits.astype(np.float64), axis=1)
    return np.asarray(total) / len(views), labels
