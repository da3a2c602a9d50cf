"""Initial weights.

Paddle 3's own defaults are also those of Paddle 1.6, which the SamplePairing article used:
- Conv2D: Normal(0, sqrt(2 / (kernel height * kernel width * in channels))),
- Linear (FC in Paddle 1.6): Xavier uniform, U(-a, a) with a = sqrt(6 / (in + out)),
- biases 0; BatchNorm2D scale 1, shift 0.
So "default" leaves a new layer as it is.
"""

from paddle import nn

INITS = ("default", "xavier", "kaiming")


def initialise(model: nn.Layer, init: str) -> None:
    """Draw the weights of all Conv2D and Linear layers anew, unless `init` is "default".

    init: "default"; "xavier": uniform, of convolutions and linear layers alike (Glorot and
        Bengio 2010), biases 0; "kaiming": Normal(0, sqrt(2 / fan in)) for both (He et al. 2015,
        arXiv 1502.01852), biases 0.
    Raises ValueError for another name.
    """
    if init not in INITS:
        raise ValueError(f"unknown init {init!r}; known: {', '.join(INITS)}")
    if init == "default":
        return
    draw = nn.initializer.XavierUniform() if init == "xavier" else nn.initializer.KaimingNormal()
    zero = nn.initializer.Constant(0.0)
    for layer in model.sublayers(include_self=True):
        if isinstance(layer, (nn.Conv2D, nn.Linear)):
            draw(layer.weight)
            if layer.bias is not None:
                zero(layer.bias)
