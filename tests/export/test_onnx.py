"""ONNX files give the model's outputs in ONNX Runtime, for every model; what is missing is said."""

import importlib.util
import json
import sys
import types
from pathlib import Path

import numpy as np
import paddle
import pytest

from models import build_model, model_names
from paddle_aug.__main__ import main
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.export import to_onnx
from paddle_aug.export.plain_pools import averages, plain_pools
from paddle_aug.export.program import TOLERANCE, outputs_of, trial_images
from tests.trained_runs import trained_run

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

ROOT = Path(__file__).parents[2]
MISSING = [name for name in ("paddle2onnx", "onnxruntime") if not importlib.util.find_spec(name)]
NEEDS_ONNX = pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")


def built(name: str, size: int, channels: int = 3):
    paddle.seed(3)
    model = build_model(name, 5, channels, size)
    model.eval()
    config = load_config({"image_size": size, "channels": channels})
    return model, trial_images(config)


@NEEDS_ONNX
@pytest.mark.parametrize("name", [*model_names(), "paddle.vision:mobilenet_v2"])
def test_every_model_gives_its_outputs_in_onnx_runtime(name, tmp_path):
    import onnxruntime

    model, images = built(name, 64)
    record = to_onnx.save_onnx(model, images, tmp_path / "a.onnx")
    assert record.opset == to_onnx.OPSET and record.difference <= TOLERANCE
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(tmp_path / "a.onnx"), options, providers=["CPUExecutionProvider"]
    )
    (given,) = session.get_inputs()
    assert (given.name, given.shape) == ("image", ["batch", 3, 64, 64])
    assert [output.name for output in session.get_outputs()] == ["probabilities", "logits"]
    for count in (1, 2, 3):
        probabilities, logits = session.run(None, {"image": images[:count]})
        expected = outputs_of(model, images[:count])[1]
        np.testing.assert_allclose(logits, expected, atol=1e-5 * np.abs(expected).max())
        np.testing.assert_allclose(probabilities.sum(1), np.ones(count), atol=1e-5)


@NEEDS_ONNX
def test_a_run_is_exported_with_its_opset_and_difference(tmp_path, capsys):
    run = trained_run(tmp_path / "run", ["a", "b"], channels=1)
    assert main(["export", str(run), "--onnx"]) == 0
    assert "ONNX: opset 17, batches of any size; outputs in ONNX Runtime" in capsys.readouterr().out
    told = json.loads((run / "export" / "export.json").read_text())
    assert told["onnx"]["opset"] == 17 and told["onnx"]["difference"] <= TOLERANCE
    # Without --onnx the file of the same weights stays, and so does what is said of it.
    before = (run / "export" / "inference.onnx").read_bytes()
    assert main(["export", str(run)]) == 0
    assert (run / "export" / "inference.onnx").read_bytes() == before
    assert json.loads((run / "export" / "export.json").read_text())["onnx"] == told["onnx"]


@NEEDS_ONNX
def test_paddle2onnx_is_never_let_to_install_anything(tmp_path, monkeypatch):
    import paddle2onnx

    asked = {}
    convert = paddle2onnx.export

    def export(*arguments, **options):
        asked.update(options)
        return convert(*arguments, **options)

    monkeypatch.setattr(paddle2onnx, "export", export)
    to_onnx.save_onnx(*built("LeNet", 32), tmp_path / "a.onnx")
    assert asked["optimize_tool"] == "None"  # the text, as its own default is one


@NEEDS_ONNX
def test_a_file_that_differs_is_not_exported(tmp_path, monkeypatch):
    monkeypatch.setattr("paddle_aug.export.program.TOLERANCE", -1.0)
    with pytest.raises(UserError, match="not exported: the saved ONNX file's outputs differ"):
        to_onnx.save_onnx(*built("LeNet", 32), tmp_path / "a.onnx")


# Pools that do not cut evenly


@pytest.mark.parametrize(("size", "out"), [(13, 5), (7, 6), (8, 7), (5, 5), (11, 1), (3, 5)])
def test_fixed_averages_are_those_of_the_adaptive_pool(size, out):
    x = np.random.default_rng(0).standard_normal((2, 3, size, 9)).astype(np.float32)
    expected = paddle.nn.functional.adaptive_avg_pool2d(paddle.to_tensor(x), [out, 4]).numpy()
    got = averages(size, out) @ x @ averages(9, 4).T
    np.testing.assert_allclose(got, expected, atol=1e-6)


def test_only_pools_that_do_not_cut_evenly_are_replaced_and_only_for_a_while():
    for size, replaced in ((32, False), (64, True)):
        model, images = built("LeNet", size)
        pool, expected = model.pool, outputs_of(model, images)
        with plain_pools(model, images):
            assert (model.pool is not pool) == replaced
            for got, wanted in zip(outputs_of(model, images), expected, strict=True):
                np.testing.assert_allclose(got, wanted, atol=1e-5)
        assert model.pool is pool


# Packages


def test_python_3_13_is_told_that_there_is_no_build(monkeypatch):
    monkeypatch.setattr(to_onnx, "sys", types.SimpleNamespace(version_info=(3, 13, 1)))
    with pytest.raises(UserError) as caught:
        to_onnx.check_packages()
    assert str(caught.value) == (
        "onnx: paddle2onnx has no build for Python 3.13: export with Python 3.10 to 3.12"
    )


def test_a_missing_package_is_one_line_with_the_command_before_any_work(tmp_path, monkeypatch):
    run = trained_run(tmp_path / "run", ["a", "b"])
    monkeypatch.setitem(sys.modules, "paddle2onnx", None)
    monkeypatch.setattr(to_onnx, "_NEWEST_PYTHON", (3, 99))
    monkeypatch.setitem(sys.modules, "onnx", types.ModuleType("onnx"))
    monkeypatch.setitem(sys.modules, "onnxruntime", types.ModuleType("onnxruntime"))
    with pytest.raises(UserError) as caught:
        main(["export", str(run), "--onnx"])
    (line,) = str(caught.value).splitlines()
    assert line.startswith("onnx: needs paddle2onnx and ONNX Runtime: ")
    assert '-m pip install "paddle2onnx>=2.1" "onnx>=1.16.1" "onnxruntime>=1.18" (' in line
    assert not (run / "export").exists()


def test_the_old_paddle2onnx_that_pip_finds_for_new_pythons_is_named(monkeypatch):
    monkeypatch.setattr(to_onnx, "_NEWEST_PYTHON", (3, 99))
    for name, version in (("paddle2onnx", "0.9.2"), ("onnx", "1"), ("onnxruntime", "1")):
        module = types.ModuleType(name)
        module.__dict__["__version__"] = version
        monkeypatch.setitem(sys.modules, name, module)
    with pytest.raises(UserError, match=r"paddle2onnx 0\.9\.2 does not read the programs of Padd"):
        to_onnx.check_packages()


def test_what_is_to_be_installed_is_what_the_extra_says():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extra = [text.partition(";")[0] for text in project["optional-dependencies"]["onnx"]]
    assert tuple(extra) == to_onnx.REQUIREMENTS
