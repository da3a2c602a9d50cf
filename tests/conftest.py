"""Every test runs as the commands do: threads are set before Paddle is imported."""

import os
import tempfile

# One thread: tests are small, and do not slow each other down where several run at once.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# No test may use, or leave anything in, the user's own cache.
os.environ.setdefault("PADDLE_AUG_CACHE", tempfile.mkdtemp(prefix="paddle_aug_tests_"))

from paddle_aug.core.paddle_import import import_paddle

import_paddle()
