"""paddle.vision's transforms in our pipeline, ours in its Compose: same seed, same images."""

import pickle
import random
import re
import sys
import types
from pathlib import Path
from unittest.mock import patch

import numpy as np
import paddle
import pytest
from paddle.vision import transforms as theirs
from PIL import Image

import paddle_aug as pa
from paddle_aug.augment.own_policy import own_policy
from paddle_aug.augment.paddle_vision import InPaddleCompose, PaddleVision, is_paddle_vision
from paddle_aug.augment.policies import POLICIES, build_policy
from paddle_aug.augment.transform_list import build_transforms
from paddle_aug.batches.loader import Loader
from paddle_aug.config import load_config
from paddle_aug.core import own_code
from paddle_aug.core.errors import UserError
from paddle_aug.core.seeding import stream
from paddle_aug.modes import MODES
from paddle_aug.train.model_fit import NewDraws
from tests.helpers import AddDrawn, view


def photo(height: int = 24, width: int = 40, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)


RANDOM = [
    theirs.RandomHorizontalFlip(0.5), theirs.RandomVerticalFlip(0.5), theirs.RandomCrop(16),
    theirs.RandomResizedCrop(16), theirs.ColorJitter(0.4, 0.4, 0.4, 0.1), theirs.RandomRotation(30),
    theirs.RandomAffine(20, (0.1, 0.1)), theirs.RandomPerspective(1.0, 0.5),
]  # fmt: skip
FIXED = [theirs.Resize((20, 18)), theirs.CenterCrop(16), theirs.Pad(2), theirs.Grayscale(3)]


@pytest.mark.parametrize("kind", RANDOM, ids=lambda kind: type(kind).__name__)
def test_random_transforms_of_paddle_follow_our_stream_and_disturb_nobody(kind):
    ours = PaddleVision(kind)
    random.seed(1)
    np.random.seed(1)
    states = random.getstate(), np.random.get_state()[1].tobytes()
    image = photo()
    given = image.copy()
    draws = [ours(image, stream(0, 0, index)) for index in range(8)]
    again = [ours(image, stream(0, 0, index)) for index in range(8)]
    for first, second in zip(draws, again, strict=True):
        assert first.dtype == np.uint8 and first.shape[2] == 3
        np.testing.assert_array_equal(first, second)
    assert len({draw.tobytes() for draw in draws}) > 1
    np.testing.assert_array_equal(image, given)
    assert (random.getstate(), np.random.get_state()[1].tobytes()) == states


@pytest.mark.parametrize("kind", FIXED, ids=lambda kind: type(kind).__name__)
def test_fixed_transforms_of_paddle_do_what_they_do_there(kind):
    image = photo()
    np.testing.assert_array_equal(PaddleVision(kind)(image, stream(0, 0, 0)), kind(image))


def test_what_is_drawn_is_what_paddle_draws_at_that_seed():
    jitter = theirs.Compose([theirs.ColorJitter(0.4, 0.4, 0.4), theirs.RandomCrop(16)])
    ours = PaddleVision(jitter)
    seed = ours.sample(stream(3, 1, 4))
    random.seed(seed)
    np.random.seed(seed)
    np.testing.assert_array_equal(ours.apply(photo(), seed), jitter(photo()))


def test_they_are_taken_in_lists_and_as_a_policy_of_ones_own(tmp_path, monkeypatch):
    flip = theirs.RandomHorizontalFlip(1.0)
    listed = build_transforms([flip, "Grayscale", PaddleVision(theirs.Resize((16, 16)))])
    assert listed(photo(), stream(0, 0, 0)).shape == (16, 16, 3)
    policy = own_policy(theirs.Compose([flip]), "mine:policy")
    np.testing.assert_array_equal(policy(photo(), stream(0, 0, 0)), photo()[:, ::-1])
    # By its import path, as --augment takes it.
    module = types.ModuleType("my_paddle_policy")
    module.__dict__["flipped"] = theirs.Compose([flip])
    monkeypatch.setitem(sys.modules, "my_paddle_policy", module)
    own_code.allow("my_paddle_policy:flipped")
    with patch.dict(MODES), patch.dict(POLICIES):
        load_config({"augment": "my_paddle_policy:flipped"})
        found = build_policy("my_paddle_policy:flipped")
    np.testing.assert_array_equal(found(photo(), stream(0, 0, 0)), photo()[:, ::-1])


@pytest.mark.parametrize("workers", [0, 2, "thread"])
def test_batches_are_the_same_for_any_number_of_workers(workers):
    def batches(count):
        transform = PaddleVision(theirs.ColorJitter(0.5))
        loader = Loader(view(9, transform), 4, shuffle=True, seed=2, workers=count)
        try:
            return [batch.images.copy() for batch in loader.epoch(1)]
        finally:
            loader.close()

    for first, second in zip(batches(0), batches(workers), strict=True):
        np.testing.assert_array_equal(first, second)


def test_a_tensor_is_refused_with_what_to_leave_out():
    with pytest.raises(UserError, match=r"Compose gives .*: leave out ToTensor, Normalize and"):
        PaddleVision(theirs.Compose([theirs.ToTensor()]))(photo(), stream(0, 0, 0))


