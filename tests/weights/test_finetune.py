"""Fine-tuning: which weights are taken, what is refused, what learns and what rests."""

import numpy as np
import paddle
import pytest

from models import build_model
from models.structure import freeze_backbone, head_name, head_parameters, training_mode
from paddle_aug.build.model import make_model
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.runs.checkpoint import load_state
from paddle_aug.train.fit import fit
from paddle_aug.train.optimizer import build_optimizer
from paddle_aug.train.setup import build_setup
from paddle_aug.weights import pretrained as finetune
from paddle_aug.weights.into_model import fit_weights, load_model, to_numpy
from paddle_aug.weights.pretrained import read_weights

VISION = "paddle.vision:squeezenet1_1"


def small(classes: int, seed: int = 0) -> paddle.nn.Layer:
    paddle.seed(seed)
    return build_model("ResNetSmall", classes, 3, 32)


def arrays_of(model: paddle.nn.Layer) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def test_all_weights_of_an_equal_model_are_taken():
    source, model = arrays_of(small(7, seed=1)), small(7)
    line = fit_weights(model, source, "file")
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, source[name])
    assert line == f"weights of file: {len(source)} of {len(source)} arrays"


@pytest.mark.parametrize("name", ["ResNetSmall", "VGG11", "paddle.vision:googlenet", VISION])
def test_a_head_for_another_number_of_classes_keeps_its_first_weights(name):
    size = {"image_size": 32} if not name.startswith("paddle") else {}
    source = arrays_of(build_model(name, 11, **size))
    model = build_model(name, 3, **size)
    before = arrays_of(model)
    line = fit_weights(model, source, "file")
    heads = (head_name(model), *getattr(model, "auxiliary_heads", ()))
    for key, array in arrays_of(model).items():
        in_head = key.rpartition(".")[0] in heads
        np.testing.assert_array_equal(array, before[key] if in_head else source[key])
    assert f"new head: {heads[0]}.weight" in line


def test_half_precision_weights_become_single():
    source = {n: a.astype(np.float16) for n, a in arrays_of(small(3, seed=1)).items()}
    model = small(3)
    fit_weights(model, source, "file")
    assert model.conv.weight.numpy().dtype == np.float32
    np.testing.assert_array_equal(model.conv.weight.numpy(), source["conv.weight"])


def test_every_array_that_does_not_fit_is_listed_and_nothing_is_changed():
    source, model = arrays_of(small(3, seed=1)), small(3)
    del source["blocks.0.bn1._mean"]
    source["conv.weight"] = source["conv.weight"][:, :1]
    source["extra"] = np.zeros((5, 2), np.float32)
    source["conv.bias"] = np.full_like(source["conv.bias"], np.nan)
    before = arrays_of(model)
    with pytest.raises(UserError) as caught:
        fit_weights(model, source, "my.npz")
    assert str(caught.value).splitlines() == [
        "my.npz: 4 of its arrays do not fit the model:",
        "  conv.weight [32, 3, 3, 3]: is [32, 1, 3, 3]",
        "  blocks.0.bn1._mean [32]: not in the file",
        "  extra [5, 2]: unknown",
        "  conv.bias: values that are not finite",
    ]
    for name, array in arrays_of(model).items():
        np.testing.assert_array_equal(array, before[name])


@pytest.mark.parametrize("kind", ["int64", "uint8", "bool"])
def test_whole_numbers_are_no_weights(kind):
    source, model = arrays_of(small(3, seed=1)), small(3)
    source["conv.bias"] = source["conv.bias"].astype(kind)
    with pytest.raises(UserError, match=rf"\n  conv\.bias: is {kind}, not float32$"):
        fit_weights(model, source, "my.npz")


@pytest.mark.parametrize("kind", ["int64", "bool", "complex64", "float64"])
def test_a_checkpoint_of_another_type_of_numbers_does_not_fit(kind):
    model = small(3)
    arrays = arrays_of(model)
    arrays["conv.bias"] = arrays["conv.bias"].astype(kind)
    with pytest.raises(UserError, match=rf"fit the model: conv\.bias is {kind}, not float32$"):
        load_model(model, arrays)


def test_a_model_in_bfloat16_takes_its_own_weights_back():
    model = small(3).to(dtype="bfloat16")
    before = to_numpy(model.state_dict())
    other = small(3, seed=1).to(dtype="bfloat16")
    load_model(other, before)
    for name, array in to_numpy(other.state_dict()).items():
        np.testing.assert_array_equal(array, before[name])


def test_fractions_are_not_cut_to_a_models_whole_numbers():
    model = small(3)
    model.register_buffer("steps", paddle.to_tensor([1, 2]))
    source = arrays_of(model)
    fit_weights(model, source | {"steps": np.array([3, 4], np.int32)}, "my.npz")
    assert model.steps.tolist() == [3, 4]
    with pytest.raises(UserError, match=r"steps: is float32, not int64"):
        fit_weights(model, source | {"steps": np.array([0.5, 1.5], np.float32)}, "my.npz")


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"weights": "nothere.npz"}, "nothere.npz: no such file"),
        ({"weights": "logs/nothere"}, "logs/nothere: no such file; weights are a .pdparams"),
        ({"weights": "pretrained", "model": "LeNet"}, "no pretrained weights for LeNet"),
    ],
    ids=str,
)
def test_weights_that_are_not_there_are_noticed_before_the_data_are_read(
    tmp_path, monkeypatch, wrong, message
):
    monkeypatch.chdir(tmp_path)
    # Reading these data would end with an error of its own.
    with pytest.raises(UserError, match=message):
        build_setup(options(tmp_path, data="no-such-data", **wrong), say=lambda line: None)


