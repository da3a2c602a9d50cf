"""States are exact, whole or refused, and the previous one stays until the next is complete."""

import errno
import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paddle_aug.core import atomic
from paddle_aug.core.errors import UserError
from paddle_aug.runs import checkpoint
from paddle_aug.runs.checkpoint import CheckpointFolder, load_state, save_state
from paddle_aug.runs.layout import state_name, states_in

ARRAYS = {
    "model/w": np.arange(12, dtype=np.float32).reshape(3, 4) / 7,
    "optimizer/step": np.array(5, np.int64),
    "empty": np.zeros((0, 3), np.float32),
    "flags": np.array([True, False]),
}
STATE = {"epoch": 3, "loss": 0.1 + 0.2, "name": "模型"}


def test_a_state_comes_back_bit_for_bit(tmp_path):
    save_state(tmp_path / "a.safetensors", ARRAYS, STATE)
    arrays, state = load_state(tmp_path / "a.safetensors")
    assert state == STATE
    assert arrays.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        assert arrays[name].tobytes() == array.tobytes()


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_any_changed_byte_is_noticed(tmp_path, data):
    path = tmp_path / "a.safetensors"
    save_state(path, ARRAYS, STATE)
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(UserError, match="safetensors"):
        load_state(path)


def test_a_changed_number_in_the_state_is_noticed_though_it_is_still_json(tmp_path):
    path = tmp_path / "a.safetensors"
    save_state(path, ARRAYS, STATE)
    content = path.read_bytes()
    changed = content.replace(b'\\"epoch\\": 3', b'\\"epoch\\": 4')
    assert len(changed) == len(content) and changed != content
    path.write_bytes(changed)
    with pytest.raises(UserError, match="checksum does not agree"):
        load_state(path)


@pytest.mark.parametrize("keep", [0, 1, 7, 100, 400])
def test_a_torn_file_is_refused(tmp_path, keep):
    path = tmp_path / "a.safetensors"
    save_state(path, ARRAYS, STATE)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_state(path)


def test_a_pickle_is_refused_and_not_run(tmp_path):
    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "ran",)

    path = tmp_path / "a.safetensors"
    path.write_bytes(pickle.dumps(Trap()))
    with pytest.raises(UserError, match="not a readable checkpoint"):
        load_state(path)
    assert not (tmp_path / "ran").exists()


def test_the_newest_two_states_are_kept_and_the_newest_is_loaded(tmp_path):
    folder = CheckpointFolder(tmp_path)
    for epoch, step in ((0, 5), (1, 0), (1, 3), (10, 0)):
        folder.save(epoch, step, ARRAYS, {"at": [epoch, step]})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state-00001-000003.safetensors",
        "state-00010-000000.safetensors",
    ]
    assert folder.load_newest()[1] == {"at": [10, 0]}


def test_more_than_two_states_stay_where_more_are_wanted(tmp_path):
    folder = CheckpointFolder(tmp_path, count=3)
    for epoch in range(5):
        folder.save(epoch, 0, ARRAYS, {"at": epoch})
    assert len(list(tmp_path.iterdir())) == 3


def test_a_damaged_newest_state_gives_way_to_the_one_before_with_a_warning(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(1, 0, ARRAYS, {"at": 1})
    newest = folder.save(2, 0, ARRAYS, {"at": 2})
    newest.write_bytes(newest.read_bytes()[:-3])
    _, state, warnings = folder.load_newest()
    assert state == {"at": 1}
    assert len(warnings) == 1
    assert newest.name in warnings[0]


@pytest.mark.parametrize("number", [errno.EIO, errno.EACCES, errno.EMFILE])
def test_a_state_that_the_system_does_not_hand_out_is_not_taken_for_damaged(
    tmp_path, monkeypatch, number
):
    folder = CheckpointFolder(tmp_path)
    folder.save(1, 0, ARRAYS, {"at": 1})
    newest = folder.save(2, 0, ARRAYS, {"at": 2})
    opened = os.open

    def fails(path, *arguments, **named):
        if str(path) == str(newest):
            raise OSError(number, os.strerror(number), str(path))
        return opened(path, *arguments, **named)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", fails)
        with pytest.raises(UserError, match=rf"{newest.name}: .*; it stays: try again once it can"):
            folder.load_newest()
    assert folder.load_newest()[1:] == ({"at": 2}, [])


def test_a_damaged_newer_state_does_not_count_as_one_of_the_two(tmp_path):
    folder = CheckpointFolder(tmp_path)
    folder.save(1, 0, ARRAYS, {"at": 1})
    damaged = folder.save(2, 0, ARRAYS, {"at": 2})
    damaged.write_bytes(b"torn")
    for step in (3, 5):
        folder.save(1, step, ARRAYS, {"at": [1, step]})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state-00001-000003.safetensors",
        "state-00001-000005.safetensors",
    ]
    assert folder.load_newest()[1:] == ({"at": [1, 5]}, [])


def test_more_epochs_and_steps_than_the_names_have_digits_for_are_in_order(tmp_path):
    folder = CheckpointFolder(tmp_path)
    places = ((9, 999_999), (9, 1_000_000), (99_999, 3), (100_000, 0))
    for number, (epoch, step) in enumerate(places, 1):
        folder.save(epoch, step, ARRAYS, {"at": [epoch, step]})
        assert folder.load_newest()[1] == {"at": [epoch, step]}
        assert len(list(tmp_path.iterdir())) == min(number, 2)


