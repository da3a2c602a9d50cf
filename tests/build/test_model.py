"""What is said of a device that there is not, and of a processor without what is asked for."""

import numpy as np
import paddle
import pytest
from paddle import nn

from paddle_aug.build import model as build
from paddle_aug.build.model import accelerated, choose_device, describe_gpu
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.onednn import api
from paddle_aug.onednn.native import library

NEEDS_CPU_BUILD = pytest.mark.skipif(paddle.is_compiled_with_cuda(), reason="a build for GPUs")


@NEEDS_CPU_BUILD
@pytest.mark.parametrize("name", ["gpu", "gpu:0", "GPU:1"])
def test_a_gpu_for_a_build_without_is_refused_with_what_to_install(name):
    with pytest.raises(UserError) as caught:
        choose_device(name)
    assert str(caught.value) == (
        f"device: {name!r} cannot be used here: this Paddle is a build for CPUs; use --device cpu, "
        "or install the build for GPUs in its place (requirements-gpu.txt says how)"
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [("xpu:3", "should not be 'xpu:3', since PaddlePaddle is not compiled with XPU"),
     ("xpu", "should not be 'xpu', since PaddlePaddle is not compiled with XPU"),
     ("toaster", "must be a string which is like 'cpu', 'gpu'"),
     ("cpu:0", "must be a string which is like 'cpu', 'gpu'")],
)  # fmt: skip
def test_other_devices_are_refused_in_words(name, reason):
    with pytest.raises(UserError, match=reason) as caught:
        choose_device(name)
    assert "re.Match" not in str(caught.value)


def test_the_cpu_and_auto_are_taken():
    choose_device("cpu")
    choose_device("auto")
    assert paddle.device.get_device() == "cpu"


@pytest.mark.parametrize(
    ("device", "known", "flags"),
    [("gpu:0", True, [{"FLAGS_cudnn_deterministic": True}]), ("gpu:0", False, []),
     ("cpu", True, [])],
)  # fmt: skip
def test_a_gpu_is_told_to_compute_the_same_each_time(device, known, flags, monkeypatch):
    given = []

    def set_flags(values):
        if not known:
            raise ValueError("Flag FLAGS_cudnn_deterministic cannot set its value")
        given.append(values)

    monkeypatch.setattr(paddle, "set_flags", set_flags)
    monkeypatch.setattr(paddle.device, "get_device", lambda: device)
    monkeypatch.setattr(paddle.device, "set_device", lambda name: None)
    for name in ("auto", "xpu:0"):
        given.clear()
        choose_device(name)
        assert given == flags


@pytest.mark.parametrize("backend", ["onednn", "paddle", "auto"])
def test_a_backend_for_cpus_is_named_on_a_gpu(backend, plain, monkeypatch):
    monkeypatch.setattr(paddle.device, "get_device", lambda: "gpu:0")
    said = []
    assert accelerated(plain, Config(cpu_backend=backend), said.append) == (plain, "paddle")
    line = f"note: --cpu-backend {backend} has no effect on a GPU"
    assert said == ([] if backend == "auto" else [line])


def test_a_gpu_is_described_by_its_name_and_versions(monkeypatch):
    assert describe_gpu() == {}
    monkeypatch.setattr(paddle.device, "get_device", lambda: "gpu:1")
    monkeypatch.setattr(paddle.device.cuda, "get_device_name", lambda: "Tesla V100-SXM2-32GB")
    monkeypatch.setattr(build, "cuda_version", lambda: "12.6")
    monkeypatch.setattr(paddle.device, "get_cudnn_version", lambda: 90501)
    assert describe_gpu() == {"name": "Tesla V100-SXM2-32GB", "cuda": "12.6", "cudnn": 90501}


NO_BF16 = "this processor has no bfloat16 instructions (avx512_bf16)"


@pytest.fixture
def plain() -> nn.Layer:
    paddle.seed(1)
    return nn.Sequential(nn.Conv2D(3, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 4))


@pytest.fixture
def without_bf16(monkeypatch):
    monkeypatch.setattr(api, "cpu_flags", lambda: frozenset({"avx2", "avx512f"}))
    monkeypatch.setattr(build, "usable_threads", build.available_cores)


@pytest.mark.parametrize("backend", ["auto", "onednn"])
def test_bf16_on_a_processor_without_is_float32_over_onednn(plain, without_bf16, backend):
    said = []
    config = Config(amp="bf16", cpu_backend=backend)
    model, name = accelerated(plain, config, said.append)
    assert name == "onednn float32"  # what the run records
    assert said == [f"warning: --amp bf16 has no effect here, float32 computes: {NO_BF16}"]
    images = paddle.rand([2, 3, 8, 8])
    in_float32, _ = accelerated(plain, Config(), pytest.fail)  # which has nothing to say
    np.testing.assert_array_equal(model(images).numpy(), in_float32(images).numpy())
    assert model._backend.is_planned()


def test_bf16_without_onednn_is_paddles_float32(plain, without_bf16, monkeypatch, tmp_path):
    missing = tmp_path / "libdnnl.so.3"
    monkeypatch.setattr(library, "library_path", lambda: missing)
    library.library.cache_clear()
    said = []
    try:
        assert accelerated(plain, Config(amp="bf16"), said.append) == (plain, "paddle")
    finally:
        library.library.cache_clear()
    assert said[0].startswith("warning: --amp bf16 has no effect here, float32 computes: ")
    assert said[1].startswith("warning: Paddle's own kernels compute, which are slow: oneDNN")
    assert str(missing) in said[1]


def test_bf16_and_paddles_kernels_are_not_both_to_be_had(plain):
    with pytest.raises(UserError, match="bf16 on a CPU needs the onednn backend"):
        accelerated(plain, Config(amp="bf16", cpu_backend="paddle"), print)


def test_fewer_threads_than_cores_are_named(plain, monkeypatch):
    monkeypatch.setattr(build, "available_cores", lambda: 8)
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setattr(build, "usable_threads", lambda: 3)
    said = []
    accelerated(plain, Config(), said.append)
    assert said == ["3 of 8 cores compute: OMP_NUM_THREADS is 3"]


def test_cores_that_are_left_to_other_programs_are_named(plain, monkeypatch):
    monkeypatch.setattr(build, "available_cores", lambda: 8)
    monkeypatch.setattr(build, "usable_threads", lambda: 6)
    prepared = {"busy": 2.04, "set": ["OMP_NUM_THREADS"], "cores": 8}
    monkeypatch.setattr(build, "prepare_environment", lambda: prepared)
    said = []
    accelerated(plain, Config(), said.append)
    (line,) = said
    assert line == (
        "6 of 8 cores compute: other programs keep 2.0 of them busy; OMP_NUM_THREADS=8 takes all"
    )


@pytest.mark.parametrize(
    ("code", "given"),
    [
        ("def make(num_classes, in_channels)", {"num_classes": 4, "in_channels": 3}),
        ("def make(*, image_size, width=2)", {"image_size": 8, "width": 2}),
        ("def make(num_classes=1000, **more)",
         {"num_classes": 4, "in_channels": 3, "image_size": 8}),
        ("def make(image_size=7, /)", {"image_size": 7}),
    ],
)  # fmt: skip
def test_own_models_are_made_with_what_they_accept(code, given):
    names: dict = {}
    exec(f"{code}:\n    return dict(locals().pop('more', {{}}), **locals())", names)
    known = {"num_classes": 4, "in_channels": 3, "image_size": 8}
    made = names["make"](**build._accepted(names["make"], known))
    made.pop("more", None)
    assert made == given
