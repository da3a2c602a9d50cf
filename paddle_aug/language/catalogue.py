"""Chinese for lines of English: each is a message of the code, or one with values filled in.

The catalogue has messages with `{0}`, `{1}`, ... where the code fills something in, and `{n}` for a
number. A line is compared with them, and its values are put into the translation, which may have
them in another order. Values are translated too where they are messages themselves.
"""

import functools
import gettext
import itertools
import re
import string
from pathlib import Path
from typing import Any, NamedTuple

LOCALE = Path(__file__).parent.parent / "locale"
DOMAIN = "paddle_aug"
VALUE = "value\x04"  # gettext's context of single words that are translated as values

_WORD = re.compile(r"[A-Za-z]{2,}")
_COLUMNS = re.compile(r"(  +)")
_REMARK = re.compile(r"(.+) (\(.+\))")
_SENTENCES = re.compile(r"(?<=[.:]) (?=[A-Z])")
# What joins messages to a line, and what joins their translations.
_JOINTS = (
    (re.compile("; "), "；"),
    (_SENTENCES, ""),
    (re.compile(": "), "："),
    (re.compile(r", (?![^(]*\))"), "，"),  # none in brackets
)
_WIDE = "[\u3000-\u9fff\uff00-\uffef]"
_BETWEEN_CHINESE = re.compile(f"(?<={_WIDE}) (?={_WIDE})")
# A line that begins so is a message that begins so.
_PREFIXES = ("error: ", "warning: ", "note: ", "problem: ")


@functools.cache
def chinese() -> "Catalogue":
    """The catalogue of Chinese messages, read when it is first needed."""
    return Catalogue(chinese_messages())


def chinese_messages() -> dict[str, str]:
    """All messages and their Chinese, those of the context "value" with VALUE before them."""
    path = LOCALE / "zh" / "LC_MESSAGES" / f"{DOMAIN}.mo"
    with path.open("rb") as file:
        translations = gettext.GNUTranslations(file)
    # gettext has no public way to list the messages.
    messages: dict[Any, Any] = vars(translations)["_catalog"]
    return {key: text for key, text in messages.items() if key}


class Known(NamedTuple):
    """A translation, and the number of letters of the English that it accounts for."""

    letters: int
    text: str


