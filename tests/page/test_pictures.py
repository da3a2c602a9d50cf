"""Images on the page: as training saw them, what changed, matrices; and where there are none."""

import base64
import io
import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from paddle_aug.batches.normalise import to_pixels
from paddle_aug.commands import train
from paddle_aug.commands.suite_plan import counts
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.options import DataOptions
from paddle_aug.mix.methods import MixPolicy
from paddle_aug.page.answers import changes, matrices
from paddle_aug.page.curve_pictures import _shortened
from paddle_aug.page.pictures import NoImages, shown_changes, shown_matrices, training_sheets
from paddle_aug.page.run_images import RunImages
from paddle_aug.page.sentences import Language
from paddle_aug.page.tiles import LARGEST, tile
from paddle_aug.report.groups import group_runs
from paddle_aug.runs.layout import LAST_EVALUATION, PREDICTIONS
from paddle_aug.runs.predictions import Predictions, write_predictions
from paddle_aug.runs.reading import Run, read_runs
from paddle_aug.train.setup import build_setup
from paddle_aug.train.smote import images_to_learn
from tests.run_folders import write_run

EN = Language("en")


def picture(text):
    """The pixels of a data: address."""
    kind, _, data = text.partition(";base64,")
    image = Image.open(io.BytesIO(base64.b64decode(data)))
    assert kind == f"data:image/{(image.format or '').lower()}"
    return np.asarray(image.convert("RGB"))


def answers(run, labels, predicted, probability=0.9, classes=("cat", "dog", "emu")):
    """Put predictions into a run's folder."""
    place = run / LAST_EVALUATION
    place.mkdir(exist_ok=True)
    shares = np.full((len(labels), len(classes)), 0.01)
    shares[np.arange(len(labels)), predicted] = probability
    write_predictions(place / PREDICTIONS, shares, np.array(labels), list(classes))


@pytest.fixture
def two(tmp_path):
    """A baseline and a method, six images."""
    labels = [0, 0, 1, 1, 2, 2]
    for mode, predicted, sure in (
        ("no", [0, 1, 1, 2, 0, 2], [0.9, 0.8, 0.7, 0.6, 0.5, 0.4]),
        ("mixup", [0, 0, 2, 1, 2, 0], [0.5, 0.6, 0.5, 0.9, 0.7, 0.5]),
    ):
        write_run(tmp_path / "logs", mode, config={"seed": 0, "data": "nowhere"})
        answers(tmp_path / "logs" / mode, labels, predicted, np.array(sure))
    groups = group_runs(read_runs([str(tmp_path / "logs")]), counts)
    return groups, next(group for group in groups if group.mode == "no")


def test_what_changed_is_counted_and_the_surest_come_first(two):
    groups, baseline = two
    (change,) = changes(groups, baseline)
    assert change.label == "mixup"
    assert change.gained.tolist() == [3, 4, 1] and change.lost.tolist() == [2, 5]


def test_images_of_a_seed_that_a_method_has_twice_are_not_compared(two, tmp_path):
    write_run(tmp_path / "again", "mixup", config={"seed": 0})
    runs = [f"{run.mode}={run.folder}/{run.mode}" for group in two[0] for run in group.runs]
    groups = group_runs(read_runs([*runs, f"mixup={tmp_path}/again"]), counts)
    baseline = next(group for group in groups if group.mode == "no")
    assert len(groups) == 2 and changes(groups, baseline) == []


def test_changed_images_without_data_are_named_by_their_place(two):
    groups, baseline = two
    (shown,) = shown_changes(groups, baseline, RunImages(images_to_learn), EN)
    assert shown.notes[0].endswith("on 6 images: 3 became right, 2 became wrong.")
    assert "--data nowhere: no such file or folder" in shown.notes[1]
    (_, gained), (_, lost) = shown.parts
    assert gained[0].address is None
    assert gained[0].lines == ("image 3", "true: dog", "no: emu 60%", "this method: dog 90%")
    assert [tile.lines[0] for tile in lost] == ["image 2", "image 5"]


