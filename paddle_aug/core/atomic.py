"""Files that are complete or absent: written under another name, synced, then renamed."""

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from paddle_aug.core.errors import UserError


@contextlib.contextmanager
def atomic_write(path: str | Path, synced: bool = True) -> Iterator[Path]:
    """Give a temporary path to write to; it replaces `path` when the block ends without an error.

    synced: whether it also survives a power cut; not needed for what is written again soon.
    Raises UserError where the disk is full, the folder cannot be written or `path` is a device or a
    pipe; `path` then stays as it was.
    """
    path = Path(path)
    _refuse_device(path)
    # `own_files.is_leftover` knows this form.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _make_folder(path.parent)
        yield temporary
        if synced:
            _sync(temporary)
        os.replace(temporary, path)
        if synced:
            _sync(path.parent)
    except OSError as error:
        reason = error.strerror or str(error)
        raise UserError(
            f"cannot write {path}: {reason}; what was written before is intact"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def write_text(path: str | Path, text: str) -> None:
    """Write a text file as atomic_write does, in UTF-8.

    Bytes of a file's name that are not UTF-8 become \\uNNNN, which JSON reads back.
    """
    with atomic_write(path) as temporary:
        _put(temporary, text)


def write_json(path: str | Path, values: Any) -> None:
    """Write a JSON file that people can read, as atomic_write does."""
    write_text(path, json_text(values))


def json_text(values: Any) -> str:
    """JSON that people can read."""
    return json.dumps(values, indent=2, ensure_ascii=False)


def write_together(
    folder: Path, files: dict[str, str | bytes], without: Iterable[str] = ()
) -> None:
    """Write files into the folder as atomic_write does, by name; the first one is replaced first.

    without: names that are deleted before. Nothing is deleted or replaced until all of them are
    written under other names. Raises UserError as atomic_write does.
    """
    with contextlib.ExitStack() as stack:  # contexts end in reverse order
        for name in reversed(files):
            _put(stack.enter_context(atomic_write(folder / name)), files[name])
        for name in without:
            (folder / name).unlink(missing_ok=True)


def _put(path: Path, content: str | bytes) -> None:
    if isinstance(content, bytes):
        path.write_bytes(content)
    else:
        path.write_text(content, encoding="utf-8", errors="backslashreplace")


def _refuse_device(path: Path) -> None:
    """Raise UserError for /dev/null and its like, which root would replace by a file, for all."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    plain = stat.S_ISREG(mode) or stat.S_ISDIR(mode)
    # /dev/stdout is a link to a plain file where output goes to one.
    if not plain or (path.is_symlink() and Path(os.path.abspath(path)).parent == Path("/dev")):
        raise UserError(f"cannot write {path}: a device or a pipe cannot be replaced by a file; "
                        "choose another name")  # fmt: skip


def _make_folder(folder: Path) -> None:
    """Make the folder and its parents, and sync them, so that they survive a power cut."""
    if folder.exists():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync(folder.parent)


def _sync(path: Path) -> None:
    """Write a file, or a folder's entries, to the disk itself, so that they survive a power cut."""
    if path.is_dir() and os.name != "posix":
        return
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
