"""What `pip install .` gives: the wheel's contents, its requirements, and that it runs anywhere."""

import ast
import re
import subprocess
import sys
import venv
import zipfile
from email.parser import HeaderParser
from pathlib import Path

import pytest
import yaml

import paddle_aug
from paddle_aug.__main__ import VERBS
from paddle_aug.core.requirements import PACKAGES
from paddle_aug.runs.environment import code_digest

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
EXTRAS = PROJECT["optional-dependencies"]
# A requirements file, and what of pyproject.toml it must name.
FILES = {
    "requirements-aistudio.txt": PROJECT["dependencies"],
    "requirements.txt": PROJECT["dependencies"] + EXTRAS["cpu"],
    "requirements-gpu.txt": PROJECT["dependencies"] + EXTRAS["gpu"],
    "requirements-extra.txt": EXTRAS["smote"] + EXTRAS["completion"] + EXTRAS["demo"],
    "requirements-docs.txt": EXTRAS["docs"],
    "requirements-test.txt": EXTRAS["test"],
}


def named_in(file: str) -> list[str]:
    """The requirements of a file and of those that it includes."""
    lines = [line.split("#")[0].strip() for line in (ROOT / file).read_text("utf-8").splitlines()]
    included = [line.split()[1] for line in lines if line.startswith("-r ")]
    own = [line for line in lines if line and not line.startswith("-")]
    return own + [line for other in included for line in named_in(other)]


def names(requirements: list[str]) -> set[str]:
    return {re.split(r"[\s\[<>=!;~]", text)[0].lower() for text in requirements}


@pytest.mark.parametrize("file", FILES)
def test_the_requirements_files_name_what_pyproject_names(file):
    assert sorted(named_in(file)) == sorted(FILES[file])


def test_every_requirements_file_is_held_to_pyproject():
    assert {path.name for path in ROOT.glob("requirements*.txt")} == set(FILES)


def test_nothing_installs_paddle_or_opencv_unasked():
    for requirements in (PROJECT["dependencies"], EXTRAS["smote"]):
        assert not [name for name in names(requirements) if re.match("paddle|opencv", name)]
    assert {"paddlepaddle", "paddlepaddle-gpu"} & names(EXTRAS["cpu"]) == {"paddlepaddle"}
    assert {"paddlepaddle", "paddlepaddle-gpu"} & names(EXTRAS["gpu"]) == {"paddlepaddle-gpu"}


