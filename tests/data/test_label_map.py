"""Files of class names: every spelling gives the names under the right numbers, or is refused."""

import json
import time

import pytest

from paddle_aug.core.errors import UserError
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.label_map import read_label_map
from paddle_aug.data.options import DataOptions
from tests.data_sets import load, picture

NAMES = {0: "disc", 1: "square", 2: "cross"}


def read(folder, name, text):
    (folder / name).write_text(text, encoding="utf-8")
    return read_label_map(folder / name, Guesses(DataOptions()))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '{\n  "0": "disc",\n  "1": "square",\n  "2": "cross"\n}\n'),
        ("c.txt", '{"0": "disc", "2": "cross", "1": "square"}'),
        ("c.json", '{\n\t"0": "disc",\n\t"1": "square",\n\t"2": "cro\\u0073s"\n}\n'),
        ("c.json", '{"disc": 0, "cross": 2, "square": 1}'),
        ("config.json", '{"x": [1], "id2label": {"0": "disc", "1": "square", "2": "cross"}}'),
        ("data.yaml", "nc: 3\nnames:\n  0: disc\n  1: square\n  2: cross\n"),
        ("c.yml", "2: cross\n0: disc\n1: square\n"),
        ("c.txt", "cross 2\ndisc 0\nsquare 1\n"),
        ("c.txt", "disc:0\nsquare:1\ncross:2\n"),
        ("c.txt", "2 'cross'\n0 'disc'\n1 'square'\n"),
        ("c.txt", "# number name\n2 cross\n0 disc\n1 square\n"),
        ("c.txt", "\n2 cross\n\n0 disc\n#\n1 square\n\n"),
    ],
)
def test_names_with_numbers(name, text, tmp_path):
    found = read(tmp_path, name, text)
    assert found.names == NAMES and found.by_number


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("c.json", '["disc", "square", "cross"]'),
        ("c.txt", "['disc', 'square', 'cross']\n"),
        ("data.yaml", "train: images\nnc: 3\nnames: [disc, square, cross]\n"),
        ("c.txt", "- disc\n- square\n- cross\n"),
        ("c.txt", '"disc"\n"square"\n"cross"\n'),
        ("c.txt", "# my classes\ndisc\nsquare\ncross\n"),
        ("c.txt", "disc\n\nsquare\n  \ncross\n"),
    ],
)
def test_names_in_order(name, text, tmp_path):
    found = read(tmp_path, name, text)
    assert found.names == NAMES and not found.by_number


@pytest.mark.parametrize(
    "lines",
    [["Boeing 737", "Airbus 320"], ["Type 1", "Type 2"], ["no", "yes", "null"], ["#1 fan", "other"],
     ["007", "1e3"], ["'t Hooft", "Bohr"]],
    ids=str,
)  # fmt: skip
def test_names_stay_as_they_are_written(lines, tmp_path):
    assert list(read(tmp_path, "c.txt", "\n".join(lines)).names.values()) == lines
    listed = "\n".join(f'- "{name}"' for name in lines)
    assert list(read(tmp_path, "c.yaml", listed).names.values()) == lines
    if "#1 fan" not in lines and "'t Hooft" not in lines:
        listed = "\n".join(f"- {name}" for name in lines)
        assert list(read(tmp_path, "c.yaml", listed).names.values()) == lines


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("c.csv", "id,name\n0,a\n1,b\n2,c\n", r"c.csv: 'id,name' in the first line, then lines"),
        ("c.json", '{"a": {"b": 1}}', r"c.json: needs a list of names, names by number"),
        ("c.json", '{"0": "a", "0": "b"}', r"c.json: neither JSON nor YAML: '0' is given twice$"),
        ("c.yaml", "0: a\n0: b\n", r"c.yaml: neither JSON nor YAML: '0' is given twice in what"),
        ("c.json", "[" * 99_999, r"c.json: neither JSON nor YAML: maximum recursion"),
        ("c.json", r'["a", "\ud83d"]', r"c.json: the class name '\\ud83d' has half of a character"),
        ("c.yaml", r'- "\ud83d\ude00"', r"c.yaml: the class name '\\ud83d\\ude00' has half of a"),
        ("c.json", '["a"', r"c.json: neither JSON nor YAML"),
        ("c.json", '["a", "a"]', r"c.json: has an empty or a repeated class name"),
        ("c.json", '["a", ""]', r"c.json: has an empty or a repeated class name"),
        ("c.txt", "# nothing else\n", r"c.txt: names no class$"),
        ("c.txt", "\n# a\n0 a\n\n1 b\n# c\n0 c\n", r"c.txt:7: number 0 is given twice"),
        ("c.txt", "a\n\n# b\nb\na\n", r"c.txt:5: has an empty or a repeated class name"),
        ("c.txt", "0 'a'\n1 ' a'\n", r"c.txt:2: has an empty or a repeated class name"),
        ("j.json", '{"a": 0, "b": 1, "c": 0}', r"j.json: number 0 is given twice"),
        ("y.yaml", "a: 0\nb: 1\nc: 1\n", r"y.yaml: number 1 is given twice"),
    ],
)
def test_what_can_be_read_in_two_ways_or_in_none_is_refused(name, text, error, tmp_path):
    with pytest.raises(UserError, match=error):
        read(tmp_path, name, text)


