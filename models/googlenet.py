"""GoogLeNet of the SamplePairing article: Inception v1 (Szegedy et al. 2014, arXiv 1409.4842),
simplified."""

import paddle
from paddle import Tensor, nn


def _convolution(
    in_channels: int, out_channels: int, kernel: int, batch_norm: bool
) -> nn.Sequential:
    """Convolution that keeps the size, then ReLU; with batch normalisation in place of the bias."""
    if not batch_norm:
        return nn.Sequential(
            nn.Conv2D(in_channels, out_channels, kernel, padding=kernel // 2), nn.ReLU()
        )
    return nn.Sequential(
        nn.Conv2D(in_channels, out_channels, kernel, padding=kernel // 2, bias_attr=False),
        nn.BatchNorm2D(out_channels),
        nn.ReLU(),
    )


class Inception(nn.Layer):
    """Four branches whose outputs are concatenated: 1x1; 1x1, 3x3; 1x1, 5x5; 3x3 max pool, 1x1.

    widths: output channels of each convolution, ordered as (1x1, (1x1, 3x3), (1x1, 5x5), 1x1).
    """

    def __init__(
        self,
        in_channels: int,
        widths: tuple[int, tuple[int, int], tuple[int, int], int],
        batch_norm: bool,
    ) -> None:
        super().__init__()
        one, (three_in, three), (five_in, five), pooled = widths
        self.branch1 = _convolution(in_channels, one, 1, batch_norm)
        self.branch2_reduce = _convolution(in_channels, three_in, 1, batch_norm)
        self.branch2 = _convolution(three_in, three, 3, batch_norm)
        self.branch3_reduce = _convolution(in_channels, five_in, 1, batch_norm)
        self.branch3 = _convolution(five_in, five, 5, batch_norm)
        self.branch4_pool = nn.MaxPool2D(3, 1, padding=1)
        self.branch4 = _convolution(in_channels, pooled, 1, batch_norm)
        self.out_channels = one + three + five + pooled

    def forward(self, x: Tensor) -> Tensor:
        branch1 = self.branch1(x)
        branch2 = self.branch2(self.branch2_reduce(x))
        branch3 = self.branch3(self.branch3_reduce(x))
        branch4 = self.branch4(self.branch4_pool(x))
        return paddle.concat([branch1, branch2, branch3, branch4], axis=1)


# Output channels of the Inception blocks of the third, fourth and fifth stage (table 1).
STAGES = (
    (
        (64, (96, 128), (16, 32), 32),
        (128, (128, 192), (32, 96), 64),
    ),
    (
        (192, (96, 208), (16, 48), 64),
        (160, (112, 224), (24, 64), 64),
        (128, (128, 256), (24, 64), 64),
        (112, (144, 288), (32, 64), 64),
        (256, (160, 320), (32, 128), 128),
    ),
    (
        (256, (160, 320), (32, 128), 128),
        (384, (192, 384), (48, 128), 128),
    ),
)


class GoogLeNet(nn.Layer):
    """Inception v1 without auxiliary heads, dropout or response normalisation, and with stride 1
    in the 7x7 convolution; 5,989,952 parameters at 16 classes, for images of any size.

    batch_norm: True puts batch normalisation after each convolution; the SamplePairing article has
    none.
    Other arguments and result: see `models.build_model`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        image_size: int = 224,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        self.conv1 = _convolution(in_channels, 64, 7, batch_norm)
        self.pool1 = nn.MaxPool2D(3, 2, padding=1)
        self.conv2_reduce = _convolution(64, 64, 1, batch_norm)
        self.conv2 = _convolution(64, 192, 3, batch_norm)
        self.pool2 = nn.MaxPool2D(3, 2, padding=1)
        stages = []
        channels = 192
        for widths_of_blocks in STAGES:
            blocks = []
            for widths in widths_of_blocks:
                blocks.append(Inception(channels, widths, batch_norm))
                channels = blocks[-1].out_channels
            stages.append(nn.Sequential(*blocks))
        self.stage3, self.stage4, self.stage5 = stages
        self.pool3 = nn.MaxPool2D(3, 2, padding=1)
        self.pool4 = nn.MaxPool2D(3, 2, padding=1)
        self.pool5 = nn.AdaptiveAvgPool2D(1)
        self.fc = nn.Linear(channels, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool1(self.conv1(images))
        x = self.pool2(self.conv2(self.conv2_reduce(x)))
        x = self.pool3(self.stage3(x))
        x = self.pool4(self.stage4(x))
        x = self.pool5(self.stage5(x))
        return self.fc(paddle.flatten(x, 1))
