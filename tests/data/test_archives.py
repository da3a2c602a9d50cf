"""Archives are unpacked once, whole, and never outside their folder."""

import io
import json
import os
import stat
import struct
import tarfile
import time
import zipfile
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_aug.core import safe_files
from paddle_aug.core.errors import UserError
from paddle_aug.data.archives import members as archives
from paddle_aug.data.archives.members import extract, file_names, is_archive
from paddle_aug.data.archives.unpacked import concluded_encoding, unpack
from tests.data_sets import raw_zip


def make_zip(path, members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members:
            archive.writestr(name, data)
    return path


def make_tar(path, members, mode="w:gz"):
    with tarfile.open(path, mode) as archive:
        for name, data in members:
            info = tarfile.TarInfo(name) if isinstance(name, str) else name
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))
    return path


def content(folder):
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith(".paddle_aug")
    }


MEMBERS = [("a/1.txt", b"one"), ("a/b/2.txt", b"two"), ("3 x.txt", b"")]
CONTENT = {"a/1.txt": b"one", "a/b/2.txt": b"two", "3 x.txt": b""}


def test_zip_is_unpacked_beside_itself(tmp_path):
    folder = unpack(make_zip(tmp_path / "data.zip", MEMBERS))
    assert folder == tmp_path / "data_unpacked"
    assert content(folder) == CONTENT


@pytest.mark.parametrize(
    ("suffix", "mode"), [(".tar", "w"), (".tar.gz", "w:gz"), (".tar.bz2", "w:bz2"),
                         (".tar.xz", "w:xz"), (".tgz", "w:gz")],
)  # fmt: skip
def test_tar_of_every_compression_is_unpacked(tmp_path, suffix, mode):
    path = make_tar(tmp_path / f"data{suffix}", MEMBERS, mode)
    assert is_archive(path)
    folder = unpack(path)
    assert folder.name == "data_unpacked"
    assert content(folder) == CONTENT


def test_a_second_call_uses_what_is_there(tmp_path):
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    (unpack(path) / "mine.txt").write_text("kept")
    assert content(unpack(path))["mine.txt"] == b"kept"


def test_a_changed_archive_is_unpacked_anew(tmp_path):
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    unpack(path)
    make_zip(path, [("new.txt", b"n")])
    os.utime(path, ns=(1, 1))
    assert content(unpack(path)) == {"new.txt": b"n"}
    assert [p.name for p in sorted(tmp_path.iterdir())] == ["data.zip", "data_unpacked"]


@pytest.mark.parametrize("locked", [True, False])
def test_what_killed_processes_left_is_removed(tmp_path, monkeypatch, locked):
    monkeypatch.setenv("PADDLE_AUG_CACHE", str(tmp_path / "cache"))
    if not locked:  # the cache cannot be written: another process may be unpacking
        (tmp_path / "cache").write_text("a file")
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    ours = [f".data_unpacked-{end}/{part}/a/1.txt"
            for end, part in (("a0_bcdef", "new"), ("12345678", "old"))]  # fmt: skip
    others = [".data_unpacked-mine/new/1.txt", ".data_unpacked-abcdefgh/notes/1.txt",
              ".data_unpacked-abcdefg.h/new/1.txt", ".other_unpacked-abcdefgh/new/1.txt",
              "data_unpacked-abcdefgh/new/1.txt",
              fresh := ".data_unpacked-87654321/new/a/1.txt"]  # fmt: skip
    for name in (*ours, *others):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("left")
        if name != fresh:
            two_days_ago = time.time() - 2 * 24 * 3600
            os.utime(tmp_path / name.partition("/")[0], (two_days_ago, two_days_ago))
    assert content(unpack(path)) == CONTENT
    assert [(tmp_path / name).exists() for name in ours] == [not locked] * 2
    assert [(tmp_path / name).parents[1].exists() for name in ours] == [not locked] * 2
    assert all((tmp_path / name).exists() for name in others)


@pytest.mark.parametrize("how", ["added", "changed", "added with an old time"])
def test_what_the_user_put_into_an_unpacked_folder_is_not_replaced(tmp_path, how):
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    folder = unpack(path)
    name = sorted(content(folder))[0] if how == "changed" else "mine.txt"
    time.sleep(0.02)  # beyond the clock's step of a file system
    (folder / name).write_bytes(b"my own work")
    if how == "added with an old time":
        os.utime(folder / name, (1, 1))
    make_zip(path, [("new.txt", b"n")])
    os.utime(path, ns=(1, 1))
    with pytest.raises(UserError, match=rf"has changed since .* and so has {name} in it"):
        unpack(path)
    assert (folder / name).read_bytes() == b"my own work"


