"""Files from anywhere: read whole, within limits, or refused with the reason; nothing is waited
for."""

import io
import json
import os
import re
import tracemalloc
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

from paddle_aug.commands.suite_conditions import _conditions_of
from paddle_aug.core import safe_files
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.own_files import has_mark
from paddle_aug.core.safe_files import open_npz, read_bytes, read_json, read_npy_header
from paddle_aug.data.archives.members import MARKER
from paddle_aug.data.archives.unpacked import concluded_encoding
from paddle_aug.data.cache_store import list_entries, open_entry
from paddle_aug.evaluation.results import refuse_other_evaluation
from paddle_aug.export.folder import read_description
from paddle_aug.prediction.models import _read_export
from paddle_aug.report.found_runs import _of_suite
from paddle_aug.runs.environment import recorded_threads
from paddle_aug.runs.ownership import _first_start
from paddle_aug.runs.predictions import evaluation_figures
from paddle_aug.runs.reading import read_run
from tests.run_folders import write_run

DEEP = b"[" * 99_999


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b'{"a": 1', r"not JSON, or damaged \(Expecting ',' delimiter: line 1 column 8"),
        (b"", r"not JSON, or damaged \(Expecting value"),
        (DEEP, r"not JSON, or damaged \(maximum recursion depth"),
        (b'{"a": ' * 99_999, r"not JSON, or damaged \(maximum recursion depth"),
        (b'{"a": ' + b"1" * 5000 + b"}", r"not JSON, or damaged \(Exceeds the limit"),
        (b"[1]", "holds JSON, but no object"),
        (b'{"a": "\xe9"}', "1: not UTF-8 text"),
        (b'{"a": 1}' + b" " * 100, "108 bytes, the limit is 100"),
    ],
)
def test_json_that_is_none_is_one_line(tmp_path, content, reason):
    (tmp_path / "a.json").write_bytes(content)
    limit = 100 if len(content) == 108 else safe_files.JSON_LIMIT
    with pytest.raises(UserError, match=rf"a\.json:( )?{reason}") as caught:
        read_json(tmp_path / "a.json", limit)
    assert "\n" not in str(caught.value)


def test_json_of_every_origin_is_read(tmp_path):
    values = {"猫": [1, 2.5, None, True, {"b": "\udcff"}]}
    (tmp_path / "a.json").write_text(json.dumps(values))
    assert read_json(tmp_path / "a.json") == values
    (tmp_path / "a.json").write_bytes('\ufeff{"猫":\r\n "x"}'.encode())
    assert read_json(tmp_path / "a.json") == {"猫": "x"}
    with pytest.raises(UserError, match=r"none\.json: no such file"):
        read_json(tmp_path / "none.json")


def conditions(folder):
    paths = SimpleNamespace(environment=folder / "environment.json")
    return _conditions_of(SimpleNamespace(paths=paths))


def environment(folder):
    return read_run(folder.parent, folder.name).environment


KEY = "0" * 32
# Every reader of a JSON file, the file's name, and what a damaged one is to it.
READERS = [
    ("environment.json", lambda folder: has_mark(folder, "run"), False),
    ("environment.json", _first_start, None),
    ("environment.json", lambda folder: recorded_threads(folder / "environment.json"), None),
    ("environment.json", environment, {}),
    ("environment.json", conditions, "environment.json: "),
    ("evaluation.json", evaluation_figures, {}),
    ("evaluation.json", lambda folder: refuse_other_evaluation(folder, {"run": "x"}), None),
    ("export.json", read_description, {}),
    ("export.json", lambda folder: _read_export(folder / "export.json"), "export.json: "),
    ("table.json", _of_suite, "table.json: "),
    (MARKER, concluded_encoding, None),
    ("info.json", lambda folder: open_entry(folder.parent, folder.name, (1,)), None),
    ("info.json", lambda folder: list_entries(folder.parent)[0].name, "damaged"),
]


