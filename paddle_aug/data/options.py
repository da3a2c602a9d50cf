"""What a user can say about the data, checked when it is made."""

import logging
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from paddle_aug.core.encodings import check_encoding
from paddle_aug.core.errors import UserError
from paddle_aug.core.user_paths import user_path

log = logging.getLogger(__name__)

AISTUDIO = Path("/home/aistudio")  # searched where the home folder lacks the data
LISTS = Path("data/data22612")  # the SamplePairing article's lists, below AI Studio's home folder
DATA_VARIABLE = "PADDLE_AUG_DATA"

ChangesLabel = Literal["horizontal_flip", "vertical_flip", "large_rotation"]
Folders = Literal["auto", "parts", "classes"]
Split = Literal["order", "stratified"]


def aistudio_lists() -> tuple[Path, Path] | None:
    """Folder of the SamplePairing article's lists and the home folder above it, or None.

    Searched in $PADDLE_AUG_DATA (which may be the folder of the lists itself), in the home folder
    and in AI Studio's. Raises UserError where the variable names a folder without them.
    """
    chosen = os.environ.get(DATA_VARIABLE)
    if chosen:
        home = user_path(chosen)
        for lists in (home, home / LISTS.name, home / LISTS):
            if (lists / "Train.txt").is_file():
                return lists, home
        raise UserError(
            f"{DATA_VARIABLE} is {chosen}: neither it nor {LISTS.name} in it has a Train.txt; "
            "correct the variable, or unset it"
        )
    for home in (user_path("~"), AISTUDIO):
        if (home / LISTS / "Train.txt").is_file():
            return home / LISTS, home
    return None


def data_name(data: str) -> str | None:
    """What --data names, in small letters; None where it is the path of something that exists."""
    return None if os.path.exists(user_path(data)) else data.lower()


def uses_digits(data: str | None) -> bool:
    """Whether --data, or its absence, means the bundled digits."""
    return aistudio_lists() is None if data is None else data_name(data) == "digits"


@dataclass(frozen=True)
class DataOptions:
    """What to train and evaluate on.

    data: path, a name of `NAMES`, or None for AI Studio's data set where present, else the digits.
    images_root: folder that paths in lists and tables start from (None: it is looked for).
    image_column, label_column: columns of a table. eval_data: evaluation data of the same kind.
    eval_share: in (0, 1), where there is no evaluation part. split: of lists and tables, "order"
    (the first rows train) or "stratified" (by class and seed); class folders are always stratified.
    per_class: images of each class to train on, chosen by the seed; evaluation keeps all.
    eval_per_class: images of each class to evaluate on, the same ones whatever the seed.
    folders: whether the folders in a tree are "classes" or "parts" such as train and test; "auto"
    decides by their names. class_names: names for numbered labels: "cat,dog,bird", a file of names,
    "folders" (those in the paths), "labels" (the numbers), or None to look for them. encoding: of
    texts and file names that are not UTF-8; None: GBK where the bytes look like it. changes_label:
    operations that would change labels; None: decided by the data set.
    skip_bad: read every image first and leave out those that cannot be read, saying how many.
    keep_missing: keep images of a list whose files are missing; reading them will fail.
    known_classes: the classes of a trained model: the data's classes are matched to them by name
    and take their numbers; some may have no image.
    whole: nothing is split: a list or table is taken without the list beside it, and data without
    parts are returned whole as both parts, as one and the same object.
    """

    data: str | None = None
    images_root: str | None = None
    image_column: str = "image"
    label_column: str = "label"
    eval_data: str | None = None
    eval_share: float = 0.2
    split: Split = "order"
    folders: Folders = "auto"
    class_names: str | None = None
    encoding: str | None = None
    per_class: int | None = None
    eval_per_class: int | None = None
    seed: int = 0
    changes_label: Collection[str] | None = None
    skip_bad: bool = False
    keep_missing: bool = False
    known_classes: tuple[str, ...] | None = None
    whole: bool = False

    @classmethod
    def of(cls, options: Iterable[tuple[str, Any]], **more: Any) -> "DataOptions":
        """Those of a run's options (name, value) that are about data, and `more`."""
        names = cls.__dataclass_fields__
        return cls(**{name: value for name, value in options if name in names}, **more)

    def __post_init__(self) -> None:
        if not 0 < self.eval_share < 1:
            raise UserError(f"eval_share is {self.eval_share}, allowed: between 0 and 1")
        for name, kind in (("split", Split), ("folders", Folders)):
            if getattr(self, name) not in get_args(kind):
                allowed = ", ".join(get_args(kind))
                raise UserError(f"{name} is {getattr(self, name)!r}, allowed: {allowed}")
        check_encoding(self.encoding)
        for name in ("per_class", "eval_per_class"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise UserError(f"{name} is {value}, allowed: 1 and more")


def warn_without_effect(options: DataOptions, names: Collection[str], data: str) -> None:
    """Warn of those of the options `names` that were given although these data do not use them."""
    for name in sorted(names):
        if getattr(options, name) != getattr(DataOptions(), name):
            log.warning("--%s has no effect on %s", name.replace("_", "-"), data)
