"""Trees of class folders: each sub-folder is a class, the files below it are its images."""

import contextlib
import logging
import os
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.core.encodings import UTF8, decode_names, readable
from paddle_aug.core.errors import UserError
from paddle_aug.core.safe_files import is_inside
from paddle_aug.core.text import counted
from paddle_aug.core.user_paths import user_path
from paddle_aug.data.class_names import MAP_FILES
from paddle_aug.data.dataset import FileDataset, Reader, TrainAndEval, warn_of_shared_files
from paddle_aug.data.guesses import Guesses, note_ten_classes
from paddle_aug.data.label_map import read_label_map
from paddle_aug.data.listing import contents, images_in, name_order, results_in, subfolders
from paddle_aug.data.options import DataOptions, warn_without_effect
from paddle_aug.data.parts import Parts, find_parts, is_class_tree, may_have_parts
from paddle_aug.data.splits import stratified_split

log = logging.getLogger(__name__)


def fits(path: Path) -> bool:
    """Whether the path is a folder with two or more class folders, or with a training part."""
    return path.is_dir() and (may_have_parts(path) or is_class_tree(path))


def load_tree(folder: Path, options: DataOptions) -> TrainAndEval:
    """Data sets of a tree: its parts, or with eval_data, or split by class. Raises UserError."""
    guesses = Guesses(options)
    parts = _choose_parts(folder, options)
    tree = parts.train if parts else folder
    evaluation_tree = parts.evaluation if parts else None
    if options.eval_data:
        evaluation_tree = user_path(options.eval_data)
    elif parts and evaluation_tree:
        guesses.note(
            "parts", train=_below(tree, folder), evaluation=_below(evaluation_tree, folder)
        )
    elif parts:
        guesses.note("one part", train=_below(tree, folder))
    if parts:
        _warn_of_unused(folder, parts, evaluation_tree)
    root = user_path(options.images_root) if options.images_root else None
    name, description = readable(folder.name), readable(str(folder))
    known = options.known_classes
    paths, labels, classes = scan_tree(tree, guesses, root=root, empty=known is not None)
    if root and all(is_inside(path, tree) for path in paths):
        warn_without_effect(options, ("images_root",), f"{tree}, out of which no link leads")
    train = FileDataset(paths, labels, classes, name, description=description)
    note_ten_classes(classes, guesses)
    _warn_of_class_files((tree, folder), classes, guesses)
    if evaluation_tree is None and options.whole:
        train.read_as = tuple(guesses.said)
        return train, train
    if evaluation_tree is None:
        guesses.note("split", share=f"{options.eval_share:.0%}", how="by class and seed")
        train.read_as = tuple(guesses.said)
        try:
            chosen = stratified_split(train.labels, options.eval_share, options.seed)
        except UserError as error:
            raise UserError(f"{folder}: {error}") from None
        return train.subset(chosen[0]), train.subset(chosen[1])
    warn_without_effect(options, ("eval_share",), f"{folder}, which is not split")
    if not evaluation_tree.is_dir():
        raise UserError(f"--eval-data {evaluation_tree}: a folder of class folders is needed")
    paths, labels, _ = scan_tree(evaluation_tree, guesses, classes, root, known is not None)
    evaluation = FileDataset(
        paths, labels, classes, name, description=readable(str(evaluation_tree))
    )
    train.read_as = evaluation.read_as = tuple(guesses.said)
    warn_of_shared_files(train, evaluation)
    return train, evaluation


CLASS_FOLDERS = Reader(
    layout="train/ and test/ (val/, eval/, training_set/ ...) of class folders, or one tree of "
    "class folders",
    fits=fits,
    load=load_tree,
    uses=frozenset({"images_root", "eval_data", "eval_share", "folders", "encoding"}),
)


def _choose_parts(folder: Path, options: DataOptions) -> Parts | None:
    if options.folders == "classes":
        if not is_class_tree(folder, options.known_classes):
            raise UserError(f"{folder}: --folders classes, but fewer than two folders hold images")
        return None
    parts = find_parts(folder, certain=options.folders == "parts")
    if options.folders == "parts" and parts is None:
        raise UserError(
            f"{folder}: --folders parts, but no folder is named as a training part (train, "
            "training_set, ...) and holds two class folders or more"
        )
    return parts


def _below(path: Path, folder: Path) -> str:
    return readable(f"{path.relative_to(folder)}/")


def _warn_of_unused(folder: Path, parts: Parts, evaluation: Path | None) -> None:
    """Log each folder with images that is neither trained nor evaluated on."""
    instead = f"{readable(str(evaluation))} is" if evaluation else "a share of the training part is"
    for path in parts.unlabelled:
        images = counted(len(contents(path).images), "image lies", "images lie")
        log.warning("%s is left out: its %s in no class folders and has no label; %s evaluated on "
                    "(otherwise --eval-data)", readable(str(path)), images, instead)  # fmt: skip
    for path in parts.unused:
        images = counted(len(contents(path).images), "image")
        log.warning("%s with %s is left out: it is neither the training nor the evaluation part",
                    readable(str(path)), images)  # fmt: skip
    _warn_of_images_beside(folder, "the parts")


