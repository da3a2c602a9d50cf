"""A trained model to predict with, from a run's folder, a checkpoint, or an exported folder."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import paddle

from paddle_aug.build.model import accelerated, choose_device, make_model
from paddle_aug.config import Config, load_config, load_trained_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import open_regular, read_json
from paddle_aug.core.text import Say, epoch_in_words
from paddle_aug.data.guesses import DIGITS_CHANGED
from paddle_aug.evaluation.evaluate import checkpoint_name, checkpoint_place, precision
from paddle_aug.export.folder import DESCRIPTION, PROGRAM, checkpoint_in_words
from paddle_aug.runs.checkpoint import read_trained, trained_weights
from paddle_aug.runs.environment import recorded_data
from paddle_aug.weights.into_model import load_model

_DIGITS = ("digits", "mnist")  # --data by name


@dataclass(frozen=True)
class TrainedModel:
    """model: float32 [N, C, size, size] to logits [N, classes]. config: options for preparing its
    images. changes_label: operations that change the labels of its images; None: not known. what:
    the model in words. views_known: False for an export of an earlier version, which does not hold
    what draws and crops are made with.
    """

    model: Any
    config: Config
    classes: list[str]
    changes_label: frozenset[str] | None
    what: str
    views_known: bool = True


def read_model(run: Path, checkpoint: str, device: str, cpu_backend: str, say: Say) -> TrainedModel:
    """Raises UserError for what is no run, checkpoint or exported folder of this project."""
    choose_device(device)
    settings = {"device": device, "cpu_backend": cpu_backend, "cache": False}
    if (run / DESCRIPTION).exists():
        if checkpoint != "best":
            raise UserError(f"checkpoint: {run} is an exported model, it has one state only")
        return _exported(run, settings)
    return _of_run(run, checkpoint, settings, say)


def _of_run(run: Path, checkpoint: str, settings: dict[str, Any], say: Say) -> TrainedModel:
    arrays, state, folder = read_trained(run, checkpoint)
    classes = state["classes"]
    config = load_trained_config(state["config"], where=f"{run}: ").model_copy(update=settings)
    config = config.model_copy(update={"amp": precision(config, say)})
    with paddle.utils.unique_name.guard():
        model, _ = accelerated(make_model(config, len(classes)), config, say)
    load_model(model, trained_weights(arrays))
    model.eval()
    place = checkpoint_place(state)
    epoch = epoch_in_words(place["checkpoint_epoch"], place["checkpoint_step"])
    what = f"{config.model} of {folder}, {checkpoint_name(run, checkpoint)} checkpoint, {epoch}"
    return TrainedModel(model, config, classes, changes_label(config, state), what)


def changes_label(config: Config, state: dict[str, Any]) -> frozenset[str] | None:
    """From the run's options, or from the name of its data; other data are not read."""
    if config.changes_label is not None:
        return frozenset(config.changes_label)
    name = config.data or recorded_data(state.get("environment", {}), "name")
    return DIGITS_CHANGED if str(name).lower() in _DIGITS else None


def _exported(folder: Path, settings: dict[str, Any]) -> TrainedModel:
    path = folder / DESCRIPTION
    about = _read_export(path)
    given, views = about["input"], about.get("views")
    size = given["shape"][2]
    config = load_config(
        {
            "channels": given["shape"][1], "image_size": size,
            "mean": given["mean"], "std": given["std"], "eval_transforms": given["transforms"],
            **({} if views is None else _for_views(views, size)), **settings,
        },
        where=f"{path}: ",
    )  # fmt: skip
    model = _Program(folder, about["outputs"].index("logits"))
    shape = [1, config.channels, config.image_size, config.image_size]
    classes = about["classes"]
    try:
        with paddle.no_grad():
            found = list(model(paddle.zeros(shape)).shape)
    except Exception as error:
        reason = str(error).strip().splitlines()[-1:]
        raise UserError(f"{folder}: the model fails on images {shape} ({reason})") from None
    if found != [1, len(classes)]:
        raise UserError(
            f"{folder}: the model gives {found}, {path.name} has {len(classes)} classes"
        )
    what = f"{about['model']} exported to {folder}, {checkpoint_in_words(about['checkpoint'])}"
    known = None if config.changes_label is None else frozenset(config.changes_label)
    return TrainedModel(model, config, classes, known, what, views_known=views is not None)


def _for_views(views: dict[str, Any], size: Any) -> dict[str, Any]:
    """Options that make views of an image as those of the run do. The filter of crops is the first
    scaling's of a list of transforms: no training is meant here."""
    scaling = {"size": size, **{key: views.get(key) for key in ("interpolation", "antialias")}}
    own = {key: views[key] for key in ("seed", "changes_label", "policy") if key in views}
    return {**own, "augment": "no", "train_transforms": [{"Resize": scaling}]}


def _read_export(path: Path) -> dict[str, Any]:
    """export.json, with its entries checked, as the file may come from elsewhere."""
    about = read_json(path)
    try:
        given, names = about["input"], about["classes"]
        shape = given["shape"]  # of the batch, whatever stands for it, channels and two sides
        sound = (
            isinstance(about["outputs"], list) and "logits" in about["outputs"]
            and isinstance(about["model"], str)
            and isinstance(about["checkpoint"], dict)
            and isinstance(about.get("views", {}), dict)
            and isinstance(shape, list) and len(shape) == 4
            and all(type(side) is int for side in shape[1:])
            and {"mean", "std", "transforms"} <= given.keys()
            and isinstance(names, list) and all(isinstance(name, str) for name in names)
        )  # fmt: skip
    except (KeyError, TypeError, AttributeError):
        sound = False
    if not sound:
        raise UserError(f"{path}: not what `export` writes; export the run again")
    return about


class _Program:
    """The exported program: float32 [N, C, size, size] to logits, which are its output `place`."""

    def __init__(self, folder: Path, place: int):
        older = f"{PROGRAM}.pdmodel"  # of Paddle 2, instead of .json
        program = older if (folder / older).exists() else f"{PROGRAM}.json"
        for name in (program, f"{PROGRAM}.pdiparams"):
            open_regular(folder / name).close()
        try:
            self._layer: Any = paddle.jit.load(str(folder / PROGRAM))
        except Exception as error:  # Paddle's reader raises exceptions of many kinds
            reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
            raise UserError(f"{folder / program}: cannot be loaded ({reason})") from None
        self._layer.eval()
        self._place = place

    def __call__(self, images: paddle.Tensor) -> paddle.Tensor:
        return self._layer(images)[self._place]
