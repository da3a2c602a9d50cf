"""Writes the contents as one HTML file, which may replace an earlier report only."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from paddle_aug.core.atomic import write_text
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import open_regular
from paddle_aug.page.sentences import Language

# In the head of every page; marks it as a report, which may be replaced.
MARK = '<meta name="generator" content="paddle_aug report">'
_SEARCHED = 4096


def render(contents: dict[str, Any], say: Language) -> str:
    """The page. All texts are escaped; our own style sheet and pictures are not."""
    environment = Environment(
        loader=PackageLoader("paddle_aug.page", "."), autoescape=True, undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True,
    )  # fmt: skip
    style = environment.get_template("style.css").render(lines=contents["lines"])
    template = environment.get_template("page.html")
    return template.render(say=say, style=style, mark=MARK, **contents)


def check_place(path: Path) -> None:
    """Raise UserError where `path` is a folder, or a file that is not a report."""
    if path.is_dir():
        raise UserError(f"--output {path}: is a folder; name a file in it, such as "
                        f"{path / 'report.html'}")  # fmt: skip
    if not path.exists():
        return
    try:
        with open_regular(path) as file:
            start = file.read(_SEARCHED).decode("utf-8", "replace")
    except UserError as error:
        raise UserError(f"--output {error}") from None
    if MARK not in start:
        raise UserError(f"--output {path}: is there already and is no report of paddle_aug; "
                        "choose another name, or move it away")  # fmt: skip


def write_page(path: Path, html: str) -> None:
    """Write the page. Raises UserError as `check_place` does."""
    check_place(path)
    write_text(path, html)
