"""What is set before Paddle is imported, and that a user's own settings stand."""

import json
import os
import subprocess
import sys

import pytest

from paddle_aug import threads


def prepared(code: str = "", **environment: str) -> dict:
    """What prepare_environment() returns in a fresh process with these settings only."""
    kept = {
        name: os.environ[name] for name in ("PATH", "HOME", "LD_LIBRARY_PATH") if name in os.environ
    }
    program = (
        f"import json, os, sys; {code}\n"
        "from paddle_aug import threads\n"
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
    assert record["cores"] == threads.available_cores()
    assert record["OMP_NUM_THREADS"] == str(record["cores"])
    assert record["plan_threads"] == record["cores"]
    assert {"OMP_NUM_THREADS", "GLOG_minloglevel"} <= set(record["set"])
    assert record["again"] == record["set"]
    assert not record["late"]


def test_the_users_settings_stand():
    record = prepared(OMP_NUM_THREADS="1", MKL_DEBUG_CPU_TYPE="4", GLOG_minloglevel="0")
    assert record["set"] == []
    assert (record["OMP_NUM_THREADS"], record["MKL_DEBUG_CPU_TYPE"]) == ("1", "4")
    assert record["plan_threads"] == 1
    assert prepared(OMP_NUM_THREADS="3,2")["plan_threads"] == 3


def test_a_users_allocator_settings_stand():
    assert prepared(MALLOC_ARENA_MAX="2")["malloc"] is False
    assert prepared(GLIBC_TUNABLES="glibc.malloc.mmap_threshold=1000000")["malloc"] is False


def test_after_paddles_import_nothing_is_set_but_plans_use_the_cores():
    # As Paddle does at its import where OMP_NUM_THREADS is not set.
    pretend = "sys.modules['paddle'] = sys; os.environ['OMP_NUM_THREADS'] = '1'"
    record = prepared(pretend)
    assert record["late"] and record["set"] == []
    assert record["plan_threads"] == threads.available_cores()
    assert prepared(pretend, OMP_NUM_THREADS="1")["plan_threads"] == 1


@pytest.mark.parametrize(
    ("cpuinfo", "kind"), [("AuthenticAMD\nflags\t: avx2 avx512f", "7"), ("AuthenticAMD", "5")]
)
def test_mkls_fast_path_is_asked_for_on_amd(monkeypatch, cpuinfo, kind):
    text = f"vendor_id\t: {cpuinfo}\n"
    monkeypatch.setattr(threads, "_cpuinfo", lambda: text)
    monkeypatch.setattr(threads, "_prepared", None)
    monkeypatch.setattr(threads.sys, "modules", {})
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "GLOG_minloglevel"):
        monkeypatch.delenv(name, raising=False)
    assert threads.prepare_environment()["MKL_DEBUG_CPU_TYPE"] == kind
    for name in ("MKL_DEBUG_CPU_TYPE", "OMP_NUM_THREADS", "GLOG_minloglevel"):
        monkeypatch.delenv(name)


def test_mkl_is_left_alone_on_other_processors(monkeypatch):
    monkeypatch.setattr(threads, "_cpuinfo", lambda: "vendor_id\t: GenuineIntel\n")
    assert not threads.is_amd()
    monkeypatch.setattr(threads, "_cpuinfo", lambda: "")
    assert threads.cpu_flags() == frozenset() and not threads.is_amd()
