"""The message for a missing package: one line, with the command that installs it.

Uses the standard library alone, as nothing else may be installed. The command never installs Paddle
or OpenCV over installed ones: a CPU build would replace a GPU build.
"""

import importlib.metadata
import importlib.util
import linecache
import platform
import re
import sys
from pathlib import Path

from paddle_aug.core.program import python, shown

# Modules whose package has another name.
PACKAGES = {
    "cv2": "opencv-python-headless",
    "imblearn": "imbalanced-learn",
    "imgaug": "imaug",
    "paddle": "paddlepaddle",
    "PIL": "pillow",
    "sklearn": "scikit-learn",
    "yaml": "PyYAML",
}
NEWEST_PYTHON = (3, 13)  # with a build of Paddle; the oldest is in paddle_aug/__init__.py
# The folder that holds paddle_aug/ and models/: the project's, or site-packages.
HOME = Path(__file__).resolve().parents[2]


def explain(error: ImportError) -> str | None:
    """One line for a package that is missing or cannot be imported: its name, the Python that
    looked for it, and what to do. None if the error is in the project's own code."""
    asked = _imported_by_the_project(error)
    missing = (error.name or "").partition(".")[0]
    if asked == "models":
        return _other_models()
    if asked in ("", "paddle_aug"):
        return None
    # The package may be there and lack another one: then that one is named.
    module = missing if missing and not _is_there(missing) else asked
    package = PACKAGES.get(module, module)
    who = f"{python()} (Python {platform.python_version()})"
    if not _is_there(module):
        return f"{package} is not installed for {who}. {remedy(package)}"
    reason = " ".join(str(error).split())
    if module == "cv2" and "numpy" in reason:
        older = install("numpy<2")
        return f"OpenCV and NumPy of {who} do not fit each other. Install an older NumPy: {older}"
    return f"{package} cannot be imported by {who}: {reason}. {remedy(package)}"


def remedy(package: str) -> str:
    """Advice for a missing package."""
    environment = HOME / ".venv"
    made_by_make = (environment / ".installed-requirements").is_file()
    if made_by_make and Path(sys.prefix).resolve() != environment.resolve():
        return f"Use the environment that make has made: . {shown(environment / 'bin/activate')}"
    if _is_extra(package):
        return f"Install it with: {install(requirement(package))}"
    if _is_there("paddle"):
        # requirements-aistudio.txt is the file without Paddle and OpenCV.
        only = package == PACKAGES["cv2"]
        command = _install_from(None if only else "requirements-aistudio.txt", package)
        return f"Install it with: {command}"
    if sys.version_info[:2] > NEWEST_PYTHON:
        return f"Paddle has no build for it: use Python 3.10 to 3.{NEWEST_PYTHON[1]}"
    command = _install_from("requirements.txt", PACKAGES["paddle"], PACKAGES["cv2"], package)
    return (
        f"On a CPU: {command} (with CUDA: as requirements-gpu.txt says; "
        "AI Studio: take an environment that has Paddle)"
    )


def install(*requirements: str) -> str:
    """The command with which this Python installs requirements such as `numpy<2.4`."""
    quoted = [f'"{text}"' if set("<> ") & set(text) else text for text in requirements]
    return " ".join([python(), "-m pip install", *dict.fromkeys(quoted)])


def requirement(package: str) -> str:
    """A package with the versions that the project needs, such as `numpy<2.4`."""
    pattern = re.compile(rf"{re.escape(package)}(?![\w.-])[^;#]*", re.IGNORECASE)
    found = (pattern.match(line) for line in _requirements())
    return next((match[0].strip() for match in found if match), package)


def _is_extra(package: str) -> bool:
    """Whether only single options and commands need it."""
    file = HOME / "requirements-extra.txt"
    if file.is_file():
        lines = file.read_text(encoding="utf-8").splitlines()
    else:
        lines = [line for line in _requirements() if re.search(r"extra == .(?!cpu|gpu)", line)]
    return any(re.match(rf"{re.escape(package)}(?![\w.-])", line) for line in lines)


def _install_from(file: str | None, *packages: str) -> str:
    """The command with a requirements file if there is one here, else with the packages' names."""
    if file and (HOME / file).is_file():
        return f"{python()} -m pip install -r {shown(HOME / file)}"
    return install(*map(requirement, packages))


def _requirements() -> list[str]:
    """All requirements of the project, from its files or, if it is installed, its metadata."""
    files = sorted(HOME.glob("requirements*.txt"))
    if files:
        return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    try:
        return importlib.metadata.requires("paddle_aug") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _imported_by_the_project(error: ImportError) -> str:
    """The module in the project's own import statement that failed; "" where there is none."""
    ours = (str(HOME / "paddle_aug"), str(HOME / "models"))
    line, frame = "", error.__traceback__
    while frame is not None:
        code = frame.tb_frame.f_code
        if code.co_filename.startswith(ours):
            line = linecache.getline(code.co_filename, frame.tb_lineno)
        frame = frame.tb_next
    match = re.match(r"\s*(?:from|import)\s+(\w+)", line)
    return match[1] if match else ""


def _is_there(module: str) -> bool:
    """Whether a module can be found; it is not imported."""
    try:
        spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        return module in sys.modules
    # A folder that was left by an uninstalled package is found, too, but has no origin.
    return spec is not None and spec.origin is not None


def _other_models() -> str | None:
    """Path of another module named models that hides the project's; None where there is none."""
    other = getattr(sys.modules.get("models"), "__file__", None)
    if other is None or Path(other).resolve().parent == HOME / "models":
        return None
    return f"{other} hides the project's own models: rename it, or start from another folder"
