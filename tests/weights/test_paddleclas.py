"""State dicts with PaddleClas's names and shapes give PaddleClas's logits in our models."""

import numpy as np
import paddle
import paddle.nn.functional as F
import pytest

from models import build_model
from paddle_aug.build.first_weights import take_weights
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.weights.paddleclas import from_paddleclas

CLASSES = 7
# Kind: blocks of each stage, and whether a block has three convolutions. In the first block of a
# stage PaddleClas always has a convolution in the shortcut.
RESNETS = {
    "ResNet18Clas": ((2, 2, 2, 2), False),
    "ResNet34Clas": ((3, 4, 6, 3), False),
    "ResNet50": ((3, 4, 6, 3), True),
    "ResNet152": ((3, 8, 36, 3), True),
}
VGGS = {
    "VGG11": (1, 1, 2, 2, 2),
    "VGG16": (2, 2, 3, 3, 3),
    "VGG19": (2, 2, 4, 4, 4),
}


class Drawn:
    """Arrays that are drawn when they are asked for, under the names that they are asked by."""

    def __init__(self, seed: int):
        self.rng = np.random.default_rng(seed)
        self.arrays: dict[str, np.ndarray] = {}

    def __call__(self, name: str, *shape: int, around: float = 0.0, spread: float = 1.0):
        if name not in self.arrays:
            values = around + spread * self.rng.standard_normal(shape)
            self.arrays[name] = values.astype(np.float32)
        return paddle.to_tensor(self.arrays[name])

    def convolution(self, x, name: str, out: int, kernel: int, stride: int = 1):
        """`NAME.conv` and `NAME.bn`: without bias, normalised by the running statistics."""
        into = x.shape[1]
        weight = self(f"{name}.conv.weight", out, into, kernel, kernel,
                      spread=(1 / (into * kernel**2)) ** 0.5)  # fmt: skip
        x = F.conv2d(x, weight, stride=stride, padding=kernel // 2)
        return F.batch_norm(
            x, self(f"{name}.bn._mean", out, spread=0.1),
            paddle.abs(self(f"{name}.bn._variance", out, around=1.0, spread=0.1)),
            self(f"{name}.bn.weight", out, around=1.0, spread=0.1),
            self(f"{name}.bn.bias", out, spread=0.1), epsilon=1e-5,
        )  # fmt: skip

    def linear(self, x, name: str, out: int):
        into = x.shape[1]
        weight = self(f"{name}.weight", into, out, spread=(1 / into) ** 0.5)
        return x @ weight + self(f"{name}.bias", out, spread=0.1)


def resnet(drawn: Drawn, x, stages, bottleneck: bool, first_shortcut: bool = True):
    """What PaddleClas's ResNet computes in evaluation."""
    x = F.max_pool2d(F.relu(drawn.convolution(x, "stem.0", 64, 7, 2)), 3, 2, 1)
    number = 0
    for stage, blocks in enumerate(stages):
        width = 64 << stage
        for block in range(blocks):
            name = f"blocks.{number}"
            stride = 2 if block == 0 and stage > 0 else 1
            if bottleneck:
                y = F.relu(drawn.convolution(x, f"{name}.conv0", width, 1))
                y = F.relu(drawn.convolution(y, f"{name}.conv1", width, 3, stride))
                y = drawn.convolution(y, f"{name}.conv2", 4 * width, 1)
            else:
                y = F.relu(drawn.convolution(x, f"{name}.conv0", width, 3, stride))
                y = drawn.convolution(y, f"{name}.conv1", width, 3)
            if block == 0 and (stage > 0 or first_shortcut):
                x = drawn.convolution(x, f"{name}.short", y.shape[1], 1, stride)
            x = F.relu(x + y)
            number += 1
    return drawn.linear(x.mean([2, 3]), "fc", CLASSES)


def vgg(drawn: Drawn, x, blocks):
    """What PaddleClas's VGG computes in evaluation: convolutions without bias, halving dropout."""
    for block, count in enumerate(blocks, 1):
        width = min(32 << block, 512)
        for i in range(1, count + 1):
            into = x.shape[1]
            weight = drawn(f"conv_block_{block}.conv{i}.weight", width, into, 3, 3,
                           spread=(2 / (9 * into)) ** 0.5)  # fmt: skip
            x = F.relu(F.conv2d(x, weight, padding=1))
        x = F.max_pool2d(x, 2, 2)
    x = F.relu(drawn.linear(paddle.flatten(x, 1), "fc1", 4096))
    x = F.dropout(x, 0.5, training=False, mode="downscale_in_infer")
    x = F.relu(drawn.linear(x, "fc2", 4096))
    x = F.dropout(x, 0.5, training=False, mode="downscale_in_infer")
    return drawn.linear(x, "fc3", CLASSES)


def images(size: int = 64):
    return paddle.to_tensor(
        np.random.default_rng(5).standard_normal((2, 3, size, size)).astype(np.float32)
    )


def taken(path, model: str, drawn: Drawn, classes: int = CLASSES, size: int = 64, **options):
    """(the model with the weights of a file of these arrays, what is said of them)."""
    paddle.save({n: paddle.to_tensor(a) for n, a in drawn.arrays.items()}, str(path))
    config = load_config({"model": model, "image_size": size, "weights": str(path), **options})
    paddle.seed(1)
    network = build_model(model, classes, 3, size)
    line = take_weights(network, config, [str(number) for number in range(classes)])
    network.eval()
    return network, line


@pytest.mark.parametrize("kind", RESNETS)
def test_a_resnet_of_paddleclas_gives_its_logits_here(kind, tmp_path):
    stages, bottleneck = RESNETS[kind]
    drawn = Drawn(3)
    with paddle.no_grad():
        expected = resnet(drawn, images(), stages, bottleneck).numpy()
        model, line = taken(tmp_path / "a.pdparams", kind, drawn)
        got = model(images()).numpy()
    assert len(drawn.arrays) == len(model.state_dict())
    assert np.ptp(expected) > 1
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-4 * np.abs(expected).max())
    count = len(drawn.arrays)
    assert f"{count} of {count} arrays (PaddleClas's {kind}); note: PaddleClas's own" in line


