"""The configurations that come with the project, under the same names in every folder.

They lie beside the package in a checkout, and inside it where it is installed.
"""

from pathlib import Path

from paddle_aug.core.errors import UserError, did_you_mean
from paddle_aug.language import tell

_PACKAGE = Path(__file__).resolve().parents[1]
_HOMES = (_PACKAGE, _PACKAGE.parent)


def find_config(path: str | Path) -> Path:
    """The file; if it is missing and its name begins with configs/, the bundled file of that name,
    with a note on stderr. Raises UserError if there is only one with a similar name."""
    path = Path(path)
    if path.exists():
        return path
    homes = _HOMES if path.parts[:1] == ("configs",) else ()
    own = next((home / path for home in homes if (home / path).is_file()), None)
    if own is None:
        folders = [path.parent, *(home / path.parent for home in homes)]
        names = [near.name for folder in folders for near in folder.glob("*.yaml")]
        if hint := did_you_mean(path.name, names):
            raise UserError(f"{path}: no such file{hint}")
        return path
    tell(f"note: {path}: not in this folder; the one that comes with paddle_aug", error=True)
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
