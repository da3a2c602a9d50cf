"""Names that a spreadsheet would take for formulas, in CSV files that programs read, too.

Excel, LibreOffice and others compute a cell that begins with = + - or @, which may also fetch from
the network (CSV injection). An apostrophe before it would stop them, but programs would then find
another name. So names are written as they are, and a note tells who might open the file.
"""

import re
from collections.abc import Iterable

from paddle_aug.core.text import listed
from paddle_aug.language import tell

_FORMULA = re.compile(r"[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)*")


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would compute it. Numbers, such as a class called -1, are harmless."""
    return _FORMULA.match(text) is not None and _NUMBER.fullmatch(text) is None


def not_a_formula(path: str) -> str:
    """A path that names the same file and is no formula: "=a.png" is "./=a.png"."""
    return f"./{path}" if is_formula(path) else path


def note_formulas(names: Iterable[str], files: str) -> None:
    """Print a note to stderr where some names in CSV files would be computed by a spreadsheet."""
    if found := [repr(name) for name in names if is_formula(name)]:
        tell(f"note: {files}: {listed(found)}: a spreadsheet would take this for a formula; import "
             "the columns as text there", error=True)  # fmt: skip
