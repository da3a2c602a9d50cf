"""Measures whether the columns of tables on a terminal stand under each other."""

import itertools
import re

from paddle_aug.core.text import columns_of

TABLE_RULE = re.compile(r"-+(?:  +-+)+")
_CELL = re.compile(r"\S+(?: \S+)*")
_NUMBER = re.compile(r"[\d.]+")


def out_of_column(text: str) -> list[str]:
    """Cells of the tables in a text that are in no column, or neither at its left nor its right.

    A table's columns are those of the line of hyphens below its heads.
    """
    lines = text.split("\n")
    rules = [number for number, line in enumerate(lines) if TABLE_RULE.fullmatch(line)]
    wrong = []
    for number in rules:
        columns = [match.span() for match in _CELL.finditer(lines[number])]
        for step in (-1, 1):
            for line in itertools.takewhile(_has_cells, lines[number + step :: step]):
                wrong += [cell for *place, cell in _cells(line) if not any(
                    start <= place[0] and place[1] <= end
                    and (_NUMBER.fullmatch(cell) or start == place[0] or end == place[1])
                    for start, end in columns
                )]  # fmt: skip
    return wrong


def _has_cells(line: str) -> bool:
    return "  " in line.strip()


def _cells(line: str) -> list[tuple[int, int, str]]:
    """(first column on the screen, the one after its last, text) of each cell of a line."""
    found = []
    for match in _CELL.finditer(line):
        start = columns_of(line[: match.start()])
        found.append((start, start + columns_of(match[0]), match[0]))
    return found