@pytest.mark.parametrize("kind", VGGS)
def test_a_vgg_of_paddleclas_gives_its_logits_here(kind, tmp_path):
    drawn = Drawn(4)
    with paddle.no_grad():
        expected = vgg(drawn, images(), VGGS[kind]).numpy()
        model, line = taken(tmp_path / "a.pdparams", kind, drawn)
        got = model(images()).numpy()
    assert np.ptp(expected) > 0.05
    np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-5)
    biases = [p for n, p in model.state_dict().items() if n.startswith("features") and "bias" in n]
    assert len(biases) == sum(VGGS[kind]) and all((p.numpy() == 0).all() for p in biases)
    assert f"(PaddleClas's {kind})" in line


def test_a_resnet_without_the_first_shortcut_is_the_papers(tmp_path):
    drawn = Drawn(3)
    with paddle.no_grad():
        expected = resnet(drawn, images(), (2, 2, 2, 2), False, first_shortcut=False).numpy()
        model, _ = taken(tmp_path / "a.pdparams", "ResNet18", drawn)
        np.testing.assert_allclose(model(images()).numpy(), expected, rtol=1e-3, atol=1e-4)


def test_a_head_for_other_classes_is_new_and_known_normalisation_is_not_remarked(tmp_path):
    drawn = Drawn(3)
    with paddle.no_grad():
        resnet(drawn, images(), (2, 2, 2, 2), False)
    normalised = {"mean": [0.485, 0.456, 0.406], "std": [0.229, 0.224, 0.225]}
    model, line = taken(tmp_path / "a.pdparams", "ResNet18Clas", drawn, classes=3, **normalised)
    assert line.endswith("fc.weight [512, 3]: is [512, 7], fc.bias [3]: is [7] "
                         "(PaddleClas's ResNet18Clas)")  # fmt: skip
    np.testing.assert_array_equal(model.conv1.weight.numpy(), drawn.arrays["stem.0.conv.weight"])


