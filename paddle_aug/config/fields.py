"""How an option is declared, and how its value is read from the command line."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from paddle_aug.core.plain_yaml import parse_yaml_text
from paddle_aug.data.options import ChangesLabel


def _split_commas(value: Any) -> Any:
    """A list from its form on the command line: "15,18"."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [part for part in value.replace(" ", "").split(",") if part]
    return parse_yaml_text(value)


def _none_or_commas(value: Any) -> Any:
    """The same for a list that may be empty: "none"."""
    return [] if value == "none" else _split_commas(value)


def whole_number(value: Any) -> Any:
    """A whole number from text, where pydantic does not convert text itself."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def holds_bool(value: Any) -> bool:
    if isinstance(value, dict):
        value = list(value.values())
    return any(map(holds_bool, value)) if isinstance(value, list) else isinstance(value, bool)


Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[int, Field(ge=1)]
Natural = Annotated[int, Field(ge=0)]
Numbers = Annotated[list[float], BeforeValidator(_split_commas)]
Epochs = Annotated[list[Natural], BeforeValidator(_split_commas)]
LabelChanges = Annotated[list[ChangesLabel], BeforeValidator(_none_or_commas)]
TransformList = Annotated[list[Any], BeforeValidator(parse_yaml_text)]


def option(
    default: Any,
    group: str,
    description: str,
    *,
    used_with: tuple[str, tuple[str, ...] | Callable[[str], bool]] | None = None,
    free_on_resume: bool = False,
    studied: bool = False,
    path: bool = False,
    words: tuple[str, ...] = (),
) -> Any:
    """Declares one option, with all facts about it.

    used_with: (another option, values of it or a test of the value): this option has an effect only
    with these. free_on_resume: does not change a result, so a resumed run may have another value.
    studied: may differ between compared runs, as it is what they study, or only says where they
    ran. path: names a file or folder; a leading ~ is the home folder. words: values that a shell
    may complete, where the type does not name them.
    """
    facts: Any = {"group": group, "used_with": used_with, "free_on_resume": free_on_resume,
             "studied": studied, "path": path, "words": words}  # fmt: skip
    return Field(default, description=description, json_schema_extra=facts)
