"""A Predictor gives the probabilities of evaluate.py, and of paddle.inference on the export."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import paddle_aug as pa
from paddle_aug.__main__ import main
from paddle_aug.core.errors import UserError
from paddle_aug.data.guesses import DIGITS_CHANGED
from paddle_aug.data.load import load_data
from paddle_aug.data.options import DataOptions
from paddle_aug.evaluation import evaluate
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import EvaluationOptions, Views
from paddle_aug.prediction.predictor import Predictor, as_photos, predict
from paddle_aug.runs.predictions import read_predictions
from tests.stand_in_gpu import StandInGpu
from tests.trained_runs import trained_run

CLASSES = ["disc", "square", "猫"]
SHAPES = ((36, 44), (20, 61), (32, 32), (90, 50), (33, 31), (8, 9), (64, 40))
RUNS = {
    "named": {},
    "lists": {
        "eval_transforms": [{"Resize": 36}, {"CenterCrop": 32}], "channels": 1,
        "mean": [0.2, 0.4, 0.6], "std": [0.5],
    },
    "listed training": {
        "train_transforms": [{"Resize": {"size": [32, 32], "interpolation": "bicubic"}}],
        "augment": "no",
    },
    "own numbers": {
        "augment": "userDef", "policy": {"noise_max_sigma": 200.0, "noise_probability": 1.0},
        "seed": 3,
    },
    "cut": {  # no scaling in evaluation: crops take the filter of training
        "train_transforms": [{"RandomResizedCrop": {"size": 32, "interpolation": "bicubic"}}],
        "eval_transforms": [{"Pad": 32}, {"CenterCrop": 32}], "augment": "no",
    },
    "half": {"amp": "bf16"},
}  # fmt: skip


@pytest.fixture(scope="module")
def photos(tmp_path_factory) -> Path:
    """Images of several shapes in a folder for each class, as evaluate.py takes them."""
    folder = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(5)
    for number, shape in enumerate(SHAPES):
        place = folder / CLASSES[number % 3]
        place.mkdir(exist_ok=True)
        coarse = rng.integers(0, 256, (5, 6, 3), np.uint8)
        Image.fromarray(coarse).resize(shape[::-1]).save(place / f"{number}.png")
    return folder


def test_an_image_named_twice_in_a_list_is_said_to_be_predicted_once(tmp_path):
    for name in ("a.png", "b.png"):
        Image.fromarray(np.zeros((8, 8, 3), np.uint8)).save(tmp_path / name)
    (tmp_path / "a.txt").write_text("a.png\nb.png\na.png\n", encoding="utf-8")
    said: list[str] = []
    assert len(as_photos(tmp_path / "a.txt", said.append)) == 2
    assert "1 image named more than once, predicted once" in said
    said.clear()
    twice = [tmp_path / "a.png"] * 2
    assert len(as_photos(twice, said.append)) == 2 and not said  # as they were given


@pytest.fixture(scope="module")
def runs(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("runs")
    return {name: trained_run(folder / name, CLASSES, **RUNS[name]) for name in RUNS}


def evaluated(run: Path, photos: Path, **options) -> np.ndarray:
    """evaluate.py's probabilities, in the order of the paths of the images."""
    kept = []
    settings = EvaluationOptions(
        str(run), data=str(photos), output=str(run / "x"), workers=0, batch_size=3, **options
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(evaluate, "write_evaluation", lambda *arguments: kept.append(arguments))
        evaluate_checkpoint(settings)
    _, _, probabilities, _, dataset, *_ = kept[0]
    order = np.argsort([dataset.source(index) for index in range(len(dataset))])
    return probabilities[order]


@pytest.mark.parametrize("views", [Views(), Views("crops"), Views("flip"),
                                   Views("draws", 3, "userDef")], ids=lambda v: v.kind)  # fmt: skip
@pytest.mark.parametrize("name", RUNS)
def test_probabilities_are_those_of_evaluate(runs, photos, name, views):
    options = {"tta": views.kind, "tta_draws": views.draws, "tta_policy": views.policy}
    expected = evaluated(runs[name], photos, **options)
    assert np.ptp(expected, axis=0).max() > 0.1, "the images differ"
    found = Predictor(runs[name]).probabilities(str(photos), views, batch_size=2)
    assert found.dtype == np.float64 and found.shape == (7, 3)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=0)


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ({"top": 0}, "top must be 1 or more, got 0"),
        ({"top": -2}, "top must be 1 or more, got -2"),
        ({"batch_size": 0}, "batch_size must be 1 or more, got 0"),
    ],
)
def test_numbers_below_one_are_refused(runs, numbers, said):
    predictor, image = Predictor(runs["named"]), np.zeros((32, 32, 3), np.uint8)
    for images in (image, []):
        with pytest.raises(ValueError, match=f"^{said}$"):
            predictor.predict(images, **numbers)
    if "batch_size" in numbers:
        with pytest.raises(ValueError, match=f"^{said}$"):
            predictor.probabilities(image, **numbers)
    (found,) = predictor.predict(image, top=4, batch_size=1)
    assert sorted(found.classes) == sorted(CLASSES)  # there are no more


