"""The command line of train.py, made from the table of options in config/table.py."""

import argparse
import copy
import json
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from paddle_aug.cli.override import add_override
from paddle_aug.cli.parser import Parser
from paddle_aug.config import DIGITS_DEFAULTS, Config, fact, load_config
from paddle_aug.config.other_data import refuse_for_other_data
from paddle_aug.config.words import choices, offer_values
from paddle_aug.core import own_code
from paddle_aug.core.bundled import find_config
from paddle_aug.core.own_code import is_import_path
from paddle_aug.core.plain_yaml import parse_yaml_text, read_yaml
from paddle_aug.core.text import flag
from paddle_aug.core.user_paths import expand

_DEFAULTS = Config().dump()


def parse_args(
    argv: Sequence[str] | None = None,
    description: str = "Train an image classifier under augmentation.",
    prog: str | None = None,
) -> tuple[Config, argparse.Namespace]:
    """Options from the command line, which override those of --config; checked before any work.

    Returns the configuration, and the options that are not part of it: config, resume,
    allow_changes, and `changes`, the options that were given, unchecked.
    """
    parser = build_parser(description, prog)
    arguments = vars(parser.parse_args(argv))
    path = arguments.pop("config", None)
    control = argparse.Namespace(
        config=path,
        resume=arguments.pop("resume", None),
        allow_changes=arguments.pop("allow_changes", False),
    )
    values = read_yaml(find_config(path)) if path else {}
    given = options_given(arguments, values)
    refuse_for_other_data(values, given, str(path))
    from_file = {name: f"{path}: " for name in values if name not in given}
    config = load_config({**values, **given}, where=from_file)
    control.changes = {**values, **given}
    return config, control


def options_given(
    arguments: Mapping[str, Any], below: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The given options as Config takes them; argparse's "policy.x" becomes a key of `policy`.

    below: the options that these override; the other keys of a nested option come from there.
    """
    nested: dict[str, Any] = {}
    for key, value in arguments.items():
        if is_import_path(value):
            own_code.allow(value)
        *above, name = key.split(".")
        inner = nested
        for part in above:
            if not isinstance(inner.get(part), dict):
                known = (below or {}).get(part) if inner is nested else None
                inner[part] = copy.deepcopy(known) if isinstance(known, dict) else {}
            inner = inner[part]
        inner[name] = value
    return nested


def to_arguments(options: Mapping[str, Any]) -> list[str]:
    """The options as arguments of train.py, which parse_args turns into the same options again."""
    arguments: list[str] = []
    for name, value in options.items():
        if value is None:
            arguments += ["-o", f"{name}=null"]
        elif isinstance(value, bool):
            arguments.append(flag(name if value else f"no_{name}"))
        elif isinstance(value, dict) and "." not in name:
            arguments += to_arguments({f"{name}.{inner}": v for inner, v in value.items()})
        else:
            text = json.dumps(value) if isinstance(value, list | dict) else str(value)
            arguments += [flag(name), text]
    return arguments


def build_parser(description: str, prog: str | None = None) -> Parser:
    """The parser of train.py: an option for each field of Config, unset unless given."""
    parser = Parser(
        prog=prog,
        usage="%(prog)s [OPTIONS]",
        description=description,
        formatter_class=lambda prog: argparse.HelpFormatter(prog, max_help_position=30, width=100),
        epilog="Every option can stand in a YAML file given with --config, with _ for -: "
        "'image_size: 64'. Options on the command line win. With the bundled digits other defaults "
        "hold: " + ", ".join(f"{flag(k)} {v}" for k, v in DIGITS_DEFAULTS.items()) + ".",
    )
    parser.add_argument("-c", "--config", metavar="FILE", type=expand, help="YAML file of options")
    add_override(parser, Config.model_fields)
    groups = add_options(parser)
    run = groups["Run"]
    run.add_argument(
        "--resume", nargs="?", const="", metavar="RUN", type=expand, default=argparse.SUPPRESS,
        help="continue the run in this folder (OUTPUT/<augment> where none is named), "
        "with the options it was started with",
    )  # fmt: skip
    run.add_argument(
        "--allow-imports", action=own_code.AllowImports,
        help="import code of your own that a configuration or a run to resume names",
    )  # fmt: skip
    run.add_argument(
        "--allow-changes", action="store_true", default=argparse.SUPPRESS,
        help="resume although options, data, code or threads differ",
    )  # fmt: skip
    return parser


def add_options(parser: Parser, names: Collection[str] | None = None) -> dict[str, Any]:
    """Add the options of Config (those in `names` only); returns the parser's groups by name."""
    groups: dict[str, Any] = {}
    for name, field in Config.model_fields.items():
        if names is not None and name not in names:
            continue
        group_name = fact(name, "group")
        if group_name not in groups:
            groups[group_name] = parser.add_argument_group(group_name)
        group = groups[group_name]
        if name == "policy":
            group = parser.add_argument_group(
                "Numbers of the image part",
                "Ranges as '[0.5, 1.5]'. A large rotation, and flips, stay off where they would "
                "change a label.",
            )
            for inner, default in _DEFAULTS["policy"].items():
                group.add_argument(
                    flag(f"policy.{inner}"), dest=f"policy.{inner}", default=argparse.SUPPRESS,
                    metavar="VALUE", type=_yaml,
                    help="a mapping; its keys are in config.yaml of any run"
                    if isinstance(default, dict) else f"default {default}",
                )  # fmt: skip
            continue
        _add_option(group, name, field)
    return groups


def _add_option(group: Any, name: str, field: Any) -> None:
    default = _DEFAULTS[name]
    help_text = field.description.replace("%", "%%")
    if default is not None and default != []:
        shown = ",".join(map(str, default)) if isinstance(default, list) else default
        help_text += f" (default: {shown})"
    settings: dict[str, Any] = {"default": argparse.SUPPRESS, "dest": name, "help": help_text}
    if field.annotation is bool:
        group.add_argument(flag(name), action=argparse.BooleanOptionalAction, **settings)
        return
    values = choices(name)
    shown = "{" + ",".join(values) + "}" if values else _metavar(name, field)
    offer_values(group.add_argument(flag(name), metavar=shown, **settings), name)


def _yaml(text: str) -> Any:
    """A nested value; argparse reports a text that is no YAML."""
    try:
        return parse_yaml_text(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _metavar(name: str, field: Any) -> str:
    kind = str(field.annotation)
    if "list" in kind:
        return "LIST"
    if "float" in kind:
        return "X"
    return "N" if "int" in kind else name.rsplit("_", 1)[-1].upper()
