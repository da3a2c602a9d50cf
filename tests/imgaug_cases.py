"""Results of imgaug 0.4.0 at fixed parameters (tools/imgaug_golden.py), and ours."""

import json
from pathlib import Path

import numpy as np

from paddle_aug.augment.ops import imgaug as operations
from paddle_aug.augment.ops.superpixels import superpixels

_GOLDEN = Path(__file__).parent / "golden" / "imgaug_040.npz"
with np.load(_GOLDEN, allow_pickle=False) as _file:
    ARRAYS = {name: _file[name] for name in _file.files}
_SPEC = json.loads(ARRAYS.pop("spec").tobytes())
EDITIONS = _SPEC["editions"]
CASES = {f"case{number} {case['op']}": case for number, case in enumerate(_SPEC["cases"])}


def expected(name: str) -> np.ndarray:
    return ARRAYS[name.split()[0]].astype(int)


def source(name: str) -> np.ndarray:
    return ARRAYS[CASES[name]["image"]]


def ours(name: str) -> np.ndarray:
    op, arguments, image = CASES[name]["op"], dict(CASES[name]["args"]), source(name)
    if op == "superpixels":
        return superpixels(image, **arguments).astype(int)
    if op == "displaced":
        steps = 0.5 * np.arange(image.shape[0] * image.shape[1]).reshape(image.shape[:2])
        shifts = [arguments["amount"] * f(steps).astype(np.float32) for f in (np.sin, np.cos)]
        return operations.displaced(image, *shifts).astype(int)
    return getattr(operations, op)(image, **arguments).astype(int)


def strength(result: np.ndarray, name: str) -> float:
    """The mean change of a value by the operation."""
    return np.abs(result - source(name)).mean()
