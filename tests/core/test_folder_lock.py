"""One writer a folder: real processes that race, are killed, fork; notes of machines far away."""

import errno
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.core.folders import lock as folder_lock
from paddle_aug.core.folders.lock import FileLock, Owner, lock_exists, locked, refuse_if_locked

ROOT = Path(__file__).parent.parent.parent
HOLD = """
import os, sys, time
from paddle_aug.core.folders.lock import locked
with locked(sys.argv[1]):
    if "fork" in sys.argv and os.fork() == 0:
        time.sleep(float(sys.argv[3])); os._exit(0)
    print("has it", flush=True)
    time.sleep(60)
"""
RACE = """
import random, sys, time
from pathlib import Path
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
place, log, name, *names = sys.argv[1:]
Path(f"{place}.{name}").touch()
while not all(Path(f"{place}.{other}").exists() for other in names): time.sleep(0.001)
won = refused = 0
while won < 20:
    try:
        with locked(place):
            with open(log, "a") as file: file.write(f"in {name}\\n")
            time.sleep(0.002)
            with open(log, "a") as file: file.write(f"out {name}\\n")
            won += 1
    except UserError as error:
        assert "writes here" in str(error), error
        refused += 1
    time.sleep(random.uniform(0, 0.005))
print(refused)
"""


def start(code: str, *arguments: object) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], cwd=ROOT,
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.fixture
def holder(tmp_path) -> Iterator[subprocess.Popen]:
    """A process that writes in tmp_path/no."""
    process = start(HOLD, tmp_path / "no")
    assert process.stdout.readline() == "has it\n"
    yield process
    process.kill()
    process.communicate()


def note(tmp_path: Path, **changes: object) -> Path:
    """The note of an owner: of this process, but for the changes."""
    path = tmp_path / ".no.owner.json"
    path.write_text(json.dumps(asdict(replace(Owner.this_process(), **changes))))
    return path


def test_the_folder_itself_is_not_touched_and_only_the_lock_stays(tmp_path):
    with locked(tmp_path / "no"):
        assert sorted(os.listdir(tmp_path)) == [".no.lock", ".no.owner.json"]
        owner = json.loads((tmp_path / ".no.owner.json").read_text())
        assert owner["pid"] == os.getpid() and owner["since"].startswith("20")
    assert os.listdir(tmp_path) == [".no.lock"]


def test_asking_leaves_no_trace(tmp_path):
    refuse_if_locked(tmp_path / "no")
    assert os.listdir(tmp_path) == [] and not lock_exists(tmp_path / "no")


def test_a_second_process_is_refused_and_told_who_has_it(tmp_path, holder):
    for use in (refuse_if_locked, lambda place: locked(place).__enter__()):
        with pytest.raises(UserError, match=rf"no: process {holder.pid} of this machine, since 20"):
            use(tmp_path / "no")
    assert (tmp_path / ".no.owner.json").exists()


def test_a_second_time_in_the_same_process_is_refused_too(tmp_path):
    with locked(tmp_path / "no"):
        with pytest.raises(UserError, match=f"process {os.getpid()}"):
            locked(tmp_path / "no").__enter__()
        assert (tmp_path / ".no.owner.json").exists()
    with locked(tmp_path / "no"):
        pass


def test_a_process_that_was_killed_is_told_of_and_its_place_taken_at_once(tmp_path, holder, caplog):
    holder.kill()
    holder.wait()
    started = time.perf_counter()
    with locked(tmp_path / "no"):
        assert time.perf_counter() - started < folder_lock._LEFT_OVER_SECONDS
    assert f"process {holder.pid} of this machine" in caplog.text
    assert "was ended while it wrote here; this process takes its place" in caplog.text
    caplog.clear()
    with locked(tmp_path / "no"):
        assert caplog.text == ""


def test_a_child_that_outlives_its_parent_keeps_nobody_waiting_for_long(tmp_path):
    process = start(HOLD, tmp_path / "no", "fork", 1.0)
    assert process.stdout.readline() == "has it\n"
    process.kill()
    process.wait()
    with locked(tmp_path / "no"):
        pass
    process.stdout.close()


