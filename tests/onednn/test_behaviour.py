"""How an accelerated model behaves among Paddle's layers, optimizers and autograd."""

import copy
import gc
import logging
import os
import random
import signal
import threading
import traceback
from types import SimpleNamespace

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import GLOBAL_GENERATORS
from paddle_aug.onednn import accelerate, accelerated, api, is_available, selfcheck
from paddle_aug.onednn.graph import trace as trace_module
from paddle_aug.onednn.native import library
from paddle_aug.onednn.native.buffers import ALIGNMENT
from tests.onednn.compare import assert_equal_step, distance, images, scramble, step

pytestmark = pytest.mark.skipif(
    is_available() is not None, reason=f"no acceleration here: {is_available()}"
)


def small_model() -> nn.Sequential:
    """Convolution, normalisation, pooling and a classifier."""
    layers = [
        nn.Conv2D(3, 6, 3, padding=1, bias_attr=False),
        nn.BatchNorm2D(6),
        nn.ReLU(),
        nn.MaxPool2D(2),
    ]
    return scramble(nn.Sequential(*layers, nn.Flatten(), nn.Linear(6 * 20, 5)))


X_SHAPE = (4, 3, 10, 9)  # 6 x 5 x 4 after the pool


# What is shared with the plain model


def test_it_shares_layers_parameters_and_names():
    model = small_model()
    fast = accelerate(model)
    assert isinstance(fast, nn.Sequential) and fast is not model
    assert list(fast.state_dict()) == list(model.state_dict())
    pairs = zip(fast.parameters(), model.parameters(), strict=True)
    assert all(mine is theirs for mine, theirs in pairs)
    assert [id(layer) for layer in fast.sublayers()] == [id(layer) for layer in model.sublayers()]
    assert len(fast) == 6 and fast[0] is model[0]


def test_train_and_eval_reach_the_layers():
    model = small_model()
    fast = accelerate(model)
    fast.eval()
    assert not model[1].training and not fast.training
    before = model[1]._mean.numpy().copy()
    fast(images(*X_SHAPE))
    np.testing.assert_array_equal(model[1]._mean.numpy(), before)
    fast.train()
    fast(images(*X_SHAPE))
    assert distance(model[1]._mean.numpy(), before) > 0.01


def test_a_checkpoint_moves_both_ways():
    model, other = small_model(), scramble(small_model(), seed=7)
    fast, x = accelerate(model), images(*X_SHAPE)
    fast(x)
    other.set_state_dict(fast.state_dict())
    fast.eval(), other.eval()
    np.testing.assert_allclose(fast(x).numpy(), other(x).numpy(), rtol=1e-4, atol=1e-5)
    newer = scramble(small_model(), seed=8)
    newer.eval()
    fast.set_state_dict(newer.state_dict())
    np.testing.assert_allclose(fast(x).numpy(), newer(x).numpy(), rtol=1e-4, atol=1e-5)


def test_the_optimizers_state_has_the_plain_models_names():
    with paddle.utils.unique_name.guard():
        model = small_model()
        fast = accelerate(model)
        optimizer = paddle.optimizer.Adam(0.01, parameters=fast.parameters())
        fast(images(*X_SHAPE)).sum().backward()
        optimizer.step()
        keys = set(optimizer.state_dict())
    with paddle.utils.unique_name.guard():
        model = small_model()
        optimizer = paddle.optimizer.Adam(0.01, parameters=model.parameters())
        model(images(*X_SHAPE)).sum().backward()
        optimizer.step()
        assert set(optimizer.state_dict()) == keys


def test_two_layers_of_the_same_name_are_told_apart():
    layers = []
    for _ in range(2):
        with paddle.utils.unique_name.guard():
            layers.append(nn.Conv2D(3, 3, 3, padding=1))
    assert layers[0].weight.name == layers[1].weight.name
    assert_equal_step(scramble(nn.Sequential(*layers)), images(2, 3, 7, 5))


def test_a_copy_is_a_model_of_its_own():
    fast = accelerate(small_model())
    x = images(*X_SHAPE)
    fast.eval()
    before = fast(x).numpy()
    twin = copy.deepcopy(fast)
    scramble(twin, seed=5)
    np.testing.assert_array_equal(fast(x).numpy(), before)
    assert distance(twin(x).numpy(), before) > 0.1
    assert twin._backend.is_planned()


