"""Numbers that the documents give of the code are the code's."""

import pickletools
import re
from pathlib import Path

import pytest

from paddle_aug.augment.transforms.auto_augment import RAND_AUGMENT_RANGES
from paddle_aug.export.to_onnx import OPSET
from paddle_aug.modes import AUGMENTS, MODES
from paddle_aug.prediction.sheet import MOST
from paddle_aug.report.statistics import RESAMPLES
from tests.fuzz_targets import TARGETS

ROOT = Path(__file__).parent.parent


def read(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def instructions() -> int:
    """Of pickle's, how many `core/plain_pickle.py` takes."""
    source = read("paddle_aug/core/plain_pickle.py")
    return sum(f'"{code.name}"' in source for code in pickletools.opcodes)


@pytest.mark.parametrize(("document", "sentence"), [
    ("docs/reliability.md", f"knows {instructions()} of pickle's instructions"),
    ("docs/reliability.md", f"in all {len(AUGMENTS)} modes in turn"),
    ("docs/predict.md", f"the first {MOST} images"),
    ("docs/export.md", f"ONNX: opset {OPSET}"),
    ("docs/judging.md", f"bootstrap ({RESAMPLES:,} draws"),
    ("README.md", f"2 draws from {len(RAND_AUGMENT_RANGES)} operations (the same one may come"),
    ("README_cn.md", f"{len(RAND_AUGMENT_RANGES)} 种操作里抽 2 次（可重复），强度 9"),
])  # fmt: skip
def test_a_number_in_a_document_is_the_codes(document, sentence):
    assert sentence in " ".join(read(document).split())


def test_the_table_of_fuzzed_readers_names_each_once():
    rows = re.findall(r"^\| (\w+) \| 10,000 \|", read("docs/reliability.md"), re.M)
    assert f"gives each of {len(rows)} readers 10,000 inputs" in read("docs/reliability.md")
    (later,) = re.findall(r"not in the table yet: (.*)\.", read("docs/reliability.md"))
    assert sorted([*rows, *later.split(", ")]) == sorted(TARGETS)


@pytest.mark.parametrize("name", ["train.py", "evaluate.py", "predict.py"])
def test_the_commands_are_files_of_eight_lines(name):
    assert len(read(name).splitlines()) == 8
    assert "eight lines each" in read("README.md")
    assert "每个文件八行" in read("README_cn.md")


@pytest.mark.parametrize("document", ["README.md", "README_cn.md"])
def test_the_table_of_augmentations_is_the_one_of_modes(document):
    (table,) = re.findall(r"`--augment`.*\n\n((?:\|.*\n)+)", read(document))
    rows = [line.strip("| \n").split("|") for line in table.splitlines()[2:]]
    named = [(name, row[-1].strip()) for row in rows for name in re.findall(r"`(\w+)`", row[0])]
    assert [name for name, _ in named] == list(AUGMENTS)
    for name, source in named:
        if "arXiv" in MODES[name].source + source:
            assert source == MODES[name].source
    mixed = {name: " ".join(row) for row in rows for name in re.findall(r"`(\w+)`", row[0])}
    for name, mode in MODES.items():
        if mode.mixing is not None and mode.mixing.mix_prob < 1:
            assert f" {mode.mixing.mix_prob}" in mixed[name]
        if name == "mixup" and mode.mixing is not None:
            assert f"Beta({mode.mixing.alpha}, {mode.mixing.alpha})" in mixed[name]


def test_documents_say_the_pythons_that_the_package_takes():
    first, after = re.findall(r'requires-python = ">=3\.(\d+),<3\.(\d+)"', read("pyproject.toml"))[
        0
    ]
    for document in ("README.md", "README_cn.md", "docs/installation.md"):
        text = rf"Python 3\.{first} (?:to|到) 3\.{int(after) - 1}\b"
        assert re.search(text, read(document)), document
