#!/usr/bin/env python3
"""Make a data set of the configurations from the archive that its authors publish.

    python tools/prepare_data.py caltech256 --download
    python tools/prepare_data.py hotdog ~/Downloads/hotdog.zip --output data/hotdog

The archive's size, checksum and every file in it are checked before anything is written. The same
archive always gives the same bytes. The folder appears whole or not at all; an existing one is
never touched. (A killed process leaves a hidden folder beside it, which can be deleted.)
configs/README.md lists the data sets with their sources, licences and rules.
"""

import argparse
import hashlib
import http.client
import os
import signal
import sys
import tempfile
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from official_data import DATA_SETS, DataSet, Plan  # noqa: E402
from tqdm import tqdm  # noqa: E402

from paddle_aug.core.atomic import atomic_write  # noqa: E402
from paddle_aug.core.errors import Interrupted, UserError, run_command  # noqa: E402
from paddle_aug.core.safe_files import open_regular  # noqa: E402
from paddle_aug.data.archives.members import extract, file_names  # noqa: E402

LARGEST_DOWNLOAD = 2 << 30  # limit where the size is not published
CHUNK = 1 << 20


def prepare(data_set: DataSet, archive: Path, output: Path, download: bool) -> str:
    """Make the folder `output` from an archive; returns what to tell the user.

    Raises UserError, leaving nothing behind, if: output exists, the archive is missing, damaged or
    another file, it cannot be downloaded, or the disk is full.
    """
    if output.exists() or output.is_symlink():
        raise UserError(f"{output}: exists already; move it away, or give another --output")
    try:
        if download and not archive.exists():
            fetch(data_set, archive)
        else:
            check(archive, data_set)
        names = file_names(archive)
        try:
            plan = data_set.plan(names)
        except UserError as error:
            raise UserError(f"{archive}: {error}") from None
        build(archive, plan, output)
    except OSError as error:
        # An error in writing, such as a full disk, names no file.
        raise UserError(
            f"{output}: not made, {error.filename or output}: {error.strerror}"
        ) from None
    return (
        f"{output}: {plan.summary}\n"
        f"licence: {data_set.licence}\n"
        f"The data behind results/ differ: {data_set.differs}."
    )


def build(archive: Path, plan: Plan, output: Path) -> None:
    """Write the folder beside its place and move it there when it is complete."""
    output.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{output.name}-", dir=output.parent) as folder:
        fresh = Path(folder) / "new"
        extract(archive, fresh, plan.files)
        for place, text in plan.texts.items():
            (fresh / place).write_bytes(text.encode())
        if hasattr(os, "sync"):
            os.sync()  # so that a power cut cannot leave empty files in the folder
        fresh.rename(output)


def check(archive: Path, data_set: DataSet) -> None:
    """Raise UserError unless the file is the official archive."""
    official = f"{data_set.url} ({data_set.size_and_checksum})"
    if not archive.exists():
        raise UserError(
            f"{archive}: no such file; put {official} there, or let --download fetch it"
        )
    suffix = Path(data_set.archive).suffix
    if archive.suffix.lower() != suffix:  # the suffix chooses the reader
        raise UserError(f"{archive}: its name must end in {suffix}; is it {data_set.archive}?")
    wrong = fault(archive, data_set)
    if wrong:
        raise UserError(f"{archive}: {wrong}; it is damaged or another file than {official}")


def fault(path: Path, data_set: DataSet) -> str | None:
    """How a file differs from the official archive in size or checksum; None if it does not."""
    algorithm, _, expected = data_set.checksum.partition(":")
    digest = hashlib.new(algorithm, usedforsecurity=False)
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if data_set.size not in (None, size):
            return f"has {size:,} bytes instead of {data_set.size:,}"
        with tqdm(total=size, unit="B", unit_scale=True, desc="checking", delay=1) as bar:
            while chunk := file.read(CHUNK):
                digest.update(chunk)
                bar.update(len(chunk))
    if digest.hexdigest() != expected:
        return f"its {algorithm.upper()} is {digest.hexdigest()} instead of {expected}"
    return None


def fetch(data_set: DataSet, archive: Path) -> None:
    """Download the official archive; only a complete file with the right checksum is kept."""
    most = data_set.size or LARGEST_DOWNLOAD
    with atomic_write(archive) as part:
        with (
            open(part, "wb") as out,
            tqdm(total=data_set.size, unit="B", unit_scale=True, desc="fetching", delay=1) as bar,
        ):
            for chunk in _received(data_set.url):
                bar.update(out.write(chunk))
                if out.tell() > most:
                    break
        wrong = fault(part, data_set)
        if wrong:
            raise UserError(f"{data_set.url}: what came {wrong}; nothing was kept")


def _received(url: str) -> Iterator[bytes]:
    """The bytes at an address, in pieces. UserError where the connection fails."""
    request = urllib.request.Request(url, headers={"User-Agent": "paddle_aug"})
    try:
        with urllib.request.urlopen(request, timeout=60) as response:
            while chunk := response.read(CHUNK):
                yield chunk
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise UserError(
            f"{url}: cannot be downloaded ({reason}); where there is no internet, bring the file "
            "from another machine and give its path"
        ) from None


def _stop(number: int, _: FrameType | None) -> None:
    signal.signal(number, signal.SIG_IGN)  # a second signal would interrupt the cleaning up
    raise Interrupted(number, "stopped; what was unfinished is removed")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", choices=DATA_SETS, help="the data set")
    parser.add_argument(
        "archive", nargs="?", type=Path, help="the official archive (default: by its name in data/)"
    )
    parser.add_argument(
        "--output", type=Path, help="the folder to make (default: as configs/ has it)"
    )
    parser.add_argument(
        "--download", action="store_true", help="fetch the archive where it is not there yet"
    )
    args = parser.parse_args(arguments)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stop)
    data_set = DATA_SETS[args.name]
    archive = (args.archive or Path("data") / data_set.archive).expanduser()
    output = (args.output or Path(data_set.folder)).expanduser()
    print(prepare(data_set, archive, output, args.download))
    return 0


if __name__ == "__main__":
    run_command(main)
