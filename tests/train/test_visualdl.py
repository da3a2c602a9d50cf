"""--visualdl: what VisualDL's own reader finds in a run's folder is the run's history."""

import importlib.util
import io
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.train.fit import fit, resume
from paddle_aug.train.setup import build_setup
from paddle_aug.train.visualdl_log import SIDE, TAGS, tiled, training_sheet

NEEDS_VISUALDL = pytest.mark.skipif(
    importlib.util.find_spec("visualdl") is None, reason="needs visualdl"
)


def options(output, **more):
    return load_config({
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 4, "batch_size": 20,
        "epochs": 3, "augment": "mixup", "pairing_start": 1, "pairing_end": 3, "workers": 0,
        "lr_schedule": "multistep", "milestones": [2], "output": str(output), **more,
    })  # fmt: skip


def silent(line: str) -> None:
    pass


def read(run):
    from visualdl import LogReader

    (path,) = (run / "visualdl").iterdir()
    return LogReader(file_path=str(path))


def assert_history(run):
    """Scalars are the columns of metrics.csv, once each."""
    metrics, reader = pd.read_csv(run / "metrics.csv"), read(run)
    found = reader.get_tags()
    given = {tag for column, tag in TAGS.items() if not metrics[column].isna().any()}
    assert set(found["scalar"]) == given and "learning_rate" in given
    for column, tag in TAGS.items():
        if tag in given:
            records = reader.get_data("scalar", tag)
            assert [record.id for record in records] == list(range(len(metrics)))
            np.testing.assert_allclose([r.value for r in records], metrics[column], rtol=1e-6)


@NEEDS_VISUALDL
def test_a_run_is_read_back_by_visualdl(tmp_path):
    config = options(tmp_path, visualdl=True)
    run = fit(config, say=silent)
    assert_history(run)
    reader = read(run)
    texts = {tag: reader.get_data("text", tag)[0].text.encoded_text_string
             for tag in reader.get_tags()["text"]}  # fmt: skip
    assert set(texts) == {"options/changed", "options/all"}
    assert "augment: mixup" in texts["options/changed"] and "momentum" in texts["options/all"]
    sheets = reader.get_data("image", "training_images")
    assert [sheet.id for sheet in sheets] == [0, 1]  # plain, and the first epoch that mixes
    setup = build_setup(config, silent)
    for sheet in sheets:
        image = np.asarray(Image.open(io.BytesIO(sheet.image.encoded_image_string)))
        np.testing.assert_array_equal(image, training_sheet(setup, sheet.id))


@NEEDS_VISUALDL
def test_a_resumed_run_writes_its_whole_history_once_and_changes_nothing_else(tmp_path):
    plain = fit(options(tmp_path / "plain"), say=silent)
    run = fit(options(tmp_path / "seen", epochs=3, visualdl=True), say=silent)
    for curve in ("lossTrain", "accTrain", "lossEval", "accEval"):
        name = f"mixupAug_{curve}.npy"
        assert (plain.parent / name).read_bytes() == (run.parent / name).read_bytes()
    resume(run, say=silent)
    assert_history(run)
    run = fit(options(tmp_path / "seen", epochs=2, visualdl=True, overwrite=True), say=silent)
    assert_history(run)
    fit(options(tmp_path / "seen", epochs=2, overwrite=True), say=silent)
    assert not (run / "visualdl").exists()


def test_the_sheet_shows_the_images_that_are_learned_from():
    config = options("logs")
    setup = build_setup(config, silent)
    plain, mixed = training_sheet(setup, 0), training_sheet(setup, 1)
    assert plain.shape == mixed.shape == (SIDE * 34 + 2, SIDE * 34 + 2, 3)
    batch = next(setup.train_loader.epoch(0))
    seen = np.rint((batch.images[5] * 0.5 + 0.5) * 255).astype(np.uint8).transpose(1, 2, 0)
    np.testing.assert_array_equal(plain[36:68, 36:68], seen)  # second row, second place
    assert (plain[:2] == 255).all() and (mixed != plain).any()


def test_gray_images_and_a_short_batch_lie_on_white():
    images = np.full((3, 1, 5, 6), -1.0, np.float32)
    images[1] = 0.2
    sheet = tiled(images, [0.5], [0.5])
    assert sheet.shape == (9, SIDE * 8 + 2, 3)
    assert (sheet[2:7, 2:8] == 0).all() and (sheet[2:7, 10:16] == 153).all()
    assert (sheet[2:7, 26:] == 255).all()


def test_a_missing_package_is_one_line_before_the_data_are_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "visualdl", None)
    with pytest.raises(UserError) as caught:
        fit(options(tmp_path, data="no-such-data", visualdl=True), say=silent)
    (line,) = str(caught.value).splitlines()
    assert line.startswith("visualdl: needs the package visualdl: ")
    assert '-m pip install "visualdl>=2.5" (' in line
    assert not list(tmp_path.iterdir())
