"""The names of everything that a run leaves: what training writes and all others read.

OUTPUT/<mode>Aug_lossTrain.npy ...   one float64 an epoch, as in the SamplePairing article
OUTPUT/<mode>/metrics.csv            the same and more, a line an epoch
OUTPUT/<mode>/config.yaml            the options; changes.yaml: those that are not defaults
OUTPUT/<mode>/environment.json       versions, threads, device, data, commands
OUTPUT/<mode>/train.log              what was said, as on the screen
OUTPUT/<mode>/checkpoints/           state-EPOCH-STEP.safetensors to resume from; best.safetensors
OUTPUT/<mode>/evaluation*/           what evaluate.py found, where it was given no other folder
OUTPUT/<mode>/export/                the same of `export`
OUTPUT/<mode>/visualdl/              the run for VisualDL's page, with --visualdl
"""

import re
from dataclasses import dataclass
from pathlib import Path

# The four curves of a run, as in the SamplePairing article: one float64 an epoch each.
CURVES = ("lossTrain", "accTrain", "lossEval", "accEval")
METRICS, CONFIG, CHANGES, ENVIRONMENT, LOG = (
    "metrics.csv", "config.yaml", "changes.yaml", "environment.json", "train.log",
)  # fmt: skip
CHECKPOINTS, BEST = "checkpoints", "best.safetensors"
TRAINED = ("best", "last")  # which of a run's states is evaluated, exported, ...
EVALUATION, EXPORT = "evaluation", "export"
# The folder for evaluate.py's results of a run's last state.
LAST_EVALUATION = f"{EVALUATION}_last"
# The model's answer on every evaluation image, and an evaluation's figures. Of a folder's files the
# first one tells its kind.
PREDICTIONS, FIGURES = "predictions.npz", "evaluation.json"
EVALUATION_FILES = (
    FIGURES, PREDICTIONS, "classes.csv", "confusion.csv", "confusion.png", "mistakes.csv",
    "mistakes.png",
)  # fmt: skip
# The last two until version 0.1.
EXPORT_FILES = (
    "export.json", "inference.json", "inference.pdmodel", "inference.pdiparams", "inference.yml",
    "model.pdparams", "inference.onnx", "model.json", "model.pdiparams",
)  # fmt: skip
VISUALDL, VISUALDL_LOG = "visualdl", "vdlrecords.training.log"
_STATE = re.compile(r"state-(\d{5,9})-(\d{6,12})\.safetensors")


@dataclass(frozen=True)
class RunPaths:
    """The files of the run `mode` in the folder `output`."""

    output: Path
    mode: str

    @classmethod
    def of(cls, folder: str | Path) -> "RunPaths":
        """Paths in a run's own folder, OUTPUT/<mode>."""
        folder = Path(folder)
        return cls(folder.parent, folder.name)

    @property
    def folder(self) -> Path:
        return self.output / self.mode

    @property
    def metrics(self) -> Path:
        return self.folder / METRICS

    @property
    def config(self) -> Path:
        return self.folder / CONFIG

    @property
    def changes(self) -> Path:
        return self.folder / CHANGES

    @property
    def environment(self) -> Path:
        return self.folder / ENVIRONMENT

    @property
    def log(self) -> Path:
        return self.folder / LOG

    @property
    def visualdl(self) -> Path:
        return self.folder / VISUALDL / VISUALDL_LOG

    @property
    def checkpoints(self) -> Path:
        return self.folder / CHECKPOINTS

    @property
    def best(self) -> Path:
        return self.checkpoints / BEST

    @property
    def curves(self) -> list[Path]:
        return [curve_path(self.output, self.mode, curve) for curve in CURVES]

    def states(self) -> list[Path]:
        """The states that are there, newest first."""
        return states_in(self.checkpoints)


def curve_path(folder: str | Path, mode: str, curve: str) -> Path:
    """`<folder>/<mode>Aug_<curve>.npy`, named as in the SamplePairing article."""
    return Path(folder) / f"{mode}Aug_{curve}.npy"


def state_name(epoch: int, step: int) -> str:
    """The file of the state before step `step` of epoch `epoch`."""
    return f"state-{epoch:05d}-{step:06d}.safetensors"


def is_state_name(name: str) -> bool:
    return _STATE.fullmatch(name) is not None


def states_in(folder: str | Path) -> list[Path]:
    """The states in a `checkpoints` folder, newest first."""
    found = [path for path in Path(folder).glob("state-*") if is_state_name(path.name)]
    return sorted(found, key=_place, reverse=True)


def _place(path: Path) -> tuple[int, int]:
    """(epoch, step) in a state's file name, as numbers, so that 10 comes after 9."""
    match = _STATE.fullmatch(path.name)
    assert match is not None, "a state's name"
    return int(match[1]), int(match[2])
