"""A package that is missing or broken is one line: its name, the Python, the command that helps."""

import re
import subprocess
import sys
import types
from pathlib import Path

import pytest

from paddle_aug.__main__ import VERBS
from paddle_aug.core import requirements
from paddle_aug.core.errors import UserError
from paddle_aug.core.paddle_import import import_paddle
from paddle_aug.core.program import python
from paddle_aug.core.requirements import explain, install, remedy, requirement

ROOT = Path(__file__).parent.parent.parent
# A Python in which nothing is installed.
BARE = """
import importlib.abc, runpy, sys
class Bare(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        top = name.partition(".")[0]
        if top not in sys.stdlib_module_names and top not in ("paddle_aug", "models"):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Bare())
del sys.argv[0]
sys.path.insert(0, "")
if sys.argv[0].endswith(".py"):
    runpy.run_path(sys.argv[0], run_name="__main__")
runpy.run_module("paddle_aug", run_name="__main__", alter_sys=True)
"""
ARGUMENTS = {"train": ["--data", "digits"], "preview": [], "schedule": [], "cache": [], "demo": []}


def start(*command: str, cwd: Path = ROOT) -> tuple[int, str]:
    """Exit code and stderr of a Python process that finds the project anywhere."""
    done = subprocess.run(
        [sys.executable, *command], cwd=cwd, capture_output=True, text=True, timeout=120,
        env={"PATH": "", "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
    )  # fmt: skip
    return done.returncode, done.stderr


@pytest.mark.parametrize("entry", ["train.py", "evaluate.py", *VERBS])
def test_in_a_python_without_packages_every_command_says_what_to_install_in_one_line(entry):
    verb = entry.removesuffix(".py")
    assert verb in VERBS
    code, said = start("-c", BARE, *([entry] if ".py" in entry else ["paddle_aug", entry]),
                       *ARGUMENTS.get(verb, ["nothing"]))  # fmt: skip
    assert code == 2, said
    version = ".".join(map(str, sys.version_info[:3]))
    line = (
        r"error: [\w-]+ is not installed for \S+ \(Python " + re.escape(version)
        + r"\)\. (On a CPU: \S+ -m pip install -r requirements\.txt \(with CUDA: .*\)"
        + r"|Use the environment that make has made: \. \.venv/bin/activate)\n"
    )  # fmt: skip
    assert re.fullmatch(line, said), said


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [("pydantic.py", "", r"error: pydantic cannot be imported by .*: cannot import name .*pip ins"),
     ("cv2.py", "raise ImportError('numpy.core.multiarray failed to import')",
      r'error: OpenCV and NumPy of .* do not fit .* pip install "numpy<2"'),
     ("cv2.py", "import no_such_library", "error: no_such_library is not installed for"),
     ("cv2.py", "raise ImportError('libGL.so.1: cannot open shared object file')",
      r"error: opencv-python-headless cannot be imported by .*libGL\.so\.1: cannot open"),
     ("models.py", "", r"error: .*models\.py hides the project's own models: rename it")],
)  # fmt: skip
def test_a_package_that_cannot_be_imported_is_named_with_the_reason(tmp_path, name, content, said):
    (tmp_path / name).write_text(content)
    # With -m the present folder goes before all others.
    code, stderr = start("-m", "paddle_aug", "train", "--data", "digits", cwd=tmp_path)
    assert code == 2, stderr
    assert re.match(said, stderr) and stderr.count("\n") == 1, stderr


def test_a_fault_of_the_projects_own_code_keeps_its_traceback():
    assert explain(ImportError("from nowhere")) is None
    code, said = start("-c", "from paddle_aug.core.errors import run_command\n"
                       "def main(): from paddle_aug.core.errors import no_such_name\n"
                       "run_command(main)")  # fmt: skip
    assert code == 1 and "Traceback" in said


@pytest.fixture
def home(tmp_path, monkeypatch):
    """An empty home for the project; what is installed is said by the test."""
    there = set()
    monkeypatch.setattr(requirements, "HOME", tmp_path)
    monkeypatch.setattr(requirements, "_is_there", there.__contains__)
    monkeypatch.setattr(requirements, "python", lambda: "PY")
    monkeypatch.chdir(tmp_path)
    return tmp_path, there


