"""What the page draws, without Gradio: through the tables, so that a new entry is tested, too."""

import shlex

import numpy as np
import pytest
import yaml
from PIL import Image

from paddle_aug.__main__ import main
from paddle_aug.augment.transform_list import VOCABULARY, build_transforms
from paddle_aug.augment.transforms.auto_augment import RAND_AUGMENT_RANGES
from paddle_aug.build.mix import build_phases, phases_without_effect
from paddle_aug.command_line import parse_args
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data import options as data_options
from paddle_aug.demo import figures, image_parts, mixing, predicting
from paddle_aug.demo.command import build_parser, read_trained
from paddle_aug.demo.train_command import train_command
from paddle_aug.demo.words import CHINESE, ENGLISH
from paddle_aug.mix import images as mix_images
from paddle_aug.mix.methods import METHODS, Draw, Method
from paddle_aug.modes import BASES, MIXES
from paddle_aug.prediction.predictor import Prediction


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (37, 53, 3), np.uint8)


@pytest.fixture(scope="module")
def other() -> np.ndarray:
    return np.random.default_rng(2).integers(0, 256, (37, 53, 3), np.uint8)


def test_all_that_the_tables_have_is_offered():
    assert image_parts.policies() == list(BASES)
    assert image_parts.operations() == list(RAND_AUGMENT_RANGES)
    assert image_parts.transforms() == list(VOCABULARY)
    assert mixing.methods() == list(MIXES)


@pytest.mark.parametrize("name", BASES)
def test_every_policy_draws_by_its_seed(photo, name):
    part = image_parts.build("policy", name, 9, "")
    drawn = [image_parts.augmented(photo, part, seed) for seed in (0, 0, 1, 2, 3)]
    assert drawn[0].dtype == np.uint8 and drawn[0].ndim == 3
    assert np.array_equal(drawn[0], drawn[1])
    same = [np.array_equal(drawn[0], one) for one in drawn[2:]]
    assert all(same) if name == "no" else not all(same)


@pytest.mark.parametrize("name", RAND_AUGMENT_RANGES)
def test_an_operation_grows_with_its_magnitude(photo, name):
    def change(magnitude):
        part = image_parts.build("operation", name, magnitude, "")
        drawn = image_parts.augmented(photo, part, 0)
        return np.abs(drawn.astype(int) - photo).mean()

    low, high = RAND_AUGMENT_RANGES[name]
    if low == high:  # no amount: the same at every magnitude
        assert change(0) == change(image_parts.BINS - 1)
    else:
        assert change(0) < change(image_parts.BINS - 1)


def test_the_magnitude_of_the_policy_is_that_of_the_slider(photo):
    weak, strong = (image_parts.build("policy", "randAugment", m, "") for m in (0, 30))
    assert not np.array_equal(
        image_parts.augmented(photo, weak, 4), image_parts.augmented(photo, strong, 4)
    )


@pytest.mark.parametrize("name", VOCABULARY)
def test_every_transform_has_values_to_begin_with(name):
    image = image_parts.bundled_images()["flower"]
    part = image_parts.build("transforms", name, 9, image_parts.start_of(name))
    drawn = [image_parts.augmented(image, part, seed) for seed in range(6)]
    assert all(one.dtype == np.uint8 for one in drawn)
    assert any(not np.array_equal(one, image) for one in drawn), "begins with no effect"


def test_transforms_are_read_as_the_command_line_reads_them(photo):
    part = image_parts.build("transforms", "", 0, "[{Resize: [8, 9]}, RandomHorizontalFlip]")
    assert image_parts.augmented(photo, part, 0).shape == (8, 9, 3)
    with pytest.raises(UserError, match=r"did you mean Resize\?"):
        image_parts.build("transforms", "", 0, "[{Resise: 8}]")
    with pytest.raises(ValueError, match="not valid YAML"):
        image_parts.build("transforms", "", 0, "[{Resize: 8}")


