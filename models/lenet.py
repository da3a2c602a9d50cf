"""LeNet-5 (LeCun et al. 1998, "Gradient-based learning applied to document recognition")."""

import paddle
from paddle import Tensor, nn


class LeNet(nn.Layer):
    """LeNet-5 in today's form: ReLU and max pools; 61,706 parameters on gray 32x32, 10 classes.

    Maps of larger images are averaged down to the 5x5 map of a 32x32 image, so that the linear
    layers keep their size. Arguments and result: see `models.build_model`.
    """

    def __init__(self, num_classes: int, in_channels: int = 3, image_size: int = 32) -> None:
        super().__init__()
        if image_size < 28:
            raise ValueError(f"LeNet needs images of at least 28 pixels, got {image_size}")
        self.features = nn.Sequential(
            nn.Conv2D(in_channels, 6, 5),
            nn.ReLU(),
            nn.MaxPool2D(2, 2),
            nn.Conv2D(6, 16, 5),
            nn.ReLU(),
            nn.MaxPool2D(2, 2),
        )
        self.pool = nn.AdaptiveAvgPool2D(5)
        self.classifier = nn.Sequential(
            nn.Linear(16 * 5 * 5, 120),
            nn.ReLU(),
            nn.Linear(120, 84),
            nn.ReLU(),
            nn.Linear(84, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.features(images))
        return self.classifier(paddle.flatten(x, 1))
