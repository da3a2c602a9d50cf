"""predict.py on images that come with scikit-learn, as a user starts it."""

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_aug.__main__ import main
from paddle_aug.core.errors import UserError
from paddle_aug.prediction import predictor
from tests.trained_runs import trained_run
from tests.warm_python import warm_python

ROOT = Path(__file__).parent.parent.parent
CLASSES = ["宝塔", "flower", "other"]


@pytest.fixture(scope="module")
def place(tmp_path_factory) -> Path:
    """logs/no, a run; 照片/, two photographs and a broken one; good/, the two photographs."""
    from sklearn.datasets import load_sample_images

    folder = tmp_path_factory.mktemp("predict")
    trained_run(folder / "logs" / "no", CLASSES, image_size=32)
    sample = load_sample_images()
    for name in ("照片", "good"):
        (folder / name).mkdir()
        for path, image in zip(("宝塔.jpg", "flower.png"), sample.images, strict=True):
            Image.fromarray(image[::4, ::4]).save(folder / name / path)
    (folder / "照片" / "broken.jpg").write_bytes(b"no photo")
    return folder


@pytest.fixture
def here(place, tmp_path, monkeypatch) -> Path:
    """A folder with a copy of them all."""
    shutil.copytree(place, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file))


@pytest.mark.parametrize("start", [[str(ROOT / "predict.py")], ["-m", "paddle_aug", "predict"]])
def test_a_folder_with_a_broken_photo_from_a_shell(here, start):
    arguments = ["logs/no", "照片", "--top", "2", "--csv", "out/a.csv", "--jsonl", "a.jsonl",
                 "--sheet", "a.png"]  # fmt: skip
    env = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8"}
    done = subprocess.run([*warm_python(), *start, *arguments], cwd=here, env=env, text=True,
                          capture_output=True, encoding="utf-8")  # fmt: skip
    assert done.returncode == 1, done.stderr
    lines = done.stdout.splitlines()
    assert "LeNet of logs/no, best checkpoint, epoch 0: 3 classes" in lines
    assert "3 images, scaled to 32x32 (bilinear, not antialiased)" in lines
    assert "2 images predicted, 1 could not be" in lines
    assert lines[-3:] == ["wrote out/a.csv", "wrote a.jsonl", "wrote a.png"]
    (error,) = (line for line in done.stderr.splitlines() if line.startswith("error"))
    assert error.startswith("error: 照片/broken.jpg: not an image (JPEG, PNG, ")
    table = rows(here / "out" / "a.csv")
    assert [row[0] for row in table[1:]] == ["照片/broken.jpg", "照片/flower.png", "照片/宝塔.jpg"]
    printed = next(line for line in lines if line.startswith("照片/宝塔.jpg"))
    assert printed.split()[1:3] == [table[3][1], f"{float(table[3][2]):.4f}"]
    objects = [json.loads(line) for line in (here / "a.jsonl").read_text("utf-8").splitlines()]
    assert [set(one) for one in objects] == [
        {"image", "tta", "error"}, {"image", "tta", "predictions"}, {"image", "tta", "predictions"}
    ]  # fmt: skip
    first = objects[2]["predictions"]
    assert [str(one["probability"]) for one in first] == [table[3][2], table[3][4]]
    assert [one["class"] for one in first] == [table[3][1], table[3][3]]
    assert cv2.imread(str(here / "a.png")).std() > 20


def test_all_fine_is_exit_code_0_and_the_same_from_an_export(here, capsys):
    assert main(["predict", "logs/no", "good", "--csv", "a.csv"]) == 0
    assert "test-time" not in capsys.readouterr().out
    assert main(["export", "logs/no", "--output", "export"]) == 0
    checkpoint = "logs/no/checkpoints/best.safetensors"
    for model in ("export", checkpoint):
        assert main(["predict", model, "good/*", "--csv", "b.csv", "--overwrite"]) == 0
        pairs = zip(rows(here / "a.csv")[1:], rows(here / "b.csv")[1:], strict=True)
        for one, other in pairs:
            assert one[:2] == other[:2]
            np.testing.assert_allclose(float(one[2]), float(other[2]), atol=1e-5)
    assert "best checkpoint" in capsys.readouterr().out