@pytest.mark.parametrize(
    ("steps", "name"),
    [
        ("[{Pad: 16384}, {Pad: 16384}]", "Pad would make an image of 32821 x 32805 pixels"),
        ("[{Pad: 300}, {Pad: 300}]", "Pad would make an image of 1253 x 1237"),
        ("[{CenterCrop: [1, 9]}, {Resize: 120}]", "Resize would make an image of 1080 x 120"),
        ("[{Resize: [9, 16384]}]", "Resize would make an image of 16384 x 9"),
        ("[{RandomResizedCrop: 1025}]", "RandomResizedCrop would make an image of 1025 x 1025"),
        (
            "[{RandomCrop: {size: 9, padding: 500}}]",
            "RandomCrop would make an image of 1053 x 1037",
        ),
        ("[{RandomCrop: {size: 600, pad_if_needed: true}}]", "RandomCrop would .* 1147 x 1163"),
        (f"[{'Grayscale, ' * 1000}]", "this page takes at most 10000 characters"),
    ],
)
def test_what_would_fill_the_memory_is_refused_before_it_is_made(photo, steps, name):
    with pytest.raises(UserError, match=f"^transforms: {name}"):
        image_parts.augmented(photo, image_parts.build("transforms", "", 0, steps), 0)


def test_up_to_the_bound_an_image_is_made(photo):
    part = image_parts.build("transforms", "", 0, "[{Resize: [1024, 1024]}, Grayscale]")
    assert image_parts.augmented(photo, part, 0).shape == (1024, 1024, 3)


@pytest.mark.parametrize("name", VOCABULARY)
@pytest.mark.parametrize("shape", [(300, 200), (170, 400)])
def test_no_transform_makes_more_than_is_counted_with(name, shape):
    (transform,) = build_transforms(yaml.safe_load(image_parts.start_of(name))).transforms
    image = np.zeros((*shape, 3), np.uint8)
    made = [image_parts.augmented(image, transform, seed).shape[:2] for seed in range(6)]
    assert (np.array(made) <= image_parts.most_made(transform, *shape)).all()


# Mixing


def test_mixup_and_pairing_are_the_weighted_means(photo, other):
    mixed = mixing.mix("mixup", photo, other, 0.25, 0.5, 0.5, 0.5)
    expected = 0.25 * photo.astype(float) + 0.75 * other
    assert np.abs(mixed.image - expected).max() <= 0.5 + 1e-3
    assert mixed.weights == (0.25, 0.75)
    mixed = mixing.mix("samplePairing", photo, other, 0.25, 0.5, 0.5, 0.5)
    assert np.abs(mixed.image.astype(int) - mix_images.sample_pairing(photo, other)).max() <= 1
    assert mixed.weights == (1.0, 0.0)


def test_the_box_lies_where_the_sliders_say_and_weighs_the_label(photo, other):
    # lam 0.75: half of the sides, cut off at the upper right corner.
    mixed = mixing.mix("cutmix", photo, other, 0.75, across=1.0, down=0.0, side=0.5)
    rows, columns = slice(0, 9), slice(52 - 13, 53)
    assert np.array_equal(mixed.image[rows, columns], other[rows, columns])
    untouched = mixed.image.copy()
    untouched[rows, columns] = photo[rows, columns]
    assert np.array_equal(untouched, photo)
    share = 9 * 14 / (37 * 53)
    assert mixed.weights == pytest.approx((1 - share, share))
    middle = mixing.mix("cutmix", photo, other, 0.75, 0.5, 0.5, 0.5)
    assert np.array_equal(middle.image[0], photo[0])
    assert not np.array_equal(middle.image[18], photo[18])


def test_cutouts_square_has_the_side_of_the_slider_and_one_label(photo, other):
    mixed = mixing.mix("cutout", photo, other, 0.3, 0.5, 0.5, side=10 / 37)
    changed = (mixed.image != photo).any(axis=2)
    gray = (mixed.image == 128).all(axis=2)
    assert gray.sum() >= 100 > gray.sum() - 5 and not (changed & ~gray).any()
    assert mixed.weights == (1.0, 0.0)


def test_a_partner_of_another_size_is_resized(photo):
    small = np.full((5, 6, 3), 200, np.uint8)
    mixed = mixing.mix("mixup", photo, small, 0.0, 0.5, 0.5, 0.5)
    assert mixed.image.shape == photo.shape and (mixed.image == 200).all()


