"""What evaluate.py evaluates: --data is named anew, and nothing of the run's own data holds."""

import csv
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from paddle_aug.core.errors import UserError
from paddle_aug.data.load import DataOptions, load_data
from paddle_aug.evaluation import evaluate
from paddle_aug.evaluation.evaluate import evaluate_checkpoint
from paddle_aug.evaluation.options import DATA_OPTIONS, EvaluationOptions, parse_args
from paddle_aug.runs.predictions import is_of_last_state
from tests.trained_runs import trained_run

CLASSES = ["disc", "square", "cross"]
# One grey value a class: what was read can be told from the picture.
GREY = {"disc": 40, "square": 120, "cross": 200}


def picture(path: Path, name: str, rng: np.random.Generator) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = rng.integers(-9, 10, (36, 44, 3))
    Image.fromarray((GREY[name] + noise).astype(np.uint8)).save(path)


def write_list(path: Path, folder: Path, count: int, start: int = 0, columns="image,label") -> Path:
    """A table of images of all classes in turn, with names relative to the folder."""
    rng = np.random.default_rng(start)
    lines = [columns]
    for i in range(count):
        name = CLASSES[(i + start) % 3]
        picture(folder / f"{i:03d}.png", name, rng)
        lines.append(f"{i:03d}.png,{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return path


def write_tree(folder: Path, counts: dict[str, int]) -> Path:
    rng = np.random.default_rng(7)
    for name, count in counts.items():
        for i in range(count):
            picture(folder / name / f"{i}.png", name, rng)
    return folder


def run_of(tmp_path: Path, **options) -> Path:
    return trained_run(tmp_path / "logs" / "no", CLASSES, **options)


def evaluated(run: Path, tmp_path: Path, **options) -> dict:
    """The figures of evaluate.py with these options, in the place of any before."""
    shutil.rmtree(tmp_path / "out", ignore_errors=True)
    said = {name: options.pop(name) for name in DATA_OPTIONS if name in options}
    settings = EvaluationOptions(
        str(run), output=str(tmp_path / "out"), workers=0, cpu_backend="paddle",
        data_options=said, **options,
    )  # fmt: skip
    return evaluate_checkpoint(settings)


def mistaken(tmp_path: Path) -> list[str]:
    with (tmp_path / "out" / "mistakes.csv").open(encoding="utf-8") as file:
        return [row["image"] for row in csv.DictReader(file)]


def test_the_runs_evaluation_list_is_not_that_of_other_data(tmp_path, capsys):
    train = write_list(tmp_path / "train_set.csv", tmp_path, 9)
    other = write_list(tmp_path / "val" / "val_set.csv", tmp_path / "val", 6)
    run = run_of(tmp_path, data=str(train), eval_data=str(other), images_root=str(tmp_path))
    test = write_list(tmp_path / "test" / "test_set.csv", tmp_path / "test", 15)
    result = evaluated(run, tmp_path, data=str(test))
    assert (result["images"], result["split"]) == (15, "all")
    assert [row["support"] for row in result["classes"]] == [5, 5, 5]
    assert all(str(tmp_path / "test") in image for image in mistaken(tmp_path))
    out = capsys.readouterr().out
    assert f"all 15 images of {test}, 3 of 3 classes, scaled to 32x32 (bilinear, not anti" in out
    assert f"\nall 15 images of {test}: loss " in out
    assert "chosen on the run's evaluation images" in out


def test_images_of_one_camera_are_not_read_under_the_labels_of_another(tmp_path):
    lists = write_list(tmp_path / "lists" / "a.csv", tmp_path / "camA", 30)
    run = run_of(tmp_path, data=str(lists), images_root=str(tmp_path / "camA"), split="stratified")
    other = write_list(tmp_path / "camB" / "list.csv", tmp_path / "camB", 12, start=1)
    result = evaluated(run, tmp_path, data=str(other))
    read = load_data(DataOptions(data=str(other), known_classes=tuple(CLASSES), whole=True))[1]
    for index in range(12):  # the grey value is that of the label
        assert read[index][0].mean() == pytest.approx(GREY[CLASSES[read[index][1]]], abs=1)
    assert result["images"] == 12 and result["data_options"]["images_root"] is None
    # The same list, with images where an option of its own says.
    (tmp_path / "lists" / "b.csv").write_bytes(other.read_bytes())
    options = {"data": str(tmp_path / "lists" / "b.csv"), "images_root": str(tmp_path / "camB")}
    again = evaluated(run, tmp_path, **options)
    assert (again["loss"], again["confusion"]) == (result["loss"], result["confusion"])
    assert again["data_options"]["images_root"] == str(tmp_path / "camB")


def test_columns_split_and_limits_of_the_run_do_not_hold_for_other_data(tmp_path):
    own = write_list(tmp_path / "own.csv", tmp_path, 30, columns="file,kind")
    columns = {"image_column": "file", "label_column": "kind"}
    limits = {"per_class": 2, "eval_per_class": 1, "eval_share": 0.5, "split": "stratified"}
    run = run_of(tmp_path, data=str(own), **columns, **limits)
    plain = write_list(tmp_path / "b" / "list.csv", tmp_path / "b", 9)
    assert evaluated(run, tmp_path, data=str(plain))["images"] == 9
    odd = write_list(tmp_path / "c" / "list.csv", tmp_path / "c", 6, columns="file,kind")
    with pytest.raises(UserError, match=r"needs exactly one column 'image'.*--image-column"):
        evaluated(run, tmp_path, data=str(odd))
    assert evaluated(run, tmp_path, data=str(odd), **columns)["images"] == 6


def test_all_of_a_tree_is_evaluated_in_any_order_of_the_classes(tmp_path):
    own = write_tree(tmp_path / "d", {"cross": 4, "disc": 4, "square": 4})
    run = trained_run(tmp_path / "run", ["square", "disc", "cross"], data=str(own))
    tree = write_tree(tmp_path / "test", {"disc": 10, "cross": 7})
    result = evaluated(run, tmp_path, data=str(tree))
    assert result["images"] == 17
    rows = {row["class"]: row["support"] for row in result["classes"]}
    assert rows == {"square": 0, "disc": 10, "cross": 7}
    assert list(rows) == ["square", "disc", "cross"]
    assert np.sum(result["confusion"], axis=1).tolist() == [0, 10, 7]


def test_data_with_two_parts_are_evaluated_on_the_one_that_is_asked_for(tmp_path, capsys):
    run = run_of(tmp_path)
    write_tree(tmp_path / "d" / "train", dict.fromkeys(CLASSES, 3))
    write_tree(tmp_path / "d" / "test", dict.fromkeys(CLASSES, 2))
    for split, count, part in ((None, 6, "evaluation"), ("eval", 6, "evaluation"),
                               ("train", 9, "training")):  # fmt: skip
        result = evaluated(run, tmp_path, data=str(tmp_path / "d"), split=split)
        assert (result["images"], result["split"]) == (count, split or "eval")
        told = tmp_path / "d" / "test" if part == "evaluation" else tmp_path / "d"
        assert f"{count} {part} images of {told}: loss" in capsys.readouterr().out
    for split in ("eval", "train"):
        with pytest.raises(UserError, match="one piece: without --split all of it is evaluated"):
            evaluated(run, tmp_path, data=str(tmp_path / "d" / "test"), split=split)


def test_the_runs_own_data_are_read_as_the_run_did(tmp_path, capsys):
    lists = write_list(tmp_path / "lists" / "a.csv", tmp_path / "camA", 30)
    own = {"data": str(lists), "images_root": str(tmp_path / "camA"), "split": "stratified"}
    run = run_of(tmp_path, **own, seed=5, per_class=2)
    result = evaluated(run, tmp_path)
    assert (result["images"], result["split"], result["data_options"]) == (6, "eval", None)
    out = capsys.readouterr().out
    assert f"6 evaluation images of {lists}: loss" in out
    assert "chosen on these images, so it flatters" in out and "note" not in out
    assert evaluated(run, tmp_path, split="train")["images"] == 6
    assert "chosen on the run's evaluation images" in capsys.readouterr().out


def test_data_that_have_changed_since_are_told(tmp_path, capsys):
    tree = write_tree(tmp_path / "d", dict.fromkeys(CLASSES, 10))
    run = run_of(tmp_path, data=str(tree))
    (tree / "disc" / "9.png").unlink()
    (tree / "disc" / "8.png").unlink()
    (tree / "disc" / "7.png").unlink()
    evaluated(run, tmp_path)
    out = capsys.readouterr().out
    note = "note: the evaluation images are not those of the run: 6 images then, 5 now"
    assert note in out and "flatters" not in out
    evaluated(run, tmp_path, json=True)
    told = capsys.readouterr()
    assert note in told.err and json.loads(told.out)["images_changed"] is True


def test_predictions_of_images_that_have_changed_since_are_not_compared(tmp_path):
    """As the run's curves are of other images."""
    tree = write_tree(tmp_path / "d", dict.fromkeys(CLASSES, 10))
    for limit in (None, 1):
        run = run_of(tmp_path / str(limit), data=str(tree), eval_per_class=limit)
        figures = evaluated(run, tmp_path)
        assert is_of_last_state(figures, figures["checkpoint_epoch"])
        for number in range(5, 10):
            image = tree / "disc" / f"{number}.png"
            image.write_bytes((tree / "disc" / "0.png").read_bytes())
        figures = evaluated(run, tmp_path)
        assert not is_of_last_state(figures, figures["checkpoint_epoch"])
        write_tree(tmp_path / "d", dict.fromkeys(CLASSES, 10))


def test_a_limit_of_the_evaluations_within_training_is_no_change(tmp_path, capsys):
    tree = write_tree(tmp_path / "d", dict.fromkeys(CLASSES, 10))
    run = run_of(tmp_path, data=str(tree), eval_per_class=1)
    assert evaluated(run, tmp_path)["images"] == 6
    assert "note" not in capsys.readouterr().out


def test_images_that_were_trained_on_are_told(tmp_path, capsys):
    tree = write_tree(tmp_path / "d", dict.fromkeys(CLASSES, 10))
    run = run_of(tmp_path, data=str(tree))
    assert evaluated(run, tmp_path, data=str(tree))["images"] == 30
    assert "note: the run was trained on these images, or on most" in capsys.readouterr().out
    write_tree(tmp_path / "parts" / "train", dict.fromkeys(CLASSES, 3))
    write_tree(tmp_path / "parts" / "test", dict.fromkeys(CLASSES, 2))
    run = run_of(tmp_path, data=str(tmp_path / "parts"))
    evaluated(run, tmp_path, data=str(tmp_path / "parts" / "test"))
    assert "trained on" not in capsys.readouterr().out
    evaluated(run, tmp_path, data=str(tmp_path / "parts"), split="train")
    assert "note: the run was trained on these images" in capsys.readouterr().out
    evaluated(run, tmp_path, data=str(tmp_path / "parts"))
    out = capsys.readouterr().out
    assert "trained on" not in out and "chosen on these images, so it flatters" in out


def test_another_evaluation_of_the_same_name_is_not_replaced(tmp_path):
    run = run_of(tmp_path)
    first, second = (
        write_list(tmp_path / cam / "list.csv", tmp_path / cam, 3) for cam in ("camA", "camB")
    )
    options = {"workers": 0, "cpu_backend": "paddle"}
    for _ in range(2):  # the same again is welcome
        evaluate_checkpoint(EvaluationOptions(str(run), data=str(first), **options))
    written = run / "evaluation_data-list.csv" / "evaluation.json"
    before = written.read_bytes()
    with pytest.raises(UserError) as error:
        evaluate_checkpoint(EvaluationOptions(str(run), data=str(second), **options))
    assert str(error.value) == (
        f"{written.parent}: holds the evaluation of other data ({first}); "
        "choose another folder with --output"
    )
    assert written.read_bytes() == before
    assert json.loads(before)["data_options"]["data"] == str(first)


SAID = {
    "images_root": "x", "image_column": "file", "label_column": "kind", "folders": "classes",
    "class_names": "labels", "changes_label": "none", "encoding": "gbk", "skip_bad": True,
}  # fmt: skip


@pytest.mark.parametrize("name", DATA_OPTIONS)
def test_what_is_said_of_data_is_refused_without_them(name):
    flag = f"--{name.replace('_', '-')}"
    arguments = [flag] if name == "skip_bad" else [flag, SAID[name]]
    with pytest.raises(UserError, match=f"^{name}: only with --data"):
        parse_args(["logs/no", *arguments])
    options = parse_args(["logs/no", "--data", "d", *arguments])
    told = [] if name == "changes_label" else SAID[name]
    assert options.named_data == {"data": "d", **DATA_OPTIONS, name: told}


def test_a_wrong_word_about_data_is_refused_as_by_training():
    with pytest.raises(UserError, match="^folders: .*'auto', 'parts' or 'classes', got 'x'"):
        parse_args(["logs/no", "--data", "d", "--folders", "x"])


def test_every_option_of_data_in_training_is_taken_or_does_not_count():
    # What splits and limits data has no meaning where all of them are evaluated.
    without = {"data", "eval_data", "eval_share", "split", "per_class", "eval_per_class", "seed",
               "keep_missing", "known_classes", "whole"}  # fmt: skip
    assert set(DataOptions.__dataclass_fields__) - without == set(DATA_OPTIONS)
    plain = DataOptions()
    assert {name: getattr(plain, name) for name in DATA_OPTIONS} == DATA_OPTIONS


def test_bad_images_of_other_data_can_be_left_out(tmp_path):
    run = run_of(tmp_path)
    tree = write_tree(tmp_path / "d", {"disc": 3})
    (tree / "disc" / "1.png").write_bytes(b"torn")
    with pytest.raises(UserError, match=r"1\.png"):
        evaluated(run, tmp_path, data=str(tree))
    assert evaluated(run, tmp_path, data=str(tree), skip_bad=True)["images"] == 2


@pytest.mark.parametrize(
    ("amp", "backend", "reason", "told"),
    [("no", "auto", None, "no"), ("fp16", "auto", None, "no"), ("bf16", "auto", None, "bf16"),
     ("bf16", "auto", "no AVX-512", "no"), ("bf16", "paddle", None, "no")],
)  # fmt: skip
def test_the_precision_of_the_run_is_used_where_this_machine_can(
    amp, backend, reason, told, monkeypatch
):
    monkeypatch.setattr(evaluate, "is_available", lambda amp: reason)
    lines = []
    config = evaluate.Config(amp=amp, cpu_backend=backend)
    assert evaluate.precision(config, lines.append) == told
    why = reason or "--cpu-backend paddle"
    note = f"note: computed in float32, without the run's --amp bf16: {why}"
    assert lines == ([note] if amp == "bf16" and told == "no" else [])


def test_a_model_that_was_trained_in_fp16_is_evaluated_on_a_cpu(tmp_path):
    run = run_of(tmp_path, amp="fp16")
    tree = write_tree(tmp_path / "d", {"disc": 2})
    assert evaluated(run, tmp_path, data=str(tree))["precision"] == "float32"
