"""The scripts that set an environment up: what they say, install once, and leave as it is."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
pytestmark = pytest.mark.skipif(os.name != "posix", reason="a shell script")


@pytest.fixture
def project(tmp_path) -> Path:
    """A copy of the set-up with nothing to download."""
    (tmp_path / "tools").mkdir()
    shutil.copy(ROOT / "tools" / "setup.sh", tmp_path / "tools")
    (tmp_path / "requirements.txt").write_text("# nothing\n")
    return tmp_path


def setup(project: Path, python: str) -> subprocess.CompletedProcess:
    environment = {"PATH": os.environ["PATH"], "HOME": str(project), "PYTHON": python}
    return subprocess.run(
        ["sh", "tools/setup.sh", "requirements.txt"],
        cwd=project, env=environment, capture_output=True, text=True,
    )  # fmt: skip


def fake_python(project: Path, body: str) -> str:
    path = project / "fake-python"
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_a_python_that_is_too_old_or_new_is_refused_with_what_to_install(project):
    result = setup(project, fake_python(project, "exit 1"))
    assert result.returncode == 1
    assert "No Python 3.10 to 3.13 found" in result.stderr
    assert "sudo apt install python3 python3-venv" in result.stderr


def test_a_missing_venv_module_names_the_debian_package(project):
    body = 'case "$2" in *ensurepip*) exit 1;; *print*) echo 3.11;; esac'
    result = setup(project, fake_python(project, body))
    assert result.returncode == 1
    assert "sudo apt install python3.11-venv" in result.stderr


def test_the_environment_is_made_once_and_a_changed_file_is_installed(project):
    first = setup(project, sys.executable)
    assert first.returncode == 0, first.stderr
    assert "making the virtual environment" in first.stderr
    assert "installing requirements.txt" in first.stderr
    assert setup(project, sys.executable).stderr == ""
    (project / "requirements.txt").write_text("# still nothing\n")
    third = setup(project, sys.executable)
    assert "installing requirements.txt" in third.stderr
    assert "making" not in third.stderr


# As AI Studio's: each call is noted, and what is installed is told.
AI_STUDIO = """
echo "$PYTHONPATH|$@" >> calls
case "$*" in
    *freeze*)
        printf '%s\\n' numpy==1.26.4 opencv-python==4.6.0.66 paddlepaddle-gpu==3.2.0 pip==24 ;;
    *install*) for last; do [ "$before" = -c ] && cat "$last" > constraints; before=$last; done ;;
esac
"""


@pytest.mark.parametrize("folder", [[], ["/kept/libraries"]])
def test_ai_studio_keeps_its_numpy_opencv_and_paddle(project, folder):
    shutil.copy(ROOT / "tools" / "setup_aistudio.sh", project / "tools")
    environment = {"PATH": os.environ["PATH"], "PYTHON": fake_python(project, AI_STUDIO)}
    done = subprocess.run(
        ["sh", "tools/setup_aistudio.sh", *folder],
        cwd=project, env=environment, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    kept = ["numpy==1.26.4", "opencv-python==4.6.0.66", "paddlepaddle-gpu==3.2.0"]
    assert (project / "constraints").read_text().split() == kept
    assert f"stays: {' '.join(kept)}" in done.stdout
    _, install, check = (project / "calls").read_text().splitlines()
    assert "-r requirements-aistudio.txt -c " in install
    assert ("--upgrade --target /kept/libraries" in install) == bool(folder)
    assert check.startswith("|".join([*folder, ""] if folder else ["", ""]))
    assert "import cv2, numpy" in check


def test_make_says_how_to_use_its_environment():
    # Under `make check` MAKEFLAGS is set, and this make would add "Entering directory" lines.
    alone = {key: value for key, value in os.environ.items() if not key.startswith("MAKE")}
    say = subprocess.run(
        ["make", "-n", "train"], cwd=ROOT, env=alone, capture_output=True, text=True
    )
    assert say.returncode == 0, say.stderr
    assert say.stdout.rstrip().endswith('echo "    . .venv/bin/activate"')
    assert say.stdout.count("train.py --data digits") == 2
