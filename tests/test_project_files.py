"""The files by which others find, cite, report to and join the project."""

import re
import sys
from fnmatch import fnmatch
from pathlib import Path

import pytest
import yaml

import paddle_aug
from paddle_aug.modes import MODES

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # comes with pytest

ROOT = Path(__file__).parent.parent
FORMS = sorted((ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml"))
# What GitHub takes in a field of each kind.
FIELDS = {
    "markdown": {"value"},
    "input": {"label", "description", "placeholder", "value"},
    "textarea": {"label", "description", "placeholder", "value", "render"},
    "dropdown": {"label", "description", "options", "multiple", "default"},
    "checkboxes": {"label", "description", "options"},
}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def citation() -> dict:
    return yaml.safe_load(read("CITATION.cff"))


def test_no_folder_with_tests_is_left_out(pytestconfig):
    """pytest's own list has "build", which is a package here."""
    folders = {part for file in (ROOT / "tests").rglob("test_*.py")
               for part in file.relative_to(ROOT).parts[:-1]}  # fmt: skip
    assert {"build", "onednn", "end_to_end"} <= folders
    left_out = pytestconfig.getini("norecursedirs")
    assert [name for name in folders for one in left_out if fnmatch(name, one)] == []


def test_one_version_in_all_files(citation):
    project = tomllib.loads(read("pyproject.toml"))["project"]
    versions = {
        "paddle_aug": paddle_aug.__version__,
        "CITATION.cff": citation["version"],
        "pyproject.toml": project.get("version", paddle_aug.__version__),  # may be taken from there
        "CHANGELOG.md": re.findall(r"^## \[?([\d.]+)\]? - ", read("CHANGELOG.md"), re.MULTILINE)[0],
    }
    assert set(versions.values()) == {paddle_aug.__version__}, versions


def test_the_citation_says_what_a_citation_needs(citation):
    assert citation["cff-version"] == "1.2.0" and citation["license"] == "Apache-2.0"
    assert citation["title"].startswith("paddle_aug") and citation["message"]
    assert citation["authors"] == [{"name": "The paddle_aug authors"}]
    for reference in citation["references"]:
        assert reference["type"] in ("article", "data"), reference
        assert reference["title"] and 1998 <= reference["year"] <= 2026, reference
        for person in reference["authors"]:
            assert set(person) == {"family-names", "given-names"}, reference


def test_the_citation_names_the_papers_of_the_methods(citation):
    named = {
        identifier["value"]
        for reference in citation["references"]
        for identifier in reference.get("identifiers", [])
    }
    # Those that the project set out to reproduce; a method added since may be cited, too.
    needed = {"1801.02929", "1710.09412", "1905.04899", "1708.04552", "1909.13719", "2103.10158"}
    assert needed <= {number.removeprefix("arXiv:") for number in named}
    sources = " ".join(mode.source for mode in MODES.values())
    assert all(number in sources for number in needed)
    for reference in citation["references"]:
        for identifier in reference.get("identifiers", []):
            number = identifier["value"].removeprefix("arXiv:")
            assert reference["url"] == f"https://arxiv.org/abs/{number}"


def test_the_licence_is_apache_2_0_whole():
    text = read("LICENSE")
    assert text.lstrip().startswith("Apache License\n")
    assert "   Copyright 2026 the paddle_aug authors\n" in text
    numbers = [int(n) for n in re.findall(r"^   (\d)\. [A-Z]", text, re.MULTILINE)]
    assert numbers == list(range(1, 10)) and "END OF TERMS AND CONDITIONS" in text
    assert "[yyyy]" not in text


def test_there_is_a_form_for_each_kind_of_issue():
    assert [path.stem for path in FORMS] == ["bug", "question", "wrong_figure"]
    names = [yaml.safe_load(path.read_text("utf-8"))["name"] for path in FORMS]
    assert len(set(names)) == len(names)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_form_is_one_that_github_shows(path):
    form = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert set(form) == {"name", "description", "labels", "body"}
    asked = [field for field in form["body"] if field["type"] != "markdown"]
    for field in form["body"]:
        assert set(field) <= {"type", "id", "attributes", "validations"}, field
        assert set(field["attributes"]) <= FIELDS[field["type"]], field
    for names in ([f["id"] for f in asked], [f["attributes"]["label"] for f in asked]):
        assert len(set(names)) == len(names) > 0 and all(names)
    assert all(re.fullmatch(r"[\w-]+", field["id"]) for field in asked)
    assert any(field.get("validations") == {"required": True} for field in asked)


def test_what_the_forms_and_the_changelog_point_to_is_there():
    texts = [read("CHANGELOG.md"), *(path.read_text("utf-8") for path in FORMS)]
    named = {
        name
        for text in texts
        for name in re.findall(r"\b(?:docs|results|configs|tools)/[\w/]+\.(?:md|py)\b", text)
    }
    assert "docs/experiments.md" in named
    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


def test_commits_are_checked_by_the_ruff_of_the_tests():
    (repository,) = yaml.safe_load(read(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    hooks = {hook["id"]: hook for hook in repository["hooks"]}
    assert {name: hook["entry"].split()[:2] for name, hook in hooks.items()} == {
        "ruff-check": ["ruff", "check"],
        "ruff-format": ["ruff", "format"],
    }
    wanted = [line for line in read("requirements-test.txt").split() if line.startswith("ruff")]
    assert [hook["additional_dependencies"] for hook in hooks.values()] == [wanted, wanted]


def test_the_changelog_keeps_to_its_form():
    headings = re.findall(r"^## (.*)$", read("CHANGELOG.md"), re.MULTILINE)
    assert headings[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+ - \d{4}-\d\d-\d\d", name) for name in headings[1:])
    kinds = set(re.findall(r"^### (.*)$", read("CHANGELOG.md"), re.MULTILINE))
    assert kinds <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
