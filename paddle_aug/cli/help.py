"""--help in the user's language, broken into lines where Chinese may be broken."""

import argparse
import re
from collections.abc import Callable

from paddle_aug.core.text import lines_of_width
from paddle_aug.language import language, translate


def translated_help(parser: argparse.ArgumentParser, format_help: Callable[[], str]) -> str:
    """The help with all of the parser's texts, and argparse's own words, translated."""
    if language() == "en":
        return format_help()
    for holder in (parser, *parser._action_groups):
        holder.description = translate(holder.description or "") or None
    parser.epilog = translate(parser.epilog or "") or None
    parser.usage = translate(parser.usage or "") or None
    for group in parser._action_groups:
        group.title = translate(group.title or "")
    for action in parser._actions:
        if action.help is not argparse.SUPPRESS:
            # argparse fills in %(default)s itself, and needs other per cent signs doubled.
            text = translate((action.help or "").replace("%%", "%"))
            action.help = re.sub(r"%(?!\()", "%%", text)
    text = format_help()
    start, _, rest = text.partition(": ")
    return f"{translate(start)}：{rest}" if start == "usage" else text


def with_chinese_lines(formatter: argparse.HelpFormatter) -> argparse.HelpFormatter:
    """The formatter, with lines broken by their width on the screen where the help is Chinese."""
    if language() != "en":
        keeps_lines = isinstance(formatter, argparse.RawDescriptionHelpFormatter)
        formatter._split_lines = lines_of_width
        if not keeps_lines:
            formatter._fill_text = lambda text, width, indent: "\n".join(
                indent + line for line in lines_of_width(text, width - len(indent))
            )
    return formatter
