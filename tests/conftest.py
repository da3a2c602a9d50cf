"""Sets threads before Paddle is imported, as the commands do, and a cache folder for the tests."""

import os
import signal
import tempfile
from collections.abc import Iterator

import pytest

# One thread, as tests are small and several may run at the same time.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests read English, whatever the developer's own language.
os.environ["PADDLE_AUG_LANGUAGE"] = "en"
# Tests neither use nor change the user's own cache.
os.environ.setdefault("PADDLE_AUG_CACHE", tempfile.mkdtemp(prefix="paddle_aug_tests_"))

# Programs started by tests take over what is ignored, as under `nohup make test &`.
for _number, _handler in (
    ("SIGINT", signal.default_int_handler), ("SIGHUP", signal.SIG_DFL),
):  # fmt: skip
    if hasattr(signal, _number) and signal.getsignal(getattr(signal, _number)) == signal.SIG_IGN:
        signal.signal(getattr(signal, _number), _handler)

from paddle_aug.core.paddle_import import import_paddle  # noqa: E402

import_paddle()


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """No test, nor what was set up for several, leaves its language to the next one."""
    os.environ["PADDLE_AUG_LANGUAGE"] = "en"
    yield
    os.environ["PADDLE_AUG_LANGUAGE"] = "en"


@pytest.fixture
def programs_without_coverage(monkeypatch: pytest.MonkeyPatch) -> None:
    """For whole journeys, whose lines other tests cover: their programs run at a user's speed."""
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
