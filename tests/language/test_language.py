"""Texts in the user's language: which one it is, and what becomes of a line."""

import locale
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_aug.commands.suite_plan import counts
from paddle_aug.core.text import lines_of_width
from paddle_aug.language import language, speech, tell, translate
from paddle_aug.language.catalogue import Catalogue
from paddle_aug.report.claims import Claim
from paddle_aug.report.figure import make_readable, new_figure
from paddle_aug.report.found_runs import find_runs
from paddle_aug.report.side_by_side import for_terminal, put_side_by_side
from tests.run_folders import CLAIM, write_method
from tests.warm_python import warm_python

ROOT = Path(__file__).resolve().parents[2]
VARIABLES = ("PADDLE_AUG_LANGUAGE", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")

SMALL = Catalogue({
    "{0}: no such file": "{0}：没有这个文件",
    "{0}: not used": "{0}：未使用",
    "error: {0}": "错误：{0}",
    "{0} of {1} images cannot be read: left out": "{1} 张图片中有 {0} 张无法读取：已略过",
    "{n} images": "{n} 张图片",
    "no problems found": "没有发现问题",
    "{0} ({1})": "{0}（{1}）",
    "train a model": "训练模型",
    "default: {0}": "默认：{0}",
    "seed": "种子",
    "value\x04training": "训练",
    "no {0} image in {1}": "{1} 里没有{0!s}图片",
    "braces {{like}} {0}": "花括号 {{如此}} {0}",
})  # fmt: skip


@pytest.fixture
def variables(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return monkeypatch.setenv


@pytest.fixture
def chinese(variables):
    variables("PADDLE_AUG_LANGUAGE", "zh")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({}, "en"),
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LC_MESSAGES": "zh_TW", "LANG": "de_DE.UTF-8"}, "zh"),
        ({"LANGUAGE": "zh:en", "LANG": "en_GB.UTF-8"}, "zh"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"PADDLE_AUG_LANGUAGE": "en", "LANG": "zh_CN.UTF-8"}, "en"),
        ({"PADDLE_AUG_LANGUAGE": "zh", "LC_ALL": "C"}, "zh"),
    ],
)
def test_the_language_is_the_first_variables_that_is_set(settings, expected, variables):
    for name, value in settings.items():
        variables(name, value)
    assert language() == expected


@pytest.mark.parametrize(
    ("platform", "region", "settings", "expected"),
    [
        ("win32", "Chinese (Simplified)_China.936", {}, "zh"),
        ("win32", "Chinese (Traditional)_Taiwan.utf8", {}, "zh"),
        ("win32", "zh-CN", {}, "zh"),
        ("win32", "German_Germany.1252", {}, "en"),
        ("win32", "C", {}, "en"),
        ("win32", "Chinese (Simplified)_China.936", {"PADDLE_AUG_LANGUAGE": "en"}, "en"),
        ("win32", "Chinese (Simplified)_China.936", {"LANG": "de_DE"}, "en"),
        # Elsewhere LC_CTYPE says which characters there are, not which language is spoken.
        ("linux", "zh_CN.UTF-8", {}, "en"),
    ],
)
def test_on_windows_the_users_region_decides_where_no_variable_does(
    platform, region, settings, expected, variables, monkeypatch
):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(locale, "setlocale", lambda category, new=None: region)
    for name, value in settings.items():
        variables(name, value)
    assert language() == expected


def test_in_english_no_catalogue_is_read(variables, monkeypatch):
    monkeypatch.setattr(speech, "chinese", lambda: pytest.fail("read"))
    assert translate("no problems found") == "no problems found"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("no problems found", "没有发现问题"),
        ("  no problems found", "  没有发现问题"),
        ("a/b.txt: no such file", "a/b.txt：没有这个文件"),
        # Values may stand in another order, and hold messages themselves.
        (
            "error: 3 of 17 images cannot be read: left out",
            "错误：17 张图片中有 3 张无法读取：已略过",
        ),
        # A number only: a name before the noun is no message.
        ("1,234 images", "1,234 张图片"),
        ("cat images", "cat images"),
        # Single words are names, but for those of the context "value" in fields with !s.
        ("no training image in training", "training 里没有训练图片"),
        ("no seed image in a: not used", "a：未使用里没有seed图片"),
        ("train a model (default: seed)", "训练模型（默认：seed）"),
        ("train a model (--seed)", "训练模型（--seed）"),
        ("a: not used; b: no such file", "a：未使用；b：没有这个文件"),
        ("train  train a model", "train  训练模型"),
        ("braces {like} these", "花括号 {如此} these"),
        ("nothing that is known", "nothing that is known"),
        ("猫狗", "猫狗"),
        ("", ""),
    ],
)
def test_a_line_is_translated_with_what_is_filled_in(text, expected):
    assert SMALL.line(text) == expected


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("warning: no training image in 1 class of 3: {}", "damaged"),
        ("warning: no evaluation image in 2 classes of 3: {}, a cat", "small"),
        ("warning: no training image in 2 classes of 3: {}, large", "small"),
        ("the classes are {}, damaged", "large"),
    ],
)
def test_the_name_of_a_class_or_a_column_is_no_word_of_ours(line, name):
    said = translate(line.format(name), "zh")
    assert said.isascii() or "：" in said
    assert f"{name}{line.partition('{}')[2]}" in said


