"""Test-time augmentation by value: which pixels each view shows, and what is averaged."""

import numpy as np
import paddle
import pytest
from PIL import Image
from scipy.special import softmax

from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.config import Config, load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.dataset import ArrayDataset
from paddle_aug.evaluation.evaluate import predict_views
from paddle_aug.evaluation.options import EvaluationOptions
from paddle_aug.evaluation.tta import build_views

SIZE = 16
COUNT = 7


def numbered_pixels(height: int, width: int) -> np.ndarray:
    """Every pixel has a value of its own, so that a box can be read off."""
    return np.arange(height * width * 3, dtype=np.uint8).reshape(height, width, 3)


def views_of(image: np.ndarray, kind: str, size: int) -> list[np.ndarray]:
    views = build_views(kind, 1, "no", Config(image_size=size), frozenset())
    return [view(image, np.random.default_rng(0)) for view in views]


def test_crops_are_the_corners_and_the_centre():
    image = numbered_pixels(9, 9)
    shown = views_of(image, "crops", 8)
    boxes = [image[0:8, 0:8], image[0:8, 1:9], image[1:9, 0:8], image[1:9, 1:9]]
    assert len(shown) == 5
    for view, box in zip(shown[:4], boxes, strict=True):
        np.testing.assert_array_equal(view, box)
    wide = numbered_pixels(18, 18)
    np.testing.assert_array_equal(views_of(wide, "crops", 16)[4], wide[1:17, 1:17])


def test_each_side_is_cropped_to_seven_eighths_and_scaled_to_the_models_size():
    image = np.random.default_rng(3).integers(0, 256, (32, 16, 3), np.uint8)
    resize = build_transforms([{"Resize": {"size": [11, 11], "antialias": False}}])
    boxes = [image[:28, :14], image[:28, 2:], image[4:, :14], image[4:, 2:], image[2:30, 1:15]]
    for view, box in zip(views_of(image, "crops", 11), boxes, strict=True):
        np.testing.assert_array_equal(view, resize(np.ascontiguousarray(box), None))


def test_crops_are_scaled_by_the_filter_of_evaluation_images():
    image = np.random.default_rng(4).integers(0, 256, (64, 64, 3), np.uint8)
    corner = np.ascontiguousarray(image[:56, :56])
    for options in ({"eval_transforms": [{"Resize": {"size": 32, "interpolation": "bicubic"}}]},
                    {"augment": "no", "train_transforms": [
                        {"Resize": {"size": 32, "interpolation": "bicubic"}}]}):  # fmt: skip
        config = load_config({"image_size": 8, **options})
        first = build_views("crops", 1, "no", config, frozenset())[0]
        expected = Image.fromarray(corner).resize((8, 8), Image.Resampling.BICUBIC)
        np.testing.assert_array_equal(first(image, np.random.default_rng(0)), expected)


def test_flip_shows_the_image_and_its_mirror_image():
    image = numbered_pixels(5, 7)
    plain, mirrored = views_of(image, "flip", 8)
    np.testing.assert_array_equal(plain, image)
    np.testing.assert_array_equal(mirrored, image[:, ::-1])


def test_a_mirror_image_that_shows_something_else_is_refused():
    with pytest.raises(UserError, match="mirror"):
        build_views("flip", 1, "no", Config(), frozenset({"horizontal_flip"}))


@pytest.fixture(scope="module")
def images() -> ArrayDataset:
    pixels = np.random.default_rng(1).integers(0, 256, (COUNT, SIZE, SIZE, 3), np.uint8)
    return ArrayDataset(pixels, np.arange(COUNT) % 3, ["a", "b", "c"], "noise")


@pytest.fixture(scope="module")
def model() -> paddle.nn.Layer:
    """Linear, and sure of itself: means of its logits and of its probabilities lie far apart."""
    network = paddle.nn.Sequential(paddle.nn.Flatten(), paddle.nn.Linear(3 * SIZE * SIZE, 3))
    weight = np.random.default_rng(2).normal(0, 0.2, (3 * SIZE * SIZE, 3))
    network[1].weight.set_value(weight.astype(np.float32))
    return network


