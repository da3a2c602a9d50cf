#!/usr/bin/env python3
"""Digests of the curves and weights that a checkout gives for every value of --augment.

If two checkouts compute the same, their lines are equal:

    python tools/digest_runs.py path/to/checkout > before.txt
    python tools/digest_runs.py . > after.txt
    diff before.txt after.txt
"""

import argparse
import hashlib
import subprocess
import sys
import tempfile
from pathlib import Path

import cv2
import numpy as np
from safetensors.numpy import load_file
from sklearn.datasets import load_sample_image

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from paddle_aug.modes import AUGMENTS

MODELS = ("LeNet", "GoogLeNetBN", "ResNetSmall")
OPTIONS = (
    "--image-size", "32", "--epochs", "10", "--batch-size", "6", "--lr", "0.001", "--seed", "3",
    "--max-steps", "2", "--no-cache",
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("checkout", type=Path, help="folder of the project's train.py")
    parser.add_argument("--option", action="append", default=[], metavar="AUGMENT:OPTION=VALUE",
                        help="one more option for one value of --augment")  # fmt: skip
    args = parser.parse_args()
    data = tempfile.TemporaryDirectory()
    make_pictures(Path(data.name))
    for augment in AUGMENTS:
        extra = ["--data", data.name]
        for text in args.option:
            which, _, option = text.partition(":")
            if which == augment:
                extra += [f"--{option.partition('=')[0]}", option.partition("=")[2]]
        for model in MODELS:
            print(f"{augment} {model} {digest(args.checkout, augment, model, extra)}", flush=True)
    return 0


def make_pictures(folder: Path) -> None:
    """Write four class folders of eight pictures each, cut out of scikit-learn's two
    photographs."""
    for number in range(32):
        photo = load_sample_image(("china.jpg", "flower.jpg")[number % 2])
        cut = photo[number * 8 : number * 8 + 40, number * 16 : number * 16 + 48]
        (folder / f"class{number % 4}").mkdir(exist_ok=True)
        cv2.imwrite(str(folder / f"class{number % 4}" / f"{number}.png"), cut[:, :, ::-1])


def digest(checkout: Path, augment: str, model: str, extra: list[str]) -> str:
    """A line with a digest of the four curves and one of all arrays of the last state."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "train.py", *OPTIONS, "--augment", augment, "--model", model,
                   "--output", folder, *extra]  # fmt: skip
        subprocess.run(command, cwd=checkout, check=True, stdout=subprocess.DEVNULL)
        curves, weights = hashlib.sha256(), hashlib.sha256()
        for path in sorted(Path(folder).glob("*Aug_*.npy")):
            curves.update(np.load(path).tobytes())
        states = sorted((Path(folder) / augment / "checkpoints").glob("state-*.safetensors"))
        for name, array in sorted(load_file(states[-1]).items()):
            weights.update(name.encode() + array.tobytes())
    return f"curves {curves.hexdigest()[:16]} weights {weights.hexdigest()[:16]}"


if __name__ == "__main__":
    sys.exit(main())
