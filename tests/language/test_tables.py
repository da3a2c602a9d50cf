"""Tables on a terminal: columns stand under each other where characters are two columns wide, and
names in cells stay as they are."""

from pathlib import Path

import numpy as np
import pytest
import tabulate
from PIL import Image

from paddle_aug.__main__ import main
from tests.columns import TABLE_RULE, out_of_column
from tests.run_folders import write_run
from tests.trained_runs import trained_run

CLASSES = ["damaged", "猫咪", "a long name"]  # the first is a word that messages translate


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Images of three classes and a trained model of them, and two runs to compare."""
    root = tmp_path_factory.mktemp("tables")
    rng = np.random.default_rng(0)
    for name in CLASSES:
        (root / "图片" / name).mkdir(parents=True)
        for number in range(5):
            pixels = rng.integers(0, 256, (32, 32 + number, 3), np.uint8)
            Image.fromarray(pixels).save(root / "图片" / name / f"{'照片' * number}{number}.png")
    trained_run(root / "model", CLASSES, data=str(root / "图片"))
    write_run(root / "runs", "no", epochs=12)
    write_run(root / "runs", "mixup", {"accEval": np.linspace(0, 1, 12).tolist()}, 12)
    return root


COMMANDS = {
    "check": (["check", "图片"], 2),
    "predict": (["predict", "model", "图片"], 1),
    "evaluate": (["evaluate", "model"], 1),
    "compare": (["compare", "runs", "--output", "compared"], 2),
}


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_columns_stand_under_each_other(command, language, folder, monkeypatch, capsys):
    monkeypatch.chdir(folder)
    monkeypatch.setenv("PADDLE_AUG_LANGUAGE", language)
    arguments, tables = COMMANDS[command]
    main(arguments)
    said = capsys.readouterr().out
    assert len([line for line in said.split("\n") if TABLE_RULE.fullmatch(line)]) == tables
    assert out_of_column(said) == []
    assert "已损坏" not in said and ("damaged" in said or command == "compare")


def test_the_measure_sees_what_is_out_of_column(monkeypatch):
    rows, head = [["猫咪", "没有"], ["dog", "22"]], ["类别", "数量"]
    assert out_of_column(tabulate.tabulate(rows, head)) == []
    monkeypatch.setattr(tabulate, "WIDE_CHARS_MODE", False)
    assert out_of_column(tabulate.tabulate(rows, head)) == ["数量", "没有"]