def test_matrices_count_true_rows_and_predicted_columns(two):
    groups, _ = two
    by_label = {matrix.label: matrix for matrix in matrices(groups)}
    assert by_label["no"].counts.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]
    assert by_label["no"].accuracy == 0.5
    assert by_label["mixup"].largest_errors(5) == [("dog", "emu", 1), ("emu", "cat", 1)]
    shown = next(m for m in shown_matrices(groups, EN) if m.title.startswith("mixup"))
    assert shown.title == "mixup: 0.6667 on 6 images" and shown.address is None
    assert shown.rows[1] == ("dog", [("0", "0.00"), ("1", "0.50"), ("1", "0.50")])
    assert shown.errors == "Most frequent errors: dog as emu (1), emu as cat (1)."


def test_a_matrix_says_of_how_many_runs_it_is(tmp_path):
    for seed in (0, 1, 2):
        write_run(tmp_path / str(seed), "no", config={"seed": seed})
        if seed < 2:
            answers(tmp_path / str(seed) / "no", [0, 1], [0, 1])
    runs = read_runs([f"{tmp_path}/{seed}" for seed in (0, 1, 2)])
    (shown,) = shown_matrices(group_runs(runs, counts), EN)
    assert shown.title == (
        "no: 1.0000 on 4 images (2 of 3 runs: the others have no such predictions)"
    )


def test_a_matrix_of_many_classes_is_a_picture(tmp_path):
    write_run(tmp_path, "no", config={"seed": 0})
    classes = [f"class {i}" for i in range(30)]
    answers(tmp_path / "no", range(30), [0, 0, *range(2, 30)], classes=classes)
    (shown,) = shown_matrices(group_runs(read_runs([str(tmp_path)]), counts), EN)
    pixels = picture(shown.address)
    assert not shown.rows and pixels.shape == (30, 30, 3)
    assert pixels[1, 0].tolist() == pixels[2, 2].tolist() == [8, 48, 107]
    assert pixels[1, 1].tolist() == [255, 255, 255]
    assert "class 1 as class 0 (1)" in shown.errors


@pytest.mark.parametrize("augment", ["no", "mixup", "samplePairing", "cutmix"])
def test_the_sheet_shows_what_training_got(tmp_path, monkeypatch, augment):
    got = []

    def recorded(mix_batch):
        def call(self, images, labels, rng):
            mixed = mix_batch(self, images, labels, rng)
            got.append([np.asarray(part) for part in mixed])
            return mixed

        return call

    monkeypatch.setattr(MixPolicy, "mix_batch", recorded(MixPolicy.mix_batch))
    options = ["--data", "digits", "--augment", augment, "--model", "LeNet", "--per-class", "3",
               "--image-size", "32", "--batch-size", "8", "--epochs", "2", "--workers", "0",
               "--cpu-backend", "paddle", "--output", str(tmp_path)]  # fmt: skip
    if augment == "samplePairing":
        options += ["--pairing-start", "1", "--pairing-end", "2"]
    train.main(options)
    (run,) = read_runs([str(tmp_path)])
    trained = list(got)
    shown = RunImages(images_to_learn).training(run, 8)
    assert len(shown.images) == 8 and shown.same_data is True
    assert shown.epoch == (1 if augment == "samplePairing" else 0)
    assert all(image.pixels.shape == (32, 32, 3) for image in shown.images)
    if trained:  # partners come from the batch: the images after mixing were recorded
        # Four batches an epoch, two images of each are shown.
        places = [(batch, i) for batch in range(4) for i in range(2)]
        for image, (batch, i) in zip(shown.images, places, strict=True):
            images, labels, partners, lam = trained[batch]
            pixels = np.rint((images[i] * 0.5 + 0.5) * 255).clip(0, 255).transpose(1, 2, 0)
            # Half a grey value, the mean of two whole ones, may be rounded either way.
            assert np.abs(image.pixels - pixels).max() <= 1
            assert image.label == str(labels[i])
            assert image.partner in (None, str(partners[i])) and image.lam == pytest.approx(lam)
        assert any(image.partner for image in shown.images)
    (sheet,) = training_sheets(group_runs([run], counts), RunImages(images_to_learn), EN)
    assert np.array_equal(picture(sheet.tiles[0].address), shown.images[0].pixels)
    if augment == "mixup":
        assert re.fullmatch(r"0\.\d\d \d \+ 0\.\d\d \d|\d", sheet.tiles[0].lines[0])