def test_a_folder_of_the_users_own_is_not_touched(tmp_path):
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    (tmp_path / "data_unpacked").mkdir()
    (tmp_path / "data_unpacked" / "mine.txt").write_text("kept")
    with pytest.raises(UserError, match=r"was not unpacked from data\.zip"):
        unpack(path)
    assert (tmp_path / "data_unpacked" / "mine.txt").read_text() == "kept"


def test_a_read_only_place_leads_to_the_cache_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("PADDLE_AUG_CACHE", str(tmp_path / "cache"))
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    monkeypatch.setattr(os, "access", lambda *_: False)
    folder = unpack(path)
    assert folder.parent == tmp_path / "cache" / "unpacked"
    assert content(folder) == CONTENT
    assert unpack(path) == folder


def test_shadow_files_of_macos_are_left_out(tmp_path):
    path = make_zip(tmp_path / "data.zip", [("__MACOSX/a/._1.jpg", b"x"), ("a/1.jpg", b"y")])
    assert content(unpack(path)) == {"a/1.jpg": b"y"}


OUTWARD = ["../evil.txt", "a/../../evil.txt", "/evil.txt", "..\\evil.txt", "C:\\evil.txt",
           "C:evil.txt", "\\\\host\\share\\evil.txt"]  # fmt: skip


@pytest.mark.parametrize("name", OUTWARD)
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_member_that_leads_outside_is_refused_and_nothing_stays(tmp_path, make, name):
    inner = tmp_path / "inner"
    inner.mkdir()
    path = make(inner / ("d.zip" if make is make_zip else "d.tar.gz"), [("ok", b"1"), (name, b"2")])
    with pytest.raises(UserError, match="leads outside"):
        unpack(path)
    assert list(inner.iterdir()) == [path]
    assert list(tmp_path.iterdir()) == [inner]


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE]
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    info = tarfile.TarInfo("link")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(UserError, match="'link' is a link, device"):
        unpack(make_tar(tmp_path / "data.tar", [(info, b"")], "w"))


def test_a_link_in_a_zip_is_refused(tmp_path):
    info = zipfile.ZipInfo("link")
    info.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = make_zip(tmp_path / "data.zip", [(info, "/etc/passwd")])
    with pytest.raises(UserError, match="'link' is a link"):
        unpack(path)
    assert [p.name for p in tmp_path.iterdir()] == ["data.zip"]


@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_a_bomb_is_stopped_by_what_comes_out(tmp_path, monkeypatch, make):
    monkeypatch.setattr(safe_files, "RATIO_FREE_BYTES", 1 << 16)
    name = "bomb.zip" if make is make_zip else "bomb.tar.gz"
    path = make(tmp_path / name, [("zeros", bytes(8 << 20))])
    with pytest.raises(UserError, match=f"{name}: refused, unpacks to far more"):
        unpack(path)
    assert [p.name for p in tmp_path.iterdir()] == [name]


def test_the_total_and_the_number_of_members_are_bounded(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "data.zip", MEMBERS)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 2)
    with pytest.raises(UserError, match="more than 2 members"):
        unpack(path)
    monkeypatch.setattr(archives, "MAX_MEMBERS", 3)
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 5)
    with pytest.raises(UserError, match="unpacks to more than 5 bytes"):
        unpack(path)
    monkeypatch.setattr(archives, "MAX_TOTAL_BYTES", 6)
    assert content(unpack(path)) == CONTENT


def test_two_members_of_one_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="two members have one name"):
        unpack(make_tar(tmp_path / "data.tar", [("a", b"1"), ("a", b"2")], "w"))
    with pytest.raises(UserError, match="two members have one name"):
        unpack(make_tar(tmp_path / "data2.tar", [("a", b"1"), ("a/b", b"2")], "w"))


def test_an_encrypted_zip_is_refused(tmp_path):
    path = make_zip(tmp_path / "data.zip", [("a", b"1234")])
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\1\2") + 8] |= 1
    path.write_bytes(bytes(data))
    with pytest.raises(UserError, match="encrypted"):
        unpack(path)


