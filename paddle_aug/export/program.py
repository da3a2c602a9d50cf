"""Saves a model as a Paddle program, and as weights for `paddle.load`; both are checked.

The program's outputs are the probabilities, which programs that read one output only expect first,
and the logits.
"""

from pathlib import Path

import numpy as np
import paddle
from paddle import Tensor, nn

from paddle_aug.augment import ops
from paddle_aug.batches.normalise import to_chw
from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.stopping import held_back
from paddle_aug.data.bundled import photographs
from paddle_aug.weights.into_model import to_numpy
from paddle_aug.weights.pdparams import read_pdparams

# How much outputs of the saved model may differ, relative to the largest of them.
TOLERANCE = 1e-5
INPUT = "image"
OUTPUTS = ("probabilities", "logits")


class Classifier(nn.Layer):
    """float32 images [N, C, S, S] -> (probabilities, logits), each float32 [N, classes]."""

    def __init__(self, model: nn.Layer):
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        logits = self.model(images)
        return nn.functional.softmax(logits), logits


def trial_images(config: Config) -> np.ndarray:
    """float32 [3, C, S, S]: parts of scikit-learn's two photographs as inputs of the model."""
    temple, flower = photographs().values()
    size = config.image_size
    parts = [ops.resize(part, size, size) for part in (temple[:, :427], temple[:, 213:], flower)]
    return np.stack([to_chw(part, config.mean, config.std, config.channels) for part in parts])


def outputs_of(model: nn.Layer, images: np.ndarray) -> list[np.ndarray]:
    """The outputs that a saved form of the model must give for these images."""
    with paddle.no_grad():
        return [output.numpy() for output in Classifier(model)(paddle.to_tensor(images))]


def save_program(model: nn.Layer, images: np.ndarray, path: Path) -> float:
    """Write PATH.json (Paddle 2: PATH.pdmodel) and PATH.pdiparams, for batches of any size.

    images: float32 [N, C, S, S], on which the saved program is tested. Returns how much its outputs
    differ from the model's, relative to the largest. Raises UserError where that is too much.
    """
    write_program(model, images, path)
    with paddle.no_grad():
        got = paddle.jit.load(str(path))(paddle.to_tensor(images))
    difference = largest_difference([output.numpy() for output in got], outputs_of(model, images))
    refuse_difference(difference, "program")
    return difference


def write_program(model: nn.Layer, images: np.ndarray, path: Path) -> None:
    """The same without the test."""
    classifier = Classifier(model)
    classifier.eval()
    spec = paddle.static.InputSpec([None, *images.shape[1:]], "float32", INPUT)
    with paddle.no_grad(), held_back():  # Paddle loses exceptions while it traces
        paddle.jit.save(classifier, str(path), input_spec=[spec])


def save_weights(model: nn.Layer, path: Path) -> None:
    """Write the model's state_dict() for `paddle.load`, and check it by reading it back."""
    expected = to_numpy(model.state_dict())
    paddle.save(model.state_dict(), str(path), protocol=4)
    got = read_pdparams(path)
    if got.keys() != expected.keys() or any((got[n] != expected[n]).any() for n in expected):
        raise UserError("not exported: the weights in .pdparams differ from the model's")


def largest_difference(got: list[np.ndarray], expected: list[np.ndarray]) -> float:
    """The largest difference of any output, relative to the largest value of that output."""
    pairs = zip(got, expected, strict=True)
    return max(float(np.abs(a - b).max() / np.abs(b).max()) for a, b in pairs)


def refuse_difference(difference: float, kind: str) -> None:
    """Raise UserError where a saved form differs from the model by more than rounding."""
    if not difference <= TOLERANCE:
        raise UserError(
            f"not exported: the saved {kind}'s outputs differ from the model's by "
            f"{difference:.1e}; please report it with the versions in environment.json"
        )
