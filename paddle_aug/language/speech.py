"""Which language is spoken, and saying things in it.

The code says everything in plain English. A text is translated where it is shown: `tell` for lines
on the terminal, `translate` for figures, bars, --help and the heads of tables, which `show` prints.
Files for programs (CSV, JSON, npy, YAML) stay English. CONTRIBUTING.md tells how translations are
written.
"""

import locale
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from paddle_aug.language.catalogue import chinese

LANGUAGES = ("en", "zh")
VARIABLE = "PADDLE_AUG_LANGUAGE"  # set by --language, so that processes started from here follow


def language() -> str:
    """`zh` where PADDLE_AUG_LANGUAGE or the locale asks for Chinese, else `en`.

    The locale is that of the first variable that is set, in gettext's order; on Windows, where
    usually none is, the user's: "zh_CN.UTF-8", "Chinese (Simplified)_China.936".
    """
    names = (VARIABLE, "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
    wanted = next(filter(None, map(os.environ.get, names)), "")
    if not wanted and sys.platform == "win32":
        wanted = locale.setlocale(locale.LC_CTYPE)  # asks; Python has set it when it started
    return "zh" if wanted.lower().startswith(("zh", "chinese")) else "en"


def set_language(name: str) -> None:
    """Choose the language of this process and of those that it starts."""
    os.environ[VARIABLE] = name


def speak_what_is_shown() -> None:
    """Stay with English where the terminal's encoding has no Chinese characters."""
    if language() == "en" or all(map(_has_chinese, (sys.stdout, sys.stderr))):
        return
    if os.environ.get(VARIABLE):
        print("note: this terminal has no Chinese characters, so messages are English "
              "(PYTHONIOENCODING=utf-8 where it has them)", file=sys.stderr)  # fmt: skip
    set_language("en")


def _has_chinese(stream: TextIO | None) -> bool:
    try:
        "中文".encode(getattr(stream, "encoding", None) or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def tell(text: object = "", *, error: bool = False, end: str = "\n") -> None:
    """Print a message for a person in the user's language; error: to stderr."""
    print(translate(str(text)), end=end, file=sys.stderr if error else sys.stdout, flush=True)


def show(text: str, *, end: str = "\n") -> None:
    """Print a text that is in the user's language already, such as a table: its cells hold names,
    which stay as they are, and its columns stand where they were put."""
    print(text, end=end, flush=True)


def translate(text: str, into: str = "") -> str:
    """The text in the user's language, line by line; as it is where no translation is known.

    into: another language of LANGUAGES, such as that of someone who looks at a page of ours.
    """
    if (into or language()) == "en":
        return text
    return "\n".join(map(chinese().line, text.split("\n")))


def translated(texts: Iterable[str]) -> list[str]:
    """Several texts, such as the heads of a table's columns."""
    return list(map(translate, texts))
