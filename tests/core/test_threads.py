"""What is set before Paddle is imported, and that a user's own settings stand."""

import builtins
import json
import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_aug.core import cpu
from paddle_aug.core import paddle_import as threads


def prepared(code: str = "", busy: float = 0.0, **environment: str) -> dict:
    """What prepare_environment() returns in a fresh process with these settings only, beside other
    programs that keep so many cores busy."""
    names = ("PATH", "HOME", "LD_LIBRARY_PATH")
    kept = {n: v for n, v in os.environ.items() if n in names or n.startswith("COVERAGE_")}
    program = (
        f"import json, os, sys; {code}\n"
        "from paddle_aug.core import paddle_import as threads\n"
        f"threads.busy_cores = lambda: {busy}\n"
        "record = threads.prepare_environment()\n"
        "assert 'paddle' not in sys.modules or record['late']\n"
        "record['plan_threads'] = threads.plan_threads()\n"
        "record['again'] = threads.prepare_environment()['set']\n"
        "print(json.dumps(record))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True,
        env={**kept, **environment},
    )  # fmt: skip
    return json.loads(done.stdout)


def test_every_core_is_used_where_nothing_is_set():
    record = prepared()
    assert record["cores"] == cpu.available_cores()
    assert record["OMP_NUM_THREADS"] == str(record["cores"])
    assert record["plan_threads"] == record["cores"]
    assert {"OMP_NUM_THREADS", "GLOG_minloglevel"} <= set(record["set"])
    assert record["again"] == record["set"]
    assert not record["late"]


@pytest.mark.skipif(cpu.available_cores() == 1, reason="a single core is taken in any case")
def test_cores_that_other_programs_keep_busy_are_left_to_them():
    cores = cpu.available_cores()
    for busy, threads_ in ((0.4, cores), (0.6, cores - 1), (1.4, cores - 1), (100.0, 1)):
        record = prepared(busy=busy)
        assert (record["busy"], record["OMP_NUM_THREADS"]) == (busy, str(threads_))
        assert record["plan_threads"] == threads_
    record = prepared(busy=1.0, OMP_NUM_THREADS=str(cores))
    assert (record["busy"], record["plan_threads"]) == (None, cores)
    record = prepared(busy=1.0, PADDLE_TRAINERS_NUM="2")
    assert (record["busy"], record["plan_threads"]) == (None, cores)


def test_a_container_leaves_its_quota_whatever_the_host_does(monkeypatch):
    monkeypatch.setattr(cpu, "_cores_by_affinity", lambda: 64)
    monkeypatch.setattr(cpu, "available_cores", lambda: 2)
    assert [cpu.free_cores(busy) for busy in (0, 32.0, 62.6, 64.0)] == [2, 2, 1, 1]


def _stat(*cores: tuple[int, int]) -> str:
    """A /proc/stat with (worked, idle) of each core, and a core that is not ours."""
    lines = [f"cpu{n} {worked} 0 0 {idle} 0 0 0 0 0 0" for n, (worked, idle) in enumerate(cores)]
    return "\n".join(["cpu 9 9 9 9 9 9 9 9 9 9", *lines, "cpu7 5000 0 0 1 0 0 0 0 0 0", "intr 1"])


@pytest.mark.parametrize(
    ("moments", "busy"),
    [
        ([(0, 0, 0, 0), (10, 0, 0, 10), (20, 0, 0, 20)], 1.0),
        ([(0, 0, 0, 0), (0, 10, 0, 10), (0, 20, 0, 20)], 0.0),
        ([(0, 0, 0, 0), (10, 0, 10, 0), (20, 0, 20, 0)], 2.0),
        # Work of a moment.
        ([(0, 0, 0, 0), (10, 0, 10, 0), (10, 10, 10, 10)], 0.0),
        # No time has passed for the clock of the system.
        ([(0, 0, 0, 0), (0, 0, 0, 0), (0, 0, 0, 0)], 0.0),
    ],
)
def test_busy_cores_are_those_of_the_quietest_moment(monkeypatch, moments, busy):
    texts = iter([_stat((a, b), (c, d)) for a, b, c, d in moments])
    monkeypatch.setattr(cpu.Path, "read_text", lambda path: next(texts))
    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
    assert cpu.busy_cores(windows=2, seconds=0) == busy


def test_where_the_system_does_not_tell_no_core_counts_as_busy(monkeypatch):
    monkeypatch.delattr(cpu.os, "sched_getaffinity", raising=False)
    assert cpu.busy_cores(windows=1, seconds=0) == 0.0


def test_the_users_settings_stand():
    record = prepared(OMP_NUM_THREADS="1", MKL_DEBUG_CPU_TYPE="4", GLOG_minloglevel="0")
    assert record["set"] == []
    assert (record["OMP_NUM_THREADS"], record["MKL_DEBUG_CPU_TYPE"]) == ("1", "4")
    assert record["plan_threads"] == 1
    assert prepared(OMP_NUM_THREADS="3,2")["plan_threads"] == 3


def test_a_users_allocator_settings_stand():
    assert prepared(MALLOC_ARENA_MAX="2")["malloc"] is False
    assert prepared(GLIBC_TUNABLES="glibc.malloc.mmap_threshold=1000000")["malloc"] is False


def test_after_paddles_import_its_threads_stay_but_plans_use_the_cores():
    # As Paddle does at its import where OMP_NUM_THREADS is not set.
    pretend = "sys.modules['paddle'] = sys; os.environ['OMP_NUM_THREADS'] = '1'"
    record = prepared(pretend)
    assert record["late"] and record["OMP_NUM_THREADS"] == "1"
    # MKL reads its own only at the first product.
    assert record["set"] == (["MKL_DEBUG_CPU_TYPE"] if cpu.is_amd() else [])
    assert record["plan_threads"] == cpu.available_cores()
    assert prepared(pretend, OMP_NUM_THREADS="1")["plan_threads"] == 1


