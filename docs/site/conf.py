"""Sphinx's settings of the documentation site; build.py lays out the pages beside a copy of it."""

import re

import paddle_aug

project = "paddle_aug"
author = "paddle_aug contributors"
release = paddle_aug.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
# Tables and code of the documents are wider than a line of text, and Pygments does not know all.
suppress_warnings = ["misc.highlighting_failure"]
html_theme = "furo"
html_title = f"paddle_aug {release}"
html_show_sphinx = False
html_static_path = ["static"]
html_css_files = ["site.css"]
# Fonts of the reader's machine: the site opens without a network.
_FONTS = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif'
html_theme_options = {
    "light_css_variables": {"font-stack": f"system-ui, {_FONTS}"},
    "footer_icons": [],
}
autodoc_typehints = "signature"
autodoc_member_order = "bysource"


def _literal(match):
    """A name in Sphinx's signs; a letter after it is kept apart, as in `Sample`s."""
    name, after = match.groups()
    return f"``{name}``" + (f"\\ {after}" if after else "")


def _as_text(app, what, name, obj, options, lines):
    """Docstrings are plain text: what Sphinx would take for its own signs is shown as it is."""
    paragraphs = re.split(r"\n\s*\n", "\n".join(lines).strip())
    lines[:] = []
    for paragraph in paragraphs:
        text = re.sub(r"\s*\n\s*(?!- |\s)", " ", paragraph).strip()
        text = re.sub(r"(?<!`)`([^`]+)`(?!`)(\w?)", _literal, text)
        parts = re.split(r"(``[^`]+``(?:\\ )?)", text)
        parts[::2] = [re.sub(r"([*|\\]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
        lines += [*"".join(parts).split("\n"), ""]


def setup(app):
    app.connect("autodoc-process-docstring", _as_text)
