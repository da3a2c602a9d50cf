"""tools/prepare_data.py: from an official archive to a data set, whole or not at all.

The archives here are small ones of the same layout. A new data set of the table needs its layout in
small_archives.LAYOUTS, and is then tested by being there.
"""

import hashlib
import os
import random
import signal
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import prepare_data
import pytest

from paddle_aug.core.errors import Interrupted, UserError
from paddle_aug.data.archives import members as archives
from paddle_aug.data.load import DataOptions, load_data
from tests.tools.small_archives import (
    DATA_SETS,
    LAYOUTS,
    as_official,
    content_of,
    real_content,
    small_archive,
    write_archive,
)

ROOT = Path(__file__).parent.parent.parent
# (images of training, of evaluation) of each class in the small archives.
COUNTS = {"caltech256": [(9, 2)] * 16, "cifar10": [(5, 1)] * 10, "hotdog": [(4, 2)] * 2,
          "apple": [(3, 1)] * 4}  # fmt: skip
# SHA-256 of all names and bytes of what the small archives become.
RESULTS = {
    "caltech256": "7acf7d74fada2d42225da2a1f224f93ee63c02540c23dc2eb72b28acb815f2e8",
    "cifar10": "6a87b8d1f5af6de0ccd69081d93a0b46d81b2819d9d5e19365332adb0316f281",
    "hotdog": "be1bbd3c74bfd69751b1adfc9c91fc4153b00ae3418bc91de218697896058213",
    "apple": "1b41a3d9e8beb2523396d750870c517e91d29cf7a12def9c85c67bf0f9e6a1a9",
}
each = pytest.mark.parametrize("name", DATA_SETS)


def digest_of(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{path.relative_to(folder).as_posix()}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def refused(data_set, archive: Path, output: Path, download=False) -> str:
    """The error's text; nothing may have been written, changed or left."""
    top = archive.parent
    before = {path: path.lstat().st_mtime_ns for path in top.rglob("*")}
    with pytest.raises(UserError) as caught:
        prepare_data.prepare(data_set, archive, output, download)
    assert {path: path.lstat().st_mtime_ns for path in top.rglob("*")} == before
    return str(caught.value)


@each
def test_the_same_archive_gives_the_same_bytes_in_whatever_order_its_members_are(tmp_path, name):
    archive = small_archive(name, tmp_path)
    prepare_data.prepare(as_official(name, archive), archive, tmp_path / "one", False)
    members = archives.file_names(archive)
    random.Random(0).shuffle(members)
    write_archive(archive, members)
    prepare_data.prepare(as_official(name, archive), archive, tmp_path / "two", False)
    assert digest_of(tmp_path / "one") == digest_of(tmp_path / "two") == RESULTS[name]
    assert sorted(os.listdir(tmp_path)) == sorted([archive.name, "one", "two"])


@each
def test_the_result_is_read_as_the_configurations_read_it(tmp_path, name):
    archive = small_archive(name, tmp_path, real_content)
    output = tmp_path / Path(DATA_SETS[name].folder).name
    said = prepare_data.prepare(as_official(name, archive), archive, output, False)
    assert said.startswith(f"{output}: ") and DATA_SETS[name].differs in said
    data = output / "train.csv" if name == "apple" else output
    train, evaluation = load_data(DataOptions(data=str(data), split="order", eval_share=0.25))
    counts = np.stack([np.bincount(part.labels) for part in (train, evaluation)], 1)
    assert counts.tolist() == [list(pair) for pair in COUNTS[name]]
    image, label = train[0]
    assert image.shape == ((32, 32, 3) if name == "cifar10" else (6, 8, 3)) and label == 0


def test_every_fifth_image_of_a_class_is_for_evaluation(tmp_path):
    archive = small_archive("caltech256", tmp_path)
    output = tmp_path / "out"
    said = prepare_data.prepare(as_official("caltech256", archive), archive, output, False)
    assert f"{output}: 16 classes, 144 training and 32 evaluation images\n" in said
    train = (output / "Train.txt").read_text().split("\n")
    assert train[3:6] == ["backpack/003_0004.jpg 0", "backpack/003_0006.jpg 0",
                          "backpack/003_0007.jpg 0"]  # fmt: skip
    evaluation = (output / "Eval.txt").read_text().split("\n")
    assert evaluation[:3] == ["backpack/003_0005.jpg 0", "backpack/003_0010.jpg 0",
                              "bike/224_0005.jpg 1"]  # fmt: skip
    image = (output / "Images/dog/056_0003.jpg").read_bytes()
    assert image == content_of("256_ObjectCategories/056.dog/056_0003.jpg")
    assert len(list((output / "Images/dog").iterdir())) == 11


def test_apple_leaves_are_taken_at_even_distances_by_number_and_in_turns(tmp_path):
    archive = small_archive("apple", tmp_path)
    prepare_data.prepare(as_official("apple", archive), archive, tmp_path / "out", False)
    rows = (tmp_path / "out/train.csv").read_text().split("\n")
    assert rows[:6] == [
        "image,label",
        "apple_scab/apple_scab_0001.jpg,0",
        "black_rot/black_rot_0001.jpg,1",
        "cedar_apple_rust/cedar_apple_rust_0001.jpg,2",
        "healthy/healthy_0001.jpg,3",
        "apple_scab/apple_scab_0004.jpg,0",
    ]
    # 13 images, 4 wanted: the 1st, 4th, 7th and 10th by number, not by letters.
    assert sorted(os.listdir(tmp_path / "out/train/apple_scab")) == [
        f"apple_scab_{number:04d}.jpg" for number in (1, 4, 7, 10)
    ]


@each
def test_a_cut_or_changed_archive_is_refused_by_size_or_checksum(tmp_path, name):
    archive = small_archive(name, tmp_path)
    data_set, whole = as_official(name, archive), archive.read_bytes()
    algorithm, _, expected = data_set.checksum.partition(":")
    archive.write_bytes(whole[:-1])
    text = refused(data_set, archive, tmp_path / "out")
    if data_set.size:
        assert f"has {len(whole) - 1:,} bytes instead of {len(whole):,}; it is damaged" in text
    assert data_set.url in text and expected in text
    middle = len(whole) // 2
    changed = whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :]
    archive.write_bytes(changed)
    actual = hashlib.new(algorithm, changed).hexdigest()
    text = refused(data_set, archive, tmp_path / "out")
    assert f"{archive}: its {algorithm.upper()} is {actual} instead of {expected}" in text


