"""The documentation site: built without a warning, whole, and without anything from elsewhere."""

import html
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import paddle_aug
from paddle_aug.config import Config
from paddle_aug.modes import MODES
from tests.helpers import load_program

for name in ("sphinx", "furo", "myst_parser"):
    pytest.importorskip(name, reason="the extra docs is not installed")
ROOT = Path(__file__).parent.parent
# What a page loads: scripts, style sheets, pictures, fonts, frames.
LOADED = re.compile(
    r"<(?:script|img|iframe|source|video|audio)\b[^>]*?\bsrc=[\"']([^\"']+)"
    r"|<link\b(?=[^>]*\brel=[\"'](?:stylesheet|icon|preload|preconnect|dns-prefetch|shortcut icon))"
    r"[^>]*?\bhref=[\"']([^\"']+)"
)


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("docs")
    done = subprocess.run(
        [sys.executable, "docs/site/build.py", str(folder)], cwd=ROOT, capture_output=True,
        text=True, timeout=900, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "html"


def words(page: Path) -> str:
    """The text of a page."""
    text = html.unescape(re.sub(r"<[^>]+>", "", page.read_text("utf-8")))
    return " ".join(text.replace("’", "'").split())


def test_nothing_is_loaded_from_elsewhere_and_all_that_is_loaded_is_there(site):
    pages = list(site.rglob("*.html"))
    assert len(pages) > 30
    seen = set()
    for page in pages:
        for match in LOADED.finditer(page.read_text(encoding="utf-8")):
            target = match[1] or match[2]
            seen.add(target.rpartition("/")[2])
            assert not re.match(r"(?:https?:)?//", target), f"{page.name} loads {target}"
            if not target.startswith("data:"):
                assert (page.parent / target.partition("?")[0]).exists(), f"{page.name}: {target}"
    assert len(seen) > 20
    for style in site.rglob("*.css"):
        text = style.read_text(encoding="utf-8")
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", text), style


def test_every_policy_has_its_picture_and_source(site):
    page = site / "policies.html"
    text, said = page.read_text(encoding="utf-8"), words(page)
    for mode in MODES.values():
        assert f"/{mode.name}.jpg" in text and mode.source in said
        assert (site / "_images" / f"{mode.name}.jpg").stat().st_size > 10_000
        assert f"{mode.summary[1:]}." in said


def test_every_option_has_its_words(site):
    said = words(site / "options.html")
    for name, field in Config.model_fields.items():
        if name != "policy":
            assert f"--{name.replace('_', '-')} " in said
            # Quotes and dots are set as in print.
            assert re.sub(r"\W+", " ", field.description or "") in re.sub(r"\W+", " ", said), name


def test_every_public_name_is_explained(site):
    text, said = (site / "api.html").read_text(encoding="utf-8"), words(site / "api.html")
    for name in paddle_aug.__all__:
        if not name.startswith("__"):
            assert re.search(rf'id="[\w.]*\b{name}"', text), name
    assert "arXiv 1905.04899" in said and "Raises ValueError" in said


def test_the_schedule_is_the_commands_own(site):
    said = words(site / "schedule.html")
    assert "epochs 0..99" in said and "on in 64 of 100 epochs" in said
    assert (site / "_images" / "schedule.png").exists()


def test_the_pages_to_begin_with_are_there_in_both_languages(site):
    for page, word in (
        ("quick_start", "make train"), ("own_images", "--data"), ("quick_start_cn", "快速开始"),
        ("own_images_cn", "用自己的图片"), ("contributing", "A mixing method"),
        ("docs/reliability", "promised"), ("docs/performance", "Speed"), ("results", "Results"),
        ("docs/zh/judging", "判定"),
    ):  # fmt: skip
        assert word in words(site / f"{page}.html"), page


# Without Sphinx


@pytest.fixture(scope="module")
def build():
    return load_program(ROOT / "docs/site/build.py")


def test_links_go_to_pages_and_pictures_come_along(build, tmp_path):
    pages = build.page_of_each_document()
    text = "[speed](performance.md#starting) ![](images/preview_pairing.jpg) [code](../train.py)"
    assert build.linked(text, "docs/export.md", "docs/export", pages, tmp_path) == (
        "[speed](../docs/performance.md#starting) "
        "![](../pictures/docs/images/preview_pairing.jpg) code"
    )
    assert (tmp_path / "pictures/docs/images/preview_pairing.jpg").exists()
    assert build.linked("[a](https://b.c)", "README.md", "x", pages, tmp_path) == "[a](https://b.c)"


def test_a_section_that_is_gone_is_named(build):
    with pytest.raises(SystemExit, match="no section 'Start' any more"):
        build.section_of("# a\n## Begin\n", "Start", "Quick start")
    text = "## Start\none\n### Deep\ntwo\n## Next\nthree\n"
    assert build.section_of(text, "Start", "Quick") == "# Quick\none\n## Deep\ntwo\n"
