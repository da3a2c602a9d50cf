"""The small residual net of the MNIST study (docs/sources.md)."""

import paddle
from paddle import Tensor, nn

WIDTHS = (32, 64, 128, 256)


class ResidualBlock(nn.Layer):
    """Two 3x3 convolutions, a ReLU after BOTH normalisations, and a shortcut: a 1x1 convolution
    with bias, without normalisation, where the size is halved."""

    def __init__(self, in_channels: int, out_channels: int, halve: bool) -> None:
        super().__init__()
        stride = 2 if halve else 1
        self.conv1 = nn.Conv2D(in_channels, out_channels, 3, stride, padding=1, bias_attr=False)
        self.bn1 = nn.BatchNorm2D(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2D(out_channels, out_channels, 3, padding=1, bias_attr=False)
        self.bn2 = nn.BatchNorm2D(out_channels)
        self.relu2 = nn.ReLU()
        self.projection = nn.Conv2D(in_channels, out_channels, 1, stride) if halve else None
        self.relu3 = nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        if self.projection is not None:
            x = self.projection(x)
        return self.relu3(x + out)


class ResNetSmall(nn.Layer):
    """3x3 convolution without padding, 2x2 max pool, stages of two blocks with 32, 64, 128 and
    256 channels, average pool, linear; 2,796,554 parameters on gray images with 10 classes.

    On 96x96 images the last pool averages the first 4x4 of the 6x6 map, as the MNIST study does;
    at other sizes it averages the whole map. Arguments and result: see `models.build_model`.
    """

    def __init__(self, num_classes: int, in_channels: int = 1, image_size: int = 96) -> None:
        super().__init__()
        self.conv = nn.Conv2D(in_channels, WIDTHS[0], 3)
        self.pool = nn.MaxPool2D(2, 2)
        blocks: list[nn.Layer] = []
        channels = WIDTHS[0]
        for width in WIDTHS:
            blocks.append(ResidualBlock(channels, width, halve=width != channels))
            blocks.append(ResidualBlock(width, width, halve=False))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.average = nn.AvgPool2D(4) if image_size == 96 else nn.AdaptiveAvgPool2D(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.blocks(self.pool(self.conv(images)))
        return self.fc(paddle.flatten(self.average(x), 1))