class Catalogue:
    """Messages and their translations."""

    def __init__(self, messages: dict[str, str]):
        self.exact: dict[str, str] = {}
        # Templates by their longest word: only those with a word of the text are tried on it.
        self.templates: dict[str, list[tuple[str, str]]] = {}
        for message, translation in messages.items():
            texts, fields = parse(message)
            if not fields:
                self.exact[texts[0]] = translation.format()
            elif words := _WORD.findall(" ".join(texts)):
                longest = max(words, key=len)
                self.templates.setdefault(longest, []).append((message, translation))

    def line(self, text: str) -> str:
        """One line in Chinese; blanks around it stay, and so does what is not known."""
        bare = text.strip()
        if not _WORD.search(bare):
            return text
        start = text.index(bare)
        said = self.exact.get(f"{VALUE}{bare}") or self._message(bare)
        return text[:start] + said + text[start + len(bare) :]

    def _message(self, text: str) -> str:
        ways = filter(None, (self._known(text), self._with_remark(text)))
        found = max(ways, key=lambda known: known.letters, default=None)
        # Where a message is known as "error: {0}" only, the sentences are those of what follows.
        only_prefix = found is not None and found.letters <= len(_prefix(text))
        if not only_prefix and (said := self._sentences(text)):
            return said
        if found:
            return found.text
        if "  " in text:  # a row of a table
            return "".join(map(self._value, _COLUMNS.split(text)))
        return self._joined(text)

    def _known(self, text: str) -> Known | None:
        """A message of the catalogue: as it stands there, or the template that fits best."""
        if said := self.exact.get(text):
            return Known(len(text), said)
        start = _prefix(text)
        fitting = [
            fitted
            for word in set(_WORD.findall(text))
            for message, translation in self.templates.get(word, ())
            if message.startswith(start) and (fitted := _fit(message, translation, text))
        ]
        if not fitting:
            return None
        letters, translation, values = max(fitting, key=lambda fitted: fitted[0])
        number = values.pop("n", "")
        words = _word_fields(translation)
        filled = (
            self._value(value) if name in words else self._name(value)
            for name, value in values.items()
        )
        said = translation.format(*filled, n=number)
        return Known(letters, _BETWEEN_CHINESE.sub("", said))

    def _value(self, text: str) -> str:
        """What was filled in where the code has words of its own: one of them, or a message."""
        return self.exact.get(f"{VALUE}{text.strip()}") or self._name(text)

    def _name(self, text: str) -> str:
        """What was filled in: a message, or anything else, such as a name, which stays."""
        return self.line(text) if " " in text.strip() else text

    def _sentences(self, text: str) -> str | None:
        """Several sentences; None where one of them is no message."""
        parts = _SENTENCES.split(text)
        said = [self._known(part) for part in parts] if len(parts) > 1 else []
        return "".join(each.text for each in said if each) if said and all(said) else None

    def _with_remark(self, text: str) -> Known | None:
        """A message with another one in brackets after it; None where one of them is none."""
        if not (match := _REMARK.fullmatch(text)) or not (head := self._known(match[1])):
            return None
        if head.letters <= len(_prefix(text)):  # the remark belongs to what follows "note: "
            return None
        # Of the head's letters alone: a message whose last value ends in brackets fits as well.
        if whole := self._known(match[2]):
            return Known(head.letters, head.text + whole.text)
        return Known(head.letters, f"{head.text}（{self._message(match[2][1:-1])}）")

    def _joined(self, text: str) -> str:
        """Messages side by side, with semicolons, points, colons or commas between them."""
        for separator, joint in _JOINTS:
            parts = separator.split(text)
            said = [self._message(part) for part in parts] if len(parts) > 1 else parts
            changed = [a != b for a, b in zip(said, parts, strict=True)]
            # Commas also stand in lists of names.
            if all(changed) if joint == "，" else any(changed):
                return joint.join(said)
        return text


def _prefix(text: str) -> str:
    """ "error: " and the like at a line's start; else nothing."""
    return next(filter(text.startswith, _PREFIXES), "")


@functools.cache
def _word_fields(translation: str) -> frozenset[str]:
    """The fields of a translation that may hold single words to be translated: `{0!s}`."""
    parsed = string.Formatter().parse(translation)
    return frozenset(field for _, field, _, mark in parsed if field and mark == "s")


def parse(message: str) -> tuple[list[str], list[str]]:
    """The texts of a message between its fields, one more than there are fields; the fields."""
    texts, fields = [""], []
    for literal, field, _, _ in string.Formatter().parse(message):
        texts[-1] += literal
        if field is not None:
            fields.append(field)
            texts.append("")
    return texts, fields


def _fit(message: str, translation: str, text: str) -> tuple[int, str, dict[str, str]] | None:
    """How many letters of the text a template accounts for, and the values; None: does not fit."""
    pattern, fields, letters = _pattern(message)
    match = pattern.fullmatch(text) or _pattern(message, _ANY)[0].fullmatch(text)
    # Columns of a table are no value of a sentence.
    if not match or any("  " in value for value in match.groups()):
        return None
    return letters, translation, dict(zip(fields, match.groups(), strict=True))


_BALANCED = r"((?:[^()]|\([^()]*\))*?)"  # a value closes the brackets that it opens
_ANY = "(.*?)"


@functools.cache
def _pattern(message: str, value: str = _BALANCED) -> tuple[re.Pattern[str], list[str], int]:
    texts, fields = parse(message)
    # Beside a single word, as in "{0} of {1}", a value is one word or a counted one ("3 images"):
    # else much would fit.
    short = re.fullmatch(r" [a-z]+ ?", "".join(texts)) and not texts[0]
    value = r"((?:[\d.,]+ )?\S+)" if short else value
    values = [r"([\d.,]+)" if field == "n" else value for field in fields]
    pairs = zip(map(re.escape, texts), [*values, ""], strict=True)
    return re.compile("".join(itertools.chain(*pairs))), fields, sum(map(len, texts))
