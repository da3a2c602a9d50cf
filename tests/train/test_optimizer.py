"""Steps of every optimizer, and learning rates, against formulas written out."""

import json
import math
import subprocess
import sys

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddle import nn

from paddle_aug.core.errors import UserError
from paddle_aug.train.learning_rate import LearningRate
from paddle_aug.train.optimizer import build_optimizer

LR, DECAY = 0.05, 0.3
RNG = np.random.default_rng(23)
START = {"weight": RNG.normal(0, 1, (3, 5)), "bias": RNG.normal(0, 1, 5)}
GRADIENTS = [{"weight": RNG.normal(0, 1, (3, 5)), "bias": RNG.normal(0, 1, 5)} for _ in range(3)]


def layer() -> nn.Linear:
    model = nn.Linear(3, 5)
    for name, value in START.items():
        getattr(model, name).set_value(value.astype(np.float32))
    return model


def train(optimizer: paddle.optimizer.Optimizer, model: nn.Linear) -> dict[str, np.ndarray]:
    """The weights after one step with each of GRADIENTS."""
    for gradients in GRADIENTS:
        loss = sum(
            (getattr(model, name) * paddle.to_tensor(value.astype(np.float32))).sum()
            for name, value in gradients.items()
        )
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
    return {name: getattr(model, name).numpy() for name in START}


