"""Options: defaults of the documents, YAML and command line, and errors before any work."""

import contextlib
import dataclasses
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_aug.augment.policies import NUMBERS_USED, POLICIES, PolicyOptions
from paddle_aug.command_line import parse_args
from paddle_aug.config import Config, has_effect, load_config, without_effect
from paddle_aug.core.errors import UserError
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.modes import AUGMENTS, BASES

ROOT = Path(__file__).parent.parent


def test_defaults_are_the_documents():
    config = Config()
    assert config.model == "GoogLeNet"
    assert (config.image_size, config.epochs, config.batch_size) == (224, 500, 8)
    assert (config.optimizer, config.lr) == ("Adam", 1e-4)
    assert config.mean == config.std == [0.5, 0.5, 0.5]
    assert Config(augment="mixup").mix_setting("alpha") == 1.5
    assert Config(augment="mixup").image_part == "userDef"
    assert Config(augment="samplePairing").mix_setting("partner") == "batch"
    assert Config(augment="cutmix").mix_setting("mix_prob") == 0.2
    assert Config(augment="cutmix").mix_setting("partner") == "dataset"
    assert Config(augment="flip").image_part == "flip"


def test_every_documented_augmentation_is_offered():
    documented = {
        "no", "userDef", "imgaugLib", "allab", "allba", "samplePairing", "mixup", "cutmix",
        "cutout", "flip", "randAugment", "trivialAugment",
    }  # fmt: skip
    assert documented <= set(AUGMENTS)


