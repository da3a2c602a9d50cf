"""What a user can say about the data, checked when it is made."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from paddle_aug.core.errors import UserError

AISTUDIO = Path("/home/aistudio")


def aistudio_lists() -> Path | None:
    """Folder of the article's lists where AI Studio has them, else None."""
    lists = AISTUDIO / "data" / "data22612"
    return lists if (lists / "Train.txt").is_file() else None


def uses_digits(data: str | None) -> bool:
    """Whether --data, or its absence, means the bundled digits."""
    return data == "digits" or (data is None and aistudio_lists() is None)


@dataclass(frozen=True)
class DataOptions:
    """What to train and evaluate on.

    data: path, a name of `NAMES`, or None for AI Studio's data set where present, else the digits.
    images_root: folder that paths in lists and tables start from (found by itself otherwise).
    image_column, label_column: columns of a table. eval_data: evaluation data of the same kind.
    eval_share: in (0, 1), where there is no evaluation part. split: of lists and tables, "order"
    (the first rows train) or "stratified" (by class and seed); class folders are always stratified.
    per_class: images of each class to train on, chosen by the seed; evaluation keeps all.
    eval_per_class: images of each class to evaluate on, the same ones whatever the seed.
    changes_label: operations that would change labels; None leaves it to the data set.
    skip_bad: read every image first and leave out those that cannot be read, saying how many.
    keep_missing: leave files that a list names and that are not there to whoever reads them.
    """

    data: str | None = None
    images_root: str | None = None
    image_column: str = "image"
    label_column: str = "label"
    eval_data: str | None = None
    eval_share: float = 0.2
    split: Literal["order", "stratified"] = "order"
    per_class: int | None = None
    eval_per_class: int | None = None
    seed: int = 0
    changes_label: frozenset[str] | None = None
    skip_bad: bool = False
    keep_missing: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.eval_share < 1:
            raise UserError(f"eval_share is {self.eval_share}, allowed: between 0 and 1")
        if self.split not in ("order", "stratified"):
            raise UserError(f"split is {self.split!r}, allowed: order, stratified")
        for name in ("per_class", "eval_per_class"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name} is {value}, allowed: 1 and more")
