"""The options of evaluate.py; imports no Paddle."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paddle_aug.cli.parser import Parser
from paddle_aug.config import load_config
from paddle_aug.config.words import offer_values
from paddle_aug.core import own_code
from paddle_aug.core.errors import UserError, unknown_value
from paddle_aug.core.own_code import AllowImports, is_import_path
from paddle_aug.core.program import command
from paddle_aug.core.text import flag
from paddle_aug.core.user_paths import expand
from paddle_aug.modes import BASES
from paddle_aug.runs.layout import TRAINED

# Options of train.py for reading --data, with the defaults that they have here; the run's own
# values are never used.
DATA_OPTIONS: dict[str, Any] = {
    "images_root": None, "image_column": "image", "label_column": "label", "folders": "auto",
    "class_names": None, "changes_label": None, "encoding": None, "skip_bad": False,
}  # fmt: skip
VIEWS = ("none", "flip", "crops", "draws")


@dataclass(frozen=True)
class Views:
    """Test-time augmentation: the views of an image whose probabilities are averaged.

    kind: of VIEWS. draws, policy: of "draws", how many of which image part. Raises UserError for
    a kind or policy that there is not, and for less than one draw.
    """

    kind: str = "none"
    draws: int = 8
    policy: str = "flip"

    def __post_init__(self) -> None:
        if self.kind not in VIEWS:
            raise UserError(f"tta: {unknown_value(self.kind, VIEWS)}")
        if self.draws < 1:
            raise UserError(f"tta_draws: must be at least 1, got {self.draws}")
        if self.policy not in BASES:
            raise UserError(f"tta_policy: {unknown_value(self.policy, BASES)}")
        if self.kind == "draws" and self.policy == "no":
            raise UserError(
                "tta_policy: no changes nothing, so all draws are alike: use --tta none"
            )

    def in_words(self) -> str:
        """What the mean probability is of: "the image and its mirror image"."""
        return {
            "none": "the image",
            "flip": "the image and its mirror image",
            "crops": "its four corners and its middle, each 7/8 of its height and width",
            "draws": f"{self.draws} draws of {self.policy}",
        }[self.kind]


@dataclass(frozen=True)
class EvaluationOptions:
    """What to evaluate and how. See parse_args for each one's meaning.

    data_options: the given options for reading `data`, out of DATA_OPTIONS.
    """

    run: str
    checkpoint: str = "best"
    split: str | None = None
    data: str | None = None
    data_options: Mapping[str, Any] = field(default_factory=dict)
    tta: str = Views.kind
    tta_draws: int = Views.draws
    tta_policy: str = Views.policy
    batch_size: int = 64
    output: str | None = None
    device: str = "auto"
    workers: str | int = "auto"
    cpu_backend: str = "auto"
    json: bool = False

    @property
    def views(self) -> Views:
        return Views(self.tta, self.tta_draws, self.tta_policy)

    @property
    def named_data(self) -> dict[str, Any] | None:
        """--data with the options for reading them; None for the run's own data."""
        if self.data is None:
            return None
        return {"data": self.data, **DATA_OPTIONS, **self.data_options}


def add_run(parser: argparse.ArgumentParser, more: str = "", required: bool = True) -> None:
    """Which trained model: the arguments `run` and --checkpoint. more: what `run` may be beside."""
    parser.add_argument(
        "run",
        type=expand,
        nargs=None if required else "?",
        help="a run's folder, such as logs/samplePairing, or a .safetensors checkpoint" + more,
    )
    parser.add_argument(
        "--checkpoint", choices=TRAINED, default="best",
        help="which one of a run (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument(
        "--allow-imports", action=AllowImports,
        help="import the code of your own that made the run's model",
    )  # fmt: skip