def test_who_waits_gets_it_when_the_other_one_has_ended(tmp_path, holder, caplog):
    subprocess.Popen(["sh", "-c", f"sleep 0.3; kill -9 {holder.pid}"])
    with locked(tmp_path / "no", wait=True):
        assert holder.wait(5) == -9
    assert f"waiting for process {holder.pid}" in caplog.text


def test_of_processes_that_race_never_two_are_in(tmp_path):
    """They begin together, and each goes on until it was in 20 times, however busy the machine."""
    log, names = tmp_path / "log", "abc"
    processes = [start(RACE, tmp_path / "no", log, name, *names) for name in names]
    refused = [int(process.communicate(timeout=60)[0]) for process in processes]
    lines = log.read_text().splitlines()
    assert sum(refused) > 0
    assert len(lines) == 2 * 20 * len(names)
    for entered, left in zip(lines[::2], lines[1::2], strict=True):
        assert entered.split()[0] == "in" and left == entered.replace("in", "out", 1)


def test_the_number_of_a_dead_process_that_another_one_got_does_not_count(tmp_path, caplog):
    note(tmp_path, pid=1, ticks=12345)  # init started at another time
    with locked(tmp_path / "no"):
        assert "process 1 of this machine" in caplog.text


def test_a_living_owner_counts_though_its_lock_was_deleted(tmp_path, holder):
    (tmp_path / ".no.lock").unlink()
    with pytest.raises(UserError, match=f"process {holder.pid}"):
        locked(tmp_path / "no").__enter__()


def test_after_a_restart_of_the_machine_no_process_of_before_lives(tmp_path, holder, caplog):
    path = tmp_path / ".no.owner.json"
    before = json.loads(path.read_text())
    holder.kill()
    holder.wait()
    path.write_text(json.dumps({**before, "pid": 1, "ticks": 0, "boot": "another"}))
    with locked(tmp_path / "no"):
        assert "takes its place" in caplog.text


FAR = {"host": "far", "machine": "0", "boot": "0", "pid": 7}


def test_the_note_of_another_machine_is_told_of_where_the_disk_is_this_ones(tmp_path, caplog):
    """As a container has another name each time: the lock is seen by all of them."""
    note(tmp_path, **FAR)
    with locked(tmp_path / "no"):
        assert "process 7 of machine far, since" in caplog.text


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "fuse.sshfs", "9p", ""])
def test_on_a_network_disk_it_is_said_that_nothing_can_be_told(tmp_path, monkeypatch, kind):
    monkeypatch.setattr(folder_lock, "_file_system", lambda path: kind)
    path = note(tmp_path, **FAR)
    with pytest.raises(UserError, match="machine far.* cannot be told whether it still") as error:
        locked(tmp_path / "no").__enter__()
    assert str(error.value).endswith(f"delete {path}")
    path.unlink()  # as it says
    with locked(tmp_path / "no"):
        pass


def test_another_container_of_this_machine_can_be_told_on_any_disk(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(folder_lock, "_file_system", lambda path: "nfs4")
    note(tmp_path, **{**FAR, "boot": Owner.this_process().boot or "0"})
    if Owner.this_process().boot:
        with locked(tmp_path / "no"):
            assert "takes its place" in caplog.text


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOLCK, "No locks available"), NotImplementedError()]
)
def test_on_a_disk_without_locks_the_notes_of_this_machine_still_count(
    tmp_path, monkeypatch, caplog, error, holder
):
    def fail(self, *_, **__):
        raise error

    monkeypatch.setattr(FileLock, "acquire", fail)
    with pytest.raises(UserError, match=f"process {holder.pid}"):
        locked(tmp_path / "no").__enter__()
    assert "this disk knows no locks" in caplog.text
    holder.kill()
    holder.wait()
    with locked(tmp_path / "no"):
        assert "takes its place" in caplog.text
    note(tmp_path, **FAR)
    with pytest.raises(UserError, match="cannot be told"):
        locked(tmp_path / "no").__enter__()


