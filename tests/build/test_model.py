"""What is said of a device that there is not."""

import paddle
import pytest

from paddle_aug.build.model import choose_device
from paddle_aug.core.errors import UserError

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
