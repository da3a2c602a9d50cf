"""The soak of kills leaves no folder behind, and uses a cache that was named."""

import os
import sys
import tempfile
from pathlib import Path

import digest_runs
import pytest
import soak_kills

from paddle_aug.modes import AUGMENTS


@pytest.mark.parametrize("named", [True, False])
def test_the_cache_of_a_soak_goes_with_its_folder(tmp_path, monkeypatch, named):
    seen = []

    class Noted:
        def __init__(self, folder, args):
            seen.append((folder, os.environ["PADDLE_AUG_CACHE"]))

        def run(self):
            return 0

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(soak_kills, "Soak", Noted)
    monkeypatch.setattr(sys, "argv", ["soak_kills.py"])
    monkeypatch.setenv("PADDLE_AUG_CACHE", "/named")
    if not named:
        monkeypatch.delenv("PADDLE_AUG_CACHE")
    assert soak_kills.main() == 0
    (folder, cache), left = seen[0], list(tmp_path.iterdir())
    assert cache == ("/named" if named else str(Path(folder) / "cache")) and left == []


def test_digests_are_of_every_value_of_augment():
    assert digest_runs.AUGMENTS == AUGMENTS