def test_command_line_wins_over_the_file_and_the_file_over_defaults(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("epochs: 30\nbatch_size: 16\npolicy:\n  noise_max_sigma: 7.0\n")
    config, _ = parse_args(["--config", str(path), "--batch-size", "4", "--augment", "mixup"])
    assert (config.epochs, config.batch_size, config.augment) == (30, 4, "mixup")
    assert config.lr == 1e-4
    assert config.policy.noise_max_sigma == 7.0


def test_a_number_of_the_policy_can_be_set_on_the_command_line(tmp_path):
    config, _ = parse_args(["--policy.noise-max-sigma", "2.5"])
    assert config.policy.noise_max_sigma == 2.5


def test_lists_are_given_with_commas_and_transforms_as_yaml():
    config, _ = parse_args(
        ["--milestones", "15, 18", "--mean", "0.485,0.456,0.406",
         "--augment", "no", "--train-transforms", "[{Resize: 120}, RandomHorizontalFlip]"]
    )  # fmt: skip
    assert config.milestones == [15, 18]
    assert config.mean == [0.485, 0.456, 0.406]
    assert config.train_transforms == [{"Resize": 120}, "RandomHorizontalFlip"]


def test_transforms_of_ones_own_need_a_word_on_mixing():
    with pytest.raises(UserError, match="train_transforms: say with --augment what mixing goes"):
        parse_args(["--train-transforms", "[RandomHorizontalFlip]"])


@pytest.mark.parametrize(
    ("options", "notes"),
    [
        ({"augment": "userDef", "alpha": 0.2}, ["--alpha has no effect with --augment userDef"]),
        ({"augment": "samplePairing", "pairing_on": 4}, []),
        ({"augment": "mixup", "alpha": 0.2, "criterion": "focal", "focal_gamma": 1.0}, []),
        ({"augment": "flip", "mix_off_last": 3, "focal_gamma": 1.0},
         ["--mix-off-last has no effect with --augment flip",
          "--focal-gamma has no effect with --criterion cross_entropy"]),
        ({"lr_schedule": "cosine", "milestones": [3], "gamma": 0.5},
         ["--milestones has no effect with --lr-schedule cosine",
          "--gamma has no effect with --lr-schedule cosine"]),
        ({"augment": "randAugment", "policy": {"brightness": [0.1, 0.2], "max_rotation": 5.0}},
         ["--policy.brightness has no effect on the image part randAugment"]),
        ({"augment": "randAugment", "policy": {"max_rotation": 30}},
         ["--policy.max-rotation 30 has no effect: the image part randAugment turns no image "
          "further"]),
        ({"augment": "randAugment", "policy": {"max_rotation": 29}}, []),
        ({"augment": "trivialAugment", "policy": {"max_rotation": 135}},
         ["--policy.max-rotation 135 has no effect: the image part trivialAugment turns no image "
          "further"]),
        ({"augment": "trivialAugment", "policy": {"max_rotation": 134}}, []),
        ({"augment": "trivialAugment", "changes_label": ["large_rotation"],
          "policy": {"max_rotation": 20}},
         ["--policy.max-rotation 20 has no effect: the image part trivialAugment turns no image "
          "further"]),
        ({"augment": "userDef", "policy": {"small_rotation": 20}}, []),
        ({"augment": "userDef", "changes_label": [], "policy": {"small_rotation": 20}},
         ["--policy.small-rotation has no effect on the image part userDef"]),
        ({"augment": "userDef", "policy": {"small_rotation": 20, "rotation": [-9, 9]}},
         ["--policy.small-rotation 20 has no effect: the image part userDef turns no image "
          "further"]),
        ({"augment": "imgaugLib", "changes_label": ["large_rotation"],
          "policy": {"small_rotation": 20}}, []),
        ({"augment": "cutmix", "policy": {"noise_max_sigma": 40}},
         ["--policy.noise-max-sigma has no effect on the image part no"]),
        ({"augment": "mixup", "base": "flip", "train_transforms": [{"Resize": [32, 32]}]},
         ["--base has no effect with --train-transforms"]),
        ({"augment": "userDef", "train_transforms": [{"Resize": [32, 32]}]},
         ["--augment userDef only names the run: its images are made by --train-transforms"]),
        ({"augment": "no", "train_transforms": [{"Resize": [32, 32]}]}, []),
        ({"model": "my_module:Net", "init": "kaiming", "stem": "small"},
         ["--init has no effect with --model my_module:Net",
          "--stem has no effect with --model my_module:Net"]),
        ({"model": "ResNet18", "init": "kaiming", "stem": "small"}, []),
        ({"augment": "cutmix", "mix_draws": "image", "pairs": "replacement"},
         ["--pairs has no effect with --partner dataset: partners are drawn image by image",
          "--mix-draws has no effect with --partner dataset: partners are drawn image by image"]),
        ({"augment": "samplePairing", "mix_draws": "image"},
         ["--mix-draws has no effect with --augment samplePairing and --mix-prob 1: no lam and no "
          "box is drawn"]),
        ({"augment": "samplePairing", "mix_draws": "image", "mix_prob": 0.5}, []),
        ({"augment": "cutout", "mix_draws": "batch", "cutout_size": 0.2}, []),
        ({"augment": "mixup", "cutout_size": 0.2},
         ["--cutout-size has no effect with --augment mixup"]),
        ({"lr_schedule": "multistep", "milestones": [30, 60], "epochs": 40},
         ["--milestones 60 has no effect in 40 epochs"]),
        ({"lr_schedule": "multistep"},
         ["--lr-schedule multistep has no effect without --milestones"]),
        ({"lr_schedule": "plateau", "epochs": 12},
         ["--lr-schedule plateau has no effect in 12 epochs with --plateau-patience 10"]),
        ({"lr_schedule": "plateau", "epochs": 13}, []),
        ({"augment": "cutmix", "changes_label": ["horizontal_flip"]},
         ["--changes-label horizontal_flip has no effect: the image part no has no such "
          "operation"]),
        ({"augment": "flip", "changes_label": ["vertical_flip"]},
         ["--changes-label vertical_flip has no effect: the image part flip has no such "
          "operation"]),
        ({"augment": "userDef", "changes_label": ["horizontal_flip"]}, []),
        ({"augment": "no", "channels": 1, "mean": [0.2, 0.3, 0.4], "std": [0.5]},
         ["--mean 0.2,0.3,0.4: gray images take the average, 0.3"]),
        ({"augment": "no", "eval_transforms": ["RandomHorizontalFlip", {"Resize": [32, 32]}]},
         ["--eval-transforms draw at random (RandomHorizontalFlip): the evaluation is one of many "
          "draws, and not of the images as they are"]),
        ({"eval_transforms": [{"Resize": 40}, {"CenterCrop": 32}]}, []),
        ({"early_stopping": 50, "epochs": 50},
         ["--early-stopping 50 has no effect in 50 epochs"]),
        ({"early_stopping": 49, "epochs": 50},
         ["--early-stopping 49 has no effect in 50 epochs"]),
        ({"early_stopping": 48, "epochs": 50}, []),
        ({"lr_schedule": "multistep", "milestones": [3], "gamma": 1.0},
         ["--lr-schedule multistep has no effect with --gamma 1"]),
        ({"data": "digits", "lr_schedule": "multistep", "milestones": [150]},
         ["--milestones 150 has no effect in 100 epochs"]),
        ({"data": "digits", "early_stopping": 500},
         ["--early-stopping 500 has no effect in 100 epochs"]),
    ],
)  # fmt: skip
def test_options_without_effect_are_named(options, notes):
    assert without_effect(load_config(options)) == notes
    # A saved run gives every option: only changed ones are the user's.
    assert without_effect(load_config(load_config(options).filled().dump())) == notes


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--epochs", "0"], r"epochs: must be at least 1, got '0'"),
        (["--epochs", "many"], r"epochs: must be a whole number, got 'many'"),
        (["--lr", "-1"], r"lr: .*greater than 0"),
        (["--lr", "nan"], r"lr: .*finite"),
        (["--clip-norm", "1e300"], r"clip_norm: must be at most 1000000,"),
        (["--augment", "mixpu"], r"augment: 'mixpu' is none of no, userDef.*did you mean mixup"),
        (["--workers", "-2"], r"workers: "),
        (["--augment", "no", "--base", "flip"], r"base: only with a mixing method"),
        (["--pairing-start", "9", "--pairing-end", "3"], r"pairing_start: must not be after"),
        (["--model", "ResNet19"], r"model: unknown model 'ResNet19'; did you mean ResNet1"),
        (["--std", "0,1,1"], r"std: must be greater than 0"),
        (["--mean", "1,2"], r"mean: give 1 or 3 values"),
        (
            ["--mean", "123.675,116.28,103.53"],
            r"^mean: 123.675 is not in \[0, 1\].*of pixels from 0 to 255, give 0.485,0.456,0.406$",
        ),
        (["--std", "58.395"], r"^std: 58.395 is not in \[0, 1\], .*, give 0.229$"),
        (["--mean", "0.5,-0.1,0.5"], r"^mean: -0.1 is not in \[0, 1\]$"),
        (["--std", "0.5,0.5,1.01"], r"^std: 1.01 is not in \[0, 1\]"),
        (["--policy.noise-max-sigma", "soft"], r"policy\.noise_max_sigma"),
        (["--workers", "257"], r"workers: must be at most 256, got '257'"),
        (["--epochs", "1000001"], r"epochs: must be at most 1000000,"),
        (
            ["--augment", "no", "--train-transforms", "[{Resize: x}]"],
            r"^train_transforms: Resize: size must be",
        ),
        (["--eval-transforms", "[{os.system: ls}]"], r"^eval_transforms: unknown .*'os.system'"),
    ],
)
def test_wrong_values_are_refused_with_key_and_what_is_allowed(arguments, message):
    with pytest.raises(UserError, match=message):
        parse_args(arguments)