def with_files(home: Path) -> None:
    (home / "requirements.txt").write_text("-r requirements-aistudio.txt\npaddlepaddle==9\n")
    (home / "requirements-aistudio.txt").write_text("numpy<3  # why\nopencv-python-headless>=4\n")
    (home / "requirements-gpu.txt").write_text("paddlepaddle-gpu==8\n")


def test_paddle_that_is_there_is_never_installed_again(home):
    folder, there = home
    with_files(folder)
    cpu = (
        "On a CPU: PY -m pip install -r requirements.txt (with CUDA: as requirements-gpu.txt says; "
    )
    assert remedy("paddlepaddle").startswith(cpu)
    assert remedy("pydantic").startswith(cpu)
    there.add("paddle")
    assert remedy("pydantic") == "Install it with: PY -m pip install -r requirements-aistudio.txt"
    opencv = 'Install it with: PY -m pip install "opencv-python-headless>=4"'
    assert remedy("opencv-python-headless") == opencv


def test_without_the_projects_folder_packages_are_named_by_its_record(home, monkeypatch):
    _, there = home
    record = ["numpy<3", "paddlepaddle-gpu==8; extra == 'gpu'", "paddlepaddle==9; extra == 'cpu'",
              "opencv-python-headless<5,>=4; extra == 'cpu'"]  # fmt: skip
    monkeypatch.setattr(requirements.importlib.metadata, "requires", lambda name: record)
    both = 'PY -m pip install paddlepaddle==9 "opencv-python-headless<5,>=4"'
    assert remedy("paddlepaddle").startswith(f"On a CPU: {both} (with CUDA")
    assert remedy("numpy").startswith(f'On a CPU: {both} "numpy<3" (with CUDA')
    there.add("paddle")
    assert remedy("numpy") == 'Install it with: PY -m pip install "numpy<3"'
    assert requirement("joblib") == "joblib"


def test_an_environment_that_make_has_made_comes_first(home, monkeypatch):
    folder, _ = home
    with_files(folder)
    (folder / ".venv").mkdir()
    assert "On a CPU" in remedy("numpy")  # its installation has not ended
    (folder / ".venv" / ".installed-requirements").touch()
    use = "Use the environment that make has made: . .venv/bin/activate"
    assert remedy("numpy") == use
    monkeypatch.setattr(sys, "prefix", str(folder / ".venv"))
    assert "On a CPU" in remedy("numpy")


def test_a_python_that_paddle_has_no_build_for_is_told(home, monkeypatch):
    with_files(home[0])
    monkeypatch.setattr(requirements.sys, "version_info", (3, 14, 0))
    assert remedy("paddlepaddle") == "Paddle has no build for it: use Python 3.10 to 3.13"


def test_a_folder_that_an_uninstalled_paddle_left_is_told(monkeypatch, tmp_path):
    left = types.ModuleType("paddle")
    left.__path__ = [str(tmp_path)]
    monkeypatch.setitem(sys.modules, "paddle", left)
    with pytest.raises(UserError, match=f"^nothing is left of Paddle in {tmp_path}\\. .*pip inst"):
        import_paddle()


def test_a_command_quotes_what_a_shell_would_read_otherwise():
    command = install("numpy<2", "joblib", "paddlepaddle==3.3.1")
    assert command == f'{python()} -m pip install "numpy<2" joblib paddlepaddle==3.3.1'


def test_what_one_option_needs_is_installed_alone(home, monkeypatch):
    folder, there = home
    with_files(folder)
    (folder / "requirements-extra.txt").write_text("# completion\nshtab>=1.7\n")
    only = 'Install it with: PY -m pip install "shtab>=1.7"'
    assert remedy("shtab") == only
    there.add("paddle")
    assert remedy("shtab") == only
    for file in folder.glob("requirements*"):
        file.unlink()
    record = ["numpy<3", "paddlepaddle==9; extra == 'cpu'", "shtab>=1.7; extra == 'completion'"]
    monkeypatch.setattr(requirements.importlib.metadata, "requires", lambda name: record)
    assert remedy("shtab") == only
