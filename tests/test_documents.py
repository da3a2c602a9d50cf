"""Documents name files that there are, and code names its sources as docs/sources.md does."""

import re
from pathlib import Path

import pytest

from paddle_aug.modes import MODES

ROOT = Path(__file__).parent.parent
DOCUMENTS = [
    path
    for folder in (".", "docs", "docs/zh", "configs")
    for path in sorted((ROOT / folder).glob("*.md"))
]
FILE = r"(?:tests|paddle_aug|models|tools|benchmarks|configs|docs)/[\w/.-]+\.(?:py|yaml|md|png|jpg)"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"`[\w/.]+`, a new file:", "", text)  # that a recipe would make
    missing = sorted({name for name in re.findall(FILE, text) if not (ROOT / name).exists()})
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing += sorted({link for link in links if not (path.parent / link).exists()})
    assert not missing


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_test_that_a_document_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    there = {
        name
        for file in (ROOT / "tests").rglob("*.py")
        for name in re.findall(r"^ *def (test_\w+)", file.read_text(encoding="utf-8"), re.M)
    }
    modules = {file.stem for file in (ROOT / "tests").rglob("test_*.py")}
    named = set(re.findall(r"`(test_\w+)`", text))
    assert sorted(named - there - modules) == []


def test_each_of_the_ten_kinds_of_fault_has_its_tests():
    text = (ROOT / "docs/reliability.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\d+)\. .*\|(.*)\|$", text, re.M)
    assert [int(number) for number, _ in rows] == list(range(1, 11))
    assert all("test_" in tests for _, tests in rows)


def test_every_source_of_the_table_of_augmentations_is_named_in_docs_sources():
    text = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
    sources = {mode.source for mode in MODES.values() if mode.source}
    documents = {source for source in sources if not source.startswith("arXiv")}
    assert len(documents) >= 3
    assert [name for name in sorted(documents) if f"| {name}" not in text] == []


# "The article", "the documents": a reader cannot know which.
UNNAMED = re.compile(r"(?:^|\W)(?:the|of|an?) (?:articles?|documents?|slides|study|notes)\b", re.I)


def test_source_documents_go_by_their_names():
    patterns = ["paddle_aug/**/*.py", "models/*.py", "benchmarks/*.py", "benchmarks/*.md",
                "tools/*.py", "configs/**/*.yaml", "configs/*.md", "docs/*.md", "CHANGELOG.md",
                "CONTRIBUTING.md"]  # fmt: skip
    files = {path for pattern in patterns for path in ROOT.glob(pattern)}
    files.remove(ROOT / "docs/sources.md")  # which introduces the names
    names = sorted(path.relative_to(ROOT).as_posix() for path in files)
    assert len(names) > 250
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in names
        for number, line in enumerate((ROOT / name).read_text("utf-8").splitlines(), 1)
        if UNNAMED.search(line)
    ]
    assert found == [], "name them as docs/sources.md does"
