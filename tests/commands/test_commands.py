"""The verbs of python -m paddle_aug, from the command line to the files they leave."""

import json
import subprocess
import sys

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_aug.__main__ import VERBS, main
from paddle_aug.commands.preview import SHEETS
from paddle_aug.commands.schedule import describe
from paddle_aug.core.errors import UserError
from paddle_aug.mix.phases import PairingSchedule
from paddle_aug.modes import AUGMENTS
from paddle_aug.train.learning_rate import LearningRate
from tests.run_folders import CLAIM, ENVIRONMENT, suite_results, write_run
from tests.warm_python import warm_python

PICTURES = {
    "compare.png", "compare_loss.png", "compare_loss_zoom.png", "compare_accuracy.png",
    "compare_accuracy_zoom.png",
}  # fmt: skip


def run(*arguments, code="from paddle_aug.__main__ import *; run_command(main)",
        python=(sys.executable,)):  # fmt: skip
    command = [*python, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)


def size(path):
    image = cv2.imread(str(path))
    return image.shape[:2]


@pytest.fixture
def logs(tmp_path):
    folder = tmp_path / "logs"
    write_run(folder, "userDef", {"accEval": [0.5] * 20}, seconds=[2.0] * 20)
    write_run(folder, "samplePairing", {"accEval": [0.5] * 10 + [0.75] * 10}, mixing=[0, 1] * 10)
    return folder


# The table of verbs


def test_help_names_every_verb_and_imports_nothing_heavy():
    code = (
        "import sys\n"
        "from paddle_aug.__main__ import main\n"
        "try:\n    main(sys.argv[1:])\n"
        "except SystemExit: pass\n"
        "heavy = {'numpy', 'paddle', 'matplotlib', 'pandas', 'cv2', 'sklearn', 'pydantic'}\n"
        "print('imported:', sorted(heavy & set(sys.modules)))\n"
    )
    result = run("--help", code=code)
    assert all(f"  {verb} " in result.stdout for verb in VERBS)
    assert result.stdout.endswith("imported: []\n")
    assert run("compare", "--help", code=code).stdout.endswith("imported: []\n")


@pytest.mark.parametrize("verb", ["compare", "preview"])
def test_every_verb_explains_itself(verb, capsys):
    with pytest.raises(SystemExit) as exit_:
        main([verb, "--help"])
    assert exit_.value.code == 0
    assert f"python -m paddle_aug {verb}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("comapre", "compare"), ("Train", "train"), ("evalaute", "evaluate"), ("chek", "check")],
)
def test_an_unknown_verb_is_refused_with_the_one_that_was_meant(wrong, meant):
    with pytest.raises(UserError, match=f"^verb: '{wrong}' is none of train, .*mean {meant}\\?$"):
        main([wrong])


def test_no_verb_prints_the_help(capsys):
    assert main([]) == 2
    assert "verbs:" in capsys.readouterr().out


# compare


def test_compare_end_to_end(logs, tmp_path):
    code = "import runpy; runpy.run_module('paddle_aug', run_name='__main__')"
    result = run("compare", logs, "--output", tmp_path / "out", code=code, python=warm_python())
    assert (result.returncode, result.stderr) == (0, "")
    row = next(line for line in result.stdout.splitlines() if line.startswith("samplePairing"))
    assert row.split()[1:] == [
        "20", "14.5000", "14.5000", "14.5000", "0.7500", "+25.00", "0.750", "(10)", "-",
    ]  # fmt: skip
    assert {path.name for path in (tmp_path / "out").iterdir()} == PICTURES | {
        "table.md", "table.csv", "table.json",
    }  # fmt: skip
    assert "Not known: options of any run: not recorded, so not compared" in result.stdout
    assert size(tmp_path / "out" / "compare_loss.png") == (640, 960)
    assert size(tmp_path / "out" / "compare.png") == (900, 1350)
    assert all(f"wrote {tmp_path / 'out' / name}" in result.stdout for name in PICTURES)
    markdown = (tmp_path / "out" / "table.md").read_text(encoding="utf-8")
    assert "points vs userDef" in markdown and "+25.00" in markdown


