"""What pydantic finds wrong with options, in this project's words."""

import re
from collections.abc import Collection, Mapping
from typing import Any

from pydantic import ValidationError

from paddle_aug.core.errors import did_you_mean, half_width, unknown_option

MOST = 3  # problems that are told at once

_A_WHOLE_NUMBER, _A_NUMBER = "must be a whole number", "must be a number"
# By pydantic's type of the problem; its context holds the bound, or what is allowed.
_WORDS = {
    "int_parsing": _A_WHOLE_NUMBER,
    "int_type": _A_WHOLE_NUMBER,
    "int_from_float": _A_WHOLE_NUMBER,
    "float_parsing": _A_NUMBER,
    "float_type": _A_NUMBER,
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "string_type": "must be a text",
    "list_type": "must be a list",
    "dict_type": "must hold keys and values",
    "missing": "is required",
    "literal_error": "must be {bound}",
    "greater_than_equal": "must be at least {bound}",
    "greater_than": "must be greater than {bound}",
    "less_than_equal": "must be at most {bound}",
    "less_than": "must be less than {bound}",
}


def in_words(problem: Mapping[str, Any]) -> str:
    """One of a ValidationError's problems, without its place; pydantic's own words for what is not
    in the table above."""
    if words := _WORDS.get(problem["type"]):
        bound = next(iter(problem.get("ctx", {}).values()), "")
        return words.format(bound=f"{bound:.15g}" if isinstance(bound, float) else bound)
    message = problem["msg"].removeprefix("Value error, ")
    return f"{message[0].lower()}{message[1:]}" if problem["type"] != "value_error" else message


def explain(
    error: ValidationError,
    where: str | Mapping[str, str],
    known: Collection[str],
    inside: Collection[str],
) -> str:
    """One line for each problem: the key as the user wrote it, what is wrong, what is allowed.

    where: what the text begins with, such as "FILE: "; of each option, where they come from
    different places. known: names of the options; inside: of those that an option may hold.
    """
    lines = []
    for problem in error.errors()[:MOST]:
        location = [part for part in problem["loc"] if isinstance(part, str)]
        keys = [part for part in location if part.isidentifier()]
        key = ".".join(keys[:2] if keys[:1] == ["policy"] else keys[:1])
        message = in_words(problem)
        if problem["type"] in ("extra_forbidden", "unexpected_keyword_argument"):
            key = ".".join(location)  # as it was written, which may be no name: "batch-size"
            message = unknown_option(location[-1], inside if len(location) > 1 else known)
        elif "input" in problem and key and problem["type"] != "value_error":
            given = problem["input"]
            message = f"{message}, got {given!r:.80}"
            if problem["type"] == "literal_error":
                allowed = re.findall(r"'([^']*)'", problem.get("ctx", {}).get("expected", ""))
                message += did_you_mean(str(given), allowed)
            elif isinstance(given, str):
                message += half_width(given)
        line = f"{key}: {message}" if key else message
        if not isinstance(where, str):
            line = where.get(re.split(r"[.:]", line)[0], "") + line
        if line not in lines:
            lines.append(line)
    return (where if isinstance(where, str) else "") + "\n".join(lines)
