"""Image data augmentation in PaddlePaddle: base operations, mixing, and training under them.

    import paddle_aug as pa

offers the public names below. Paddle is imported only when a name that needs it is used, so that
previews and tables start at once.
"""

import sys

# Checked before any syntax that an older Python does not know, here and in the imports.
if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit(
        f"error: Python 3.10 to 3.13 is needed; this is Python {sys.version.split()[0]} "
        f"({sys.executable})"
    )

import importlib
from typing import Any

from paddle_aug.core import old_names

__version__ = "0.1.0"

# Public name: the module that it comes from.
_PUBLIC = {
    "InPaddleCompose": "paddle_aug.augment.paddle_vision",
    "PaddleVision": "paddle_aug.augment.paddle_vision",
    "PairingSchedule": "paddle_aug.mix.phases",
    "PolicyOptions": "paddle_aug.augment.policies",
    "UserError": "paddle_aug.core.errors",
    "Views": "paddle_aug.evaluation.options",
    "build_policy": "paddle_aug.augment.policies",
    "build_transforms": "paddle_aug.augment.transform_list",
    "cutmix": "paddle_aug.mix.formulas",
    "cutout": "paddle_aug.mix.formulas",
    "mixup": "paddle_aug.mix.formulas",
    "sample_pairing": "paddle_aug.mix.formulas",
    # These need Paddle.
    "AugmentedDataset": "paddle_aug.batches.augmented",
    "DataOptions": "paddle_aug.data.options",
    "Predictor": "paddle_aug.prediction.predictor",
    "accelerate": "paddle_aug.onednn",
    "build_model": "models",
    "load_data": "paddle_aug.data.load",
    "predict": "paddle_aug.prediction.predictor",
}
__all__ = ["__version__", *_PUBLIC]


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_PUBLIC[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_PUBLIC})


old_names.install()
