"""Creating and saving figures without pyplot's global state, with fonts for all their texts.

Figures made here are plain objects: nothing to close, nothing shared between notebook cells, no
display needed.
"""

import functools
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import ExifTags, Image

from paddle_aug.core.atomic import atomic_write
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import open_regular
from paddle_aug.core.text import listed
from paddle_aug.language import tell, translate

# Written into every picture made here: only pictures with it may be replaced.
MARK = "picture of paddle_aug"
_MARKED = 1 << 20  # it lies within so many bytes of a picture's start, or of its end
# Fonts with Chinese, Japanese and Korean glyphs, as the usual systems name them.
CJK_FONTS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans SC", "Source Han Sans SC",
    "Source Han Sans CN", "WenQuanYi Micro Hei", "WenQuanYi Zen Hei", "Droid Sans Fallback",
    "Microsoft YaHei", "SimHei", "PingFang SC", "Hiragino Sans GB", "Heiti TC", "Arial Unicode MS",
    "AR PL UMing CN",
)  # fmt: skip
# Chinese for machines without any of these: the characters of GB2312, made by tools/subset_font.py.
OWN_CJK_FONT = Path(__file__).parent / "fonts" / "NotoSansSC-GB2312.otf"

_CJK = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\uff00-\uffef\U00020000-\U0003ffff]")


def new_figure(width: float, height: float, dpi: int = 100) -> Figure:
    """An empty figure of width x height inches, laid out to leave space for titles and legends."""
    figure = Figure(figsize=(width, height), dpi=dpi, layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def refuse_foreign_picture(path: Path) -> None:
    """Raise UserError where there is something that `save_figure` has not written."""
    if not os.path.exists(path):
        return
    with open_regular(path) as file:
        start = file.read(_MARKED)
        file.seek(max(0, os.fstat(file.fileno()).st_size - _MARKED))
        end = file.read(_MARKED)
    if MARK.encode() not in start and MARK.encode() not in end:
        raise UserError(
            f"{path}: is there, and nothing in it says that it is a picture of this program; it is "
            "not replaced: choose another --output"
        )


def save_figure(figure: Figure, path: str | Path) -> Path:
    """Write a picture of the kind that the name's ending says (.png, .svg, ...), whole or not at
    all.

    Raises UserError for other endings, and where the folder cannot be written.
    """
    path = Path(path)
    kind, kinds = path.suffix[1:].lower(), figure.canvas.get_supported_filetypes()
    if kind not in kinds:
        raise UserError(f"{path}: unknown kind of picture: end the name in .{', .'.join(kinds)}")
    make_readable(figure)
    with atomic_write(path) as temporary:
        figure.savefig(temporary, format=kind, **_with_mark(kind))
    return path


def _with_mark(kind: str) -> dict[str, Any]:
    """Arguments of savefig that write MARK into a picture; none where its kind takes no words."""
    if kind == "png":
        return {"metadata": {"Software": MARK}}
    if kind in ("svg", "pdf", "ps", "eps"):
        return {"metadata": {"Creator": MARK}}
    if kind in ("jpg", "jpeg", "tif", "tiff", "webp", "avif"):
        exif = Image.Exif()
        exif[ExifTags.Base.Software] = MARK
        return {"pil_kwargs": {"exif": exif}}
    return {}


def make_readable(figure: Figure) -> None:
    """Put the figure's texts into the user's language, and choose fonts with their characters.

    Names at the ticks stay. Characters that no font has become "?" instead of a warning and an
    empty box; a note on stderr says so, once for each text.
    """
    names = {label for axes in figure.axes for label in _tick_labels(axes)}
    for text in figure.findobj(Text):
        if text not in names:
            text.set_text(translate(text.get_text()))
        shown = text.get_text()
        if shown.isascii():
            continue
        families = text.get_fontfamily()
        fonts = [_font_path(family) for family in families]
        if not all(_has(fonts, character) for character in shown):
            family, path = _cjk_font()
            text.set_fontfamily([*families, family])
            fonts.append(path)
        readable = "".join(c if _has(fonts, c) else "?" for c in shown)
        if readable != shown:
            text.set_text(readable)
            _note_replaced(shown, readable)


def _tick_labels(axes: Axes) -> list[Text]:
    return [*axes.get_xticklabels(), *axes.get_yticklabels()]


@functools.cache  # once for each text
def _note_replaced(text: str, shown: str) -> None:
    note = f"note: no installed font can write {text!r}: shown as {shown!r}{_helps(text)}"
    tell(note, error=True)


def class_labels(names: Iterable[str], longest: int | None = 18) -> list[str]:
    """Names for a picture, shortened to `longest`; #number where no font has the characters."""
    names = [_on_one_line(name) for name in names]
    labels = [name if can_show(name) else f"#{number}" for number, name in enumerate(names)]
    if longest is None:
        return labels
    return [label if len(label) <= longest else label[: longest - 1] + "…" for label in labels]


def font_note(names: Iterable[str], what: str = "class names", most: int = 10) -> str | None:
    """A line that lists the names shown as #number, and what helps; None where there are none."""
    missing = [
        f"#{number} = {name}"
        for number, name in enumerate(map(_on_one_line, names))
        if not can_show(name)
    ]
    if not missing:
        return None
    shown = listed(missing, most)
    return f"no installed font can write some {what}: {shown}{_helps(shown)}"


def _helps(text: str) -> str:
    rare = _cjk_font()[1] == str(OWN_CJK_FONT) and _CJK.search(text)
    return " (fonts-noto-cjk has them)" if rare else ""


def print_font_note(names: Iterable[str], what: str = "class names") -> None:
    """Print the line of `font_note` to stderr, if there is one."""
    if note := font_note(names, what):
        tell(f"note: {note}", error=True)


def can_show(text: str) -> bool:
    """True where the default font and the one for Chinese have every character."""
    if text.isascii():
        return True
    fonts = [_font_path("sans-serif"), _cjk_font()[1]]
    return all(_has(fonts, character) for character in text)


def _on_one_line(name: str) -> str:
    return " ".join(str(name).split())


def _has(fonts: list[str], character: str) -> bool:
    return character.isspace() or any(ord(character) in _characters(font) for font in fonts)


@functools.cache
def _cjk_font() -> tuple[str, str]:
    """Family and path of an installed CJK font, else of the one in this package."""
    installed = {entry.name: entry.fname for entry in font_manager.fontManager.ttflist}
    for name in CJK_FONTS:
        if name in installed:
            return name, installed[name]
    font_manager.fontManager.addfont(OWN_CJK_FONT)
    return font_manager.get_font(OWN_CJK_FONT).family_name, str(OWN_CJK_FONT)


@functools.cache
def _font_path(family: str) -> str:
    # A bare string would be read as a fontconfig pattern, in which "sans-serif" is an error.
    return str(font_manager.findfont(font_manager.FontProperties(family=[family])))


@functools.cache
def _characters(path: str) -> frozenset[int]:
    return frozenset(font_manager.get_font(path).get_charmap())
