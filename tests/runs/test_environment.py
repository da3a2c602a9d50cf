"""What a result depends on is recorded, and a resumed run names what differs."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_aug.core import cpu
from paddle_aug.core.cpu import available_cores
from paddle_aug.data import dataset as image_dataset
from paddle_aug.data.dataset import ArrayDataset, FileDataset, data_digest
from paddle_aug.runs import environment
from paddle_aug.runs.environment import (
    compared,
    describe_environment,
    differences,
    differences_ahead,
    keep_threads,
    recorded_changes,
)


@pytest.mark.parametrize(
    "name",
    [
        "OMP_NUM_THREADS", "OPENBLAS_CORETYPE", "MKL_NUM_THREADS", "MKL_DEBUG_CPU_TYPE",
        "MKL_CBWR", "ONEDNN_MAX_CPU_ISA", "DNNL_DEFAULT_FPMATH_MODE", "NPY_DISABLE_CPU_FEATURES",
        "OPENCV_CPU_DISABLE", "CUBLAS_WORKSPACE_CONFIG", "FLAGS_use_mkldnn", "GLIBC_TUNABLES",
    ],
)  # fmt: skip
def test_a_variable_that_chooses_threads_or_kernels_is_recorded_and_compared(monkeypatch, name):
    monkeypatch.delenv(name, raising=False)
    before = describe_environment("cpu", {})
    assert name not in before["threads"]
    monkeypatch.setenv(name, "7")
    now = describe_environment("cpu", {})
    assert now["threads"][name] == "7"
    assert differences(before, now) == [f"threads.{name}: was None, is 7"]
    assert differences(now, now) == []


@pytest.mark.parametrize(
    "name", ["ONEDNN_VERBOSE", "OPENCV_LOG_LEVEL", "FLAGS_selected_gpus", "HOME"]
)
def test_a_variable_that_changes_no_result_is_not_compared(monkeypatch, name):
    before = describe_environment("cpu", {})
    monkeypatch.setenv(name, "7")
    assert differences(before, describe_environment("cpu", {})) == []


def test_instructions_are_compared_where_they_were_recorded(monkeypatch):
    monkeypatch.setattr(cpu, "cpu_flags", lambda: frozenset({"avx2", "avx", "sse4_2", "avx512f"}))
    before = describe_environment("cpu", {})
    assert before["instructions"] == "avx avx2 avx512f"
    monkeypatch.setattr(cpu, "cpu_flags", lambda: frozenset({"avx", "avx2"}))
    now = describe_environment("cpu", {})
    assert differences(before, now) == ["instructions: was avx avx2 avx512f, is avx avx2"]
    del before["instructions"]  # an earlier version's
    assert differences(before, now) == []


def test_of_a_gpu_its_kind_is_compared_and_not_its_number():
    kind = {"name": "Tesla V100", "cuda": "12.6", "cudnn": 90501}
    before = describe_environment("gpu:0", {}, gpu=kind)
    assert (before["device"], before["gpu"]) == ("gpu:0", kind)
    assert differences(before, describe_environment("gpu:1", {}, gpu=kind)) == []
    now = describe_environment("gpu:0", {}, gpu={**kind, "name": "A100", "cudnn": 90100})
    assert differences(before, now) == [
        "gpu.cudnn: was 90501, is 90100",
        "gpu.name: was Tesla V100, is A100",
    ]
    del before["gpu"]  # an earlier version's
    assert differences(before, now) == []
    assert "device: was gpu, is cpu" in differences(now, describe_environment("cpu", {}, gpu={}))


def test_own_code_is_compared_where_it_was_recorded():
    before, now = ({"device": "cpu", "own_code": {"mine": digest}} for digest in ("a1", "b2"))
    assert differences(before, before) == []
    assert differences(before, now) == ["own_code.mine: was a1, is b2"]
    assert differences({"device": "cpu"}, now) == []  # an earlier version's


@pytest.mark.parametrize(
    ("then", "now", "lines"),
    [
        ({}, {"DNNL_MAX_CPU_ISA": "AVX2"}, ["threads.DNNL_MAX_CPU_ISA: was None, is AVX2"]),
        ({"DNNL_MAX_CPU_ISA": "AVX2"}, {}, ["threads.DNNL_MAX_CPU_ISA: was AVX2, is None"]),
        ({"OMP_NUM_THREADS": "1"}, {"OMP_NUM_THREADS": "2"},
         ["threads.OMP_NUM_THREADS: was 1, is 2"]),
        ({"MKL_DEBUG_CPU_TYPE": "7", "KMP_DUPLICATE_LIB_OK": "True"}, {}, []),  # set in the run
        ({"MKL_DEBUG_CPU_TYPE": "7"}, {"MKL_DEBUG_CPU_TYPE": "5"},
         ["threads.MKL_DEBUG_CPU_TYPE: was 7, is 5"]),
    ],
)  # fmt: skip
def test_variables_are_compared_before_a_run_as_far_as_they_are_known_then(then, now, lines):
    known = {key: "x" for key in compared("ahead") if key not in ("threads", "own_code")}
    assert differences_ahead({**known, "threads": then}, {**known, "threads": now}) == lines


def test_code_is_compared_before_a_run_and_ones_own_where_both_have_it():
    record = {"code": "c1", "own_code": {"mine": "a1", "first": "d4"}}
    now = {"code": "c2", "own_code": {"mine": "b2", "other": "c3"}, "data": "another"}
    assert differences_ahead(record, now) == [
        "code: was c1, is c2", "own_code.mine: was a1, is b2",
    ]  # fmt: skip
    assert differences_ahead({}, {"own_code": {"mine": "b2"}}) == []  # an earlier version's


def test_changes_of_a_history_are_told_with_their_epochs():
    history = [
        {"epoch": 0, "changes": []}, {"epoch": 3, "changes": ["lr: was 1, is 2", "cpu: was A"]},
        {"epoch": None, "changes": ["x"]}, {"epoch": 5, "changes": ["code: was a, is b"]}, 7,
    ]  # fmt: skip
    assert recorded_changes({"history": history}) == [
        (3, "lr: was 1, is 2"), (3, "cpu: was A"), (5, "code: was a, is b"),
    ]  # fmt: skip
    assert recorded_changes({}) == recorded_changes({"history": 1}) == []


def test_only_what_differs_is_named_part_by_part():
    before = {"cpu": "A", "versions": {"numpy": "2.3", "pillow": "12"}, "code": "1", "cores": 2}
    now = {"cpu": "B", "versions": {"numpy": "2.2", "pillow": "12"}, "code": "1", "cores": 4}
    now |= {"data": {"train": {"digest": "x"}}}
    assert differences(before, now) == [
        "cpu: was A, is B",
        "data.train.digest: was None, is x",
        "versions.numpy: was 2.3, is 2.2",
    ]


def test_the_code_is_known_by_every_file_of_it(tmp_path, monkeypatch):
    (tmp_path / "paddle_aug").mkdir()
    (tmp_path / "models").mkdir()
    assert (environment.PACKAGE / "__main__.py").is_file()  # all of the package, not runs/ alone
    monkeypatch.setattr(environment, "PACKAGE", tmp_path / "paddle_aug")
    digests = []
    for place, text in (("paddle_aug/a.py", "x = 1"), ("models/b.py", ""), ("paddle_aug/a.py", "")):
        (tmp_path / place).write_text(text)
        digests.append(environment.code_digest())
    assert len(set(digests)) == 3


def arrays(change: int = 0) -> ArrayDataset:
    images = np.arange(3 * 5 * 7, dtype=np.uint8).reshape(3, 5, 7)
    images[1, 2, 3] += change
    return ArrayDataset(images, [0, 1, 0], ["a", "b"], "set")


def test_arrays_are_known_by_their_pixels():
    assert data_digest(arrays()) == data_digest(arrays()) != data_digest(arrays(1))
    assert data_digest(arrays().subset([0, 2])) == data_digest(arrays(1).subset([0, 2]))


@pytest.mark.parametrize("small", [True, False])
def test_files_are_known_by_paths_labels_and_content_or_size(tmp_path, monkeypatch, small):
    monkeypatch.setattr(image_dataset, "SMALL_BYTES", 10_000 if small else 10)
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for path in paths:
        Image.new("RGB", (5, 3)).save(path)

    def digest(chosen=paths, labels=(0, 1, 0)):
        return data_digest(FileDataset(chosen, labels, ["a", "b"], "set"))

    first = digest()
    assert digest(labels=(0, 1, 1)) != first
    assert digest(paths[::-1]) != first
    (tmp_path / "1.png").touch()
    assert digest() == first, "a copy of later time is the same data set"
    content = bytearray((tmp_path / "1.png").read_bytes())
    content[-20] ^= 1
    (tmp_path / "1.png").write_bytes(content)
    assert (digest() != first) is small, "of many files only the sizes are looked at"
    Image.effect_noise((5, 3), 50).save(paths[1])
    exchanged = digest()
    assert exchanged != first
    (tmp_path / "1.png").unlink()
    assert digest() not in (first, exchanged)


def test_a_part_of_a_large_set_is_known_as_if_it_stood_alone(tmp_path, monkeypatch):
    paths = [str(tmp_path / f"{i}.png") for i in range(3)]
    for number, path in enumerate(paths):
        Image.new("RGB", (5, 3), (number, 0, 0)).save(path)
    two = sum(Path(path).stat().st_size for path in paths[:2])
    monkeypatch.setattr(image_dataset, "SMALL_BYTES", two)
    whole = FileDataset(paths, [0, 1, 0], ["a", "b"], "set")
    data_digest(whole)
    alone = FileDataset(paths[:2], [0, 1], ["a", "b"], "set")
    assert data_digest(whole.subset([0, 1])) == data_digest(alone)


def test_a_resumed_run_keeps_its_threads_unless_the_user_has_set_them(tmp_path, monkeypatch):
    file = tmp_path / "environment.json"
    cores = available_cores()
    for recorded, taken in (
        (str(cores), str(cores)), ("1", "1"), (str(cores + 1), None), ("0", None), ("many", None),
        (None, None),
    ):  # fmt: skip
        monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
        file.write_text(json.dumps({"threads": {"OMP_NUM_THREADS": recorded}}))
        keep_threads(file)
        assert os.environ.get("OMP_NUM_THREADS") == taken
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    file.write_text(json.dumps({"threads": {"OMP_NUM_THREADS": "1"}}))
    keep_threads(file)
    assert os.environ["OMP_NUM_THREADS"] == "7"
    monkeypatch.delenv("OMP_NUM_THREADS")
    file.unlink()
    keep_threads(file)
    assert "OMP_NUM_THREADS" not in os.environ
