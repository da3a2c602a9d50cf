"""Only one process writes in a folder: a lock that ends with it, and a note of who holds it.

For a folder X two hidden files lie beside it, or in it where that place cannot be written:
`.X.lock`, which the system locks and which stays, and `.X.owner.json` with the writer's process,
machine and start, which is there while it writes. A process that was killed leaves a note without a
lock, so that the next one can say so and go on.

Locks of different machines on a network disk are only as good as that disk. If they are unreliable
and the note is of another machine, an error says what to check.
"""

import contextlib
import errno
import json
import logging
import os
import socket
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import read_json

log = logging.getLogger(__name__)

# Worker processes of a killed run may hold its lock for a moment longer.
_LEFT_OVER_SECONDS = 10.0
_POLL_SECONDS = 0.05
# Local file systems, where all processes see a lock, in any container.
_LOCAL = frozenset({
    "apfs", "bcachefs", "btrfs", "exfat", "ext2", "ext3", "ext4", "f2fs", "jfs", "overlay", "ramfs",
    "reiserfs", "tmpfs", "vfat", "xfs", "zfs",
})  # fmt: skip
_ON_WINDOWS = os.name == "nt"
_NO_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}


@dataclass(frozen=True)
class Owner:
    """The process that writes in a folder.

    machine, boot, ticks: id of the machine, start of the machine and of the process, where the
    system has them, as names of machines and numbers of processes may be used again. since: local
    time, for messages.
    """

    pid: int
    ticks: int
    host: str
    machine: str
    boot: str
    since: str

    @classmethod
    def this_process(cls) -> "Owner":
        machine, boot = _line("/etc/machine-id"), _line("/proc/sys/kernel/random/boot_id")
        pid = os.getpid()
        return cls(pid, _ticks(pid), socket.gethostname(), machine, boot, time.strftime("%F %T"))

    def lives(self, now: "Owner") -> bool | None:
        """Whether this process still runs; None where that is not known. now: the current process,
        on the same machine."""
        if self.boot != now.boot:
            return False
        if self.ticks:
            return self.ticks == _ticks(self.pid)
        if _ON_WINDOWS:  # where os.kill does not ask: it ends the process, or sends it a Ctrl-C
            return None
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except OSError:
            return True
        return True

    def beside(self, now: "Owner") -> bool:
        """Whether it runs, or ran, on the same machine as `now`."""
        return (self.host, self.machine) == (now.host, now.machine)

    def describe(self, now: "Owner") -> str:
        place = "this machine" if self.beside(now) else f"machine {self.host}"
        return f"process {self.pid} of {place}, since {self.since}"


@contextlib.contextmanager
def locked(place: str | Path, wait: bool = False, option: str = "--output") -> Iterator[None]:
    """Context in which no other process writes in folder `place`, which need not exist yet.

    wait: until another one has ended, where there is one. option: by which a user chooses the
    place, for the message. Raises UserError where another process writes there, where that cannot
    be known, and where the lock's folder cannot be written.
    """
    lock = _FolderLock(Path(place), option)
    lock.acquire(wait)
    try:
        lock.note_owner()
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                lock.note.unlink()
    finally:
        lock.release()


def lock_exists(place: str | Path) -> bool:
    """Whether folder `place` was ever locked."""
    return _FolderLock(Path(place)).path.exists()


def refuse_if_locked(place: str | Path) -> None:
    """Raise UserError where another process writes in folder `place`. Makes no file."""
    if lock_exists(place):
        with locked(place):
            pass