def logits_of(model: paddle.nn.Layer, pixels: np.ndarray) -> np.ndarray:
    """float64 [N, 3] of uint8 [N, H, W, 3]."""
    weight = model[1].weight.numpy().astype(np.float64)
    values = (pixels / 255 - 0.5) / 0.5
    return values.transpose(0, 3, 1, 2).reshape(len(pixels), -1) @ weight


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_outputs_that_are_not_finite_are_refused_with_their_images(images, value):
    class Overflows(paddle.nn.Layer):
        """Outputs of images 2 and 5 of every seven are not finite."""

        def __init__(self):
            super().__init__()
            self.seen = 0

        def forward(self, batch):
            rows = np.arange(self.seen, self.seen + len(batch)) % COUNT
            self.seen += len(batch)
            logits = np.zeros((len(batch), 3), np.float32)
            logits[np.isin(rows, [2, 5]), 1] = value
            return paddle.to_tensor(logits)

    message = (
        r"^view 1/2: the model's outputs are not finite for 2 of 7 images \(noise\[2\], "
        r"noise\[5\]\); perhaps its weights have grown too large: evaluate another checkpoint"
    )
    with pytest.raises(UserError, match=message):
        predict(Overflows(), images, tta="flip")


def predict(model: paddle.nn.Layer, images: ArrayDataset, **options) -> np.ndarray:
    config = load_config({"image_size": SIZE, "cache": False})
    settings = EvaluationOptions("", batch_size=3, workers=0, **options)
    probabilities, labels = predict_views(model, images, config, settings)
    assert labels.tolist() == images.labels.tolist()
    return probabilities


def assert_mean_of_probabilities(found: np.ndarray, logits: list[np.ndarray]) -> None:
    mean = np.mean([softmax(values, axis=1) for values in logits], axis=0)
    np.testing.assert_allclose(found, mean, atol=1e-5)
    assert abs(softmax(np.mean(logits, axis=0), axis=1) - mean).max() > 0.05


def test_flip_is_the_mean_probability_over_the_image_and_its_mirror_image(model, images):
    pixels = images.images
    logits = [logits_of(model, pixels), logits_of(model, pixels[:, :, ::-1])]
    assert_mean_of_probabilities(predict(model, images, tta="flip"), logits)


def test_crops_are_the_mean_probability_over_the_five_boxes(model, images):
    resize = build_transforms([{"Resize": {"size": [SIZE, SIZE], "antialias": False}}])
    logits = []
    for top, left in ((0, 0), (0, 2), (2, 0), (2, 2), (1, 1)):
        crops = [image[top : top + 14, left : left + 14] for image in images.images]
        shown = [resize(np.ascontiguousarray(crop), None) for crop in crops]
        logits.append(logits_of(model, np.stack(shown)))
    assert_mean_of_probabilities(predict(model, images, tta="crops"), logits)


def test_draws_are_the_mean_probability_over_n_draws_of_the_policy(model, images):
    draws = 5
    options = {"tta": "draws", "tta_policy": "flip", "tta_draws": draws}
    found = predict(model, images, **options)
    plain, mirrored = (
        softmax(logits_of(model, pixels), axis=1)
        for pixels in (images.images, images.images[:, :, ::-1])
    )
    # How many of an image's draws are mirrored, read off the class that shows it best.
    best = abs(mirrored - plain).argmax(1)[:, None]
    change, whole = (np.take_along_axis(values - plain, best, 1) for values in (found, mirrored))
    counts = (draws * change / whole).round()
    expected = (counts * mirrored + (draws - counts) * plain) / draws
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert counts.min() >= 0 and counts.max() <= draws
    assert np.any((counts > 0) & (counts < draws)), "an image's draws differ"
    np.testing.assert_array_equal(predict(model, images, **options), found)