def test_all_views_are_launched_before_one_is_read(runs, photos, monkeypatch):
    predictor, views = Predictor(runs["named"]), Views("flip")
    expected = predictor.probabilities(str(photos), views)
    gpu = StandInGpu(monkeypatch)
    model = predictor._trained.model
    model.register_forward_pre_hook(lambda layer, images: gpu.launch())
    np.testing.assert_array_equal(predictor.probabilities(str(photos), views), expected)
    assert gpu.log == ["launch 0", "launch 1", "read 0", "read 1"]


def test_the_answers_that_evaluate_saves_are_the_same(runs, photos, tmp_path):
    run, output = runs["named"], str(tmp_path)
    evaluate_checkpoint(EvaluationOptions(str(run), data=str(photos), output=output, workers=0))
    saved = read_predictions(tmp_path / "predictions.npz")
    found = Predictor(run).probabilities([str(photos / name) for name in sorted(CLASSES)])
    assert found.argmax(1).tolist() == saved.predicted.tolist()
    np.testing.assert_allclose(found.max(1), saved.probability, atol=5e-4)  # saved as float16


@pytest.mark.parametrize("name", [name for name in RUNS if name != "half"])
def test_an_export_gives_what_its_run_and_paddle_inference_give(runs, photos, tmp_path, name):
    from paddle import inference

    folder = tmp_path / "export"
    assert main(["export", str(runs[name]), "--output", str(folder)]) == 0
    exported, run = Predictor(folder), Predictor(runs[name])
    assert exported.classes == CLASSES
    # What draws are made with; which ones are drawn may differ, as an export spells its steps out.
    for option in ("policy", "seed"):
        assert getattr(exported.config, option) == getattr(run.config, option)
    assert exported._trained.changes_label == run._trained.changes_label
    for views in (Views(), Views("crops")):
        of_run = run.probabilities(str(photos), views)
        of_export = exported.probabilities(str(photos), views)
        np.testing.assert_allclose(of_export, of_run, atol=1e-5, rtol=0)

    # paddle.inference on the model's input, as evaluation makes it.
    settings = inference.Config(f"{folder}/inference.json", f"{folder}/inference.pdiparams")
    program = inference.create_predictor(settings)
    seen = inputs_of(runs[name], photos)
    given = program.get_input_handle(program.get_input_names()[0])
    given.copy_from_cpu(seen)
    program.run()
    expected = program.get_output_handle(program.get_output_names()[0]).copy_to_cpu()
    np.testing.assert_allclose(exported.probabilities(str(photos)), expected, atol=1e-5, rtol=0)


def inputs_of(run: Path, photos: Path) -> np.ndarray:
    """float32 [N, C, 32, 32] of the images in the order of their paths, by evaluation's view."""
    from paddle_aug.build.data import evaluation_view

    data = DataOptions(str(photos), known_classes=tuple(CLASSES), whole=True)
    dataset, _ = load_data(data)
    view = evaluation_view(dataset, Predictor(run).config)
    order = np.argsort([dataset.source(index) for index in range(len(dataset))])
    return np.stack([view[int(index)].image for index in order])


def test_the_most_probable_classes_come_first(runs, photos):
    predictor = Predictor(runs["named"])
    rows = predictor.probabilities(str(photos))
    found = predictor.predict(str(photos), top=2)
    assert [one.image for one in found] == sorted(str(path) for path in photos.rglob("*.png"))
    for one, row in zip(found, rows, strict=True):
        assert one.labels == tuple(np.argsort(-row)[:2].tolist())
        assert one.classes == tuple(CLASSES[label] for label in one.labels)
        assert one.probabilities == tuple(row[list(one.labels)].tolist())
    assert len(predictor.predict(str(photos), top=9)[0].classes) == 3


def test_arrays_and_paths_are_the_same_images(runs, photos):
    paths = sorted(photos.rglob("*.png"))
    arrays = [np.asarray(Image.open(path)) for path in paths]
    predictor = Predictor(runs["named"])
    by_path = predictor.probabilities([*paths, arrays[0]])
    np.testing.assert_array_equal(by_path[:-1], predictor.probabilities(arrays))
    np.testing.assert_array_equal(by_path[-1], by_path[0])
    gray = arrays[0][..., 0]
    same = predictor.probabilities([gray, np.repeat(gray[..., None], 3, 2)])
    np.testing.assert_array_equal(same[0], same[1])
    assert predict(runs["named"], gray)[0].image == "image 0"


