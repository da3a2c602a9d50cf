"""results/images_a_class puts the suite's figures of each number into a table and a picture."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from paddle_aug.core.errors import UserError
from tests.helpers import load_program

FILE = Path(__file__).parent.parent / "results/images_a_class/images_a_class.py"
POINT = {"n": 3, "mean": 0.5, "std": 0.01, "low": 0.475, "high": 0.525}


@pytest.fixture(scope="module")
def module():
    return load_program(FILE)


def table(**means: float) -> dict:
    """A table.json with these methods."""
    return {"methods": [
        {"label": label, "seeds": [0, 1, 2],
         "figures": {"accEval": {"last": {**POINT, "mean": 0.0},
                                 "whole": {**POINT, "mean": mean, "values": [mean] * 3}}}}
        for label, mean in means.items()
    ]}  # fmt: skip


def test_each_method_has_its_accuracy_at_each_number(module):
    found = module.accuracies({10: table(none=0.2, mixed=0.3), 20: table(none=0.4, mixed=0.45)})
    assert {k: [p["mean"] for p in v.values()] for k, v in found.items()} == {
        "none": [0.2, 0.4], "mixed": [0.3, 0.45]
    }  # fmt: skip
    text = module.table_of(found, [], "python x")
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
    assert "| -" in module.table_of({"none": {10: POINT}, "mixed": {20: POINT}}, [], "")


def test_gains_are_paired_by_seed_and_corrected_for_each_other(module):
    def seeds(label: str, **values: float) -> dict:
        figures = {"accEval": {"whole": {"values": list(values.values())}}}
        return {"label": label, "seeds": [int(name[1:]) for name in values], "figures": figures}

    none = seeds("none", s0=0.50, s1=0.60, s2=0.70)
    tables = {
        10: {"methods": [none, seeds("a", s2=0.76, s0=0.55, s1=0.67), seeds("b", s1=0.61)]},
        20: {"methods": [none, seeds("a", s0=0.52, s1=0.61, s2=0.75)]},
    }
    (a, b, c) = module.gains(tables)
    half, p = stats.t.ppf(0.975, 2) / np.sqrt(3), stats.ttest_1samp([5, 7, 6], 0).pvalue
    assert a[:5] == ["10", "a", "+6.0", f"{6 - half:+.1f} to {6 + half:+.1f}", "3"]
    assert a[5:] == [f"{p:.3f}", f"{p:.3f}", f"{2 * p:.3f}"]
    assert b == ["10", "b", "+1.0", "-", "1", "-", "-", "-"]
    assert c[2] == "+2.7" and c[5] == c[6] == c[7]
    same = {10: {"methods": [none, seeds("a", s0=0.55, s1=0.65, s2=0.75)]}}
    assert module.gains(same) == [["10", "a", "+5.0", "-", "3", "-", "-", "-"]]


@pytest.mark.parametrize(
    ("options", "numbers", "more"),
    [
        (["--jobs", "2"], [10, 20, 50, 100, 200, 500], ["--jobs", "2"]),
        (["--judge"], [10, 200], ["--judge"]),
        (["--judge", "--numbers", "50", "20"], [20, 50], ["--judge"]),
    ],
)
def test_numbers_are_run_or_those_that_lie_there_judged(
    module, options, numbers, more, tmp_path, monkeypatch
):
    commands = []

    def suite(command, cwd):
        commands.append(command[1:])
        place = Path(command[command.index("--results") + 1]) / "images_a_class"
        place.mkdir(parents=True, exist_ok=True)
        (place / "table.json").write_text(json.dumps(table(none=0.25)), encoding="utf-8")
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(module.subprocess, "run", suite)
    for number in (10, 200):
        (tmp_path / f"{number}_a_class").mkdir()
    arguments = [*options, "--output", str(tmp_path), "--amp", "bf16", "--seeds", "0-1"]
    monkeypatch.setattr(module.sys, "argv", [str(FILE), *arguments])
    assert module.main() == 0
    after = [command[command.index("--results") + 2 :] for command in commands]
    assert after == [
        ["--seeds=0-1", *more, "--", "--per-class", str(number), "--amp", "bf16"]
        for number in numbers
    ]
    text = (tmp_path / "accuracy.md").read_text(encoding="utf-8")
    shown = " ".join(map(str, numbers))
    command = f"python results/images_a_class/images_a_class.py --numbers {shown} --seeds=0-1"
    assert text.endswith(f"\n    {command} --amp bf16\n")
    assert all(f"| {number}  " in text for number in numbers)
    assert (tmp_path / "accuracy.png").stat().st_size > 1000


def test_the_scale_decides_which_table_is_read_and_a_relative_output_is_the_callers(
    module, tmp_path, monkeypatch
):
    def suite(command, cwd):
        return subprocess.CompletedProcess(command, 0)

    for name, value in (("images_a_class", 0.25), ("images_a_class_quick", 0.75)):
        place = tmp_path / "mine" / "10_a_class" / name
        place.mkdir(parents=True)
        (place / "table.json").write_text(json.dumps(table(none=value)), encoding="utf-8")
    monkeypatch.setattr(module.subprocess, "run", suite)
    monkeypatch.chdir(tmp_path)
    for options, value in (([], "0.250"), (["--quick"], "0.750")):
        arguments = ["--numbers", "10", "--output", "mine", *options]
        monkeypatch.setattr(module.sys, "argv", [str(FILE), *arguments])
        assert module.main() == 0
        assert f"| {value} " in (tmp_path / "mine" / "accuracy.md").read_text(encoding="utf-8")


def test_nothing_to_judge_is_said_and_nothing_written(module, tmp_path, monkeypatch):
    monkeypatch.setattr(module.sys, "argv", [str(FILE), "--judge", "--output", str(tmp_path)])
    with pytest.raises(UserError, match="has no folder such as 10_a_class"):
        module.main()
    assert list(tmp_path.iterdir()) == []


def test_of_one_seed_the_table_says_so(module):
    one = {**POINT, "n": 1, "low": None, "high": None}
    assert "| 0.500 (one seed) |" in module.table_of({"none": {10: one}}, [], "python x")
