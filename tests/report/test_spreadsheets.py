"""Names that a spreadsheet would compute."""

import csv

import numpy as np
import pytest
from PIL import Image

from paddle_aug.__main__ import main
from paddle_aug.report.spreadsheets import is_formula, not_a_formula, note_formulas
from tests.run_folders import write_run
from tests.trained_runs import trained_run


@pytest.mark.parametrize("name", ["=1+1", "@SUM(A1)", "+cmd|' /C calc'!A0", "-cat", "\t=1", "+-1"])
def test_a_formula(name):
    assert is_formula(name)
    assert not_a_formula(name) == f"./{name}"


@pytest.mark.parametrize("name", ["-1", "+2", "-1.5", "cat", "a=b", "", "猫", "'=1"])
def test_what_is_none(name):
    assert not is_formula(name)
    assert not_a_formula(name) == name


def test_the_note_names_them(capsys):
    note_formulas(["cat", "-1"], "a.csv")
    assert capsys.readouterr() == ("", "")
    note_formulas(["cat", "=1+1", "@x"], "a.csv")
    assert capsys.readouterr().err.startswith("note: a.csv: '=1+1', '@x': a spreadsheet would take")


def test_evaluate_and_compare_write_names_as_they_are_and_say_so(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("=1+1", "b")):
        (tmp_path / "images" / name).mkdir(parents=True)
        for shade in range(5):
            image = Image.fromarray(np.full((32, 32), 40 * shade + number, np.uint8))
            image.save(tmp_path / "images" / name / f"{shade}.png")
    trained_run(tmp_path / "model", ["=1+1", "b"], data="images")
    main(["evaluate", "model", "--output", "out"])
    assert "note: out/*.csv: '=1+1': a spreadsheet" in capsys.readouterr().err
    with open("out/classes.csv", encoding="utf-8") as file:
        assert list(csv.reader(file))[1][0] == "=1+1"

    for label in ("@home", "plain"):
        write_run(tmp_path / "runs" / label, "no")
    main(["compare", "runs/@home", "runs/plain", "--output", "compared"])
    assert "note: compared/table.csv: '@home" in capsys.readouterr().err
