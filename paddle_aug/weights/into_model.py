"""Putting arrays into a model, and taking them out of it."""

from typing import Any

import numpy as np
import paddle
from paddle import nn

from models.structure import head_name
from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import Arrays, with_prefix


def model_arrays(model: paddle.nn.Layer) -> Arrays:
    """The model's parameters and buffers under the names `model/...`."""
    return with_prefix("model", to_numpy(model.state_dict()))


def load_model(model: paddle.nn.Layer, arrays: Arrays) -> None:
    """Set every parameter and buffer; UserError names what is missing, unknown, or of another shape
    or type."""
    own = model.state_dict()
    problems = [f"{name} is missing" for name in own if name not in arrays]
    problems += [f"{name} is unknown" for name in arrays if name not in own]
    problems += [
        f"{name} is {list(arrays[name].shape)}, not {own[name].shape}"
        for name in own
        if name in arrays and list(arrays[name].shape) != list(own[name].shape)
    ]
    types = {name: _type_name(value) for name, value in own.items()}
    problems += [
        f"{name} is {arrays[name].dtype}, not {types[name]}"
        for name in own
        if name in arrays and str(arrays[name].dtype) != types[name]
    ]
    if problems:
        more = f" and {len(problems) - 5} more" if len(problems) > 5 else ""
        raise UserError(f"the weights do not fit the model: {'; '.join(problems[:5])}{more}")
    model.set_state_dict({name: paddle.to_tensor(arrays[name]) for name in own})


def to_numpy(values: dict[str, Any]) -> Arrays:
    """Arrays under the same names, of the same shapes and dtypes; of bfloat16 its bits, as uint16.

    values: of a state_dict: Tensors, arrays, or single numbers, which become arrays of shape [].
    """
    return {name: np.asarray(v.numpy() if hasattr(v, "numpy") else v) for name, v in values.items()}


def fit_weights(model: nn.Layer, arrays: Arrays, source: str) -> str:
    """Put `arrays` into the model, but not into a head of another size; returns a line for users.

    Floating arrays take the model's dtype. A head that the file lacks, or has for another number of
    classes, keeps its initial weights. Raises UserError listing every other array that is missing,
    unknown or of another shape, holds values that are not finite, or whole numbers or truth values
    where the model has fractions, and the other way round.
    """
    own = model.state_dict()
    shapes = {name: list(array.shape) for name, array in arrays.items()}
    heads = (head_name(model), *getattr(model, "auxiliary_heads", ()))
    in_head = {name for name in own if name.rpartition(".")[0] in heads}
    problems, new_head = [], []
    for name, value in own.items():
        wanted, found = list(value.shape), shapes.get(name)
        if found != wanted:
            line = f"{name} {wanted}: " + ("not in the file" if found is None else f"is {found}")
            (new_head if name in in_head else problems).append(line)
    problems += [f"{name} {shape}: unknown" for name, shape in shapes.items() if name not in own]
    fitting = [name for name in own if shapes.get(name) == list(own[name].shape)]
    for name in fitting:
        if (arrays[name].dtype.kind == "f") != own[name].is_floating_point():
            problems.append(f"{name}: is {arrays[name].dtype}, not {_type_name(own[name])}")
        elif not np.isfinite(arrays[name]).all():
            problems.append(f"{name}: values that are not finite")
    if problems:
        raise UserError(
            f"{source}: {len(problems)} of its arrays do not fit the model:\n  "
            + "\n  ".join(problems + new_head)
        )
    if new_head:
        # The head is taken whole or not at all: its weight without its bias is of no use.
        fitting = [name for name in fitting if name not in in_head]
    for name in fitting:
        own[name].set_value(arrays[name].astype(own[name].numpy().dtype))
    head = f"; new head: {', '.join(new_head)}" if new_head else ""
    return f"weights of {source}: {len(fitting)} of {len(own)} arrays{head}"


def _type_name(value: paddle.Tensor) -> str:
    """The type that `to_numpy` gives it."""
    return str(value.dtype).removeprefix("paddle.").replace("bfloat16", "uint16")
