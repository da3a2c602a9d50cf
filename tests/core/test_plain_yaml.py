"""YAML stands for plain values: what could make more of them is refused."""

import pytest
import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import load_yaml, load_yaml_as_texts, parse_yaml_text, read_yaml


@pytest.mark.parametrize("load", [load_yaml, load_yaml_as_texts])
@pytest.mark.parametrize(
    "value",
    ["!!bool maybe", "!!timestamp x", '!!int ""', "!!map [1]", "!!binary ZGlnaXRz", "!!str 1",
     "!own x", "!!set {a, b}", "! 5", "[1, !!null x]"],
)  # fmt: skip
def test_every_tag_is_refused_with_its_line(load, value):
    with pytest.raises(yaml.YAMLError, match=r"the tag !\S* at line 2 is not read here"):
        load(f"a: 1\nb: {value}\n")


def test_a_tag_in_a_file_and_in_an_option_is_named(tmp_path):
    path = tmp_path / "c.yaml"
    path.write_text("seed: 1\ndata: !!binary ZGlnaXRz\n")
    with pytest.raises(UserError) as error:
        read_yaml(path)
    said = "not valid YAML: the tag !!binary at line 2 is not read here: leave it out"
    assert str(error.value) == f"{path}: {said}"
    with pytest.raises(ValueError, match="not valid YAML: the tag !!bool at line 1 is not read"):
        parse_yaml_text("[{Resize: !!bool maybe}]")


def test_values_without_a_tag_are_read_as_before():
    text = 'a: [1, 2.5, yes, null, "5"]\nb: {c: no, d: a}\n'
    assert load_yaml(text) == {"a": [1, 2.5, True, None, "5"], "b": {"c": False, "d": "a"}}
    assert load_yaml_as_texts("a: [no, 007, 2020-01-02]") == {"a": ["no", "007", "2020-01-02"]}
