"""Pages made from the project's tables and by its own commands, so that they cannot fall behind."""

import contextlib
import io
import types
import typing
from pathlib import Path
from typing import Any, Literal

import paddle_aug
from paddle_aug.commands import preview, schedule
from paddle_aug.config import Config, fact
from paddle_aug.core.text import flag
from paddle_aug.modes import MODES, Mode


def policies(folder: Path) -> str:
    """Every value of --augment: its picture, drawn by `preview`, what it does and its source."""
    parts = [
        "# What `--augment` takes",
        "",
        "The pictures are those of `paddle-aug preview`; with `paddle-aug demo` one can play.",
        "",
    ]
    for mode in MODES.values():
        picture = folder / "policies" / f"{mode.name}.jpg"
        _quietly(preview.main, ["--augment", mode.name, "--output", str(picture)])
        parts += [
            f"## {mode.name}", "", f"{mode.summary[0].upper()}{mode.summary[1:]}.", "",
            *([f"Source: {mode.source} ([sources](docs/sources.md))", ""] if mode.source else []),
            *_mixing(mode),
            f"```{{image}} policies/{mode.name}.jpg", f":alt: preview of {mode.name}", "```", "",
        ]  # fmt: skip
    return "\n".join(parts)


def _mixing(mode: Mode) -> list[str]:
    mixing = mode.mixing
    if mixing is None:
        return []
    rows = {
        "--base": mixing.base, "--partner": mixing.partner, "--mix-prob": mixing.mix_prob,
        "--alpha": mixing.alpha, "--pairs": mixing.pairs, "--mix-draws": mixing.mix_draws,
    }  # fmt: skip
    lines = [f"| `{name}` | {value} |" for name, value in rows.items() if value is not None]
    return ["| option | default |", "|---|---|", *lines, ""]


def schedule_page(folder: Path, template: str) -> str:
    """The page on the schedule, with what the command says and draws."""
    options = ["--augment", "samplePairing", "--data", "digits", "--epochs", "100"]
    said = _quietly(schedule.main, [*options, "--output", str(folder)])
    (folder / "samplePairing_schedule.png").rename(folder / "schedule.png")
    lines = [line for line in said.splitlines() if not line.startswith("wrote")]
    return template.replace("SCHEDULE", "\n".join(lines))


def options() -> str:
    """Every option of a run, by group, from the table that checks them."""
    parts = ["# Options", "",
             "Of `train` (and, where they apply, of the other commands). In YAML files `_` stands "
             "for `-`, and without the dashes before: `image_size: 64`. `-o image_size=64` is the "
             "same on the command line.", ""]  # fmt: skip
    defaults = Config().dump()
    for group in dict.fromkeys(fact(name, "group") for name in Config.model_fields):
        parts += [f"## {group}", ""]
        for name, field in Config.model_fields.items():
            if fact(name, "group") == group and name != "policy":
                default = _shown(defaults[name])
                parts += [
                    f"`{flag(name)}` {_values(field.annotation)}",
                    f": {_plain(field.description or '')}"
                    + (f" (default: {default})" * bool(default)),
                    "",
                ]
    parts += ["## Numbers of the image part", "", "| option | default |", "|---|---|"]
    for name, default in defaults["policy"].items():
        if isinstance(default, dict):
            parts += [_row(f"`-o policy.{name}.{k}=`", _shown(v)) for k, v in default.items()]
        else:
            parts.append(_row(f"`--policy.{name.replace('_', '-')}`", _shown(default)))
    return "\n".join([*parts, ""])


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _plain(text: str) -> str:
    """A help text without what Markdown would take for signs of its own."""
    return "".join("\\" + sign if sign in "*_[]<>`|{}" else sign for sign in text)


def _shown(value: Any) -> str:
    return "" if value is None or value == [] else f"`{value}`"


def _values(annotation: Any) -> str:
    """The type of an option in a few words."""
    if typing.get_origin(annotation) is Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(annotation))
    if typing.get_origin(annotation) in (typing.Union, types.UnionType, typing.Annotated):
        parts = typing.get_args(annotation)
        if typing.get_origin(annotation) is typing.Annotated:
            parts = parts[:1]
        return ", ".join(_values(part) for part in parts if part is not type(None))
    if typing.get_origin(annotation) is list:
        return "list"
    words = {bool: "yes or no", int: "whole number", float: "number", str: "text"}
    return words.get(annotation, getattr(annotation, "__name__", str(annotation)))


def api() -> str:
    """The public names, with shapes, types and errors as their docstrings have them."""
    names = [name for name in paddle_aug.__all__ if not name.startswith("__")]
    parts = ["# The Python API", "", "`import paddle_aug as pa` offers these names. Paddle is "
             "imported when one that needs it is first used.", ""]  # fmt: skip
    for name in names:
        is_class = isinstance(getattr(paddle_aug, name), type)
        kind, members = ("autoclass", ["   :members:"]) if is_class else ("autofunction", [])
        parts += [f"## {name}", "", "```{eval-rst}", f".. {kind}:: paddle_aug.{name}", *members,
                  "```", ""]  # fmt: skip
    return "\n".join(parts)


def results(names: list[str]) -> str:
    """Every suite that has results: its curves and where its table is."""
    parts = ["# Results", "", "Each table names the command that repeats it. How figures are "
             "compared and claims judged: [docs/judging.md](docs/judging.md).", "",
             "```{toctree}", ":maxdepth: 1", "",
             *(f"results/{name}" for name in names), "```", ""]  # fmt: skip
    return "\n".join(parts)


def _quietly(command: Any, arguments: list[str]) -> str:
    """Run a command of the project; returns what it says."""
    with contextlib.redirect_stdout(io.StringIO()) as said:
        code = command(arguments)
    if code:
        raise SystemExit(f"{command.__module__} {' '.join(arguments)}: {said.getvalue()}")
    return said.getvalue()
