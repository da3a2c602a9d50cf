"""Every operation of the accelerated model by value against Paddle's own, odd sizes included."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest
from paddle import nn

from paddle_aug.onednn import accelerate, is_available
from paddle_aug.onednn.plan import products
from paddle_aug.onednn.plan.steps import External, StepWriter
from tests.onednn.compare import assert_equal_step, distance, images, scramble, step

pytestmark = pytest.mark.skipif(
    is_available() is not None, reason=f"no acceleration here: {is_available()}"
)
needs_bf16 = pytest.mark.skipif(
    is_available("bf16") is not None, reason=f"no bfloat16 here: {is_available('bf16')}"
)


class Function(nn.Layer):
    """A model made of a function and the layers it uses."""

    def __init__(self, function, **layers):
        super().__init__()
        self.function = function
        for name, layer in layers.items():
            self.add_sublayer(name, layer)

    def forward(self, x):
        return self.function(self, x)


class Everything:
    """Contains whatever it is asked for."""

    def __contains__(self, _: object) -> bool:
        return True


CONVOLUTIONS = {
    "3x3": {"kernel_size": 3, "padding": 1},
    "3x3 without padding": {"kernel_size": 3},
    "stride 2, last column unused": {"kernel_size": 3, "stride": 2},
    "1x1": {"kernel_size": 1},
    "1x1, stride 2": {"kernel_size": 1, "stride": 2},
    "7x7, stride 2": {"kernel_size": 7, "stride": 2, "padding": 3},
    "5x3, stride 1x2": {"kernel_size": (5, 3), "stride": (1, 2), "padding": (2, 0)},
    "padding by side": {"kernel_size": 3, "padding": [0, 2, 1, 0]},
    "padding same": {"kernel_size": 4, "stride": 2, "padding": "SAME"},
    "padding same, without its dilation": {"kernel_size": 3, "padding": "SAME", "dilation": 2},
    "dilation 2": {"kernel_size": 3, "padding": 2, "dilation": 2},
    "3 groups": {"kernel_size": 3, "padding": 1, "groups": 3},
    "no bias": {"kernel_size": 3, "padding": 1, "bias_attr": False},
}


@pytest.mark.parametrize("case", CONVOLUTIONS)
@pytest.mark.parametrize("relu", [False, True], ids=["plain", "relu"])
def test_convolution_gives_paddles_output_and_gradients(case, relu):
    layers = [nn.Conv2D(6, 9, **CONVOLUTIONS[case])] + [nn.ReLU()] * relu
    assert_equal_step(scramble(nn.Sequential(*layers)), images(3, 6, 11, 13))


@pytest.mark.parametrize("case", CONVOLUTIONS)
def test_weight_gradients_in_onednns_own_layout_are_paddles_too(case, monkeypatch):
    """As kernels of AVX2 take it (`_SLOW_IN_NHWC`), here whatever the processor."""
    copied = []
    in_layout = StepWriter.in_layout

    def noted(writer, desc, place, wanted, through=None):
        if not isinstance(place, External):  # the weights themselves
            copied.append(desc != wanted)
        return in_layout(writer, desc, place, wanted, through)

    monkeypatch.setattr(StepWriter, "in_layout", noted)
    monkeypatch.setattr(products, "_SLOW_IN_NHWC", Everything())
    conv = nn.Conv2D(6, 9, **CONVOLUTIONS[case])
    assert_equal_step(scramble(nn.Sequential(conv, nn.ReLU())), images(3, 6, 11, 13))
    assert len(copied) == 2
    assert any(copied) or case != "3x3"


def test_bias_gradient_is_the_sum_of_the_output_gradient():
    conv = scramble(nn.Conv2D(3, 5, 3, padding=1))
    result = step(accelerate(conv), conv, images(2, 3, 7, 5))
    weights = images(*result.output.shape, seed=99).numpy().astype(np.float64)
    np.testing.assert_allclose(result.gradients["bias"], weights.sum((0, 2, 3)), rtol=1e-5)
    assert np.abs(result.gradients["bias"]).min() > 0.01


POOLS = {
    "maximum": nn.MaxPool2D(3, 2, padding=1),
    "maximum, stride 1": nn.MaxPool2D(3, 1, padding=1),
    "maximum, last row unused": nn.MaxPool2D(2, 2),
    "maximum, partial last window": nn.MaxPool2D(3, 2, ceil_mode=True),
    "maximum, 3x2": nn.MaxPool2D((3, 2), (2, 1)),
    "average": nn.AvgPool2D(3, 2),
    "average without its padding": nn.AvgPool2D(3, 2, padding=1, exclusive=True),
    "average with its padding": nn.AvgPool2D(3, 2, padding=1, exclusive=False),
    "average, partial last window": nn.AvgPool2D(3, 2, ceil_mode=True),
    "global average": nn.AdaptiveAvgPool2D(1),
    "adaptive average": nn.AdaptiveAvgPool2D((5, 3)),
    "adaptive maximum": Function(lambda self, x: F.max_pool2d(x, (2, 3), (2, 3))),
    "mean over height and width": Function(lambda self, x: x.mean([2, 3])),
    "mean that keeps them": Function(lambda self, x: x.mean([2, 3], keepdim=True)),
}


@pytest.mark.parametrize("case", POOLS)
def test_pool_gives_paddles_output_and_gradient(case):
    assert_equal_step(POOLS[case], images(3, 5, 10, 9))


@pytest.mark.parametrize("pool", [nn.MaxPool2D(3, 2, padding=1), nn.AvgPool2D(3, 2)])
def test_a_relu_before_a_pool_is_undone_exactly(pool):
    model = nn.Sequential(nn.Conv2D(3, 8, 3), nn.ReLU(), pool, nn.Conv2D(8, 4, 3))
    assert_equal_step(scramble(model), images(2, 3, 15, 13))


def test_relus_before_a_concatenation_and_a_pool_are_undone_exactly():
    def forward(self, x):
        a, b = F.relu(self.a(x)), F.relu(self.b(x))
        return self.c(F.max_pool2d(paddle.concat([a, b], 1), 3, 2, 1))

    layers = {"a": nn.Conv2D(3, 5, 1), "b": nn.Conv2D(3, 7, 3, padding=1), "c": nn.Conv2D(12, 4, 1)}
    assert_equal_step(scramble(Function(forward, **layers)), images(2, 3, 11, 13))


@pytest.mark.parametrize("relu", [False, True], ids=["plain", "relu"])
@pytest.mark.parametrize("momentum", [0.9, 0.3])
def test_batch_normalisation_gives_paddles_values_and_running_statistics(relu, momentum):
    layers = [nn.BatchNorm2D(7, momentum=momentum, epsilon=1e-3)] + [nn.ReLU()] * relu
    assert_equal_step(scramble(nn.Sequential(*layers)), images(5, 7, 9, 11) * 3 + 2)


@pytest.mark.parametrize("options", [{"weight_attr": False}, {"bias_attr": False}])
def test_batch_normalisation_without_scale_or_shift_runs_in_paddle(options):
    norm = nn.BatchNorm2D(7, **options)
    model = nn.Sequential(nn.Conv2D(3, 7, 3, bias_attr=False), norm, nn.AvgPool2D(2))
    assert_equal_step(scramble(model), images(5, 3, 9, 11))


def test_batch_normalisation_resting_inside_a_training_model_keeps_its_statistics():
    model = scramble(nn.Sequential(nn.Conv2D(3, 7, 3), nn.BatchNorm2D(7), nn.ReLU()))
    model[1]._mean.set_value(images(7, seed=4))
    model[1]._variance.set_value(images(7, seed=5).abs() + 0.5)
    model[1].eval()
    before = model[1]._mean.numpy().copy()
    assert_equal_step(model, images(5, 3, 9, 11))
    np.testing.assert_array_equal(model[1]._mean.numpy(), before)


def _residual(self, x):
    y = self.a(x)
    return F.relu(self.b(y) + y)


def _both_branches_same(self, x):
    y = self.a(x)
    return F.relu(y + y)


def _sum_read_twice(self, x):
    y = self.a(x)
    z = y + self.b(y)
    return self.b(z) + F.relu(z)


@pytest.mark.parametrize("forward", [_residual, _both_branches_same, _sum_read_twice])
def test_residual_sums_give_paddles_gradients(forward):
    layers = {"a": nn.Conv2D(3, 6, 3), "b": nn.Conv2D(6, 6, 3, padding=1)}
    model = Function(forward, **layers)
    if forward is _both_branches_same:
        del model.b
    assert_equal_step(scramble(model), images(2, 3, 9, 7))


def test_a_layer_used_twice_sums_its_gradients():
    model = Function(lambda self, x: self.a(F.relu(self.a(x))), a=nn.Conv2D(4, 4, 3, padding=1))
    assert_equal_step(scramble(model), images(2, 4, 9, 7))


@pytest.mark.parametrize("relu", [False, True], ids=["plain", "relu"])
@pytest.mark.parametrize("bias", [None, False], ids=["bias", "no bias"])
def test_linear_gives_paddles_output_and_gradients(relu, bias):
    layers = [nn.Linear(33, 17, bias_attr=bias)] + [nn.ReLU()] * relu
    assert_equal_step(scramble(nn.Sequential(*layers, nn.Linear(17, 5))), images(7, 33))


@pytest.mark.parametrize("shape", [[6], [1, 6], [6, 1]])
def test_what_is_added_to_a_linear_layer_is_spread_as_paddle_does(shape):
    model = Function(
        lambda self, x: F.relu(self.a(x) + self.added), a=nn.Linear(33, 6, bias_attr=False)
    )
    model.added = model.create_parameter(shape)
    assert_equal_step(scramble(nn.Sequential(model, nn.Linear(6, 5))), images(6, 33))


@pytest.mark.parametrize("size", [1, 5])
def test_flatten_keeps_paddles_order(size):
    model = nn.Sequential(nn.Conv2D(3, 6, 1), nn.Flatten(), nn.Linear(6 * size * size, 4))
    assert_equal_step(scramble(model), images(3, 3, size, size))


def test_a_relu_of_its_own_and_one_of_a_shared_value():
    def forward(self, x):
        y = self.a(x)
        return F.relu(y) + y

    assert_equal_step(scramble(Function(forward, a=nn.Conv2D(3, 4, 3))), images(2, 3, 9, 7))
    assert_equal_step(nn.ReLU(), images(2, 3, 9, 7))


def test_dropout_zeroes_its_share_and_scales_the_rest():
    model = nn.Sequential(nn.Dropout(0.3))
    result = step(accelerate(model), model, paddle.ones([64, 500]))
    assert np.unique(result.output).tolist() == [0, np.float32(1 / 0.7)]
    assert abs((result.output == 0).mean() - 0.3) < 0.01
    weights = images(64, 500, seed=99).numpy()
    np.testing.assert_allclose(result.gradients["x"], weights * result.output, rtol=1e-6)


def test_dropout_follows_paddles_seed_and_differs_from_step_to_step():
    fast = accelerate(nn.Sequential(nn.Dropout(0.5), nn.Dropout(0.5)))
    x = paddle.ones([8, 300])
    paddle.seed(5)
    first, second = fast(x).numpy(), fast(x).numpy()
    state = paddle.get_rng_state()
    third = fast(x).numpy()
    paddle.seed(5)
    again = fast(x).numpy()
    paddle.set_rng_state(state)
    resumed = fast(x).numpy()
    np.testing.assert_array_equal(first, again)
    np.testing.assert_array_equal(third, resumed)
    assert (first != second).mean() > 0.2
    assert abs((first == 0).mean() - 0.75) < 0.04  # the two layers draw apart


def test_dropout_rests_in_evaluation():
    fast = accelerate(nn.Sequential(nn.Linear(5, 5), nn.Dropout(0.5)))
    fast.eval()
    x = images(3, 5)
    np.testing.assert_allclose(fast(x).numpy(), fast.plain_forward(x).numpy(), rtol=1e-5)


# Model and tolerance. 8 significant bits: 0.4 % a rounding, a few roundings in a row; where a ReLU
# follows, values near 0 change side with their rounding, and their whole gradient with them.
BF16_CASES = {
    "convolution": (lambda: nn.Conv2D(6, 9, 3, padding=1), 0.01),
    "convolution and relu": (lambda: nn.Sequential(nn.Conv2D(6, 9, 3, padding=1), nn.ReLU()), 0.1),
    "normalised": (
        lambda: nn.Sequential(
            nn.Conv2D(6, 9, 3, bias_attr=False), nn.BatchNorm2D(9), nn.AvgPool2D(2)
        ),
        0.01,
    ),
    "pools": (lambda: nn.Sequential(nn.MaxPool2D(3, 2, padding=1), nn.AvgPool2D(2)), 0.01),
    "residual": (
        lambda: Function(
            lambda self, x: self.b(self.a(x)) + x,
            a=nn.Conv2D(6, 6, 1),
            b=nn.Conv2D(6, 6, 3, padding=1),
        ),
        0.01,
    ),
    "concatenation": (
        lambda: Function(lambda self, x: paddle.concat([self.a(x), x], 1), a=nn.Conv2D(6, 5, 1)),
        0.01,
    ),
    "classifier": (
        lambda: nn.Sequential(
            *(nn.Flatten(), nn.Linear(6 * 99, 33), nn.Dropout(0.0), nn.Linear(33, 5))
        ),
        0.01,
    ),
}


@needs_bf16
@pytest.mark.parametrize("case", BF16_CASES)
def test_bfloat16_stays_within_its_rounding_of_float32(case):
    make, tolerance = BF16_CASES[case]
    assert_equal_step(scramble(make()), images(3, 6, 11, 9), "bf16", tolerance)


@needs_bf16
def test_bfloat16_keeps_weight_gradients_in_float32():
    conv = scramble(nn.Conv2D(3, 5, 3))
    result = step(accelerate(conv, "bf16"), conv, images(2, 3, 9, 7))
    gradient = result.gradients["weight"]
    assert gradient.dtype == np.float32
    # Rounded to bfloat16 its last 16 bits would be 0.
    assert (gradient.view(np.uint32) & 0xFFFF).any()


def test_float32_is_nearer_to_float64_than_rounding_allows_for():
    model = scramble(nn.Sequential(nn.Conv2D(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2D(32, 8, 3)))
    x = images(4, 16, 13, 11)
    found = step(accelerate(model), model, x)
    exact_model = nn.Sequential(nn.Conv2D(16, 32, 3, padding=1), nn.ReLU(), nn.Conv2D(32, 8, 3))
    exact_model.to(dtype="float64")
    for parameter, known in zip(exact_model.parameters(), model.parameters(), strict=True):
        parameter.set_value(known.astype("float64"))
    exact = step(exact_model, exact_model, x.astype("float64"))
    assert distance(found.output, exact.output) < 1e-6
    for name, gradient in exact.gradients.items():
        assert distance(found.gradients[name], gradient) < 1e-6, name
