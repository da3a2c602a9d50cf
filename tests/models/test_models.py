"""Models: published parameter counts, output shapes, structure, initialisation, heads."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import paddle
import pytest
from paddle import nn

from models import build_model, check_name, model_names
from models.names import vision_names
from models.structure import (
    freeze_backbone,
    head_name,
    head_parameters,
    on_trial,
    parameter_count,
    single_value_norms,
)
from models.vision import check_image_size
from paddle_aug.onednn import accelerate, is_available

ROOT = Path(__file__).parent.parent.parent
# Published numbers of trainable parameters (torchvision's and Paddle's model pages, the papers,
# the documents for GoogLeNet): name, classes, channels, image size, options, parameters.
PUBLISHED = [
    ("LeNet", 10, 1, 32, {}, 61_706),
    ("AlexNet", 1000, 3, 224, {}, 61_100_840),
    ("VGG11", 1000, 3, 224, {}, 132_863_336),
    ("VGG13", 1000, 3, 224, {}, 133_047_848),
    ("VGG16", 1000, 3, 224, {}, 138_357_544),
    ("VGG19", 1000, 3, 224, {}, 143_667_240),
    ("VGG11BN", 1000, 3, 224, {}, 132_868_840),
    ("VGG13BN", 1000, 3, 224, {}, 133_053_736),
    ("VGG16BN", 1000, 3, 224, {}, 138_365_992),
    ("VGG19BN", 1000, 3, 224, {}, 143_678_248),
    ("GoogLeNet", 16, 3, 224, {}, 5_989_952),
    ("ResNet18", 1000, 3, 224, {}, 11_689_512),
    ("ResNet34", 1000, 3, 224, {}, 21_797_672),
    # With PaddleClas's convolution of 64 to 64 channels in the first shortcut, normalised.
    ("ResNet18Clas", 1000, 3, 224, {}, 11_689_512 + 64 * 64 + 2 * 64),
    ("ResNet34Clas", 1000, 3, 224, {}, 21_797_672 + 64 * 64 + 2 * 64),
    ("ResNet50", 1000, 3, 224, {}, 25_557_032),
    ("ResNet101", 1000, 3, 224, {}, 44_549_160),
    ("ResNet152", 1000, 3, 224, {}, 60_192_808),
    ("ResNet18", 10, 3, 32, {"stem": "small"}, 11_173_962),
    ("paddle.vision:squeezenet1_1", 1000, 3, 224, {}, 1_235_496),
]


@pytest.mark.parametrize(
    ("name", "classes", "channels", "size", "options", "parameters"), PUBLISHED
)
def test_parameter_count_is_the_published_one(name, classes, channels, size, options, parameters):
    with paddle.LazyGuard():  # shapes without memory
        model = build_model(name, classes, channels, size, **options)
    assert parameter_count(model) == parameters


def test_batch_norm_googlenet_has_scale_and_shift_in_place_of_the_bias():
    # Output channels of all 57 convolutions: 320 in the stem, and those of the nine blocks.
    blocks = [
        64 + 96 + 128 + 16 + 32 + 32, 128 + 128 + 192 + 32 + 96 + 64,
        192 + 96 + 208 + 16 + 48 + 64, 160 + 112 + 224 + 24 + 64 + 64,
        128 + 128 + 256 + 24 + 64 + 64, 112 + 144 + 288 + 32 + 64 + 64,
        256 + 160 + 320 + 32 + 128 + 128, 256 + 160 + 320 + 32 + 128 + 128,
        384 + 192 + 384 + 48 + 128 + 128,
    ]  # fmt: skip
    model = build_model("GoogLeNetBN", 16)
    assert parameter_count(model) == 5_989_952 + 320 + sum(blocks)


def test_small_resnet_has_the_parameters_counted_by_hand():
    stem = 9 * 32 + 32
    stages = 0
    for before, width in ((32, 32), (32, 64), (64, 128), (128, 256)):
        stages += 9 * before * width + 3 * 9 * width * width + 4 * 2 * width
        stages += before * width + width if before != width else 0
    model = build_model("ResNetSmall", 10, in_channels=1, image_size=96)
    assert parameter_count(model) == stem + stages + 256 * 10 + 10 == 2_796_554


def logits(model: nn.Layer, channels: int, size: int) -> np.ndarray:
    model.eval()
    rng = np.random.default_rng(5)
    images = rng.standard_normal((2, channels, size, size)).astype(np.float32)
    with paddle.no_grad():
        return model(paddle.to_tensor(images)).numpy()


# One of each family at each size; the deeper ones differ in the number of layers only.
SHAPES = [
    *[("LeNet", channels, size) for channels in (1, 3) for size in (28, 32, 64, 224)],
    *[("AlexNet", channels, size) for channels, size in ((1, 32), (3, 47), (3, 64), (1, 96))],
    *[("VGG11", channels, size) for channels, size in ((1, 32), (3, 47), (3, 64))],
    ("VGG11BN", 3, 32),
    *[("GoogLeNet", channels, size) for channels, size in ((1, 32), (3, 47), (3, 64))],
    ("GoogLeNetBN", 3, 32),
    *[("ResNet18", channels, size) for channels, size in ((1, 32), (3, 47), (3, 64), (3, 96))],
    ("ResNet50", 3, 64),
    *[("ResNetSmall", channels, size) for channels, size in ((1, 96), (3, 32), (3, 64))],
]
SHAPES += [
    (name, 3, 32) for name in model_names()
    if name.rstrip("BN0123456789") not in {family.rstrip("BN0123456789") for family, *_ in SHAPES}
]  # fmt: skip


@pytest.mark.parametrize(("name", "channels", "size"), SHAPES)
def test_logits_have_one_column_a_class_and_tell_images_apart(name, channels, size):
    paddle.seed(3)
    out = logits(build_model(name, 7, channels, size), channels, size)
    assert out.shape == (2, 7) and out.dtype == np.float32
    assert np.isfinite(out).all()
    assert not np.allclose(out[0], out[1], rtol=1e-3, atol=0)


@pytest.mark.parametrize("name", ["VGG16", "AlexNet"])
def test_images_below_32_pixels_are_refused(name):
    with pytest.raises(ValueError, match="at least 32 pixels, got 31"):
        build_model(name, 7, image_size=31)


def maps(model: nn.Layer, size: int, watched: dict[str, nn.Layer]) -> dict[str, list[int]]:
    """Channels, height and width of what each of the `watched` layers returns."""
    shapes: dict[str, list[int]] = {}
    for name, layer in watched.items():
        layer.register_forward_post_hook(
            lambda layer, inputs, output, name=name: shapes.update({name: output.shape[1:]})
        )
    with paddle.no_grad():
        model(paddle.zeros([1, 3, size, size]))
    return shapes


def test_googlenet_keeps_the_size_in_its_first_convolution_and_halves_it_in_four_pools():
    model = build_model("GoogLeNet", 7, image_size=44)
    watched = {
        name: getattr(model, name)
        for name in ("conv1", "pool1", "pool2", "pool3", "pool4", "stage5", "pool5")
    }
    assert maps(model, 44, watched) == {
        "conv1": [64, 44, 44],
        "pool1": [64, 22, 22],
        "pool2": [192, 11, 11],
        "pool3": [480, 6, 6],
        "pool4": [832, 3, 3],
        "stage5": [1024, 3, 3],
        "pool5": [1024, 1, 1],
    }


def test_every_convolution_of_googlenet_has_a_bias_and_a_relu():
    model = build_model("GoogLeNet", 7)
    kinds = [type(layer) for layer in model.sublayers()]
    assert kinds.count(nn.Conv2D) == kinds.count(nn.ReLU) == 57
    assert all(x.bias is not None for x in model.sublayers() if isinstance(x, nn.Conv2D))


def test_resnet_takes_the_small_stem_below_64_pixels():
    small, large = build_model("ResNet18", 7, image_size=63), build_model("ResNet18", 7)
    assert small.conv1.weight.shape == [64, 3, 3, 3]
    assert large.conv1.weight.shape == [64, 3, 7, 7]
    asked = build_model("ResNet18", 7, image_size=32, stem="imagenet")
    assert maps(small, 32, {"x": small.layer1})["x"] == [64, 32, 32]
    assert maps(asked, 32, {"x": asked.layer1})["x"] == [64, 8, 8]


def test_small_resnet_averages_the_first_4x4_of_the_map_at_96_pixels_as_the_study_does():
    model = build_model("ResNetSmall", 7, image_size=96)
    seen = {}
    model.average.register_forward_post_hook(
        lambda layer, inputs, output: seen.update(map=inputs[0].numpy(), mean=output.numpy())
    )
    logits(model, 3, 96)
    assert seen["map"].shape == (2, 256, 6, 6)
    expected = seen["map"][:, :, :4, :4].mean((2, 3))
    np.testing.assert_allclose(seen["mean"][:, :, 0, 0], expected, rtol=1e-5)


def test_small_resnet_block_applies_relu_to_the_second_normalisation_before_the_sum():
    from models.resnet_small import ResidualBlock

    block = ResidualBlock(3, 3, halve=False)
    block.eval()
    # All weights 0, so the branch is bn2's shift, which ReLU takes to 0: only the input is left.
    block.conv1.weight.set_value(np.zeros((3, 3, 3, 3), np.float32))
    block.conv2.weight.set_value(np.zeros((3, 3, 3, 3), np.float32))
    block.bn2.bias.set_value(np.full(3, -5, np.float32))
    images = np.random.default_rng(1).random((1, 3, 5, 7)).astype(np.float32)
    np.testing.assert_array_equal(block(paddle.to_tensor(images)).numpy(), images)


@pytest.mark.parametrize("name", ["VGG11", "AlexNet"])
def test_dropout_rests_in_evaluation(name):
    model = build_model(name, 7, 1, 32)
    images = paddle.ones([1, 1, 32, 32])
    assert sum(isinstance(layer, nn.Dropout) for layer in model.sublayers()) == 2
    model.train()
    assert not np.array_equal(model(images).numpy(), model(images).numpy())
    model.eval()
    np.testing.assert_array_equal(model(images).numpy(), model(images).numpy())


def test_default_initialisation_is_that_of_the_documents_framework():
    paddle.seed(11)
    model = build_model("VGG11", 16, image_size=32)
    convolution = model.features[8].weight.numpy()  # 256 -> 256 channels, 3x3
    assert convolution.shape == (256, 256, 3, 3)
    assert convolution.std() == pytest.approx(np.sqrt(2 / (9 * 256)), rel=0.01)
    assert convolution.mean() == pytest.approx(0, abs=2e-4)
    linear = model.classifier[0].weight.numpy()
    bound = np.sqrt(6 / (512 + 4096))
    assert np.abs(linear).max() <= bound
    assert linear.std() == pytest.approx(bound / np.sqrt(3), rel=0.01)
    assert not model.features[8].bias.numpy().any() and not model.classifier[0].bias.numpy().any()


@pytest.mark.parametrize(
    ("init", "convolution_std", "linear_std"),
    [
        # Xavier: variance 2 / (fan in + fan out); Kaiming: 2 / fan in.
        ("xavier", np.sqrt(2 / (25 * 6 + 25 * 16)), np.sqrt(2 / (400 + 120))),
        ("kaiming", np.sqrt(2 / (25 * 6)), np.sqrt(2 / 400)),
    ],
)
def test_initialisation_can_be_chosen(init, convolution_std, linear_std):
    paddle.seed(2)
    model = build_model("LeNet", 10, 1, 32, init=init)
    assert model.features[3].weight.numpy().std() == pytest.approx(convolution_std, rel=0.05)
    assert model.classifier[0].weight.numpy().std() == pytest.approx(linear_std, rel=0.02)
    assert not model.features[3].bias.numpy().any()


@pytest.mark.parametrize("init", ["default", "xavier"])
def test_equal_seeds_give_equal_weights(init):
    def weights(seed: int) -> np.ndarray:
        paddle.seed(seed)
        return build_model("LeNet", 7, init=init).features[0].weight.numpy()

    np.testing.assert_array_equal(weights(4), weights(4))
    assert not np.array_equal(weights(4), weights(5))


@pytest.mark.parametrize(
    ("name", "head"),
    [
        ("LeNet", "classifier.4"),
        ("AlexNet", "classifier.6"),
        ("VGG13BN", "classifier.6"),
        ("GoogLeNet", "fc"),
        ("ResNet34", "fc"),
        ("ResNetSmall", "fc"),
        ("paddle.vision:resnet18", "fc"),
        ("paddle.vision:squeezenet1_1", "_conv9"),
        ("paddle.vision:mobilenet_v2", "classifier.1"),
        ("paddle.vision:googlenet", "_fc_out"),
    ],
)
def test_head_is_the_layer_that_gives_the_logits(name, head):
    model = build_model(name, 7, image_size=32)
    assert head_name(model) == head
    weight, bias = head_parameters(model)
    assert 7 in weight.shape and bias.shape == [7]
    for parameter in model.parameters():
        parameter.set_value(np.zeros(parameter.shape, np.float32))
    bias.set_value(np.arange(7, dtype=np.float32))
    # All other weights are 0, so the logits are the head's bias.
    size = 224 if name.endswith("googlenet") else 32
    np.testing.assert_allclose(logits(model, 3, size)[1], np.arange(7), atol=1e-6)


@pytest.mark.parametrize(
    ("ours", "vision"),
    [("ResNet18", "resnet18"), ("ResNet50", "resnet50"), ("VGG11", "vgg11")],
)
def test_weights_of_paddle_vision_fit_by_name_and_shape(ours, vision):
    def shapes(name: str) -> dict[str, list[int]]:
        with paddle.LazyGuard():
            model = build_model(name, 7)
        return {key: value.shape for key, value in model.state_dict().items()}

    assert shapes(ours) == shapes(f"paddle.vision:{vision}")


@pytest.mark.parametrize(("ours", "vision"), [("ResNet18", "resnet18"), ("ResNet50", "resnet50")])
def test_resnet_computes_what_paddle_vision_computes_with_the_same_weights(ours, vision):
    paddle.seed(6)
    first, second = build_model(ours, 7), build_model(f"paddle.vision:{vision}", 7)
    second.set_state_dict(first.state_dict())
    np.testing.assert_allclose(logits(first, 3, 41), logits(second, 3, 41), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("name", "channels", "options", "message"),
    [
        ("resnet18", 3, {}, "unknown model 'resnet18'; did you mean ResNet18"),
        ("GoogleNet", 3, {}, "did you mean GoogLeNet"),
        ("MobileNetV2", 3, {}, "'MobileNetV2'; did you mean paddle.vision:mobilenet_v2\\?$"),
        ("LeNet-5", 3, {}, "did you mean LeNet\\?$"),
        ("vit", 3, {}, "known: LeNet, AlexNet.* and Paddle's as paddle.vision:NAME$"),
        ("paddle.vision:MobileNetV2", 3, {}, "did you mean paddle.vision:mobilenet_v2\\?$"),
        ("paddle.vision:resnet19", 3, {}, "paddle.vision.models has no 'resnet19'.*resnet18"),
        ("paddle.vision:resnet18", 1, {}, "needs 3 channels, got 1"),
        ("paddle.vision:resnet18", 3, {"depht": 3}, "depht"),
        ("GoogLeNet", 3, {"stem": "small"}, "stem='small' is for ResNet18 to ResNet152"),
        ("ResNet18", 3, {"stem": "big"}, "unknown stem 'big'; known: auto, small, imagenet"),
        ("LeNet", 3, {"init": "zero"}, "unknown init 'zero'; known: default, xavier, kaiming"),
        ("LeNet", 3, {"depth": 3}, "LeNet has no option 'depth'"),
        ("LeNet", 0, {}, "in_channels >= 1"),
    ],
)
def test_what_does_not_exist_is_named_in_the_error(name, channels, options, message):
    with pytest.raises(ValueError, match=message):
        build_model(name, 7, channels, **options)


def test_paddles_models_are_known_without_importing_paddle():
    models = paddle.vision.models
    functions = {name for name in models.__all__ if not isinstance(getattr(models, name), type)}
    assert set(vision_names()) == functions | {"LeNet"}
    code = "import sys, models\ntry: models.check_name('x')\nexcept ValueError: pass\n"
    code += "sys.exit('paddle' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT).returncode == 0


SIZES = [
    ("alexnet", 3, 32, "32x32 images are too small for this model; try --image-size 224"),
    ("alexnet", 3, 288, "288x288 images are too large for this model; try --image-size 224"),
    ("squeezenet1_1", 3, 16, "16x16 images are too small for this model; try --image-size 28"),
    ("LeNet", 1, 32, "32x32 images are too large for this model; try --image-size 28"),
]


@pytest.mark.parametrize(("name", "channels", "size", "message"), SIZES)
def test_a_size_that_a_model_of_paddle_vision_cannot_take_is_named(name, channels, size, message):
    name = f"paddle.vision:{name}"
    model = build_model(name, 7, channels)
    with pytest.raises(ValueError, match=f"^{name}: {message}$"):
        check_image_size(model, name, channels, size)


def test_the_trial_of_a_size_leaves_the_model_and_the_generator_as_they_were():
    paddle.seed(3)
    model = build_model("paddle.vision:mobilenet_v2", 7)  # with batch normalisation and dropout
    resting = model.features[0]
    resting.eval()
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    modes = [layer.training for layer in model.sublayers(include_self=True)]
    expected = paddle.rand([5]).numpy()
    paddle.seed(3)
    build_model("paddle.vision:mobilenet_v2", 7)
    check_image_size(model, "paddle.vision:mobilenet_v2", 3, 32)
    np.testing.assert_array_equal(paddle.rand([5]).numpy(), expected)
    assert [layer.training for layer in model.sublayers(include_self=True)] == modes
    assert True in modes and False in modes
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])


def test_names_are_checked_without_building():
    for name in [*model_names(), "paddle.vision:squeezenet1_1"]:
        check_name(name)
    with pytest.raises(ValueError, match="VGG16BN"):
        check_name("vgg16_bn")
    assert len(model_names()) == len(set(model_names())) >= 18


def test_a_trial_leaves_every_layer_in_training_or_not_as_it_was():
    model = nn.Sequential(nn.BatchNorm1D(3), nn.Sequential(nn.Dropout(0.5)), nn.Linear(3, 2))
    model.train()
    model[1].eval()
    before = [layer.training for layer in model.sublayers(include_self=True)]
    images = paddle.ones([4, 3])
    with on_trial(model):
        assert not any(layer.training for layer in model.sublayers(include_self=True))
        assert model(images).stop_gradient
    assert [layer.training for layer in model.sublayers(include_self=True)] == before
    assert True in before and False in before and not model(images).stop_gradient
    with pytest.raises(ValueError), on_trial(model):
        model(paddle.ones([4, 5]))
    assert [layer.training for layer in model.sublayers(include_self=True)] == before


@pytest.mark.parametrize(
    ("size", "stem", "maps"), [(32, "imagenet", 1), (33, "imagenet", 2), (32, "small", 4)]
)
def test_normalisations_of_a_single_value_are_those_of_1x1_maps(size, stem, maps):
    model = build_model("ResNet18", 3, 3, size, stem=stem)
    model.train()
    last = ["layer4.0.bn1", "layer4.0.bn2", "layer4.0.downsample.1", "layer4.1.bn1", "layer4.1.bn2"]
    assert sorted(single_value_norms(model, 3, size)) == (last if maps == 1 else [])
    assert model.training and all(layer.training for layer in model.sublayers())


def test_normalisations_after_a_linear_layer_see_a_single_value_unless_they_rest():
    model = nn.Sequential(
        nn.Conv2D(3, 4, 3), nn.BatchNorm2D(4), nn.AdaptiveAvgPool2D(1), nn.Flatten(),
        nn.Linear(4, 6), nn.BatchNorm1D(6), nn.Linear(6, 2),
    )  # fmt: skip
    assert single_value_norms(model, 3, 8) == ["5"]
    freeze_backbone(model)
    assert single_value_norms(model, 3, 8) == []


@pytest.mark.parametrize("backend", ["paddle", "onednn"])
def test_a_single_value_is_not_normalised(backend):
    # Why such batches are refused: oneDNN gives 0 for any image, Paddle the value as it is.
    model = nn.Sequential(nn.Conv2D(3, 5, 4), nn.BatchNorm2D(5))
    if backend == "onednn" and is_available():
        pytest.skip("oneDNN cannot be used here")
    run = accelerate(model) if backend == "onednn" else model
    run.train()
    image = paddle.full([1, 3, 4, 4], 7.0)
    expected = model[0](image).numpy() * (backend == "paddle")
    np.testing.assert_allclose(run(image).numpy(), expected, atol=1e-5)