@pytest.fixture
def windows(monkeypatch):
    """As on Windows, where nothing says which processes run, and os.kill ends them."""

    def kill(pid, number):
        raise AssertionError(f"process {pid} would be ended")

    monkeypatch.setattr(folder_lock, "_ON_WINDOWS", True)
    monkeypatch.setattr(folder_lock, "_line", lambda path: "")
    monkeypatch.setattr(folder_lock, "_file_system", lambda path: "")
    monkeypatch.setattr(os, "kill", kill)


@pytest.mark.usefixtures("windows")
def test_on_windows_holding_the_lock_proves_that_a_process_of_this_machine_has_ended(
    tmp_path, caplog
):
    path = note(tmp_path, pid=999999)
    with locked(tmp_path / "no"):
        assert "process 999999 of this machine" in caplog.text
        assert "takes its place" in caplog.text
    note(tmp_path, pid=999999, host="far")
    with pytest.raises(UserError, match=f"machine far.* cannot be told .* delete {path}"):
        locked(tmp_path / "no").__enter__()


@pytest.mark.usefixtures("windows")
def test_on_windows_a_lock_that_is_held_and_a_disk_without_locks_are_refused(tmp_path, monkeypatch):
    with locked(tmp_path / "no"):
        note(tmp_path, pid=999999)
        started = time.perf_counter()
        with pytest.raises(UserError, match="process 999999 of this machine, .* writes here"):
            locked(tmp_path / "no").__enter__()
        assert time.perf_counter() - started < folder_lock._LEFT_OVER_SECONDS / 2

    def fail(self, *_, **__):
        raise NotImplementedError

    path = note(tmp_path, pid=999999)
    monkeypatch.setattr(FileLock, "acquire", fail)
    with pytest.raises(UserError, match=f"cannot be told whether it still runs.* delete {path}"):
        locked(tmp_path / "no").__enter__()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"cannot write .*\.no\.lock: Not a directory"):
        locked(tmp_path / "file" / "no").__enter__()


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="no folder where no file can be made")
@pytest.mark.parametrize("wait", [False, True])
def test_a_folder_in_which_no_lock_can_be_made_is_not_taken_for_one_that_is_in_use(wait, caplog):
    with pytest.raises(UserError, match=r"^cannot write /proc/\.no\.lock: No such file"):
        locked("/proc/no", wait=wait).__enter__()
    assert caplog.text == ""


def test_the_top_of_a_disk_has_its_lock_inside(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path.parent)
    with locked(tmp_path):
        assert sorted(os.listdir(tmp_path)) == [".lock", ".owner.json"]


@pytest.mark.parametrize(
    "text", ["", "{", "[1]", '{"pid": "x"}', "\x00", "[" * 99_999, '{"pid": 1e999, "ticks": 1}']
)
def test_a_note_that_was_cut_off_is_no_obstacle(tmp_path, text):
    (tmp_path / ".no.owner.json").write_text(text)
    with locked(tmp_path / "no"):
        pass


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_whose_name_is_cut_within_a_character_has_a_start():
    name = Path("/proc/self/comm")
    before = name.read_bytes()
    try:
        name.write_bytes("x训练训练训练".encode())
        assert b"\xe8\xae)" in Path("/proc/self/stat").read_bytes()  # 15 bytes of it
        assert folder_lock._ticks(os.getpid()) == Owner.this_process().ticks > 0
    finally:
        name.write_bytes(before)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_disk_of_a_path_is_that_of_its_longest_mount_point(tmp_path, monkeypatch):
    assert folder_lock._file_system(Path("/proc/self/stat")) == "proc"
    lines = "a / ext4 rw 0 0\nb /work nfs4 rw 0 0\nc /work\\040two xfs rw 0 0\n"
    real = Path.read_text
    monkeypatch.setattr(
        Path, "read_text", lambda self, **_: lines if self.name == "mounts" else real(self)
    )
    for path, kind in (("/a", "ext4"), ("/work/x", "nfs4"), ("/works", "ext4"),
                       ("/work two/y", "xfs")):  # fmt: skip
        assert folder_lock._file_system(Path(path)) == kind


def test_it_warns_by_the_log_that_the_commands_show(tmp_path, caplog):
    note(tmp_path, pid=1, ticks=1)
    with caplog.at_level(logging.WARNING), locked(tmp_path / "no"):
        assert [record.levelname for record in caplog.records] == ["WARNING"]