def test_json_lines_on_the_screen_are_never_translated(here, capsys, monkeypatch):
    name = "photo: is a folder.jpg"  # a message, as far as the catalogue can tell
    (here / name).write_bytes(b"")
    (here / "list.txt").write_text(f"照片/宝塔.jpg\n{name}\n", "utf-8")
    monkeypatch.setenv("PADDLE_AUG_LANGUAGE", "zh")
    assert main(["predict", "logs/no", "list.txt", "--jsonl", "-"]) == 1
    out, err = capsys.readouterr()
    fine, empty = map(json.loads, out.splitlines())
    assert len(fine["predictions"]) == 3
    assert empty == {"image": name, "tta": "none", "error": "the file is empty (0 bytes)"}
    assert "已预测 1 张图片，1 张未能预测" in err


def test_json_lines_on_the_screen_are_all_of_stdout(here, capsys):
    (here / "list.txt").write_text("照片/宝塔.jpg\n照片/broken.jpg\n照片/none.png\n", "utf-8")
    assert main(["predict", "logs/no", "list.txt", "--jsonl", "-", "--tta", "crops"]) == 1
    out, err = capsys.readouterr()
    first, *failed = map(json.loads, out.splitlines())
    assert first["tta"] == "crops" and len(first["predictions"]) == 3
    assert [one["image"] for one in failed] == ["照片/broken.jpg", "照片/none.png"]
    assert failed[1]["error"] == "no such file"
    assert "test-time augmentation: crops, the mean probability of its four corners" in err
    assert "1 image predicted, 2 could not be; --tta crops was on" in err


def test_test_time_augmentation_changes_the_figures_and_is_told(here, capsys):
    for tta in ("none", "flip", "draws"):
        assert main(["predict", "logs/no", "good", "--csv", f"{tta}.csv", "--tta", tta]) == 0
    tables = {tta: rows(here / f"{tta}.csv")[1:] for tta in ("none", "flip", "draws")}
    assert {(tta, row[-2]) for tta in tables for row in tables[tta]} == {(t, t) for t in tables}
    assert tables["flip"][0][2] != tables["none"][0][2] != tables["draws"][0][2]
    out = capsys.readouterr().out
    assert "flip, the mean probability of the image and its mirror image" in out
    assert "draws, the mean probability of 8 draws of flip" in out


def test_nothing_that_is_there_is_replaced(here, monkeypatch):
    (here / "mine.csv").write_text("image,label\n")
    monkeypatch.setattr(predictor.Predictor, "__init__", None)  # said before a model is read
    photo = (here / "good" / "flower.png").read_bytes()
    for arguments, message in (
        (["--csv", "mine.csv"], "mine.csv: is there already"),
        (["--overwrite"], "overwrite: only with --csv, --jsonl FILE or --sheet"),
        (["--csv", "mine.csv", "--overwrite"], "mine.csv: was not written by predict"),
        (["--jsonl", "mine.csv", "--overwrite"], "mine.csv: was not written by predict"),
        (["--sheet", "good/flower.png", "--overwrite"], "flower.png: was not written by predict"),
        (["--sheet", "a.jpg"], "sheet: a.jpg: end the name in .png"),
        (["--csv", "a", "--jsonl", "./a"], "give each a file of its own"),
        (["--csv", "good"], "good: is a folder"),
        (["--tta-draws", "3"], "tta_draws: only with --tta draws"),
    ):
        with pytest.raises(UserError, match=message):
            main(["predict", "logs/no", "good", *arguments])
    assert (here / "mine.csv").read_text() == "image,label\n"
    assert (here / "good" / "flower.png").read_bytes() == photo


def test_a_file_that_comes_while_it_predicts_is_not_replaced(here, monkeypatch):
    predict = predictor.Predictor.predict_photos

    def meanwhile(*arguments):
        (here / "a.csv").write_text("of another program")
        return predict(*arguments)

    monkeypatch.setattr(predictor.Predictor, "predict_photos", meanwhile)
    with pytest.raises(UserError, match="a.csv: is there already"):
        main(["predict", "logs/no", "good", "--csv", "a.csv"])
    assert (here / "a.csv").read_text() == "of another program"


