"""What is mistyped on a command line is named, with what was probably meant."""

import importlib
import subprocess
import sys
from pathlib import Path

import pytest

from paddle_aug.__main__ import VERBS, main
from paddle_aug.cli.parser import Parser
from paddle_aug.command_line import parse_args
from paddle_aug.config import Config, load_config
from paddle_aug.config.words import choices
from paddle_aug.core.bundled import find_config
from paddle_aug.core.errors import UserError, closest
from paddle_aug.modes import AUGMENTS

ROOT = Path(__file__).parent.parent.parent


def parser_of(verb: str) -> Parser:
    return importlib.import_module(VERBS[verb][0]).build_parser()


@pytest.mark.parametrize("verb", VERBS)
def test_of_every_verb_a_mistyped_option_is_answered_by_the_one_that_was_meant(verb):
    parser = parser_of(verb)
    flags = [flag for flag in parser._option_string_actions if flag.startswith("--")]
    assert isinstance(parser, Parser) and flags
    for flag in flags:
        if len(flag) < 6:
            continue
        # Two letters change places, as they do under quick fingers.
        wrong = flag[:-2] + flag[-1] + flag[-2]
        if wrong in flags:
            continue
        with pytest.raises(UserError, match=f"^{wrong}: unknown option; did you mean --"):
            parser.parse_args([wrong, "x"])


@pytest.mark.parametrize("verb", VERBS)
def test_of_every_verb_no_option_may_be_shortened(verb):
    flag = max(parser_of(verb)._option_string_actions, key=len)
    with pytest.raises(UserError, match=f"unknown option; did you mean {flag}"):
        parser_of(verb).parse_args([flag[:-1]])


@pytest.mark.parametrize(
    ("wrong", "meant"),
    [("--image_size", "--image-size"), ("--Epochs", "--epochs"), ("--epohcs", "--epochs"),
     ("--seeds", "--seed"), ("--LR", "--lr"), ("--policy.noise_max_sigma",
     "--policy.noise-max-sigma")],
)  # fmt: skip
def test_case_and_underscores_are_no_obstacle_to_a_suggestion(wrong, meant):
    for line in ([wrong, "3"], [f"{wrong}=3"]):
        with pytest.raises(UserError, match=f"^{wrong}: unknown option; did you mean {meant}\\?$"):
            parse_args(line)


def test_an_option_that_is_like_none_is_answered_by_the_way_to_the_list():
    with pytest.raises(UserError, match=r"^--zzzz: unknown option; .*--help lists them$"):
        parse_args(["--zzzz"])
    with pytest.raises(UserError, match="^unrecognized arguments: mixup; .*--help explains$"):
        parse_args(["mixup"])


@pytest.mark.parametrize("name", [name for name in Config.model_fields if choices(name)])
def test_a_value_in_another_case_or_mistyped_is_answered_by_the_one_that_was_meant(name):
    for value in choices(name):
        if len(value) < 4:
            continue
        other = {"augment": "mixup"} if name == "base" else {}
        for wrong in (value.swapcase(), value + "e"):
            with pytest.raises(UserError, match=rf"^{name}: .*did you mean {value}\?"):
                load_config({**other, name: wrong})


@pytest.mark.parametrize("name", AUGMENTS[1:])
def test_an_augmentation_in_small_letters_is_known_for_what_it_is(name):
    if name != name.lower():
        with pytest.raises(UserError, match=rf"did you mean {name}\?$"):
            parse_args(["--augment", name.lower()])


@pytest.mark.parametrize(
    ("line", "said"),
    [(["evaluate", "x", "--checkpoint", "Best"], r"^--checkpoint: 'Best' .* mean best\?$"),
     (["evaluate", "x", "--tta", "flips"], r"^--tta: 'flips' is none of .* mean flip\?$"),
     (["preview", "--sheet", "Mixup"], r"^--sheet: 'Mixup' is none of .* mean mixup\?$"),
     (["--print-completion", "bahs"], r"'bahs' is none of bash, zsh, tcsh; did you mean bash\?$"),
     (["--verion"], r"^--verion: unknown option; did you mean --version\?$"),
     (["--json", "check"], "^--json: unknown option"),
     (["preview", "--operation", "randomcrop: 3"], r"'randomcrop': did you mean RandomCrop\?"),
     (["preview", "--operation", "{Resize: {sise: 3}}"], r"unknown argument 'sise'.* mean size\?"),
     (["schedule", "--config", "configs/s1_mnist_plian.yaml"], "mean s1_mnist_plain.yaml"),
     (["suite", "configs/suites/S1.yaml"], "no such file; did you mean s1.yaml")],
)  # fmt: skip
def test_other_values_and_files(line, said, monkeypatch):
    monkeypatch.chdir(ROOT)
    with pytest.raises(UserError, match=said):
        main(line)


def test_a_configuration_that_is_like_none_is_said_by_whoever_reads_it(tmp_path):
    assert find_config(tmp_path / "zzzz.yaml") == tmp_path / "zzzz.yaml"


@pytest.mark.parametrize("argument", ["--policy.brightness", "--train-transforms", "--mean"])
def test_a_value_that_is_no_yaml_is_one_line(argument):
    with pytest.raises(UserError, match="not valid YAML: expected ',' or ']'"):
        parse_args(["--augment", "no", argument, "[1"])


def test_names_that_differ_in_signs_only_are_the_closest():
    assert closest("noise-max-sigma", ["noise_min", "noise_max_sigma"]) == "noise_max_sigma"
    assert closest("zzzz", ["mixup"]) is None


def test_a_mistyped_option_is_one_line_and_exit_code_2():
    command = [sys.executable, "train.py", "--epohcs", "3"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert done.stderr == "error: --epohcs: unknown option; did you mean --epochs?\n"
