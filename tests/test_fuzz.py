"""Whatever a stranger's file holds: it is read, or our own error names it. tools/soak_fuzz.py
does the same with ten thousand inputs for each reader."""

import pytest
from hypothesis import HealthCheck, given, settings

from paddle_aug.core.errors import UserError
from tests.fuzz_targets import TARGETS

EXAMPLES = 40


@pytest.mark.parametrize("name", TARGETS)
def test_any_input_is_read_or_refused_by_our_own_error(name, tmp_path):
    target = TARGETS[name]

    @settings(
        max_examples=EXAMPLES, deadline=None, database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )  # fmt: skip
    @given(target.inputs)
    def check(data):
        try:
            target.read(tmp_path, data)
        except UserError as error:
            assert target.name in str(error)

    check()