def test_without_any_state_the_error_names_the_folder(tmp_path):
    with pytest.raises(UserError, match="nothing to resume from: no state was saved yet"):
        CheckpointFolder(tmp_path / "checkpoints").load_newest()


def test_a_full_disk_leaves_the_earlier_file_and_says_so(tmp_path, monkeypatch):
    path = tmp_path / "a.safetensors"
    save_state(path, ARRAYS, STATE)
    before = path.read_bytes()

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint, "save_file", full)
    with pytest.raises(UserError, match=r"No space left on device; what was written before is int"):
        save_state(path, {}, {"other": 1})
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.safetensors"]


def test_an_error_while_writing_leaves_the_file_as_it_was(tmp_path):
    path = tmp_path / "x.json"
    path.write_text("old")
    with pytest.raises(ZeroDivisionError), atomic.atomic_write(path) as temporary:
        temporary.write_text("half")
        _ = 1 / 0
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x.json"]


def test_new_folders_last_through_a_power_cut_too(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(atomic, "_sync", synced.append)
    with atomic.atomic_write(tmp_path / "a" / "b" / "x.json") as temporary:
        temporary.write_text("whole")
    assert synced == [tmp_path, tmp_path / "a", temporary, tmp_path / "a" / "b"]
    assert (tmp_path / "a" / "b" / "x.json").read_text() == "whole"


def test_only_the_run_itself_removes_what_a_killed_process_left(tmp_path):
    CheckpointFolder(tmp_path).save(1, 0, ARRAYS, {"at": 1})
    left = [".state-00002-000000.safetensors.123.tmp", ".best.safetensors.9.tmp"]
    others = [".mine.tmp", ".notes.txt.5.tmp", "state-1.safetensors"]
    for name in [*left, *others]:
        (tmp_path / name).write_text("half")
    # One that reads must not: another process may be writing them.
    assert CheckpointFolder(tmp_path, writes=False).load_newest()[1] == {"at": 1}
    assert len(list(tmp_path.iterdir())) == 6
    assert CheckpointFolder(tmp_path).load_newest()[1] == {"at": 1}
    found = {path.name for path in tmp_path.iterdir()}
    assert found == {*others, "state-00001-000000.safetensors"}


@pytest.mark.parametrize(("count", "left"), [(0, []), (1, [2]), (2, [2, 1]), (5, [2, 1])])
def test_a_finished_run_keeps_as_many_states_as_it_should(tmp_path, count, left):
    folder = CheckpointFolder(tmp_path)
    for epoch in (1, 2):
        folder.save(epoch, 0, ARRAYS, {})
    (tmp_path / state_name(3, 0)).write_bytes(b"damaged, or the run would have gone on from it")
    folder.save_best(ARRAYS, {})
    folder.keep(2, 0, count)
    assert [path.name for path in states_in(tmp_path)] == [state_name(epoch, 0) for epoch in left]
    assert folder.best.exists()
    if not left:
        with pytest.raises(UserError, match="nothing to resume from: none was kept"):
            folder.load_newest()


@pytest.mark.parametrize(
    ("data", "name", "expected"),
    [(None, "digits", "digits"), (None, "data22612", None), ("x.zip", "digits", "x.zip")],
)
def test_a_state_of_an_earlier_version_says_which_data_it_was_on(tmp_path, data, name, expected):
    state = {"config": {"data": data}, "environment": {"data": {"name": name}}}
    save_state(tmp_path / "a.safetensors", {}, state)
    assert load_state(tmp_path / "a.safetensors")[1]["config"]["data"] == expected


def test_prefixes_split_one_set_of_arrays_into_several():
    both = checkpoint.with_prefix("a", {"w": np.ones(1)}) | checkpoint.with_prefix(
        "ab", {"w": np.zeros(1)}
    )
    assert checkpoint.under_prefix("a", both)["w"] == 1
    assert checkpoint.under_prefix("ab", both)["w"] == 0


def test_the_state_is_stored_as_json_in_the_header(tmp_path):
    save_state(tmp_path / "a.safetensors", ARRAYS, STATE)
    content = (tmp_path / "a.safetensors").read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + length])
    assert json.loads(header["__metadata__"]["state"]) == STATE


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ([1], "not an object"), ({"config": []}, "config in its state is no dict"),
        ({"classes": {}}, "classes in its state is no list"), ({"classes": [1]}, "are not names"),
    ],
)  # fmt: skip
def test_a_strangers_state_of_another_form_is_refused(tmp_path, state, reason):
    save_state(tmp_path / "a.safetensors", ARRAYS, state)
    with pytest.raises(UserError, match=reason):
        load_state(tmp_path / "a.safetensors")


def test_a_state_nested_beyond_measure_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(checkpoint.json, "dumps", lambda _: "[" * 100_000)
    save_state(tmp_path / "a.safetensors", ARRAYS, {})
    with pytest.raises(UserError, match="no JSON"):
        load_state(tmp_path / "a.safetensors")


def test_a_state_without_what_is_needed_names_it(tmp_path):
    with pytest.raises(UserError, match="without config, classes"):
        checkpoint.need({"epoch": 1}, tmp_path, "config", "classes", "epoch")


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.safetensors")
    with pytest.raises(UserError, match="named pipe"):
        load_state(tmp_path / "a.safetensors")
