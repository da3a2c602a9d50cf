"""Modules under the names that they had in version 0.1: importing one warns and gives the new one.

Kept for one version.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import warnings
from types import ModuleType
from typing import Any

OLD_NAMES = {
    "paddle_aug.checkpoint": "paddle_aug.runs.checkpoint",
    "paddle_aug.high_level": "paddle_aug.train.model_fit",
    "paddle_aug.mixing": "paddle_aug.mix.formulas",
    "paddle_aug.ops": "paddle_aug.augment.ops",
    "paddle_aug.schedule": "paddle_aug.mix.phases",
}


class _OldNames(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds a module by its old name."""

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if fullname not in OLD_NAMES:
            return None
        return importlib.machinery.ModuleSpec(fullname, self)

    def create_module(self, spec: Any) -> ModuleType:
        new = OLD_NAMES[spec.name]
        warnings.warn(f"{spec.name} is now {new}", DeprecationWarning, stacklevel=2)
        module = ModuleType(spec.name)
        module.__dict__.update(
            (name, value)
            for name, value in vars(importlib.import_module(new)).items()
            if not name.startswith("__") or name == "__doc__"
        )
        return module

    def exec_module(self, module: ModuleType) -> None:
        """Nothing is left to run: the new module has run."""


def install() -> None:
    """Let the old names be found; harmless a second time."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
