"""What an option is: its facts, and how its value is read from the command line."""

from collections.abc import Callable
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from paddle_aug.core.plain_yaml import load_yaml
from paddle_aug.data.options import ChangesLabel


def _split_commas(value: Any) -> Any:
    """Command-line form of a list: "15,18"."""
    if isinstance(value, str) and not value.lstrip().startswith("["):
        return [part for part in value.replace(" ", "").split(",") if part]
    return parse_yaml_text(value)


def _none_or_commas(value: Any) -> Any:
    """Command-line form of a list that may be empty: "none"."""
    return [] if value == "none" else _split_commas(value)


def whole_number(value: Any) -> Any:
    """Command-line form of a whole number, where pydantic takes no text for one."""
    return int(value) if isinstance(value, str) and value.isdecimal() else value


def parse_yaml_text(value: Any) -> Any:
    """Command-line form of a nested value: YAML, as "[{Resize: 120}, {RandomCrop: 96}]"."""
    return load_yaml(value) if isinstance(value, str) else value


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
) -> Any:
    """One option, with everything that is known about it.

    used_with: (another option, its values or a test of them): only then does this option count.
    free_on_resume: it does not change a result, so that a resumed run may have another value.
    studied: it may differ between runs that are compared: what is studied, or where it ran.
    path: it names a file or folder, in which a leading ~ is the home folder.
    """
    facts = {"group": group, "used_with": used_with, "free_on_resume": free_on_resume,
             "studied": studied, "path": path}  # fmt: skip
    return Field(default, description=description, json_schema_extra=facts)
