"""Training on a CPU at the machine's speed: a model's layers planned over oneDNN.

    model = accelerate(model)

The rest of a training loop stays as it is. See `accelerate` for what it promises.
"""

from paddle_aug.core.paddle_import import import_paddle

import_paddle()  # before the modules below do: what it sets counts from Paddle's import on

from paddle_aug.onednn.api import accelerate, attainable, is_available  # noqa: E402

__all__ = ["accelerate", "attainable", "is_available"]
