"""What a format of data is to the rest: a text, a test and a function."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from paddle_aug.data.dataset import TrainAndEval
from paddle_aug.data.options import DataOptions


@dataclass(frozen=True)
class Reader:
    """One format. To add one: write it, and put it into READERS in load.py.

    layout: what is understood, in words. fits: whether the file or folder at a path is of this
    format; it only looks. load: the training and the evaluation data set; raises UserError.
    uses: the options of DataOptions that count for this format, beside those that count for all.
    """

    layout: str
    fits: Callable[[Path], bool]
    load: Callable[[Path, DataOptions], TrainAndEval]
    uses: frozenset[str] = frozenset()
