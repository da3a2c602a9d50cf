"""What a run says, by value."""

import pytest

from paddle_aug.config import load_config
from paddle_aug.runs.layout import RunPaths
from paddle_aug.runs.stats import Best
from paddle_aug.train import messages
from paddle_aug.train.engine import Progress
from paddle_aug.train.messages import Forecast, introduction, summary
from paddle_aug.train.setup import build_setup


@pytest.fixture(scope="module")
def setup():
    options = {"data": "digits", "model": "LeNet", "image_size": 32, "per_class": 3,
               "batch_size": 6, "epochs": 50, "cpu_backend": "paddle"}  # fmt: skip
    return build_setup(load_config(options), lambda line: None)


def test_the_first_line_has_model_images_and_length(setup):
    assert introduction(setup) == (
        "LeNet, 62,006 parameters; images of 32x32 in 3 channels; 50 epochs of 5 steps with "
        "6 images; computed by paddle"
    )


class Clock:
    def __init__(self, monkeypatch):
        self.now = 100.0
        monkeypatch.setattr(messages.time, "perf_counter", lambda: self.now)


def test_the_forecast_leaves_the_first_step_out_and_counts_evaluations(setup, monkeypatch):
    clock = Clock(monkeypatch)
    forecast, progress = Forecast(setup), Progress()
    forecast.start_epoch()
    said = []
    for seconds in (9.0, 1.5, 1.5, 1.5):  # the first one makes the plans
        clock.now += seconds
        progress.step += 1
        said.append(forecast.after_step(progress))
    # After two steps of 1.5 s: 50 epochs of 5 steps, and 359 / 6 / 3 steps' time of evaluation,
    # but for the 3 steps that are done.
    seconds = (50 * (5 + 359 / 6 / 3) - 3) * 1.5
    expected = f"about {seconds / 60:.0f} min to the end (1.5 s a step, evaluations included)"
    assert said == [None, None, expected, None]


def test_a_short_epoch_is_forecast_at_its_end_and_evaluations_are_no_steps(setup, monkeypatch):
    clock = Clock(monkeypatch)
    forecast, progress = Forecast(setup), Progress(epoch=48, step=4)
    forecast.start_epoch()
    clock.now += 1
    progress.step = 5
    assert forecast.after_step(progress) is None  # only the first step was timed
    clock.now += 500  # evaluation
    progress.epoch, progress.step = 49, 0
    forecast.start_epoch()
    for step in range(1, 6):
        clock.now += 0.25
        progress.step = step
        said = forecast.after_step(progress)
    assert said == "about 5 s to the end (0.25 s a step, evaluations included)"


def test_with_one_step_an_epoch_the_second_epoch_is_the_first_to_be_timed(setup, monkeypatch):
    clock = Clock(monkeypatch)
    forecast, progress = Forecast(setup), Progress()
    forecast.steps = 1
    said = []
    for seconds in (9.0, 1.5, 1.5):
        forecast.start_epoch()
        clock.now += seconds
        progress.step = 1
        said.append(forecast.after_step(progress))
        progress.epoch, progress.step = progress.epoch + 1, 0
        clock.now += 100  # evaluation
    seconds = (49 * (1 + 359 / 6 / 3) - 1) * 1.5
    assert said == [
        None, f"about {seconds / 60:.0f} min to the end (1.5 s a step, evaluations included)", None,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("epochs", "said"),
    [
        (1, "0.0000 in the one epoch,"),
        (7, "3.0000 mean of all 7 epochs (the start too, so no measure of the end),"),
        (12, "6.5000 mean of the last 10 of 12 epochs (most of the training too),"),
        (20, "14.5000 mean of the last 10 epochs,"),
        (500, "494.5000 mean of the last 10 epochs,"),
    ],
)
def test_the_last_line_says_what_its_mean_is_of(epochs, said, tmp_path):
    line = summary(list(range(epochs)), Best(3, 0.5), RunPaths(tmp_path, "no"))
    assert line.splitlines() == [
        f"evaluation accuracy: {said} 0.5000 best (epoch 3)",
        f"curves: {tmp_path}/noAug_*.npy  run: {tmp_path}/no",
    ]
