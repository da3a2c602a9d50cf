"""export.json: how to turn an image into the program's input, and what its outputs mean."""

from typing import Any

from paddle_aug.batches.normalise import per_channel
from paddle_aug.build.scaling import evaluation_resize
from paddle_aug.config import Config
from paddle_aug.export.program import INPUT, OUTPUTS
from paddle_aug.export.words import spelled_out, steps_in_words


def description(
    config: Config, classes: list[str], checkpoint: dict[str, Any], digest: str
) -> dict[str, Any]:
    """The content of export.json.

    checkpoint: its name, epoch and step. digest: of its weights.
    """
    size, view = config.image_size, evaluation_resize(config)
    return {
        "input": {
            "name": INPUT,
            "shape": ["batch", config.channels, size, size],
            "dtype": "float32",
            "colours": "RGB" if config.channels == 3 else "gray",
            "transforms": spelled_out(config),
            "steps": steps_in_words(config),
            "scale": "(value / 255 - mean) / std",
            "mean": per_channel(config.mean, config.channels),
            "std": per_channel(config.std, config.channels),
        },
        # For views of an image (--tta): what draws them, and the filter of crops.
        "views": {
            "seed": config.seed,
            "changes_label": config.changes_label,
            "policy": config.dump()["policy"],
            "interpolation": view.interpolation,
            "antialias": view.antialias,
        },
        "outputs": list(OUTPUTS),
        "classes": classes,
        "model": config.model,
        "checkpoint": checkpoint,
        "weights": digest,
    }
