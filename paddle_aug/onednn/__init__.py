"""Training on a CPU at the machine's speed: a model's layers planned over oneDNN.

    model = accelerate(model)

The rest of a training loop stays as it is. See `accelerate` for what it promises.
"""

from paddle_aug.onednn.api import accelerate, is_available

__all__ = ["accelerate", "is_available"]
