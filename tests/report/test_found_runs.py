"""Names of runs, folders of runs and suites' results are found, each run once."""

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.report.found_runs import find_runs
from tests.run_folders import write_method, write_run


def test_a_folder_of_runs_is_searched(tmp_path):
    write_method(tmp_path / "a", "no", [0.4, 0.5])
    write_method(tmp_path / "a", "mixup", [0.4], label="b")
    found = find_runs([str(tmp_path / "a")], set())
    assert [(run.label, run.mode, run.seed) for run in found.runs] == [
        ("b", "mixup", 0), ("no", "no", 0), ("no", "no", 1),
    ]  # fmt: skip
    assert found.commands[0].command == "python train.py"
    # Equal labels of two suites are not seeds of one method.
    write_method(tmp_path / "results/s1/curves", "no", [0.4])
    write_method(tmp_path / "results/s2/curves", "no", [0.5])
    found = find_runs([str(tmp_path / "results")], set())
    assert [run.label for run in found.runs] == ["s1/no", "s2/no"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError, match="no curves found"):
        find_runs([str(tmp_path / "empty")], set())


def test_a_run_that_several_names_name_counts_once(tmp_path):
    write_run(tmp_path / "logs", "no", epochs=3, config={"seed": 0})
    write_run(tmp_path / "logs", "mixup", epochs=3, config={"seed": 0})
    write_method(tmp_path / "suite", "no", [0.4, 0.5])
    logs, mixup, seed = (str(tmp_path / name) for name in ("logs", "logs/mixup", "suite/no/seed1"))
    found = find_runs([logs, mixup, str(tmp_path / "suite"), seed], set())
    assert [(run.label, run.mode, run.seed) for run in found.runs] == [
        (None, "no", 0), (None, "mixup", 0), ("no", "no", 0), ("no", "no", 1),
    ]  # fmt: skip
    assert found.runs[1].warnings == (f"{mixup}: named more than once, taken once",)
    # The suite's label stays, whichever name comes first.
    found = find_runs([seed, str(tmp_path / "suite")], set())
    assert sorted((run.label, run.seed) for run in found.runs) == [("no", 0), ("no", 1)]
    # Under another label it is another run, as `compare` has it.
    found = find_runs([logs, f"a={mixup}"], set())
    assert [(run.label, run.mode) for run in found.runs] == [
        (None, "no"), (None, "mixup"), ("a", "mixup"),
    ]  # fmt: skip


def test_what_a_suite_keeps_of_a_run_is_no_second_run(tmp_path):
    """As in logs/, with suites/ and results/ in it."""
    write_method(tmp_path / "suites/s1", "no", [0.4, 0.5])
    write_method(tmp_path / "results/s1/curves", "no", [0.4])
    found = find_runs([str(tmp_path)], set())
    assert [(run.label, run.seed) for run in found.runs] == [("no", 0), ("no", 1)]
    assert found.runs[0].folder == tmp_path / "suites/s1/no/seed0"
    write_method(tmp_path / "results/s1/curves", "no", [0.6])  # of another training
    write_method(tmp_path / "results/s2/curves", "no", [0.4])  # of another suite
    found = find_runs([str(tmp_path)], set())
    assert [(run.label, run.seed) for run in found.runs] == [
        ("s1/no", 0), ("s2/no", 0), ("s1/no", 0), ("s1/no", 1),
    ]  # fmt: skip
