"""One rule of scaling: training and evaluation show the model the same texture."""

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_aug.build.data import evaluation_view, resized, training_view
from paddle_aug.build.scaling import (
    default_resize,
    describe_evaluation,
    describe_scaling,
    evaluation_transforms,
    scaling_in_words,
)
from paddle_aug.config import load_config
from paddle_aug.data.dataset import ArrayDataset

SIZE = 32


@pytest.fixture(scope="module")
def textures() -> ArrayDataset:
    """Four noises of 320x320, two fine and two coarse."""
    rng = np.random.default_rng(5)
    noises = [rng.normal(128, deviation, (320, 320, 3)) for deviation in (12, 45, 12, 45)]
    images = np.stack([np.clip(noise, 0, 255).astype(np.uint8) for noise in noises])
    return ArrayDataset(images, [0, 1, 0, 1], ["polished", "rough"], "textures")


def config(train=None, evaluation=None, **options):
    values = {"image_size": SIZE, "augment": "no", "cache": False, **options}
    if train is not None:
        values["train_transforms"] = train
    if evaluation is not None:
        values["eval_transforms"] = evaluation
    return load_config(values)


TO_SIZE = [SIZE, SIZE]
CUBIC = {"Resize": {"size": TO_SIZE, "interpolation": "bicubic"}}
COARSE = {"Resize": {"size": TO_SIZE, "antialias": False}}


@pytest.mark.parametrize(
    "train",
    [
        None,
        [{"Resize": TO_SIZE}],
        [CUBIC],
        [COARSE],
        [{"Resize": {"size": TO_SIZE, "interpolation": "nearest"}}],
    ],
    ids=str,
)
def test_training_and_evaluation_images_are_scaled_by_one_filter(train, textures):
    options = config(train)
    trained = training_view(textures, options, None)
    evaluated = evaluation_view(textures, options)
    for index in range(len(textures)):
        np.testing.assert_array_equal(trained[index].image, evaluated[index].image)


@pytest.mark.parametrize(
    ("train", "words"),
    [
        (None, "bilinear, not antialiased"),
        ([{"Resize": 40}, {"RandomCrop": 32}], "bilinear, antialiased"),
        ([{"Resize": {"size": 40, "interpolation": "lanczos"}}, {"RandomCrop": 32}],
         "lanczos, antialiased"),
        ([{"RandomResizedCrop": {"size": 32, "interpolation": "bicubic"}}], "bicubic, antialiased"),
        ([{"RandomResizedCrop": {"size": 32, "antialias": False}}], "bilinear, not antialiased"),
        # The first one meets the photograph.
        (["RandomHorizontalFlip", {"Resize": 64}, CUBIC], "bilinear, antialiased"),
        (["RandomHorizontalFlip", {"RandomCrop": 32}], "bilinear, antialiased"),
        ([], "bilinear, antialiased"),  # an empty list is one, too
    ],
)  # fmt: skip
def test_evaluation_takes_the_filter_that_training_images_meet_first(train, words):
    scale = default_resize(config(train))
    assert scaling_in_words(scale) == words
    assert scale.size == (SIZE, SIZE)
    assert evaluation_transforms(config(train)) == [scale]


def test_an_image_part_by_name_gets_the_documents_own_scaling(textures):
    image = textures[1][0]
    expected = cv2.resize(image, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR)
    for dataset in (resized(textures, config()), resized(textures, config(augment="userDef"))):
        np.testing.assert_array_equal(dataset[1][0], expected)
    shown = evaluation_view(textures, config())[1].image
    np.testing.assert_allclose(shown, ((expected / 255 - 0.5) / 0.5).transpose(2, 0, 1), atol=1e-6)


def test_images_that_smote_learns_from_are_scaled_by_the_same_rule(textures):
    # SMOTE mixes images of one size, so that they are scaled before --train-transforms.
    expected = Image.fromarray(textures[1][0]).resize((SIZE, SIZE), Image.Resampling.BICUBIC)
    found = resized(textures, config([CUBIC], oversample="smote"))
    np.testing.assert_array_equal(found[1][0], np.asarray(expected))


