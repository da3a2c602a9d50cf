"""-c FILE and -o KEY=VALUE, as PaddleClas and Hydra take them."""

import importlib

import pytest

from paddle_aug.__main__ import VERBS
from paddle_aug.command_line import parse_args, to_arguments
from paddle_aug.config import Config, load_config
from paddle_aug.core.errors import UserError

# A value other than the default for options of each kind, as YAML has it and as -o takes it.
VALUES = {
    "epochs": (3, "3"),
    "lr": (0.5, "5e-1"),
    "augment": ("no", "no"),
    "overwrite": (True, "true"),
    "cache": (False, "false"),
    "milestones": ([2, 4], "2,4"),
    "mean": ([0.1, 0.2, 0.3], "[0.1, 0.2, 0.3]"),
    "train_transforms": ([{"Resize": 40}, "RandomHorizontalFlip"],
                         "[{Resize: 40}, RandomHorizontalFlip]"),
    "channels": (1, "1"),
    "workers": (2, "2"),
    "image_column": ("5", "5"),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_a_key_gives_what_it_gives_in_a_file(name):
    value, text = VALUES[name]
    more = {"augment": "no"} if name == "train_transforms" else {}
    config, _ = parse_args([*to_arguments(more), "-o", f"{name}={text}"])
    assert config == load_config({name: value, **more})
    assert getattr(config, name) == value != getattr(Config(), name)


def test_several_keys_at_once_or_one_after_the_other(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("epochs: 9\nlr: 0.3\npolicy: {noise_max_sigma: 7.0, imgaug: {sometimes: 0.2}}")
    keys = ["-o", "epochs=3", "policy.imgaug.sometimes=0.5", "-o", "policy.brightness=[0.5, 0.6]"]
    config, control = parse_args(["-c", str(file), *keys])
    assert control.config == str(file)
    assert (config.epochs, config.lr, config.policy.noise_max_sigma) == (3, 0.3, 7.0)
    assert (config.policy.imgaug.sometimes, config.policy.brightness) == (0.5, (0.5, 0.6))
    assert parse_args(["--config", str(file), *keys])[0] == config
    whole, _ = parse_args(["-o", "policy={noise_max_sigma: 2}"])
    assert whole.policy.noise_max_sigma == 2


def test_of_a_flag_and_a_key_the_last_one_counts():
    assert parse_args(["--epochs", "3", "-o", "epochs=4"])[0].epochs == 4
    assert parse_args(["-o", "epochs=4", "--epochs", "3"])[0].epochs == 3
    keys = ["-o", "policy.noise_max_sigma=4", "--policy.noise-max-sigma", "3"]
    assert parse_args(keys)[0].policy.noise_max_sigma == 3


def test_null_takes_back_what_a_file_says(tmp_path):
    file = tmp_path / "mine.yaml"
    file.write_text("early_stopping: 3\n")
    assert parse_args(["-c", str(file), "-o", "early_stopping=null"])[0].early_stopping is None
    assert to_arguments({"early_stopping": None}) == ["-o", "early_stopping=null"]


@pytest.mark.parametrize(
    ("text", "said"),
    [("epohcs=3", r"^-o epohcs: unknown option; did you mean epochs\?$"),
     ("Epochs=3", r"^-o Epochs: unknown option; did you mean epochs\?$"),
     ("image-size=3", r"^-o image-size: unknown option; did you mean image_size\?$"),
     ("Global.epochs=3", r"^-o Global\.epochs: unknown option; did you mean epochs\?$"),
     ("policy.noise=3", r"^policy\.noise: unknown option"),
     ("policy.noise_max_sigm=3", r"^policy\.noise_max_sigm: .* did you mean noise_max_sigma\?$"),
     ("epochs.x=3", "^-o epochs.x: epochs has no parts$"),
     ("resume=logs", "^-o resume: not in YAML files; give it as --resume$"),
     ("epochs", "^-o epochs: give KEY=VALUE, such as image_size=64$"),
     ("epochs=", "^-o epochs=: give KEY=VALUE"),
     ("=3", "^-o =3: give KEY=VALUE"),
     ("policy.crop=[1", r"^-o policy\.crop=\[1: not valid YAML"),
     ("epochs=0", "^epochs: must be at least 1, got '0'$"),
     ("epochs=２", r"^epochs: must be a whole number, got '２'; did you mean 2\?$"),
     ("epochs＝2", r"^-o epochs＝2: give KEY=VALUE, .* did you mean epochs=2\?$"),
     ("epoch=2", r"^-o epoch: unknown option; did you mean epochs\?$"),
     ("augment=samplepairing", r"did you mean samplePairing\?$")],
)  # fmt: skip
def test_a_wrong_key_or_value_is_told_as_that_of_a_file_is(text, said):
    with pytest.raises(UserError, match=said):
        parse_args(["-o", text])


@pytest.mark.parametrize("verb", ["train", "schedule", "preview", "check"])
def test_every_verb_that_takes_options_of_a_run_takes_them_by_their_names(verb):
    parser = importlib.import_module(VERBS[verb][0]).build_parser()
    assert vars(parser.parse_args(["-o", "image_size=64"]))["image_size"] == "64"
    with pytest.raises(UserError, match=r"image_sise: .* mean image_size\?$"):
        parser.parse_args(["-o", "image_sise=64"])


def test_code_of_ones_own_is_allowed_by_its_name_on_the_line():
    with pytest.raises(UserError, match="importing nowhere failed"):
        parse_args(["-o", "augment=nowhere:mine"])
