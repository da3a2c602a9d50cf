"""Readers of untrusted files, with inputs for each that are almost right, for tests and soak.

A target is a strategy of bytes and a function that reads them from a folder. Only UserError, with
the file's name in it, may come out of the function.
"""

import gzip
import io
import json
import pickle
import shutil
import tarfile
import tempfile
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from paddle_aug.config import load_config
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.data.archives.members import file_names
from paddle_aug.data.archives.unpacked import unpack
from paddle_aug.data.decode import read_image
from paddle_aug.data.from_arrays import read_cifar, read_idx, read_npz
from paddle_aug.data.guesses import Guesses
from paddle_aug.data.label_map import read_label_map
from paddle_aug.data.list_files import read_csv, read_list
from paddle_aug.data.options import DataOptions
from paddle_aug.runs.checkpoint import load_state, save_state
from paddle_aug.weights.read import load_weights
from tests.data_sets import load, make_folder, raw_zip, write_lists


class Target(NamedTuple):
    """inputs: strategy of bytes. read: (folder, bytes) -> anything. name: in every error."""

    inputs: st.SearchStrategy[bytes]
    read: Callable[[Path, bytes], object]
    name: str


# Numbers that are likely to break code that reads them as a size or a count.
_HOSTILE = st.sampled_from([b"\xff\xff\xff\xff", b"\x7f\xff\xff\xff", b"\0\0\0\0", b"\x80", b"-1"])


@st.composite
def damaged(draw: st.DrawFn, samples: Callable[[], list[bytes]]) -> bytes:
    """One of the samples with some bytes changed, inserted, repeated or cut off."""
    data = bytearray(draw(st.sampled_from(samples())))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(data)))
        kind = draw(st.sampled_from(["change", "insert", "hostile", "cut", "double"]))
        if kind == "change" and place < len(data):
            data[place] = draw(st.integers(0, 255))
        elif kind == "insert":
            data[place:place] = draw(st.binary(max_size=6))
        elif kind == "hostile":
            number = draw(_HOSTILE)
            data[place : place + len(number)] = number
        elif kind == "cut":
            del data[place:]
        else:
            data += data[place : place + 200]
    return bytes(data)


LINES = st.lists(
    st.sampled_from(["a/0.png 0", "b/3.png 1", "../x 0", "\t", "# c", "a/0.png", "/a 0", "\ufeff"])
    | st.text(max_size=12),
    max_size=6,
).map("\n".join)


def _prepared(folder: Path) -> Path:
    return folder / "set" if (folder / "set").is_dir() else make_folder(folder)


def _read_list(folder: Path, data: bytes) -> None:
    root = write_lists(_prepared(folder), data)
    assert len(read_list(root / "Train.txt")) > 0
    load(root)


def _read_table(folder: Path, data: bytes) -> None:
    root = _prepared(folder)
    (root / "train.csv").write_bytes(data)
    (root / "Train.txt").unlink(missing_ok=True)
    assert len(read_csv(root / "train.csv")) > 0
    load(root)


def _read_label_map(folder: Path, data: bytes) -> None:
    (folder / "label_list.txt").write_bytes(data)
    names = read_label_map(folder / "label_list.txt", Guesses(DataOptions())).names
    assert names and all(names.values())
    load(write_lists(_prepared(folder), "a/0.png 0\nb/3.png 1\n"),
         class_names=str(folder / "label_list.txt"))  # fmt: skip


def _in_encodings(*texts: str) -> list[bytes]:
    return [text.encode(codec) for text in texts for codec in ("utf-8", "gbk", "utf-16")]


def _read_idx(folder: Path, data: bytes) -> None:
    (folder / "x").write_bytes(data)
    assert read_idx(folder / "x").dtype == np.uint8


@cache
def _idx_samples() -> list[bytes]:
    plain = b"\0\0\x08\x03" + b"\0\0\0\2\0\0\0\3\0\0\0\5" + bytes(range(30))
    return [plain, gzip.compress(plain, mtime=0), b"\0\0\x08\1\0\0\0\4\0\1\2\3"]


def _read_cifar(folder: Path, data: bytes) -> None:
    (folder / "x").write_bytes(data[1:])
    images, labels = read_cifar(folder / "x", 100 if data[:1] > b"\x80" else 10)
    assert images.shape == (len(labels), 32, 32, 3)


def _cifar_inputs() -> st.SearchStrategy[bytes]:
    whole = st.tuples(st.integers(0, 255), st.integers(0, 7000), st.integers(0, 255)).map(
        lambda t: bytes([t[0]]) + bytes([t[2]]) * t[1]
    )
    return whole | st.sampled_from([3073, 3074, 6146, 6148]).flatmap(
        lambda size: st.integers(0, 255).map(lambda value: bytes([value]) * (size + 1))
    )


def _read_npz(folder: Path, data: bytes) -> None:
    (folder / "x.npz").write_bytes(data)
    assert len(read_npz(folder / "x.npz")) == 2


