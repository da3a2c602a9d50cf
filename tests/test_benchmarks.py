"""Each benchmark runs at a tiny scale; what it prints and saves has the shape that is promised."""

import importlib.util
import json
import math
import multiprocessing
import sys
import time
from collections.abc import Generator
from pathlib import Path

import cv2
import numpy as np
import pytest

from benchmarks import (
    busy,
    common,
    epoch,
    exactness,
    gradient_exactness,
    memory_growth,
    naive_article,
    scaling,
    startup,
    training_step,
)
from benchmarks.article_data import prepare
from benchmarks.common import Stopwatch, Table, Worker, clean_environment, median_ratio, publish
from paddle_aug.data.decode import read_image

pytestmark = pytest.mark.usefixtures("programs_without_coverage")

needs_paddle = pytest.mark.skipif(
    importlib.util.find_spec("paddle") is None, reason="Paddle is not installed"
)


def test_a_table_rounds_by_size_and_leaves_gaps_empty():
    table = Table("Title", ["what", "value"], [["a", 1234.5], ["b", 0.01234], ["c", None]], "Note.")
    assert table.as_markdown().splitlines() == [
        "### Title",
        "",
        "| what   |   value |",
        "|--------|---------|",
        "| a      |    1234 |",
        "| b      |  0.0123 |",
        "| c      |         |",
        "",
        "Note.",
    ]


def test_a_ratio_is_the_median_of_each_rounds_own():
    assert median_ratio([2.0, 30.0, 8.0], [1.0, 10.0, 2.0]) == 3.0


def test_tables_are_saved_as_json_or_markdown(tmp_path, capsys):
    table = Table("T", ["a"], [["x"]])
    publish([table], tmp_path / "t.json", ["--steps", "3 4"])
    publish([table], tmp_path / "t.md", [])
    saved = json.loads((tmp_path / "t.json").read_text())
    assert saved["tables"] == [{"title": "T", "columns": ["a"], "rows": [["x"]], "note": ""}]
    assert saved["command"].endswith("--steps '3 4'")
    assert "cores" in saved["machine"]
    assert "### T" in (tmp_path / "t.md").read_text()
    assert capsys.readouterr().out.count("### T") == 2


def test_exactness_counts_equal_pixels_and_values_that_are_off(capsys):
    ours, theirs = np.zeros((2, 10, 10, 3), np.uint8)
    theirs[0, 0], theirs[1, 1, 0] = (1, 0, 0), 7
    assert exactness.closeness([(ours, theirs), (ours, ours)]) == ["99.00", "98.00", "7", "1666.7"]
    against_pillow, against_imgaug = exactness.main(["--images", "3"])["tables"]
    rows = {row[0]: row[1:] for row in against_pillow["rows"]}
    assert rows["brightness"] == ["100.00", "100.00", "0", "0.0"] * 2
    assert float(rows["rotate"][0]) > 97 and float(rows["crop bilinear"][0]) < 90
    affine = next(row for row in against_imgaug["rows"] if row[0] == "affine")
    figures = dict(zip(against_imgaug["columns"], affine, strict=True))
    assert figures["cases"] == 10 and figures["mean difference"] <= 0.02
    assert figures["largest"] <= 40 and isinstance(figures["largest"], int)
    assert "### userDef's operations against Pillow" in capsys.readouterr().out


def test_gradients_are_compared_with_those_of_float64(monkeypatch, capsys):
    options = ["--models", "LeNet", "--draws", "1"]
    (table,) = gradient_exactness.main(options)["tables"]
    name, paddles, _, paddle_flips, ours, largest, our_flips, _ = table["rows"][0]
    assert (name, paddle_flips, our_flips) == ("LeNet", 0, 0)
    assert 0.05 < paddles < 2 and 0.05 < ours < 4 and ours <= largest < 100

    def slightly_wrong(model):
        first = model.parameters()[0]
        first.set_value(first * 1.01)
        return model

    monkeypatch.setattr(gradient_exactness, "accelerate", slightly_wrong)
    (table,) = gradient_exactness.main(options)["tables"]
    assert table["rows"][0][3] == 0 and table["rows"][0][5] > 1000


