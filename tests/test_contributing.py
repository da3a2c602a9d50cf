"""The recipes of CONTRIBUTING.md, carried out as they stand in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = {part.splitlines()[0]: part for part in re.split(r"^### ", TEXT, flags=re.MULTILINE)[1:]}
# "`file`, where:" and the code that goes there, or commands alone.
BLOCK = re.compile(
    r"(?:`(?P<file>[\w/.]+)`,\s(?P<where>at the end|a new file|below|above|in place of)"
    r"(?:\s`(?P<line>[^`]+)`)?:\n+)?```(?P<kind>python|sh)\n(?P<code>.*?)```",
    re.DOTALL,
)
# Runs commands in one process, so that Paddle is imported once.
RUN = """
import runpy, shlex, sys
for command in sys.argv[1:]:
    print("$", command, flush=True)
    _, *sys.argv = shlex.split(command)
    try:
        if sys.argv[0] == "-m":
            del sys.argv[0]
            runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
        else:
            runpy.run_path(sys.argv[0], run_name="__main__")
    except SystemExit as end:
        if end.code:
            raise
    sys.stdout.flush()
"""
HELP = "python train.py --help"


@pytest.fixture
def copy(tmp_path) -> Path:
    """A copy of what a recipe touches and runs."""
    for name in ("paddle_aug", "models", "tests"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("train.py", "pyproject.toml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


def carry_out(recipe: str, copy: Path) -> list[str]:
    """Put the code where the recipe says; returns its commands."""
    commands = []
    for block in BLOCK.finditer(RECIPES[recipe]):
        code = block["code"]
        if block["kind"] == "sh":
            commands += code.splitlines()
        else:
            place(copy / block["file"], block["where"], block["line"] or "", code)
    return commands


def place(path: Path, where: str, line: str, code: str) -> None:
    if where == "a new file":
        assert not path.exists()
        path.write_text(code, encoding="utf-8")
        return
    text = path.read_text(encoding="utf-8")
    if where == "at the end":
        text += "\n\n" + code
    elif where == "in place of":
        assert text.count(line) == 1, f"{path.name} must have one {line}"
        text = text.replace(line, code.rstrip("\n"))
    else:
        lines = text.splitlines(keepends=True)
        found = [i for i, own in enumerate(lines) if own.strip().startswith(line)]
        assert len(found) == 1, f"{path.name} must have one line that begins with {line}"
        lines.insert(found[0] + (where == "below"), code)
        text = "".join(lines)
    path.write_text(text, encoding="utf-8")


def run(copy: Path, commands: list[str]) -> dict[str, str]:
    """What each command prints, its errors included; they must succeed."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")}
    env |= {"OMP_NUM_THREADS": "1", "PADDLE_AUG_CACHE": str(copy / "cache"), "COLUMNS": "100"}
    env.pop("PYTHONPATH", None)
    done = subprocess.run([sys.executable, "-c", RUN, *commands], cwd=copy, env=env, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    assert done.returncode == 0, done.stdout
    parts = re.split(r"^\$ (.*)\n", done.stdout, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def config_of(copy: Path, mode: str) -> dict:
    return yaml.safe_load((copy / "logs" / mode / "config.yaml").read_text(encoding="utf-8"))


def passed(printed: dict[str, str]) -> int:
    """Tests that passed in the recipe's own run of pytest."""
    (output,) = (text for command, text in printed.items() if "pytest" in command)
    assert "failed" not in output
    return int(re.findall(r"(\d+) passed", output)[0])


def check_mixing_method(copy: Path, printed: dict[str, str]) -> None:
    assert np.load(copy / "logs/betweenClassAug_accEval.npy").shape == (1,)
    assert cv2.imread(str(copy / "preview_betweenClass.png")).std() > 10
    (compared,) = (text for command, text in printed.items() if "compare" in command)
    assert re.search(r"^betweenClass +1 ", compared, re.MULTILINE)
    assert (copy / "comparison").is_dir()
    words = " ".join(printed[HELP].split())
    assert "cutout, betweenClass, or code of your own" in words, "among the values of --augment"
    assert "cutmix, betweenClass: 1.0" in words, "its default in the help text of --alpha"
    assert passed(printed) == 8, "seven of tests/mix run over the table; its colour"


def check_operation(copy: Path, printed: dict[str, str]) -> None:
    assert config_of(copy, "no")["train_transforms"] == [
        {"Resize": [32, 32]},
        {"RandomInvert": 1.0},
    ]
    assert np.load(copy / "logs/noAug_lossTrain.npy").shape == (1,)
    assert passed(printed) == 8, "replayed on shapes and a pixel; built by name; its arguments"


def check_model(copy: Path, printed: dict[str, str]) -> None:
    assert config_of(copy, "no")["model"] == "AllConv"
    assert "AllConv" in printed[HELP]
    assert passed(printed) == 1


def check_data_format(copy: Path, printed: dict[str, str]) -> None:
    assert "6 training and 3 evaluation images, 3 classes" in "".join(printed.values())


def check_option(copy: Path, printed: dict[str, str]) -> None:
    assert "Conv2D(" in next(iter(printed.values()))
    assert "--show-layers" in printed[HELP] and "print the layers of the model" in printed[HELP]
    assert config_of(copy, "no")["show_layers"] is True


CHECKS: dict[str, Callable[[Path, dict[str, str]], None]] = {
    "A mixing method": check_mixing_method,
    "An operation": check_operation,
    "A model": check_model,
    "A data format": check_data_format,
    "An option": check_option,
}


def test_each_recipe_has_a_check_and_is_under_30_lines():
    assert list(RECIPES) == list(CHECKS)
    for name, text in RECIPES.items():
        # Of text and code: neither blank lines nor the fences around code.
        lines = [line for line in text.splitlines() if line and not line.startswith("```")]
        assert len(lines) < 30, name


@pytest.mark.parametrize("recipe", CHECKS)
def test_a_recipe_does_what_it_promises(recipe, copy):
    if recipe == "A data format":
        write_arrays(copy / "npy_folder")
    commands = carry_out(recipe, copy)
    assert commands
    ruff = [sys.executable, "-m", "ruff", "check", "paddle_aug", "models"]
    checked = subprocess.run(ruff, cwd=copy, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout
    CHECKS[recipe](copy, run(copy, [*dict.fromkeys([*commands, HELP])]))


def write_arrays(folder: Path) -> None:
    folder.mkdir()
    rng = np.random.default_rng(0)
    for part, count in (("train", 6), ("test", 3)):
        images = rng.integers(0, 256, (count, 32, 32, 3), dtype=np.uint8)
        np.save(folder / f"x_{part}.npy", images)
        np.save(folder / f"y_{part}.npy", np.arange(count) % 3)
