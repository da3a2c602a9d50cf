"""Small data sets on disk for the tests of their readers."""

import zipfile

import cv2
import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

from paddle_aug.data.load import DataOptions, load_data

FLIPS = {"horizontal_flip", "vertical_flip", "large_rotation"}


def picture(path, value=0):
    """A 3x5 image of one grey value, so that a test can tell which file was read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (5, 3), (value, value, value)).save(path)


def load(path, **options):
    return load_data(DataOptions(data=str(path), **options))


def values(dataset):
    """(grey value, label) of every image."""
    return [
        (int(image[0, 0, 0]), label) for image, label in (dataset[i] for i in range(len(dataset)))
    ]


def write_lists(folder, train, evaluation="a/2.png 0\nb/5.png 1\n"):
    (folder / "Train.txt").write_bytes(train if isinstance(train, bytes) else train.encode())
    if evaluation is not None:
        (folder / "Eval.txt").write_text(evaluation)
    return folder


TRAIN = "a/0.png 0\na/1.png 0\nb/3.png 1\nb/4.png 1\n"


def cifar_bytes(count, labels, head=1, seed=0):
    rng = np.random.default_rng(seed)
    records = rng.integers(0, 256, (count, head + 3072), np.uint8)
    records[:, head - 1] = labels
    return records


def cifar_pickle(records, labels=b"labels"):
    """Binary records as pickles of Python 2, as in the Python archive of CIFAR."""
    pixels, numbers = records[:, 1:].tobytes(), records[:, 0].tolist()
    small = b"".join(b"K" + bytes([number]) for number in numbers)
    return (
        b"\x80\x02}q\x01(U" + bytes([len(labels)]) + labels + b"q\x02]q\x03(" + small + b"e"
        b"U\x04dataq\x04cnumpy.core.multiarray\n_reconstruct\nq\x05cnumpy\nndarray\nq\x06"
        b"K\x00\x85U\x01b\x87Rq\x07(K\x01J" + len(records).to_bytes(4, "little") + b"M\x00\x0c\x86"
        b"cnumpy\ndtype\nq\x08U\x02u1K\x00K\x01\x87Rq\x09(K\x03U\x01|NNNJ\xff\xff\xff\xff"
        b"J\xff\xff\xff\xffK\x00tb\x89T" + len(pixels).to_bytes(4, "little") + pixels + b"tbu."
    )


def make_folder(tmp_path):
    """Images/a/0.png ... Images/b/5.png with grey values 0..5, the first three in a."""
    for i in range(6):
        picture(tmp_path / "set" / "Images" / "ab"[i // 3] / f"{i}.png", i)
    return tmp_path / "set"


def raw_zip(path, members):
    """A zip of (name in bytes, content) that records no encoding of names, as from Windows or
    macOS."""
    with zipfile.ZipFile(path, "w") as archive:
        for number, (name, content) in enumerate(members):
            archive.writestr(f"{number:~>{len(name)}}", content)
    data = path.read_bytes()
    for number, (name, _) in enumerate(members):
        placeholder = f"{number:~>{len(name)}}".encode()
        assert data.count(placeholder) == 2, "in the member's header and in the directory"
        data = data.replace(placeholder, name)
    path.write_bytes(data)
    return path


def photograph_table(folder, count, side, classes):
    """A CSV `image,label` of `count` pieces, side x side, of two real photographs; the classes take
    turns."""
    lines = ["image,label"]
    for number in range(count):
        photograph = load_sample_image(("china.jpg", "flower.jpg")[number % 2])
        cut = photograph[number * 10 : number * 10 + side, number * 24 : number * 24 + side]
        cv2.imwrite(str(folder / f"{number}.png"), cut[:, :, ::-1])
        lines.append(f"{number}.png,{classes[number % len(classes)]}")
    path = folder / "train.csv"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path
