"""`check` finds every fault that was put into a data set, and --skip-bad leaves just those out."""

import json
import logging
import os

import cv2
import numpy as np
import pytest
from PIL import Image

from paddle_aug.__main__ import main
from paddle_aug.batches.worker_trial import Trial, recommend, time_workers
from paddle_aug.commands.cache import main as cache_command
from paddle_aug.commands.check_report import contact_sheet, format_summary, summarize
from paddle_aug.core.errors import UserError
from paddle_aug.data.scan import FoundImage, Scan, scan
from paddle_aug.report.figure import class_labels
from tests.data_sets import load
from tests.helpers import Fails, view

RNG = np.random.default_rng(11)


def write(path, height=9, width=13):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RNG.integers(0, 256, (height, width, 3), np.uint8)).save(path)
    return path


@pytest.fixture
def faulty(tmp_path):
    """Lists over 3 classes; every kind of fault once, among 8 good training images."""
    root = tmp_path / "set"
    images = root / "Images"
    for name in "abcdefgh":
        write(images / f"{name}.png")
    write(images / "tiny.png", 3, 5)
    write(images / "long.png", 10, 70)
    for name in ("x", "y"):
        write(images / f"{name}.png", 21, 11)
    content = (images / "a.png").read_bytes()
    (images / "cut.png").write_bytes(content[: len(content) // 2])
    (images / "zero.jpg").write_bytes(b"")
    (images / "text.jpg").write_text("no image at all")
    (images / "copy.png").write_bytes((images / "b.png").read_bytes())
    Image.open(images / "c.png").save(images / "c.bmp")  # other bytes, the same pixels
    (images / "d2.png").write_bytes((images / "d.png").read_bytes())
    (images / "folder.png").mkdir()
    train = ["a 0", "b 0", "copy 0", "c 1", "d 1", "d2 0", "e 1", "f 0", "g 1", "h 0", "tiny 1",
             "long 1", "cut 0", "missing 0", "folder 1"]  # fmt: skip
    lines = [line.replace(" ", ".png ") for line in train] + ["zero.jpg 1", "text.jpg 0"]
    (root / "Train.txt").write_text("\n".join(lines))
    (root / "Eval.txt").write_text("x.png 0\ny.png 1\nc.bmp 1\ngone.png 1\n")
    (root / "classes.txt").write_text("cat\ndog\nbird\n")
    return root


BAD = {
    "cut.png": "cut off", "missing.png": "no such file", "folder.png": "is a directory",
    "zero.jpg": "0 bytes", "text.jpg": "not an image", "gone.png": "no such file",
}  # fmt: skip


def test_every_fault_is_in_the_report_and_the_exit_code_says_so(faulty, tmp_path, capsys):
    assert main(["check", str(faulty), "--output", str(tmp_path / "out"), "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report == json.loads((tmp_path / "out" / "check.json").read_text())
    assert report["images"] == {"train": 17, "eval": 4}
    reasons = {os.path.basename(bad["image"]): bad["reason"] for bad in report["bad"]}
    assert reasons.keys() == BAD.keys()
    for name, reason in BAD.items():
        assert reason in reasons[name]
        assert name not in reasons[name]
    assert report["classes"] == [
        {"class": "cat", "train": 6, "eval": 1},
        {"class": "dog", "train": 6, "eval": 2},
        {"class": "bird", "train": 0, "eval": 0},
    ]
    groups = [[os.path.basename(e["image"]) for e in group] for group in report["duplicates"]]
    assert groups == [["b.png", "copy.png"], ["c.png", "c.bmp"], ["d.png", "d2.png"]]
    assert report["problems"] == [
        "6 images cannot be read",
        "2 images are the same in training and in evaluation",
        "2 images are the same with different labels",
        "1 class has no training image: bird",
    ]
    assert report["notes"] == [
        "1 image is a copy of another in the same part",
        "1 class has no evaluation image: bird",
        "1 image has a side of less than 8 pixels",
        "1 image is more than 4 times as long as wide",
    ]
    sizes = report["sizes"]
    assert sizes["figures"]["width"] == {"least": 5, "median": 13.0, "most": 70}
    assert sizes["figures"]["width / height"]["most"] == 7.0
    assert sizes["most common"] == {"width": 13, "height": 9, "images": 11}
    assert sizes["smallest"].endswith("tiny.png") and sizes["largest"].endswith("long.png")


def test_the_text_names_every_bad_file_and_the_sheet_shows_the_classes(faulty, tmp_path, capsys):
    assert main(["check", str(faulty), "--output", str(tmp_path / "out")]) == 1
    text = capsys.readouterr().out
    assert all(name in text for name in BAD)
    assert "problem: 6 images cannot be read" in text
    sheet = cv2.imread(str(tmp_path / "out" / "contact_sheet.png"))
    assert sheet.std() > 40  # noise on white


def test_a_data_set_without_faults_exits_with_zero(tmp_path, capsys):
    for part, count in (("train", 3), ("test", 1)):
        for name in "ab":
            for number in range(count):
                write(tmp_path / "set" / part / name / f"{number}.png")
    assert main(["check", str(tmp_path / "set"), "--output", str(tmp_path / "out")]) == 0
    assert "no problems found" in capsys.readouterr().out


def test_a_single_class_is_a_problem(tmp_path, capsys):
    for number in range(6):
        write(tmp_path / "d" / "a" / f"{number}.png")
    rows = "".join(f"a/{number}.png 0\n" for number in range(6))
    (tmp_path / "d" / "Train.txt").write_text(rows)
    assert main(["check", str(tmp_path / "d"), "--output", str(tmp_path / "out")]) == 1
    assert "problem: all training images are of one class, '0'" in capsys.readouterr().out


def test_unequal_classes_are_noted_and_the_digits_have_no_copies_across(tmp_path, capsys):
    for number in range(11):
        write(tmp_path / "set" / "train" / "a" / f"{number}.png")
    for part, name in (("train", "b"), ("test", "a"), ("test", "b")):
        write(tmp_path / "set" / part / name / "0.png")
    assert main(["check", str(tmp_path / "set"), "--output", str(tmp_path / "out")]) == 0
    assert "note: the largest class has 11 training images, the smallest 1" in (
        capsys.readouterr().out
    )


def test_a_path_that_leaves_the_root_is_refused_even_here(faulty, tmp_path):
    (faulty / "Train.txt").write_text("a.png 0\n../../x.png 1\n")
    with pytest.raises(UserError, match=r"Train.txt:2: '../../x.png' leaves the image root"):
        main(["check", str(faulty), "--output", str(tmp_path / "out")])


def test_the_first_lines_file_may_be_missing_without_the_root_being_lost(faulty):
    (faulty / "Train.txt").write_text("missing.png 0\na.png 0\nb.png 1\n")
    with pytest.raises(UserError, match=r"Train.txt:1: 'missing.png': no such file .*Images"):
        load(faulty)


def test_images_of_a_scan_are_kept_for_each_class():
    found = scan(view(23).dataset, view(5).dataset, keep=3)
    assert {label: len(images) for label, images in found.images.items()} == {0: 3, 1: 3, 2: 3}
    assert len(found.found) == 28
    assert len(found.duplicates()) == 5  # the evaluation images are the first five


def test_groups_of_copies_are_counted_by_kind_without_comparing_them_with_each_other(monkeypatch):
    places = [("train", 0), ("eval", 0)], [("train", 0), ("train", 1)], [("train", 1)] * 3
    found = [
        FoundImage(part, f"{number}", label, (9, 9), bytes([number]))
        for number, group in enumerate(places) for part, label in group
    ]  # fmt: skip
    monkeypatch.setattr(FoundImage, "__eq__", lambda *_: pytest.fail("quadratic in the groups"))
    summary = summarize(Scan(["a", "b"], found), "data")
    assert summary["problems"] == [
        "2 images are the same in training and in evaluation",
        "2 images are the same with different labels",
    ]
    assert summary["notes"] == [
        "2 images are copies of others in the same part", "1 class has no evaluation image: b",
    ]  # fmt: skip


def test_how_the_data_were_read_is_told(tmp_path, capsys):
    root = tmp_path / "set"
    for name in ("圆盘", "方块"):
        for number in range(2):
            write(root / "图" / name / f"{number}.png")
    rows = [f"{root}/图/{name}/0.png {label}" for name, label in (("圆盘", 3), ("方块", 1))]
    (root / "train.txt").write_bytes("\n".join(rows).encode("gbk"))
    (root / "val.txt").write_text("图/圆盘/1.png 3\n图/方块/1.png 1\n", encoding="utf-8")
    (root / "label_list.txt").write_text("3 圆盘\n1 方块\n", encoding="utf-8")
    expected = [
        "train.txt is read as GBK",
        "val.txt beside it is evaluated on, by its name",
        f"absolute paths of images lie inside {root}",
        f"classes are named by the numbers in {root / 'label_list.txt'}",
        "labels 1, 3 become classes 0 to 1",
    ]
    output = ["--output", str(tmp_path / "out")]
    assert main(["check", str(root), *output, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [line.split(" (otherwise")[0] for line in report["read_as"]] == expected
    assert [row["class"] for row in report["classes"]] == ["方块", "圆盘"]
    assert main(["check", str(root), *output]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.strip().split(" (otherwise")[0] for line in lines[1:6]] == expected
    assert main(["check", str(root), *output, "--class-names", "labels", "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert [row["class"] for row in report["classes"]] == ["1", "3"]


# --skip-bad


def test_skip_bad_leaves_out_the_bad_files_of_both_parts_and_says_which(faulty, caplog):
    with caplog.at_level(logging.WARNING):
        train, evaluation = load(faulty, skip_bad=True)
    assert (len(train), len(evaluation)) == (12, 3)
    names = {os.path.basename(train.source(i)) for i in range(len(train))}
    assert not names & BAD.keys()
    for index in range(12):
        assert train[index][0].dtype == np.uint8
    assert [train.classes[label] for label in train.labels[:5]] == [
        "cat",
        "cat",
        "cat",
        "dog",
        "dog",
    ]
    assert "5 of 17 images cannot be read: left out" in caplog.text
    assert "1 of 4 images cannot be read: left out" in caplog.text
    assert all(name in caplog.text for name in BAD)


def test_per_class_counts_the_images_that_are_left(faulty):
    (faulty / "classes.txt").unlink()
    train, _ = load(faulty, skip_bad=True, per_class=6)
    assert np.bincount(train.labels).tolist() == [6, 6]


def test_without_skip_bad_the_first_missing_file_is_named(faulty):
    with pytest.raises(UserError, match=r"Train.txt:14: 'missing.png': no such file"):
        load(faulty)


def test_skip_bad_without_any_good_image_is_an_error(faulty):
    (faulty / "Eval.txt").write_text("gone.png 0\nzero.jpg 1\n")
    with pytest.raises(UserError, match="none of 2 images can be read: .*gone.png: no such file"):
        load(faulty, skip_bad=True)


def test_many_bad_files_are_counted_and_the_first_ten_named(tmp_path, caplog):
    for name in "ab":
        for number in range(4):
            write(tmp_path / "set" / name / f"{number}.png")
    for number in range(15):
        (tmp_path / "set" / "a" / f"bad{number:02}.png").write_bytes(b"x")
    load(tmp_path / "set", skip_bad=True)
    assert caplog.text.count("not an image") + int(caplog.text.split(" more")[0].split()[-1]) == 15


# check --workers


def test_every_choice_is_timed_and_the_rates_are_real():
    trials = time_workers(view(64), 8, seconds=0.05, choices=(0, "thread", 1))
    assert [trial.workers for trial in trials] == [0, "thread", 1]
    assert all(trial.images_per_second > 100 for trial in trials)


@pytest.mark.parametrize(
    ("rates", "best"),
    [
        ({0: 900, "thread": 100, 1: 95, 2: 105}, "thread"),
        ({0: 100, "thread": 100, 1: 100, 2: 191, 4: 200}, 2),
        ({0: 100, "thread": 100, 1: 100, 2: 189, 4: 200}, 4),
        ({0: 100, "thread": None, 1: None}, "thread"),
    ],
)
def test_the_cheapest_of_the_fastest_is_recommended(rates, best):
    assert recommend([Trial(*rate) for rate in rates.items()], cores=4) == best


@pytest.mark.parametrize(("cores", "best"), [(1, "thread"), (2, 2), (3, 2), (4, 4)])
def test_no_more_processes_than_cores_are_recommended(cores, best):
    rates = {0: 100, "thread": 100, 1: 103, 2: 150, 4: 300}
    assert recommend([Trial(*rate) for rate in rates.items()], cores) == best


def test_a_choice_that_fails_is_reported_and_bad_data_are_an_error(monkeypatch):
    from paddle_aug.batches import worker_trial

    def no_processes(dataset, workers):
        raise UserError("worker processes need Linux or macOS")

    monkeypatch.setattr("paddle_aug.batches.loader.start_workers", no_processes)
    trials = worker_trial.time_workers(view(64), 8, seconds=0.05, choices=(0, 2))
    assert trials[0].images_per_second > 100
    assert trials[1] == Trial(2, None, "worker processes need Linux or macOS")
    with pytest.raises(UserError, match="truncated"):
        time_workers(view(transform=Fails(lambda: UserError("a.jpg: truncated"))), 4, 0.05)


def test_the_command_prints_a_table_and_a_recommendation(capsys, monkeypatch):
    from paddle_aug.batches import worker_trial
    from paddle_aug.core import paddle_import as threads

    asked = []
    trials = [Trial(0, 50.0), Trial(1, 80.7), Trial(2, None, "need Linux")]
    monkeypatch.setattr(worker_trial, "time_workers", lambda *a: asked.append(a[2]) or trials)
    monkeypatch.setattr(threads, "available_cores", lambda: 2)
    assert main(["check", "digits", "--workers", "--seconds", "0.25"]) == 0
    *_, header, rule, zero, one, two, said = capsys.readouterr().out.splitlines()
    assert asked == [0.25]
    assert [line.split() for line in (header, zero, one)] == [
        ["workers", "images/s"], ["0", "50"], ["1", "81"],
    ]  # fmt: skip
    assert len(rule.split()) == 2 and two.split(maxsplit=1) == ["2", "need Linux"]
    assert said.startswith("recommended with 2 cores: --workers 1. ")
    assert main(["check", "digits", "--workers", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["recommended"] == 1


@pytest.mark.parametrize("wrong", ["0", "-1", "inf", "nan", "long"])
def test_a_trial_takes_more_than_no_time(wrong):
    with pytest.raises(UserError, match="must be a number greater than 0"):
        main(["check", "digits", "--workers", "--seconds", wrong])


@pytest.mark.parametrize(("words", "said"), [
    (["--seconds", "5"], "seconds: only with --workers"),
    (["--augment", "mixup"], "augment: only with --workers"),
    (["-o", "batch_size=4"], "batch_size: only with --workers"),
    (["--workers", "--output", "there"], "output: only without --workers"),
])  # fmt: skip
def test_options_without_effect_are_refused(words, said):
    with pytest.raises(UserError, match=said):
        main(["check", "digits", *words])


# cache


def test_the_cache_is_listed_and_emptied(tmp_path, monkeypatch, capsys):
    from paddle_aug.data.cached import CachedDataset

    monkeypatch.setenv("PADDLE_AUG_CACHE", str(tmp_path / "cache"))
    assert cache_command([]) == 0
    assert "0 entries, 0.0 MB" in capsys.readouterr().out
    for name in "ab":
        for number in range(3):
            write(tmp_path / "set" / name / f"{number}.png")
    train, evaluation = load(tmp_path / "set")
    keys = [CachedDataset(part, (5, 7)).cache_path.parent.name for part in (train, evaluation)]
    assert cache_command([]) == 0
    out = capsys.readouterr().out
    assert all(key in out for key in keys) and "2 entries" in out
    assert out.count("7x5, bilinear, not antialiased") == 2
    with pytest.raises(UserError, match="no entry 'x'"):
        cache_command(["--clear", "x"])
    cache_command(["--clear", keys[0]])
    cache_command([])
    out = capsys.readouterr().out
    assert keys[0] not in out and keys[1] in out
    cache_command(["--clear"])
    cache_command([])
    assert "0 entries" in capsys.readouterr().out


def test_a_long_report_is_cut_where_the_file_has_the_rest_and_a_sheet_needs_images(tmp_path):
    images = [FoundImage("train", f"{i}.png", 0, (9, 9), bytes([i // 2])) for i in range(50)]
    images += [
        FoundImage("eval", "a.png", 1, reason="damaged"),
        FoundImage("train", "b.png", 1, (9, 9), b"b"),
    ]
    found = Scan([f"class {i}" for i in range(2)], images)
    text = format_summary(summarize(found, "data"))
    assert text.count("0.png (train, class 0) = ") == 4  # of 25 groups, 20 are shown
    assert "  and 5 more groups: all are in check.json\n" in text
    assert "note: the largest class has 50 training images, the smallest 1" in text
    assert "no image can be read" in {t.get_text() for t in contact_sheet(found).texts}
    many = Scan([f"class {i}" for i in range(60)], images={i: [np.zeros((96, 96, 3), np.uint8)]
                                                           for i in range(60)})  # fmt: skip
    assert contact_sheet(many).axes[0].get_title() == "40 of 60 classes"


@pytest.mark.parametrize(("number", "end"), [(20, "no such file\n\n"), (21, "1 more image: "),
                                             (300, "280 more images: ")])  # fmt: skip
def test_of_many_unreadable_images_the_first_are_shown_and_all_are_kept(number, end):
    bad = [FoundImage("train", f"{i}.png", 0, reason="no such file") for i in range(number)]
    summary = summarize(Scan(["cat"], bad, {}), "data")
    text = format_summary(summary)
    assert text.count(".png (train, cat): no such file\n") == 20 and end in text
    assert [entry["image"] for entry in summary["bad"]] == [found.source for found in bad]


@pytest.mark.parametrize("columns", [1, 2, 8])
@pytest.mark.parametrize("name", ["Wide and very long class name", "W" * 30])
def test_long_names_are_whole_on_the_contact_sheet(name, columns):
    names = [name, "a"]
    image = np.zeros((96, 96, 3), np.uint8)
    figure = contact_sheet(Scan(names, images={i: [image] * columns for i in range(2)}))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == class_labels(names)
    assert min(text.get_window_extent().x0 for text in axes.get_yticklabels()) >= 0
    assert axes.get_window_extent().x1 <= figure.bbox.x1


def test_names_that_no_font_can_write_are_told_on_stderr_also_beside_json(tmp_path, capsys):
    unknown = "\U000e0100"  # in no font
    for name in ("a", unknown):
        for number in range(5):
            write(tmp_path / "set" / name / f"{number}.png")
    main(["check", str(tmp_path / "set"), "--output", str(tmp_path / "out"), "--json"])
    told = capsys.readouterr()
    assert json.loads(told.out)["classes"][1]["class"] == unknown
    note = f"note: no installed font can write some class names: #1 = {unknown}"
    assert told.err.count(note) == 1


def test_a_wrong_option_of_the_data_is_refused_before_any_work(tmp_path):
    with pytest.raises(UserError, match="eval_share"):
        main(["check", "digits", "--eval-share", "2", "--output", str(tmp_path)])
