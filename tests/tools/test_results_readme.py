"""results/README.md: as the results are, and right on made-up ones."""

import numpy as np
import pytest
import results_readme
import yaml
from results_readme import ROOT, readme

from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.page.render import MARK
from paddle_aug.runs.layout import CURVES

SUITE = {
    "title": "Made up", "source": "nobody", "baseline": "none", "options": {"epochs": 20},
    "runs": [
        {"label": "none", "config": "../run.yaml", "seeds": [0, 1, 2]},
        {"label": "mixup", "config": "../run.yaml", "options": {"augment": "mixup"},
         "seeds": [0, 1]},
        {"label": "cutout", "config": "../run.yaml", "options": {"augment": "cutout"}},
    ],
    "claims": [
        {"text": "mixup brings | 5 points", "method": "mixup", "difference": 0.05,
         "tolerance": 0.02, "scale": "tiny"},
        {"text": "none has 0.4", "method": "none", "value": 0.4, "tolerance": 0.1},
        {"text": "cutout brings 5 points", "method": "cutout", "difference": 0.05,
         "tolerance": 0.02},
    ],
}  # fmt: skip
OTHER = {"claim": "another", "published": "+1", "source": "somebody", "why": "no time"}


def write_cell(folder, mode, value, seed, **changes):
    folder.mkdir(parents=True)
    for curve in CURVES:
        np.save(folder / f"{mode}Aug_{curve}.npy", np.full(20, value))
    rows = "".join(f"{epoch},{value},30\n" for epoch in range(20))
    (folder / "metrics.csv").write_text(f"epoch,accEval,seconds\n{rows}")
    options = {"augment": mode, "data": "digits", "epochs": 20, "amp": "bf16", "seed": seed}
    config = load_config({**options, **changes}).filled()
    (folder / "changes.yaml").write_text(yaml.safe_dump(config.difference()))


def made_up(root, **changes):
    (root / "configs/suites").mkdir(parents=True)
    (root / "configs/run.yaml").write_text("augment: 'no'\ndata: digits\n")
    (root / "configs/suites/made.yaml").write_text(yaml.safe_dump({**SUITE, **changes}))
    (root / "results").mkdir()
    (root / "results/claims.yaml").write_text(yaml.safe_dump({"claims": [OTHER]}))
    return root / "results/made/curves"


def rows_of(text):
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| ")]
    return {line[0]: line[1:] for line in lines}


def test_claims_are_judged_from_the_committed_runs(tmp_path):
    curves = made_up(tmp_path)
    for seed, (none, mixup) in enumerate([(0.40, 0.45), (0.41, 0.4602), (0.42, None)]):
        write_cell(curves / f"none/seed{seed}", "no", none, seed)
        if mixup is not None:
            write_cell(curves / f"mixup/seed{seed}", "mixup", mixup, seed)
    text = readme(tmp_path)
    rows = rows_of(text)
    assert rows["mixup brings &#124; 5 points"] == [
        "+5.0 points (± 2.0)", "+5.0 points", "+4.9 to +5.1 points", "seeds", "2",
        "**reproduced**: the difference is shown, and the interval holds the published size",
        "tiny, bf16", "40 min, 4 runs",
    ]  # fmt: skip
    assert rows["none has 0.4"][3:5] == ["seeds", "3"]
    assert rows["none has 0.4"][-2:] == ["the source's, bf16", "30 min, 3 runs"]
    assert rows["cutout brings 5 points"][4:6] == ["0", "**not run**"]
    assert rows["another"] == ["+1", "somebody", "no time"]
    assert ": not judged 1, not run 1, reproduced 2." in text
    assert "5 of 6 runs are finished: [Tables](made/table.md)." in text
    assert "`python -m paddle_aug suite configs/suites/made.yaml -- --amp bf16`" in text


def test_runs_with_other_options_than_the_suites_are_not_judged(tmp_path):
    curves = made_up(tmp_path)
    write_cell(curves / "none/seed0", "no", 0.4, 0, weight_decay=0.05)
    with pytest.raises(UserError, match="with other options .weight_decay: was 0.05, is 0.0"):
        readme(tmp_path)


