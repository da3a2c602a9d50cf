"""Commands and programs in the documents: each command is understood, each program runs."""

import importlib
import os
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import NoReturn

import pytest

from paddle_aug import command_line
from paddle_aug.__main__ import VERBS
from paddle_aug.cli.parser import Parser
from paddle_aug.core.program import SCRIPTS
from tests.data_sets import photograph_table
from tests.warm_python import warm_python

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

ROOT = Path(__file__).parent.parent
DOCUMENTS = [ROOT / "README.md", ROOT / "README_cn.md", ROOT / "configs/README.md",
             ROOT / "results/README.md", *sorted((ROOT / "docs").glob("*.md"))]  # fmt: skip
# A line of code, or code in a sentence, which may go on in the next line.
COMMAND = re.compile(
    r"^(?:    |\| `)((?:paddle-aug|python3?) [^`|\n]+)|`((?:paddle-aug|python3?) [^`]+)`", re.M
)
PROGRAM = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
# What a document writes for something that the reader puts in.
PLACEHOLDERS = {"A": "mixup", "S": "0", "N": "2", "VERB": "compare RUN"}


class Understood(Exception):
    """Raised in place of doing what was asked for."""


def commands() -> list[tuple[str, str]]:
    """(document, command) of every command of ours that the documents name."""
    found = []
    for path in DOCUMENTS:
        if not path.exists():
            continue
        for match in COMMAND.finditer(path.read_text(encoding="utf-8")):
            text = " ".join((match[1] or match[2]).split())
            if "..." not in text and (path.name, text) not in found:
                found.append((path.name, text))
    return found


def words_of(command: str) -> list[str]:
    words = shlex.split(command, comments=True)
    return [part for word in words for part in PLACEHOLDERS.get(word, word).split()]


def test_there_are_commands():
    assert len(commands()) > 60
    assert {document for document, _ in commands()} >= {"README.md", "README_cn.md"}


@pytest.mark.parametrize(("document", "command"), commands())
def test_a_command_is_understood(document, command, monkeypatch):
    program, *words = words_of(command)
    if program != "paddle-aug":
        if words[:2] == ["-m", "paddle.distributed.launch"]:
            words = words[next(i for i, word in enumerate(words) if word.endswith(".py")) :]
        if words[0] == "-m":
            if words[1] != "paddle_aug":
                assert words[1] in ("venv", "pip", "pytest", "ruff", "pyright"), words
                return
            words = words[2:]
        elif words[0].removesuffix(".py") in SCRIPTS:
            words[0] = words[0].removesuffix(".py")
        else:
            check_script(ROOT / words[0], words[1:])
            return
    if words[0] in ("--help", "--version", "--print-completion"):
        return
    assert words[0] in VERBS, command
    if len(words) > 1:  # else it is spoken of
        check_verb(words[0], words[1:], monkeypatch)


def check_script(script: Path, words: list[str]) -> None:
    source = script.read_text(encoding="utf-8")
    for name in re.findall(r"^from (?:\w+\.)?(\w+) import", source, re.M):
        if (script.parent / f"{name}.py").exists():
            source += (script.parent / f"{name}.py").read_text(encoding="utf-8")
    for word in words:
        if word.startswith("--"):
            assert f'"{word.partition("=")[0]}"' in source, f"{script.name} has no {word}"


def check_verb(verb: str, words: list[str], monkeypatch) -> None:
    """Every word is taken by the verb's own parser; train's options are checked as a whole, too."""
    monkeypatch.chdir(ROOT)
    of_ones_own = any(re.fullmatch(r"my_\w+:\w+", word) for word in words)
    if verb == "train" and not of_ones_own:
        try:
            command_line.parse_args(words)
        except SystemExit as end:
            assert end.code == 0 and "--help" in words
        return
    original = Parser.parse_args

    def parse_only(self, *args, **kwargs) -> NoReturn:
        original(self, *args, **kwargs)
        raise Understood

    monkeypatch.setattr(Parser, "parse_args", parse_only)
    with pytest.raises((Understood, SystemExit)) as end:
        importlib.import_module(VERBS[verb][0]).main(words)
    assert end.type is Understood or (end.value.code == 0 and "--help" in words)


def environment() -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}


def programs() -> list:
    return [
        pytest.param(match[1], id=f"{path.name}-{number}")
        for path in DOCUMENTS
        if path.exists()
        for number, match in enumerate(PROGRAM.finditer(path.read_text(encoding="utf-8")))
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """What the programs name: data/train.csv of pieces of two photographs, a run and its export."""
    root = tmp_path_factory.mktemp("programs")
    (root / "data").mkdir()
    photograph_table(root / "data", 10, 256, ("rust", "scab"))
    for name in "ab":
        shutil.copy(root / "data/0.png", root / f"{name}.jpg")
    options = ["--data", "data/train.csv", "--model", "LeNet", "--image-size", "32", "--epochs",
               "1", "--augment", "mixup", "--output", "logs/mine"]  # fmt: skip
    run(root, ["-m", "paddle_aug", "train", *options])
    run(root, ["-m", "paddle_aug", "export", "logs/mine/mixup"])
    return root


def run(folder: Path, words: list[str]) -> None:
    done = subprocess.run(
        [*warm_python(), *words], cwd=folder, env=environment(),
        capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


@pytest.mark.parametrize("program", programs())
def test_a_program_runs_as_it_stands(program, folder):
    if "from paddlex" in program:
        pytest.importorskip("paddlex", reason="PaddleX is not installed")
    run(folder, ["-c", program])
