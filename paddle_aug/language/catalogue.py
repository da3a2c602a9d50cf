"""Chinese for lines of English: each is a message of the code, or one with values filled in.

The catalogue has messages with `{0}`, `{1}`, ... where the code fills something in, and `{n}` for a
number. A line is compared with them, and its values are put into the translation, which may have
them in another order. Values are translated too where they are messages themselves.

Several messages often fit, or several side by side ("a: no such file; b: not used"). Of these
readings of a line that one counts which accounts for the most letters of the English.
"""

import functools
import gettext
import itertools
import re
import string
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

LOCALE = Path(__file__).parent.parent / "locale"
DOMAIN = "paddle_aug"
VALUE = "value\x04"  # gettext's context of single words that are translated as values

_WORD = re.compile(r"[A-Za-z]{2,}")
_COLUMNS = re.compile(r"(  +)")
_REMARK = re.compile(r"(.+) (\(.+\))")
_SENTENCES = re.compile(r"(?<=[.:]) (?=[A-Z])")
_SENTENCE_ENDS = re.compile(r"[a-z)][.] [A-Z]")
# What joins messages to a line, and what joins their translations.
_JOINTS = (
    (re.compile("; "), "；"),
    (re.compile(": "), "："),
    (re.compile(r", (?![^(]*\))"), "，"),  # none in brackets
)
_WIDE = re.compile("[\u3000-\u9fff\uff00-\uffef]")
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


class Reading(NamedTuple):
    """One reading of a text: how many letters of the English it accounts for, and the Chinese."""

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
        self._best = functools.lru_cache(10_000)(self._find_best)

    def line(self, text: str) -> str:
        """One line in Chinese; blanks around it stay, and so does what is not known."""
        bare = text.strip()
        if not _WORD.search(bare):
            return text
        start = text.index(bare)
        said = self.exact.get(f"{VALUE}{bare}") or self._best(bare).text
        return text[:start] + said + text[start + len(bare) :]

    def _find_best(self, text: str) -> Reading:
        """The reading that accounts for most letters; the text as it is where there is none."""
        readings = [*self._exactly(text)] or [
            *self._joined(text), *self._fitting(text), *self._with_remark(text),
            *self._sentences(text), *self._without_point(text), *self._row(text), Reading(0, text),
        ]  # fmt: skip
        return _most(readings)

    def _exactly(self, text: str) -> Iterator[Reading]:
        """The text as a message of the catalogue that has no values."""
        if said := self.exact.get(text):
            yield Reading(len(text), said)

    def _fitting(self, text: str) -> Iterator[Reading]:
        """The text as one message of the catalogue with its values."""
        start = _prefix(text)
        fitting = [
            (*fitted, translation)
            for word in dict.fromkeys(_WORD.findall(text))
            for message, translation in self.templates.get(word, ())
            if message.startswith(start) and (fitted := _fit(message, text))
        ]
        # Of equal readings that of the longest message comes first.
        for letters, values, translation in sorted(fitting, key=lambda each: -each[0]):
            words = _word_fields(translation)
            said = {
                name: self._value(value) if name in words else self._name(value)
                for name, value in values.items()
            }
            letters += sum(reading.letters for reading in said.values())
            yield Reading(letters, filled(translation, said))

    def _value(self, text: str) -> Reading:
        """What was filled in where the code has words of its own: one of them, or a message."""
        bare = text.strip()
        if said := self.exact.get(f"{VALUE}{bare}"):
            return Reading(len(bare), text.replace(bare, said))
        return self._name(text)

    def _name(self, text: str) -> Reading:
        """What was filled in: a message, or anything else, such as a name, which stays."""
        bare = text.strip()
        if " " not in bare:
            return Reading(0, text)
        letters, said = self._best(bare)
        return Reading(letters, text.replace(bare, said))

    def _with_remark(self, text: str) -> Iterator[Reading]:
        """A message with another one in brackets after it."""
        if not (match := _REMARK.fullmatch(text)):
            return
        head = self._value(match[1])
        if head.letters <= len(_prefix(text)):  # the remark belongs to what follows "note: "
            return
        letters, inside = self._name(match[2][1:-1])
        remark = _most([Reading(letters, f"（{inside}）"), self._best(match[2])])
        yield Reading(head.letters + remark.letters, head.text + remark.text)

    def _sentences(self, text: str) -> Iterator[Reading]:
        """Several sentences, each a message, or some of them together one."""
        parts = _SENTENCES.split(text)
        if len(parts) == 1:
            return
        ends = [Reading(0, "")]  # of the sentences from a place on, the last first
        for start in reversed(range(len(parts))):
            readings = []
            for end in range(start + 1, len(parts) + 1):
                some = " ".join(parts[start:end])
                alone = [self._best(some)] if end == start + 1 else []
                for own in (*alone, *self._exactly(some), *self._fitting(some)):
                    rest = ends[len(parts) - end]
                    gap = "" if not rest.text or _WIDE.match(own.text[-1]) else " "
                    said = f"{own.text}{gap}{rest.text}"
                    readings.append(Reading(own.letters + rest.letters, said))
            ends.append(_most(readings))
        yield ends[-1]

    def _without_point(self, text: str) -> Iterator[Reading]:
        """A message that a point makes a sentence."""
        if text.endswith(".") and (found := self._best(text[:-1])).letters:
            yield Reading(found.letters, f"{found.text}。")

    def _joined(self, text: str) -> Iterator[Reading]:
        """Messages side by side, with semicolons, colons or commas between them."""
        for separator, joint in _JOINTS:
            parts = separator.split(text)
            if len(parts) > 1:
                said = list(map(self._name, parts))
                # Commas also stand in lists of names.
                known = [reading.letters > 0 for reading in said]
                if all(known) if joint == "，" else any(known):
                    letters = sum(reading.letters for reading in said)
                    yield Reading(letters, joint.join(reading.text for reading in said))

    def _row(self, text: str) -> Iterator[Reading]:
        """A row of a table."""
        if "  " in text:
            cells = list(map(self._value, _COLUMNS.split(text)))
            yield Reading(sum(cell.letters for cell in cells), "".join(cell.text for cell in cells))