def test_a_message_that_another_one_ends_with_keeps_its_brackets():
    said = "lr: was 0.05, is 0.001 within a run, from epoch 3 on (a, b, seed 1)"
    alone = translate(said, "zh")
    assert alone.endswith("自第 3 轮起（a, b，种子 1）")
    assert translate(f"note: the runs differ in {said}", "zh").endswith(f"不同之处：{alone}")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "混合 有用: undecided (both the published difference and none are still possible). "
            "Figure: evaluation accuracy, mean of the last 3 epochs. Published +5.0 points "
            "(± 2.0); ours -8.4 points, 95% interval -59.0 to +42.2 points, 2 seeds.",
            "混合 有用：未能判定（有已发表的差别和没有差别都还有可能）。"
            "数值：验证准确率，最后 3 轮的均值。已发表 +5.0 个百分点"
            "（± 2.0）；我们的为 -8.4 个百分点，95% 区间 -59.0 到 +42.2 个百分点，2 个种子。",
        ),
        # A sentence that is not known stays English, and takes none of the others with it.
        (
            "Nobody knows this of 3 lines. Differences to a, of the mean of the last 10 epochs, "
            "are paired: seed by seed. Nor (this).",
            "Nobody knows this of 3 lines. 与 a 的差值（取最后 10 轮的均值）是配对的："
            "按种子逐个比较。Nor (this).",
        ),
        ("wrote 对照 图/compare.png", "已写入对照 图/compare.png"),
        ("error: miss.yaml: epoch: unknown option", "错误：miss.yaml：epoch：未知的选项"),
        (
            "LeNet of logs/mixup, best checkpoint, epoch 11: 10 classes",
            "logs/mixup 的 LeNet，检查点 best，第 11 轮：10 个类别",
        ),
        (
            "LeNet of a-of-b/no, best checkpoint, epoch 1",
            "a-of-b/no 的 LeNet，检查点 best，第 1 轮",
        ),
        (
            "learning rate  0.001 from epoch 0, 0.0001 from epoch 3, 1e-05 from epoch 6",
            "学习率  0.001，从第 0 轮起，0.0001，从第 3 轮起，1e-05，从第 6 轮起",
        ),
        (
            "epoch   9 of 100  train loss 0.0092 accuracy 1.000  eval loss 0.5553 accuracy 0.861  "
            "0.1 s 688 images/s",
            "第   9 轮（共 100 轮）  训练损失 0.0092 准确率 1.000  "
            "验证损失 0.5553 准确率 0.861  0.1 秒  688 张/秒",
        ),
    ],
    ids=["verdict", "unknown", "path", "key", "model", "of", "rates", "epoch"],
)  # fmt: skip
def test_of_all_readings_the_one_that_accounts_for_most_counts(text, expected):
    assert translate(text, "zh") == expected


def test_of_several_fitting_messages_the_one_with_most_letters_counts():
    found = Catalogue({"{0} is {1}": "甲", "{0} is not {1}": "乙"})
    assert found.line("a is not b") == "乙"


def test_every_line_of_a_text_is_translated_by_itself(chinese, capsys):
    tell("no problems found\n  no problems found\n\nno words that are known here", error=True)
    assert capsys.readouterr().err == (
        "没有发现问题\n  没有发现问题\n\nno words that are known here\n"
    )


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("训练图片的增强，或自己的代码", ["训练图片的", "增强，或自", "己的代码"]),
        ("输出 my_module:load 给它", ["输出", "my_module:load", "给它"]),
        ("one two three four", ["one two", "three four"]),
        ("", [""]),
    ],
)
def test_chinese_is_broken_between_characters_and_never_before_punctuation(text, lines):
    assert lines_of_width(text, 10) == lines


# Real commands


def run(arguments, python=(sys.executable,), **variables):
    known = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    return subprocess.run(
        [*python, *arguments], cwd=ROOT, env={**known, **variables}, capture_output=True
    )


