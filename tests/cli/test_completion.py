"""paddle-aug --print-completion: a real shell completes verbs, options and values."""

import shutil
import subprocess
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from paddle_aug.__main__ import SHELLS, VERBS, main
from paddle_aug.config import Config
from paddle_aug.config.words import choices, words
from paddle_aug.data.named import NAMES
from paddle_aug.modes import AUGMENTS

pytest.importorskip("shtab")


@pytest.fixture(scope="module")
def script(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("completion") / "paddle-aug.bash"
    with path.open("w") as file, redirect_stdout(file):
        assert main(["--print-completion", "bash"]) == 0
    return path


def complete(script: Path, *line: str, folder: Path | None = None) -> list[str]:
    """What bash offers after this line, whose last word is being typed."""
    bash = shutil.which("bash")
    assert bash
    code = """
source "$1"; shift
COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1))
function=$(complete -p paddle-aug | sed 's/.*-F \\([^ ]*\\).*/\\1/')
$function paddle-aug "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD-1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""
    command = [bash, "-c", code, "bash", str(script), "paddle-aug", *line]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_verbs_are_completed(script):
    assert set(VERBS) <= set(complete(script, ""))
    assert complete(script, "ev") == ["evaluate"]


@pytest.mark.parametrize("name", [name for name in Config.model_fields if words(name)])
def test_values_of_every_option_that_has_some_are_completed(script, name):
    flag = f"--{name.replace('_', '-')}"
    assert set(words(name)) <= set(complete(script, "train", flag, ""))
    assert set(words(name)) >= set(choices(name)) - {"N"}


def test_options_and_values_of_other_verbs(script, tmp_path):
    assert complete(script, "train", "--image-s") == ["--image-size"]
    assert complete(script, "evaluate", "--tta", "fl") == ["flip"]
    assert complete(script, "evaluate", "--tta-policy", "triv") == ["trivialAugment"]
    assert complete(script, "evaluate", "--checkpoint", "") == ["best", "last"]
    assert complete(script, "preview", "--sheet", "pa") == ["pairing"]
    assert set(complete(script, "preview", "--augment", "")) == set(AUGMENTS)
    (tmp_path / "my_images").mkdir()
    assert set(complete(script, "check", "m", folder=tmp_path)) == {"mnist", "my_images"}
    for verb in ("compare", "report"):
        assert complete(script, verb, "my", folder=tmp_path) == ["my_images"]
    assert complete(script, "train", "--output", "my", folder=tmp_path) == ["my_images"]


def test_the_names_that_data_are_completed_by_are_those_that_are_read():
    assert set(words("data")) == {"digits", *NAMES}


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_has_its_script(shell, capsys):
    assert main(["--print-completion", shell]) == 0
    said = capsys.readouterr().out
    assert "samplePairing" in said and "--augment" in said and "evaluate" in said
