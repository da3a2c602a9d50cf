"""The official archives of the configurations' data, and which of their files go where.

A plan is made from the names in the archive; prepare_data.py carries it out.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

from paddle_aug.core.errors import UserError

# Our name of the class -> its folder in Caltech-256, in the order of the labels.
CALTECH_CLASSES = {
    "backpack": "003.backpack",
    "bike": "224.touring-bike",
    "calculator": "027.calculator",
    "cannon": "029.cannon",
    "dog": "056.dog",
    "elephant": "064.elephant-101",
    "giraffe": "084.giraffe",
    "guitar": "063.electric-guitar-101",
    "headphones": "101.head-phones",
    "horse": "105.horse",
    "keyboard": "045.computer-keyboard",
    "laptop_computer": "127.laptop-101",
    "monitor": "046.computer-monitor",
    "mouse": "047.computer-mouse",
    "mug": "041.coffee-mug",
    "projector": "238.video-projector",
}
APPLE_CLASSES = {
    "apple_scab": "Apple___Apple_scab",
    "black_rot": "Apple___Black_rot",
    "cedar_apple_rust": "Apple___Cedar_apple_rust",
    "healthy": "Apple___healthy",
}


@dataclass(frozen=True)
class Plan:
    """The content of the folder to be made.

    files: path in the archive -> path in the folder. texts: path in the folder -> content.
    summary: the result in a few words.
    """

    files: dict[str, str]
    texts: dict[str, str]
    summary: str


@dataclass(frozen=True)
class DataSet:
    """An official archive and the data set that is made from it.

    size: bytes, None where it is not published. checksum: "algorithm:hexadecimal digest".
    plan: function from the paths in the archive to a Plan; raises UserError if some are missing.
    differs: how the data behind results/ differ from these.
    """

    archive: str
    url: str
    size: int | None
    checksum: str
    licence: str
    folder: str
    plan: Callable[[list[str]], Plan]
    differs: str

    @property
    def size_and_checksum(self) -> str:
        size = f"{self.size:,} bytes, " if self.size else ""
        algorithm, _, digest = self.checksum.partition(":")
        return f"{size}{algorithm.upper()} {digest}"


def plan_caltech256(names: list[str]) -> Plan:
    """16 classes, images unchanged; every fifth image of a class is for evaluation."""
    files: dict[str, str] = {}
    train: list[str] = []
    evaluation: list[str] = []
    for label, (name, folder) in enumerate(CALTECH_CLASSES.items()):
        images = _inside(names, f"256_ObjectCategories/{folder}", r"\d{3}_\d{4}\.jpg")
        for position, image in enumerate(images, 1):
            place = f"{name}/{_last(image)}"
            files[image] = f"Images/{place}"
            (train if position % 5 else evaluation).append(f"{place} {label}")
    texts = {
        "Train.txt": _lines(train),
        "Eval.txt": _lines(evaluation),
        "classes.txt": _lines(list(CALTECH_CLASSES)),
    }
    counts = f"{len(train)} training and {len(evaluation)} evaluation images"
    return Plan(files, texts, f"{len(CALTECH_CLASSES)} classes, {counts}")


def plan_cifar10(names: list[str]) -> Plan:
    """The six files of images and the class names, unchanged."""
    wanted = [f"data_batch_{number}.bin" for number in range(1, 6)]
    wanted += ["test_batch.bin", "batches.meta.txt"]
    files = {}
    for name in wanted:
        found = _inside(names, "cifar-10-batches-bin", re.escape(name))
        if len(found) > 1:
            raise UserError(f"holds {len(found)} files {name}: {', '.join(found)}")
        files[found[0]] = name
    return Plan(files, {}, "the six files of CIFAR-10 and its class names")


def plan_hotdog(names: list[str]) -> Plan:
    """train/ and test/ with their class folders, images unchanged."""
    files = {}
    for folder in ("train/hotdog", "train/not-hotdog", "test/hotdog", "test/not-hotdog"):
        for image in _inside(names, f"hotdog/{folder}", r"[^/]+\.(png|jpe?g)"):
            files[image] = f"{folder}/{_last(image)}"
    train = sum(place.startswith("train/") for place in files.values())
    return Plan(files, {}, f"{train} training and {len(files) - train} test images, 2 classes")


def plan_apple(names: list[str]) -> Plan:
    """Four classes with the same number of images, that of the smallest, and a table train.csv.

    A class's images are taken at even distances in the order of their numbers. The rows of the
    classes alternate in the table, so that a split by row order has equal shares of each.
    """
    top = "Plant_leave_diseases_dataset_without_augmentation"
    classes = {}
    for name, folder in APPLE_CLASSES.items():
        images = _inside(names, f"{top}/{folder}", r"image \(\d+\)\.jpg")
        classes[name] = sorted(images, key=_number)
    count = min(map(len, classes.values()))
    files, rows = {}, ["image,label"]
    for position in range(count):
        for label, (name, images) in enumerate(classes.items()):
            image = images[position * len(images) // count]
            place = f"{name}/{name}_{_number(image):04d}.jpg"
            files[image] = f"train/{place}"
            rows.append(f"{place},{label}")
    texts = {"train.csv": _lines(rows), "classes.txt": _lines(list(classes))}
    return Plan(files, texts, f"{len(classes)} classes, {count} images each")


def _inside(names: list[str], folder: str, pattern: str) -> list[str]:
    """The files in an archive's folder whose names match, sorted. UserError where none does."""
    fits = re.compile(f"{re.escape(folder)}/{pattern}", re.IGNORECASE)
    found = sorted(filter(fits.fullmatch, names))
    if not found:
        raise UserError(f"no file like {pattern} in {folder}/: this is another archive")
    return found