@pytest.mark.parametrize("values", ["0,0,0", "1", "1,0.5,0"])
def test_means_up_to_the_ends_of_their_range_are_taken(values):
    config, _ = parse_args(["--mean", values, "--std", "1"])
    assert config.mean == [float(value) for value in values.split(",")] and config.std == [1.0]


def test_places_of_one_data_set_are_not_used_for_another(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("data: lists/a.csv\nimages_root: camA\neval_data: lists/b.csv\n")
    file = ["--config", str(path)]
    message = (
        f"^images_root: {path} has 'camA' for its own data, lists/a.csv; with --data camB/list.csv "
        "give --images-root as well, or start without"
    )
    with pytest.raises(UserError, match=message):
        parse_args([*file, "--data", "camB/list.csv"])
    with pytest.raises(UserError, match="^eval_data: .* give --eval-data as well"):
        parse_args([*file, "--data", "camB/list.csv", "--images-root", "camB"])
    given = ["--images-root", "camB", "--eval-data", "b.csv"]
    config, _ = parse_args([*file, "--data", "camB/list.csv", *given])
    assert (config.images_root, config.eval_data) == ("camB", "b.csv")
    # The same data, and places without data, are the file's own business.
    assert parse_args([*file, "--data", "lists/a.csv"])[0].images_root == "camA"
    path.write_text("images_root: camA\n")
    assert parse_args([*file, "--data", "camB/list.csv"])[0].images_root == "camA"


@pytest.mark.parametrize(
    "text",
    ["epochs: true", "lr: false", "workers: true", "early_stopping: true", "mean: [true]",
     "policy: {imgaug: {sometimes: true}}"],
)  # fmt: skip
def test_true_and_false_are_not_taken_for_numbers(tmp_path, text):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=text.partition(":")[0] + ".*true and false are no values"):
        parse_args(["--config", str(path)])


