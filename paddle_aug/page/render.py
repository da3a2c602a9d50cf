"""From what is said to one HTML file, whole or not at all, over no file but an earlier report."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from paddle_aug.core.atomic import write_text
from paddle_aug.core.errors import UserError
from paddle_aug.page.sentences import Language

# In every page's head: by it a page is known as one that may be written anew.
MARK = '<meta name="generator" content="paddle_aug report">'
_SEARCHED = 4096


def render(contents: dict[str, Any], say: Language) -> str:
    """The page. Every text is escaped; but for our own style sheet and pictures."""
    environment = Environment(
        loader=PackageLoader("paddle_aug.page", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    style = environment.get_template("style.css").render(lines=contents["lines"])
    template = environment.get_template("page.html")
    return template.render(say=say, style=style, mark=MARK, **contents)


def check_place(path: Path) -> None:
    """Raise UserError where a file is at `path` that is no report, or a folder."""
    if path.is_dir():
        raise UserError(f"--output {path}: is a folder; name a file in it, such as "
                        f"{path / 'report.html'}")  # fmt: skip
    if not path.exists():
        return
    try:
        with path.open("rb") as file:
            start = file.read(_SEARCHED).decode("utf-8", "replace")
    except OSError as error:
        raise UserError(f"--output {path}: cannot be read ({error.strerror})") from None
    if MARK not in start:
        raise UserError(f"--output {path}: is there already and is no report of paddle_aug; "
                        "choose another name, or move it away")  # fmt: skip


def write_page(path: Path, html: str) -> None:
    """Write it. Raises UserError as `check_place` does."""
    check_place(path)
    write_text(path, html)
