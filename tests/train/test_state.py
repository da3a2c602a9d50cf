"""What was captured of a run comes back, and what is not of this version is refused."""

from types import SimpleNamespace

import numpy as np
import paddle
import pytest
from paddle.amp import grad_scaler

from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import load_state, save_state
from paddle_aug.train.engine import Progress
from paddle_aug.train.setup import build_setup
from paddle_aug.train.state import capture, refuse_damage, restore
from paddle_aug.weights.into_model import load_model


@pytest.fixture
def setup():
    options = {"data": "digits", "model": "LeNet", "image_size": 32, "per_class": 1, "ema": 0.9}
    with paddle.utils.unique_name.guard():
        yield build_setup(load_config(options), lambda line: None)


def test_progress_comes_back_as_it_was(setup):
    arrays, state = capture(
        setup.trainer, Progress(epoch=3, step=7, best_accuracy=0.5), {"fixed": 1}
    )
    progress = restore(setup.trainer, arrays, state)
    assert (progress.epoch, progress.step, progress.best_accuracy) == (3, 7, 0.5)
    assert state["fixed"] == 1


def scaler_on_gpu(monkeypatch, **settings) -> paddle.amp.GradScaler:
    """As on a GPU, the only place where Paddle's scaler does anything."""
    place = SimpleNamespace(is_gpu_place=lambda: True)
    tracer = SimpleNamespace(_expected_place=place)
    monkeypatch.setattr(grad_scaler, "_dygraph_tracer", lambda: tracer)
    return paddle.amp.GradScaler(**settings)


def test_the_scale_of_the_loss_comes_back_as_it_was(setup, monkeypatch, tmp_path):
    settings = {"init_loss_scaling": 1024.0, "incr_every_n_steps": 3, "decr_every_n_nan_or_inf": 2}
    scaler = setup.trainer.scaler = scaler_on_gpu(monkeypatch, **settings)
    scaler._incr_count, scaler._decr_count = 2, 1
    save_state(tmp_path / "state", *capture(setup.trainer, Progress(), {}))
    resumed = setup.trainer.scaler = scaler_on_gpu(monkeypatch)
    restore(setup.trainer, *load_state(tmp_path / "state"))
    found, expected = resumed.state_dict(), scaler.state_dict()
    np.testing.assert_array_equal(found.pop("scale"), expected.pop("scale"), strict=True)
    assert found == expected
    assert (resumed.get_init_loss_scaling(), found["incr_count"]) == (1024, 2)


@pytest.mark.parametrize(
    "change",
    [
        {"schedule": {}}, {"schedule": {"factor": "x", "best": 1, "bad_epochs": 0}},
        {"progress": {"unknown": 1}}, {"progress": {"meters": {}}}, {"progress": {"meters": []}},
        {"progress": {"epoch": "three"}}, {"progress": {"history": "x"}},
        {"progress": {"history": [{"accTrain": 0.5}]}},
        {"progress": {"history": [{"accEval": [0.5]}]}}, {"progress": []},
    ],
    ids=str,
)  # fmt: skip
def test_a_state_of_another_version_is_refused(setup, change):
    arrays, state = capture(setup.trainer, Progress(), {})
    with pytest.raises(UserError, match="another version of this project"):
        restore(setup.trainer, arrays, state | change)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_never_saved(setup, value):
    arrays, _ = capture(setup.trainer, Progress(), {})
    refuse_damage(arrays, "epoch 3, step 7")
    name = next(name for name in arrays if name.startswith("model/"))
    arrays[name] = np.full_like(arrays[name], value)
    with pytest.raises(UserError, match=r"not finite any more at epoch 3, step 7 \(.*intact"):
        refuse_damage(arrays, "epoch 3, step 7")


def test_weights_that_do_not_fit_are_named(setup):
    own = {name: value.numpy() for name, value in setup.trainer.model.state_dict().items()}
    first, second, *_ = own
    wrong = {name: array for name, array in own.items() if name != first}
    wrong |= {second: np.zeros((3, 3), np.float32), "other": np.zeros(1, np.float32)}
    with pytest.raises(UserError) as error:
        load_model(setup.trainer.model, wrong)
    said = str(error.value)
    assert f"{first} is missing" in said
    assert "other is unknown" in said
    assert f"{second} is [3, 3], not" in said
