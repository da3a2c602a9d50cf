"""Which sub-folders are a training and an evaluation part, by their names."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from paddle_aug.core.encodings import readable
from paddle_aug.core.errors import UserError
from paddle_aug.data.listing import holds_image, images_in, subfolders

TRAIN_WORDS = ("train", "training", "trainset", "trainingset", "traindata",
               "训练", "训练集", "训练数据")  # fmt: skip
# In order of preference: the first that exists is evaluated on.
EVAL_WORDS = ("eval", "evaluation", "evalset", "val", "valid", "validation", "valset", "validset",
              "验证", "验证集", "验证数据", "test", "testing", "testset", "testdata",
              "测试", "测试集", "测试数据", "dev", "devset")  # fmt: skip
# Words beside these that have no meaning here, as in training_set, test_images, train2017.
FILLERS = frozenset(
    {"set", "data", "dataset", "image", "images", "img", "imgs", "jpg", "png", "photo", "photos",
     "pictures", "split", "part", "folder", "files"}
)  # fmt: skip


@dataclass(frozen=True)
class Parts:
    """Parts of a folder.

    train, evaluation: trees of class folders. unlabelled: evaluation parts, by their names, whose
    images lie in no class folders. unused: other folders with images.
    """

    train: Path
    evaluation: Path | None
    unlabelled: tuple[Path, ...] = ()
    unused: tuple[Path, ...] = ()


def part_of(name: str) -> tuple[str, tuple[str, ...]] | None:
    """The word of TRAIN_WORDS or EVAL_WORDS in a folder's name, and the other words in it.

    seg_train is ("train", ("seg",)), TestSet2 is ("test", ()); None where there is no such word or
    more than one.
    """
    words = _words(name)
    found = [word for word in words if word in TRAIN_WORDS or word in EVAL_WORDS]
    if len(found) != 1:
        return None
    return found[0], tuple(w for w in words if w not in FILLERS and w != found[0])


def _words(name: str) -> list[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", readable(name))
    return re.findall(r"[^\W\d_]+", spaced.lower())


def is_class_tree(folder: Path, known: Collection[str] | None = None) -> bool:
    """Whether at least two sub-folders hold an image somewhere below them.

    known: class names; one such sub-folder is enough if its name is among them.
    """
    holding = 0
    for sub in subfolders(folder):
        if holds_image(sub):
            holding += 1
            if holding == 2 or readable(sub.name) in (known or ()):
                return True
    return False


def may_have_parts(folder: Path) -> bool:
    """Whether a sub-folder is a training part by its name and holds class folders."""
    return bool(_training_parts(folder))


def find_parts(folder: Path, certain: bool = False) -> Parts | None:
    """The parts of a folder, or None where its sub-folders are no parts.

    certain: whether the user has said --folders parts. Raises UserError where two readings fit.
    """
    folders = subfolders(folder)
    if not any(part_of(sub.name) for sub in folders):
        return None
    candidates = _training_parts(folder)
    others = [sub for sub in folders if holds_image(sub)]
    of_rest = {rest: _evaluation_parts(others, rest) for _, rest in candidates}
    # seg_train is a part only beside a seg_test; train is one by itself.
    candidates = [(sub, rest) for sub, rest in candidates if not rest or of_rest[rest]]
    if not candidates:
        if not certain:
            _refuse_parts_without_classes(folder, others)
            _refuse_parts_of_two_names(folder, others)
        return None
    if len(candidates) > 1:
        names = ", ".join(sub.name for sub, _ in candidates)
        raise UserError(
            f"{folder}: {names} could each be the training part: choose with --data {folder}/NAME "
            "--eval-data FOLDER, or say --folders classes if they are classes"
        )
    (train, rest) = candidates[0]
    evaluation = of_rest[rest]
    labelled = [sub for sub in evaluation if any(map(holds_image, subfolders(step_in(sub))))]
    unlabelled = [sub for sub in evaluation if sub not in labelled]
    unused = [sub for sub in others if sub not in (train, *labelled[:1], *unlabelled)]
    if not certain and not evaluation and unused:
        _refuse(folder, f"{train.name} is named as a training part, {unused[0].name} is not")
    chosen = labelled[0] if labelled else None
    if chosen and not certain and not (_is_plain(train) and _is_plain(chosen)):
        _refuse_other_classes(folder, train, chosen)
    return Parts(step_in(train), step_in(chosen) if chosen else None, tuple(unlabelled),
                 tuple(unused))  # fmt: skip


def _training_parts(folder: Path) -> list[tuple[Path, tuple[str, ...]]]:
    """Sub-folders named as a training part that hold class folders, and the rest of their names."""
    named = [(sub, part_of(sub.name)) for sub in subfolders(folder)]
    return [
        (sub, part[1])
        for sub, part in named
        if part and part[0] in TRAIN_WORDS and is_class_tree(step_in(sub))
    ]


def _evaluation_parts(folders: list[Path], rest: tuple[str, ...]) -> list[Path]:
    """Folders named as an evaluation part and with the same other words (`rest`), best first."""
    named = [(sub, part_of(sub.name)) for sub in folders]
    found = [(EVAL_WORDS.index(part[0]), sub) for sub, part in named
             if part and part[0] in EVAL_WORDS and part[1] == rest]  # fmt: skip
    return [sub for _, sub in sorted(found)]


def step_in(folder: Path) -> Path:
    """The folder that holds the classes: `folder`, or the only one in it where that is named as a
    part again (seg_train/seg_train, train/images), as some archives unpack to."""
    while not images_in(folder):
        inner = subfolders(folder)
        if len(inner) != 1 or not any(map(holds_image, subfolders(inner[0]))):
            break
        words = _words(inner[0].name)
        if not part_of(inner[0].name) and not (words and set(words) <= FILLERS):
            break
        folder = inner[0]
    return folder


def _is_plain(folder: Path) -> bool:
    """Whether the name is nothing but the word: train, Test, validation."""
    return folder.name.lower() in (*TRAIN_WORDS, *EVAL_WORDS)


def _refuse_other_classes(folder: Path, train: Path, evaluation: Path) -> None:
    names = [{readable(sub.name) for sub in subfolders(step_in(part))}
             for part in (train, evaluation)]  # fmt: skip
    if not names[0] & names[1]:
        _refuse(folder, f"{train.name} and {evaluation.name} are named as parts but hold other "
                        "folders")  # fmt: skip


def _refuse_parts_without_classes(folder: Path, holding: list[Path]) -> None:
    """Raise UserError for folders such as train and test that hold images but no class folders:
    they would become the classes."""
    for train in holding:
        part = part_of(train.name)
        if part and part[0] in TRAIN_WORDS and (others := _evaluation_parts(holding, part[1])):
            raise UserError(
                f"{folder}: {train.name} and {others[0].name} are named as parts, but {train.name} "
                "does not hold a folder for each of two or more classes; a list or a table of the "
                "images does as well. Say --folders classes if they are the classes"
            )
    for rest in {part[1] for sub in holding if (part := part_of(sub.name))}:
        others = _evaluation_parts(holding, rest)
        if len(others) > 1:
            raise UserError(
                f"{folder}: {others[0].name} and {others[1].name} are named as evaluation parts, "
                f"and there is no training part: choose with --data {folder}/NAME, or say "
                "--folders classes if they are the classes"
            )


def _refuse_parts_of_two_names(folder: Path, holding: list[Path]) -> None:
    """Raise UserError for folders such as flowers_train and birds_test: parts, or classes?"""
    trains = _training_parts(folder)
    tests = [sub for sub in holding if (part := part_of(sub.name)) and part[0] in EVAL_WORDS]
    if trains and tests:
        _refuse(folder, f"{trains[0][0].name} and {tests[0].name} are named as parts, of two "
                        "different things")  # fmt: skip


def _refuse(folder: Path, why: str) -> None:
    raise UserError(
        f"{folder}: {why}: say --folders classes if its folders are the classes, or --folders parts"
    )
