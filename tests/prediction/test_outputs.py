"""Tables, CSV, JSON lines and the sheet say what was predicted, and replace nothing foreign."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from paddle_aug.core.errors import UserError
from paddle_aug.prediction import files, outputs, sheet
from paddle_aug.prediction.photos import Photo, photo_of_array
from paddle_aug.prediction.predictor import Prediction
from paddle_aug.report.figure import new_figure, save_figure

CAT = Prediction("图/猫,1.png", (1, 0), ("猫", 'a "dog"'), (0.9375, 0.0625))
BAD = Prediction("b.png", error="not an image")


def test_the_table_has_a_line_an_image():
    table = outputs.format_table([CAT, BAD]).splitlines()
    assert table[0].split() == ["image", "class", "probability", "next"]
    assert table[2].split(None, 3) == ["图/猫,1.png", "猫", "0.9375", 'a "dog" 0.0625']
    assert len(table) == 3
    assert outputs.format_errors([CAT, BAD]) == ["b.png: not an image"]
    one = Prediction("a", (0,), ("x",), (1.0,))
    assert outputs.format_table([one]).splitlines()[0].split() == ["image", "class", "probability"]
    assert outputs.format_table([BAD]) == ""


def test_a_name_that_a_terminal_would_obey_is_spelled_out():
    odd = Prediction("a\n\x1b[2Jb.png", (0,), ("x\ty",), (1.0,))
    assert outputs.format_table([odd]).splitlines()[2].split() == [
        r"a\n\x1b[2Jb.png", r"x\ty", "1.0000"
    ]  # fmt: skip
    failed = Prediction("\x07.png", error="no image")
    assert outputs.format_errors([failed]) == [r"\x07.png: no image"]


def test_csv_opens_in_excel_and_keeps_every_digit(tmp_path):
    third = Prediction("c.png", (0, 1), ("x", "y"), (2 / 3, 1 / 3))
    outputs.write_csv(tmp_path / "a.csv", [CAT, BAD, third], "flip", 2)
    data = (tmp_path / "a.csv").read_bytes()
    assert data.startswith(b"\xef\xbb\xbfimage,class1,probability1,class2,probability2,tta,error")
    rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    assert rows[1] == ["图/猫,1.png", "猫", "0.9375", 'a "dog"', "0.0625", "flip", ""]
    assert rows[2] == ["b.png", "", "", "", "", "flip", "not an image"]
    assert (float(rows[3][2]), float(rows[3][4])) == (2 / 3, 1 / 3)
    assert files.is_own_csv(tmp_path / "a.csv")


def test_a_class_that_a_spreadsheet_would_compute_is_written_as_it_is_and_named(tmp_path, capsys):
    odd = Prediction("a.png", (0, 1), ('=HYPERLINK("http://x")', "-1"), (0.75, 0.25))
    outputs.write_csv(tmp_path / "a.csv", [BAD, odd, odd], "none", 2)
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        assert list(csv.reader(file))[2][1] == odd.classes[0]
    note = capsys.readouterr().err
    place, said = note.split("a.csv: ")  # the folder's own name may hold a -1
    assert place == f"note: {tmp_path}/" and said.count("HYPERLINK") == 1 and "-1" not in said


def test_json_lines(tmp_path):
    outputs.write_json_lines(tmp_path / "a.jsonl", [CAT, BAD], "none")
    first, second = (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()
    assert "猫" in first
    assert json.loads(first) == {
        "image": "图/猫,1.png", "tta": "none",
        "predictions": [{"class": "猫", "label": 1, "probability": 0.9375},
                        {"class": 'a "dog"', "label": 0, "probability": 0.0625}],
    }  # fmt: skip
    assert json.loads(second) == {"image": "b.png", "tta": "none", "error": "not an image"}
    assert files.is_own_json_lines(tmp_path / "a.jsonl")


def test_names_that_are_no_text_are_written(tmp_path):
    odd = Prediction("a.png", (0,), ("\ud800",), (1.0,))
    outputs.write_csv(tmp_path / "a.csv", [odd], "none", 1)
    outputs.write_json_lines(tmp_path / "a.jsonl", [odd], "none")
    assert "\\ud800" in (tmp_path / "a.csv").read_text(encoding="utf-8")
    (values,) = map(json.loads, (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines())
    assert values["predictions"][0]["class"] == "\ud800"


def figure_of(count, failed=0, tta=""):
    rng = np.random.default_rng(1)
    photos = [photo_of_array(rng.integers(0, 256, (12, 16, 3), np.uint8), f"x/{i}.png")
              for i in range(count)] + [Photo("bad.png", problem="gone")] * failed  # fmt: skip
    made = [Prediction(f"x/{i}.png", (1, 0), ("b", "a"), (0.75, 0.25)) for i in range(count)]
    made += [Prediction("bad.png", error="gone")] * failed
    return sheet.prediction_sheet(photos, made, ["a", "b"], tta), photos


def test_the_sheet_shows_images_under_their_classes():
    figure, photos = figure_of(3, failed=2, tta="flip, the mean of the image and its mirror image")
    shown = [axes for axes in figure.axes if axes.images]
    assert [axes.get_title() for axes in shown] == [
        f"{i}.png\nb  75.0%\na  25.0%" for i in range(3)
    ]
    for axes, photo in zip(shown, photos, strict=False):
        np.testing.assert_array_equal(axes.images[0].get_array(), photo.image)
    assert figure.get_suptitle().replace("\n", " ") == (
        "2 images could not be predicted; test-time augmentation: flip, the mean of the image and "
        "its mirror image"
    )


@pytest.mark.parametrize(
    "tta",
    ["flip, the mean of the image and its mirror image", "翻转" * 20],
    ids=("latin", "chinese"),
)
@pytest.mark.parametrize("count", [1, 2, 6])
def test_a_long_title_stays_on_the_sheet(count, tta):
    figure, _ = figure_of(count, failed=1, tta=tta)
    figure.draw_without_rendering()
    (title,) = (text for text in figure.texts if text.get_text() == figure.get_suptitle())
    box = title.get_window_extent()
    assert box.x0 >= 0 and box.x1 <= figure.bbox.width
    assert box.y0 > max(axes.title.get_window_extent().y1 for axes in figure.axes if axes.images)


def test_a_sheet_says_what_it_leaves_out():
    figure, _ = figure_of(sheet.MOST + 1)
    assert sum(bool(axes.images) for axes in figure.axes) == sheet.MOST
    assert figure.get_suptitle() == f"the first {sheet.MOST} of {sheet.MOST + 1} images"
    assert figure_of(0, failed=1)[0] is None


def test_large_images_are_made_small_in_their_shape():
    photo = photo_of_array(np.zeros((500, 1000, 3), np.uint8), "a")
    figure = sheet.prediction_sheet([photo], [Prediction("a", (0,), ("a",), (1.0,))], ["a"], "")
    assert figure.axes[0].images[0].get_array().shape == (160, 320, 3)


def write_sheet(path):
    save_figure(new_figure(1, 1), path)


OWN = {
    "csv": lambda path: outputs.write_csv(path, [CAT], "none", 2),
    "jsonl": lambda path: outputs.write_json_lines(path, [BAD], "none"),
    "sheet": write_sheet,
}
FOREIGN = {
    "csv": [b"image,label\na,1\n", b"image,class1,probability1,tta,error,my notes\n", b"\xff\0"],
    "jsonl": [b'{"image": "a"}\n', b"[1]", b"[" * 99999, b"\xff\0"],
    "sheet": [b"text"],
}


@pytest.mark.parametrize("kind", files.IS_OWN)
def test_only_what_predict_wrote_is_replaced(tmp_path, kind):
    path, is_own = tmp_path / "out.png", files.IS_OWN[kind]
    files.refuse_output(path, False, is_own)
    OWN[kind](path)
    with pytest.raises(UserError, match="is there already: replace it with --overwrite"):
        files.refuse_output(path, False, is_own)
    files.refuse_output(path, True, is_own)
    Image.new("RGB", (2, 2)).save(tmp_path / "photo.png")
    for content in [*FOREIGN[kind], (tmp_path / "photo.png").read_bytes()]:
        path.write_bytes(content)
        with pytest.raises(UserError, match="was not written by predict"):
            files.refuse_output(path, True, is_own)
    path.write_bytes(b"")  # nothing is lost
    files.refuse_output(path, True, is_own)
    with pytest.raises(UserError, match="is a folder"):
        files.refuse_output(tmp_path, True, is_own)