def test_a_full_disk_is_an_error_of_ours_and_leaves_nothing(tmp_path, monkeypatch):
    path = make_zip(tmp_path / "data.zip", MEMBERS)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(archives, "_write", full)
    with pytest.raises(UserError, match="No space left on device"):
        unpack(path)
    assert [p.name for p in tmp_path.iterdir()] == ["data.zip"]


@settings(max_examples=int(os.environ.get("PADDLE_AUG_FUZZ", "40")), deadline=None)
@given(st.sampled_from([".zip", ".tar", ".tar.gz", ".tar.xz"]), st.data())
def test_broken_archives_raise_only_our_own_error(tmp_path_factory, suffix, data):
    folder = tmp_path_factory.mktemp("broken")
    path = folder / f"d{suffix}"
    if suffix == ".zip":
        make_zip(path, MEMBERS)
    else:
        make_tar(path, MEMBERS, {".tar": "w", ".tar.gz": "w:gz", ".tar.xz": "w:xz"}[suffix])
    broken = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        broken[data.draw(st.integers(0, min(len(broken), 2000) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(bytes(broken[: data.draw(st.integers(0, len(broken)))]))
    start = time.monotonic()
    try:
        extract(path, folder / "out")
    except UserError:
        assert not (folder / "out").exists()
    assert time.monotonic() - start < 30


def test_a_member_without_a_name_is_refused(tmp_path):
    path = make_zip(tmp_path / "data.zip", [("name", b"1")])
    content = path.read_bytes().replace(b"name", b"\0ame")
    path.write_bytes(content)
    with pytest.raises(UserError, match="a member without a name"):
        unpack(path)


@pytest.mark.parametrize(("make", "name"), [(make_zip, "d.zip"), (make_tar, "d.tar.gz")])
def test_names_are_listed_in_order_and_only_wanted_files_are_unpacked(tmp_path, make, name):
    path = make(tmp_path / name, MEMBERS)
    assert file_names(path) == ["a/1.txt", "a/b/2.txt", "3 x.txt"]
    assert list(tmp_path.iterdir()) == [path]
    extract(path, tmp_path / "out", {"a/b/2.txt": "two/2.txt", "3 x.txt": "3.txt"})
    assert content(tmp_path / "out") == {"two/2.txt": b"two", "3.txt": b""}
    with pytest.raises(UserError, match=r"lacks no\.txt"):
        extract(path, tmp_path / "other", {"a/1.txt": "1.txt", "no.txt": "2.txt"})
    assert not (tmp_path / "other").exists()


def test_listing_the_names_finds_a_member_that_is_cut_or_changed_or_leads_outside(tmp_path):
    whole = make_tar(tmp_path / "whole.tar", [("a", b"1" * 2000), ("b", b"2" * 2000)], "w")
    cut = tmp_path / "cut.tar"
    cut.write_bytes(whole.read_bytes()[:4000])  # in the content of b
    changed = tmp_path / "changed.zip"
    with zipfile.ZipFile(changed, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a", b"11111111")
    changed.write_bytes(changed.read_bytes().replace(b"11111111", b"11121111"))
    outside = make_tar(tmp_path / "outside.tar", [("../a", b"1")], "w")
    for path, reason in ((cut, "damaged"), (changed, "damaged"), (outside, "leads outside")):
        with pytest.raises(UserError, match=reason):
            file_names(path)


CHINESE = {"数据/圆盘/1.png": b"1", "数据/方块/名字.png": b"2", "plain.txt": b"3"}


@pytest.mark.parametrize(
    ("codec", "concluded"), [("utf-8", None), ("gbk", ("GBK", ["数据", "圆盘", "方块"]))]
)  # fmt: skip
def test_names_without_a_stated_encoding_are_read_as_macos_and_windows_write_them(
    tmp_path, codec, concluded
):
    members = [(name.encode(codec), data) for name, data in CHINESE.items()]
    folder = unpack(raw_zip(tmp_path / "d.zip", members))
    assert content(folder) == CHINESE
    assert concluded_encoding(folder) == concluded
    assert unpack(tmp_path / "d.zip") == folder  # as it is there already


def test_the_encoding_of_names_can_be_said_and_is_asked_for_where_it_cannot_be_told(tmp_path):
    path = raw_zip(tmp_path / "d.zip", [("Übung/größer.txt".encode("cp437"), b"1")])
    with pytest.raises(UserError, match=r"d.zip: the names in it, such as b'.*neither UTF-8 nor GBK"
                       r" as far as can be told: name their encoding with --encoding"):  # fmt: skip
        unpack(path)
    assert content(unpack(path, "cp437")) == {"Übung/größer.txt": b"1"}
    # Another encoding is another content: the folder is made anew.
    assert content(unpack(path, "latin-1")) == {"\x9abung/gr\x94\xe1er.txt": b"1"}
    with pytest.raises(UserError, match="neither UTF-8 nor shift_jis"):
        unpack(raw_zip(tmp_path / "e.zip", [(b"\xff\xff", b"1")]), "shift_jis")


def test_a_folder_that_an_older_version_unpacked_with_wrong_names_is_made_anew(tmp_path):
    path = raw_zip(tmp_path / "d.zip", [("圆盘/1.txt".encode("gbk"), b"1")])
    folder = unpack(path)
    mark = folder / ".paddle_aug_unpacked.json"
    old = {k: v for k, v in json.loads(mark.read_text()).items() if k in ("size", "mtime_ns")}
    mark.write_text(json.dumps(old))
    (folder / "圆盘").rename(folder / "╘▓┼╠")
    assert content(unpack(path)) == {"圆盘/1.txt": b"1"}


def test_stated_names_and_others_may_stand_side_by_side(tmp_path):
    with zipfile.ZipFile(tmp_path / "u.zip", "w") as archive:
        archive.writestr("圆盘/1.txt", b"1")  # with the flag
    assert content(unpack(tmp_path / "u.zip")) == {"圆盘/1.txt": b"1"}
    assert concluded_encoding(unpack(tmp_path / "u.zip")) is None
    raw = "方块/2.txt".encode("gbk")
    path = make_zip(tmp_path / "d.zip", [("圆盘/1.txt", b"1"), ("~" * len(raw), b"2")])
    path.write_bytes(path.read_bytes().replace(b"~" * len(raw), raw))
    assert content(unpack(path)) == {"圆盘/1.txt": b"1", "方块/2.txt": b"2"}


@pytest.mark.parametrize("fits", [True, False])
def test_a_name_in_unicode_beside_the_other_one_is_taken_where_it_belongs_to_it(tmp_path, fits):
    raw = "圆盘/1.txt".encode("gbk")
    crc = zlib.crc32(raw if fits else b"another name")
    name = "圆盘é/1.txt".encode()
    extra = struct.pack("<HHBL", 0x7075, 5 + len(name), 1, crc) + name
    info = zipfile.ZipInfo("~" * len(raw))
    info.extra = struct.pack("<HH", 0x5455, 0) + extra  # after another field
    with zipfile.ZipFile(tmp_path / "d.zip", "w") as archive:
        archive.writestr(info, b"1")
    path = tmp_path / "d.zip"
    path.write_bytes(path.read_bytes().replace(b"~" * len(raw), raw))
    expected = "圆盘é/1.txt" if fits else "圆盘/1.txt"
    assert content(unpack(path)) == {expected: b"1"}


def test_a_backslash_byte_inside_a_chinese_character_is_no_folder(tmp_path):
    name = "誠實常用汉字常用汉字常用汉字常用汉字/1.txt"
    assert b"\\" in name.encode("gbk")
    path = raw_zip(tmp_path / "d.zip", [(name.encode("gbk"), b"1")])
    assert content(unpack(path, "gbk")) == {name: b"1"}


@pytest.mark.parametrize(
    "name",
    ["__MACOSX", ".DS_Store", "Thumbs.db", "THUMBS.DB", ".ipynb_checkpoints", "desktop.ini",
     "@eaDir", ".hidden"],
)  # fmt: skip
@pytest.mark.parametrize("make", [make_zip, make_tar])
def test_what_systems_leave_behind_is_not_unpacked(tmp_path, make, name):
    path = tmp_path / ("d.zip" if make is make_zip else "d.tar.gz")
    folder = unpack(make(path, [(f"a/{name}/1.png", b"x"), (f"{name}/b", b"x"), ("a/1.png", b"y")]))
    assert content(folder) == {"a/1.png": b"y"}
    assert not (folder / "a" / name).exists()


def test_names_in_a_tar_keep_their_bytes(tmp_path):
    name = os.fsdecode("圆盘/1.txt".encode("gbk"))
    folder = unpack(make_tar(tmp_path / "d.tar", [(name, b"1")], "w"))
    assert [os.fsencode(path.name).decode("gbk") for path in folder.iterdir() if path.is_dir()] == [
        "圆盘"
    ]
