"""Chinese in pictures: the font of this package, and what stands where no font has a character."""

import warnings
from pathlib import Path

import numpy as np
import pytest
from fontTools.ttLib import TTFont
from matplotlib import font_manager
from PIL import Image

from paddle_aug.report import figure as figures
from paddle_aug.report.figure import can_show, class_labels, font_note, new_figure, save_figure

TITLE = "训练集准确率：猫与狗"
GOLDEN = Path(__file__).parent.parent / "golden" / "chinese_title.png"


@pytest.fixture
def no_font_installed(monkeypatch):
    """A machine without a Chinese font: matplotlib knows its own fonts only."""
    manager = font_manager.fontManager
    own = [entry for entry in manager.ttflist if "mpl-data" in entry.fname]
    monkeypatch.setattr(manager, "ttflist", own)
    figures._cjk_font.cache_clear()
    yield
    figures._cjk_font.cache_clear()


def drawn(text, path):
    """Ink of a text on 320 x 48 pixels: 0 where none is, 255 for black."""
    figure = new_figure(3.2, 0.48)
    figure.text(0.01, 0.25, text, fontsize=18)
    save_figure(figure, path)
    return ink(path)


def ink(path):
    return 255 - np.asarray(Image.open(path).convert("L"), dtype=int)


def test_a_title_is_drawn_as_in_the_stored_picture_without_any_installed_font(
    no_font_installed, tmp_path
):
    title = drawn(TITLE, tmp_path / "title.png")
    # Versions of FreeType smooth edges a little differently: a mean of 5 of 255 grey values.
    assert np.abs(title - ink(GOLDEN)).mean() < 5


def test_every_character_of_a_title_has_ink_of_its_own(no_font_installed, tmp_path):
    unlike = [drawn(character, tmp_path / "a.png") for character in dict.fromkeys(TITLE)]
    font = font_manager.FontProperties(fname=str(figures.OWN_CJK_FONT))
    figure = new_figure(3.2, 0.48)
    figure.text(0.01, 0.25, "\ue000", fontsize=18, font=font)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the box for a missing character
        figure.savefig(tmp_path / "box.png")
    unlike.append(ink(tmp_path / "box.png"))
    for number, one in enumerate(unlike):
        assert (one > 128).sum() > 10
        for other in unlike[:number]:
            assert np.abs(one - other).sum() > 5000


def test_chinese_in_all_kinds_of_pictures_causes_no_warning(no_font_installed, tmp_path):
    for kind in ("png", "svg", "pdf"):
        figure = new_figure(2, 2)
        figure.text(0.1, 0.5, TITLE)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            save_figure(figure, tmp_path / f"a.{kind}")


def test_the_own_font_has_the_characters_of_gb2312_and_its_licence_beside_it():
    ours = TTFont(figures.OWN_CJK_FONT).getBestCmap()
    pairs = (bytes([row, cell]) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    characters = "".join(pair.decode("gb2312", "ignore") for pair in pairs)
    assert len(characters) == 6763
    assert {ord(character) for character in characters + "，。：；！？（）、《》"} <= set(ours)
    licence = (figures.OWN_CJK_FONT.parent / "OFL.txt").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE Version 1.1" in licence and "Adobe" in licence


def test_an_installed_font_comes_first(no_font_installed):
    known = font_manager.fontManager.ttflist
    known.append(font_manager.FontEntry(fname="a file", name="WenQuanYi Micro Hei"))
    assert figures._cjk_font() == ("WenQuanYi Micro Hei", "a file")
    known.pop()
    figures._cjk_font.cache_clear()
    assert figures._cjk_font() == ("Noto Sans SC", str(figures.OWN_CJK_FONT))


def test_class_names_without_a_font_are_shown_by_number():
    unknown = "\U000e0100"  # in no font
    assert not can_show(unknown)
    assert can_show("café ± …")
    assert class_labels(["cat", unknown, "a  very\nlong name of a class"], longest=10) == [
        "cat", "#1", "a very lo…",
    ]  # fmt: skip


def test_names_without_a_font_are_told_once_with_their_numbers():
    unknown = "\U000e0100"  # in no font
    assert font_note(["cat", "café"]) is None
    assert font_note(["cat", f"a\n{unknown}", unknown]) == (
        f"no installed font can write some class names: #1 = a {unknown}, #2 = {unknown}"
    )
    note = font_note([unknown] * 13, "file names")
    assert note.startswith("no installed font can write some file names: #0 = ")
    assert note.endswith(f"#9 = {unknown} and 3 more")


@pytest.mark.parametrize(("installed", "said"), [(False, True), (True, False)])
def test_a_font_with_more_characters_is_named_where_none_is_installed(installed, said, monkeypatch):
    monkeypatch.setattr(figures, "can_show", str.isascii)
    file = "a file" if installed else str(figures.OWN_CJK_FONT)
    monkeypatch.setattr(figures, "_cjk_font", lambda: ("a font", file))
    note = font_note(["狗  狗", "dog"])
    name = "no installed font can write some class names: #0 = 狗 狗"
    assert note == (f"{name} (fonts-noto-cjk has them)" if said else name)


def test_texts_without_a_font_cause_no_warning(tmp_path):
    figure = new_figure(2, 2)
    figure.text(0.1, 0.5, "猫 \U000e0100 cat")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        save_figure(figure, tmp_path / "a.png")
    assert figure.texts[0].get_text() == "猫 ? cat"
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")
