"""Finds the messages in the project's code: lines of text for users, with fields for values.

`{0}`, `{1}`, ... stand for what is filled in, `{n}` for the number of `counted(number, one,
several)`. Found are f-strings, %-formats of warnings, and texts of two words and more, or of one
word where it certainly is shown (SPEAKING). The code needs no marks.
"""

import ast
import itertools
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
SCANNED = ("paddle_aug", "models")
# Have their own Chinese beside their English, for pages in a browser.
OTHERWISE = {
    "paddle_aug/page/sentences.py", "paddle_aug/demo/words.py", "paddle_aug/demo/page.py",
}  # fmt: skip

Part = str | None | int  # literal text, None for a value that is filled in, or NUMBER for a number
NUMBER = 0
MOST_VARIANTS = 16  # of one expression with several conditions in it

# Calls whose text goes to the user even if it is a single word.
SPEAKING = {
    "Formatter", "UserError", "add_argument_group", "annotate", "legend", "set_title", "set_xlabel",
    "set_ylabel", "suptitle", "tell", "text", "translate", "translated",
}  # fmt: skip
# Keyword arguments that hold text for the user, of any call.
SPOKEN_KEYWORDS = {"help", "description", "epilog", "title", "label", "headers", "desc", "usage"}
# Calls whose text is for programs.
CODE = {"compile", "getLogger", "open", "Path", "getattr", "setattr", "replace", "removeprefix"}
LOGGING = {"warning", "info", "error", "Formatter"}

_PERCENT = re.compile(r"%(?:\([^)]*\))?[-#0 +]*[\d.*]*[diouxXeEfFgGcrsa%]")
_FIELD = re.compile(r"\{[a-z_]*\}")
_WORDS = re.compile(r"[A-Za-z]{2,}")
# One word beside a value: "with {0}", "{0}, antialiased".
_BESIDE_A_VALUE = re.compile(r"(^|[ \0(])[A-Za-z]{2,}[ :,);]|[ :][a-z]{2,}$")
_THING = re.compile(r"an? [a-z]+")
_SENTENCE = re.compile(r"[A-Za-z,:;)'.\0] [A-Za-z(\0]|[A-Za-z] $|^ [A-Za-z]|[A-Za-z]: ")


def messages(root: Path = ROOT) -> dict[str, set[str]]:
    """Every message template of the code, with the files that it stands in.

    A message is one line: texts of several lines are several messages. `{0}`, `{1}`, ... stand for
    what is filled in; a brace of the text itself is doubled.
    """
    found: dict[str, set[str]] = {}
    for folder in SCANNED:
        for path in sorted((root / folder).rglob("*.py")):
            name = path.relative_to(root).as_posix()
            if name in OTHERWISE:
                continue
            for template in of_module(path.read_text(encoding="utf-8")):
                found.setdefault(template, set()).add(name)
    return found


def of_module(source: str) -> set[str]:
    """The message templates of one module."""
    found: set[str] = set()
    for parts, spoken in _texts(ast.parse(source), False):
        for line in _lines(parts):
            template = as_template(line)
            literal = "".join(part if isinstance(part, str) else "\0" for part in line)
            if _is_message(literal.strip(), spoken):
                found.add(template)
    return found


def _is_message(literal: str, spoken: bool) -> bool:
    words = _WORDS.findall(literal)
    if spoken:
        return bool(words) and not re.fullmatch(r"--?[\w.-]*\0?", literal)
    if len(words) == 1 and "\0" in literal:
        return _BESIDE_A_VALUE.search(literal) is not None
    return bool(_THING.fullmatch(literal)) or (
        len(words) >= 2 and _SENTENCE.search(literal) is not None
    )


def as_template(parts: list[Part]) -> str:
    """The message of a line's parts: values by number, braces of the text itself doubled."""
    values = itertools.count()
    fields = {None: lambda: f"{{{next(values)}}}", NUMBER: lambda: "{n}"}
    return "".join(
        part.replace("{", "{{").replace("}", "}}") if isinstance(part, str) else fields[part]()
        for part in parts
    ).strip()


def _lines(parts: tuple[Part, ...]) -> Iterator[list[Part]]:
    line: list[Part] = []
    for part in parts:
        if not isinstance(part, str):
            line.append(part)
            continue
        first, *others = part.split("\n")
        line.append(first)
        for other in others:
            yield line
            line = [other]
    yield line


