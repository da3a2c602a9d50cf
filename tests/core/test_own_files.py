"""What this program wrote is told from what lies beside it."""

import errno
import json
import os
import stat
import tracemalloc
from pathlib import Path

import pytest

from paddle_aug.core.atomic import atomic_write, write_text, write_together
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders import own_files
from paddle_aug.core.folders.own_files import (
    changed_since,
    holds_json,
    is_leftover,
    listed,
    refuse_foreign,
    remove_leftovers,
)


def test_leftovers_are_those_of_atomic_write_for_known_names(tmp_path):
    with pytest.raises(ZeroDivisionError), atomic_write(tmp_path / "a.json") as temporary:
        assert is_leftover(temporary.name, lambda name: name == "a.json")
        assert not is_leftover(temporary.name, lambda name: name == "b.json")
        _ = 1 / 0
    for name in (".a.json.tmp", "a.json.5.tmp", ".a.json.x5.tmp"):
        assert not is_leftover(name, lambda name: True)
    for name in (".a.json.5.tmp", ".mine.5.tmp", ".mine.tmp"):
        (tmp_path / name).write_text("half")
    remove_leftovers(tmp_path, lambda name: name == "a.json")
    assert sorted(os.listdir(tmp_path)) == [".mine.5.tmp", ".mine.tmp"]


def test_a_folder_with_files_of_the_same_names_is_refused_unless_it_is_ours(tmp_path):
    refuse_foreign(tmp_path, ["model.json"], is_ours=False, what="an export")
    (tmp_path / "model.json").write_text("mine")
    refuse_foreign(tmp_path, ["model.json"], is_ours=True, what="an export")
    with pytest.raises(UserError, match="is not an export of this program .*: model.json; choose"):
        refuse_foreign(tmp_path, ["a.json", "model.json"], is_ours=False, what="an export")


@pytest.mark.parametrize(
    ("text", "ours"),
    [('{"a": 1, "b": 2}', True), ('{"a": 1}', False), ("[]", False), ("{", False), ("\x80", False)],
)
def test_a_mark_is_a_json_object_with_its_keys(tmp_path, text, ours):
    (tmp_path / "x.json").write_bytes(text.encode("latin-1"))
    assert holds_json(tmp_path / "x.json", "a", "b") is ours
    assert not holds_json(tmp_path / "missing.json")


def test_names_are_listed_up_to_five():
    assert listed(["a", "b"]) == "a, b"
    assert listed(list("abcdefg")) == "a, b, c, d, e and 2 more"


def test_files_are_written_together_or_not_at_all(tmp_path, monkeypatch):
    place = tmp_path / "new"
    write_together(place, {"a": b"\x00\xff", "b": "猫\udcff", "old": "1"})
    assert (place / "a").read_bytes() == b"\x00\xff"
    assert (place / "b").read_bytes() == "猫\\udcff".encode()
    write = Path.write_bytes

    def full(self, data):
        if self.name.startswith(".c."):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(self, data)

    with monkeypatch.context() as patch, pytest.raises(UserError, match="cannot write .*/c: No sp"):
        patch.setattr(Path, "write_bytes", full)
        write_together(place, {"a": b"2", "c": b"2", "d": b"2"}, without=["old"])
    assert sorted(os.listdir(place)) == ["a", "b", "old"]
    assert (place / "a").read_bytes() == b"\x00\xff"


def test_of_files_that_are_written_together_the_first_one_is_replaced_first(tmp_path, monkeypatch):
    replaced = []
    replace = os.replace

    def note(source, target):
        assert not (tmp_path / "old").exists()
        assert (tmp_path / f".c.{os.getpid()}.tmp").exists()  # the last one, too, is written
        replaced.append(Path(target).name)
        replace(source, target)

    (tmp_path / "old").write_text("1")
    monkeypatch.setattr(os, "replace", note)
    write_together(tmp_path, {"a": "1", "b": "2", "c": "3"}, without=["old", "none"])
    assert replaced == ["a", "b", "c"] and sorted(os.listdir(tmp_path)) == ["a", "b", "c"]


def test_what_is_newer_than_a_marker_is_found(tmp_path):
    for name in ("a", "b", "marker"):
        (tmp_path / name).write_text("x")
    assert changed_since(tmp_path, tmp_path / "marker") == []
    status = os.stat(tmp_path / "marker")
    os.utime(tmp_path / "b", ns=(0, status.st_mtime_ns + 1))
    assert changed_since(tmp_path, tmp_path / "marker") == ["b"]


def test_a_device_or_a_pipe_is_never_replaced_by_a_file(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "null").symlink_to("/dev/null")
    for path in (pipe, tmp_path / "null", "/dev/null", "/dev/stdout"):
        with pytest.raises(UserError, match="a device or a pipe cannot be replaced"):
            write_text(path, "x")
    assert stat.S_ISFIFO(pipe.stat().st_mode) and os.path.islink(tmp_path / "null")
    assert not os.path.isfile("/dev/null")


@pytest.mark.parametrize("kind", own_files._MARKS)
def test_a_folder_has_the_mark_of_its_kind_alone(tmp_path, kind):
    name, keys = own_files._MARKS[kind]
    (tmp_path / name).write_text(json.dumps(dict.fromkeys(keys)), encoding="utf-8")
    assert [other for other in own_files._MARKS if own_files.has_mark(tmp_path, other)] == [kind]
    assert own_files.has_mark(tmp_path)
    (tmp_path / name).write_text(json.dumps(dict.fromkeys(keys[1:])), encoding="utf-8")
    assert not own_files.has_mark(tmp_path)


def test_a_large_file_of_a_marks_name_costs_no_more_than_itself(tmp_path, monkeypatch):
    (tmp_path / "environment.json").write_text('{"a": [' + "[]," * 300_000 + "[]]}")
    tracemalloc.start()
    assert not own_files.has_mark(tmp_path)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4e6  # parsed it takes 20 MB
    # In any folder no large file is read; in one that was named, an evaluation's matrix may be.
    monkeypatch.setattr(own_files, "JSON_LIMIT", 1000)
    mark = json.dumps({"classes": [], "confusion": [[0] * 1000], "top1": 1})
    (tmp_path / "evaluation.json").write_text(mark)
    assert own_files.has_mark(tmp_path, "evaluation") and not own_files.has_mark(tmp_path)