@pytest.mark.parametrize("method", MIXES)
def test_each_method_uses_what_it_draws(method, photo, other):
    used = mixing.uses(method)
    settings = {"lam": 0.6, "across": 0.5, "down": 0.5, "side": 0.5}
    images = {"base": mixing.mix(method, photo, other, **settings).image}
    for name, value in (("lam", 0.2), ("across", 0.1), ("down", 0.1), ("side", 0.2)):
        images[name] = mixing.mix(method, photo, other, **{**settings, name: value}).image
    differs = {k: not np.array_equal(v, images["base"]) for k, v in images.items()}
    assert differs["lam"] == used.lam
    assert differs["across"] == differs["down"] == used.box
    assert differs["side"] == used.side


def test_a_new_method_is_mixed_by_its_own_functions(monkeypatch, photo, other):
    swap = Method(lambda rng, numbers, height, width: Draw(), lambda a, b, draw, _: b)
    monkeypatch.setitem(METHODS, "mixup", swap)
    assert np.array_equal(mixing.mix("mixup", photo, other, 1.0, 0, 0, 0.5).image, other)


def test_numbers_are_drawn_as_in_a_training():
    lams = [mixing.draw_numbers("mixup", 1.5, seed)[0] for seed in range(400)]
    assert 0.45 < np.mean(lams) < 0.55 and 0.2 < np.std(lams) < 0.3
    assert mixing.draw_numbers("cutout", 1.5, 0)[0] == 1.0
    places = np.array([mixing.draw_numbers("cutmix", 1.0, seed)[1:] for seed in range(400)])
    assert places.min() >= 0 and places.max() <= 1 and np.abs(places.mean(0) - 0.5).max() < 0.06


def test_labels_of_one_name_are_one():
    assert mixing.label_weights((0.25, 0.75), ("cat", "dog")) == {"cat": 0.25, "dog": 0.75}
    assert mixing.label_weights((0.25, 0.75), ("cat", "cat")) == {"cat": 1.0}


# Predicting


def test_names_of_classes_are_no_markup_on_the_page():
    found = Prediction("a", (0, 1), ("<b>猫</b>", "狗"), (0.99994, 0.00006))
    html = predicting.as_html(found)
    assert "<td>&lt;b&gt;猫&lt;/b&gt;</td>" in html and "<b>" not in html
    assert html.count("<tr>") == 2 and "0.9999" in html and "0.0001" in html
    assert "<i>" not in predicting.reason_as_html("<i>x.png: not an image")


def test_a_page_without_a_model_or_with_none_that_can_be_read(tmp_path):
    assert read_trained(None) is None
    with pytest.raises(UserError, match="checkpoint: only with a run"):
        main(["demo", "--checkpoint", "last"])
    with pytest.raises(UserError, match="nothing"):
        main(["demo", str(tmp_path / "nothing")])


@pytest.mark.parametrize("port", ["0", "65536", "70000", "-1", "http"])
def test_a_port_that_there_cannot_be_is_refused(port):
    said = f"^--port: must be a whole number from 1 to 65535, got '{port}'"
    with pytest.raises(UserError, match=said):
        main(["demo", f"--port={port}"])


@pytest.mark.parametrize("port", [1, 65535])
def test_every_port_that_there_can_be_is_taken(port):
    assert build_parser().parse_args(["--port", str(port)]).port == port


# Figures, images, the command


def test_the_schedule_is_that_of_a_training():
    phases = mixing.schedule("samplePairing", 100, None, None)
    assert (phases.start, phases.end, *mixing.own_turns("samplePairing")) == (10, 90, 8, 2)
    changed = mixing.schedule("samplePairing", 100, 3, 7)
    assert [changed.is_active(epoch) for epoch in (19, 20, 22, 23)] == [False, True, True, False]
    few, many = (
        figures.picture(figures.schedule_figure("samplePairing", 100, on, 2)) for on in (1, 8)
    )
    blue = [((p[..., 2] > 200) & (p[..., 0] < 160)).sum() for p in (few, many)]
    assert 0 < blue[0] < blue[1]


@pytest.mark.parametrize("alpha", [0, 0.1, 1, 4])
def test_where_lam_lies_is_drawn(alpha):
    picture = figures.picture(figures.beta_figure(alpha, 0.3))
    assert picture.dtype == np.uint8 and (picture < 50).all(axis=2).sum() > 100


