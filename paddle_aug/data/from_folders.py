"""Trees of class folders: each sub-folder is a class, the files below it are its images."""

import logging
import os
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import is_inside
from paddle_aug.data.dataset import FileDataset, TrainAndEval, warn_of_shared_files
from paddle_aug.data.decode import SUFFIXES
from paddle_aug.data.listing import image_files, subfolders
from paddle_aug.data.options import DataOptions
from paddle_aug.data.splits import stratified_split

log = logging.getLogger(__name__)

TRAIN_NAMES = ("train", "training")
EVAL_NAMES = ("eval", "val", "valid", "validation", "test", "testing")


def is_class_tree(folder: Path) -> bool:
    """Whether at least two sub-folders hold an image somewhere below them."""
    holding = 0
    for sub in subfolders(folder):
        holding += _holds_image(sub)
        if holding == 2:
            return True
    return False


def _holds_image(folder: Path) -> bool:
    return any(
        not name.startswith(".") and name.lower().endswith(SUFFIXES)
        for _, _, files in os.walk(folder)
        for name in files
    )


def find_parts(folder: Path) -> tuple[Path, Path | None] | None:
    """The training tree inside folder, and the evaluation tree if there is one, by their names."""
    by_name = {sub.name.lower(): sub for sub in subfolders(folder)}
    train = next((by_name[name] for name in TRAIN_NAMES if name in by_name), None)
    if train is None or not is_class_tree(train):
        return None
    return train, next((by_name[name] for name in EVAL_NAMES if name in by_name), None)


def _refuse_link_out(path: str | Path, root: Path) -> None:
    if os.path.islink(path) and not is_inside(path, root):
        raise UserError(
            f"{path}: a symbolic link that leaves {root}; "
            "if you trust it, give a folder that holds its target as --images-root"
        )


def scan_tree(
    folder: Path, classes: Sequence[str] | None = None, root: Path | None = None
) -> tuple[list[str], list[int], list[str]]:
    """Paths, label numbers and class names of a tree of class folders.

    classes: the training part's names, which this tree may not go beyond; None to take its own.
    root: folder that links may not lead out of (default: the tree).
    Raises UserError for: no classes, a class without images, an unknown class, a link outwards.
    """
    paths: list[str] = []
    labels: list[int] = []
    left_out: list[str] = []
    folders = subfolders(folder)
    if not folders:
        raise UserError(f"{folder}: has no class folders")
    names = list(classes) if classes else [sub.name for sub in folders]
    number = {name: i for i, name in enumerate(names)}
    for sub in folders:
        if sub.name not in number:
            raise UserError(
                f"{sub}: class {sub.name!r} does not occur in training ({', '.join(names[:20])})"
            )
        _refuse_link_out(sub, root or folder)
        files, others = image_files(sub)
        left_out += others
        if not files:
            raise UserError(
                f"{sub}: class {sub.name!r} has no images; remove the folder or fill it"
            )
        for file in files:
            _refuse_link_out(file, root or folder)
        paths += files
        labels += [number[sub.name]] * len(files)
    if left_out:
        log.warning(
            "%d files in %s do not end as images do and are left out, such as %s",
            len(left_out), folder, left_out[0],
        )  # fmt: skip
    return paths, labels, names


def load_tree(folder: Path, options: DataOptions) -> TrainAndEval:
    root = Path(options.images_root).expanduser() if options.images_root else None
    eval_data = Path(options.eval_data).expanduser() if options.eval_data else None
    parts = find_parts(folder)
    tree, eval_tree = parts if parts else (folder, None)
    eval_tree = eval_data or eval_tree
    paths, labels, classes = scan_tree(tree, root=root)
    train = FileDataset(paths, labels, classes, folder.name, description=str(folder))
    if eval_tree is None:
        try:
            chosen = stratified_split(train.labels, options.eval_share, options.seed)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from None
        return train.subset(chosen[0]), train.subset(chosen[1])
    if not eval_tree.is_dir():
        raise UserError(f"--eval-data {eval_tree}: a folder of class folders is needed")
    paths, labels, _ = scan_tree(eval_tree, classes, root)
    evaluation = FileDataset(paths, labels, classes, folder.name, description=str(eval_tree))
    warn_of_shared_files(train, evaluation)
    return train, evaluation