# Autograd


@pytest.mark.parametrize("which", ["0.weight", "1.weight", "5.weight", "5.bias"])
def test_a_frozen_parameter_gets_no_gradient_and_the_others_keep_theirs(which):
    model = small_model()
    frozen = dict(model.named_parameters())[which]
    frozen.stop_gradient = True
    assert_equal_step(model, images(*X_SHAPE))
    accelerate(model)(images(*X_SHAPE)).sum().backward()
    assert frozen.grad is None


def test_freezing_later_is_noticed():
    model = small_model()
    fast = accelerate(model)
    fast(images(*X_SHAPE)).sum().backward()
    assert model[0].weight.grad is not None
    for parameter in model.parameters():
        parameter.clear_gradient(set_to_zero=False)
    model[0].weight.stop_gradient = True
    before = model[0].weight.grad
    fast(images(*X_SHAPE)).sum().backward()
    after = model[0].weight.grad
    assert after is None or (before is not None and not after.numpy().any())
    assert model[5].weight.grad.numpy().any()


def test_gradients_add_up_over_two_backward_passes():
    model, x = small_model(), images(*X_SHAPE)
    one = step(accelerate(model), model, x).gradients["0.weight"]
    fast = accelerate(model)
    for _ in range(2):
        output = fast(x)
        (output * images(*output.shape, seed=99)).sum().backward()
    assert distance(model[0].weight.grad.numpy(), 2 * one) < 1e-5