def _last(path: str) -> str:
    return path.rpartition("/")[2]


def _number(path: str) -> int:
    return int(re.sub(r"\D", "", _last(path)))


def _lines(lines: list[str]) -> str:
    return "\n".join(lines) + "\n"


DATA_SETS = {
    "caltech256": DataSet(
        archive="256_ObjectCategories.tar",
        url="https://data.caltech.edu/records/nyy15-4j048/files/256_ObjectCategories.tar",
        size=1_183_006_720,
        checksum="md5:67b4f42ca05d46448c6bb8ecd2220f6d",
        licence="CC BY 4.0",
        folder="data/caltech256_16",
        plan=plan_caltech256,
        differs="1350 training and 339 evaluation images, 43 to 151 a class, from copies of "
        "Caltech-256 that lack some of its images; cannon from Caltech-101; encoded again (JPEG, "
        "quality 90) with a short side of at most 256; another split (80/20 a class, by a seed)",
    ),
    "cifar10": DataSet(
        archive="cifar-10-binary.tar.gz",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        size=170_052_171,
        checksum="md5:c32a1d4ab5d03f1284b67883e8d87530",
        licence="none stated; the authors ask to cite their report",
        folder="data/cifar-10-batches-bin",
        plan=plan_cifar10,
        differs="the same images and labels in the same order, from a lossless copy",
    ),
    "hotdog": DataSet(
        archive="hotdog.zip",
        url="http://d2l-data.s3-accelerate.amazonaws.com/hotdog.zip",
        size=None,
        checksum="sha1:fba480ffa8aa7e0febbb511d181409f899b9baa5",
        licence="none stated",
        folder="data/hotdog",
        plan=plan_hotdog,
        differs="as many images in the same folders, but others: drawn by a seed from Kaggle's "
        "'Hotdog - Not Hotdog', with a short side of 224; figures of the two do not compare",
    ),
    "apple": DataSet(
        archive="Plant_leaf_diseases_dataset_without_augmentation.zip",
        url="https://data.mendeley.com/public-files/datasets/tywbtsjrjv/files/"
        "d5652a28-c1d8-4b76-97f3-72fb80f94efc/file_downloaded",
        size=868_032_562,
        checksum="sha256:ac3432453984d02a86197987e775a5429d0d59e7cc7c35bcf5a8f50349b90ff0",
        licence="CC0 1.0 by this publication; PlantVillage itself states CC BY-SA 3.0",
        folder="data/plant_apple4_1100",
        plan=plan_apple,
        differs="275 images of each of the same classes, but PlantVillage's variant with the "
        "background cut out (black), other images of each class, and the rows in another order",
    ),
}