def test_json_keeps_its_characters_numbers_and_words(tmp_path):
    names = ["😀", "猫", "a/b", "1"]
    text = json.dumps(names).replace("/", r"\/")  # as PHP writes it
    assert r"\ud83d\ude00" in text
    assert [*read(tmp_path, "c.json", text).names.values()] == names
    text = '["007", 1.50, 1e3, NaN, true, null, 12345678901234567890]'
    found = [*read(tmp_path, "c.json", text).names.values()]
    assert found == ["007", "1.50", "1e3", "NaN", "true", "null", "12345678901234567890"]


def test_a_map_of_many_classes_is_read_in_a_moment(tmp_path):
    names = {str(number): f"name {number}" for number in range(50_000)}
    start = time.process_time()
    assert len(read(tmp_path, "c.json", json.dumps(names)).names) == 50_000
    assert time.process_time() - start < 10  # comparing each with each takes a minute


@pytest.mark.parametrize(
    ("name", "text", "error"),
    [
        ("c.txt", "".join(f"{i} name {i}\n" for i in range(50_000)), None),
        ("c.txt", "".join(f"{i % 49_999} n {i}\n" for i in range(50_000)), r":50000: number 0 is"),
        ("c.yaml", "".join(f"- name {i}\n" for i in range(90_000)), r"more than the 1,048,576 ch"),
        ("c.txt", "".join(f"- name {i}\n" for i in range(90_000)), r"more than the 1,048,576 ch"),
        ("c.json", "[" + ",".join(f'"name {i}"' for i in range(90_000)), r"not JSON, and more"),
        ("c.txt", "x" * (8 << 20) + "\n", r"8,388,609 bytes, the limit is 8,388,608"),
    ],
    ids=["lines", "a number twice", "yaml", "text as yaml", "json that is cut off", "one line"],
)
def test_large_maps_are_read_or_refused_in_a_moment(name, text, error, tmp_path):
    start = time.process_time()
    if error:
        with pytest.raises(UserError, match=error):
            read(tmp_path, name, text)
    else:
        assert read(tmp_path, name, text).names[49_999] == "name 49999"
    assert time.process_time() - start < 5


def test_a_file_that_is_chosen_names_the_labels(tmp_path):
    for number in range(3):
        picture(tmp_path / f"{number}.png", number)
    (tmp_path / "train.txt").write_text("0.png 1\n1.png 0\n2.png 2\n")
    (tmp_path / "val.txt").write_text("1.png 0\n")
    (tmp_path / "data.yaml").write_text("names: {2: cross, 0: disc, 1: square}\n")
    train, _ = load(tmp_path, class_names=str(tmp_path / "data.yaml"))
    assert train.classes == ["disc", "square", "cross"] and list(train.labels) == [1, 0, 2]
