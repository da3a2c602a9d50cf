"""Text and names are read in the encoding they were written in, or refused."""

import os

import pytest

from paddle_aug.core.encodings import (
    check_encoding,
    decode_names,
    decode_text,
    readable,
    spellings,
)
from paddle_aug.core.errors import UserError

CHINESE = "圆盘/1.png 0\n方块/2.png 1\n"


@pytest.mark.parametrize(
    ("codec", "name"),
    [("utf-8", "UTF-8"), ("utf-8-sig", "UTF-8"), ("gbk", "GBK"), ("utf-16", "UTF-16"),
     ("utf-32", "UTF-32")],
)  # fmt: skip
def test_text_is_read_in_its_encoding(codec, name):
    assert decode_text(CHINESE.encode(codec)) == (CHINESE, name)


def test_utf16_of_the_other_byte_order_is_read():
    assert decode_text(b"\xfe\xff" + CHINESE.encode("utf-16-be")) == (CHINESE, "UTF-16")


@pytest.mark.parametrize(
    ("text", "codec"),
    [("café au lait", "latin-1"), ("größe\nbreite", "latin-1"),
     ("Müller\nÜbung\nGröße", "cp437"), ("Fuß größer", "cp1252"),
     ("кошка собака", "cp866"), ("кошка собака", "cp1251"), ("圓盤方塊貓狗飛機", "big5"),
     ("ねこ いぬ 飛行機", "shift_jis")],
)  # fmt: skip
def test_other_encodings_are_not_taken_for_gbk_and_can_be_named(text, codec):
    with pytest.raises(UnicodeDecodeError):
        decode_text(text.encode(codec))
    with pytest.raises(UnicodeDecodeError):
        decode_names([text.encode(codec)])
    assert decode_text(text.encode(codec), codec) == (text, codec)
    assert decode_names([b"a", text.encode(codec)], codec) == (["a", text], codec)


def test_rare_characters_of_gbk_among_common_ones_are_read():
    text = "朱镕基与许多常用的汉字在同一个文件里面"  # the second is in GBK alone
    assert decode_text(text.encode("gbk")) == (text, "GBK")


def test_names_that_belong_together_are_of_one_encoding():
    # 圆 in GBK are the bytes of an Armenian letter in UTF-8: only its neighbours tell.
    assert decode_names([n.encode("gbk") for n in ("圆", "方块", "cat")]) == (
        ["圆", "方块", "cat"], "GBK",
    )  # fmt: skip
    assert decode_names(["圆".encode("gbk")]) == (["Բ"], "UTF-8")
    mixed = ["圆盘".encode(), "方块".encode("gbk"), b"cat"]
    assert decode_names(mixed) == (["圆盘", "方块", "cat"], "GBK")


def test_paths_are_shown_whatever_their_bytes_are():
    gbk = os.fsdecode("数据".encode("gbk"))
    assert readable(f"/data/圆盘/{gbk}/1.png") == "/data/圆盘/数据/1.png"
    assert readable(os.fsdecode(b"caf\xe9.png")) == "caf\\xe9.png"
    for path in ("plain/a.png", "圆盘/é.png"):
        assert readable(path) == path
    readable(f"{gbk}\ud800").encode()  # no path of any disk: still no error


def test_a_path_may_be_spelled_otherwise_on_the_disk():
    assert spellings("a/b.png") == ["a/b.png"]
    assert spellings("é.png")[:2] == ["é.png", "e\u0301.png"]
    assert os.fsdecode("圆盘".encode("gbk")) in spellings("圆盘")


def test_an_unknown_encoding_is_refused_by_name():
    for known in (None, "gbk", "Shift_JIS", "cp437"):
        check_encoding(known)
    for unknown in ("gbkk", "base64", "a\0b"):
        with pytest.raises(UserError, match="encoding: .* is unknown; try gbk"):
            check_encoding(unknown)


@pytest.mark.parametrize("encoding", ["gbk", "GBK", "gb18030", "cp936"])
def test_names_whose_bytes_are_utf8_too_are_read_in_the_encoding_that_is_named(encoding):
    # 猫, 末 and 圆 in GBK are the bytes of Arabic, Hebrew and Armenian letters in UTF-8.
    names = ["猫", "末", "圆", "cat"]
    raw = [name.encode("gbk") for name in names]
    assert decode_names(raw) == ([name.decode() for name in raw], "UTF-8")
    assert decode_names(raw, encoding) == (names, encoding)
    assert decode_names([*raw, "方块".encode("gbk")], encoding)[0] == [*names, "方块"]
    assert decode_text("猫 0\n末 1\n".encode("gbk"), encoding) == ("猫 0\n末 1\n", encoding)


@pytest.mark.parametrize(
    ("names", "encoding"),
    [(["圆盘", "方块", "猫a", "😀", "cat"], "gbk"), (["é", "ü"], "latin-1"), (["é"], "utf8"),
     (["кот", "猫"], "cp1251"), (["a", "cat"], "cp500")],
)  # fmt: skip
def test_an_encoding_that_is_named_leaves_utf8_as_it_is(names, encoding):
    # --encoding may be that of a list beside folders in UTF-8.
    assert decode_names([name.encode() for name in names], encoding) == (names, "UTF-8")
    assert decode_text("\n".join(names).encode(), encoding) == ("\n".join(names), "UTF-8")
