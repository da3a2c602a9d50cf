"""The report page of made-up runs: verdicts, figures, both languages, hostile names, its place."""

import json
import os
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from paddle_aug.commands import report
from paddle_aug.core.errors import UserError
from paddle_aug.core.text import duration
from paddle_aug.language import LANGUAGES, translate
from paddle_aug.language.catalogue import chinese_messages
from paddle_aug.page import sentences, wording
from paddle_aug.page.render import MARK
from paddle_aug.report import verdicts
from paddle_aug.report.claims import Claim
from paddle_aug.report.found_runs import find_runs
from tests.run_folders import (
    CLAIM,
    ENVIRONMENT,
    suite_results,
    write_method,
    write_run,
)

ROOT = Path(__file__).parents[2]
HOSTILE = "<script>alert(1)</script>\"'&"


def page(tmp_path, *arguments):
    """The page's text."""
    output = tmp_path / "out" / "report.html"
    report.main([*map(str, arguments), "--output", str(output)])
    return output.read_text(encoding="utf-8")


def test_the_verdict_comes_first_with_its_figures(tmp_path):
    html = page(tmp_path, suite_results(tmp_path / "s", [CLAIM]), "--language", "en")
    body = html[html.index("<main>") :]
    order = ["mixup brings 5 points", ">reproduced<", "+5.0 points (± 2.0)", ">+5.0 points<",
             "+4.9 to +5.2 points", "Not finished: mixup, seed 3.", "Evaluation accuracy of each",
             "Against no", "<svg viewBox", "Other differences", "AMD EPYC", "python all",
             "python one"]  # fmt: skip
    places = [body.index(text) for text in order]
    assert places == sorted(places), list(zip(order, places, strict=True))
    assert "0.4603 ± 0.0105\n[0.4342, 0.4864]" in body
    assert ">+5.03<" in body and ">+4.89 to +5.18<" in body and ">10 min<" in body


def test_a_training_time_is_that_of_the_suites_table_in_both_languages():
    times = (0.2, 95, 99.4, 100, 5500, 5999, 6000, 172_799, 172_800, 216_000)
    english, chinese = (
        [wording.duration(time, sentences.Language(name)) for time in times] for name in LANGUAGES
    )
    assert english == [duration(time) for time in times]
    assert chinese == [
        "0 秒", "95 秒", "99 秒", "2 分钟", "92 分钟", "100 分钟", "1.7 小时", "48.0 小时",
        "2.0 天", "2.5 天",
    ]  # fmt: skip
    assert wording.duration(None, sentences.Language("en")) == "–"


@pytest.mark.parametrize(
    ("kind", "ends", "english", "chinese"),
    [
        ({"epoch": 150}, (177.6, 228.4), "epoch 178 to 228", "第 178 至 228 轮"),
        ({"difference": 0.06}, (-0.0922, 0.1477), "-9.2 to +14.8 points", "-9.2 至 +14.8 个百分点"),
        ({"value": 0.36}, (0.362, 0.466), "0.362 to 0.466", "0.362 至 0.466"),
        ({"epoch": 150}, (np.nan, np.nan), "–", "–"),
    ],
)
def test_an_interval_has_its_unit_once(kind, ends, english, chinese):
    claim = Claim(text="a claim", method="mixup", tolerance=0.02, **kind)
    judged = SimpleNamespace(claim=claim, evidence=SimpleNamespace(low=ends[0], high=ends[1]))
    say = [sentences.Language(name) for name in LANGUAGES]
    assert [wording.claim_interval(judged, each) for each in say] == [english, chinese]


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        ("avx avx2 avx512f", "AMD EPYC, avx512f, 2 cores"),
        (None, "AMD EPYC, 2 cores"),
        ("", "AMD EPYC, 2 cores"),
        (" \n", "AMD EPYC, 2 cores"),
    ],
)
def test_a_run_that_recorded_its_instructions_has_the_newest_beside_the_processor(
    tmp_path, names, shown
):
    record = ENVIRONMENT if names is None else {**ENVIRONMENT, "instructions": names}
    write_run(tmp_path / "runs", "no", config={"seed": 0}, environment=record)
    assert f">{shown}<" in page(tmp_path, tmp_path / "runs", "--language", "en")