def add_data(parser: argparse.ArgumentParser) -> None:
    """Other images than the run's: --data, and the options for reading them."""
    group = parser.add_argument_group(
        "other data than the run's",
        "All the images of a list, a table or a folder of class folders are evaluated; of data "
        "with a training and an evaluation part the latter (--split). Classes are matched by "
        "their names; some may have no image. What the run was told of its own data (image root, "
        "columns, split, ...) does not count for these.",
    )
    add = group.add_argument
    data = add("--data", default=argparse.SUPPRESS, type=expand, help="as train.py's")
    offer_values(data, "data")
    for name in DATA_OPTIONS:
        kind: Any = {"action": "store_true"} if name == "skip_bad" else {"metavar": "VALUE"}
        action = add(flag(name), default=argparse.SUPPRESS, help="as train.py's", **kind)
        if name != "skip_bad":
            offer_values(action, name)


def add_views(parser: argparse.ArgumentParser) -> None:
    """Test-time augmentation: --tta and what belongs to its draws."""
    add = parser.add_argument
    add("--tta", choices=VIEWS, default=Views.kind,
        help="test-time augmentation, the mean probability over: the image and its mirror image "
        "(flip); its four corners and its middle, each 7/8 of its height and width, scaled to the "
        "model's size (crops); draws of a policy (draws). The image is as it is evaluated "
        "otherwise, after the run's --eval-transforms")  # fmt: skip
    add("--tta-draws", type=int, default=argparse.SUPPRESS, metavar="N",
        help=f"draws of --tta draws (default: {Views.draws})")  # fmt: skip
    policy = add("--tta-policy", default=argparse.SUPPRESS, metavar="NAME",
        help="policy of --tta draws, with the run's --policy numbers "
        f"(default: {Views.policy})")  # fmt: skip
    offer_values(policy, "base")


def views_of(values: dict[str, Any]) -> Views:
    """The views that the arguments name. Raises UserError for what none can be made of."""
    for name in ("tta_draws", "tta_policy"):
        if name in values and values["tta"] != "draws":
            raise UserError(f"{name}: only with --tta draws")
    return Views(
        values["tta"], values.get("tta_draws", Views.draws),
        values.get("tta_policy", Views.policy),
    )  # fmt: skip


def build_parser() -> Parser:
    parser = Parser(
        prog=command("evaluate"),
        description="Evaluate a run or a checkpoint: loss, accuracy, a table of the classes, "
        "the confusion matrix and the most confident mistakes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add_run(parser)
    add = parser.add_argument
    add("--split", choices=("eval", "train"), default=argparse.SUPPRESS,
        help="part to evaluate on (default: eval; of --data in one piece, all)")  # fmt: skip
    add_data(parser)
    add_views(parser)
    add("--batch-size", type=int, default=64, metavar="N", help="images a step")
    add("--output", metavar="FOLDER", default=argparse.SUPPRESS, type=expand,
        help="where to write (default: RUN/evaluation; with other options than the defaults "
        "RUN/evaluation_last_train_tta-flip and the like)")  # fmt: skip
    offer_values(add("--device", default="auto", help="auto, cpu, gpu, gpu:1, ..."), "device")
    offer_values(
        add("--workers", default="auto", help="auto, thread, or a number of processes"), "workers"
    )
    add("--cpu-backend", choices=("auto", "onednn", "paddle"), default="auto", help="on a CPU")
    add("--json", action="store_true", default=argparse.SUPPRESS,
        help="print the figures as JSON and nothing else")  # fmt: skip
    return parser


def parse_args(argv: Sequence[str] | None = None) -> EvaluationOptions:
    """Options from the command line, checked before any work; UserError names what is wrong."""
    values = vars(build_parser().parse_args(argv))
    views_of(values)
    if values["batch_size"] < 1:
        raise UserError(f"batch_size: must be at least 1, got {values['batch_size']}")
    if is_import_path(values.get("data")):
        own_code.allow(values["data"])
    given = {name: values.pop(name) for name in DATA_OPTIONS if name in values}
    if given and "data" not in values:
        raise UserError(
            f"{next(iter(given))}: only with --data; the run's own data are read as the run did"
        )
    workers = values["workers"]
    if workers not in ("auto", "thread") and not (workers.isascii() and workers.isdecimal()):
        raise UserError(f"workers: auto, thread or a number, got {workers!r}")
    config = load_config({**given, "workers": workers})  # checks the values as train.py does
    values["data_options"] = {name: getattr(config, name) for name in given}
    values["workers"] = config.workers
    return EvaluationOptions(**values)