def test_a_missing_folder_ends_with_a_message_and_code_2(tmp_path):
    result = run("compare", tmp_path / "nothing")
    assert result.returncode == 2
    assert result.stderr == f"error: {tmp_path / 'nothing'}: no such folder or run\n"


def test_compare_warns_about_files_and_unfair_options(logs, tmp_path, capsys):
    write_run(logs, "mixup", epochs=12, config={"epochs": 20, "batch_size": 16})
    write_run(logs, "userDef", config={"epochs": 20, "batch_size": 8})
    (logs / "mixupAug_accTrain.npy").unlink()
    assert main(["compare", str(logs), "--output", str(tmp_path / "out")]) == 0
    error = capsys.readouterr().err.splitlines()
    assert error == [
        f"warning: {logs / 'mixupAug_accTrain.npy'}: missing, left out",
        f"warning: {logs / 'mixup'}: unfinished, 12 of 20 epochs",
        "note: the runs differ in batch_size: 8 (userDef), 16 (mixup)",
        "note: the runs differ in epochs finished: 20 (userDef, samplePairing), 12 (mixup)",
    ]


def test_compare_takes_a_suites_results_with_its_claims_baseline_and_window(tmp_path, capsys):
    folder = suite_results(tmp_path / "s", [CLAIM])
    told = ["compare", str(folder), "--output", str(tmp_path / "out")]
    assert main(told) == 0
    output = capsys.readouterr()
    assert output.out.startswith("mixup brings 5 points: reproduced ")
    assert "vs no" in output.out and "mean of the last 10 epochs" in output.out
    assert output.err.splitlines()[0] == "note: not finished: mixup, seed 3"
    main([*told, "--baseline", "mixup", "--last", "3"])
    output = capsys.readouterr().out
    assert "vs mixup" in output and "mean of the last 3 epochs" in output


def test_compare_refuses_other_evaluation_images_and_writes_nothing(tmp_path, capsys):
    for mode, images in (("no", 359), ("mixup", 100)):
        data = {**ENVIRONMENT["data"], "eval": {"images": images, "digest": str(images)}}
        write_run(tmp_path / "logs", mode, environment={**ENVIRONMENT, "data": data})
    told = ["compare", str(tmp_path / "logs"), "--output", str(tmp_path / "out")]
    with pytest.raises(UserError, match=r"data.eval.images: 359 \(no\), 100 \(mixup\)"):
        main(told)
    assert not (tmp_path / "out").exists()
    assert main([*told, "--allow-differences"]) == 0
    line = "note: the runs differ in data.eval.images: 359 (no), 100 (mixup)"
    assert line in capsys.readouterr().err.splitlines()


def test_a_zoom_that_would_be_the_whole_is_not_written(logs, tmp_path):
    # The logs have 20 epochs; the zoom has no fewer than the table averages.
    for option, epochs, pictures in (("--zoom", "3", 2), ("--last", "20", 0), ("--zoom", "20", 0)):
        main(["compare", str(logs), option, epochs, "--output", str(tmp_path / "out")])
        assert len(list((tmp_path / "out").glob("*_zoom.png"))) == pictures