def test_eval_transforms_take_the_place_of_the_rule(textures):
    options = config([CUBIC], [{"Resize": 40}, {"CenterCrop": 32}])
    expected = Image.fromarray(textures[0][0]).resize((40, 40), Image.Resampling.BILINEAR)
    shown = evaluation_view(textures, options)[0].image
    whole = ((np.asarray(expected) / 255 - 0.5) / 0.5).transpose(2, 0, 1)
    np.testing.assert_allclose(shown, whole[:, 4:36, 4:36], atol=1e-6)


@pytest.mark.parametrize(
    ("train", "evaluation", "line"),
    [
        (None, None, "images are scaled to 32x32 (bilinear, not antialiased)"),
        ([CUBIC], None,
         "images are scaled in training: bicubic, antialiased (--train-transforms); in "
         "evaluation: bicubic, antialiased, to 32x32 (--eval-transforms chooses otherwise)"),
        ([{"RandomCrop": 32}], None,
         "images are scaled in training: not scaled (--train-transforms); in evaluation: "
         "bilinear, antialiased, to 32x32 (--eval-transforms chooses otherwise)"),
        ([], None,
         "images are scaled in training: not scaled (--train-transforms); in evaluation: "
         "bilinear, antialiased, to 32x32 (--eval-transforms chooses otherwise)"),
        ([{"Resize": 40}, {"RandomCrop": 32}], [{"Resize": 32}],
         "images are scaled in training: bilinear, antialiased (--train-transforms); in "
         "evaluation: bilinear, antialiased (--eval-transforms)"),
        (None, [{"Resize": TO_SIZE}],
         "note: images are scaled in training: bilinear, not antialiased, to 32x32; in "
         "evaluation: bilinear, antialiased (--eval-transforms). Two filters show a fine texture "
         "differently; in --eval-transforms 'Resize: {size: ..., interpolation: bilinear, "
         "antialias: false}' makes them one"),
        (None, [COARSE],
         "images are scaled in training: bilinear, not antialiased, to 32x32; in evaluation: "
         "bilinear, not antialiased (--eval-transforms)"),
    ],
)  # fmt: skip
def test_a_line_names_the_filters_and_says_where_they_differ(train, evaluation, line):
    assert describe_scaling(config(train, evaluation)) == line


LIST = [{"Resize": {"size": 40, "interpolation": "bicubic"}}, {"RandomCrop": 32}]
BEFORE = "to 32x32 for SMOTE, then by --train-transforms"


@pytest.mark.parametrize(
    ("train", "evaluation", "line"),
    [
        (None, None, "images are scaled to 32x32 (bilinear, not antialiased)"),
        (LIST, None,
         f"images are scaled in training: bicubic, antialiased, {BEFORE}; in evaluation: bicubic, "
         "antialiased, to 32x32 (--eval-transforms chooses otherwise)"),
        ([{"RandomCrop": 32}], None,
         f"images are scaled in training: bilinear, antialiased, {BEFORE}; in evaluation: "
         "bilinear, antialiased, to 32x32 (--eval-transforms chooses otherwise)"),
        ([{"RandomCrop": 32}], [CUBIC],
         f"note: images are scaled in training: bilinear, antialiased, {BEFORE}; in evaluation: "
         "bicubic, antialiased (--eval-transforms). Two filters show a fine texture differently; "
         "in --eval-transforms 'Resize: {size: ..., interpolation: bilinear, antialias: true}' "
         "makes them one"),
    ],
)  # fmt: skip
def test_the_line_says_that_smote_scales_before_a_list_of_transforms(train, evaluation, line):
    assert describe_scaling(config(train, evaluation, oversample="smote")) == line


def test_evaluation_names_its_filter():
    assert describe_evaluation(config()) == "scaled to 32x32 (bilinear, not antialiased)"
    assert describe_evaluation(config([CUBIC])) == "scaled to 32x32 (bicubic, antialiased)"
    listed = [{"Resize": {"size": [32, 32], "antialias": False}}]  # as an export has it
    assert describe_evaluation(config(None, listed)) == describe_evaluation(config())
    given = describe_evaluation(config(None, [{"Resize": 32}]))
    assert given == "by the run's --eval-transforms (bilinear, antialiased)"
