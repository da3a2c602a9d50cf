"""Sets threads before Paddle is imported, as the commands do, and a cache folder for the tests."""

import os
import tempfile

import pytest

# One thread, as tests are small and several may run at the same time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests read English, whatever the developer's own language.
os.environ["PADDLE_AUG_LANGUAGE"] = "en"
# Tests neither use nor change the user's own cache.
os.environ.setdefault("PADDLE_AUG_CACHE", tempfile.mkdtemp(prefix="paddle_aug_tests_"))

from paddle_aug.core.paddle_import import import_paddle

import_paddle()


@pytest.fixture(autouse=True)
def _english(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test leaves its language to the next one."""
    monkeypatch.setenv("PADDLE_AUG_LANGUAGE", "en")
