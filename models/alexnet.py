"""AlexNet (Krizhevsky et al. 2012), in the one-column form of arXiv 1404.5997."""

import paddle
from paddle import Tensor, nn


class AlexNet(nn.Layer):
    """AlexNet without local response normalisation; 61,100,840 parameters at 224, 1000 classes.

    Below 64 pixels the first convolution is 5x5 with stride 1 in place of 11x11 with stride 4,
    which would leave nothing for the three pools. The linear layers get a map of 6x6, or of what
    the convolutions leave if that is smaller. Arguments and result: see `models.build_model`.
    """

    def __init__(self, num_classes: int, in_channels: int = 3, image_size: int = 224) -> None:
        super().__init__()
        if image_size < 32:
            raise ValueError(f"AlexNet needs images of at least 32 pixels, got {image_size}")
        if image_size < 64:
            first, size = nn.Conv2D(in_channels, 64, 5, padding=2), image_size
        else:
            first = nn.Conv2D(in_channels, 64, 11, stride=4, padding=2)
            size = (image_size + 4 - 11) // 4 + 1
        for _ in range(3):
            size = (size - 3) // 2 + 1
        size = min(size, 6)
        self.features = nn.Sequential(
            first,
            nn.ReLU(),
            nn.MaxPool2D(3, 2),
            nn.Conv2D(64, 192, 5, padding=2),
            nn.ReLU(),
            nn.MaxPool2D(3, 2),
            nn.Conv2D(192, 384, 3, padding=1),
            nn.ReLU(),
            nn.Conv2D(384, 256, 3, padding=1),
            nn.ReLU(),
            nn.Conv2D(256, 256, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2D(3, 2),
        )
        self.pool = nn.AdaptiveAvgPool2D(size)
        self.classifier = nn.Sequential(
            nn.Dropout(0.5),
            nn.Linear(256 * size * size, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Linear(4096, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.features(images))
        return self.classifier(paddle.flatten(x, 1))