@cache
def _npz_samples() -> list[bytes]:
    images = np.zeros((2, 3, 3), np.uint8)
    samples = []
    for save in (np.savez, np.savez_compressed):
        file = io.BytesIO()
        save(file, x_train=images, y_train=[0, 1], x_test=images, y_test=[0, 1])
        samples.append(file.getvalue())
    return samples


def _read_archive(folder: Path, data: bytes) -> None:
    path = folder / ("x.zip" if data[:2] == b"PK" else "x.tar.gz")
    path.write_bytes(data)
    unpacked = unpack(path)
    assert unpacked.parent == folder
    for name in file_names(path):
        name.encode("utf-8", "surrogateescape")
    shutil.rmtree(unpacked)


@cache
def _archive_samples() -> list[bytes]:
    plain, packed = io.BytesIO(), io.BytesIO()
    with zipfile.ZipFile(plain, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/0.png", b"\0" * 50)
        archive.writestr("Train.txt", "a/0.png 0\n")
    with tarfile.open(fileobj=packed, mode="w") as archive:
        for name in ("a/0.png", "Train.txt"):
            member = tarfile.TarInfo(name)
            member.size = 20
            archive.addfile(member, io.BytesIO(b"\1" * 20))
    with tempfile.TemporaryDirectory() as folder:
        names = [(f"圆盘/{codec}.png".encode(codec), b"1" * 9) for codec in ("gbk", "utf-8")]
        chinese = [raw_zip(Path(folder) / "x.zip", [name]).read_bytes() for name in names]
    packed_bytes = packed.getvalue()
    return [plain.getvalue(), *chinese, packed_bytes, gzip.compress(packed_bytes, mtime=0)]


_YAML_VALUES = st.sampled_from(
    ["1", "-1", "0.5", ".nan", ".inf", "1e400", "9" * 5000, "true", "null", "~", "''", "[1, 2]",
     "{a: 1}", "!!python/object/apply:os.system [id]", "!!binary aGk=", "2001-99-99", "0x10",
     "&a [*a]", "*a", "<<: {a: 1}", "[" * 300, "samplePairing", "LeNet", "gpu", "\t", "- x",
     "!!set {a}", "{[1]: 2}", "1:30", "&b [x, x]", "[*b, *b]", "?"]
) | st.text(max_size=8)  # fmt: skip
_YAML_KEYS = st.sampled_from(
    ["epochs", "lr", "augment", "model", "policy", "mean", "train_transforms", "milestones", "seed",
     "data", "workers", "<<", "a", "1", "? [x]", "policy.x"]
) | st.text(max_size=5)  # fmt: skip
_LAUGHS = "a: &a [x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)
CONFIGS = st.one_of(
    st.lists(st.tuples(_YAML_KEYS, _YAML_VALUES), max_size=5).map(
        lambda rows: "\n".join(f"{key}: {value}" for key, value in rows).encode(
            "utf-8", "surrogatepass"
        )
    ),
    st.sampled_from(["", "milestones: *h", "data: *h", "policy: *h", "train_transforms: *i"]).map(
        lambda line: (_LAUGHS + line).encode()
    ),
    st.sampled_from(["milestones", "data", "lr", "augment", "policy", "policy:\n  crop_ratio"]).map(
        lambda key: _LAUGHS.replace("a:", "milestones:", 1).replace("h: &h", f"{key}: &h").encode()
    ),
    damaged(
        lambda: [
            b"augment: mixup\nepochs: 20\nmilestones: [5, 15]\nlr: 0.01\n",
            b"data: digits\ntrain_transforms: [{Resize: 120}, {RandomCrop: 96}]\n"
            b"policy:\n  noise_prob: 0.3\n",
        ]
    ),
    st.binary(max_size=60),
)


def _read_config(folder: Path, data: bytes) -> None:
    path = folder / "x.yaml"
    path.write_bytes(data)
    load_config(read_yaml(path), where=f"{path}: ")


def _read_checkpoint(folder: Path, data: bytes) -> None:
    (folder / "x.safetensors").write_bytes(data)
    arrays, state = load_state(folder / "x.safetensors")
    assert all(isinstance(array, np.ndarray) for array in arrays.values())
    assert isinstance(state, dict)


def _checkpoint_samples(folder: Path) -> list[bytes]:
    arrays = {"model/w": np.arange(6, dtype=np.float32).reshape(2, 3), "flag": np.array(True)}
    path = folder / "sample.safetensors"
    save_state(path, arrays, {"epoch": 3})
    whole = path.read_bytes()
    length = int.from_bytes(whole[:8], "little")
    header = json.loads(whole[8 : 8 + length])
    samples = [whole]
    for change in ({"dtype": "F64"}, {"shape": [2**40]}, {"data_offsets": [0, 2**50]}):
        text = json.dumps(header | {"model/w": header["model/w"] | change}).encode()
        samples.append(len(text).to_bytes(8, "little") + text + whole[8 + length :])
    return samples


@cache
def _shared_checkpoint_samples() -> list[bytes]:
    with tempfile.TemporaryDirectory() as folder:
        return _checkpoint_samples(Path(folder))


def _read_weights(suffix: str, folder: Path, data: bytes) -> None:
    path = folder / f"x{suffix}"
    path.write_bytes(data)
    weights = load_weights(path)
    assert all(isinstance(array, np.ndarray) for array in weights.values())


@cache
def _pickle_samples() -> list[bytes]:
    arrays = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "s": np.float64(2.5)}
    contents = [arrays, {"state_dict": arrays, "epoch": 3, "names": ["a", ("b", None)]}]
    contents.append({"w": np.array([print, None], object)})
    contents.append({"w": print})
    return [pickle.dumps(content, protocol) for content in contents for protocol in (0, 2, 4, 5)]


