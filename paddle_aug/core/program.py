"""How this process was started, so that its messages can name commands in the same way.

Training is started by `python train.py` in the project's folder, and by `paddle-aug train` or
`python -m paddle_aug train` where the project is installed. A command in a message begins like the
user's own, so that it works when it is copied.
"""

import os
import shlex
import shutil
import sys
from pathlib import Path

# Verbs that have a script of their own in the project's folder, NAME.py.
SCRIPTS = ("train", "evaluate", "predict")
CONSOLE_SCRIPT = "paddle-aug"


def python() -> str:
    """How to type this process's Python: by its name if PATH finds it, else by its path."""
    here = Path(sys.executable)
    names = ("python", "python3", here.name)
    return next((name for name in names if _found_in(name, here.parent)), shown(here))


def command(verb: str) -> str:
    """How to type the command of a verb: `python train.py`, `python -m paddle_aug compare`, ..."""
    started = Path(sys.argv[0])
    if started.name.removesuffix(".exe") == CONSOLE_SCRIPT:
        on_path = _found_in(CONSOLE_SCRIPT, started.parent)
        return f"{CONSOLE_SCRIPT if on_path else shown(started)} {verb}"
    if verb in SCRIPTS and started.name in [f"{name}.py" for name in SCRIPTS]:
        return f"{python()} {shlex.quote(str(started.with_name(f'{verb}.py')))}"
    return f"{python()} -m paddle_aug {verb}"


def as_started() -> str:
    """This process's command line without the Python, to be recorded: `train.py --epochs 2`."""
    started = Path(sys.argv[0])
    is_module = (started.parent.name, started.name) == ("paddle_aug", "__main__.py")
    name = ["-m", "paddle_aug"] if is_module else [started.name]
    return shlex.join([*name, *sys.argv[1:]])


def _found_in(name: str, folder: Path) -> bool:
    """Whether a shell finds `name` in this folder first."""
    found = shutil.which(name)
    # Only links of folders are followed: the Python of an environment is itself a link to another
    # one.
    return found is not None and os.path.realpath(Path(found).parent) == os.path.realpath(folder)


def shown(path: Path) -> str:
    """The path, quoted for a shell; relative to the current folder if that is shorter."""
    try:
        return shlex.quote(str(path.absolute().relative_to(Path.cwd())))
    except (ValueError, OSError):
        return shlex.quote(str(path.absolute()))
