"""The curves as SVG inside the page.

Only the numbers on the axes are drawn, so no font is needed: titles, legend and captions are text
of the page. Colours come from the style sheet, which has a lighter set for dark screens.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
from matplotlib.colors import to_hex, to_rgb
from matplotlib.figure import Figure

from paddle_aug.page.sentences import Language
from paddle_aug.page.wording import values_in_words
from paddle_aug.report.curves import KINDS, colours, draw_curves, drawn_epochs, zoom_start
from paddle_aug.report.figure import new_figure
from paddle_aug.report.groups import Group

# A placeholder for the page's text colour, light or dark; no curve has it.
_INK = "#010203"
# matplotlib's colour of the grid, which the style sheet has for both grounds.
_GRID = "#b0b0b0"
_NUMBER = re.compile(r"\d+\.\d{3,}")


@dataclass(frozen=True)
class Line:
    """A method in the legend: its label, its colours, and their name in the style sheet."""

    label: str
    name: str
    light: str
    dark: str


@dataclass(frozen=True)
class CurvePicture:
    """One figure: SVG, title, caption, and alternative text."""

    svg: str
    title: str
    notes: tuple[str, ...]
    alt: str


def legend(groups: Sequence[Group], baseline: Group) -> list[Line]:
    """The methods' colours as in all figures on light ground, half white on dark."""
    chosen = colours(groups, baseline)
    lines = []
    for number, group in enumerate(groups):
        colour = chosen[group.label]
        red, green, blue = (0.5 * (1 + part) for part in to_rgb(colour))
        lines.append(
            Line(group.label, f"--line{number}", to_hex(colour), to_hex((red, green, blue)))
        )
    return lines


def curve_pictures(
    groups: Sequence[Group], baseline: Group, last: int, say: Language
) -> list[CurvePicture]:
    """Accuracy and loss over all epochs, then their last part; those that have values."""
    zoom = zoom_start(drawn_epochs(groups), None, last)
    pictures = []
    for start in (0, zoom) if zoom else (0,):
        for kind in reversed(KINDS):
            curves = [group.curve(f"{kind}{part}")[0] for group in groups
                      for part in ("Train", "Eval")]  # fmt: skip
            if any(np.isfinite(curve).any() for curve in curves):
                pictures.append(_picture(groups, baseline, kind, start, last, say))
    return pictures


def _picture(
    groups: Sequence[Group], baseline: Group, kind: str, start: int, last: int, say: Language
) -> CurvePicture:
    figure = new_figure(4.8, 3.2)
    figure.set_layout_engine("none")  # there are only numbers beside the axes
    axes = figure.add_axes((0.11, 0.09, 0.86, 0.89))
    cut = draw_curves(axes, groups, baseline, kind, start)
    axes.set(title="", xlabel="", ylabel="")
    axes.tick_params(colors=_INK, labelsize=9)
    for spine in axes.spines.values():
        spine.set_color(_INK)
    figure.patch.set_visible(False)
    axes.patch.set_visible(False)
    name = f"{kind}{start}"
    what = say("accuracy") if kind == "acc" else say("loss")
    title = say("against_epoch", what=what)
    if start:
        title = say("zoom", what=what, n=drawn_epochs(groups) - start)
    curve = f"{kind}Eval"
    values = values_in_words(
        [group.label for group in groups], [group.final(curve, last).mean for group in groups]
    )
    return CurvePicture(
        _as_svg(figure, name, legend(groups, baseline)),
        title,
        (say("cut", value=f"{cut:.3g}"),) if cut is not None else (),
        say("alt_curves", title=title, what=say(curve), n=last, values=values),
    )


def _as_svg(figure: Figure, name: str, lines: Sequence[Line]) -> str:
    """The <svg> element: names of its parts made its own, colours the style sheet's, numbers short.

    name: no other figure of the page has it.
    """
    file = io.StringIO()
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": name}):
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<defs>\s*<style.*?</style>\s*</defs>", "", text,
                  flags=re.DOTALL)  # fmt: skip
    # Names must be unique, as several figures are in one page.
    text = re.sub(r'id="', f'id="{name}-', text)
    text = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", text)
    # The page gives its size and its alternative text.
    text = re.sub(r'<svg [^>]*?(viewBox="[^"]*")[^>]*>',
                  r'<svg \1 xmlns:xlink="http://www.w3.org/1999/xlink" aria-hidden="true">', text,
                  count=1)  # fmt: skip
    text = text.replace(_INK, "currentColor").replace(f": {_GRID}", ": var(--rule)")
    for line in lines:
        text = text.replace(f": {line.light}", f": var({line.name})")
    text = re.sub(r' d="([^"]*)"', lambda match: f' d="{_shortened(match[1])}"', text)
    text = _NUMBER.sub(lambda match: f"{float(match[0]):.2f}".rstrip("0").rstrip("."), text)
    return re.sub(r"\s*\n\s*", " ", text)


def _shortened(path: str) -> str:
    """A path of straight lines, each told from where the last one ended, in tenths of a point; half
    as long. Other paths stay as they are."""
    parts = path.split()
    if not parts or set(re.sub(r"[^A-Za-z]", "", path)) - set("MLz"):
        return path
    told, start, here = [], (0, 0), (0, 0)
    while parts:
        command = parts.pop(0)
        told.append(command.lower())
        if command == "z":
            here = start
            continue
        there = (round(10 * float(parts.pop(0))), round(10 * float(parts.pop(0))))
        told += [f"{(b - a) / 10:g}" for a, b in zip(here, there, strict=True)]
        here = there
        start = there if command == "M" else start
    return re.sub(r" (?=[a-z-])|(?<=[a-z]) ", "", " ".join(told))