def test_a_second_time_its_own_files_are_replaced(here, capsys):
    outputs = ["--csv", "a.csv", "--jsonl", "a.jsonl", "--sheet", "new/a.png"]
    (here / "new").mkdir()
    Image.open(here / "good" / "flower.png").save(here / "new" / "photo.png")
    for overwrite in ([], ["--overwrite"]):
        # The sheet lies among the images, and is none of them.
        assert main(["predict", "logs/no", "new", *outputs, *overwrite]) == 0
        assert [row[0] for row in rows(here / "a.csv")[1:]] == ["new/photo.png"]
    assert capsys.readouterr().out.count("wrote new/a.png") == 2


def test_on_a_terminal_a_bar_shows_how_far_it_is(here, capsys, monkeypatch):
    assert main(["predict", "logs/no", "good"]) == 0
    assert "predicting" not in capsys.readouterr().err
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert main(["predict", "logs/no", "good"]) == 0
    assert re.search(r"predicting: .*0/2 ", capsys.readouterr().err)


def test_no_sheet_is_drawn_of_nothing(here, capsys):
    assert main(["predict", "logs/no", "照片/broken.jpg", "--sheet", "a.png"]) == 1
    assert "a.png is not drawn: no image was predicted" in capsys.readouterr().err
    assert not (here / "a.png").exists()


@pytest.mark.parametrize(
    ("change", "message"),
    [(lambda about: about.pop("classes"), "not what `export` writes"),
     (lambda about: about["classes"].append("more"), r"gives \[1, 3\], export.json has 4 classes"),
     (lambda about: about["input"].update(mean=[7.0]), "mean"),
     (lambda about: about["input"].update(transforms=[{"Nothing": {}}]), "eval_transforms"),
     (lambda about: about["input"].update(shape=["batch", 1, 32, 32]), "fails on images"),
     (lambda about: about["input"].update(shape="4321"), "not what `export` writes"),
     (lambda about: about["input"].update(shape=dict.fromkeys("NCHW", 32)), "not what `export`"),
     (lambda about: about["input"].update(shape=["batch", 3, "32", 32]), "not what `export`"),
     (lambda about: about.update(outputs="logits"), "not what `export` writes"),
     (lambda about: about.update(outputs=["boxes"]), "not what `export` writes")],
)  # fmt: skip
def test_an_export_that_does_not_fit_is_refused(here, change, message):
    assert main(["export", "logs/no", "--output", "export"]) == 0
    about = json.loads((here / "export" / "export.json").read_text("utf-8"))
    change(about)
    (here / "export" / "export.json").write_text(json.dumps(about), "utf-8")
    with pytest.raises(UserError, match=message):
        main(["predict", "export", "good"])


def test_a_damaged_export_is_named(here):
    assert main(["export", "logs/no", "--output", "export"]) == 0
    (here / "export" / "inference.pdiparams").unlink()
    with pytest.raises(UserError, match="inference.pdiparams: no such file"):
        main(["predict", "export", "good"])
    (here / "export" / "export.json").write_text("[" * 99999)
    with pytest.raises(UserError, match="export.json: not JSON, or damaged"):
        main(["predict", "export", "good"])
    with pytest.raises(UserError, match="it has one state only"):
        main(["predict", "export", "good", "--checkpoint", "last"])


def test_the_program_of_its_document_runs_as_it_stands(here, capsys):
    text = (ROOT / "docs" / "predict.md").read_text(encoding="utf-8")
    (program,) = re.findall(r"^```py\n(.*?)^```", text, re.M | re.S)
    shutil.move("logs/no", "logs/mine/mixup")
    shutil.move("照片", "holiday")
    shutil.copy("good/flower.png", "cat.jpg")
    exec(program, {})
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:4]] == [
        "cat.jpg", "holiday/broken.jpg", "holiday/flower.png", "holiday/宝塔.jpg"
    ]  # fmt: skip
    assert "not an image" in lines[1] and lines[0][8:] == lines[2][19:]
    assert len(lines) == 6
