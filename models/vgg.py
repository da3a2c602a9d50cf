"""VGG (Simonyan and Zisserman 2014, arXiv 1409.1556)."""

import paddle
from paddle import Tensor, nn

# Convolutions in each of the five blocks, by the number of layers with weights.
BLOCKS = {11: (1, 1, 2, 2, 2), 13: (2, 2, 2, 2, 2), 16: (2, 2, 3, 3, 3), 19: (2, 2, 4, 4, 4)}
WIDTHS = (64, 128, 256, 512, 512)


class VGG(nn.Layer):
    """VGG-11, 13, 16 or 19; VGG-16 has 138,357,544 parameters at 224 and 1000 classes.

    depth: 11, 13, 16 or 19. batch_norm: batch normalisation after each convolution.
    The first linear layer takes the whole last map, 512 * (image_size // 32)**2 values. Dropout
    of 0.5 after the first two linear layers is off in evaluation and scales up in training (in the
    SamplePairing article's Paddle 1.6 it scaled down in evaluation, with the same expected value).
    The names of the parameters are those of paddle.vision's VGG, so its weights load. Other
    arguments and result: see `models.build_model`.
    """

    def __init__(
        self,
        num_classes: int,
        in_channels: int = 3,
        image_size: int = 224,
        depth: int = 16,
        batch_norm: bool = False,
    ) -> None:
        super().__init__()
        if image_size < 32:
            raise ValueError(f"VGG needs images of at least 32 pixels, got {image_size}")
        layers: list[nn.Layer] = []
        channels = in_channels
        for convolutions, width in zip(BLOCKS[depth], WIDTHS, strict=True):
            for _ in range(convolutions):
                layers.append(nn.Conv2D(channels, width, 3, padding=1))
                if batch_norm:
                    layers.append(nn.BatchNorm2D(width))
                layers.append(nn.ReLU())
                channels = width
            layers.append(nn.MaxPool2D(2, 2))
        self.features = nn.Sequential(*layers)
        self.classifier = nn.Sequential(
            nn.Linear(512 * (image_size // 32) ** 2, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, 4096),
            nn.ReLU(),
            nn.Dropout(0.5),
            nn.Linear(4096, num_classes),
        )

    def forward(self, images: Tensor) -> Tensor:
        x = self.features(images)
        return self.classifier(paddle.flatten(x, 1))