@each
def test_a_missing_class_or_file_is_refused(tmp_path, name):
    last = LAYOUTS[name][0][-1]
    gone = [n for n in LAYOUTS[name][0] if n.rpartition("/")[0] == last.rpartition("/")[0]]
    archive = small_archive(name, tmp_path, without=[last] if name == "cifar10" else gone)
    text = refused(as_official(name, archive), archive, tmp_path / "out")
    assert text.startswith(f"{archive}: no file like ")
    assert f" in {last.rpartition('/')[0]}/: this is another archive" in text


@each
def test_an_archive_that_ends_within_a_member_is_refused_whatever_its_checksum(tmp_path, name):
    archive = small_archive(name, tmp_path)
    archive.write_bytes(archive.read_bytes()[: -11_000 if archive.suffix == ".tar" else -30])
    text = refused(as_official(name, archive), archive, tmp_path / "out")
    assert f"{archive}: damaged" in text


def bad_members():
    link = tarfile.TarInfo("256_ObjectCategories/003.backpack/003_0099.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    device = tarfile.TarInfo("256_ObjectCategories/zero")
    device.type = tarfile.CHRTYPE
    return [("256_ObjectCategories/../../up.jpg", "leads outside"), ("/up.jpg", "leads outside"),
            (link, "is a link, device"), (device, "is a link, device")]  # fmt: skip


@pytest.mark.parametrize(("member", "reason"), bad_members())
def test_links_devices_and_paths_that_lead_outside_are_refused(tmp_path, member, reason):
    archive = small_archive("caltech256", tmp_path, more=[member])
    assert reason in refused(as_official("caltech256", archive), archive, tmp_path / "out")


def test_what_exists_is_not_touched_and_a_missing_or_misnamed_archive_is_told(tmp_path):
    archive = small_archive("caltech256", tmp_path)
    data_set, output = as_official("caltech256", archive), tmp_path / "out"
    output.mkdir()
    assert refused(data_set, archive, output).startswith(f"{output}: exists already")
    output.rmdir()
    output.symlink_to(tmp_path / "nowhere")
    assert refused(data_set, archive, output).startswith(f"{output}: exists already")
    output.unlink()
    text = refused(data_set, tmp_path / "no.tar", output)
    assert f"no.tar: no such file; put {data_set.url} (" in text and "--download" in text
    text = refused(data_set, archive.rename(tmp_path / "file"), output)
    assert "must end in .tar; is it 256_ObjectCategories.tar?" in text


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    archive = small_archive("caltech256", tmp_path)
    written = []

    def full_at_the_fifth(source, destination):
        written.append(destination)
        if len(written) == 5:
            raise OSError(28, "No space left on device", str(destination))
        write(source, destination)

    write = archives._write
    monkeypatch.setattr(archives, "_write", full_at_the_fifth)
    data_set, before = as_official("caltech256", archive), os.listdir(tmp_path)
    with pytest.raises(UserError, match="out: not made, .*: No space left on device"):
        prepare_data.prepare(data_set, archive, tmp_path / "out", False)
    assert os.listdir(tmp_path) == before and len(written) == 5


@pytest.fixture
def signal_handlers():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_leaves_nothing(tmp_path, monkeypatch, signal_handlers, number):
    archive = small_archive("hotdog", tmp_path)
    monkeypatch.setitem(prepare_data.DATA_SETS, "hotdog", as_official("hotdog", archive))
    # The last moment before the folder is moved to its place.
    monkeypatch.setattr(os, "sync", lambda: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted, match="stopped; what was unfinished is removed") as caught:
        prepare_data.main(["hotdog", str(archive), "--output", str(tmp_path / "out")])
    assert caught.value.signal == number
    assert os.listdir(tmp_path) == [archive.name]


@each
def test_download_brings_the_archive_and_uses_it_again(tmp_path, name):
    source = small_archive(name, tmp_path)
    data_set = replace(as_official(name, source), url=source.as_uri())
    archive = tmp_path / "data" / data_set.archive
    prepare_data.prepare(data_set, archive, tmp_path / "one", True)
    assert archive.read_bytes() == source.read_bytes()
    assert digest_of(tmp_path / "one") == RESULTS[name]
    source.unlink()
    prepare_data.prepare(data_set, archive, tmp_path / "two", True)
    assert sorted(os.listdir(tmp_path)) == ["data", "one", "two"]
    assert os.listdir(tmp_path / "data") == [data_set.archive]


def test_a_failed_download_is_told_in_a_line_and_leaves_nothing(tmp_path, monkeypatch):
    source = small_archive("caltech256", tmp_path)
    data_set = replace(as_official("caltech256", source), url=source.as_uri())
    whole = source.read_bytes()
    archive, output = tmp_path / "new.tar", tmp_path / "out"

    def outcome(content: bytes | None) -> str:
        source.write_bytes(content) if content else source.unlink()
        with pytest.raises(UserError) as caught:
            prepare_data.prepare(data_set, archive, output, True)
        assert os.listdir(tmp_path) == ([source.name] if content else [])
        return str(caught.value)

    monkeypatch.setattr(prepare_data, "CHUNK", 1000)
    assert f"what came has 999 bytes instead of {len(whole):,}; nothing was kept" in outcome(
        whole[:999]
    )
    # More than the published size is not taken in to the end.
    some_more = 1000 * (len(whole) // 1000 + 1)
    assert f"what came has {some_more:,} bytes" in outcome(whole + bytes(50_000))
    assert "what came its MD5 is" in outcome(whole[::-1])
    assert f"{data_set.url}: cannot be downloaded (" in outcome(None)
    nobody = replace(data_set, url="http://127.0.0.1:9/256_ObjectCategories.tar")
    text = refused(nobody, archive, output, download=True)
    assert "Connection refused" in text and "bring the file from another machine" in text


@pytest.mark.parametrize("command", [["prepare_caltech256.py"], ["prepare_data.py", "caltech256"]])
def test_the_commands_end_with_a_line_and_no_traceback(tmp_path, command):
    script, *arguments = command
    process = subprocess.run(
        [sys.executable, ROOT / "tools" / script, *arguments, "no.tar"],
        cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert process.returncode == 2 and process.stdout == ""
    assert process.stderr.startswith("error: no.tar: no such file; put https://data.caltech.edu/")
    assert process.stderr.count("\n") == 1


@each
def test_the_documentation_names_source_size_checksum_licence_and_command(name):
    text = (ROOT / "configs/README.md").read_text(encoding="utf-8")
    data_set = DATA_SETS[name]
    _, _, digest = data_set.checksum.partition(":")
    facts = [data_set.url, data_set.folder, data_set.licence, digest, f"prepare_data.py {name}"]
    facts += [f"{data_set.size:,}"] if data_set.size else []
    assert [fact for fact in facts if fact not in text] == []


def test_every_data_set_of_the_table_is_one_that_a_configuration_reads():
    read = "\n".join(path.read_text("utf-8") for path in (ROOT / "configs").glob("*.yaml"))
    assert [d.folder for d in DATA_SETS.values() if f"data: {d.folder}" not in read] == []
    assert set(LAYOUTS) == set(COUNTS) == set(RESULTS) == set(DATA_SETS)