def test_what_a_step_leaves_behind_is_counted(monkeypatch, capsys):
    left = []

    def leaking(model):
        model.register_forward_post_hook(lambda *_: left.extend([] for _ in range(1000)))
        return model

    monkeypatch.setattr(memory_growth, "in_own_process", lambda run, *arguments: run(*arguments))
    monkeypatch.setattr("paddle_aug.accelerate", leaking)
    (table,) = memory_growth.main(["--models", "LeNet", "--steps", "3", "1"])["tables"]
    paddle, ours = table["rows"]
    assert table["columns"][2:] == ["step 1", "step 3", "new objects, steps 1 to 3"]
    assert (paddle[:2], ours[:2]) == (["LeNet", "Paddle"], ["LeNet", "ours"])
    assert all(float(megabytes) > 50 for row in table["rows"] for megabytes in row[2:4])
    # What else lives in this process comes and goes: a few objects more or less.
    assert abs(paddle[4]) < 500 and abs(ours[4] - 2000) < 500


def test_a_clean_environment_has_no_tuning(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    monkeypatch.setenv("MKL_DEBUG_CPU_TYPE", "7")
    monkeypatch.setenv("HOME_SWEET", "home")
    kept = clean_environment(EXTRA="1")
    assert (kept["HOME_SWEET"], kept["EXTRA"]) == ("home", "1")
    assert not {"OMP_NUM_THREADS", "MKL_DEBUG_CPU_TYPE"} & set(kept)


def test_a_stopwatch_counts_waiting_and_not_work():
    closed = []

    def slow() -> Generator[tuple[list[int]], None, None]:
        try:
            for _ in range(9):
                time.sleep(0.02)
                yield ([1, 2, 3],)
        finally:
            closed.append(True)

    clock = Stopwatch()
    for _ in clock.over(slow(), limit=2):
        time.sleep(0.2)
    assert clock.images == 6
    assert 0.04 <= clock.waited < 0.4  # the work alone takes 0.4 s
    assert closed == [True]


def test_a_worker_that_fails_is_reported_with_its_last_words():
    with pytest.raises(SystemExit, match="KeyError: 'other'"):
        Worker("epoch_worker.py", "other", "{}")


def test_generated_images_lie_in_the_documents_layout(tmp_path):
    assert prepare(tmp_path, None, 7, classes=3, side=16) == (7, 1)
    lines = (tmp_path / "Train.txt").read_text().splitlines()
    assert lines[:2] == ["0/000000.jpg 0", "1/000001.jpg 1"]
    assert len(lines) == 7
    assert read_image(tmp_path / "Images" / "2" / "000005.jpg").shape == (16, 20, 3)
    assert (tmp_path / "Eval.txt").read_text() == "1/000007.jpg 1\n"


@needs_paddle
def test_a_users_images_are_copied_under_names_without_spaces(tmp_path):
    source, folder = tmp_path / "my images", tmp_path / "copy"
    folder.mkdir()
    for part, count in (("train", 8), ("test", 4)):
        for name, value in (("a cat", 10), ("dog", 200)):
            (source / part / name).mkdir(parents=True)
            for number in range(count):
                image = np.full((5, 7, 3), value + number, np.uint8)
                cv2.imwrite(str(source / part / name / f"no {number}.png"), image)
    assert prepare(folder, str(source), 8) == (8, 4)
    lines = [line.split() for line in (folder / "Train.txt").read_text().splitlines()]
    assert [label for _, label in lines] == list("00001111")
    values = [read_image(folder / "Images" / path)[0, 0, 0] for path, _ in lines]
    assert values[0] == 10 and values[-1] == 207


def test_the_documents_reader_normalises_to_channels_first_rgb(tmp_path):
    image = np.zeros((9, 11, 3), np.uint8)
    image[..., 0] = 255  # blue, in OpenCV's order
    (tmp_path / "Images").mkdir()
    cv2.imwrite(str(tmp_path / "Images" / "x.png"), image)
    (tmp_path / "Eval.txt").write_text("x.png 3\n" * 5)
    batches = list(naive_article.data_reader(tmp_path, "validation", 7, batch_size=3)())
    assert [x.shape for x, _ in batches] == [(3, 3, 7, 7), (2, 3, 7, 7)]
    assert batches[0][0].dtype == np.float32
    assert batches[0][0][0, :, 2, 2].tolist() == [-1.0, -1.0, 1.0]
    assert batches[1][1].tolist() == [[3], [3]]


def test_the_documents_mixing_keeps_the_larger_canvas():
    mixed = naive_article.mix(np.full((2, 3, 1), 8.0), np.full((1, 5, 1), 4.0), 0.5)
    assert mixed[..., 0].tolist() == [[6, 6, 6, 2, 2], [4, 4, 4, 0, 0]]


@needs_paddle
def test_epoch_compares_the_documents_script_with_ours(tmp_path):
    options = ["--image-size", "32", "--batch-size", "2", "--images", "12", "--rounds", "1"]
    output = ["--output", str(tmp_path / "epoch.json")]
    [table] = epoch.main([*options, "--steps", "1", "--without-bf16", *output])["tables"]
    assert table == json.loads((tmp_path / "epoch.json").read_text())["tables"][0]
    assert [row[0] for row in table["rows"]] == [epoch.NAIVE, "ours, float32"]
    naive, ours = (dict(zip(table["columns"], row, strict=True)) for row in table["rows"])
    seconds = "extrapolated s an epoch"
    assert naive["times faster"] == 1
    assert ours["times faster"] == pytest.approx(naive[seconds] / ours[seconds])
    by_rates = 12 / ours["training images/s"] + 3 / ours["evaluation images/s"] + ours["saving s"]
    assert ours[seconds] == pytest.approx(by_rates)
    assert 0 < ours["training waits for data %"] < 100
    assert ours["peak MB"] > 50
    assert "extrapolated to 12 training and 3 evaluation images" in table["note"]


@pytest.mark.parametrize(("flags", "count"), [({"avx512_bf16"}, 3), ({"avx2"}, 2)])
def test_epoch_measures_bf16_only_where_the_processor_has_it(flags, count, monkeypatch):
    monkeypatch.setattr("paddle_aug.core.cpu.cpu_flags", lambda: flags)
    found = epoch.contenders(epoch.parse_arguments([]), Path("folder"), 64)
    assert [kind for kind, _ in found.values()] == ["naive", "ours", "ours"][:count]
    assert found["ours, float32"][1] == {"data": "folder", "image_size": 64, "batch_size": 8}


def test_an_epochs_seconds_grow_with_its_images_but_not_its_saving():
    answer = {"images": 4, "seconds": 2.0, "eval_images": 2, "eval_seconds": 0.5}
    assert epoch.epoch_seconds({**answer, "save_seconds": 0.25}, (4, 2)) == 2.75
    assert epoch.epoch_seconds({**answer, "save_seconds": 0.25}, (40, 20)) == 25.25


@needs_paddle
def test_reading_compares_images_and_batches():
    from benchmarks import reading

    options = ["--images", "24", "--image-size", "32", "--batch-size", "2", "--rounds", "2"]
    tables = reading.main([*options, "--seconds", "0.01", "--workers", "0", "thread", "1"])[
        "tables"
    ]
    cache, images, batches = tables
    assert [row[0] for row in cache["rows"]] == ["build", "open"]
    assert "24 images of 32x32, 0.1 MB" in cache["note"]
    assert [row[0] for row in images["rows"]] == [
        reading.ARTICLE, "Pillow", "ours, decoded", "ours, cached"
    ]  # fmt: skip
    assert [row[0] for row in batches["rows"]][1:] == [
        "ours, decoded, workers 0", "ours, cached, workers 0",
        "ours, cached, workers thread", "ours, cached, workers 1",
    ]  # fmt: skip
    for table in (images, batches):
        assert table["rows"][0][2] == 1
        assert all(rate > 0 and math.isfinite(ratio) for _, rate, ratio in table["rows"])


@needs_paddle
def test_startup_times_help_and_the_first_step(monkeypatch):
    waits = []

    def run(command, expected, **environment):
        waits.append((command[0], expected))
        return float(len(waits))

    monkeypatch.setattr(startup, "timed", run)
    options = ["--images", "4", "--image-size", "32", "--repeats", "1"]
    answers, first = startup.main(options)["tables"]
    assert answers["rows"][1] == ["train.py --help", 2.0, 2.0, 2.0, 0.5]
    assert ("train.py", 2) in waits
    assert [row[0] for row in first["rows"]][:2] == [
        "the SamplePairing article's script", "train.py, cold cache"
    ]  # fmt: skip


def test_startup_measures_a_process_and_refuses_one_that_ends_otherwise():
    assert 0.1 < startup.timed(["-c", "import time; time.sleep(0.1)"], 0) < 30
    with pytest.raises(SystemExit, match="ended with 3"):
        startup.timed(["-c", "raise SystemExit(3)"], 0)


@needs_paddle
def test_the_first_step_of_train_py_ends_the_process(tmp_path):
    options = ["--data", "digits", "--per-class", "1", "--output", str(tmp_path)]
    code = startup._STOP_AFTER_FIRST_STEP
    assert startup.timed(["-c", code, *options], 42, PADDLE_AUG_CACHE=str(tmp_path)) > 0
    assert not list(tmp_path.rglob("*.npy"))  # no epoch was finished


@needs_paddle
def test_scaling_shows_time_and_memory(monkeypatch):
    monkeypatch.setattr("paddle_aug.core.cpu.cpu_flags", frozenset)  # without bf16: a process less
    small = ["--model", "LeNet", "--image-size", "32", "--images", "16", "--epochs", "1"]
    tables = scaling.main([*small, "--only", "images", "memory", "--times", "1",
                           "--steps-of", "LeNet:32:4"])["tables"]  # fmt: skip
    images, memory = tables
    [row] = images["rows"]
    assert len(row) == len(images["columns"])
    assert row[:2] == ["1x", 16] and row[4] == 1.0 and row[5] > 50
    assert [row[0] for row in memory["rows"]] == [
        "LeNet:32:4 Paddle as installed", "LeNet:32:4 ours, float32"
    ]  # fmt: skip
    assert memory["rows"][0][2] == 1.0
    assert all(peak > 50 for _, peak, _, _ in memory["rows"])


@pytest.mark.parametrize("only", ["classes", "workers"])
def test_scaling_gives_a_row_a_setting(only, monkeypatch):
    asked = []

    def train(arguments, cases):
        asked.extend((case.images, case.classes, case.workers) for case in cases)
        return [scaling.Run(1.0, [2.0 * n, 4.0 * n, 9.0 * n], 3.0, 99.0) for n in (1, 2)]

    monkeypatch.setattr(scaling, "train", train)
    options = ["--only", only, "--classes", "5", "7", "--workers", "0", "thread", "--images", "10"]
    [table] = scaling.main(options)["tables"]
    rows, ratios = table["rows"], [row[2] for row in table["rows"]]
    if only == "classes":
        assert asked == [(14, 5, "auto"), (14, 7, "auto")] and ratios == [1.0, 2.0]
    else:
        assert asked == [(40, 16, "0"), (40, 16, "thread")] and ratios == [1.0, 0.5]
    assert all(len(row) == len(table["columns"]) for row in rows)


def test_competing_processes_use_processor_time_and_end():
    with busy.competing(2) as used:
        before = [each.value for each in used]
        assert all(before)
        deadline = time.monotonic() + 20
        while any(each.value == old for each, old in zip(used, before, strict=True)):
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert not multiprocessing.active_children()


def test_the_used_share_is_of_the_time_that_others_left():
    measured = {
        ("fast", 0): [{"rate": 100.0, "free": 1.0}, {"rate": 80.0, "free": 1.0}],
        ("fast", 1): [{"rate": 10.0, "free": 0.5}, {"rate": 10.0, "free": 0.4}],
        ("slow", 0): [{"rate": 60.0, "free": 1.0}, {"rate": 50.0, "free": 1.0}],
        ("slow", 1): [{"rate": 35.0, "free": 0.5}, {"rate": 28.0, "free": 0.5}],
    }
    table = busy.table_of("LeNet:28:8", ["fast", "slow"], [0, 1], measured)
    assert table.title == "LeNet 28 b8, images a second"
    fast, slow = table.rows
    assert fast == ["fast", 90.0, 10.0, pytest.approx((0.2 + 0.3125) / 2)]
    assert slow == ["slow", 55.0, 31.5, pytest.approx(0.7)]


def test_a_setting_takes_all_cores_and_a_variable_of_its_own(monkeypatch, capsys):
    monkeypatch.setenv("KMP_LIBRARY", "serial")
    monkeypatch.setattr(busy, "available_cores", lambda: 6)
    shown = [
        {name: value for name, value in busy.environment_of(contender, "avx2").items()
         if name.startswith(("OMP_NUM", "KMP_"))}
        for contender in ("as it is", "torch", "all cores", "KMP_LIBRARY=turnaround")
    ]  # fmt: skip
    cores = {"OMP_NUM_THREADS": "6"}
    assert shown == [{}, {}, cores, {**cores, "KMP_LIBRARY": "turnaround"}]
    with pytest.raises(SystemExit):
        busy.main(["--settings", "KMP_LIBRARY"])
    assert "--settings KMP_LIBRARY: expected NAME=VALUE" in capsys.readouterr().err


def test_busy_measures_alone_and_beside_others_in_turns(monkeypatch, capsys):
    calls = []

    def measure(case, contender, others, arguments):
        calls.append((case, contender, others))
        return {"rate": 10.0, "free": 1.0}

    monkeypatch.setattr(busy, "measure", measure)
    busy.main(["--cases", "LeNet:28:8", "--others", "1", "--rounds", "2",
               "--settings", "KMP_BLOCKTIME=0"])  # fmt: skip
    contenders = ("as it is", "all cores", "KMP_BLOCKTIME=0")
    assert calls == [("LeNet:28:8", each, others) for others in (0, 1) for each in contenders] * 2
    assert "| as it is        |" in capsys.readouterr().out


@needs_paddle
def test_a_training_step_is_timed_in_a_process_of_its_own():
    case = ["--model", "LeNet", "--size", "32", "--batch", "2", "--seconds", "0.01"]
    result = training_step.run(sys.executable, "accelerate", *case, isa="avx2")
    assert result["steps"] >= 2 and result["seconds"] > 0 and result["peak_megabytes"] > 50
    assert result["losses"][1] < result["losses"][0]
    with pytest.raises(SystemExit, match="nothing"):
        training_step.run(sys.executable, "nothing")


def test_training_steps_are_compared_in_turns_and_by_precision(monkeypatch, capsys):
    speed = {"paddle": 2.0, "tuned": 4.0, "accelerate": 8.0, "torch": 5.0, "compile": 6.0}
    calls = []

    def run(python, kind, *options, isa):
        calls.append((python, isa, kind))
        if kind == "peak":
            return {"float32": 40.0, "bf16": 100.0}
        rate = speed[kind] * (3 if "bf16" in options else 1)
        return {"images_per_second": rate, "first_step_seconds": 1.0, "peak_megabytes": 9.0,
                "gflop_per_image": 2.0}  # fmt: skip

    monkeypatch.setattr(training_step, "run", run)
    monkeypatch.setattr("paddle_aug.core.cpu.cpu_flags", lambda: {"avx2", "avx512_bf16"})
    options = ["--models", "VGG16", "--sizes", "32:4", "--rounds", "2", "--torch-python", "other"]
    tables = training_step.main([*options, "--compile"])["tables"]
    by_title = {table["title"]: dict(zip(table["columns"], table["rows"][0], strict=True))
                for table in tables}  # fmt: skip
    kinds = ["paddle", "tuned", *["accelerate", "torch"] * 2, "compile"]
    assert [call[2] for call in calls] == ["peak", *kinds * 2]
    assert {call[0] for call in calls if call[2] in ("torch", "compile")} == {"other"}
    ratios = by_title["How many times faster"]
    assert ratios["ours f32 / torch f32"] == 1.6 and ratios["ours f32 / tuned"] == 2
    assert ratios["ours f32 / compile f32"] == pytest.approx(8 / 6)
    assert ratios["ours bf16 / torch bf16"] == 1.6
    assert ratios["ours bf16 / installed"] == 12 and "ours bf16 / tuned" not in ratios
    shares = by_title["Share of the matrix product's peak"]
    assert shares["% of peak"] == 48 and shares["GFLOP/s bf16"] == 48
    assert "| VGG16 32 b4            |" in capsys.readouterr().out

    tables = training_step.main([*options, "--isa", "avx2", "--skip-paddle"])["tables"]
    assert tables[0]["columns"][1:] == ["ours f32", "torch f32"] and calls[-1][1] == "avx2"

    # A processor of which the other table would have only float32.
    monkeypatch.setattr("paddle_aug.core.cpu.cpu_flags", lambda: {"avx2"})
    tables = training_step.main([*options, "--skip-paddle"])["tables"]
    assert tables[0]["columns"][1:] == ["ours f32", "torch f32"] and calls[-1][1] == "native"
    with pytest.raises(SystemExit):
        busy.main(["--amp", "bf16"])
    assert "float32 would be measured" in capsys.readouterr().err


def test_every_benchmark_is_in_the_readme():
    folder = Path(common.__file__).parent
    text = (folder / "README.md").read_text()
    runnable = [p.name for p in folder.glob("*.py") if "benchmark_parser(" in p.read_text()]
    assert len(runnable) >= 4
    assert all(f"benchmarks/{name}" in text for name in runnable if name != "common.py")
    assert sys.executable not in text