def run_with(tmp_path, **config):
    curves = {"accEval": np.ones(3)}
    return Run(tmp_path, "no", curves, config={"augment": "no", "seed": 0, **config})


def test_only_epochs_and_batches_that_the_run_has_had_are_shown(tmp_path):
    options = {"data": "digits", "per_class": 4, "batch_size": 8, "image_size": 32}
    run = run_with(tmp_path, **options, augment="mixup", epochs=100, pairing_start=90)
    shown = RunImages(images_to_learn).training(run, 8)
    assert shown.epoch == 0 and {image.lam for image in shown.images} == {1.0}
    long = replace(run, curves={"accEval": np.ones(95)})
    assert RunImages(images_to_learn).training(long, 8).epoch == 90
    (sheet,) = training_sheets(group_runs([run], counts), RunImages(images_to_learn), EN)
    assert len(sheet.tiles) == 8

    config = load_config({**options, "augment": "no", "max_steps": 1, "cache": False})
    (batch,) = build_setup(config, lambda line: None).train_loader.epoch(0)
    run = run_with(tmp_path, **options, max_steps=1)
    pixels = [image.pixels for image in RunImages(images_to_learn).training(run, 16).images]
    np.testing.assert_array_equal(pixels, [to_pixels(image) for image in batch.images])


def test_the_sheet_shows_the_images_that_smote_gave_to_learn(tmp_path):
    rng = np.random.default_rng(0)
    for name, count in (("few", 5), ("many", 20)):
        (tmp_path / name).mkdir()
        for number in range(count):
            image = Image.fromarray(rng.integers(0, 256, (32, 32, 3), np.uint8))
            image.save(tmp_path / name / f"{number}.png")
    options = {"data": str(tmp_path), "oversample": "smote", "model": "LeNet", "image_size": 32,
               "batch_size": 8, "epochs": 1, "workers": 0, "cpu_backend": "paddle"}  # fmt: skip
    run = run_with(tmp_path, **options)
    config = load_config({**run.config, "cache": False}).filled()
    learned = list(build_setup(config, lambda line: None).train_loader.epoch(0))
    assert sum(len(batch.labels) for batch in learned) == 32  # 4 and 16 of them real
    shown = RunImages(images_to_learn).training(run, 32).images
    pixels = [to_pixels(image) for batch in learned for image in batch.images]
    np.testing.assert_array_equal([image.pixels for image in shown], pixels)
    labels = np.concatenate([batch.labels for batch in learned])
    assert [image.label for image in shown] == [("few", "many")[label] for label in labels]


@pytest.mark.parametrize(
    ("config", "reason"),
    [
        ({"data": "gone"}, "--data gone: no such file or folder"),
        ({"data": "cifar100"}, "not downloaded on this machine"),
        ({"augment": "evil:policy"}, "if you trust it, say --allow-imports"),
        ({"no_such_option": 1}, "unknown option"),
    ],
)
def test_the_reason_stands_where_the_images_would(tmp_path, monkeypatch, config, reason):
    monkeypatch.setattr("paddle_aug.page.run_images.is_downloaded", lambda name: False)
    groups = group_runs([Run(tmp_path, "no", {"accEval": np.ones(3)}, config=config)], counts)
    (sheet,) = training_sheets(groups, RunImages(images_to_learn), EN)
    assert sheet.notes[0].startswith("No images: ") and reason in sheet.notes[0]
    assert sheet.tiles == [] and "\n" not in sheet.notes[0]
    (sheet,) = training_sheets(groups, NoImages("left out"), EN)
    assert sheet.notes == ["No images: left out"]


