"""Image data augmentation in PaddlePaddle: base operations, mixing, and training under them."""

from typing import Any

__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    # Looked up when asked for, so that the rest of the package needs no Paddle.
    if name == "accelerate":
        from .onednn import accelerate

        return accelerate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