def test_compare_finds_the_claims_that_come_with_the_project(logs, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    given = ["compare", str(logs), "--output", "out"]
    assert main([*given, "--claims", "configs/suites/s0.yaml"]) == 0
    told = capsys.readouterr()
    assert "configs/suites/s0.yaml: not in this folder; the one that comes with" in told.err
    assert told.out.startswith("SamplePairing brings 6 points over userDef: ")
    with pytest.raises(UserError, match=r"s9.yaml: no such file; did you mean s"):
        main([*given, "--claims", "configs/suites/s9.yaml"])


def test_compare_takes_labels_baseline_and_window(logs, tmp_path, capsys):
    arguments = [f"old={logs}/userDef", f"new={logs}/samplePairing", "--baseline", "new"]
    main(["compare", *arguments, "--last", "20", "--output", str(tmp_path / "out")])
    lines = capsys.readouterr().out.splitlines()
    assert lines[3].split()[:6] == ["new", "20", "9.5000", "9.5000", "9.5000", "0.6250"]
    assert lines[4].split()[:7] == ["old", "20", "9.5000", "9.5000", "9.5000", "0.5000", "-12.50"]


def test_claims_are_judged_with_the_window_and_baseline_of_their_suite(tmp_path, capsys):
    for seed in (0, 1, 2):
        for mode, end in (("userDef", 0.4), ("mixup", 0.5)):
            curve = [0.1] * 7 + [end + 0.001 * seed * (mode == "mixup")] * 3
            write_run(tmp_path / str(seed), mode, {"accEval": curve}, config={"seed": seed})
    suite = tmp_path / "s.yaml"
    entries = [{"label": label, "config": "x.yaml"} for label in ("mixup", "userDef")]
    claims = [{"text": "It is worse", "method": "userDef", "difference": -0.1, "tolerance": 0.02}]
    suite.write_text(json.dumps(
        {"title": "t", "source": "s", "last": 3, "runs": entries, "claims": claims}
    ))  # fmt: skip

    def told(*options):
        runs = [str(tmp_path / str(seed)) for seed in (0, 1, 2)]
        main(["compare", *runs, "--claims", str(suite), "--output", str(tmp_path / "o"), *options])
        return " ".join(capsys.readouterr().out.split())

    said = told()
    assert said.startswith("It is worse: reproduced (the difference is shown")
    assert "mean of the last 3 epochs. Published -10.0 points (± 2.0); ours -10.1 points" in said
    assert "Differences to mixup, of the mean of the last 3 epochs" in said
    main(["compare", str(tmp_path / "0" / "userDef"), "--claims", str(suite),
          "--output", str(tmp_path / "o")])  # fmt: skip
    assert "It is worse: undecided" in capsys.readouterr().out  # without the suite's own baseline
    said = told("--last", "10", "--baseline", "userDef")
    assert "ours -3.0 points" in said
    assert "Differences to userDef, of the mean of the last 10 epochs" in said


def test_an_output_that_cannot_be_written_is_named(logs, tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(UserError, match=r"cannot write .*file"):
        main(["compare", str(logs), "--output", str(tmp_path / "file" / "out")])


@pytest.mark.parametrize("wrong", [["--last", "0"], ["--zoom", "-3"], ["--last", "ten"], []])
def test_compare_refuses_wrong_values(wrong, logs):
    with pytest.raises(UserError, match="whole number from 1" if wrong else "RUN"):
        main(["compare", *([str(logs)] if wrong else []), *wrong])


# schedule


def rate(name="constant", lr=0.1, epochs=20, **values):
    return LearningRate(name, lr, epochs, steps_per_epoch=10, **values)


def test_the_schedule_in_words():
    cut = rate("multistep", milestones=[15])
    text = describe(cut, PairingSchedule.for_epochs(20).is_active)
    assert text.splitlines() == [
        "epochs         0..19",
        "mixing         ..######..########..".replace(
            "..######..########..", "..######..########.."
        ),
        "               on in 14 of 20 epochs: 2-7, 10-17",
        "learning rate  0.1 from epoch 0, 0.01 from epoch 15",
    ]


def test_long_schedules_stay_on_a_line():
    lines = describe(
        rate(lr=1e-4, epochs=500), PairingSchedule.for_epochs(500).is_active
    ).splitlines()
    assert max(map(len, lines)) <= 100
    assert lines[2].endswith("..., 430-437, 440-447")
    assert lines[3] == "learning rate  0.0001 throughout"


def test_a_schedule_without_mixing():
    lines = describe(rate(epochs=3), lambda epoch: False).splitlines()
    assert lines[1:3] == ["mixing         ...", "               on in 0 of 3 epochs"]
    lines = describe(rate(epochs=3), None).splitlines()
    assert lines[:2] == ["epochs         0..2", "mixing         none"] and len(lines) == 3


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "0.1 throughout"),
        ({"warmup_epochs": 5}, "grows to 0.1 over 5 epochs"),
        ({"warmup_epochs": 1, "name": "multistep", "milestones": [15, 18]},
         "grows to 0.1 over 1 epoch, 0.01 from epoch 15, 0.001 from epoch 18"),
        ({"warmup_epochs": 5, "name": "multistep", "milestones": [5]},
         "grows to 0.1 over 5 epochs, 0.01 from epoch 5"),
        ({"name": "cosine"}, "0.1 from epoch 0, falls to 0 as a cosine until the end"),
        ({"name": "cosine", "warmup_epochs": 5},
         "grows to 0.1 over 5 epochs, falls to 0 as a cosine until the end"),
        ({"name": "plateau"}, "0.1 from epoch 0"),
        ({"name": "multistep", "milestones": range(2, 20), "gamma": 0.5},
         "0.1 from epoch 0, 0.05 from epoch 2, 0.025 from epoch 3, 0.0125 from epoch 4, "
         "0.00625 from epoch 5, ..., 7.62939e-07 from epoch 18, 3.8147e-07 from epoch 19"),
    ],
    ids=str,
)  # fmt: skip
def test_the_learning_rate_is_told_by_epochs(values, told):
    assert describe(rate(**values), None).splitlines()[2] == f"learning rate  {told}"


