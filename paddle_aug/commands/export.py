"""python -m paddle_aug export: a trained model as files that need nothing of this project."""

import argparse
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.evaluation.options import add_run

if TYPE_CHECKING:
    import paddle

    from paddle_aug.config import Config

# What the saved program may differ by from the model it was made of, relative to the largest logit.
TOLERANCE = 1e-5


def build_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog=command("export"),
        description="Save a trained model for inference: model.json and model.pdiparams for "
        "paddle.jit.load, paddle.inference or paddle2onnx, and export.json with what an image must "
        "go through first and the names of the classes. The outputs are logits.",
    )
    add_run(parser)
    parser.add_argument(
        "--output", metavar="FOLDER", type=user_path, help="where to write (default: RUN/export)"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the three files, after the saved program was seen to give the model's outputs."""
    args = build_parser().parse_args(argv)
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.build.model import make_model
    from paddle_aug.commands.export_words import random_steps
    from paddle_aug.config import load_trained_config
    from paddle_aug.core.atomic import write_json
    from paddle_aug.runs.checkpoint import read_trained, trained_weights
    from paddle_aug.weights.into_model import load_model

    arrays, state, folder = read_trained(args.run, args.checkpoint)
    config = load_trained_config(state["config"], where=f"{args.run}: ")
    model = make_model(config, len(state["classes"]))
    load_model(model, trained_weights(arrays))
    model.eval()
    output = args.output or folder / "export"
    difference = save_program(model, config, output / "model")
    write_json(output / "export.json", description(config, state))
    if random := random_steps(config):
        print(
            f"note: the run's --eval-transforms draw at random ({', '.join(random)}): no other "
            "program can repeat evaluate.py's figures"
        )
    print(
        f"wrote {output}/model.json, model.pdiparams and export.json; the saved model's outputs "
        f"differ from the run's by {difference:.1e}"
    )
    return 0


def save_program(model: "paddle.nn.Layer", config: "Config", path: Path) -> float:
    """Write PATH.json and PATH.pdiparams, both or none, for batches of any size.

    Returns how much their outputs differ from the model's, relative to the largest. Raises
    UserError where that is more than TOLERANCE.
    """
    import numpy as np
    import paddle

    from paddle_aug.core.atomic import atomic_write
    from paddle_aug.core.errors import UserError

    shape = (config.channels, config.image_size, config.image_size)
    images = np.random.default_rng(0).standard_normal((3, *shape)).astype("float32")
    with tempfile.TemporaryDirectory() as folder, paddle.no_grad():
        program = Path(folder) / "model"
        expected = model(paddle.to_tensor(images)).numpy()
        spec = paddle.static.InputSpec([None, *shape], "float32", "image")
        paddle.jit.save(model, str(program), input_spec=[spec])
        if not program.with_suffix(".json").exists():  # Paddle 2 writes .pdmodel
            raise UserError(
                f"{path}: not written: this Paddle saves programs in an older "
                "format; export with Paddle 3, which reads the same runs"
            )
        got = paddle.jit.load(str(program))(paddle.to_tensor(images)).numpy()
        difference = float(np.abs(got - expected).max() / np.abs(expected).max())
        if not difference <= TOLERANCE:
            raise UserError(
                f"{path}: not written: the saved program's outputs differ from the model's by "
                f"{difference:.1e}; please report it with the versions in environment.json"
            )
        for suffix in (".pdiparams", ".json"):
            with atomic_write(path.with_suffix(suffix)) as temporary:
                shutil.copyfile(program.with_suffix(suffix), temporary)
    return difference


def description(config: "Config", state: dict[str, Any]) -> dict[str, Any]:
    """What export.json says: how to make the input of an image, and what the outputs mean."""
    from paddle_aug.batches.normalise import per_channel
    from paddle_aug.commands.export_words import spelled_out, steps_in_words

    size = config.image_size
    return {
        "input": {
            "name": "image",
            "shape": ["batch", config.channels, size, size],
            "dtype": "float32",
            "colours": "RGB" if config.channels == 3 else "gray",
            "transforms": spelled_out(config),
            "steps": steps_in_words(config),
            "scale": "(value / 255 - mean) / std",
            "mean": per_channel(config.mean, config.channels),
            "std": per_channel(config.std, config.channels),
        },
        "output": "logits",
        "classes": state["classes"],
        "model": config.model,
        "epoch": state.get("epoch"),
    }
