"""What to say where a needed package is missing: one line, with the command that installs it.

Only the standard library is used here: nothing else may be there. The command never installs Paddle
or OpenCV where they are: a CPU build would take the place of a GPU server's or AI Studio's.
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
NEWEST_PYTHON = (3, 13)  # that Paddle has a build for; the oldest stands in paddle_aug/__init__.py
# Where paddle_aug/ and models/ are: the project's folder, or Python's folder of packages.
HOME = Path(__file__).resolve().parents[2]


def explain(error: ImportError) -> str | None:
    """One line for a package that is missing, or is there and cannot be imported: its name, the
    Python that looked for it, what to do. None where it is the project's own code that fails."""
    asked = _imported_by_the_project(error)
    missing = (error.name or "").partition(".")[0]
    if asked == "models":
        return _other_models()
    if asked in ("", "paddle_aug"):
        return None
    # What is asked for may itself lack a package: then that is the one to name.
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
    """What to do where a package is missing."""
    environment = HOME / ".venv"
    made_by_make = (environment / ".installed-requirements").is_file()
    if made_by_make and Path(sys.prefix).resolve() != environment.resolve():
        return f"Use the environment that make has made: . {shown(environment / 'bin/activate')}"
    if _is_there("paddle"):
        # Of the requirements files only one is without Paddle and OpenCV.
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
    """The command by which the Python in use installs requirements, such as `numpy<2.4`."""
    quoted = [f'"{text}"' if set("<> ") & set(text) else text for text in requirements]
    return " ".join([python(), "-m pip install", *dict.fromkeys(quoted)])


def requirement(package: str) -> str:
    """A package with the versions that the project takes, such as `numpy<2.4`."""
    pattern = re.compile(rf"{re.escape(package)}(?![\w.-])[^;#]*", re.IGNORECASE)
    found = (pattern.match(line) for line in _requirements())
    return next((match[0].strip() for match in found if match), package)


def _install_from(file: str | None, *packages: str) -> str:
    """By a requirements file where the project's folder is at hand, else package by package."""
    if file and (HOME / file).is_file():
        return f"{python()} -m pip install -r {shown(HOME / file)}"
    return install(*map(requirement, packages))


def _requirements() -> list[str]:
    """All that the project names, from its files or, where it is installed, from its record."""
    files = sorted(HOME.glob("requirements*.txt"))
    if files:
        return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]
    try:
        return importlib.metadata.requires("paddle_aug") or []
    except importlib.metadata.PackageNotFoundError:
        return []


def _imported_by_the_project(error: ImportError) -> str:
    """The module named by the import statement of ours that failed; empty where there is none."""
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
    # A folder that an uninstalled package has left behind is found too, but has no file.
    return spec is not None and spec.origin is not None


def _other_models() -> str | None:
    """For a module named models that hides the project's: where it is. None where it is ours."""
    other = getattr(sys.modules.get("models"), "__file__", None)
    if other is None or Path(other).resolve().parent == HOME / "models":
        return None
    return f"{other} hides the project's own models: rename it, or start from another folder"
