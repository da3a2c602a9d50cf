"""The real command on a small suite of digits: two runs side by side, stopped, gone on with."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from paddle_aug.core.cpu import available_cores

ROOT = Path(__file__).parent.parent.parent
SUITE = {
    "title": "Digits", "source": "nowhere", "baseline": "plain", "last": 2,
    "options": {"data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2,
                "batch_size": 4, "epochs": 8, "lr": 0.01, "eval_per_class": 3},
    "runs": [
        {"label": "plain", "config": "base.yaml", "options": {"augment": "userDef"}},
        {"label": "mixup", "config": "base.yaml", "options": {"augment": "mixup"}},
    ],
    "claims": [
        {"text": "ninety points", "method": "mixup", "difference": 0.9, "tolerance": 0.05},
        {"text": "Mixup at 0.2", "method": "mixup", "value": 0.2, "tolerance": 0.01},
    ],
}  # fmt: skip


def start(*arguments, **environment) -> "subprocess.Popen[str]":
    inherited = {k: v for k, v in os.environ.items() if k != "OMP_NUM_THREADS"}
    return subprocess.Popen(
        [sys.executable, "-m", "paddle_aug", "suite", "suite.yaml", "--jobs", "2", *arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**inherited, "PYTHONPATH": str(ROOT), **environment},
    )  # fmt: skip


def test_two_side_by_side_are_stopped_gone_on_with_and_judged(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("cpu_backend: paddle\n")
    Path("suite.yaml").write_text(yaml.safe_dump(SUITE))
    suite = start()
    states = [Path(f"logs/suites/suite/{label}/seed0") for label in ("plain", "mixup")]
    for _ in range(3000):
        if all(list(folder.rglob("metrics.csv")) for folder in states) or suite.poll() is not None:
            break
        time.sleep(0.02)
    suite.send_signal(signal.SIGINT)
    said, _ = suite.communicate(timeout=120)
    assert suite.returncode == 130, said
    assert said.rstrip().endswith("suite stopped; the same command goes on from here")
    assert all(list(folder.rglob("state-*.safetensors")) for folder in states)

    again = start()
    said, _ = again.communicate(timeout=300)
    assert again.returncode == 0, said
    results = Path("logs/results/suite")
    values = json.loads((results / "table.json").read_text())
    assert [method["label"] for method in values["methods"]] == ["plain", "mixup"]
    assert values["differences"] == [] and values["missing"] == []
    threads = str(max(1, available_cores() // 2))
    for method in values["methods"]:
        (run,) = method["runs"]
        assert run["epochs"] == 8 and run["imagesEvaluated"] == 359
        assert run["environment"]["threads"]["OMP_NUM_THREADS"] == threads
        assert (results / run["folder"] / "predictions.npz").exists()
    gain, value = values["claims"]
    assert gain["verdict"] in ("not seen", "same direction") and gain["oneSeed"]
    assert gain["reason"].startswith("one seed, on this evaluation set: ")
    assert value["verdict"] in ("not seen", "undecided")
    (comparison,) = values["comparisons"]
    assert [images["images"] for images in comparison["overImages"]] == [359]
    assert "ninety points: " in said and "of the suite" in said
    assert str(tmp_path) not in (results / "table.json").read_text()


def test_the_cost_is_told_from_an_epoch_and_nothing_is_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text("cpu_backend: paddle\n")
    Path("suite.yaml").write_text(yaml.safe_dump(SUITE))
    cost = start("--cost")
    said, _ = cost.communicate(timeout=300)
    assert cost.returncode == 0, said
    assert said.count(" -m paddle_aug train --config base.yaml") == 2
    assert "2 runs, 16 epochs; precision: float32; 2 side by side" in said
    # Mixup's image part is userDef, so one of the two is timed for both.
    assert "s an epoch (evaluation included): plain, mixup\n" in said
    assert "16 epochs left: about " in said
    assert sorted(path.name for path in tmp_path.iterdir()) == ["base.yaml", "suite.yaml"]
