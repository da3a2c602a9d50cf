"""Data whose names are GBK bytes, and a terminal that knows only ASCII, from training to tables."""

import csv
import json
import os
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image

from tests.warm_python import warm_python

ROOT = Path(__file__).parent.parent.parent
CLASSES = ["圆盘", "方块"]


def test_every_command_takes_names_of_another_encoding(tmp_path):
    rng = np.random.default_rng(0)
    data = os.fsencode(tmp_path) + b"/" + "数据".encode("gbk")
    for name in CLASSES:
        folder = data + b"/" + name.encode("gbk")
        os.makedirs(folder)
        for number in range(5):
            image = Image.fromarray(rng.integers(0, 256, (9, 9, 3), np.uint8))
            with open(folder + b"/%d.png" % number, "wb") as file:
                image.save(file, "png")
    output = os.fsencode(tmp_path) + b"/" + "输出".encode("gbk")
    small = ["--model", "LeNet", "--image-size", "32", "--epochs", "1", "--batch-size", "4"]
    # Each command, and what it must have said.
    commands = {
        ("train.py", "--data", data, "--augment", "no", "--output", output, *small):
        "are read as GBK: \\u5706",
        ("evaluate.py", output + b"/no"): "\\u5706\\u76d8",
        ("-m", "paddle_aug", "check", data, "--output", output + b"/check"): "\\u5706\\u76d8",
    }  # fmt: skip
    environment = {
        **os.environ, "PYTHONIOENCODING": "ascii", "OMP_NUM_THREADS": "1",
        "PADDLE_AUG_CACHE": str(tmp_path / "cache"),
    }  # fmt: skip
    for command, said in commands.items():
        done = subprocess.run(
            [*warm_python(), *command], cwd=ROOT, env=environment, capture_output=True
        )
        assert done.returncode == 0, done.stderr.decode()
        assert b"Traceback" not in done.stderr and said in done.stdout.decode("ascii")
    folder = Path(os.fsdecode(output)) / "no"
    with (folder / "evaluation" / "classes.csv").open(encoding="utf-8") as file:
        assert [row["class"] for row in csv.DictReader(file)] == CLASSES
    with (folder / "evaluation" / "mistakes.csv").open(encoding="utf-8") as file:
        places = [row["image"] for row in csv.DictReader(file)]
    assert all(place.startswith(f"{tmp_path}/数据/") for place in places)
    report = json.loads((folder.parent / "check" / "check.json").read_text(encoding="utf-8"))
    assert report["data"] == f"{tmp_path}/数据"
    assert [row["class"] for row in report["classes"]] == CLASSES
