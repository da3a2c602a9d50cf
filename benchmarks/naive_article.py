"""The SamplePairing article's experiment written as there, on today's Paddle, as a baseline.

    python benchmarks/naive_article.py FOLDER [--augment samplePairing] [--epochs 500]

Files are read, resized, augmented by Pillow and normalised one at a time, in the training loop
itself; images are mixed one by one in NumPy; GoogLeNet and Adam run on Paddle as pip installs it.
FOLDER has Train.txt and Eval.txt ("path label" lines) and Images/. Nothing of the package is used
but the model's layers, so that both sides train the same network.
"""

import argparse
import random
import sys
from collections.abc import Callable, Generator, Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from benchmarks.augmentation_peers import article_policy

Batches = Generator[tuple[np.ndarray, np.ndarray], None, None]
AUGMENTED = ("userDef", "samplePairing", "mixup")

image_augment = article_policy()


def normalize_img(image: np.ndarray, size: int, augment: str = "") -> np.ndarray:
    """float32 [3, size, size] in [-1, 1] of uint8 RGB [H, W, 3]."""
    image = cv2.resize(image, (size, size))
    if augment in AUGMENTED:
        image = image_augment(image)
    image = np.transpose(image, (2, 0, 1))
    image = image.astype("float32")
    image = image / 255.0
    return image * 2.0 - 1.0


def data_reader(
    folder: Path, mode: str, size: int, batch_size: int = 8, augment: str = ""
) -> Callable[[], Batches]:
    """A function that starts an epoch of batches: float32 [N, 3, size, size] and int64 [N, 1].

    mode: "train", in an order drawn once, or "validation", never augmented.
    """
    names = np.loadtxt(folder / {"train": "Train.txt", "validation": "Eval.txt"}[mode], dtype=str)
    names = names.reshape(-1, 2)
    if mode == "train":
        np.random.shuffle(names)

    def reader() -> Batches:
        images, labels = [], []
        for path, label in names:
            image = cv2.imread(str(folder / "Images" / path))
            assert image is not None, path
            image = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
            images.append(normalize_img(image, size, augment if mode == "train" else ""))
            labels.append(label)
            if len(images) == batch_size:
                yield _batch(images, labels)
                images, labels = [], []
        if images:
            yield _batch(images, labels)

    return reader


def _batch(images: list[np.ndarray], labels: list[str]) -> tuple[np.ndarray, np.ndarray]:
    return np.array(images).astype("float32"), np.array(labels).astype("int64").reshape(-1, 1)


def mix(first: np.ndarray, second: np.ndarray, lam: float) -> np.ndarray:
    """lam * first + (1 - lam) * second on a canvas of the larger height and width."""
    shape = np.maximum(first.shape[:2], second.shape[:2])
    image = np.zeros((*shape, first.shape[2]), "float32")
    image[: first.shape[0], : first.shape[1]] = first.astype("float32") * lam
    image[: second.shape[0], : second.shape[1]] += second.astype("float32") * (1 - lam)
    return image


def build(num_classes: int, size: int) -> tuple[Any, Any]:
    """(model, optimizer) on Paddle's own kernels."""
    import paddle

    from models import build_model

    model = build_model("GoogLeNet", num_classes, image_size=size)
    return model, paddle.optimizer.Adam(1e-4, parameters=model.parameters())


def train_epoch(
    model: Any, optimizer: Any, batches: Iterable[Any], mixing: str = ""
) -> tuple[float, float]:
    """Mean loss and accuracy of the batches. mixing: "samplePairing", "mixup" or none."""
    import paddle
    import paddle.nn.functional as F

    model.train()
    losses, accuracies = [], []
    for x, y in batches:
        lam, partner_labels = 1.0, y
        if mixing == "samplePairing":
            for i in range(len(x)):
                x[i] = mix(x[i], x[np.random.randint(0, len(x))], 0.5)
        elif mixing == "mixup":
            lam, partners = np.random.beta(1.5, 1.5), np.random.randint(0, len(x), len(x))
            for i in range(len(x)):
                x[i] = mix(x[i], x[partners[i]], lam)
            partner_labels = y[partners]
        label = paddle.to_tensor(y)
        logits = model(paddle.to_tensor(x))
        prediction = F.softmax(logits)
        loss = F.cross_entropy(logits, label, reduction="none")
        if mixing == "mixup":
            other = F.cross_entropy(logits, paddle.to_tensor(partner_labels), reduction="none")
            loss = loss * lam + other * (1 - lam)
        mean = paddle.mean(loss)
        losses.append(float(mean))
        accuracies.append(float(paddle.metric.accuracy(prediction, label)))
        mean.backward()
        optimizer.step()
        model.clear_gradients()
    return float(np.mean(losses)), float(np.mean(accuracies))


def validate(model: Any, batches: Iterable[Any]) -> tuple[float, float]:
    """Mean loss and accuracy of the batches; not under no_grad, as in the SamplePairing article."""
    import paddle
    import paddle.nn.functional as F

    model.eval()
    losses, accuracies = [], []
    for x, y in batches:
        label = paddle.to_tensor(y)
        logits = model(paddle.to_tensor(x))
        prediction = F.softmax(logits)
        losses.append(float(paddle.mean(F.cross_entropy(logits, label, reduction="none"))))
        accuracies.append(float(paddle.metric.accuracy(prediction, label)))
    return float(np.mean(losses)), float(np.mean(accuracies))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--augment", default="samplePairing", choices=["", *AUGMENTED])
    parser.add_argument("--epochs", type=int, default=500)
    parser.add_argument("--image-size", type=int, default=224)
    arguments = parser.parse_args()
    random.seed(0)
    np.random.seed(0)
    train = data_reader(arguments.folder, "train", arguments.image_size, 8, arguments.augment)
    validation = data_reader(arguments.folder, "validation", arguments.image_size)
    labels = np.loadtxt(arguments.folder / "Train.txt", dtype=str).reshape(-1, 2)[:, 1]
    model, optimizer = build(labels.astype(int).max() + 1, arguments.image_size)
    start = arguments.epochs // 10
    for epoch in range(arguments.epochs):
        pairing = start <= epoch < arguments.epochs - start and epoch % 10 < 8
        mixing = arguments.augment if arguments.augment == "mixup" or pairing else ""
        loss, accuracy = train_epoch(model, optimizer, train(), mixing)
        print(f"epoch: {epoch}, loss is: {loss}, acc is: {accuracy}", flush=True)
        loss, accuracy = validate(model, validation())
        print(f"[validation] loss/accuracy: {loss}/{accuracy}", flush=True)


if __name__ == "__main__":
    main()