def test_an_unknown_key_in_a_file_is_refused_with_the_file_and_a_suggestion(tmp_path):
    path = tmp_path / "x.yaml"
    path.write_text("image_sise: 64\n")
    with pytest.raises(UserError, match=re.escape(f"{path}: image_sise: unknown option; did you")):
        parse_args(["--config", str(path)])
    path.write_text("policy: {nois: 1}\n")
    with pytest.raises(UserError, match=r"policy\.nois: unknown option"):
        parse_args(["--config", str(path)])


@pytest.mark.parametrize(
    "text",
    [
        "!!python/object/apply:os.system ['touch ran']",
        "- a\n- b",
        "a: [1",
        "1: 2",
        "\x00",
        "&a [*a]",
        "lr: 1\nepochs: 2\nlr: 3",
    ],
)
def test_yaml_that_is_no_mapping_of_options_is_refused_and_never_run(tmp_path, text, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=re.escape(str(path))):
        read_yaml(path)
    assert not (tmp_path / "ran").exists()


def test_a_file_and_the_command_line_are_checked_together(tmp_path):
    path = tmp_path / "part.yaml"
    path.write_text("train_transforms: [RandomHorizontalFlip]\nbase: flip\nalpha: 0.3\n")
    config, _ = parse_args(["--config", str(path), "--augment", "mixup"])
    assert (config.augment, config.base, config.alpha) == ("mixup", "flip", 0.3)
    with pytest.raises(UserError) as error:
        parse_args(["--config", str(path), "--augment", "flip"])
    assert str(error.value) == (
        f"{path}: base: only with a mixing method (samplePairing, mixup, cutmix, cutout)"
    )


