"""ResNet (He et al. 2015, arXiv 1512.03385), with the stride in the 3x3 convolution ("v1.5")."""

import paddle
from paddle import Tensor, nn

STEMS = ("auto", "small", "imagenet")


class BasicBlock(nn.Layer):
    """Two 3x3 convolutions and a shortcut."""

    expansion = 1

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2D(in_channels, width, 3, stride, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2D(width, width, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(width)
        self.downsample = _shortcut(in_channels, width, stride, shortcut)
        self.relu2 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu2(out + x)


class BottleneckBlock(nn.Layer):
    """1x1, 3x3 and 1x1 convolution, the last four times as wide, and a shortcut."""

    expansion = 4

    def __init__(self, in_channels: int, width: int, stride: int, shortcut: bool = False) -> None:
        super().__init__()
        out_channels = width * self.expansion
        self.conv1 = nn.Conv2D(in_channels, width, 1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(width)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2D(width, width, 3, stride, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(width)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2D(width, out_channels, 1, bias_attr=False)
        self.bn3 = nn.BatchNorm2D(out_channels)
        self.downsample = _shortcut(in_channels, out_channels, stride, shortcut)
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if self.downsample is not None:
            x = self.downsample(x)
        return self.relu3(out + x)


def _shortcut(
    in_channels: int, out_channels: int, stride: int, always: bool
) -> nn.Sequential | None:
    """The shortcut: the input itself, or a 1x1 convolution where the output's shape differs.

    always: the convolution in either case.
    """
    if stride == 1 and in_channels == out_channels and not always:
        return None
    return nn.Sequential(
        nn.Conv2D(in_channels, out_channels, 1, stride, bias_attr=False),
        nn.BatchNorm2D(out_channels),
    )


# By depth: class of block, number of blocks in each of the four stages.
DEPTHS: dict[int, tuple[type[BasicBlock] | type[BottleneckBlock], tuple[int, ...]]] = {
    18: (BasicBlock, (2, 2, 2, 2)),
    34: (BasicBlock, (3, 4, 6, 3)),
    50: (BottleneckBlock, (3, 4, 6, 3)),
    101: (BottleneckBlock, (3, 4, 23, 3)),
    152: (BottleneckBlock, (3, 8, 36, 3)),
}


class ResNet(nn.Layer):
    """ResNet-18, 34, 50, 101 or 152; ResNet-18 has 11,689,512 parameters at 1000 classes.

    depth: 18, 34, 50, 101 or 152.
    stem: "imagenet": 7x7 convolution with stride 2 and 3x3 max pool with stride 2; "small": 3x3
        convolution with stride 1 and no pool, as usual for 32x32 images (ResNet-18 then has
        11,173,962 parameters at 10 classes); "auto": "small" below 64 pixels.
    first_shortcut: a 1x1 convolution in the first block's shortcut even where shapes agree, as
        PaddleClas's ResNet18 and ResNet34 have it (11,693,736 and 21,801,896 parameters).
    The names of the parameters are those of paddle.vision's ResNet, so its weights load.
    Other arguments and result: see `models.build_model`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        image_size: int = 224,
        depth: int = 18,
        stem: str = "auto",
        first_shortcut: bool = False,
    ) -> None:
        super().__init__()
        if stem not in STEMS:
            raise ValueError(f"unknown stem {stem!r}; known: {', '.join(STEMS)}")
        if stem == "auto":
            stem = "small" if image_size < 64 else "imagenet"
        block, blocks = DEPTHS[depth]
        if stem == "small":
            self.conv1 = nn.Conv2D(in_channels, 64, 3, padding=1, bias_attr=False)
        else:
            self.conv1 = nn.Conv2D(in_channels, 64, 7, stride=2, padding=3, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(64)
        self.relu = nn.ReLU()
        self.maxpool = None if stem == "small" else nn.MaxPool2D(3, 2, padding=1)
        self.layer1 = _stage(block, 64, 64, blocks[0], 1, first_shortcut)
        self.layer2 = _stage(block, 64 * block.expansion, 128, blocks[1], 2)
        self.layer3 = _stage(block, 128 * block.expansion, 256, blocks[2], 2)
        self.layer4 = _stage(block, 256 * block.expansion, 512, blocks[3], 2)
        self.avgpool = nn.AdaptiveAvgPool2D(1)
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(images)))
        if self.maxpool is not None:
            x = self.maxpool(x)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(paddle.flatten(self.avgpool(x), 1))


def _stage(
    block: type[BasicBlock] | type[BottleneckBlock],
    in_channels: int,
    width: int,
    blocks: int,
    stride: int,
    first_shortcut: bool = False,
) -> nn.Sequential:
    out_channels = width * block.expansion
    rest = [block(out_channels, width, 1) for _ in range(blocks - 1)]
    return nn.Sequential(block(in_channels, width, stride, first_shortcut), *rest)
