"""results/images_a_class puts the suite's figures of each number into a table and a picture."""

from pathlib import Path

import numpy as np
import pytest

from tests.helpers import load_program

FILE = Path(__file__).parent.parent / "results/images_a_class/images_a_class.py"
POINT = {"n": 3, "mean": 0.5, "std": 0.01, "low": 0.475, "high": 0.525}


@pytest.fixture(scope="module")
def module():
    return load_program(FILE)


def table(**means: float) -> dict:
    """A table.json with these methods."""
    return {"methods": [
        {"label": label, "figures": {"accEval": {"last": {**POINT, "mean": 0.0},
                                                 "whole": {**POINT, "mean": mean}}}}
        for label, mean in means.items()
    ]}  # fmt: skip


def test_each_method_has_its_accuracy_at_each_number(module):
    found = module.accuracies({10: table(none=0.2, mixed=0.3), 20: table(none=0.4, mixed=0.45)})
    assert {k: [p["mean"] for p in v.values()] for k, v in found.items()} == {
        "none": [0.2, 0.4], "mixed": [0.3, 0.45]
    }  # fmt: skip
    text = module.table_of(found, ["python x"])
    assert "| 20               | 0.400 [0.475, 0.525] | 0.450 [0.475, 0.525] |" in text
    assert text.endswith("\n    python x\n")


def test_the_picture_has_a_bar_for_each_interval_and_a_point_for_one_seed(module):
    one = {**POINT, "low": None, "high": None}
    found = {"none": {10: POINT, 100: {**POINT, "mean": 0.52}}, "mixed": {10: one, 100: one}}
    (axes,) = module.draw(found).axes
    lines = {bar.get_label(): bar for bar in axes.containers}
    _, _, (bars,) = lines["none"]
    ends = [segment[:, 1] for segment in bars.get_segments()]
    np.testing.assert_allclose(ends, [[0.475, 0.525], [0.475, 0.525]])
    _, _, (bars,) = lines["mixed"]
    assert all(np.ptp(segment[:, 1]) == 0 for segment in bars.get_segments())
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["none", "mixed"]


def test_a_result_of_another_number_of_methods_has_a_dash(module):
    assert "| -" in module.table_of({"none": {10: POINT}, "mixed": {20: POINT}}, [])
