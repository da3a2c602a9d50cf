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
    """Set every parameter and buffer; UserError names what is missing, unknown or misshaped."""
    own = model.state_dict()
    problems = [f"{name} is missing" for name in own if name not in arrays]
    problems += [f"{name} is unknown" for name in arrays if name not in own]
    problems += [
        f"{name} is {list(arrays[name].shape)}, not {own[name].shape}"
        for name in own
        if name in arrays and list(arrays[name].shape) != list(own[name].shape)
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
    unknown or of another shape, or holds values that are not finite.
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
    problems += [f"{n}: values that are not finite" for n in fitting if not _finite(arrays[n])]
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


def _finite(array: np.ndarray) -> bool:
    return not np.issubdtype(array.dtype, np.floating) or bool(np.isfinite(array).all())