def test_an_error_names_the_file_for_the_files_own_values_only(tmp_path):
    path = tmp_path / "part.yaml"
    path.write_text("epochs: -1\nbatch_size: 8\n")
    with pytest.raises(UserError) as error:
        parse_args(["--config", str(path), "--batch-size", "0"])
    lines = str(error.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [str(path), "batch_size"]
    assert parse_args(["--config", str(path), "--epochs", "2"])[0].epochs == 2


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.yaml: no such file"):
        parse_args(["--config", str(tmp_path / "nothing.yaml")])


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_as_a_file_give_a_config_or_the_projects_error(content):
    path = Path(FOLDER) / "fuzz.yaml"
    path.write_bytes(content)
    with contextlib.suppress(UserError):
        load_config(read_yaml(path))


@pytest.fixture(autouse=True)
def _folder(tmp_path):
    global FOLDER
    FOLDER = tmp_path


def test_a_dump_is_plain_and_gives_the_same_config_again():
    config = Config(augment="cutmix", milestones=[3], policy={"noise_max_sigma": 1.0})
    assert load_config(config.dump()) == config
    assert config.difference().keys() == {"augment", "milestones", "policy"}


def test_help_answers_at_once_and_names_the_options():
    command = [sys.executable, "-X", "importtime", "train.py", "--help"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0
    for option in [
        "--data",
        "--model",
        "--augment",
        "--image-size",
        "--epochs",
        "--batch-size",
        "--lr",
        "--seed",
        "--output",
        "--resume",
        "--workers",
        "--device",
        "--per-class",
        "--config",
    ]:
        short = "-c FILE, " if option == "--config" else ""
        assert f"\n  {short}{option} " in result.stdout
    imported = {line.rpartition("|")[2].strip() for line in result.stderr.splitlines()}
    assert "pydantic" in imported and "paddle" not in imported  # Paddle alone takes two seconds


def test_a_wrong_option_ends_with_one_line_and_exit_code_2():
    result = subprocess.run(
        [sys.executable, "train.py", "--epochs", "0"], cwd=ROOT, capture_output=True, text=True
    )
    assert result.returncode == 2
    assert result.stderr.startswith("error: epochs:")
    assert "Traceback" not in result.stderr


def test_an_unquoted_no_in_yaml_is_the_name(tmp_path):
    (tmp_path / "c.yaml").write_text("augment: no\namp: no\noversample: no\n", encoding="utf-8")
    config = load_config(read_yaml(tmp_path / "c.yaml"))
    assert (config.augment, config.amp, config.oversample) == ("no", "no", "no")


def test_aliases_that_would_grow_without_bound_are_refused(tmp_path):
    lines = ["milestones: &a [x, x, x, x, x, x, x, x, x]"]
    for before, name in zip("abcdefgh", "bcdefghi", strict=True):
        lines.append(f"{name}: &{name} [{', '.join([f'*{before}'] * 9)}]")
    path = tmp_path / "laughs.yaml"
    path.write_text("\n".join(lines))
    with pytest.raises(UserError, match=r"laughs\.yaml: not valid YAML: aliases"):
        read_yaml(path)


def test_a_pipe_or_an_endless_file_as_configuration_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe.yaml")
    with pytest.raises(UserError, match="named pipe"):
        read_yaml(tmp_path / "pipe.yaml")
    (tmp_path / "long.yaml").write_bytes(b"#" * (1 << 20) + b"\n")
    with pytest.raises(UserError, match="limit is 1,048,576"):
        read_yaml(tmp_path / "long.yaml")


def test_options_of_earlier_versions_are_read():
    config = load_config({"policy": {"imgaug": {"piecewise_points": 4}}})
    assert config.policy.imgaug.piecewise_points == (4, 4)


def test_every_number_of_the_image_parts_counts_with_one_of_them():
    used = frozenset().union(*(NUMBERS_USED[name] for name in BASES))
    assert used == {field.name for field in dataclasses.fields(PolicyOptions)}


@pytest.mark.parametrize("name", BASES)
def test_the_numbers_of_an_image_part_are_those_that_it_reads(name):
    looked_at: set[str] = set()

    class Watched(PolicyOptions):
        def __getattribute__(self, attribute: str) -> Any:
            looked_at.add(attribute)
            return super().__getattribute__(attribute)

    options = Watched()
    looked_at.clear()  # __post_init__ reads every number
    POLICIES[name](options)
    # What it limits is limited before an image part is built.
    limited = {"small_rotation"} if looked_at & {"rotation", "max_rotation", "imgaug"} else set()
    read = looked_at & {field.name for field in dataclasses.fields(PolicyOptions)}
    assert set(NUMBERS_USED[name]) == read | limited


@pytest.mark.parametrize(
    ("changes_label", "counts"),
    [(None, True), (["large_rotation"], True), ([], False), (["horizontal_flip"], False)],
)
def test_small_rotation_counts_where_large_ones_are_left_out(changes_label, counts):
    options = {"augment": "userDef", "changes_label": changes_label}
    assert has_effect("policy.small_rotation", options) is counts
    assert has_effect("policy.rotation", options)
