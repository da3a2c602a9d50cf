"""The direction of imports: data flows one way, and most of the code needs no Paddle."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
LEVEL_0 = (
    "ops", "mixing", "schedule", "seeding", "metrics", "stats", "errors", "layout", "words",
)  # fmt: skip
READERS = ("report", "plots", "runs", "stats", "figures", "curve_plots")
ENGINE = {"engine", "fit", "build", "state", "evaluation"}


def imports(path: Path) -> set[str]:
    """Top-level imports of a file, in full dotted names."""
    found: set[str] = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_models_know_nothing_of_the_rest():
    for path in (ROOT / "models").glob("*.py"):
        assert not [name for name in imports(path) if name.startswith("paddle_aug")], path


@pytest.mark.parametrize("module", LEVEL_0)
def test_level_0_imports_nothing_of_the_package_but_errors(module):
    own = {n for n in imports(ROOT / "paddle_aug" / f"{module}.py") if n.startswith("paddle_aug.")}
    assert own <= {"paddle_aug.errors", "paddle_aug.errors.UserError"}


@pytest.mark.parametrize("module", READERS)
def test_reports_and_plots_know_only_run_folders(module):
    own = imports(ROOT / "paddle_aug" / f"{module}.py")
    assert not own & {f"paddle_aug.{name}" for name in ENGINE}
    assert "paddle" not in own


def test_only_commands_import_the_engine_from_above():
    lower = [
        path
        for path in (ROOT / "paddle_aug").glob("*.py")
        if path.stem not in ENGINE | {"views", "distributed", "high_level"}
    ]
    for path in lower:
        assert not imports(path) & {f"paddle_aug.{name}" for name in ENGINE}, path


@pytest.mark.parametrize(
    "module", [*LEVEL_0, *READERS, "config", "transforms", "policies", "checkpoint", "recorder"]
)
def test_this_module_needs_no_paddle(module):
    code = f"import paddle_aug.{module}, sys; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


def test_no_file_is_two_files():
    long = {
        str(path.relative_to(ROOT)): lines
        for folder in ("paddle_aug", "models")
        for path in (ROOT / folder).rglob("*.py")
        if (lines := len(path.read_text(encoding="utf-8").splitlines())) > 330
    }
    assert not long