def _texts(node: ast.AST, spoken: bool) -> Iterator[tuple[tuple[Part, ...], bool]]:
    """The texts below a node: each as its parts, and whether it certainly is for the user."""
    if _is_text(node):
        for parts in variants(node):
            yield parts, spoken
        # Values that are filled in may hold texts of their own.
        for inner in _filled_in(node):
            yield from _texts(inner, False)
    elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
        return  # a docstring
    elif isinstance(node, ast.Call):
        yield from _texts_of_call(node)
    elif isinstance(node, ast.Dict):
        for value in node.values:
            yield from _texts(value, spoken)
    elif isinstance(node, ast.Subscript):
        yield from _texts(node.value, False)
    else:
        holds_texts = isinstance(node, ast.IfExp | ast.BoolOp | ast.List | ast.Tuple | ast.Starred)
        for child in ast.iter_child_nodes(node):
            yield from _texts(child, spoken and holds_texts)


def _texts_of_call(node: ast.Call) -> Iterator[tuple[tuple[Part, ...], bool]]:
    name = _name(node.func)
    first = node.args[0] if node.args else None
    if name in CODE:
        return
    if name == "option":  # default, group, description
        yield from _texts(node.args[1], True)
        yield from _texts(node.args[2], True)
        return
    if name == "counted" or (name == "say" and len(node.args) > 2):
        # counted(number, one, several); the report of check has it with a list before the number.
        nouns = node.args[1 if name == "counted" else 2 :]
        for noun in nouns:
            for parts in variants(noun):
                yield (NUMBER, " ", *parts), True
                if name == "counted" and len(nouns) == 1:
                    yield (NUMBER, " ", *parts, "s"), True
        return
    if name == "add_argument" or name == "add":
        node = ast.Call(node.func, [], node.keywords)
    if name in LOGGING and isinstance(first, ast.Constant) and isinstance(first.value, str):
        yield percent(first.value), True
        node = ast.Call(node.func, node.args[1:], node.keywords)
    yield from _texts(node.func, False)
    for argument in node.args:
        yield from _texts(argument, name in SPEAKING)
    for keyword in node.keywords:
        yield from _texts(keyword.value, keyword.arg in SPOKEN_KEYWORDS)


def _name(function: ast.expr) -> str:
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")


def _is_text(node: ast.AST) -> bool:
    match node:
        case ast.Constant(value=str()) | ast.JoinedStr():
            return True
        case ast.BinOp(op=ast.Add()):
            return _is_text(node.left) or _is_text(node.right)
        case ast.BinOp(op=ast.Mod()):
            return _is_text(node.left)
        case ast.IfExp():
            return _is_text(node.body) and _is_text(node.orelse)
    return False


def variants(node: ast.AST) -> list[tuple[Part, ...]]:
    """All texts that an expression can give, as literal parts and None for what is filled in."""
    match node:
        case ast.Constant(value=str(text)):
            return [_fields(text)]
        case ast.JoinedStr(values=values):
            pieces = [
                [(piece.value,)] if isinstance(piece, ast.Constant) else variants(piece)
                for piece in values
            ]
            return _product(pieces)
        case ast.FormattedValue(value=value, conversion=-1, format_spec=None) if _is_text(value):
            return variants(value)
        case ast.IfExp(body=body, orelse=orelse) if _is_text(node):
            return variants(body) + variants(orelse)
        case ast.BinOp(left=left, op=ast.Add(), right=right) if _is_text(node):
            return _product([variants(left), variants(right)])
        case ast.BinOp(left=ast.Constant(value=str(text)), op=ast.Mod()):
            return [percent(text)]
    return [(None,)]


def _fields(text: str) -> tuple[Part, ...]:
    """The parts of a text for str.format, such as "{file} is read as {encoding}"."""
    literals = _FIELD.split(text)
    return tuple(itertools.chain(*([literal, None] for literal in literals[:-1]), literals[-1:]))


def percent(text: str) -> tuple[Part, ...]:
    """The parts of a %-format."""
    parts: list[Part] = []
    end = 0
    for match in _PERCENT.finditer(text):
        parts += [text[end : match.start()], "%" if match[0] == "%%" else None]
        end = match.end()
    return (*parts, text[end:])


def _product(choices: list[list[tuple[Part, ...]]]) -> list[tuple[Part, ...]]:
    count = 1
    for options in choices:
        count *= len(options)
    if count > MOST_VARIANTS:
        choices = [options if len(options) == 1 else [(None,)] for options in choices]
    return [tuple(itertools.chain.from_iterable(chosen)) for chosen in itertools.product(*choices)]


def _filled_in(node: ast.AST) -> Iterator[ast.AST]:
    """The expressions in a text that are not texts themselves."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Constant):
            continue
        if isinstance(child, ast.FormattedValue):
            yield from ([child.value] if not _is_text(child.value) else _filled_in(child.value))
            continue
        yield from _filled_in(child) if _is_text(child) else [child]