@pytest.mark.parametrize(
    ("claim", "english", "chinese"),
    [
        ({"difference": 0.2}, "same direction", "方向一致"),
        ({"difference": -0.05}, "contradicted", "与之相反"),
        ({"difference": 0}, "contradicted", "与之相反"),
        ({"value": 0.9, "baseline": None}, "not seen", "未见到"),
        ({"difference": 0.05}, "reproduced", "已复现"),
        ({"epoch": 3, "tolerance": 5}, "undecided", "未能判定"),  # 0 in every seed
    ],
)
def test_every_kind_of_claim_gets_its_verdict_in_words(tmp_path, claim, english, chinese):
    folder = suite_results(tmp_path / "s", [{**CLAIM, "difference": None, **claim}])
    for language, word in (("en", english), ("zh", chinese)):
        html = page(tmp_path, folder, "--language", language)
        assert f'<strong class="verdict">{word}</strong>' in html


def test_runs_without_claims_are_compared_in_a_sentence(tmp_path):
    write_method(tmp_path / "logs", "userDef", [0.40, 0.41, 0.42])
    write_method(tmp_path / "logs", "mixup", [0.45, 0.46, 0.471])
    html = page(tmp_path, tmp_path / "logs", "--language", "en")
    assert ("mixup is above userDef by 5.03 points (95 % interval +4.89 to +5.18, over 3 seeds): "
            "a difference is shown.") in html  # fmt: skip
    html = page(tmp_path, tmp_path / "logs", "--language", "zh")
    assert "mixup 比 userDef 高 5.03 个百分点（95 % 区间 +4.89 至 +5.18，依据 3 个种子）" in html


def test_the_same_difference_in_every_seed_is_told_without_an_interval(tmp_path):
    write_method(tmp_path / "logs", "userDef", [0.5, 0.5])
    write_method(tmp_path / "logs", "mixup", [0.53, 0.53])
    html = page(tmp_path, tmp_path / "logs", "--language", "en")
    assert "mixup against userDef: +3.00 points (no interval); no difference is shown." in html
    assert ">0.5300 ± 0.0000<" in html and "[nan, nan]" not in html
    assert "Over –: no interval, as there is one seed and no predictions of both" in html
    chinese = page(tmp_path, tmp_path / "logs", "--language", "zh")
    assert "或每个种子、每张图片的差别都相同。" in chinese


def test_one_run_alone_and_curves_without_anything_else(tmp_path):
    write_run(tmp_path / "logs", "mixup", epochs=3)
    html = page(tmp_path, tmp_path / "logs", "--language", "en")
    assert "There is one method only" in html and "not recorded" in html
    assert "options of any run: not recorded, so not compared" in html
    html = page(tmp_path, f"Mine={tmp_path / 'logs'}", "--language", "zh")
    assert "任意一次运行的选项：未记录，因此不作比较" in html and ">Mine<" in html.replace(
        "</span> ", ">"
    )


class Names(HTMLParser):
    """Every element and attribute of a page, and its text."""

    def __init__(self, html):
        super().__init__()
        self.elements, self.attributes, self.text, self.links = set(), set(), "", []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.elements.add(tag)
        for name, value in attrs:
            self.attributes.add(name)
            if name in ("href", "src", "xlink:href"):
                self.links.append(value)

    def handle_data(self, data):
        self.text += data