def test_every_package_that_the_code_imports_is_named():
    imported: set[str] = set()
    for path in [*(ROOT / "paddle_aug").rglob("*.py"), *(ROOT / "models").rglob("*.py")]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                imported |= {alias.name.partition(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.add((node.module or "").partition(".")[0])
    foreign = imported - set(sys.stdlib_module_names) - {"paddle_aug", "models"}
    asked = names(PROJECT["dependencies"]).union(*map(names, EXTRAS.values()))
    assert {"paddle", "cv2", "yaml"} < foreign
    assert {PACKAGES.get(module, module).lower() for module in foreign} <= asked
    assert set(PACKAGES) <= foreign


# The wheel


@pytest.fixture(scope="module")
def wheel(tmp_path_factory) -> Path:
    """Built as pip builds it, without the network."""
    builder = pytest.importorskip("hatchling.builders.wheel").WheelBuilder
    folder = tmp_path_factory.mktemp("wheel")
    return Path(next(builder(str(ROOT)).build(directory=str(folder), versions=["standard"])))


def test_the_wheel_holds_the_packages_and_configurations_and_nothing_else(wheel):
    with zipfile.ZipFile(wheel) as archive:
        inside = {name for name in archive.namelist() if ".dist-info/" not in name}
    code = {
        path.relative_to(ROOT).as_posix()
        for folder in ("paddle_aug", "models") for path in (ROOT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
    }  # fmt: skip
    configs = {
        f"paddle_aug/{path.relative_to(ROOT).as_posix()}"
        for path in (ROOT / "configs").rglob("*") if path.is_file()
    }  # fmt: skip
    assert "models/googlenet.py" in code and "paddle_aug/configs/suites/s1.yaml" in configs
    assert inside == code | configs


def test_the_wheel_says_version_command_python_and_requirements(wheel):
    assert wheel.name == f"paddle_aug-{paddle_aug.__version__}-py3-none-any.whl"
    with zipfile.ZipFile(wheel) as archive:
        (info,) = {name.split("/")[0] for name in archive.namelist() if ".dist-info/" in name}
        scripts = archive.read(f"{info}/entry_points.txt").decode()
        record = HeaderParser().parsestr(archive.read(f"{info}/METADATA").decode())
    assert scripts.split() == ["[console_scripts]", "paddle-aug", "=", "paddle_aug.__main__:run"]
    assert record["Version"] == paddle_aug.__version__
    assert record["Requires-Python"] == "<3.14,>=3.10"
    always = [text for text in record.get_all("Requires-Dist") or [] if "extra ==" not in text]
    assert names(always) == names(PROJECT["dependencies"])
    assert set(record.get_all("Provides-Extra") or []) == set(EXTRAS)


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory) -> Path:
    """The programs of an environment that has the wheel, and by a link the packages of this one."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    python = folder / "bin" / "python"
    command = [sys.executable, "-m", "pip", "--python", str(python), "install", "--no-deps",
               "--no-index", "--quiet", "--disable-pip-version-check", str(wheel)]  # fmt: skip
    subprocess.run(command, check=True)
    (packages,) = folder.glob("lib/python*/site-packages")
    others = [path for path in sys.path if path.endswith("site-packages")]
    (packages / "others.pth").write_text("\n".join(others), encoding="utf-8")
    return folder / "bin"


def start(programs: Path, folder: Path, *command: str) -> str:
    """What a program says; it runs in a folder that has nothing of the project."""
    done = subprocess.run(
        [str(programs / command[0]), *command[1:]], cwd=folder, capture_output=True, text=True,
        env={"PATH": str(programs), "OMP_NUM_THREADS": "1", "PADDLE_AUG_CACHE": str(folder / "c")},
        timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_the_installed_command_knows_every_verb_and_where_it_comes_from(installed, tmp_path):
    said = start(installed, tmp_path, "paddle-aug", "--help")
    assert said.startswith("usage: paddle-aug VERB [OPTIONS]\n")
    assert all(f"\n  {verb} " in said for verb in VERBS)
    where = "import models, paddle_aug; print(models.__file__, paddle_aug.__file__)"
    assert str(ROOT) not in start(installed, tmp_path, "python", "-c", where)
    digest = "from paddle_aug.runs.environment import code_digest as d; print(d())"
    # The same code: a run that was begun in the project's folder goes on in the installed one.
    assert start(installed, tmp_path, "python", "-c", digest).strip() == code_digest()


def test_a_suite_of_the_wheels_trains_compares_and_names_its_commands(installed, tmp_path):
    options = ["--data", "digits", "--model", "LeNet", "--image-size", "32", "--per-class", "2",
               "--max-steps", "1", "--epochs", "1", "--cpu-backend", "paddle"]  # fmt: skip
    said = start(
        installed, tmp_path, "paddle-aug", "suite", "configs/suites/small_data.yaml", "--dry-run"
    )
    assert "note: configs/suites/small_data.yaml: not in this folder" in said
    assert "\npaddle-aug train --config configs/small_data.yaml " in said
    assert str(installed.parent) not in said

    run = {"label": "Mine", "config": "mine.yaml", "options": {"augment": "mixup"}}
    suite = {"title": "Mine", "source": "none", "runs": [run]}
    (tmp_path / "suite.yaml").write_text(yaml.safe_dump(suite), encoding="utf-8")
    (tmp_path / "mine.yaml").write_text("lr: 0.01\n", encoding="utf-8")
    start(installed, tmp_path, "paddle-aug", "suite", "suite.yaml", "--results", "out", "--",
          *options)  # fmt: skip
    table = (tmp_path / "out" / "suite" / "table.md").read_text(encoding="utf-8")
    assert "`python -m paddle_aug train --config mine.yaml --augment mixup" in table
    assert str(tmp_path) not in table and str(installed) not in table
