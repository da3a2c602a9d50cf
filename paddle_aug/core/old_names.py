"""The module names of version 0.1: importing one gives the new module, with a warning.

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
    """An import finder that knows the old names."""

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
        """Does nothing: the new module has been executed already."""


def install() -> None:
    """Make the old names importable; a second call does nothing."""
    if not any(isinstance(finder, _OldNames) for finder in sys.meta_path):
        sys.meta_path.append(_OldNames())