def test_only_paddles_transforms_are_taken_for_such():
    assert is_paddle_vision(theirs.Resize(3)) and is_paddle_vision(theirs.Compose([]))
    assert not is_paddle_vision(theirs.Resize) and not is_paddle_vision(AddDrawn())

    class Own(theirs.BaseTransform):
        def _apply_image(self, img):
            return img

    assert is_paddle_vision(Own())


# Ours in Compose


class Photos(paddle.io.Dataset):
    def __init__(self, transform):
        super().__init__()
        self.transform = transform

    def __len__(self):
        return 7

    def __getitem__(self, index):
        return self.transform(photo(16, 16, index))


def read(ours: InPaddleCompose, workers: int = 0, shuffle: bool = False) -> dict[int, np.ndarray]:
    """One epoch through Compose and a DataLoader: image by its number.

    workers: each reads every so manieth batch with a copy of its own, as worker processes do.
    Paddle's own processes may wait for each other for ever, so there are none.
    """
    order = np.random.default_rng(1).permutation(7).tolist() if shuffle else list(range(7))
    batches = [order[start : start + 3] for start in range(0, 7, 3)]
    found = {}
    for first in range(workers or 1):
        own = pickle.loads(pickle.dumps(ours)) if workers else ours
        share = batches[first :: workers or 1]
        dataset = Photos(theirs.Compose([own]))
        for numbers, batch in zip(share, paddle.io.DataLoader(dataset, batch_sampler=share),
                                  strict=True):  # fmt: skip
            images = np.asarray(batch[0] if isinstance(batch, list) else batch)
            found.update(zip(numbers, images, strict=True))
    return found


def test_ours_in_compose_draws_the_same_for_any_workers_and_order():
    ours = InPaddleCompose(AddDrawn(), seed=5)
    epochs = []
    for epoch in range(2):
        ours.epoch = epoch
        plain, others = read(ours), [read(ours, workers=2), read(ours, shuffle=True)]
        for other in others:
            for index, image in plain.items():
                np.testing.assert_array_equal(image, other[index])
        epochs.append(plain)
    drawn = [[int(images[i][0, 0, 0]) - int(photo(16, 16, i)[0, 0, 0]) for i in range(7)]
             for images in epochs]  # fmt: skip
    assert len({value % 256 for value in drawn[0]}) > 3  # images draw differently
    assert drawn[0] != drawn[1]  # and anew in every epoch
    ours = InPaddleCompose(AddDrawn(), seed=6)
    ours.epoch = 0
    assert any((read(ours)[i] != epochs[0][i]).any() for i in range(7))


def test_without_workers_the_epoch_is_counted_by_itself():
    counted, told = InPaddleCompose(AddDrawn(), seed=5), InPaddleCompose(AddDrawn(), seed=5)
    for epoch in range(3):
        told.epoch = epoch
        for _ in range(2):  # told, it may be asked twice
            np.testing.assert_array_equal(told(photo()), told(photo()))
        np.testing.assert_array_equal(counted(photo()), told(photo()))


def test_workers_without_an_epoch_are_refused(monkeypatch):
    monkeypatch.setattr(paddle.io, "get_worker_info", lambda: object())
    with pytest.raises(UserError, match="worker processes would repeat the same draws in every"):
        InPaddleCompose(AddDrawn())(photo())


def test_model_fit_tells_the_epoch():
    ours = InPaddleCompose(AddDrawn())
    callback = NewDraws(ours)
    callback.on_epoch_begin(4)
    assert ours.epoch == 4
    callback.on_train_end()
    assert ours.epoch is None


def test_pillow_images_stay_pillow_images_and_go_on_to_paddles_transforms():
    ours = InPaddleCompose(build_policy("flip"), seed=1)
    ours.epoch = 0
    result = ours(Image.fromarray(photo()))
    assert isinstance(result, Image.Image)
    np.testing.assert_array_equal(np.asarray(result), ours(photo()))
    whole = theirs.Compose([ours, theirs.Resize((16, 16)), theirs.ToTensor()])
    assert list(whole(Image.fromarray(photo())).shape) == [3, 16, 16]


def test_what_is_not_ours_is_refused():
    with pytest.raises(TypeError, match="need a Transform of this project, got Resize"):
        InPaddleCompose(theirs.Resize(3))
    with pytest.raises(ValueError, match="need a uint8 array"):
        InPaddleCompose(AddDrawn())(photo().astype(np.float32))
    assert "AddDrawn" in repr(InPaddleCompose(AddDrawn()))


def test_the_documents_example_runs():
    text = (Path(__file__).parents[2] / "docs/paddle_vision.md").read_text(encoding="utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    found: dict = {}
    exec(code, found)
    assert list(found["transform"](Image.fromarray(photo())).shape) == [3, 32, 32]
    assert own_policy(found["jitter"], "jitter")(photo(), stream(0, 0, 0)).shape == (24, 40, 3)


def test_both_are_at_the_front_door():
    assert pa.PaddleVision is PaddleVision and pa.InPaddleCompose is InPaddleCompose