def test_images_are_read_as_those_of_data_and_shrunk(tmp_path):
    Image.new("CMYK", (900, 300), (0, 255, 255, 0)).save(tmp_path / "red.jpg")
    image = image_parts.read(str(tmp_path / "red.jpg"))
    assert image.shape == (round(300 * image_parts.LONGEST / 900), image_parts.LONGEST, 3)
    assert image[..., 0].mean() > 200 > 90 > image[..., 1].mean()
    (tmp_path / "bad.png").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"bad\.png"):
        image_parts.read(str(tmp_path / "bad.png"))
    assert [image.dtype for image in image_parts.bundled_images().values()] == [np.uint8] * 4


@pytest.mark.parametrize("method", ["no", *MIXES])
def test_the_command_trains_with_what_is_shown(method):
    def config(kind, name, steps=""):
        command = train_command(kind, name, 12, steps, method, 0.4, 0.3, 40, 3, 7)
        return parse_args(shlex.split(command)[2:])[0].filled()

    for base in BASES:
        shown = config("policy", base)
        assert shown.image_part == base
        assert shown.augment == (base if method == "no" else method)
        if base == "randAugment":
            assert shown.policy.rand_augment_magnitude == 12
        assert shown.epochs == 40
        if method != "no":
            assert (shown.pairing_on, shown.pairing_off) == (3, 7)
        if method != "no" and mixing.uses(method).lam:
            assert shown.mix_setting("alpha") == 0.4
        if method != "no" and mixing.uses(method).side:
            assert shown.cutout_size == 0.3
    assert config("transforms", "Resize", "[{Resize: 96}]").train_transforms == [{"Resize": 96}]
    assert train_command("operation", "Rotate", 9, "", method, 1.0, 0.5, 40, 3, 7) == ""


def test_the_command_leaves_out_the_side_that_it_has_by_itself():
    own = load_config({"augment": "cutout"}).cutout_size
    assert own == mixing.default_side()
    command = train_command("policy", "no", 9, "", "cutout", 1.0, own, 40, 3, 7)
    assert "--cutout-size" not in command
    command = train_command("policy", "no", 9, "", "cutout", 1.0, own / 2, 40, 3, 7)
    assert f"--cutout-size {own / 2:g}" in command


@pytest.mark.parametrize("method", MIXES)
@pytest.mark.parametrize("epochs", [1, 12, 40, 500])
@pytest.mark.parametrize("turns", [(1, 0), (5, 0), (1, 3), (8, 2), (3, 2), (8, 9), (50, 50)])
def test_of_epochs_in_turn_the_command_names_what_has_an_effect(method, epochs, turns):
    asked = {f"pairing_{name}": turn for name, turn in zip(("on", "off"), turns, strict=True)}
    wanted = build_phases(load_config({"augment": method, "epochs": epochs, **asked}))
    command = train_command("policy", "no", 9, "", method, 1.0, 0.5, epochs, *turns)
    config = parse_args(shlex.split(command)[2:])[0].filled()
    made = build_phases(config)
    assert config.epochs == epochs and phases_without_effect(config) == []
    assert [made.is_active(e) for e in range(epochs)] == [
        wanted.is_active(e) for e in range(epochs)
    ]


@pytest.mark.parametrize("method", ["no", *MIXES])
@pytest.mark.parametrize("data22612", [False, True])
def test_what_the_command_does_by_itself_is_not_in_it(method, data22612, tmp_path, monkeypatch):
    monkeypatch.setattr(data_options, "AISTUDIO", tmp_path)
    if data22612:
        (tmp_path / data_options.LISTS).mkdir(parents=True)
        (tmp_path / data_options.LISTS / "Train.txt").touch()
    epochs = 500 if data22612 else 100
    assert mixing.own_epochs() == epochs
    turns = (1, 0) if method == "no" else mixing.own_turns(method)
    alpha = 1.0 if method == "no" else mixing.default_alpha(method)
    for number in (100, 500):
        command = train_command("policy", "no", 9, "", method, alpha, 0.5, number, *turns)
        says = f" --epochs {number}" if number != epochs else ""
        assert command.replace(" --base no", "") == f"python train.py --augment {method}{says}"


def test_both_languages_have_every_text_and_the_page_no_other():
    assert ENGLISH.keys() == CHINESE.keys()