def test_the_model_that_would_take_the_weights_is_named(tmp_path):
    drawn = Drawn(3)
    with paddle.no_grad():
        resnet(drawn, images(), (2, 2, 2, 2), False)
    with pytest.raises(UserError) as caught:
        taken(tmp_path / "a.pdparams", "ResNet18", drawn)
    first, *_, last = str(caught.value).splitlines()
    assert first == f"{tmp_path}/a.pdparams: 5 of its arrays do not fit the model:"
    assert "  layer1.0.downsample.0.weight [64, 64, 1, 1]: unknown" in str(caught.value)
    assert last == "these are weights of PaddleClas's ResNet18Clas; take --model ResNet18Clas"


@pytest.mark.parametrize("more", ["stem.1.conv.weight", "blocks.9.conv0.conv.weight"])
def test_other_resnets_of_paddleclas_are_refused_by_kind(more, tmp_path):
    drawn = Drawn(3)
    with paddle.no_grad():
        resnet(drawn, images(), (2, 2, 2, 2), False)
    drawn(more, 4, 3, 3, 3)
    with pytest.raises(UserError, match="of PaddleClas's ResNet of another kind, such as ResNet50"):
        taken(tmp_path / "a.pdparams", "ResNet18", drawn)


def test_arrays_of_others_keep_their_names():
    arrays = {"conv1.weight": np.zeros((4, 3, 3, 3), np.float32)}
    assert from_paddleclas(arrays) == (arrays, "")
    strange = {"conv_block_1.conv1.weight": np.zeros(3, np.float32), "conv_block_9.conv1.weight":
               np.zeros(3, np.float32)}  # fmt: skip
    assert from_paddleclas(strange)[0] is strange


def test_a_model_whose_own_names_are_paddleclass_takes_them_as_they_are(tmp_path):
    class Own(paddle.nn.Layer):
        def __init__(self):
            super().__init__()
            conv = paddle.nn.Sequential()
            conv.add_sublayer("conv", paddle.nn.Conv2D(3, 4, 7, bias_attr=False))
            self.stem = paddle.nn.Sequential(conv)
            self.fc = paddle.nn.Linear(4, 2)

    source, own = Own(), Own()
    paddle.save(source.state_dict(), str(tmp_path / "a.pdparams"))
    config = load_config({"weights": str(tmp_path / "a.pdparams")})
    line = take_weights(own, config, ["a", "b"])
    np.testing.assert_array_equal(own.stem[0].conv.weight.numpy(), source.stem[0].conv.weight)
    assert "PaddleClas" not in line and line.endswith(
        "3 of 3 arrays; the file does not say for which --mean, --std and scaling of images"
    )


def test_arrays_of_vgg_of_wrong_shapes_or_names_are_left_to_be_listed():
    counts = VGGS["VGG11"]
    arrays = {
        f"conv_block_{block}.conv{number}.weight": np.array(1.0, np.float32)
        for block, count in enumerate(counts, 1)
        for number in range(1, count + 1)
    }
    found, kind = from_paddleclas(arrays | {"fc2.weight": np.array(3.0, np.float32)})
    assert kind == "VGG11" and found["features.0.bias"].shape == ()
    assert found["classifier.3.weight"] == 1.5
    # A block that VGG does not have must not replace one that it has.
    other = {"conv_block_0.conv1.weight": np.zeros(3), "conv_block_1.conv0.weight": np.zeros(3)}
    assert from_paddleclas(arrays | other)[0].keys() == found.keys() - {"classifier.3.weight"} | {
        *other
    }
