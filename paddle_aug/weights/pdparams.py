"""Weights from Paddle's .pdparams files, which are Python pickles; see `core.plain_pickle`."""

import os
from typing import IO, cast

import numpy as np

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_pickle import (
    BoundedFile,
    PlainArray,
    arrays_in,
    finished,
    refusing,
    run_pickle,
)
from paddle_aug.core.safe_files import open_regular

MAX_FILE_BYTES = 8 << 30
# The key under which Paddle stores a table from the model's names to its internal ones.
_NAME_TABLE = "StructuredToParameterName@@"
_SPLIT_TABLE = "UnpackBigParamInfor@@"


def read_pdparams(path: str | os.PathLike[str]) -> dict[str, np.ndarray]:
    """Arrays of a .pdparams file by name, as `paddle.save(model.state_dict(), path)` wrote them.

    If there are no arrays at the top level, those of the only dictionary with arrays in it are
    taken ({"state_dict": {...}, "epoch": 3}). bfloat16, which Paddle stores as uint16, becomes
    float32.
    Raises UserError for a file that names any function, that is damaged, or that is too large.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > MAX_FILE_BYTES:
            raise UserError(f"{path}: {size:,} bytes, the limit is {MAX_FILE_BYTES:,}")
        with refusing(path, ".pdparams file"):
            arrays = _weights(run_pickle(cast(IO[bytes], BoundedFile(file, size))), path)
            return finished(arrays, size)


def _weights(content: object, path: str | os.PathLike[str]) -> dict[str, PlainArray]:
    if not isinstance(content, dict):
        raise UserError(f"{path}: holds {type(content).__name__}, not a dictionary of weights")
    if _SPLIT_TABLE in content:
        raise UserError(f"{path}: holds split arrays; save it again with paddle.save(protocol=4)")
    arrays = _arrays_in(content)
    if not arrays:
        inner = {
            name: found
            for name, value in content.items()
            if isinstance(value, dict) and name != _NAME_TABLE and (found := _arrays_in(value))
        }
        if len(inner) != 1:
            names = ", ".join(inner) or "none"
            raise UserError(f"{path}: no arrays; dictionaries of arrays inside: {names:.200}")
        (arrays,) = inner.values()
    return arrays


def _arrays_in(values: dict[str, object]) -> dict[str, PlainArray]:
    # Paddle saves a Tensor outside of a state_dict as (name, array).
    return arrays_in({
        name: value[1] if isinstance(value, tuple) and len(value) == 2
        and isinstance(value[0], str) else value
        for name, value in values.items()
    })  # fmt: skip
