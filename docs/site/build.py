"""Build the documentation site: python docs/site/build.py [FOLDER] (default: build/docs).

The documents of the project are its pages: they are copied with their pictures, and their links are
turned to the pages; other pages are made from the project's tables. Then Sphinx builds FOLDER/html;
a warning is an error.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))
HERE = Path(__file__).resolve().parent
# Page: the document it is, and of the READMEs the section.
PAGES = {
    "quick_start": ("README.md", "Start", "Quick start"),
    "own_images": ("README.md", "Your own images", "Your own images"),
    "quick_start_cn": ("README_cn.md", "快速开始", "快速开始"),
    "own_images_cn": ("README_cn.md", "用自己的图片", "用自己的图片"),
    "contributing": ("CONTRIBUTING.md", None, None),
    "changelog": ("CHANGELOG.md", None, None),
    "configs": ("configs/README.md", None, None),
    "benchmarks": ("benchmarks/README.md", None, None),
}
LINK = re.compile(
    r"(!?)\[((?:[^\[\]]|\[[^\]]*\])*)\]\((?!https?:|#|mailto:)([^)#\s]+)(#[^)\s]*)?\)"
)


def main() -> int:
    os.environ["PADDLE_AUG_LANGUAGE"] = "en"  # of what commands say and draw, on every machine
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "docs").resolve()
    source = folder / "source"
    shutil.rmtree(source, ignore_errors=True)
    lay_out(source)
    command = [sys.executable, "-m", "sphinx", "-W", "--keep-going", "-q", "-E", "-b", "html",
               str(source), str(folder / "html")]  # fmt: skip
    code = subprocess.run(command, cwd=ROOT).returncode
    if code == 0:
        print(f"wrote {folder / 'html' / 'index.html'}")
    return code


def lay_out(source: Path) -> None:
    """Write all pages, their pictures and Sphinx's settings."""
    source.mkdir(parents=True)
    shutil.copy(HERE / "conf.py", source)
    shutil.copytree(HERE / "static", source / "static")
    documents = page_of_each_document()
    for document, page in documents.items():
        write(source / f"{page}.md", linked(text_of(document), document, page, documents, source))
    for page, (document, section, title) in PAGES.items():
        if section:
            text = section_of(text_of(document), section, title)
            write(source / f"{page}.md", linked(text, document, page, documents, source))

    import generated

    index = (HERE / "index.md").read_text(encoding="utf-8")
    # A new document is a page without being named; results have a page of their own.
    pages = [page for page in documents.values() if not page.startswith("results/")]
    others = [page for page in pages if f"\n{page}\n" not in index]
    chinese = [page for page in others if page.startswith("docs/zh/")]
    for place, some in (("CHINESE", chinese), ("MORE", sorted({*others} - {*chinese}))):
        index = index.replace(f"{place}\n", "".join(f"{page}\n" for page in some))
    write(source / "index.md", index)
    template = (HERE / "schedule.md").read_text(encoding="utf-8")
    write(source / "schedule.md", generated.schedule_page(source, template))
    write(source / "policies.md", generated.policies(source))
    write(source / "options.md", generated.options())
    write(source / "api.md", generated.api())
    write(source / "results.md", generated.results(suites()))


def suites() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "results").glob("*/table.md"))


def page_of_each_document() -> dict[str, str]:
    """By its path in the project, the page that a whole document becomes."""
    pages = {document: page for page, (document, section, _) in PAGES.items() if not section}
    for path in sorted([*(ROOT / "docs").glob("*.md"), *(ROOT / "docs/zh").glob("*.md")]):
        name = path.relative_to(ROOT).as_posix()
        pages[name] = name.removesuffix(".md")
    return pages | {f"results/{name}/table.md": f"results/{name}" for name in suites()}


def text_of(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def section_of(text: str, name: str, title: str) -> str:
    """A section of a README as a page; its own sections move up with it."""
    match = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.M | re.S)
    if match is None:
        raise SystemExit(f"there is no section {name!r} any more: correct docs/site/build.py")
    return f"# {title}\n" + re.sub(r"^##(#+ )", r"#\1", match[1], flags=re.M)


def linked(text: str, document: str, page: str, documents: dict[str, str], source: Path) -> str:
    """The text with its links to other documents turned to their pages, pictures copied, and
    links to files that are no pages turned to their names."""
    up = "../" * page.count("/")

    def turned(match: re.Match[str]) -> str:
        image, label, target, anchor = match.groups()
        path = (ROOT / document).parent.joinpath(target).resolve()
        name = path.relative_to(ROOT).as_posix()
        if image:
            (source / "pictures" / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, source / "pictures" / name)
            return f"![{label}]({up}pictures/{name})"
        # Inside a link, as round a picture, links are turned first.
        label = LINK.sub(turned, label)
        if name in documents:
            return f"[{label}]({up}{documents[name]}.md{anchor or ''})"
        return {"README.md": f"[{label}]({up}quick_start.md)",
                "README_cn.md": f"[{label}]({up}quick_start_cn.md)"}.get(name, label)  # fmt: skip

    return LINK.sub(turned, text)


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
