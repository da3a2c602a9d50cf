"""The configurations that come with the project, under the same names in every folder.

They lie beside the package in a checkout, and inside it where it is installed.
"""

import sys
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_HOMES = (_PACKAGE, _PACKAGE.parent)


def find_config(path: str | Path) -> Path:
    """The file; if it is missing and its name begins with configs/, the bundled file of that name,
    with a note on stderr."""
    path = Path(path)
    if path.parts[:1] != ("configs",) or path.exists():
        return path
    own = next((home / path for home in _HOMES if (home / path).is_file()), None)
    if own is None:
        return path
    print(f"note: {path}: not in this folder; the one that comes with paddle_aug", file=sys.stderr)
    return own


def config_name(path: Path) -> Path:
    """The shortest name by which `find_config` finds this file from the current folder."""
    path = path.resolve()
    if path.is_relative_to(Path.cwd()):
        return path.relative_to(Path.cwd())
    for home in _HOMES:
        if path.is_relative_to(home / "configs") and not path.relative_to(home).exists():
            return path.relative_to(home)
    return path
