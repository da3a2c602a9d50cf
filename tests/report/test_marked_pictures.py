"""Only pictures of the program are replaced: known by a mark near the start or the end."""

import os
import tracemalloc

import numpy as np
import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.prediction.files import is_own_sheet
from paddle_aug.report.figure import new_figure, refuse_foreign_picture, save_figure


@pytest.mark.parametrize("kind", ["png", "svg", "pdf", "ps", "eps", "jpg", "tif", "webp"])
def test_a_picture_of_any_size_is_known_again(tmp_path, kind):
    path = tmp_path / f"a.{kind}"
    refuse_foreign_picture(path)
    figure = new_figure(12, 8)
    image = np.random.default_rng(0).random((900, 900))
    figure.add_subplot().imshow(image, interpolation="nearest")
    save_figure(figure, path)
    if kind in ("svg", "ps", "eps", "tif"):
        assert path.stat().st_size > 1 << 20
    refuse_foreign_picture(path)
    assert is_own_sheet(path)


def test_of_a_large_file_only_the_ends_are_read(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(b"mine")
    os.truncate(path, 1 << 30)
    tracemalloc.start()
    with pytest.raises(UserError, match=r"a\.png: is there, and nothing in it says"):
        refuse_foreign_picture(path)
    assert tracemalloc.get_traced_memory()[1] < 8 << 20
    tracemalloc.stop()


def test_what_is_no_file_is_refused_without_waiting(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    for name, kind in (("pipe.png", "a named pipe"), ("folder.png", "a directory")):
        with pytest.raises(UserError, match=f"{name}: is {kind}, an ordinary file is needed"):
            refuse_foreign_picture(tmp_path / name)
        assert not is_own_sheet(tmp_path / name)