def _read_image(folder: Path, data: bytes) -> None:
    (folder / "x.img").write_bytes(data)
    image = read_image(folder / "x.img")
    assert image.dtype == np.uint8 and image.ndim == 3 and image.shape[2] == 3


@cache
def _image_samples() -> list[bytes]:
    rng = np.random.default_rng(0)
    colour = Image.fromarray(rng.integers(0, 256, (11, 7, 3), np.uint8))
    deep = Image.fromarray(rng.integers(0, 65536, (5, 3)).astype(np.uint16))
    orientation = Image.Exif()
    orientation[0x0112] = 6
    samples = []

    def add(image: Image.Image, kind: str, **options: object) -> None:
        file = io.BytesIO()
        image.save(file, kind, **options)
        samples.append(file.getvalue())

    for kind in ("JPEG", "PNG", "BMP", "GIF", "WEBP", "TIFF", "PPM"):
        add(colour, kind)
    add(colour, "JPEG", exif=orientation)
    add(colour, "JPEG", progressive=True)
    add(colour.convert("CMYK"), "JPEG")
    add(colour.convert("RGBA"), "PNG")
    add(colour.convert("P"), "PNG", transparency=3)
    add(colour.convert("1"), "TIFF", compression="group4")
    add(colour, "TIFF", compression="tiff_lzw")
    add(deep, "PNG")
    add(colour, "GIF", save_all=True, append_images=[colour.rotate(90)])
    return samples


TARGETS = {
    "list": Target(
        LINES.map(lambda text: text.encode("utf-8", "surrogatepass"))
        | damaged(lambda: [b"a/0.png 0\na/1.png 0\nb/3.png 1\n", b"a/0.png\tx\r\nb/4.png\ty\n",
                           b"a/0.png 7\nb/3.png 3\n",
                           *_in_encodings("a/0.png 圆盘\nb/3.png 方块\n")])
        | st.binary(max_size=80),
        _read_list, ".txt",
    ),
    "csv": Target(
        st.tuples(
            st.sampled_from([b"", b"image,label\n"]),
            st.text(max_size=80).map(lambda text: text.encode("utf-8", "surrogatepass"))
            | st.binary(max_size=80),
        ).map(b"".join)
        | damaged(
            lambda: [
                b"image,label\na/0.png,0\na/1.png,0\nb/3.png,1\nb/4.png,1\n",
                b'id,label,image\n1,cat,"a/0.png"\n2,dog,b/3.png\n3,cat,a/1.png\n4,dog,b/4.png\n',
                *_in_encodings("image,label\na/0.png,圆盘\nb/3.png,方块\na/1.png,圆盘\n"),
            ]
        ),
        _read_table, "train.csv",
    ),
    "label map": Target(
        LINES.map(lambda text: text.encode("utf-8", "surrogatepass"))
        | damaged(lambda: [b"0 a\n1 b\n", b"1 b\n0 a\n7 c", b"a\nb\n", b"1 a\n2 b\n",
                           *_in_encodings("1 方块\n0 圆盘\n", "圆盘\n方块\n")])
        | st.binary(max_size=40),
        _read_label_map, "label_list.txt",
    ),
    "idx": Target(
        st.tuples(
            st.sampled_from([b"", b"\0\0\x08\x01", b"\0\0\x08\x03", b"\x1f\x8b\x08\0"]),
            st.binary(max_size=60),
        ).map(b"".join).flatmap(lambda data: st.sampled_from([data, gzip.compress(data, mtime=0)]))
        | damaged(_idx_samples),
        _read_idx, "x",
    ),
    "cifar": Target(_cifar_inputs(), _read_cifar, "x"),
    "npz": Target(damaged(_npz_samples), _read_npz, "x.npz"),
    "archive": Target(damaged(_archive_samples), _read_archive, "x."),
    "config": Target(CONFIGS, _read_config, "x.yaml"),
    "checkpoint": Target(damaged(_shared_checkpoint_samples), _read_checkpoint, "x.safetensors"),
    "pdparams": Target(damaged(_pickle_samples), partial(_read_weights, ".pdparams"), "x.pdparams"),
    "safetensors": Target(
        damaged(_shared_checkpoint_samples), partial(_read_weights, ".safetensors"),
        "x.safetensors",
    ),
    "image": Target(damaged(_image_samples), _read_image, "x.img"),
}  # fmt: skip
