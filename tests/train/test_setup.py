"""tools/setup.sh: what it says where something is missing, and that it installs nothing twice."""

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


def test_requirements_say_what_ai_studio_must_not_install():
    lines = (ROOT / "requirements-aistudio.txt").read_text().lower().splitlines()
    names = [line for line in lines if line and not line.startswith("#")]
    assert not [name for name in names if "paddle" in name or "opencv" in name]
    assert "numpy<2.4" in names
    for other in ("requirements.txt", "requirements-gpu.txt"):
        assert "-r requirements-aistudio.txt" in (ROOT / other).read_text()
