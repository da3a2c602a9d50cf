"""Image data augmentation in PaddlePaddle: base operations, mixing, and training under them."""

__version__ = "0.1.0"