def test_hostile_names_are_text_and_nothing_asks_for_anything_outside(tmp_path):
    folder = suite_results(tmp_path / "s", [{**CLAIM, "text": HOSTILE, "scale": HOSTILE}])
    table = json.loads((folder / "table.json").read_text())
    table |= {"title": HOSTILE, "source": HOSTILE, "command": HOSTILE, "note": HOSTILE}
    table["methods"][1]["label"] = HOSTILE
    for claim in table["claims"]:
        claim["method"] = HOSTILE
    (folder / "table.json").write_text(json.dumps(table))
    html = page(tmp_path, folder, "--language", "en")
    names = Names(html)
    assert "script" not in names.elements
    assert names.text.count(HOSTILE) >= 8
    assert not {name for name in names.attributes if name.startswith("on")}
    assert all(link.startswith(("#", "data:")) for link in names.links)
    assert not re.search(r"url\((?!#)|@import", html)
    anchors = {link[1:] for link in names.links if link.startswith("#")}
    ids = re.findall(r'\bid="([^"]+)"', html)
    assert anchors <= set(ids) and len(ids) == len(set(ids))


def test_a_file_that_is_no_report_is_left_alone(tmp_path):
    write_run(tmp_path / "logs", "mixup")
    mine = tmp_path / "mine.html"
    mine.write_text("<html>mine</html>")
    with pytest.raises(UserError, match="results: only with a suite's YAML file"):
        report.main([str(tmp_path / "logs"), "--results", str(tmp_path)])
    for place, words in ((mine, "no report of paddle_aug"), (tmp_path, "is a folder")):
        with pytest.raises(UserError, match=words):
            report.main([str(tmp_path / "logs"), "--output", str(place)])
    assert mine.read_text() == "<html>mine</html>"
    first = page(tmp_path, tmp_path / "logs")
    assert MARK in first
    assert page(tmp_path, tmp_path / "logs") == first  # over an earlier one, the same bytes


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda table: table.update(format=2), "another version"),
        (lambda table: table.pop("claims"), "not a table of a suite"),
        (lambda table: table["claims"][0].update(tolerance=-1), "not a table of a suite"),
        (lambda table: table["methods"][0]["runs"][0].update(folder="gone"), "gone"),
        *(
            (lambda table, key=key, value=value: table.update({key: value}), "not a table of a")
            for key, value in [
                ("note", -1),
                ("missing", -1),
                ("last", None),
                ("last", 0),
                ("last", 1.5),
                ("commands", [{"label": "a"}]),
                ("claims", [1]),
            ]
        ),
        (lambda table: table["methods"][0].update(label=-1), "not a table of a suite"),
        (lambda table: table["methods"][0].update(studied=[1]), "not a table of a suite"),
    ],
)
def test_a_damaged_table_of_a_suite_is_an_error_that_names_it(tmp_path, change, words):
    folder = suite_results(tmp_path / "s", [CLAIM])
    table = json.loads((folder / "table.json").read_text())
    change(table)
    (folder / "table.json").write_text(json.dumps(table))
    with pytest.raises(UserError, match=words):
        page(tmp_path, folder)


def test_runs_below_a_folder_that_has_runs_itself_are_said_to_be_left_out(tmp_path, capsys):
    write_run(tmp_path / "logs", "no")
    write_method(tmp_path / "logs/sub", "mixup", [0.4, 0.5])
    html = page(tmp_path, tmp_path / "logs")
    assert "Comparison of 1 run<" in html
    assert f"note: {tmp_path / 'logs'}: 2 runs in folders below left out" in capsys.readouterr().err
    labelled = page(tmp_path, f"Mine={tmp_path / 'logs/sub'}")
    assert "Comparison of 2 runs<" in labelled and ">Mine<" in labelled.replace("</span> ", ">")


