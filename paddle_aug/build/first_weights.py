"""--weights: loads the initial weights, and checks what they were trained with."""

from collections.abc import Mapping, Sequence
from typing import Any

import paddle

from models import model_names
from paddle_aug.batches.normalise import per_channel
from paddle_aug.build.scaling import describe_evaluation, evaluation_transforms
from paddle_aug.config import Config, load_trained_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import first_difference
from paddle_aug.weights.into_model import fit_weights
from paddle_aug.weights.paddleclas import from_paddleclas
from paddle_aug.weights.pretrained import read_weights
from paddle_aug.weights.read import PRETRAINED

# Normalisation that Paddle's and PaddleClas's ImageNet weights were trained with.
IMAGENET = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}


def take_weights(model: paddle.nn.Layer, config: Config, classes: Sequence[str]) -> str:
    """Put the weights of --weights into the model; returns a line on how they fit.

    classes: the names of this run's classes. Raises UserError where they do not fit the model.
    """
    assert config.weights is not None
    arrays, state = read_weights(config.weights, config.model)
    kind = ""
    own = model.state_dict().keys() - {"fc.weight", "fc.bias"}
    if not arrays.keys() & own:  # otherwise they have the model's own names already
        arrays, kind = from_paddleclas(arrays)
    try:
        line = fit_weights(model, arrays, config.weights)
    except UserError as error:
        if not kind:
            raise
        advice = f"; take --model {kind}" if kind in model_names() and kind != config.model else ""
        raise UserError(f"{error}\nthese are weights of PaddleClas's {kind}{advice}") from None
    name = f" (PaddleClas's {kind})" if kind else ""
    remarks = _trained_otherwise(config, state, kind)
    if "new head" not in line:
        remarks += _head_taken(config, state.get("classes", classes), classes)
    return "; ".join([f"{line}{name}", *remarks])


def _trained_otherwise(config: Config, state: Mapping[str, Any], kind: str) -> list[str]:
    """Remarks where this run prepares images differently from the model that the weights are of."""
    if config.weights == PRETRAINED or kind:
        whose = f"PaddleClas's own {kind}" if kind else "they"
        found = _normalised_otherwise(config, IMAGENET)
        return [f"note: {whose} were trained with {found}"] if found else []
    if "config" not in state:
        return ["the file does not say for which --mean, --std and scaling of images"]
    try:
        saved = load_trained_config(state["config"])
    except UserError:
        return ["note: of another version, whose --mean, --std and scaling are not compared"]
    remarks = []
    if found := _normalised_otherwise(config, {"mean": saved.mean, "std": saved.std}):
        remarks.append(f"note: they were trained with {found}")
    if evaluation_transforms(saved) != evaluation_transforms(config):
        before, now = describe_evaluation(saved), describe_evaluation(config)
        now = "by other --eval-transforms" if now == before else now
        remarks.append(f"note: they were evaluated on images {before}, here {now}")
    return remarks


def _head_taken(config: Config, trained: Sequence[str], classes: Sequence[str]) -> list[str]:
    """Remarks where the head is taken too: on its classes, which are as many as here, but others or
    in another order, and on --init, which is left without weights to fill."""
    remarks = []
    if list(trained) != list(classes):
        there, here = first_difference(trained, classes)
        remarks.append(f"note: they tell other classes apart ({there} there, {here} here); the "
                       "head is taken too")  # fmt: skip
    if config.init != "default":
        remarks.append(f"note: --init {config.init} has no effect: all weights come from there")
    return remarks


def _normalised_otherwise(config: Config, other: Mapping[str, Sequence[float]]) -> str:
    """ "--mean 0.1,0.2,0.3 (here 0.5,0.5,0.5)" and the like for --std; empty where both agree."""
    parts = []
    for name, values in other.items():
        before, now = (
            ",".join(f"{value:.6g}" for value in per_channel(one, config.channels))
            for one in (values, getattr(config, name))
        )
        if before != now:
            parts.append(f"--{name} {before} (here {now})")
    return " and ".join(parts)
