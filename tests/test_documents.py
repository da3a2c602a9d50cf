"""Documents name files that there are."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOCUMENTS = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md")),
             *sorted((ROOT / "configs").glob("*.md"))]  # fmt: skip
FILE = r"(?:tests|paddle_aug|models|tools|benchmarks|configs|docs)/[\w/.-]+\.(?:py|yaml|md|png|jpg)"


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_file_that_a_document_names_is_there(path):
    text = path.read_text(encoding="utf-8")
    text = re.sub(r"`[\w/.]+`, a new file:", "", text)  # that a recipe would make
    missing = sorted({name for name in re.findall(FILE, text) if not (ROOT / name).exists()})
    links = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
    missing += sorted({link for link in links if not (path.parent / link).exists()})
    assert not missing