def test_a_pipe_is_refused_at_once_and_a_name_of_other_bytes_is_told(tmp_path):
    write_run(tmp_path / "logs", "mixup")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(UserError, match="pipe: is a named pipe, an ordinary file is needed"):
        report.main([str(tmp_path / "logs"), "--output", str(tmp_path / "pipe")])
    odd = os.fsdecode(bytes(tmp_path) + b"/\xff\xfe")
    shutil.copytree(tmp_path / "logs", odd)
    assert page(tmp_path, odd).startswith("<!DOCTYPE html>")


def test_a_long_label_is_a_label(tmp_path):
    write_run(tmp_path / "logs", "mixup")
    label = "标签" * 100
    assert label in page(tmp_path, f"{label}={tmp_path / 'logs'}")


def test_when_a_method_mixed_is_told_where_it_changes(tmp_path):
    mixing = [1] * 3 + [0] * 2 + [1] + [0] * 14
    write_run(tmp_path / "logs", "mixup", mixing=mixing, config={"seed": 0})
    write_run(tmp_path / "logs", "samplePairing", mixing=mixing, config={"seed": 0})
    write_run(tmp_path / "logs", "cutmix", mixing=[1] * 20, config={"seed": 0})
    write_run(tmp_path / "logs", "no", mixing=[0] * 20, config={"seed": 0})
    html = page(tmp_path, tmp_path / "logs", "--language", "en")
    assert "mixup mixed in epochs 0–2, 5–5 (from 0)." in html
    assert "Shaded: epochs in which samplePairing mixed." in html
    assert "cutmix mixed" not in html and "no mixed" not in html


def test_options_that_a_run_did_not_record_are_no_difference(tmp_path):
    write_run(tmp_path / "a", "no", config={"seed": 0, "cache": True, "alpha": 0.2})
    write_run(tmp_path / "b", "mixup", config={"seed": 0, "cache": True, "alpha": 0.5})
    (tmp_path / "b/mixup/config.yaml").rename(tmp_path / "b/mixup/changes.yaml")
    (tmp_path / "b/mixup/changes.yaml").write_text("alpha: 0.5\n", encoding="utf-8")
    html = page(tmp_path, tmp_path / "a", tmp_path / "b", "--language", "en")
    studied = html[html.index('id="differences"') :]
    assert ">alpha<" in studied and ">cache<" not in studied


def test_all_commands_of_a_run_that_went_on_with_changes_are_shown(tmp_path):
    start = {"epoch": 0, "changes": [], "command": "train.py --lr 0.05"}
    further = {"epoch": 3, "changes": ["lr: was 0.05, is 0.001"],
               "command": "train.py --resume b/no --lr 0.001 --allow-changes"}  # fmt: skip
    for name, history in (("a", [start]), ("b", [start, further])):
        record = {**ENVIRONMENT, "history": history, "command": history[-1]["command"]}
        write_run(tmp_path / name, "no", config={"seed": 0}, environment=record)
    found = find_runs([f"a={tmp_path}/a", f"b={tmp_path}/b"], set())
    assert [(each.label, each.command) for each in found.commands] == [
        ("a", "python train.py --lr 0.05"),
        ("b", "python train.py --lr 0.05"),
        ("b", "python train.py --resume b/no --lr 0.001 --allow-changes"),
    ]
    html = page(tmp_path, f"a={tmp_path}/a", f"b={tmp_path}/b", "--language", "en")
    assert "lr: was 0.05, is 0.001 within a run, from epoch 3 on (b)" in html
    assert "Nothing else that is recorded differs" not in html


def test_runs_evaluated_on_other_images_are_compared_where_that_is_allowed(tmp_path):
    for mode, digest in (("no", "d2"), ("mixup", "x")):
        data = {**ENVIRONMENT["data"], "eval": {"images": 359, "digest": digest}}
        write_run(tmp_path / "logs", mode, environment={**ENVIRONMENT, "data": data})
    with pytest.raises(UserError, match=r"evaluated on other images: .*d2 \(no\), x \(mixup\)\n--"):
        page(tmp_path, tmp_path / "logs")
    assert not (tmp_path / "out").exists()
    html = page(tmp_path, tmp_path / "logs", "--allow-differences", "--language", "en")
    assert "data.eval.digest" in html