def test_asking_for_weights_downloads_nothing(monkeypatch):
    monkeypatch.setattr(paddle.utils.download, "get_weights_path_from_url", None)
    finetune.check_weights("pretrained", "ResNet18")
    finetune.check_weights("pretrained", VISION)


def test_a_size_that_a_model_cannot_take_is_said_in_place_of_a_loss_that_is_not_finite():
    wrong = options("logs", model=VISION, image_size=16)
    with pytest.raises(
        UserError,
        match=rf"^model: {VISION}: 16x16 images are too small for this model; try --image-size 28$",
    ):
        make_model(wrong, 10)
    make_model(options("logs", model=VISION), 10)


@pytest.mark.parametrize(
    ("model", "key"),
    [("ResNet50", "resnet50.pdparams"), ("VGG16", "vgg16.pdparams"),
     ("paddle.vision:mobilenet_v1", "mobilenetv1_1.0.pdparams"), (VISION, "SqueezeNet1_1")],
)  # fmt: skip
def test_pretrained_weights_are_downloaded_with_a_checksum_and_read_safely(
    model, key, monkeypatch, tmp_path
):
    asked = []

    def download(url, checksum):
        asked.append((url, checksum))
        return str(tmp_path / "file.pdparams")

    monkeypatch.setattr(paddle.utils.download, "get_weights_path_from_url", download)
    with pytest.raises(UserError, match="no such file"):
        read_weights("pretrained", model)
    assert key in asked[0][0]
    assert len(asked[0][1]) == 32


def test_without_a_connection_the_address_is_named(monkeypatch):
    def download(url, checksum):
        raise RuntimeError("no route")

    monkeypatch.setattr(paddle.utils.download, "get_weights_path_from_url", download)
    with pytest.raises(UserError, match=r"https://.*resnet18.pdparams failed \(no route\)"):
        read_weights("pretrained", "ResNet18")
    with pytest.raises(UserError, match="no pretrained weights for GoogLeNet"):
        finetune.download_pretrained("GoogLeNet")


def one_step(model: paddle.nn.Layer, **options) -> None:
    optimizer = build_optimizer("SGD", model.parameters(), 0.1, **options)
    training_mode(model)
    paddle.seed(3)
    paddle.nn.functional.cross_entropy(
        model(paddle.rand([5, 3, 32, 32])), paddle.to_tensor([0, 1, 2, 0, 1])
    ).backward()
    optimizer.step()


def test_with_a_frozen_backbone_only_the_head_changes_and_statistics_rest():
    model = small(3)
    before = arrays_of(model)
    freeze_backbone(model)
    one_step(model)
    changed = {n for n, a in arrays_of(model).items() if not np.array_equal(a, before[n])}
    assert changed == {"fc.weight", "fc.bias"}


def test_without_freezing_everything_changes():
    model = small(3)
    before = arrays_of(model)
    one_step(model)
    changed = {n for n, a in arrays_of(model).items() if not np.array_equal(a, before[n])}
    assert changed == set(before)


def test_the_head_learns_ten_times_as_fast():
    slow, fast = small(3), small(3)
    before = arrays_of(slow)
    one_step(slow)
    one_step(fast, head_parameters=head_parameters(fast), head_lr_ratio=10)
    steps = {n: (arrays_of(m)[n] - before[n]) for m in (slow,) for n in before}
    for name, array in arrays_of(fast).items():
        ratio = 10 if name.startswith("fc.") else 1
        np.testing.assert_allclose(array - before[name], ratio * steps[name], rtol=2e-3, atol=1e-6)


def options(output, **more):
    return load_config({
        "data": "digits", "model": "ResNetSmall", "image_size": 32, "per_class": 2, "augment": "no",
        "batch_size": 6, "epochs": 1, "max_steps": 2, "output": str(output), "lr": 1e-3, **more,
    })  # fmt: skip


def test_a_run_starts_from_another_run_and_keeps_its_frozen_backbone(tmp_path):
    first = fit(options(tmp_path / "first"), say=lambda line: None)
    lines = []
    second = fit(
        options(tmp_path / "second", weights=str(first), freeze_backbone=True, head_lr_ratio=10,
                init="kaiming"),
        say=lines.append,
    )  # fmt: skip
    assert any("note: --init kaiming has no effect: all weights come" in line for line in lines)
    assert any("weights of" in line and "new head" not in line for line in lines)
    old, _ = load_state(first / "checkpoints" / "best.safetensors")
    new, _ = load_state(second / "checkpoints" / "best.safetensors")
    changed = {name for name in old if name.startswith("model/") and (old[name] != new[name]).any()}
    assert changed == {"model/fc.weight", "model/fc.bias"}


def test_freezing_without_weights_is_refused():
    with pytest.raises(UserError, match="freeze_backbone: only with weights"):
        load_config({"freeze_backbone": True})
