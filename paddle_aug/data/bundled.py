"""Images that come with scikit-learn: its handwritten digits and its two photographs.

They are read from its files. Importing scikit-learn takes longer than importing Paddle.
"""

import gzip
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

PHOTOGRAPHS = ("china.jpg", "flower.jpg")


def digit_images() -> tuple[np.ndarray, np.ndarray]:
    """(images uint8 [1797, 8, 8], their 0..16 scaled to 0..255; labels int64 [1797]).

    Source: https://archive.ics.uci.edu/dataset/80
    """
    path = _folder() / "data" / "digits.csv.gz"
    if path.is_file():
        with gzip.open(path, "rt", encoding="ascii") as file:
            rows = np.loadtxt(file, delimiter=",")
        values, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1].astype(np.int64)
    else:
        from sklearn.datasets import load_digits  # a version that keeps them elsewhere

        digits: Any = load_digits()
        values, labels = digits.images, digits.target
    return np.round(values * (255 / 16)).astype(np.uint8), labels


def photographs() -> dict[str, np.ndarray]:
    """A temple, "china", and a "flower" by these names, each uint8 [427, 640, 3] RGB."""
    folder = _folder() / "images"
    paths = [folder / name for name in PHOTOGRAPHS]
    if all(path.is_file() for path in paths):
        return {path.stem: np.asarray(Image.open(path)) for path in paths}
    from sklearn.datasets import load_sample_images  # a version that keeps them elsewhere

    found = load_sample_images()
    return {
        Path(path).stem: image for path, image in zip(found.filenames, found.images, strict=True)
    }


def _folder() -> Path:
    """scikit-learn's folder of data sets, found without importing it; any path where it is not
    installed, so that its import says so."""
    found = importlib.util.find_spec("sklearn")
    places = found.submodule_search_locations if found else None
    return Path(places[0] if places else "sklearn") / "datasets"
