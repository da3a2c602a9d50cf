"""The report page of the project's own suites and results."""

from pathlib import Path

import pytest
import yaml

from paddle_aug.core.errors import UserError
from tests.page.test_page import page
from tests.run_folders import CLAIM, suite_results

ROOT = Path(__file__).parents[2]


def test_a_suites_file_names_its_results(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    suite_results(tmp_path / "results" / "s4", [CLAIM])
    html = page(tmp_path, "configs/suites/s4.yaml", "--results", tmp_path / "results")
    assert "<h1>A suite</h1>" in html
    with pytest.raises(UserError, match="no results in"):
        page(tmp_path, "configs/suites/s1.yaml", "--results", tmp_path / "results")


def test_the_committed_results_make_a_small_page(tmp_path):
    html = page(tmp_path, ROOT / "results/small_data", "--language", "zh")
    assert len(html.encode()) < 1_500_000
    suite = yaml.safe_load((ROOT / "configs/suites/small_data.yaml").read_text("utf-8"))
    assert suite["claims"][0]["text"] in html and '<html lang="zh-CN">' in html
