"""Every message of the code has its Chinese, and comes out filled in as it went in."""

import ast
import functools
import re
import string
from collections import Counter

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from paddle_aug.language.catalogue import (
    VALUE,
    Catalogue,
    Reading,
    chinese,
    chinese_messages,
    filled,
    is_short,
    parse,
)
from tools import translations
from tools.find_messages import ROOT, messages, of_module
from tools.translations import CATALOGUE

HOW = "run python tools/translations.py and translate what it names (CONTRIBUTING.md)"
MESSAGES = chinese_messages()
SYMBOLS = {  # messages of symbols and names only
    "MB", "Mixup, lam ~ Beta({0}, {1})", "accelerate: {0}", "lam = {0}", "onednn {0}", "the {0}",
    'PaddleX: create_model("{0}", model_dir="{1}")', "paddle.vision:{0}: {1}", "{0} is",
    "cv2.resize(image, ({0}, {1}), interpolation=cv2.INTER_LINEAR)", "{0} of {1}",
    "tta: {0}", "tta_policy: {0}", "--sheet {0}: {1}", "--host {0}, --port {1}: {2}",
    "{0} (Python {1})", "{0}: baseline: {1}", "model: {0}", "Python {0}", "Python {0}, {1}",
    "--operation {0}: {1}",
}  # fmt: skip
PREFIXES = ("error: ", "warning: ", "note: ", "problem: ")
TEMPLATES = sorted(message for message in MESSAGES if "{" in message)


@functools.cache
def wanted() -> set[str]:
    """What the catalogue must hold, as in the .mo file."""
    return {key(*message) for message in translations.wanted()}


def key(context: str, text: str) -> str:
    return f"{VALUE}{text}" if context else text


def fields(message: str) -> list[str]:
    return [field for _, field, _, _ in string.Formatter().parse(message) if field is not None]


def test_every_message_of_the_code_is_translated():
    missing = wanted() - set(MESSAGES)
    assert not missing, f"{HOW}: {sorted(missing)}"


def test_the_catalogue_holds_no_message_that_the_code_has_no_more():
    left = set(MESSAGES) - wanted()
    assert not left, f"{HOW}: {sorted(left)}"


def test_a_translation_has_the_values_of_its_message():
    for message, translation in MESSAGES.items():
        assert Counter(fields(message)) == Counter(fields(translation)), message
        percent = re.compile(r"%\(\w+\)s")
        assert percent.findall(message) == percent.findall(translation), message
        # Where two values touch, which is which cannot be told: they must touch again.
        for pair in re.findall(r"(?=(\{\w+\}\{\w+\}))", message):
            assert pair in translation, message


def test_a_translation_is_chinese():
    character = re.compile("[\u4e00-\u9fff]")
    without = {message for message, text in MESSAGES.items() if not character.search(text)}
    assert without <= SYMBOLS


def test_the_compiled_catalogue_is_that_of_the_texts():
    pofile = pytest.importorskip("babel.messages.pofile")
    with CATALOGUE.open("rb") as file:
        found = pofile.read_po(file, locale="zh")
    texts = {key(m.context or "", m.id): m.string for m in found if m.id}
    assert texts == MESSAGES, HOW
    assert not any(message.fuzzy for message in found if message.id)


def test_every_message_comes_out_filled_in():
    for template in TEMPLATES:
        check(chinese(), template, list("甲乙丙丁戊己庚辛壬"), 12)


def test_names_with_blanks_stay_as_they_are():
    for template in TEMPLATES:
        # Two values beside each other can be cut in several ways; beside one word a value is one.
        if "} {" not in template and not is_short(parse(template)[0]):
            check(chinese(), template, [f"猫 Q{i}x.png" for i in range(9)], 12)


@pytest.mark.parametrize(
    ("prefix", "said"), [("error: ", "错误："), ("warning: ", "警告："), ("note: ", "注意：")]
)
def test_an_error_or_a_note_comes_out_as_its_message_does(prefix, said):
    values = dict(zip("0123456789", "甲乙丙丁戊己庚辛壬癸", strict=True))
    english = {}
    for template in TEMPLATES:
        text = template.format(*values.values(), n=12)
        if not text.startswith(PREFIXES) and "  " not in text:
            whole, alone = chinese().line(prefix + text), chinese().line(text)
            if whole != said + alone:
                english[whole] = alone
    assert not english


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(TEMPLATES),
    st.lists(st.text("甲乙/_.:-0123456789'", min_size=1), min_size=9, max_size=9),
    st.integers(0, 10**6),
)
@example("{0}: was {1}, is {2}", ["a", "b"] * 5, 1)
def test_every_message_comes_out_with_any_values(template, values, number):
    check(chinese(), template, values, number)


def check(catalogue: Catalogue, template: str, values: list[str], number: int) -> None:
    text = template.format(*values, n=number)
    given = {str(i): Reading(0, value) for i, value in enumerate(values)}
    expected = filled(MESSAGES[template], {**given, "n": Reading(0, str(number))})
    assert catalogue.line(text).strip() == expected.strip()


# What counts as a message


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ('raise UserError(f"{path}: no such file{hint}")', {"{0}: no such file{1}"}),
        ('f"{a}: {b!r} is {c:.2f} of {{x}}"', {"{0}: {1} is {2} of {{x}}"}),
        ('log.warning("%d of %s: left out, 5%%", 1, 2)', {"{0} of {1}: left out, 5%"}),
        ('tell("done" if x else f"{n} left to do")', {"done", "{0} left to do"}),
        ("f\"it {'is' if x else 'is not'} there\"", {"it is there", "it is not there"}),
        ('say("first line here\\n  second line")', {"first line here", "second line"}),
        ('add("--x", help="what it " + "does")', {"what it does"}),
        ('option(1, "Data", "share of images")', {"Data", "share of images"}),
        ('counted(n, "image")', {"{n} image", "{n} images"}),
        ('counted(n, "class", "classes")', {"{n} class", "{n} classes"}),
        ('WORDS = {"some key words": "{file} is read as {it}"}', {"{0} is read as {1}"}),
        ('axes.set_title("Accuracy")', {"Accuracy"}),
        ('f"{a} (otherwise {b})"', {"{0} (otherwise {1})"}),
        # No messages: documentation, keys, names, paths, options.
        ('def f():\n    """Returns the number of images."""', set()),
        ('x["some key words"]', set()),
        ('name = "train"', set()),
        ('path / f"{name}.png"', set()),
        ('re.compile("a b c d")', set()),
        ('add_argument("--batch-size")', set()),
    ],
)
def test_messages_are_found_in_the_code(code, expected):
    assert of_module(code) == expected


def test_what_stays_as_it_is_stands_in_the_code():
    code = set().union(*translations.NOT_MESSAGES.values())
    found = set(messages())
    assert code <= found, code - found


def test_messages_are_told_and_not_printed():
    """Only `tell` speaks the user's language; JSON and scripts for shells are no messages."""
    allowed = {"json.dumps", "completion", "line"}
    printed = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in (ROOT / "paddle_aug").rglob("*.py")
        if path.parent.name != "language"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
        and ast.unparse(node.args[0]).partition("(")[0] not in allowed
    ]  # fmt: skip
    assert not printed