@pytest.mark.parametrize(
    ("arguments", "variables"),
    [
        (["--language", "zh"], {}),
        (["--language=zh"], {"LANG": "C.UTF-8"}),
        ([], {"LANG": "zh_CN.UTF-8"}),
        ([], {"PADDLE_AUG_LANGUAGE": "zh"}),
    ],
)
def test_an_error_is_chinese_where_it_is_asked_for(arguments, variables):
    done = run(["train.py", "--epohs", "3", *arguments], PYTHONIOENCODING="utf-8", **variables)
    assert done.returncode == 2
    assert done.stderr.decode() == "错误：--epohs：未知的选项；是不是想写 --epochs？\n"


def test_help_is_chinese_wherever_the_language_stands():
    done = run(["train.py", "--help", "--language", "zh"], PYTHONIOENCODING="utf-8")
    text = done.stdout.decode()
    assert done.returncode == 0 and text.startswith("用法：")
    assert "选项:" in text and "显示本帮助并退出" in text and "（默认：samplePairing）" in text
    english = [line for line in text.splitlines() if " the " in line or "default" in line.split()]
    assert not english


@pytest.mark.parametrize(
    ("encoding", "variables", "expected"),
    [
        ("gbk", {"LANG": "zh_CN.GBK"}, "错误：--epohs：未知的选项".encode("gbk")),
        # A terminal that has no Chinese gets English; a wish that was said, with a word about it.
        ("ascii", {"LANG": "zh_CN.UTF-8"}, b"error: --epohs: unknown option"),
        ("latin-1", {"PADDLE_AUG_LANGUAGE": "zh"}, b"note: this terminal has no Chinese"),
    ],
)
def test_no_terminal_ends_a_command(encoding, variables, expected):
    done = run(["train.py", "--epohs", "3"], PYTHONIOENCODING=encoding, **variables)
    assert done.returncode == 2 and done.stderr.startswith(expected)
    assert done.stderr.count(b"--epohs") == 1


def test_a_training_and_its_comparison_are_told_in_chinese(tmp_path):
    options = ["--data", "digits", "--epochs", "2", "--max-steps", "2", "--output", str(tmp_path)]
    for command in (
        ["train.py", "--augment", "mixup", *options],
        ["-m", "paddle_aug", "compare", str(tmp_path), "--output", str(tmp_path / "compared")],
    ):
        done = run(command, warm_python(), LANG="zh_CN.UTF-8", PYTHONIOENCODING="utf-8")
        assert done.returncode == 0
        text = done.stdout.decode()
        assert re.search("[\u4e00-\u9fff]", text)
        assert not re.findall(r"(?:\b[a-z]{2,} ){2}[a-z]{2,}\b", text)
    # What programs read is the same in every language.
    assert (tmp_path / "compared/table.csv").read_text().startswith("label,mode,runs")
    assert (tmp_path / "mixup/metrics.csv").read_text().startswith("epoch,")


@pytest.mark.parametrize("rights", [None, [[0, 1] * 50, [1, 1, 0] * 40]])
def test_a_comparison_is_chinese_throughout(tmp_path, chinese, rights):
    """Over seeds or over images: several comparisons, other seeds, curves that never cross."""
    seeds = 1 if rights else 3
    methods = {"no": [0.40, 0.41, 0.42], "up": [0.45, 0.46, 0.471], "down": [0.3, 0.31, 0.35],
               "more": [0.4, 0.45, 0.41, 0.5]}  # fmt: skip
    for label, values in methods.items():
        values = values[: seeds + (label == "more")]
        shown = rights and [rights[label in ("up", "down")][:100]] * len(values)
        write_method(tmp_path / "runs", "no" if label == "no" else "mixup", values, shown, label)
    found = find_runs([str(tmp_path / "runs")], {"augment"})
    claims = [Claim(**CLAIM | {"method": "up", "tolerance": 0.02})]
    judged = put_side_by_side(found.runs, "no", 10, claims, found.studied, counts)
    text = translate(for_terminal(judged))
    names = {
        "no",
        "up",
        "down",
        "more",
        "mixup",
        "brings",
        "points",
        "Holm",
        "McNemar",
        "bootstrap",
    }
    assert set(re.findall("[A-Za-z]{2,}", text)) <= names
    assert "从未 (" in text if seeds > 1 else "从未" in text


def test_a_figures_texts_are_translated_but_not_the_names_at_its_ticks(chinese):
    figure = new_figure(2, 2)
    axes = figure.add_subplot()
    axes.set_title("The most confident mistakes")
    axes.set_ylabel("Learning rate")
    axes.set_xticks([0], ["Epoch"])
    make_readable(figure)
    assert (axes.get_title(), axes.get_ylabel()) == ("最有把握的错误", "学习率")
    assert [label.get_text() for label in axes.get_xticklabels()] == ["Epoch"]
