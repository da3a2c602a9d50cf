"""A leading ~ is the home folder in every option that names a file or folder."""

import argparse
import importlib
from pathlib import Path

import pytest

from paddle_aug.__main__ import VERBS
from paddle_aug.command_line import build_parser as train_parser
from paddle_aug.command_line import parse_args
from paddle_aug.config import Config, fact, load_config
from paddle_aug.core.errors import UserError
from paddle_aug.core.user_paths import cache_home, expand, user_path
from paddle_aug.evaluation.options import parse_args as parse_evaluation
from paddle_aug.report.found_runs import find_runs
from paddle_aug.runs.reading import split_label


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


PATH_OPTIONS = [name for name in Config.model_fields if fact(name, "path")]


@pytest.mark.parametrize("name", PATH_OPTIONS)
def test_a_zero_character_in_a_path_of_a_yaml_file_is_refused_with_the_option(name):
    with pytest.raises(UserError, match=f"{name}.*cannot have a zero character"):
        load_config({"augment": "no", name: "a\0b"})


def test_the_options_that_name_paths_are_known():
    named = {"data", "images_root", "eval_data", "class_names", "weights", "output"}
    assert named <= set(PATH_OPTIONS)


@pytest.mark.parametrize("name", PATH_OPTIONS)
def test_options_of_a_run_expand_it_on_the_command_line_and_in_yaml(name, home, tmp_path):
    flag = "--" + name.replace("_", "-")
    assert getattr(parse_args([f"{flag}=~/x/y"])[0], name) == f"{home}/x/y"
    (tmp_path / "c.yaml").write_text(f"{name}: ~/x/y\n")
    assert getattr(parse_args(["--config", "~/c.yaml"])[0], name) == f"{home}/x/y"
    assert getattr(load_config({name: "a~/b"}), name) == "a~/b"


def paths_of(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    words = ("FILE", "FOLDER", "RUN")
    return [
        action
        for action in parser._actions
        if any(word in str(action.metavar) for word in words) or action.dest == "run"
    ]


@pytest.mark.parametrize("verb", ["train.py", *VERBS])
def test_the_other_options_that_name_paths_expand_it(verb, home):
    if verb == "train.py":
        parser = train_parser("")
    else:
        module = importlib.import_module(VERBS[verb][0])
        if not hasattr(module, "build_parser"):
            pytest.skip("has the options of a run")
        parser = module.build_parser()
    for action in paths_of(parser):
        if verb in ("compare", "report") and action.dest == "runs":
            continue  # [LABEL=]FOLDER: below
        if action.dest in Config.model_fields and action.type is None:
            assert action.dest in PATH_OPTIONS
            continue
        assert callable(action.type), f"{verb} {action.dest}"
        assert str(action.type("~/x")) == f"{home}/x", f"{verb} {action.dest}"


def test_runs_to_compare_and_to_evaluate_expand_it(home):
    assert split_label("~/logs") == (None, home / "logs")
    assert split_label("mine=~/logs") == ("mine", home / "logs")
    with pytest.raises(UserError, match=f"{home}/none"):
        find_runs(["~/none"], ())
    options = parse_evaluation(["~/logs/no", "--data", "~/d", "--output=~/o"])
    assert (options.run, options.data, options.output) == (
        f"{home}/logs/no", f"{home}/d", f"{home}/o",
    )  # fmt: skip


def test_the_cache_folder_expands_it(home, monkeypatch):
    monkeypatch.setenv("PADDLE_AUG_CACHE", "~/cache")
    assert cache_home() == home / "cache"
    monkeypatch.delenv("PADDLE_AUG_CACHE")
    assert cache_home() == home / ".cache" / "paddle_aug"


def test_an_unknown_user_is_a_folder_of_that_name():
    assert expand("~nobody-of-this-name/x") == "~nobody-of-this-name/x"
    assert user_path("plain") == Path("plain")