@pytest.mark.parametrize(
    "array",
    [np.zeros((4, 4), np.float32), np.zeros((4, 4, 4), np.uint8), np.zeros((0, 4), np.uint8)],
    ids=("float", "RGBA", "empty"),
)
def test_other_arrays_are_refused(runs, array):
    with pytest.raises(ValueError, match="image 0: "):
        Predictor(runs["named"]).predict([array])


def test_a_broken_image_is_named_and_the_others_are_predicted(runs, photos, tmp_path):
    good = sorted(photos.rglob("*.png"))
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(good[0].read_bytes()[:60])
    mixed = [good[0], bad, good[1], good[2], bad, good[3]]
    predictor = Predictor(runs["named"])
    found = predictor.predict([str(path) for path in mixed], batch_size=2)
    assert [bool(one.error) for one in found] == [False, True, False, False, True, False]
    assert found[1].image == str(bad) and str(bad) not in found[1].error
    assert "damaged or cut off" in found[1].error or "cut off" in found[1].error
    whole = predictor.predict([str(path) for path in good[:4]])
    kept = [one for one in found if not one.error]
    for one, other in zip(kept, whole, strict=True):
        assert one.labels == other.labels
        np.testing.assert_allclose(one.probabilities, other.probabilities, atol=1e-6)
    with pytest.raises(UserError, match="bad.jpg"):
        predictor.probabilities([str(bad)])


def test_an_image_that_the_transforms_refuse_is_named(tmp_path):
    run = trained_run(tmp_path / "run", CLASSES, eval_transforms=[{"CenterCrop": 32}])
    Image.new("RGB", (40, 40)).save(tmp_path / "large.png")
    Image.new("RGB", (20, 20)).save(tmp_path / "small.png")
    large, small = Predictor(run).predict([tmp_path / "large.png", tmp_path / "small.png"])
    assert not large.error and small.error.startswith("CenterCrop")


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_outputs_that_are_not_finite_are_no_prediction(runs, photos, value, recwarn):
    predictor = Predictor(runs["named"], cpu_backend="paddle")
    head = predictor._trained.model.parameters()[-1]
    values = head.numpy()
    values[1] = value
    head.set_value(values)
    found = predictor.predict(str(photos))
    assert {one.error for one in found} == {"the model's outputs for it are not finite"}
    first = found[0].image
    with pytest.raises(UserError) as error:
        predictor.probabilities(first)
    assert str(error.value) == f"{first}: the model's outputs for it are not finite"
    assert not [w for w in recwarn if "invalid" in str(w.message)]


def test_digits_are_not_mirrored(tmp_path, photos):
    run = trained_run(tmp_path / "run", [str(i) for i in range(10)], data="digits")
    said: list[str] = []
    predictor = Predictor(run, say=said.append)
    assert predictor._trained.changes_label == DIGITS_CHANGED
    with pytest.raises(UserError, match="mirrored images may be of another class"):
        predictor.predict(str(photos), views=Views("flip"))
    assert not predictor.predict(str(photos), views=Views("crops"))[0].error
    assert not [line for line in said if "mirror" in line]


def test_what_is_not_known_of_mirror_images_is_said(runs, photos):
    said: list[str] = []
    predictor = Predictor(runs["named"], say=said.append)
    predictor.predict(str(photos), views=Views("flip"))
    assert any("a mirror image still shows the same class is not recorded" in s for s in said)


@pytest.mark.parametrize("kind", ["crops", "draws"])
def test_an_export_of_an_earlier_version_says_what_its_views_are_made_with(
    runs, photos, tmp_path, kind
):
    assert main(["export", str(runs["own numbers"]), "--output", str(tmp_path / "export")]) == 0
    path = tmp_path / "export/export.json"
    about = json.loads(path.read_text(encoding="utf-8"))
    assert about["views"]["seed"] == 3 and about["views"]["policy"]["noise_max_sigma"] == 200
    del about["views"]
    path.write_text(json.dumps(about), encoding="utf-8")
    said: list[str] = []
    Predictor(path.parent, say=said.append).predict(str(photos), views=Views(kind))
    assert any("this export does not hold the run's --policy numbers" in line for line in said)


def test_a_run_in_bf16_says_that_its_export_computes_otherwise(runs, tmp_path, capsys):
    assert main(["export", str(runs["half"]), "--output", str(tmp_path / "export")]) == 0
    said = capsys.readouterr().out
    assert "the run computes in bf16 where it can, the program in float32" in said


def test_draws_that_change_nothing_are_refused():
    with pytest.raises(UserError, match="all draws are alike: use --tta none"):
        Views("draws", 3, "no")


def test_it_is_offered_by_the_front_door(runs):
    assert pa.Predictor is Predictor and pa.predict is predict and pa.Views is Views
