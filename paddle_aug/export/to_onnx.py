"""A model as an ONNX file, made by paddle2onnx and run in ONNX Runtime before it counts.

paddle2onnx is called without an optimizer: its default installs packages by itself.
"""

import sys
import tempfile
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from paddle import nn

from paddle_aug.core.errors import UserError
from paddle_aug.core.requirements import install
from paddle_aug.export.plain_pools import plain_pools
from paddle_aug.export.program import (
    INPUT,
    OUTPUTS,
    largest_difference,
    outputs_of,
    refuse_difference,
    write_program,
)

# As in the extra onnx of pyproject.toml.
REQUIREMENTS = ("paddle2onnx>=2.1", "onnx>=1.16.1", "onnxruntime>=1.18")
OPSET = 17  # known to ONNX Runtime since 1.12
_NEWEST_PYTHON = (3, 12)  # that paddle2onnx 2 has a build for


class OnnxRecord(NamedTuple):
    """What is said of an ONNX file: its opset, who made it, how far its outputs are off."""

    opset: int
    paddle2onnx: str
    difference: float


def check_packages() -> tuple[Any, Any, Any]:
    """(paddle2onnx, onnx, onnxruntime). Raises UserError where one is missing, with what to do."""
    if sys.version_info[:2] > _NEWEST_PYTHON:
        here, newest = (".".join(map(str, v)) for v in (sys.version_info[:2], _NEWEST_PYTHON))
        raise UserError(
            f"onnx: paddle2onnx has no build for Python {here}: export with Python 3.10 to {newest}"
        )
    try:
        import onnx
        import onnxruntime
        import paddle2onnx
    except ImportError as error:
        command = install(*REQUIREMENTS)
        raise UserError(f"onnx: needs paddle2onnx and ONNX Runtime: {command} ({error})") from None
    if int(paddle2onnx.__version__.partition(".")[0]) < 2:
        raise UserError(
            f"onnx: paddle2onnx {paddle2onnx.__version__} does not read the programs of Paddle 3: "
            f"{install(*REQUIREMENTS)}"
        )
    return paddle2onnx, onnx, onnxruntime


def save_onnx(model: nn.Layer, images: np.ndarray, path: Path) -> OnnxRecord:
    """Write the ONNX file, for batches of any size: input `image`, outputs as OUTPUTS.

    images: float32 [N, C, S, S], N > 1, on which it is tried, together and the first alone.
    Raises UserError where packages are missing, or it cannot be converted or differs.
    """
    paddle2onnx, onnx, onnxruntime = check_packages()
    with tempfile.TemporaryDirectory() as folder:
        program, raw = f"{folder}/inference", f"{folder}/raw.onnx"
        with plain_pools(model, images) as plain:
            write_program(plain, images, Path(program))
        try:
            paddle2onnx.export(
                f"{program}.json", f"{program}.pdiparams", raw,
                opset_version=OPSET, optimize_tool="None", verbose=False,
            )  # fmt: skip
            graph = onnx.load(raw)
        except Exception as error:  # it has none of its own, and fails in its own error handling
            raise UserError(f"onnx: paddle2onnx cannot convert this model ({error})") from None
    _name(graph.graph)
    onnx.save(graph, str(path))
    difference = max(_difference(onnxruntime, path, model, images[:n]) for n in (1, len(images)))
    refuse_difference(difference, "ONNX file")
    (opset,) = (entry.version for entry in graph.opset_import if not entry.domain)
    return OnnxRecord(opset, paddle2onnx.__version__, difference)


def _name(graph: Any) -> None:
    """Call the outputs by OUTPUTS and the first dimension `batch`, in place."""
    names = {output.name: name for output, name in zip(graph.output, OUTPUTS, strict=True)}
    for node in graph.node:
        for values in (node.input, node.output):
            values[:] = [names.get(value, value) for value in values]
    for output in graph.output:
        output.name = names[output.name]
    for value in (*graph.input, *graph.output):
        value.type.tensor_type.shape.dim[0].dim_param = "batch"


def _difference(onnxruntime: Any, path: Path, model: nn.Layer, images: np.ndarray) -> float:
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # it warns of every constant that it drops
    session = onnxruntime.InferenceSession(str(path), options, ["CPUExecutionProvider"])
    got = session.run(list(OUTPUTS), {INPUT: images})
    return largest_difference(got, outputs_of(model, images))