def test_options_that_differ_are_shown(tmp_path):
    html = page(tmp_path, suite_results(tmp_path / "s", [CLAIM]), "--language", "en")
    row = re.search(r'<th scope="row">alpha</th>(.*?)</tr>', html)
    assert row and re.findall("<td>(.*?)</td>", row[1]) == ["the method&#39;s own", "0.2"]


# The sentences


def test_every_sentence_is_there_in_both_languages_with_the_same_gaps():
    for key, texts in sentences.SENTENCES.items():
        assert len(texts) == len(sentences.LANGUAGES) == 2 and all(texts), key
        gaps = [set(re.findall(r"\{(\w+)\}", text)) for text in texts]
        assert gaps[0] == gaps[1], key
        for text in texts:
            assert text.count("|") <= 1, key
        only_signs = key in ("nothing", "within", "mixed_labels", "answered")
        assert only_signs or re.search("[\u4e00-\u9fff]", texts[1]), key


def test_every_sentence_is_said_somewhere():
    folder = ROOT / "paddle_aug/page"
    files = [path for path in folder.iterdir() if path.suffix in (".py", ".html")]
    files.append(ROOT / "paddle_aug/commands/report.py")
    text = "\n".join(p.read_text("utf-8") for p in files if p.name != "sentences.py")
    curves = {"lossTrain", "accTrain", "lossEval", "accEval"}
    said = set(re.findall(r"[\"'](\w+)[\"']", text)) | curves
    assert set(sentences.SENTENCES) - said == set()
    assert set(re.findall(r"say\(\s*[\"'](\w+)[\"']", text)) <= set(sentences.SENTENCES)


def test_every_reason_of_a_verdict_has_its_chinese():
    say = sentences.Language("zh")
    nan = float("nan")
    bounds = [(-0.3, -0.2), (-0.1, 0.1), (-0.01, 0.01), (0.01, 0.02), (0.05, 0.07), (0.2, 0.3),
              (nan, nan)]  # fmt: skip
    found = set()
    for basis in (verdicts.SEEDS, verdicts.IMAGES, verdicts.NOTHING):
        for low, high in bounds:
            for p in (0.001, 0.5):
                ours = verdicts.Evidence(basis, (low + high) / 2, low, high, p)
                for published in (0.06, -0.06, 0):
                    found.add(verdicts.judge_difference(ours, published, 0.02).reason)
                found.add(verdicts.judge_value(ours, 0.06, 0.02).reason)
    for epochs in ((), (None,), (None, 3), (3, 4), (3, 3)):
        for length in (5, 500):
            found.add(verdicts.judge_epoch(epochs, 150, 10, length).reason)
    found.add("there is no finished run of mixup")
    assert len(found) > 25
    assert [
        reason for reason in found if re.search("[a-z]{4}", say.remark(reason).replace("mixup", ""))
    ] == []
    assert say.remark("it stays above in 1 of 3 seeds only") == "只在 3 个种子中的 1 个里一直更高"
    assert say.remark("something new") == "something new"


def test_a_verdict_is_the_same_word_on_the_page_and_on_the_terminal():
    keys = {word.replace(" ", "_"): word for word in verdicts.VERDICTS}
    for key, word in {**keys, "published": "published (± our tolerance)"}.items():
        assert sentences.SENTENCES[key] == (word, translate(word, "zh"))
    every = [*chinese_messages().values()]
    every += [chinese for _, chinese in sentences.SENTENCES.values()]
    # One word for "published".
    published = [text for text in every if "已发表" in text]
    assert len(published) > 20 and [t for t in every if re.search("公布|(?<!已)发表", t)] == []


def test_the_pages_languages_are_those_of_the_messages():
    assert LANGUAGES == sentences.LANGUAGES