def _warn_of_images_beside(folder: Path, what: str) -> None:
    beside = images_in(folder)
    if beside:
        images = counted(len(beside), "image lies", "images lie")
        log.warning("%s: %s beside %s, in none of them, and left out, such as %s",
                    readable(str(folder)), images, what, readable(beside[0].name))  # fmt: skip


def _warn_of_class_files(places: Sequence[Path], classes: Sequence[str], guesses: Guesses) -> None:
    """Warn of a file of class names that names other classes than the folders, or another order."""
    for path in dict.fromkeys(place / name for place in places for name in MAP_FILES):
        with contextlib.suppress(UserError):  # of another purpose
            if path.is_file() and [*read_label_map(path, guesses).names.values()] != [*classes]:
                log.warning("%s is not used: classes are called as their folders, and are in the "
                            "order of these names", readable(str(path)))  # fmt: skip


def _refuse_link_out(path: str | Path, root: Path) -> None:
    if os.path.islink(path) and not is_inside(path, root):
        raise UserError(
            f"{readable(str(path))}: a symbolic link that leaves {root}; "
            "if you trust it, give a folder that holds its target as --images-root"
        )


def scan_tree(
    folder: Path,
    guesses: Guesses,
    classes: Sequence[str] | None = None,
    root: Path | None = None,
    empty: bool = False,
) -> tuple[list[str], list[int], list[str]]:
    """Paths, label numbers and class names of a tree of class folders.

    classes: names of the training part's classes, which must include this tree's; None for none.
    root: folder that symbolic links may not lead out of (default: the tree).
    Raises UserError for: no classes, a class without images, an unknown class, a link out of root.
    """
    paths: list[str] = []
    labels: list[int] = []
    others: list[str] = []
    links: list[str] = []
    inner: dict[str, None] = {}
    results = [str(path) for path in results_in(folder)]
    folders = class_folders(folder, guesses)
    if not folders:
        held = ", only images, which have no labels then" if images_in(folder) else ""
        raise UserError(f"{readable(str(folder))}: has no class folders{held}")
    names = list(classes) if classes else list(folders)
    number = {name: i for i, name in enumerate(names)}
    for name, sub in folders.items():
        shown = readable(str(sub))
        if name not in number:
            raise UserError(
                f"{shown}: class {name!r} does not occur in training ({', '.join(names[:20])})"
            )
        _refuse_link_out(sub, root or folder)
        found = contents(sub)
        others += found.others
        links += found.links
        results += found.results
        if not found.images and not empty:
            held = found.describe_others()
            raise UserError(
                f"{shown}: class {name!r} has no images{f', only {held}' if held else ''}; "
                "remove the folder or fill it"
            )
        inside = {os.path.relpath(os.path.dirname(file), folder) for file in found.images}
        inner |= dict.fromkeys(sorted(inside - {os.path.relpath(sub, folder)}))
        for file in found.images:
            _refuse_link_out(file, root or folder)
        paths += found.images
        labels += [number[name]] * len(found.images)
    _warn_of_images_beside(folder, "the class folders")
    if inner:
        some = ", ".join(map(readable, list(inner)[:3]))
        guesses.note("inner", folders=f"{some}, ..." if len(inner) > 3 else some)
    if results:
        log.warning("%s in %s: written by this program, no data, left out, such as %s",
                    counted(len(results), "folder"), readable(str(folder)),
                    readable(results[0]))  # fmt: skip
    if others:
        log.warning("%d files in %s do not end as images do and are left out, such as %s",
                    len(others), readable(str(folder)), readable(others[0]))  # fmt: skip
    if links:
        log.warning("%s in %s: not followed, left out, such as %s; put the images there, or link "
                    "whole class folders", counted(len(links), "linked folder"),
                    readable(str(folder)), readable(links[0]))  # fmt: skip
    return paths, labels, names


def class_folders(folder: Path, guesses: Guesses) -> dict[str, Path]:
    """The class folders by class name, in order, numbers by value: 10 comes after 9.

    Raises UserError for a name in an unknown encoding, or two folders of one name.
    """
    folders = subfolders(folder)
    raw = [os.fsencode(sub.name) for sub in folders]
    try:
        decoded, encoding = decode_names(raw, guesses.options.encoding)
    except UnicodeDecodeError as error:
        raise UserError(
            f"{readable(str(folder))}: names of folders, such as {error.object[:40]!r}, are "
            f"neither UTF-8 nor {guesses.options.encoding or 'GBK as far as can be told'}: name "
            "their encoding with --encoding, or rename them"
        ) from None
    # macOS stores an accent as a separate character, other systems do not.
    names = [unicodedata.normalize("NFC", name) for name in decoded]
    if encoding != UTF8:
        foreign = [name for name in names if not name.isascii()]
        guesses.note("names", what="names of folders", encoding=encoding,
                     names=", ".join(foreign[:3]))  # fmt: skip
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise UserError(f"{readable(str(folder))}: two class folders are called {twice!r}")
    by_name = dict(zip(names, folders, strict=True))
    return {name: by_name[name] for name in sorted(names, key=name_order(names))}