def sgd(p: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    for g in gradients:
        p = p - LR * (g + decay * p)
    return p


def momentum(p: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    v = np.zeros_like(p)
    for g in gradients:
        v = 0.8 * v + g + decay * p
        p = p - LR * v
    return p


def adam(p: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        g = g + decay * p
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - LR * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


def adamw(p: np.ndarray, gradients: list[np.ndarray], decay: float) -> np.ndarray:
    m = v = np.zeros_like(p)
    for t, g in enumerate(gradients, 1):
        p = p * (1 - LR * decay)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - LR * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


FORMULAS = {"SGD": sgd, "Momentum": momentum, "Adam": adam, "AdamW": adamw}


@pytest.mark.parametrize("decay", [0.0, DECAY])
@pytest.mark.parametrize("name", FORMULAS)
def test_steps_follow_the_formula_with_weight_decay_on_biases_too(name, decay):
    model = layer()
    optimizer = build_optimizer(name, model.parameters(), LR, decay, momentum=0.8)
    for key, value in train(optimizer, model).items():
        expected = FORMULAS[name](START[key], [g[key] for g in GRADIENTS], decay)
        np.testing.assert_allclose(value, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", FORMULAS)
def test_the_head_learns_at_its_own_rate(name, monkeypatch):
    model = layer()
    optimizer = build_optimizer(
        name, model.parameters(), LR / 10, DECAY, 0.8,
        head_parameters=[model.weight], head_lr_ratio=10,
    )  # fmt: skip
    after = train(optimizer, model)
    gradients = {key: [g[key] for g in GRADIENTS] for key in START}
    expected = FORMULAS[name](START["weight"], gradients["weight"], DECAY)
    np.testing.assert_allclose(after["weight"], expected, rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(sys.modules[__name__], "LR", LR / 10)
    expected = FORMULAS[name](START["bias"], gradients["bias"], DECAY)
    np.testing.assert_allclose(after["bias"], expected, rtol=1e-4, atol=1e-5)


def test_gradients_are_clipped_by_one_norm_over_all_groups_and_before_the_decay():
    model = layer()
    optimizer = build_optimizer(
        "SGD", model.parameters(), LR, DECAY, clip_norm=1.5,
        head_parameters=[model.bias], head_lr_ratio=2,
    )  # fmt: skip
    expected = dict(START)
    for gradients in GRADIENTS:
        norm = np.sqrt(sum((g**2).sum() for g in gradients.values()))
        assert norm > 1.5
        for key, rate in (("weight", LR), ("bias", 2 * LR)):
            clipped = gradients[key] * 1.5 / norm
            expected[key] = expected[key] - rate * (clipped + DECAY * expected[key])
    for key, value in train(optimizer, model).items():
        np.testing.assert_allclose(value, expected[key], rtol=1e-4, atol=1e-5)


def test_gradients_within_the_norm_are_left_alone():
    plain, clipped = layer(), layer()
    first = train(build_optimizer("SGD", plain.parameters(), LR), plain)
    second = train(build_optimizer("SGD", clipped.parameters(), LR, clip_norm=1e4), clipped)
    np.testing.assert_allclose(second["weight"], first["weight"], rtol=1e-6)


def test_frozen_parameters_stay():
    model = layer()
    model.weight.stop_gradient = True
    optimizer = build_optimizer("Adam", model.parameters(), LR, DECAY)
    after = train(optimizer, model)
    np.testing.assert_array_equal(after["weight"], START["weight"].astype(np.float32))
    assert np.abs(after["bias"] - START["bias"]).min() > 1e-3


def test_an_optimizer_with_nothing_to_learn_is_refused():
    model = layer()
    model.weight.stop_gradient = model.bias.stop_gradient = True
    with pytest.raises(UserError, match="every parameter is frozen"):
        build_optimizer("SGD", model.parameters(), LR)


def test_an_unknown_optimizer_is_named():
    with pytest.raises(UserError, match="'sgd' is none of Adam, AdamW, SGD, Momentum"):
        build_optimizer("sgd", layer().parameters(), LR)


Run = tuple[nn.Linear, paddle.optimizer.Optimizer]


def fresh(name: str) -> Run:
    model = layer()
    return model, build_optimizer(name, model.parameters(), LR, DECAY)


def finish(run: Run) -> dict[str, np.ndarray]:
    model, optimizer = run
    optimizer.set_lr(LR / 7)
    return train(optimizer, model)


@pytest.mark.parametrize("name", FORMULAS)
def test_a_resumed_optimizer_continues_bit_for_bit(name):
    with paddle.utils.unique_name.guard():
        model, optimizer = run = fresh(name)
        train(optimizer, model)
        weights = {key: getattr(model, key).numpy() for key in START}
        state = {
            key: value.numpy() if isinstance(value, paddle.Tensor) else value
            for key, value in optimizer.state_dict().items()
        }
        expected = finish(run)
    with paddle.utils.unique_name.guard():
        model, optimizer = run = fresh(name)
        for key, value in weights.items():
            getattr(model, key).set_value(value)
        optimizer.set_state_dict(
            {k: paddle.to_tensor(v) if isinstance(v, np.ndarray) else v for k, v in state.items()}
        )
        after = finish(run)
    for key in START:
        np.testing.assert_array_equal(after[key], expected[key])


def arrays(optimizer: paddle.optimizer.Optimizer) -> dict[str, np.ndarray]:
    return {key: value.numpy() for key, value in optimizer.state_dict().items()}


@pytest.mark.parametrize("now", FORMULAS)
@pytest.mark.parametrize("before", FORMULAS)
def test_another_optimizer_takes_what_fits_and_begins_the_rest_anew(before, now):
    def three_steps(name: str, state: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with paddle.utils.unique_name.guard():
            model = layer()
            optimizer = build_optimizer(name, model.parameters(), LR)
            optimizer.set_state_dict({key: paddle.to_tensor(value) for key, value in state.items()})
            return train(optimizer, model) | arrays(optimizer)

    def state_in(found: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {key: value for key, value in found.items() if key not in START}

    state = state_in(three_steps(before, {}))
    found = three_steps(now, state)
    goes_on = before == now or {before, now} == {"Adam", "AdamW"}  # which keep the same values
    expected = three_steps(before, state) if goes_on else three_steps(now, {})
    assert list(found) == list(expected)
    for key, value in expected.items():
        np.testing.assert_array_equal(found[key], value)
    if goes_on and state:
        assert not np.array_equal(found["bias"], three_steps(now, {})["bias"])


def test_a_parameter_that_was_frozen_begins_anew_beside_one_that_goes_on():
    with paddle.utils.unique_name.guard():
        model = layer()
        model.weight.stop_gradient = True
        optimizer = build_optimizer("Adam", model.parameters(), LR)
        bias = train(optimizer, model)["bias"]
        state = arrays(optimizer)
    assert len(state) == 4
    with paddle.utils.unique_name.guard():
        model = layer()
        model.bias.set_value(bias)
        optimizer = build_optimizer("Adam", model.parameters(), LR)
        optimizer.set_state_dict({key: paddle.to_tensor(value) for key, value in state.items()})
        after = train(optimizer, model)
    weight, bias = ([g[key] for g in GRADIENTS] for key in START)
    np.testing.assert_allclose(after["weight"], adam(START["weight"], weight, 0), rtol=1e-4)
    np.testing.assert_allclose(after["bias"], adam(START["bias"], bias * 2, 0), rtol=1e-4)


def test_constant_rate_with_and_without_warm_up():
    assert [LearningRate("constant", 0.3, 5, 7).learning_rate(step) for step in (0, 6, 34)] == [
        0.3
    ] * 3
    rate = LearningRate("constant", 0.6, 5, 3, warmup_epochs=2)
    assert [rate.learning_rate(step) for step in range(8)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.6, 0.6]
    )


def test_multistep_cuts_before_the_epoch_of_the_milestone():
    rate = LearningRate("multistep", 0.1, 20, 11, milestones=[15, 18], gamma=0.1)
    by_epoch = [
        (rate.learning_rate(11 * epoch), rate.learning_rate(11 * epoch + 10)) for epoch in range(20)
    ]
    assert by_epoch[:15] == [(0.1, 0.1)] * 15
    np.testing.assert_allclose(by_epoch[15:18], 0.01)
    np.testing.assert_allclose(by_epoch[18:], 0.001)


def test_cosine_falls_from_the_rate_to_zero_step_by_step():
    rate = LearningRate("cosine", 0.4, 5, 4)
    assert rate.learning_rate(0) == 0.4
    assert rate.learning_rate(5) == pytest.approx(0.2 * (1 + math.cos(math.pi / 4)))
    assert rate.learning_rate(10) == pytest.approx(0.2)
    assert 0 < rate.learning_rate(19) < 0.01
    assert rate.learning_rate(20) == pytest.approx(0, abs=1e-15)


def test_cosine_begins_after_the_warm_up():
    rate = LearningRate("cosine", 0.4, 5, 4, warmup_epochs=1)
    assert [rate.learning_rate(step) for step in range(5)] == pytest.approx(
        [0.1, 0.2, 0.3, 0.4, 0.4]
    )
    assert rate.learning_rate(12) == pytest.approx(0.2)


def plateau(losses: list[float], patience: int, warmup: int = 0) -> LearningRate:
    rate = LearningRate("plateau", 0.8, 20, 3, (), 0.5, warmup, patience)
    for epoch, loss in enumerate(losses):
        rate.end_epoch(epoch, loss)
    return rate


def test_plateau_cuts_after_more_than_patience_epochs_without_a_lower_loss():
    losses = [3.0, 2.0, 2.0, 2.5, 1.9, 1.95, 1.9, float("nan"), 2.0, 1.0]
    rates = [plateau(losses[:n], 1).learning_rate(3 * n) for n in range(1, 11)]
    assert rates == pytest.approx([0.8] * 3 + [0.4] * 3 + [0.2] * 2 + [0.1] * 2)
    rates = [plateau(losses[:n], 2).learning_rate(3 * n) for n in range(1, 11)]
    assert rates == pytest.approx([0.8] * 7 + [0.4] * 3)


@settings(max_examples=100, deadline=None)
@given(
    # Steps of 3e-5 of a loss: some improvements are too small to count, none is at the limit.
    losses=st.lists(
        st.tuples(st.integers(1, 4), st.integers(0, 7)).map(lambda n: n[0] * (1 - 3e-5 * n[1])),
        min_size=1, max_size=60,
    ),
    patience=st.integers(1, 4),
    gamma=st.sampled_from([0.1, 0.3, 0.5, 0.9]),
    lr=st.sampled_from([0.1, 1e-3, 3e-7]),
)  # fmt: skip
def test_plateau_gives_the_rates_of_paddle(losses, patience, gamma, lr):
    ours = LearningRate("plateau", lr, 100, 3, gamma=gamma, patience=patience)
    paddles = paddle.optimizer.lr.ReduceOnPlateau(lr, factor=gamma, patience=patience)
    for epoch, loss in enumerate(losses):
        assert ours.learning_rate(3 * epoch) == pytest.approx(paddles.last_lr, rel=1e-12)
        ours.end_epoch(epoch, loss)
        paddles.step(loss)
    assert ours.learning_rate(3 * len(losses)) == pytest.approx(paddles.last_lr, rel=1e-12)


def test_plateau_does_not_count_the_epochs_of_the_warm_up():
    losses = [1.0, 2.0, 3.0, 4.0, 5.0]
    assert plateau(losses, 1).learning_rate(15) == pytest.approx(0.2)
    assert plateau(losses, 1, warmup=2).learning_rate(15) == pytest.approx(0.4)


def test_plateau_continues_from_a_state_that_went_through_json():
    losses = [3.0, 2.0, 2.1, 2.2, 1.5, 1.6, 1.7, 1.4, 1.4, 1.4]
    whole = plateau(losses, 2)
    for cut in range(len(losses)):
        text = json.dumps(plateau(losses[:cut], 2).state_dict(), allow_nan=False)
        resumed = plateau([], 2)
        resumed.set_state_dict(json.loads(text))
        for epoch in range(cut, len(losses)):
            resumed.end_epoch(epoch, losses[epoch])
        assert resumed.state_dict() == whole.state_dict()


@settings(max_examples=50, deadline=None)
@given(
    name=st.sampled_from(["constant", "multistep", "cosine", "plateau"]),
    epochs=st.integers(2, 11),
    steps=st.integers(1, 7),
    data=st.data(),
)
def test_the_rate_rises_in_the_warm_up_only_and_never_passes_its_start(name, epochs, steps, data):
    warmup = data.draw(st.integers(0, epochs - 1))
    milestones = data.draw(st.lists(st.integers(warmup + 1, epochs), max_size=3))
    rate = LearningRate(name, 0.7, epochs, steps, milestones, 0.3, warmup)
    rates = np.array([rate.learning_rate(step) for step in range(epochs * steps)])
    first = warmup * steps
    assert (np.diff(rates[:first]) > 0).all() and (np.diff(rates[first:]) <= 0).all()
    assert (rates > 0).all() and rates.max() <= 0.7 * (1 + 1e-12)
    if first:
        assert rates[first - 1] == pytest.approx(rates[first])


RIGHT = {"name": "cosine", "lr": 1.0, "epochs": 5, "steps_per_epoch": 3}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "step"}, "'step' is none of constant, multistep, cosine, plateau"),
        ({"warmup_epochs": 5}, r"warmup_epochs: must be less than epochs \(5\), got 5"),
        ({"lr": 0}, "lr must be above 0"),
        ({"steps_per_epoch": 0}, "at least 1"),
    ],
)
def test_wrong_schedules_are_named(arguments, message):
    with pytest.raises(UserError, match=message):
        LearningRate(**{**RIGHT, **arguments})


def test_schedules_need_no_paddle():
    modules = "paddle_aug.train.learning_rate, paddle_aug.train.metrics"
    code = f"import sys, {modules}; sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