def test_a_claim_that_two_scales_judge_counts_once(tmp_path):
    curves = made_up(tmp_path)
    small = tmp_path / "configs/suites/a_small_scale.yaml"
    small.write_text((tmp_path / "configs/suites/made.yaml").read_text())
    assert ": not judged 1, not run 3." in readme(tmp_path)
    for seed in (0, 1):
        write_cell(curves / f"none/seed{seed}", "no", 0.40 + seed / 1000, seed)
    assert ": not judged 1, not run 2, reproduced 1." in readme(tmp_path)


@pytest.mark.parametrize("small", ["a_small_scale", "z_small_scale"])
def test_of_several_scales_the_sources_own_counts_where_it_was_run(tmp_path, small):
    """Whichever file comes first by name."""
    curves = made_up(tmp_path)
    reduced = {**SUITE, "claims": [{**claim, "scale": "tiny"} for claim in SUITE["claims"]]}
    (tmp_path / f"configs/suites/{small}.yaml").write_text(yaml.safe_dump(reduced))
    for seed in (0, 1, 2):
        place = tmp_path / f"results/{small}/curves/none/seed{seed}"
        write_cell(place, "no", 0.90 + seed / 1000, seed)
    assert ": not judged 1, not run 2, not seen 1." in readme(tmp_path)
    for seed in (0, 1, 2):
        write_cell(curves / f"none/seed{seed}", "no", 0.40 + seed / 1000, seed)
    assert ": not judged 1, not run 2, reproduced 1." in readme(tmp_path)


def test_claims_of_one_text_and_runs_without_times(tmp_path):
    claims = [{**SUITE["claims"][1], "value": value} for value in (0.4, 0.9)]
    curves = made_up(tmp_path, claims=claims)
    for seed in (0, 1):
        place = curves / f"none/seed{seed}"
        write_cell(place, "no", 0.40 + seed / 1000, seed)
        lines = (place / "metrics.csv").read_text().splitlines()
        without = [line.rpartition(",")[0] for line in lines]
        (place / "metrics.csv").write_text("\n".join(without))
    rows = [line for line in readme(tmp_path).splitlines() if line.startswith("| none has 0.4")]
    assert ["**reproduced**" in rows[0], "**not seen**" in rows[1]] == [True, True]
    assert all(row.endswith("| not recorded, 2 runs |") for row in rows)


def test_what_is_not_run_is_said_and_a_page_is_linked(tmp_path):
    curves = made_up(tmp_path)
    text = readme(tmp_path)
    assert "**Not run.**" in text and ": not judged 1, not run 3." in text
    write_cell(curves / "cutout/seed0", "cutout", 0.5, 0)  # and no baseline
    (tmp_path / "results/made/report.html").write_text("")
    text = readme(tmp_path)
    assert rows_of(text)["cutout brings 5 points"][5] == "**not run**"
    assert "[page](made/report.html)" in text


def test_a_run_that_is_not_finished_does_not_count(tmp_path):
    curves = made_up(tmp_path)
    write_cell(curves / "none/seed0", "no", 0.4, 0)
    lines = (curves / "none/seed0/metrics.csv").read_text().splitlines()
    (curves / "none/seed0/metrics.csv").write_text("\n".join(lines[:-1]))
    assert "**Not run.**" in readme(tmp_path)


def test_the_file_is_up_to_date():
    text = (ROOT / "results/README.md").read_text(encoding="utf-8")
    assert text == readme(), "python tools/results_readme.py"


def test_committed_pages_are_small_reports_without_images_of_the_data():
    pages = sorted(ROOT.glob("results/*/report.html"))
    assert pages
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert MARK in text and len(text.encode()) < 1_500_000, page
        assert "data:image/jpeg" not in text and "(--no-images)" in text, page


def test_check_compares_and_writes_nothing(tmp_path, monkeypatch, capsys):
    made_up(tmp_path)
    monkeypatch.setattr(results_readme, "ROOT", tmp_path)
    monkeypatch.setattr(results_readme, "readme", lambda: "text")
    monkeypatch.setattr("sys.argv", ["results_readme.py", "--check"])
    assert results_readme.main() == 1
    assert not (tmp_path / "results/README.md").exists()
    monkeypatch.setattr("sys.argv", ["results_readme.py"])
    assert results_readme.main() == 0
    monkeypatch.setattr("sys.argv", ["results_readme.py", "--check"])
    assert results_readme.main() == 0
    assert "up to date" in capsys.readouterr().out.splitlines()[-1]
