"""scikit-learn's digits and photographs, read from its files."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits, load_sample_images

from paddle_aug.data import bundled


@pytest.mark.parametrize("found", [True, False], ids=["from the files", "by scikit-learn"])
def test_the_images_are_those_that_scikit_learn_gives(found, monkeypatch, tmp_path):
    if not found:
        monkeypatch.setattr(bundled, "_folder", lambda: tmp_path)
    images, labels = bundled.digit_images()
    theirs = load_digits()
    assert images.dtype == np.uint8 and labels.dtype == np.int64
    np.testing.assert_array_equal(images, np.round(theirs.images * (255 / 16)))
    np.testing.assert_array_equal(labels, theirs.target)
    photographs, sample = bundled.photographs(), load_sample_images()
    assert list(photographs) == ["china", "flower"]
    assert [f"{name}.jpg" for name in photographs] == [Path(f).name for f in sample.filenames]
    for ours, other in zip(photographs.values(), sample.images, strict=True):
        assert ours.shape == (427, 640, 3)
        np.testing.assert_array_equal(ours, other)


def test_scikit_learn_is_not_imported_for_them():
    code = (
        "import sys; from paddle_aug.data.bundled import digit_images, photographs;"
        "digit_images(); photographs(); sys.exit('sklearn' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_where_scikit_learn_is_missing_its_import_says_so(monkeypatch):
    for name in ("sklearn", "sklearn.datasets"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError) as caught:
        bundled.digit_images()
    assert caught.value.name in ("sklearn", "sklearn.datasets")
