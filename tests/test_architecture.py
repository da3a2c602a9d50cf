"""The house: who may import whom, no circles, no Paddle where it is not needed, small files."""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

# Each package or module of the root, and what it may import of the project besides itself.
_GROUND = {"core", "language"}
_ONE_IMAGE = {"core", "augment"}
_BATCHES = {"core", "augment", "mix"}
_CONFIG = {"core", "language", "cli", "modes", "augment", "mix", "data", "models"}
_BUILD = _CONFIG | {"onednn", "batches", "weights", "config"}
_TRAIN = _BUILD | {"runs", "build"}
_EVALUATION = _TRAIN | {"report", "train"}
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": {"*"},  # hands the public names on; each is imported when it is asked for
    "language": set(),
    "core": {"core.folders", "language"},
    "core.folders": _GROUND,
    "modes": set(),
    "models": set(),
    "cli": _GROUND,
    "augment": _GROUND,
    "augment.ops": _GROUND,
    "augment.transforms": _GROUND | {"augment.ops"},
    "mix": _GROUND,
    "data": _GROUND | {"augment.ops"},  # images are scaled in one place only
    "data.archives": _GROUND,
    "onednn": _GROUND | {"onednn.native", "onednn.graph", "onednn.plan"},
    "onednn.native": _GROUND,
    "onednn.graph": set(),
    "onednn.plan": {"onednn.graph", "onednn.native"},
    "runs": _GROUND | {"modes"},
    "batches": _BATCHES,
    "report": {"core", "language", "modes", "runs"},
    "weights": {"core", "runs", "models"},
    "config": _CONFIG,
    "command_line": {"core", "cli", "config"},
    "build": _BUILD,
    "train": _TRAIN,
    "evaluation": _EVALUATION,
    "export": _BUILD | {"runs", "build"},
    "page": _BUILD | {"runs", "report", "build"},
    "prediction": _EVALUATION | {"evaluation", "export"},
    "commands": _EVALUATION | {"evaluation", "prediction", "command_line", "export", "page"},
    "demo": _BUILD | {"runs", "report", "build", "evaluation", "prediction"},
    "__main__": {"core", "language", "cli", "__init__"},
}
# Packages that run without Paddle: previews, tables and pages start at once.
WITHOUT_PADDLE = ("language", "core", "modes", "cli", "augment", "mix", "runs", "report", "config",
                  "command_line")  # fmt: skip


def package_of(module: str) -> str:
    """Where a dotted module of the project stands in MAY_IMPORT."""
    top, *parts = module.split(".")
    if top == "models":
        return "models"
    if not parts:
        return "__init__"
    inner = ".".join(parts[:2])
    return inner if inner in MAY_IMPORT else parts[0]


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of the project by its dotted name."""
    found = {}
    for folder in ("paddle_aug", "models"):
        for path in (ROOT / folder).rglob("*.py"):
            parts = path.relative_to(ROOT).with_suffix("").parts
            found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(name: str, path: Path) -> set[str]:
    """Modules of the project that a file imports: anywhere in it, relative ones resolved."""
    package = name if path.name == "__init__.py" else name.rpartition(".")[0]
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1]
            base = ".".join([*above, node.module or ""]).strip(".") if node.level else node.module
            assert base
            for alias in node.names:
                whole = f"{base}.{alias.name}"
                found.add(whole if whole in modules() else base)
    return {name for name in found if name.split(".")[0] in ("paddle_aug", "models")}


def allowed(package: str, other: str) -> bool:
    may = MAY_IMPORT[package]
    return (
        other == package
        or "*" in may
        or other in may
        # A package's own sub-packages, and all of a package that is named as a whole.
        or other.startswith(f"{package}.")
        or ("." in other and other.partition(".")[0] in may and "." not in package)
        or ("." in other and other.partition(".")[0] in may - {package.partition(".")[0]})
    )


def test_every_package_is_in_the_table_and_the_table_has_no_other():
    assert {package_of(name) for name in modules()} == set(MAY_IMPORT)
    # A folder that nobody thought of must not hide in another one's row.
    known = {row.replace(".", "/") for row in MAY_IMPORT}
    folders = {
        str(path.parent.relative_to(ROOT / "paddle_aug"))
        for path in modules().values()
        if path.is_relative_to(ROOT / "paddle_aug")
    }
    assert folders - {"."} <= known


@pytest.mark.parametrize("name", sorted(modules()))
def test_imports_go_one_way(name):
    package = package_of(name)
    wrong = {
        other for other in imports(name, modules()[name]) if not allowed(package, package_of(other))
    }
    assert not wrong, f"{name} ({package}) may not import {sorted(wrong)}"


def test_models_know_nothing_of_the_rest():
    for name, path in modules().items():
        if name.startswith("models"):
            assert all(other.startswith("models") for other in imports(name, path)), name


def test_no_circle_between_files():
    # The front door hands names on when they are asked for: it is above all the others.
    graph = {
        name: imports(name, path) - {name, "paddle_aug"}
        for name, path in modules().items()
        if name != "paddle_aug"
    }
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        assert name not in way, " -> ".join([*way[way.index(name) :], name])
        if name in done or name not in graph:
            return
        for other in graph[name]:
            visit(other, (*way, name))
        done.add(name)

    for name in graph:
        visit(name, ())


@pytest.mark.parametrize("package", WITHOUT_PADDLE)
def test_it_needs_no_paddle(package):
    names = [name for name in modules() if name == f"paddle_aug.{package}"
             or name.startswith(f"paddle_aug.{package}.")]  # fmt: skip
    code = f"import {', '.join(names)}, sys; sys.exit('paddle' in sys.modules)"
    assert names
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_the_front_door_needs_no_paddle():
    code = "import paddle_aug, sys; paddle_aug.mixup; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_few_files_and_short_ones():
    by_folder: dict[Path, int] = {}
    for path in modules().values():
        by_folder[path.parent] = by_folder.get(path.parent, 0) + 1
    commands = [*ROOT.glob("tools/*.py"), *ROOT.glob("benchmarks/*.py")]
    for path in (*modules().values(), *commands):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= 330, f"{path}: {lines} lines"
    assert by_folder[ROOT / "paddle_aug"] <= 5
    # __init__.py aside: it only makes the folder a package.
    assert all(count - 1 <= 20 for count in by_folder.values()), by_folder