@pytest.mark.parametrize(
    ("cpuinfo", "kind"), [("AuthenticAMD\nflags\t: avx2 avx512f", "7"), ("AuthenticAMD", "5")]
)
def test_mkls_fast_path_is_asked_for_on_amd(monkeypatch, cpuinfo, kind):
    text = f"vendor_id\t: {cpuinfo}\n"
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: text)
    monkeypatch.setattr(threads, "_prepared", None)
    monkeypatch.setattr(threads.sys, "modules", {})
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "GLOG_minloglevel"):
        monkeypatch.delenv(name, raising=False)
    assert threads.prepare_environment()["MKL_DEBUG_CPU_TYPE"] == kind
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "GLOG_minloglevel"):
        monkeypatch.delenv(name)


@pytest.fixture
def uncached():
    for function in (cpu.available_cores, cpu._cpuinfo, threads._environment_at_start):
        function.cache_clear()
    yield
    for function in (cpu.available_cores, cpu._cpuinfo, threads._environment_at_start):
        function.cache_clear()


QUOTAS = [
    ({"cpu.max": "max 100000"}, 7), ({"cpu.max": "250000 100000"}, 2),
    ({"cpu.max": "50000 100000"}, 1), ({"cpu.max": "900000 100000"}, 7), ({"cpu.max": "?"}, 7),
    ({"cpu.cfs_quota_us": "300000\n", "cpu.cfs_period_us": "100000\n"}, 3),
    ({"cpu.cfs_quota_us": "-1\n", "cpu.cfs_period_us": "100000\n"}, 7),
    ({"cpu.cfs_quota_us": "300000\n"}, 7), ({}, 7),
]  # fmt: skip


@pytest.mark.parametrize(("files", "cores"), QUOTAS)
def test_a_containers_quota_cuts_the_cores(monkeypatch, uncached, files, cores):
    def read(path: Path) -> str:
        if path.name not in files:
            raise FileNotFoundError(path)
        return files[path.name]

    monkeypatch.setattr(cpu.os, "sched_getaffinity", lambda _: set(range(7)), raising=False)
    monkeypatch.setattr(cpu.Path, "read_text", read)
    assert cpu.available_cores() == cores


def test_a_system_that_tells_nothing_has_its_cpu_count_and_no_features(monkeypatch, uncached):
    def missing(*_):
        raise FileNotFoundError

    monkeypatch.delattr(cpu.os, "sched_getaffinity", raising=False)
    monkeypatch.setattr(cpu.os, "cpu_count", lambda: 5)
    monkeypatch.setattr(cpu.Path, "read_text", missing)
    monkeypatch.setattr(threads.Path, "read_bytes", missing)
    assert cpu.available_cores() == 5
    assert cpu.cpu_flags() == frozenset()
    assert threads._environment_at_start() == {}


@pytest.mark.parametrize(
    ("value", "started_with", "planned"),
    [("3", {}, 3), ("4,2", {}, 4), ("many", {}, 6), ("0", {}, 1), ("1", {}, 6),
     ("1", {"OMP_NUM_THREADS": "1"}, 1)],
)  # fmt: skip
def test_plans_use_the_users_threads_and_else_every_core(monkeypatch, value, started_with, planned):
    monkeypatch.setattr(threads, "_prepared", None)
    monkeypatch.setattr(threads, "available_cores", lambda: 6)
    monkeypatch.setattr(threads, "_environment_at_start", lambda: started_with)
    monkeypatch.setenv("OMP_NUM_THREADS", value)
    assert threads.plan_threads() == planned


def test_without_glibcs_mallopt_nothing_is_promised(monkeypatch):
    for name in [n for n in os.environ if n.startswith("MALLOC_") or n == "GLIBC_TUNABLES"]:
        monkeypatch.delenv(name)
    monkeypatch.setattr(threads.ctypes, "CDLL", lambda _: object())
    assert threads._keep_freed_memory() is False


def test_of_what_paddle_says_at_its_import_only_two_remarks_are_dropped(monkeypatch, capsys):
    noise = "No ccache found.\nOMP_NUM_THREADS set to 2\n  warnings.warn(x)\n"
    said = f"a real warning\n{noise}another\n"
    real = builtins.__import__

    def noisy(name, *args, **kwargs):
        if name == "paddle":
            sys.stderr.write(said)
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", noisy)
    threads.import_paddle()
    assert capsys.readouterr().err == "a real warning\nanother\n"


def test_log_handlers_made_while_paddle_is_imported_are_heard_afterwards(monkeypatch, capsys):
    real = builtins.__import__
    handlers = []

    def with_handler(name, *args, **kwargs):
        if name == "paddle":
            handlers.append(logging.StreamHandler())
        return real(name, *args, **kwargs)

    monkeypatch.setattr(builtins, "__import__", with_handler)
    threads.import_paddle()
    handlers[0].emit(logging.makeLogRecord({"msg": "said later"}))
    assert capsys.readouterr().err == "said later\n"


def test_mkl_is_left_alone_on_other_processors(monkeypatch):
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: "vendor_id\t: GenuineIntel\n")
    assert not cpu.is_amd()
    monkeypatch.setattr(cpu, "_cpuinfo", lambda: "")
    assert cpu.cpu_flags() == frozenset() and not cpu.is_amd()