def _most(readings: list[Reading]) -> Reading:
    """The reading that accounts for most letters; of equal ones the first."""
    return max(readings, key=lambda reading: reading.letters)


def filled(translation: str, values: dict[str, Reading]) -> str:
    """A translation with its values."""
    said = ""
    for literal, name, _, _ in string.Formatter().parse(translation):
        said = _set_beside(said, literal)
        if name:
            said = _set_beside(said, values[name].text)
    return said


def _set_beside(left: str, right: str) -> str:
    """Two texts in a row, without the blank between them where it stands between two Chinese
    characters: it sets off what is not Chinese."""
    if left.endswith(" ") and _WIDE.match(left[-2:-1]) and _WIDE.match(right):
        return left[:-1] + right
    if right.startswith(" ") and _WIDE.match(left[-1:]) and _WIDE.match(right[1:]):
        return left + right[1:]
    return left + right


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


def _fit(message: str, text: str) -> tuple[int, dict[str, str]] | None:
    """How many letters of the text a template accounts for, and the values; None: does not fit."""
    pattern, fields, letters = _pattern(message)
    match = pattern.fullmatch(text) or _pattern(message, _ANY)[0].fullmatch(text)
    if not match:
        return None
    values = dict(zip(fields, match.groups(), strict=True))
    if letters == len(_prefix(message)):  # "error: {0}": whatever follows
        return letters, values
    # Columns of a table, and what goes on in the next sentence, are no value of a message.
    if any("  " in value.strip() or _SENTENCE_ENDS.search(value) for value in values.values()):
        return None
    return letters, values


def is_short(texts: list[str]) -> bool:
    """Whether a message's texts are a single word behind or between its fields: "{0} of {1}"."""
    return not texts[0] and re.fullmatch(r" [a-z]+ ?", "".join(texts)) is not None


_BALANCED = r"((?:[^()]|\([^()]*\))*?)"  # a value closes the brackets that it opens
_ANY = "(.*?)"


@functools.cache
def _pattern(message: str, value: str = _BALANCED) -> tuple[re.Pattern[str], list[str], int]:
    texts, fields = parse(message)
    # Beside a single word, as in "{0} of {1}", a value is one word, a counted one ("3 images") or
    # a range ("3 to 5 points"): else much would fit.
    value = r"((?:[\d.,+-]+ (?:to )?)*\S+)" if is_short(texts) else value
    values = [r"([\d.,]+)" if field == "n" else value for field in fields]
    pairs = zip(map(re.escape, texts), [*values, ""], strict=True)
    return re.compile("".join(itertools.chain(*pairs))), fields, sum(map(len, texts))
