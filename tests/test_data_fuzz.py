"""Whatever a list, table, IDX, CIFAR or .npz file holds: only our own error comes out."""

import gzip
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddle_aug.data_binary import read_cifar, read_idx, read_npz
from paddle_aug.data_lists import read_csv, read_list
from paddle_aug.errors import UserError
from tests.data_sets import load, make_folder, write_lists


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path)


# PADDLE_AUG_FUZZ=10000 turns these into a soak.
FUZZ = settings(
    max_examples=int(os.environ.get("PADDLE_AUG_FUZZ", "40")),
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
LINES = st.lists(
    st.sampled_from(["a/0.png 0", "b/3.png 1", "../x 0", "\t", "# c", "a/0.png", "/a 0", "\ufeff"])
    | st.text(max_size=12),
    max_size=6,
).map("\n".join)


@FUZZ
@given(LINES.map(lambda text: text.encode("utf-8", "surrogatepass")) | st.binary(max_size=80))
def test_any_list_is_read_or_refused_by_our_own_error(folder, data):
    write_lists(folder, data)
    try:
        assert len(read_list(folder / "Train.txt")) > 0
        load(folder)
    except UserError as error:
        assert "Train.txt" in str(error) or "Eval.txt" in str(error)


@FUZZ
@given(st.text(max_size=80).map(str.encode) | st.binary(max_size=80), st.booleans())
def test_any_table_is_read_or_refused_by_our_own_error(folder, data, with_header):
    (folder / "train.csv").write_bytes((b"image,label\n" if with_header else b"") + data)
    try:
        assert len(read_csv(folder / "train.csv")) > 0
        load(folder)
    except UserError as error:
        assert "train.csv" in str(error)


@FUZZ
@given(
    st.binary(max_size=60),
    st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03", b"\x1f\x8b\x08\0"]),
)
def test_any_idx_file_is_read_or_refused_by_our_own_error(tmp_path, data, start):
    path = tmp_path / "x"
    for content in (start + data, gzip.compress(start + data)):
        path.write_bytes(content)
        try:
            assert read_idx(path).dtype == np.uint8
        except UserError as error:
            assert str(path) in str(error)


@FUZZ
@given(st.integers(0, 7000), st.sampled_from([10, 100]), st.integers(0, 255))
def test_any_cifar_file_is_read_or_refused_by_our_own_error(tmp_path, size, classes, value):
    (tmp_path / "x").write_bytes(bytes([value]) * size)
    record = {10: 3073, 100: 3074}[classes]
    try:
        images, _ = read_cifar(tmp_path / "x", classes)
    except UserError:
        assert size == 0 or size % record or value >= classes
    else:
        assert len(images) * record == size


def _npz_sample(folder):
    images = np.zeros((2, 3, 3), np.uint8)
    np.savez(folder / "x.npz", x_train=images, y_train=[0, 1], x_test=images, y_test=[0, 1])
    return (folder / "x.npz").read_bytes()


@FUZZ
@given(st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), max_size=4), st.floats(0, 1))
def test_any_npz_file_is_read_or_refused_by_our_own_error(tmp_path, changes, keep):
    broken = bytearray(_npz_sample(tmp_path))
    for place, value in changes:
        broken[int(place * len(broken))] = value
    (tmp_path / "x.npz").write_bytes(bytes(broken[: int(len(broken) * keep) + 1]))
    try:
        assert len(read_npz(tmp_path / "x.npz")) == 2
    except UserError as error:
        assert "x.npz" in str(error)