def test_the_images_of_several_processes_are_not_shown(tmp_path):
    """Each draws by its own numbers and mixes its own part of a batch."""
    run = run_with(tmp_path, data="digits")
    for environment, shown in (({}, True), ({"processes": 1}, True), ({"processes": 2}, False)):
        groups = group_runs([replace(run, environment=environment)], counts)
        (sheet,) = training_sheets(groups, RunImages(images_to_learn), EN)
        assert bool(sheet.tiles) == shown
        if not shown:
            said = "No images: trained by several processes, whose draws are not shown"
            assert sheet.notes == [said]


def test_other_evaluation_images_than_the_answers_are_refused(tmp_path):
    run = run_with(tmp_path, data="digits")
    classes = tuple(map(str, range(10)))
    wrong = Predictions(classes, np.zeros(5, int), np.zeros(5, int), np.ones(5, np.float32))
    with pytest.raises(UserError, match="359 evaluation images here, 5 in the run's predictions"):
        RunImages(images_to_learn).evaluation(run, wrong)


def test_evaluation_images_that_the_run_did_not_record_are_not_shown(tmp_path):
    """The same number of them, with the same labels."""
    run = run_with(tmp_path, data="digits")
    labels = RunImages(images_to_learn)._load(DataOptions(data="digits"))[1].labels
    classes = tuple(map(str, range(10)))
    own = Predictions(classes, labels, labels, np.ones(len(labels), np.float32))
    assert len(RunImages(images_to_learn).evaluation(run, own)) == len(labels)
    recorded = {"data": {"eval": {"images": len(labels), "digest": "another"}}}
    with pytest.raises(UserError, match="not the images that the run recorded"):
        RunImages(images_to_learn).evaluation(replace(run, environment=recorded), own)


def test_other_data_than_the_runs_are_said(tmp_path):
    run = Run(tmp_path, "no", {"accEval": np.ones(3)},
              config={"augment": "no", "data": "digits", "seed": 0, "epochs": 1},
              environment={"data": {"train": {"digest": "another"}}})  # fmt: skip
    (sheet,) = training_sheets(group_runs([run], counts), RunImages(images_to_learn), EN)
    assert "not those that the run recorded" in sheet.notes[1]


def test_photographs_are_made_small_and_pixels_kept():
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (32, 24, 3), np.uint8)
    assert np.array_equal(picture(tile(small, (), "").address), small)
    large = picture(tile(np.full((300, 200, 3), 77, np.uint8), (), "").address)
    assert large.shape == (LARGEST, LARGEST * 2 // 3, 3)
    assert Counter(large.ravel().tolist()).most_common(1)[0][0] in (76, 77, 78)


def absolute(path):
    """The corners of a path of relative lines, in points."""
    corners, here, start = [], np.zeros(2), np.zeros(2)
    for command, numbers in re.findall(r"([mlz])([^mlz]*)", path):
        if command == "z":
            here = start
            continue
        here = here + [float(n) for n in re.findall(r"-?[\d.]+", numbers)]
        start = here if command == "m" else start
        corners.append(here)
    return np.array(corners)


def test_curves_are_told_short_and_stay_where_they_are():
    rng = np.random.default_rng(1)
    corners = rng.uniform(-300, 300, (400, 2)).cumsum(0)
    lines = " L ".join(f"{x:.6f} {y:.6f}" for x, y in corners)
    path = f"M {lines} z M 5.04 7 L 8 9.26"
    short = _shortened(path)
    assert len(short) < 0.7 * len(path)
    # No error adds up: every corner is within half a tenth of its place.
    assert np.abs(absolute(short) - [*corners, (5.04, 7), (8, 9.26)]).max() < 0.0501
    assert _shortened("M 1 2 C 1 2 3 4 5 6") == "M 1 2 C 1 2 3 4 5 6"
    assert _shortened("") == ""
