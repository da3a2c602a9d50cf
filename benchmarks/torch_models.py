"""Three networks of the benchmark of training steps in torch."""

import torch
from torch import nn


class _Inception(nn.Module):
    def __init__(self, inputs: int, c1: int, c2: tuple, c3: tuple, c4: int):
        super().__init__()
        self.branches = nn.ModuleList(
            [
                _conv(inputs, c1, 1),
                nn.Sequential(_conv(inputs, c2[0], 1), _conv(c2[0], c2[1], 3)),
                nn.Sequential(_conv(inputs, c3[0], 1), _conv(c3[0], c3[1], 5)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), _conv(inputs, c4, 1)),
            ]
        )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def _conv(inputs: int, outputs: int, kernel: int) -> nn.Sequential:
    return nn.Sequential(nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.ReLU(True))


def googlenet(classes: int, size: int) -> nn.Module:
    """GoogLeNet (Inception v1) as models/googlenet.py has it."""

    def pool() -> nn.Module:
        return nn.MaxPool2d(3, 2, 1)

    return nn.Sequential(
        *(_conv(3, 64, 7), pool(), _conv(64, 64, 1), _conv(64, 192, 3), pool()),
        _Inception(192, 64, (96, 128), (16, 32), 32),
        _Inception(256, 128, (128, 192), (32, 96), 64),
        pool(),
        _Inception(480, 192, (96, 208), (16, 48), 64),
        _Inception(512, 160, (112, 224), (24, 64), 64),
        _Inception(512, 128, (128, 256), (24, 64), 64),
        _Inception(512, 112, (144, 288), (32, 64), 64),
        _Inception(528, 256, (160, 320), (32, 128), 128),
        pool(),
        _Inception(832, 256, (160, 320), (32, 128), 128),
        _Inception(832, 384, (192, 384), (48, 128), 128),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1024, classes)),
    )


def vgg16(classes: int, size: int) -> nn.Module:
    """VGG-16 without batch normalisation, for images of `size` pixels."""
    layers: list[nn.Module] = []
    inputs = 3
    for count, outputs in ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)):
        for _ in range(count):
            layers.append(_conv(inputs, outputs, 3))
            inputs = outputs
        layers.append(nn.MaxPool2d(2, 2))
    features = 512 * (size // 32) ** 2
    return nn.Sequential(
        *layers,
        *(nn.Flatten(), nn.Linear(features, 4096), nn.ReLU(True), nn.Dropout(0.5)),
        *(nn.Linear(4096, 4096), nn.ReLU(True), nn.Dropout(0.5), nn.Linear(4096, classes)),
    )


class _BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.bn2(self.conv2(torch.relu_(self.bn1(self.conv1(x)))))
        return torch.relu_(y + self.shortcut(x))


def resnet18(classes: int, size: int) -> nn.Module:
    """ResNet-18 with the ImageNet stem."""
    blocks: list[nn.Module] = []
    inputs = 64
    for outputs in (64, 128, 256, 512):
        for stride in (1 if outputs == 64 else 2, 1):
            blocks.append(_BasicBlock(inputs, outputs, stride))
            inputs = outputs
    return nn.Sequential(
        *(nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(True)),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, classes)),
    )


def build_torch_model(name: str, classes: int, size: int) -> nn.Module:
    """GoogLeNet, VGG16 or ResNet18."""
    return {"GoogLeNet": googlenet, "VGG16": vgg16, "ResNet18": resnet18}[name](classes, size)
