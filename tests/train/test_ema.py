"""The moving average of weights, by value."""

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_aug.train.ema import ExponentialMovingAverage


def small_model() -> nn.Layer:
    paddle.seed(3)
    return nn.Sequential(nn.Conv2D(1, 3, 3), nn.BatchNorm2D(3))


def weights(model: nn.Layer) -> dict[str, np.ndarray]:
    return {name: value.numpy().copy() for name, value in model.state_dict().items()}


def change(model: nn.Layer, seed: int) -> dict[str, np.ndarray]:
    """New values for every weight and running statistic, as after a step."""
    rng = np.random.default_rng(seed)
    for value in model.state_dict().values():
        value.set_value(rng.standard_normal(value.shape).astype(np.float32))
    return weights(model)


def test_average_follows_its_formula_for_weights_and_running_statistics():
    model = small_model()
    expected = weights(model)
    ema = ExponentialMovingAverage(model, 0.2)
    # The ramp (1 + n) / (10 + n) is 0.1, 2/11, then 0.25, which is above the decay.
    for seed, decay in ((1, 0.1), (2, 2 / 11), (3, 0.2), (4, 0.2)):
        value = change(model, seed)
        ema.update()
        expected = {n: decay * expected[n] + (1 - decay) * value[n] for n in expected}
    assert len(expected) == 6 and ema.updates == 4
    with ema.applied() as averaged:
        for name, value in weights(averaged).items():
            np.testing.assert_allclose(value, expected[name], rtol=1e-5, atol=1e-6)


def test_decay_zero_is_the_last_value():
    model = small_model()
    ema = ExponentialMovingAverage(model, 0.0)
    last = change(model, 1)
    ema.update()
    with ema.applied():
        for name, value in weights(model).items():
            np.testing.assert_array_equal(value, last[name])


def test_own_weights_come_back_bit_for_bit_even_after_an_error():
    model = small_model()
    ema = ExponentialMovingAverage(model, 0.9)
    own = change(model, 1)
    with pytest.raises(RuntimeError, match="inside"), ema.applied():
        assert not np.array_equal(model[0].weight.numpy(), own["0.weight"])
        raise RuntimeError("inside")
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, own[name])


def test_updates_leave_the_model_as_it_is():
    model = small_model()
    ema = ExponentialMovingAverage(model, 0.9)
    own = change(model, 1)
    ema.update()
    for name, value in weights(model).items():
        np.testing.assert_array_equal(value, own[name])
    assert not model[0].weight.stop_gradient


def test_a_saved_average_continues_bit_for_bit():
    model = small_model()
    whole = ExponentialMovingAverage(model, 0.5)
    change(model, 1)
    whole.update()
    saved = {name: value.copy() for name, value in whole.state_dict().items()}
    resumed = ExponentialMovingAverage(model, 0.5)
    resumed.set_state_dict(saved)
    change(model, 2)
    whole.update()
    resumed.update()
    assert resumed.updates == 2
    for name, value in whole.state_dict().items():
        np.testing.assert_array_equal(resumed.state_dict()[name], value)


def test_values_that_are_not_floating_are_copied():
    model = small_model()
    model.register_buffer("steps", paddle.to_tensor([0], dtype="int64"))
    ema = ExponentialMovingAverage(model, 0.5)
    model.steps.set_value(np.array([7], np.int64))
    ema.update()
    np.testing.assert_array_equal(ema.state_dict()["average.steps"], [7])


def test_an_average_of_another_model_is_refused():
    ema = ExponentialMovingAverage(small_model(), 0.5)
    other = ExponentialMovingAverage(nn.Linear(3, 5), 0.5)
    with pytest.raises(ValueError, match=r"another model: average\.0\.bias"):
        ema.set_state_dict(other.state_dict())


def test_a_decay_of_one_is_refused():
    with pytest.raises(ValueError, match=r"\[0, 1\), got 1.0"):
        ExponentialMovingAverage(small_model(), 1.0)