def test_two_forward_passes_may_precede_their_backward_passes():
    model = nn.Sequential(nn.Conv2D(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2D(1))
    scramble(model)
    plain, fast = copy.deepcopy(model), accelerate(model)
    for run in (plain, fast):
        first, second = run(images(2, 3, 9, 7, seed=1)), run(images(2, 3, 9, 7, seed=2))
        (first.sum() * 3 + (second * second).sum()).backward()
    wanted = plain[0].weight.grad.numpy()
    assert distance(model[0].weight.grad.numpy(), wanted) < 1e-5


def test_a_forward_pass_without_a_backward_pass_costs_nothing_later():
    model = small_model()
    fast = accelerate(model)
    for _ in range(3):
        fast(images(*X_SHAPE))
    copied = copy.deepcopy(model)
    wanted, found = step(copied, copied, images(*X_SHAPE)), step(fast, model, images(*X_SHAPE))
    assert distance(found.gradients["0.weight"], wanted.gradients["0.weight"]) < 1e-5


def test_without_gradients_nothing_is_kept():
    fast = accelerate(small_model())
    with paddle.no_grad():
        assert fast(images(*X_SHAPE)).stop_gradient
    fast.eval()
    assert not fast(images(*X_SHAPE)).stop_gradient  # as in Paddle: eval() alone records


def test_a_view_that_is_not_contiguous_is_read_as_it_looks():
    model = small_model()
    x = images(4, 10, 9, 3).transpose([0, 3, 1, 2])
    assert not x.is_contiguous()
    fast = accelerate(model)
    assert distance(fast(x).numpy(), copy.deepcopy(model)(x).numpy()) < 1e-5


def test_sgd_momentum_and_clipping_work_after_it():
    results = []
    for fast in (False, True):
        model = small_model()
        run = accelerate(model) if fast else model
        clip = nn.ClipGradByGlobalNorm(0.5)
        optimizer = paddle.optimizer.Momentum(
            0.1, parameters=model.parameters(), weight_decay=0.01, grad_clip=clip
        )
        for seed in range(3):
            (run(images(*X_SHAPE, seed=seed)) ** 2).mean().backward()
            optimizer.step()
            optimizer.clear_grad()
        results.append(model[0].weight.numpy())
    assert distance(results[1], results[0]) < 1e-4


# Layers it does not know


class Unusual(nn.Layer):
    """A network with layers that only Paddle has, at its beginning, middle and end."""

    def __init__(self):
        super().__init__()
        self.start = nn.PReLU()
        self.conv1 = nn.Conv2D(3, 8, 3)
        self.norm = nn.GroupNorm(2, 8)
        self.conv2 = nn.Conv2D(8, 8, 3, padding=1)
        self.attend = nn.Sequential(nn.Conv2D(8, 8, 1), nn.Sigmoid())
        self.fc = nn.Linear(8, 5)
        self.end = nn.Softmax()

    def forward(self, x):
        x = F.relu(self.conv1(self.start(x)))
        x = x + self.conv2(self.norm(x))
        x = self.attend(x) + x
        return self.end(self.fc(paddle.flatten(F.adaptive_avg_pool2d(x, 1), 1)))


def test_layers_only_paddle_has_run_in_paddle_at_their_place(caplog):
    with caplog.at_level(logging.WARNING):
        assert_equal_step(scramble(Unusual()), images(2, 3, 9, 8))
    named = [record.getMessage() for record in caplog.records]
    for layer in ("start (PReLU)", "norm (GroupNorm)", "attend.1 (Sigmoid)", "end (Softmax)"):
        assert any(f"runs in Paddle: {layer}" in message for message in named)
    assert not any("conv" in message for message in named)


class Functional(nn.Layer):
    """An operation that no layer of its own holds."""

    def __init__(self):
        super().__init__()
        self.block = nn.Sequential(nn.Conv2D(3, 4, 3), nn.ReLU())

    def forward(self, x):
        return F.gelu(self.block(x))


def test_a_function_it_does_not_know_takes_its_layer_with_it(caplog):
    inner, outer = Functional(), nn.Sequential(Functional(), nn.Conv2D(4, 5, 1))
    with caplog.at_level(logging.WARNING):
        assert_equal_step(scramble(inner), images(2, 3, 9, 8), planned=False)
        assert_equal_step(scramble(outer), images(2, 3, 9, 8), planned=True)
    messages = [record.getMessage() for record in caplog.records]
    assert any(
        "the whole model runs in Paddle: no operation of ours is gelu" in m for m in messages
    )
    assert any("runs in Paddle: 0 (Functional)" in m for m in messages)


class Decides(nn.Layer):
    """Python that looks at values cannot be planned."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 4, 3)

    def forward(self, x):
        return self.conv(x) if x.mean() > 0 else -self.conv(x)


def test_code_that_looks_at_values_runs_in_paddle():
    model = scramble(Decides())
    for shift in (-5.0, 5.0):
        assert_equal_step(model, images(2, 3, 9, 8) + shift, planned=False)


class ByNumbers(nn.Layer):
    """Its Python decides by numbers of its own, which a program may change between calls."""

    def __init__(self):
        super().__init__()
        self.first, self.norm, self.second = (
            nn.Conv2D(3, 4, 3),
            nn.BatchNorm2D(4),
            nn.Conv2D(4, 4, 1),
        )
        self.deep, self.settings, self.drop = [False], {"deep": [0, None]}, 0.0
        self.array, self.names, self.options = np.zeros(2), {"shallow"}, SimpleNamespace(deep=False)

    def forward(self, x):
        x = self.norm(self.first(x))
        deep = self.deep[0] or self.settings["deep"][0] or self.array[1] or self.options.deep
        x = self.second(x) if deep or "deep" in self.names else x
        return F.dropout(x, self.drop, training=self.training)


@pytest.mark.parametrize(
    "change",
    [
        lambda net: net.deep.__setitem__(0, True),
        lambda net: setattr(net, "deep", [1]),
        lambda net: net.settings["deep"].__setitem__(0, 1),
        lambda net: net.array.__setitem__(1, 1.0),
        lambda net: net.names.add("deep"),
        lambda net: setattr(net.options, "deep", True),
        lambda net: setattr(net, "drop", 1.0),
        lambda net: setattr(net.norm, "_momentum", 0.1),
    ],
)
def test_numbers_that_change_between_calls_are_used(change):
    plain = scramble(ByNumbers())
    fast, x = accelerate(copy.deepcopy(plain)), images(2, 3, 9, 8)
    assert distance(fast(x).numpy(), plain(x).numpy()) < 1e-5
    before = plain(x).numpy(), fast(x).numpy()
    change(plain), change(fast)
    after = plain(x).numpy(), fast(x).numpy()
    assert fast._backend.is_planned()
    assert distance(after[1], after[0]) < 1e-5
    assert distance(fast.norm._mean.numpy(), plain.norm._mean.numpy()) < 1e-5
    assert distance(after[0], before[0]) > 0.1 or plain.norm._momentum == 0.1


class StochasticDepth(nn.Layer):
    """Leaves a layer out by chance, by Python's or NumPy's random numbers."""

    def __init__(self, chance, generator=None):
        super().__init__()
        self.first, self.second, self.chance = nn.Conv2D(3, 4, 3), nn.Conv2D(4, 4, 1), chance
        self.generator = generator

    def forward(self, x):
        x = self.first(x)
        return self.second(x) if self.chance() < 0.5 else x


@pytest.mark.parametrize("chance", [random.random, np.random.random])
def test_a_model_that_draws_random_numbers_runs_in_paddle_and_draws_the_same(chance, caplog):
    plain, x = scramble(StochasticDepth(chance)), images(2, 3, 9, 8)
    results = []
    for model in (plain, accelerate(plain)):
        random.seed(3), np.random.seed(3)
        results.append([float(model(x).sum()) for _ in range(8)])
    assert results[0] == results[1] and len(set(results[0])) == 2
    assert "draws from Python's or NumPy's random numbers" in caplog.text


@pytest.mark.parametrize("generator", [random.Random(1), np.random.default_rng(1)])
def test_a_model_with_a_generator_of_its_own_runs_in_paddle(generator, caplog):
    model = scramble(nn.Sequential(StochasticDepth(generator.random, generator)))
    fast, x = accelerate(model), images(2, 3, 9, 8)
    assert len({float(fast(x).sum()) for _ in range(12)}) == 2
    assert "0 holds a generator of random numbers" in caplog.text


def test_a_thread_that_draws_meanwhile_is_not_taken_for_the_model(caplog):
    stop, model, x = threading.Event(), small_model(), images(*X_SHAPE)

    def read_ahead():
        while not stop.is_set():
            with GLOBAL_GENERATORS:  # as transforms of paddle.vision are drawn in a loader's thread
                state = random.getstate()
                random.seed(7)
                random.random()
                random.setstate(state)

    thread = threading.Thread(target=read_ahead)
    thread.start()
    try:
        fast = accelerate(model)
        fast(x)
    finally:
        stop.set()
        thread.join()
    assert fast._backend.is_planned() and "random" not in caplog.text


class Counts(nn.Layer):
    """Its forward pass changes a number that it decides by, `times` times."""

    def __init__(self, times):
        super().__init__()
        self.conv, self.calls, self.times = nn.Conv2D(3, 4, 3), [0], times

    def forward(self, x):
        self.calls[0] = min(self.calls[0] + 1, self.times)
        return self.conv(x) * self.calls[0] if self.times > 1 else self.conv(x)


@pytest.fixture
def traces(monkeypatch):
    """Grows by one with each trace."""
    made = []
    trace = accelerated.trace
    monkeypatch.setattr(accelerated, "trace", lambda *words: made.append(1) or trace(*words))
    return made


def test_a_model_that_changes_its_own_numbers_runs_in_paddle(traces, caplog):
    plain, x = scramble(nn.Sequential(Counts(100))), images(2, 3, 9, 8)
    fast = accelerate(copy.deepcopy(plain))
    for _ in range(12):
        assert (fast(x).numpy() == plain(x).numpy()).all()
    assert len(traces) == accelerated.MAX_TRACES
    assert "its forward pass changes numbers of 0" in caplog.text


def test_a_model_that_notes_a_number_once_is_planned_from_the_next_call_on(traces, caplog):
    fast, x = accelerate(scramble(Counts(1))), images(2, 3, 9, 8)
    for _ in range(4):
        fast(x)
    assert fast._backend.is_planned() and len(traces) == 2 and not caplog.text


def test_a_number_that_is_changed_before_every_call_is_not_traced_every_time(traces, caplog):
    plain, x = scramble(ByNumbers()), images(2, 3, 9, 8)
    fast = accelerate(plain)
    for call in range(12):
        fast.drop = call / 100
        fast(x)
    assert len(traces) == accelerated.MAX_TRACES
    assert "numbers of its layers change again and again" in caplog.text


class InPlace(nn.Layer):
    """relu_ changes its input, which is read again."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2D(3, 4, 3)

    def forward(self, x):
        y = self.conv(x)
        z = F.relu_(y)
        return y + z


def test_a_value_changed_in_place_is_read_changed():
    model, x = scramble(InPlace()), images(2, 3, 9, 8)
    wanted = copy.deepcopy(model)(x).numpy()
    assert distance(accelerate(model)(x).numpy(), wanted) < 1e-5


def test_hooks_see_real_values():
    model, seen = small_model(), []
    model[2].register_forward_post_hook(lambda layer, inputs, output: seen.append(output.numpy()))
    fast, x = accelerate(model), images(*X_SHAPE)
    fast(x)
    assert len(seen) == 1 and seen[0].shape == (4, 6, 10, 9) and seen[0].min() == 0
    model.eval(), fast.eval()
    wanted = 2 * model(x).numpy()
    fast.register_forward_post_hook(lambda layer, inputs, output: output * 2)
    assert distance(fast(x).numpy(), wanted) < 1e-5
    assert fast._backend.is_planned()


def test_a_hook_that_changes_a_shape_does_not_confuse_the_plan():
    model = scramble(nn.Sequential(nn.Conv2D(3, 4, 3), nn.ReLU(), nn.Conv2D(4, 5, 1)))
    model[1].register_forward_post_hook(lambda layer, inputs, output: output[:, :, ::2])
    assert_equal_step(model, images(2, 3, 9, 8), planned=False)


def test_a_layer_replaced_later_is_used():
    model = small_model()
    fast, x = accelerate(model), images(*X_SHAPE)
    model.eval(), fast.eval()
    fast(x)
    model[5] = scramble(nn.Linear(6 * 20, 3), seed=9)
    assert fast(x).shape == [4, 3]
    assert distance(fast(x).numpy(), model(x).numpy()) < 1e-5


def test_several_outputs_come_in_the_models_own_order_and_type():
    class Heads(nn.Layer):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2D(3, 4, 3), nn.Conv2D(4, 2, 1)

        def forward(self, x):
            x = F.relu(self.conv(x))
            return [self.head(x), x]

    model, x = scramble(Heads()), images(2, 3, 9, 8)
    plain, fast = copy.deepcopy(model), accelerate(model)
    for run in (plain, fast):
        first, second = run(x)
        (first.sum() + (second * second).sum()).backward()
    assert type(fast(x)) is list
    for mine, theirs in zip(fast(x), plain(x), strict=True):
        assert distance(mine.numpy(), theirs.numpy()) < 1e-5
    assert distance(model.conv.weight.grad.numpy(), plain.conv.weight.grad.numpy()) < 1e-5


def test_float64_and_keyword_arguments_run_in_paddle():
    model = small_model()
    fast = accelerate(model)
    model.eval(), fast.eval()
    x = images(*X_SHAPE)
    np.testing.assert_array_equal(fast(input=x).numpy(), model(x).numpy())
    model.to(dtype="float64")
    x = x.astype("float64")
    np.testing.assert_array_equal(fast(x).numpy(), model(x).numpy())


def test_exporting_sees_the_plain_model(tmp_path):
    fast, x = accelerate(small_model()), images(*X_SHAPE)
    fast.eval()
    shape = [None, *X_SHAPE[1:]]
    paddle.jit.save(fast, str(tmp_path / "m"), [paddle.static.InputSpec(shape, "float32")])
    assert distance(paddle.jit.load(str(tmp_path / "m"))(x).numpy(), fast(x).numpy()) < 1e-5


# Memory


def test_plans_are_bounded():
    fast = accelerate(nn.Sequential(nn.Conv2D(1, 2, 3)))
    for size in range(5, 25):
        fast(images(1, 1, size, size))
    assert len(fast._backend._stages) == accelerated.MAX_PLANS
    assert len(fast._backend._graphs) == accelerated.MAX_PLANS


def test_memory_does_not_grow_over_steps():
    def resident() -> int:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * 4096

    model = scramble(nn.Sequential(nn.Conv2D(3, 32, 3), nn.ReLU(), nn.Conv2D(32, 32, 3)))
    fast, x = accelerate(model), images(8, 3, 64, 64)  # 4 MB a value
    optimizer = paddle.optimizer.SGD(1e-6, parameters=model.parameters())

    def steps(count: int) -> None:
        for index in range(count):
            loss = fast(x[: 8 - index % 2]).mean()
            if index % 5:
                loss.backward()
                optimizer.step()
                optimizer.clear_grad()

    steps(20)
    before = resident()
    steps(200)
    assert resident() - before < 16 << 20


def test_no_python_object_stays_behind_from_step_to_step():
    model = small_model()
    fast, x = accelerate(model), images(*X_SHAPE)
    optimizer = paddle.optimizer.Adam(1e-6, parameters=model.parameters())

    def objects_after(count: int) -> int:
        for _ in range(count):
            fast(x).mean().backward()
            optimizer.step()
            optimizer.clear_grad(set_to_zero=False)
        gc.collect()
        return len(gc.get_objects())

    before = objects_after(5)
    assert objects_after(50) <= before


def test_gradients_lie_beside_each_other_and_change_alone():
    model = small_model()
    accelerate(model)(images(*X_SHAPE)).sum().backward()
    gradients = [p.grad for p in model.parameters() if p.grad is not None]
    assert [g.shape for g in gradients] == [[6, 3, 3, 3], [6], [6], [120, 5], [5]]
    assert all(g.data_ptr() % ALIGNMENT == 0 and g.is_contiguous() for g in gradients)
    before = [g.numpy().copy() for g in gradients]
    with paddle.no_grad():
        for number, gradient in enumerate(gradients):
            gradient.scale_(float(number))
    for number, (gradient, old) in enumerate(zip(gradients, before, strict=True)):
        np.testing.assert_array_equal(gradient.numpy(), number * old)


# Whether to trust the library at all


@pytest.fixture
def fresh(monkeypatch):
    """Whatever is remembered of the library and the self-check is forgotten before and after."""
    for cached in (library.library, selfcheck.missing_operation):
        cached.cache_clear()
    yield monkeypatch
    monkeypatch.undo()
    for cached in (library.library, selfcheck.missing_operation):
        cached.cache_clear()


def assert_falls_back(caplog, *words: str) -> None:
    model = small_model()
    with caplog.at_level(logging.WARNING):
        assert accelerate(model) is model
    message = caplog.records[-1].getMessage()
    assert message.startswith("accelerate: the model runs in Paddle as it is:")
    assert all(word in message for word in words), message


def test_a_missing_library_leaves_the_model_to_paddle(fresh, caplog, tmp_path):
    fresh.setattr(library, "library_path", lambda: tmp_path / "libdnnl.so.3")
    assert_falls_back(caplog, "cannot be loaded", str(tmp_path))


def test_another_version_leaves_the_model_to_paddle(fresh, caplog):
    fresh.setattr(library, "SUPPORTED_MAJOR", 4)
    assert_falls_back(caplog, "is not 4.")


def test_a_paddle_without_programs_leaves_the_model_as_it_is(monkeypatch):
    monkeypatch.delattr(paddle, "pir")
    assert "3.0 and later can" in (is_available() or "")


def test_an_operation_that_this_onednn_lacks_leaves_the_model_to_paddle(fresh, caplog):
    real = library.Library.check

    def lacking(self, status, what):
        real(self, 3 if "pooling" in what else status, what)  # dnnl_unimplemented

    fresh.setattr(library.Library, "check", lacking)
    assert_falls_back(caplog, "pooling_forward_primitive_desc_create failed")


# What fails for another reason must not hide in a slow run


def test_a_wrong_result_is_an_error_that_says_what_helps(fresh):
    fresh.setattr(library, "POOLING_AVG_EXCLUDE_PADDING", library.POOLING_MAX)
    with pytest.raises(
        UserError, match=r"self-check's .* differs from Paddle's by .*--cpu-backend"
    ):
        accelerate(small_model())


def test_a_call_that_this_onednn_refuses_though_it_should_not_is_an_error(fresh):
    fresh.setattr(library, "CONVOLUTION_DIRECT", 12345)
    with pytest.raises(UserError, match="self-check's model could not be planned .*status 2"):
        accelerate(small_model())


@pytest.mark.parametrize("where", ["trace", "plan"])
def test_a_fault_of_the_self_check_is_an_error_with_its_cause(fresh, where):
    def broken(*_, **__):
        raise KeyError("a mistake of ours")

    fresh.setattr(accelerated, where, broken)
    with pytest.raises(UserError, match="KeyError: 'a mistake of ours'") as error:
        accelerate(small_model())
    assert isinstance(error.value.__cause__, KeyError)


def test_a_fault_in_reading_a_model_is_an_error_and_no_slow_run(monkeypatch):
    fast = accelerate(small_model())

    def broken(*_, **__):
        raise IndexError("a mistake of ours")

    monkeypatch.setattr(trace_module, "_outputs", broken)
    with pytest.raises(UserError, match="the model cannot be read .IndexError: a mistake of ours"):
        fast(images(*X_SHAPE))


@pytest.mark.parametrize("error", [MemoryError(), OSError(12, "Cannot allocate memory")])
def test_a_shortage_of_memory_in_tracing_is_no_reason_to_run_slowly(error, caplog):
    class Short(nn.Layer):
        def forward(self, x):
            raise error

    with pytest.raises(type(error)):
        accelerate(Short())(images(*X_SHAPE))
    assert "runs in Paddle" not in caplog.text


def test_a_block_that_cannot_be_had_raises_and_is_no_refusal():
    lib = library.library()
    with pytest.raises(MemoryError, match="x: out of memory"):
        lib.check(1, "x")
    for status, kind in ((2, library.Refused), (3, library.NotSupported), (5, library.OneDNNError)):
        with pytest.raises(library.OneDNNError) as error:
            lib.check(status, "x")
        assert type(error.value) is kind


# Asked to stop


def asking_while_tracing(monkeypatch, number: int) -> None:
    """Send this process a signal where Paddle's C++ side would drop what it raises."""
    real, calls = traceback.extract_stack, [0]

    def asking(*args, **kwargs):
        calls[0] += 1
        if calls[0] == 3:
            os.kill(os.getpid(), number)
        return real(*args, **kwargs)

    monkeypatch.setattr(traceback, "extract_stack", asking)


def test_ctrl_c_while_a_model_is_traced_is_not_lost(monkeypatch, caplog):
    fast = accelerate(small_model())
    asking_while_tracing(monkeypatch, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fast(images(*X_SHAPE))
    monkeypatch.undo()
    assert caplog.text == ""
    assert fast(images(*X_SHAPE)).shape == [4, 5]
    assert fast._backend.is_planned()


def test_ctrl_c_does_not_wait_for_the_last_layer(monkeypatch):
    seen = []

    class Watched(nn.Layer):
        def __init__(self):
            super().__init__()
            self.layers = nn.LayerList([nn.Conv2D(3, 3, 1) for _ in range(20)])

        def forward(self, x):
            for layer in self.layers:
                x = layer(x)
                seen.append(1)
            return x

    fast = accelerate(Watched())
    asking_while_tracing(monkeypatch, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        fast(images(*X_SHAPE))
    assert len(seen) < 10


def test_ctrl_c_in_the_self_check_is_not_lost(fresh):
    asking_while_tracing(fresh, signal.SIGINT)
    with pytest.raises(KeyboardInterrupt):
        accelerate(small_model())


def test_the_self_check_leaves_the_random_state_alone(fresh):
    paddle.seed(4)
    wanted = paddle.rand([5]).numpy()
    paddle.seed(4)
    assert selfcheck.missing_operation(None) is None
    np.testing.assert_array_equal(paddle.rand([5]).numpy(), wanted)


def test_on_another_device_the_model_is_returned_as_it_is(monkeypatch):
    monkeypatch.setattr(api.paddle.device, "get_device", lambda: "gpu:0")
    model = small_model()
    assert accelerate(model) is model
    assert is_available() == "the device is gpu:0, not the CPU"


def test_an_unknown_precision_is_refused():
    with pytest.raises(ValueError, match="'fp8'"):
        accelerate(small_model(), amp="fp8")


def test_bf16_needs_its_instructions(monkeypatch):
    monkeypatch.setattr(api, "cpu_flags", lambda: frozenset({"avx512f"}))
    assert "avx512_bf16" in is_available("bf16")
    assert is_available() is None


def test_bf16_asked_for_where_there_is_none_is_float32_with_a_warning(monkeypatch, caplog):
    monkeypatch.setattr(api, "cpu_flags", lambda: frozenset({"avx2"}))
    model, images = small_model(), paddle.rand(X_SHAPE)
    with caplog.at_level(logging.WARNING):
        run = accelerate(model, "bf16")
    assert run is not model
    wanted = accelerate(model)(images).numpy()
    np.testing.assert_array_equal(run(images).numpy(), wanted)
    [record] = caplog.records
    assert record.getMessage() == (
        "accelerate: float32 computes, not bf16: "
        "this processor has no bfloat16 instructions (avx512_bf16)"
    )
