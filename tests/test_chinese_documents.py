"""The Chinese pages say what the English ones say: the same parts, commands, names and figures."""

import re
from collections import Counter
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent / "docs"
PAGES = sorted((DOCS / "zh").glob("*.md"))
# Names in backticks: as many at the end as at the start, so that `` ` `` is one.
NAME = re.compile(r"(?<!`)(`+)(?!`)[^\n]*?(?<!`)\1(?!`)")


def parts(path: Path) -> dict[str, list | Counter]:
    """What does not depend on the language, in order where that is the same in both."""
    lines = path.read_text(encoding="utf-8").splitlines()
    lines = [line for line in lines if not re.match(r"\[(?:中文|English)\]\(", line)]
    code, prose, fenced = [], [], False
    for above, line in zip(["", *lines], lines, strict=False):
        if line.startswith("```"):
            fenced = not fenced
        elif fenced or (line.startswith("    ") and (not above or above.startswith("    "))):
            code.append(re.sub(r"(?:^|\s+)# .*", "", line).strip())  # comments are translated
        else:
            prose.append(line)
    text = "\n".join(prose)
    names = [match.group() for match in NAME.finditer(text)]
    links = re.findall(r"\]\(([^)]+)\)", text)
    words = re.sub(r"\]\([^)]+\)", " ", NAME.sub(" ", text))
    return {
        "headings": [len(mark) for mark in re.findall(r"^(#+) ", text, re.M)],
        "code": list(filter(None, code)),
        "cells of table rows": [row.count("|") for row in re.findall(r"^\|.*$", words, re.M)],
        "names": Counter(names),
        "links": Counter(Path(link.split("#")[0]).name.replace("_cn", "") for link in links),
        "numbers": Counter(re.findall(r"\d+(?:[.,]\d+)*", words)),
    }


def differences(english: Path, chinese: Path) -> dict[str, tuple]:
    """By what, what only one of the two has."""
    found = {}
    one, other = parts(english), parts(chinese)
    for what, here in one.items():
        there = other[what]
        if here != there:
            found[what] = (Counter(here) - Counter(there), Counter(there) - Counter(here))
    return found


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_a_page_has_what_the_english_one_has(path):
    assert differences(DOCS / path.name, path) == {}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_each_of_the_two_leads_to_the_other(path):
    for page, link in ((path, f"[English](../{path.name})"),
                       (DOCS / path.name, f"[中文](zh/{path.name})")):  # fmt: skip
        assert page.read_text(encoding="utf-8").splitlines()[2] == link


def test_every_page_is_there_in_chinese():
    assert {path.stem for path in DOCS.glob("*.md")} == {path.stem for path in PAGES}


def test_a_figure_that_only_one_of_them_has_is_noticed(tmp_path):
    for name, text in (("a", "# A\n\nAbout 3.5 % of `x`.\n"), ("b", "# 甲\n\n约 `x` 的 3.6%。\n")):
        (tmp_path / f"{name}.md").write_text(text, encoding="utf-8")
    found = differences(tmp_path / "a.md", tmp_path / "b.md")
    assert found == {"numbers": (Counter(["3.5"]), Counter(["3.6"]))}
