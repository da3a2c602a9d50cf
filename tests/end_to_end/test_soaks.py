"""The soaks and the mutation check at a small scale, as anyone runs them."""

import re
import subprocess
import sys

import pytest

from tests.end_to_end.test_train import ROOT

pytestmark = pytest.mark.usefixtures("programs_without_coverage")


def soak(name: str, *arguments: str) -> str:
    result = subprocess.run(
        [sys.executable, f"tools/{name}.py", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_runs_killed_twenty_times_in_every_mode_resume_to_the_same_bytes():
    said = soak("soak_kills", "--count", "20", "--epochs", "5")
    assert re.search(r"0 damaged files, 20 kills, .* 0 left-over processes, .* 0 runs that differ; "
                     r"12 modes", said)  # fmt: skip
    assert said.count(": equal") >= 12


def test_the_fuzz_soak_reports_every_reader():
    said = soak("soak_fuzz", "--count", "5", "--targets", "list,image,pdparams")
    assert [line.split()[:2] for line in said.splitlines()[1:4]] == [
        ["list", "5"], ["image", "5"], ["pdparams", "5"],
    ]  # fmt: skip
    assert "all readers passed" in said


def test_the_mutation_check_notices_broken_seeding():
    said = soak("mutation_check", "seeding")
    assert "2 of 2 mutants noticed" in said
