"""Names of models, and finding those similar to a mistyped one; imports no Paddle."""

import ast
import difflib
import importlib.util
from collections.abc import Iterable
from pathlib import Path

VISION_PREFIX = "paddle.vision:"
# From this similarity on (difflib's ratio) a name counts as mistyped, or as of the same family.
_NEAR = 0.8


def close_names(name: str, known: Iterable[str]) -> list[str]:
    """Up to three of the known names that are similar to `name`, the most similar first.

    Case, dashes, underscores and VISION_PREFIX are ignored; of names equal without them the first
    one is taken.
    """
    plain: dict[str, str] = {}
    for one in known:
        plain.setdefault(_plain(one), one)
    if _plain(name) in plain:
        return [plain[_plain(name)]]
    return [plain[word] for word in difflib.get_close_matches(_plain(name), plain, 3, _NEAR)]


def vision_names() -> list[str]:
    """The models of paddle.vision.models, read from its source; empty without Paddle."""
    found = importlib.util.find_spec("paddle")
    if found is None or found.origin is None:
        return []
    path = Path(found.origin).parent / "vision" / "models" / "__init__.py"
    try:
        body = ast.parse(path.read_text(encoding="utf-8")).body
        (names,) = (
            ast.literal_eval(statement.value)
            for statement in body
            if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "__all__"
        )
    except (OSError, ValueError, SyntaxError):
        return []
    return [name for name in names if is_vision_model(name)]


def is_vision_model(name: str) -> bool:
    """Whether a name of paddle.vision.models is a model, and not the base class of several."""
    return name.islower() or name == "LeNet"


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.removeprefix(VISION_PREFIX).lower()))
