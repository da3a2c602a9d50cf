"""Fast training on a CPU: plans that run a model's layers with oneDNN.

    model = accelerate(model)

The rest of a training loop stays the same. See `accelerate` for details.
"""

from paddle_aug.core.paddle_import import import_paddle

import_paddle()  # before the modules below import Paddle, so that its settings take effect

from paddle_aug.onednn.api import accelerate, attainable, is_available  # noqa: E402

__all__ = ["accelerate", "attainable", "is_available"]
