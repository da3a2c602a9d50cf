"""A command in a message begins as the user's own did."""

import os
import sys
from pathlib import Path

import pytest

from paddle_aug.core.program import as_started, command, python


@pytest.fixture
def environment(tmp_path, monkeypatch) -> Path:
    """An environment's folder of programs; PATH has another Python only."""
    for folder in ("system", "env"):
        (tmp_path / folder).mkdir()
    for name in ("python", "python3", "paddle-aug"):
        (tmp_path / "system" / name).write_text("#!/bin/sh\n")
        (tmp_path / "system" / name).chmod(0o755)
        # As environments are made: links to the Python that made them.
        (tmp_path / "env" / name).symlink_to(tmp_path / "system" / name)
    monkeypatch.setenv("PATH", str(tmp_path / "system"))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "env" / "python"))
    monkeypatch.chdir(tmp_path)
    return tmp_path / "env"


@pytest.mark.parametrize(
    ("started", "verb", "expected"),
    [("train.py", "train", "python train.py"),
     ("evaluate.py", "train", "python train.py"),
     ("/a b/train.py", "evaluate", "python '/a b/evaluate.py'"),
     ("evaluate.py", "predict", "python predict.py"),
     ("train.py", "check", "python -m paddle_aug check"),
     ("/x/paddle_aug/__main__.py", "train", "python -m paddle_aug train"),
     ("-c", "train", "python -m paddle_aug train"),
     ("env/paddle-aug", "train", "paddle-aug train"),
     ("env/paddle-aug.exe", "compare", "paddle-aug compare")],
)  # fmt: skip
def test_each_way_to_start(environment, monkeypatch, started, verb, expected):
    monkeypatch.setenv("PATH", str(environment))
    monkeypatch.setattr(sys, "argv", [started])
    assert command(verb) == expected


def test_an_environment_that_is_not_the_shells_is_named_by_its_path(environment, monkeypatch):
    assert python() == "env/python"
    monkeypatch.setattr(sys, "argv", ["train.py"])
    assert command("train") == "env/python train.py"
    monkeypatch.setattr(sys, "argv", ["env/paddle-aug"])
    assert command("train") == "env/paddle-aug train"
    monkeypatch.chdir(environment.parent / "system")
    assert python() == str(environment / "python")
    monkeypatch.setenv("PATH", f"{environment}{os.pathsep}/nothing")
    assert python() == "python"
    (environment / "python").unlink()
    assert python() == "python3"


@pytest.mark.parametrize(
    ("argv", "expected"),
    [(["/x/train.py", "--epochs", "2"], "train.py --epochs 2"),
     (["/x/paddle_aug/__main__.py", "train", "--lr", "1"], "-m paddle_aug train --lr 1"),
     (["/x/pytest/__main__.py"], "__main__.py"),
     (["/bin/paddle-aug", "train", "--policy.crop", "[0, 1]"],
      "paddle-aug train --policy.crop '[0, 1]'")],
)  # fmt: skip
def test_what_is_recorded_of_the_command_line_names_no_folder(monkeypatch, argv, expected):
    monkeypatch.setattr(sys, "argv", argv)
    assert as_started() == expected