@pytest.mark.parametrize("kind", ["deep", "pipe", "huge"])
@pytest.mark.parametrize(("name", "read", "expected"), READERS)
def test_no_reader_of_json_fails_waits_or_fills_the_memory(tmp_path, name, read, expected, kind):
    folder = tmp_path / KEY
    write_run(tmp_path, KEY)
    (folder / "images.npy").write_bytes(b"")
    if kind == "pipe":
        os.mkfifo(folder / name)
    else:
        (folder / name).write_bytes(DEEP)
    if kind == "huge":
        os.truncate(folder / name, 1 << 41)
    try:
        assert read(folder) == expected
    except UserError as error:
        assert isinstance(expected, str) and re.search(expected, str(error))


@pytest.mark.parametrize("size", [0, 3, 2 << 20])
def test_a_file_is_read_in_pieces_whatever_its_size_and_the_limit(tmp_path, monkeypatch, size):
    path = tmp_path / "a"
    path.write_bytes(content := bytes(range(256)) * (size // 256))
    tracemalloc.start()
    assert read_bytes(path, 1 << 40) == content
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < size + (3 << 20)
    path.write_bytes(bytes(range(256)))
    # It grew since its size was asked: what came is read, too, or refused.
    monkeypatch.setattr(os, "fstat", lambda _: SimpleNamespace(st_size=100))
    assert read_bytes(path, 256) == bytes(range(256))
    with pytest.raises(UserError, match="more than the limit of 255 bytes"):
        read_bytes(path, 255)


def npz(path, **arrays):
    np.savez_compressed(path, **arrays)
    return path


def test_an_npz_is_handed_out_at_its_start(tmp_path):
    path = npz(tmp_path / "a.npz", w=np.arange(3.0))
    with open_npz(path) as file, np.load(file) as arrays:
        assert arrays["w"].tolist() == [0, 1, 2]


def test_an_npz_that_unpacks_to_far_more_than_its_size_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(safe_files, "RATIO_FREE_BYTES", 1 << 16)
    path = npz(tmp_path / "a.npz", w=np.zeros(1_000_000))
    with (
        pytest.raises(UserError, match=r"a\.npz: would take 8,000,\d+ bytes, more than 100 times"),
        open_npz(path),
    ):
        raise AssertionError("it was handed out")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:  # many members, each small
        for number in range(50):
            archive.writestr(f"{number}.npy", bytes(60_000))
    with pytest.raises(UserError, match="would take 3,000,000 bytes"), open_npz(path):
        pass


@pytest.mark.parametrize("error", [KeyError("x"), MemoryError(), RecursionError(), EOFError()])
def test_whatever_goes_wrong_while_an_npz_is_read_is_damage(tmp_path, error):
    with (
        pytest.raises(UserError, match=r"a\.npz: not an \.npz of plain arrays: damaged, or of"),
        open_npz(npz(tmp_path / "a.npz", w=np.zeros(3))),
    ):
        raise error


def header(text, version=b"\1\0"):
    line = text.encode() + b"\n"
    return b"\x93NUMPY" + version + len(line).to_bytes(2, "little") + line


def test_the_header_of_an_array_is_read():
    for array in (np.zeros((2, 3), ">f4"), np.asfortranarray(np.zeros((2, 3), np.uint8)),
                  np.array(5), np.zeros((0, 4))):  # fmt: skip
        file = io.BytesIO()
        np.save(file, array)
        size = file.tell()
        file.seek(0)
        fortran = array.flags.f_contiguous and not array.flags.c_contiguous
        assert read_npy_header(file, size) == (array.shape, fortran, array.dtype)
        assert len(file.read()) == array.nbytes


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (10**15,)}"), "no header"),
        (header(f"{{'descr': '<f8', 'fortran_order': False, 'shape': ({10**15},)}}"),
         "claims .* 8,000,000,000,000,000 bytes"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}"), "claims"),
        (header("{'des\0r': '<f8', 'fortran_order': False, 'shape': (1,)}"), "no header"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,), ("), "no header"),
        (header("{'descr': '<f8', 'fortran_order': False, 'shape': (1,)}", b"\3\0"), "no header"),
        (header("(" * 9000), "no header"),
        (b"", "no header"),
        (b"PK\3\4", "no header"),
    ],
)  # fmt: skip
def test_a_header_that_lies_or_is_damaged_is_a_value_error(content, reason):
    with pytest.raises(ValueError, match=reason):
        read_npy_header(io.BytesIO(content), len(content))