class _FolderLock:
    """The lock of one folder and the note beside it."""

    def __init__(self, place: Path, option: str = "--output"):
        self.place, self.option = place, option
        whole = Path(os.path.abspath(place))
        folder, name = whole.parent, f".{whole.name}"
        if whole.is_dir() and not os.access(folder, os.W_OK):  # the top of a disk, for example
            folder, name = whole, ""
        self.path, self.note = folder / f"{name}.lock", folder / f"{name}.owner.json"
        self._now = Owner.this_process()
        self._lock: FileLock | None = FileLock(self.path)  # None where the disk has no locks

    def acquire(self, wait: bool) -> None:
        assert self._lock is not None
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # filelock warns that it uses a marker file
                self._acquire(self._lock, wait)
        except (NotImplementedError, OSError) as error:
            number = getattr(error, "errno", None)
            if number is not None and number not in _NO_LOCKS:
                reason = getattr(error, "strerror", None) or error
                if isinstance(error, FileExistsError):  # from mkdir, if a file has that name
                    reason = "Not a directory"
                raise UserError(f"cannot write {self.path}: {reason}") from None
            self._lock = None
            log.warning("%s: this disk knows no locks: a second run of another machine would not "
                        "be noticed", self.place)  # fmt: skip

    def _acquire(self, lock: FileLock, wait: bool) -> None:
        with contextlib.suppress(Timeout):
            lock.acquire(timeout=0)
            return
        if not self.path.exists():  # nobody has it: it was deleted just now, or cannot be made
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=4 * _POLL_SECONDS, poll_interval=_POLL_SECONDS)
                return
            if not self.path.exists():
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        owner = self._read()
        if wait:
            log.warning("%s: waiting for %s", self.place, self._named(owner))
            lock.acquire(timeout=-1, poll_interval=_POLL_SECONDS)
            return
        if owner and owner.beside(self._now) and owner.lives(self._now) is False:
            with contextlib.suppress(Timeout):
                lock.acquire(timeout=_LEFT_OVER_SECONDS, poll_interval=_POLL_SECONDS)
                return
        raise self._in_use(owner)

    def note_owner(self) -> None:
        """Note this process as the owner, once no other process can be it."""
        before = self._read()
        if before:
            lives = before.lives(self._now) if before.beside(self._now) else None
            if lives and before.pid != self._now.pid:
                raise self._in_use(before)
            if lives is None and not self._is_proof_against(before):
                raise UserError(
                    f"{self.place}: {self._named(before)}, wrote here and has not said that it "
                    "ended. From this machine it cannot be told whether it still runs: look there, "
                    f"and if it does not, delete {self.note}"
                )
            log.warning("%s: %s, was ended while it wrote here; this process takes its place",
                        self.place, self._named(before))  # fmt: skip
        try:
            self.note.write_text(json.dumps(asdict(self._now)), encoding="utf-8")
        except OSError as error:
            raise UserError(f"cannot write {self.note}: {error.strerror}") from None

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()

    def _is_proof_against(self, owner: Owner) -> bool:
        """Whether holding the lock proves that `owner` does not write: it would be locked out."""
        if self._lock is None:
            return False
        beside = owner.beside(self._now)
        return beside or (owner.boot == self._now.boot != "") or _file_system(self.path) in _LOCAL

    def _in_use(self, owner: Owner | None) -> UserError:
        return UserError(f"{self.place}: {self._named(owner)}, writes here: wait for its end, stop "
                         f"it, or choose another {self.option}")  # fmt: skip

    def _named(self, owner: Owner | None) -> str:
        return owner.describe(self._now) if owner else "another process"

    def _read(self) -> Owner | None:
        """The noted owner; None without a note, and for one that was cut off."""
        try:
            values = read_json(self.note)
            pid, ticks = int(str(values["pid"])), int(str(values["ticks"]))
            words = [str(values[key]) for key in ("host", "machine", "boot", "since")]
            return Owner(pid, ticks, *words)
        except (UserError, KeyError, ValueError):
            return None


def _file_system(path: Path) -> str:
    """The kind of file system of the path, in Linux's words; empty on other systems."""
    kind, longest = "", -1
    real = os.path.realpath(path)
    try:
        lines = Path("/proc/self/mounts").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        _, point, found, *_ = line.split(" ")
        point = point.replace("\\040", " ")
        inside = real == point or real.startswith(point.rstrip("/") + "/")
        if inside and len(point) >= longest:
            kind, longest = found, len(point)
    return kind


def _line(path: str) -> str:
    try:
        # A process's name is cut after 15 bytes, which may be within a character.
        return Path(path).read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""


def _ticks(pid: int) -> int:
    """The process's start in the system's ticks; 0 if it does not run or that is not known."""
    # The name, in brackets, may contain blanks; the 20th field after it is the start.
    fields = _line(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return int(fields[19]) if fields and fields[0] != "Z" else 0