def test_the_schedule_command_takes_the_options_of_train(tmp_path, capsys):
    arguments = ["--augment", "samplePairing", "--epochs", "30", "--lr", "0.1"]
    arguments += ["--lr-schedule", "multistep", "--milestones", "15", "--output", str(tmp_path)]
    assert main(["schedule", *arguments]) == 0
    out = capsys.readouterr().out.splitlines()
    assert out[1] == "mixing         ...#####..########..#######..."
    assert out[3] == "learning rate  0.1 from epoch 0, 0.01 from epoch 15"
    assert size(tmp_path / "samplePairing_schedule.png") == (360, 960)


def test_the_schedule_of_a_mode_that_does_not_mix_leaves_mixing_out(tmp_path, capsys, monkeypatch):
    from paddle_aug.report import schedule_figure

    drawn = []
    draw = schedule_figure.draw_schedule
    monkeypatch.setattr(
        schedule_figure, "draw_schedule", lambda *a: drawn.append(draw(*a)) or drawn[0]
    )
    main(["schedule", "--augment", "userDef", "--epochs", "7", "--output", str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[1] == "mixing         none"
    assert [axes.get_ylabel() for axes in drawn[0].axes] == ["Learning rate"]


@pytest.mark.parametrize(
    ("option", "name"),
    [(["--resume"], "resume"), (["--resume", "x"], "resume"),
     (["--allow-changes"], "allow_changes")],
)  # fmt: skip
def test_the_schedule_refuses_what_only_training_can_do(option, name, tmp_path):
    with pytest.raises(UserError, match=f"^{name}: only with train.py"):
        main(["schedule", *option, "--output", str(tmp_path)])
    assert not list(tmp_path.iterdir())


# preview


@pytest.fixture
def pictures(tmp_path):
    rng = np.random.default_rng(0)
    paths = [tmp_path / "cat.png", tmp_path / "dog.png"]
    for path, shape in zip(paths, [(40, 56, 3), (48, 44, 3)], strict=True):
        cv2.imwrite(str(path), rng.integers(0, 256, shape, dtype=np.uint8))
    return [str(path) for path in paths]


@pytest.fixture
def drawn(monkeypatch):
    """The grid and the title of every sheet that is drawn."""
    from paddle_aug.report import image_sheet

    sheets = []
    draw = image_sheet.draw_sheet
    monkeypatch.setattr(image_sheet, "draw_sheet", lambda *a: sheets.append(a) or draw(*a))
    return sheets


@pytest.mark.parametrize("sheet", [name for name in SHEETS if name != "draws"])
def test_every_sheet_is_drawn_and_its_path_printed(sheet, pictures, tmp_path, capsys):
    images = [word for path in pictures for word in ("--image", path)]
    path = tmp_path / f"preview_{sheet}.png"
    assert main(["preview", "--sheet", sheet, *images, "--output", str(tmp_path)]) == 0
    assert capsys.readouterr().out == f"wrote {path}\n"
    assert cv2.imread(str(path)).std() > 10


@pytest.mark.parametrize(
    ("options", "antialias"),
    [(["--augment", "userDef"], False), (["--operation", "RandomHorizontalFlip"], True),
     (["--operation", "Resize: {size: [9, 9], antialias: false}"], False)],
)  # fmt: skip
def test_images_are_scaled_as_a_run_scales_them(
    options, antialias, pictures, tmp_path, drawn, capsys
):
    path = tmp_path / "out.png"
    command = ["preview", "--image", pictures[0], "--image-size", "20", "--output", str(path)]
    main([*command, *options])
    ((grid, _),) = drawn
    photo = cv2.cvtColor(cv2.imread(pictures[0]), cv2.COLOR_BGR2RGB)
    expected = cv2.resize(photo, (20, 20), interpolation=cv2.INTER_LINEAR)
    if antialias:
        expected = np.asarray(Image.fromarray(photo).resize((20, 20), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(grid[0][0].image, expected)
    words = "bilinear, antialiased" if antialias else "bilinear, not antialiased"
    assert capsys.readouterr().out == (
        f"images are scaled to 20x20 first ({words})\nwrote {path}\n"
    )


@pytest.mark.parametrize("augment", AUGMENTS)
def test_every_value_of_augment_has_a_picture_of_its_own(augment, pictures, tmp_path, capsys):
    images = [word for path in pictures for word in ("--image", path)]
    assert main(["preview", "--augment", augment, *images, "--output", str(tmp_path)]) == 0
    name = {"samplePairing": "pairing"}.get(augment, augment)
    assert capsys.readouterr().out == f"wrote {tmp_path / f'preview_{name}.png'}\n"


def test_a_picture_shows_the_numbers_that_were_given(pictures, tmp_path, drawn):
    """Cutout's square has the size asked for, and the value that training gives it."""
    images = [word for path in pictures for word in ("--image", path)]
    main(["preview", "--augment", "cutout", "--cutout-size", "0.25", *images,
          "--mean", "0.2,0.4,0.6", "--output", str(tmp_path)])  # fmt: skip
    ((grid, title),) = drawn
    assert title == "cutout"
    for above, below in zip(*grid, strict=True):
        changed = (above.image != below.image).any(-1)
        rows, columns = np.flatnonzero(changed.any(1)), np.flatnonzero(changed.any(0))
        side = round(0.25 * min(above.image.shape[:2]))
        assert len(rows) <= side and len(columns) <= side
        assert {tuple(pixel) for pixel in below.image[changed]} == {(51, 102, 153)}
        np.testing.assert_allclose(below.image[~changed], above.image[~changed], atol=1)


def test_the_same_seed_draws_the_same_sheet(pictures, tmp_path):
    written = []
    for number, seed in enumerate(("1", "1", "2")):
        path = tmp_path / f"{number}.png"
        main(["preview", "--augment", "userDef", "--image", pictures[0],
              "--seed", seed, "--output", str(path)])  # fmt: skip
        written.append(path.read_bytes())
    assert written[0] == written[1] != written[2]


def test_operations_are_composed_in_the_given_order(pictures, tmp_path, drawn):
    main(["preview", "--rows", "3", "--columns", "3", "--image", pictures[0],
          "--operation", "Resize: 32", "--operation", "RandomCrop: 24",
          "--output", str(tmp_path / "a.png")])  # fmt: skip
    ((grid, title),) = drawn
    assert title == "Resize, RandomCrop" and [len(row) for row in grid] == [3, 3, 3]
    shapes = [cell.image.shape for row in grid for cell in row]
    assert shapes == [(40, 56, 3)] + [(24, 24, 3)] * 8


def test_the_bundled_digits_are_shown_as_trained_on_and_never_flipped(tmp_path, monkeypatch, drawn):
    from paddle_aug.build import image_part

    asked = []
    build = image_part.build_policy
    monkeypatch.setattr(image_part, "build_policy", lambda *a: asked.append(a) or build(*a))
    main(["preview", "--data", "digits", "--sheet", "pairing", "--output", str(tmp_path)])
    ((name, excluded, _),) = asked
    assert name == "userDef"
    assert excluded == {"horizontal_flip", "vertical_flip", "large_rotation"}
    ((grid, _),) = drawn
    assert grid[0][0].image.shape == (32, 32, 3)


def test_what_is_said_of_the_data_is_taken_with_them(tmp_path, drawn):
    data = ["--data", "digits", "--output", str(tmp_path)]
    main(["preview", *data, "--augment", "flip", "--changes-label", "none"])
    for seed in ("1", "2"):  # chooses the images
        main(["preview", *data, "--sheet", "mixup-lam", "--seed", seed])
    (_, title), (one, _), (other, _) = drawn
    assert title == "flip" and (one[0][0].image != other[0][0].image).any()


def test_a_pair_needs_two_images(pictures, tmp_path):
    with pytest.raises(UserError, match="--sheet pairing needs 2 images"):
        main(["preview", "--sheet", "pairing", "--image", pictures[0], "--output", str(tmp_path)])


def test_a_missing_image_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.jpg"):
        main(["preview", "--sheet", "cutout", "--image", str(tmp_path / "nothing.jpg")])


def test_an_unknown_policy_is_refused_with_the_known_ones(pictures):
    with pytest.raises(UserError, match="'mixpu' is none of no, userDef.*did you mean mixup"):
        main(["preview", "--augment", "mixpu", "--image", pictures[0]])


@pytest.mark.parametrize(
    ("augment", "operations", "sheet"),
    [
        (None, None, "pairing"), ("samplePairing", None, "pairing"), ("mixup", None, "mixup"),
        ("cutmix", None, "cutmix"), ("cutout", None, "cutout"), ("imgaugLib", None, "draws"),
        (None, ["RandomHorizontalFlip"], "draws"),
    ],
)  # fmt: skip
def test_the_sheet_that_shows_a_policy_best_is_chosen(augment, operations, sheet):
    from paddle_aug.commands.preview import choose_sheet

    assert choose_sheet(augment, operations) == sheet


def test_one_image_alone_is_shown_in_draws_of_user_def(pictures, tmp_path, drawn, capsys):
    main(["preview", "--image", pictures[0], "--output", str(tmp_path)])
    ((grid, title),) = drawn
    assert title == "userDef" and [len(row) for row in grid] == [4, 4]
    assert [grid[0][0].title, grid[1][3].title] == ["cat: original", "draw 7"]
    assert capsys.readouterr().out == f"wrote {tmp_path / 'preview_userDef.png'}\n"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--rows", "3"], "rows: only with --sheet draws, this is pairing"),
        (["--augment", "cutout", "--columns", "2"],
         "columns: only with --sheet draws, this is cutout"),
        (["--sheet", "mixup-lam", "--augment", "mixup"],
         "augment: not with --sheet mixup-lam, which mixes the originals"),
        (["--sheet", "mixup-lam", "--operation", "Resize: 9"],
         "operation: not with --sheet mixup-lam, which mixes the originals"),
        (["--alpha", "2"],
         "--sheet pairing: --alpha has no effect with --augment samplePairing"),
        (["--augment", "flip", "--cutout-size", "0.1"],
         "--sheet draws: --cutout-size has no effect with --augment flip"),
        (["--mean", "0.1,0.9,0.3"],
         "mean: only with a sheet that mixes normalised images, such as cutmix; this is pairing"),
        (["--augment", "userDef", "--std", "0.1"],
         "std: only with a sheet that mixes normalised images, such as cutmix; this is draws"),
        (["--images-root", "/nope", "--label-column", "q", "--folders", "parts"],
         "folders: only with --data"),
        (["--augment", "userDef", "--changes-label", "horizontal_flip"],
         "changes_label: only with --data"),
        (["--sheet", "mixup-lam", "--seed", "7"],
         "seed: not with --sheet mixup-lam, which mixes the originals"),
        (["--data", "digits", "--sheet", "mixup-lam", "--changes-label", "none"],
         "changes_label: not with --sheet mixup-lam, which mixes the originals"),
        (["--data", "digits", "--operation", "Resize: 9", "--changes-label", "none"],
         "changes_label: not with transforms of your own, which are applied as they stand"),
        (["--data", "digits", "--augment", "flip", "--changes-label", "vertical_flip"],
         "--sheet draws: --changes-label vertical_flip has no effect: the image part flip has no "
         "such operation"),
    ],
)  # fmt: skip
def test_options_that_a_sheet_would_ignore_are_refused(options, message):
    with pytest.raises(UserError, match=f"^{message}$"):
        main(["preview", *options])


@pytest.mark.parametrize(
    "options", [["--sheet", "cutmix", "--augment", "cutmix", "--alpha", "2"],
                ["--sheet", "pairing", "--augment", "flip"],
                ["--sheet", "cutmix", "--operation", "RandomHorizontalFlip"],
                ["--augment", "cutout", "--base", "flip", "--cutout-size", "0.3"],
                ["--augment", "userDef", "--policy.noise-max-sigma", "40"],
                ["--augment", "samplePairing", "--sheet", "draws"],
                ["--augment", "cutmix", "--mean", "0.1,0.9,0.3", "--seed", "7"]],
)  # fmt: skip
def test_options_that_a_sheet_shows_are_taken(options, pictures, tmp_path):
    images = [word for path in pictures for word in ("--image", path)]
    assert main(["preview", *options, *images, "--output", str(tmp_path / "a.png")]) == 0


def test_classes_that_no_font_can_write_are_shown_by_number(tmp_path, drawn, capsys):
    unknown = "\U000e0100"  # in no font
    for name in ("a", unknown):
        (tmp_path / "set" / name).mkdir(parents=True)
        for number in range(5):
            image = np.full((9, 7, 3), 10 * number + len(name), np.uint8)
            content = cv2.imencode(".png", image)[1].tobytes()
            (tmp_path / "set" / name / f"{number}.png").write_bytes(content)
    arguments = ["--data", str(tmp_path / "set"), "--output", str(tmp_path)]
    main(["preview", "--sheet", "cutout", *arguments])
    ((grid, _),) = drawn
    assert {cell.title for row in grid for cell in row} == {"a", "#1"}
    note = f"note: no installed font can write some class names: #1 = {unknown}"
    assert capsys.readouterr().err.count(note) == 1


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (["--image", "a.png", "--data", "digits"], "--image or --data, not both"),
        (["--augment", "no", "--operation", "Resize: 3"], "--train-transforms, not both"),
        (["--rows", "0"], "--rows: must be a whole number from 1, got '0'"),
        (["--sheet", "pair"], r"--sheet: 'pair' is none of .*; did you mean pairing\?"),
        (["--epochs", "3"], "--epochs: unknown option"),
    ],
)
def test_preview_refuses_wrong_values_before_any_work(wrong, said):
    with pytest.raises(UserError, match=said):
        main(["preview", *wrong])
