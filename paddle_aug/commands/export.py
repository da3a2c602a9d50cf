"""python -m paddle_aug export: a trained model as files that do not need this project."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from paddle_aug.cli.parser import Parser
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.evaluation.options import add_run
from paddle_aug.language import tell

if TYPE_CHECKING:
    from paddle_aug.config import Config


def build_parser() -> Parser:
    parser = Parser(
        prog=command("export"),
        description="Save a trained model for inference: inference.json and inference.pdiparams "
        "for paddle.inference, paddle.jit.load or paddle2onnx; inference.yml, with which PaddleX "
        "takes the folder as it is; export.json with what an image must go through first and the "
        "names of the classes. The outputs are the probabilities and the logits.",
    )
    add_run(parser)
    add = parser.add_argument
    add("--output", metavar="FOLDER", type=user_path,
        help="where to write (default: RUN/export, of another checkpoint than the best "
        "RUN/export_NAME)")  # fmt: skip
    add("--overwrite", action="store_true", help="replace the export of another checkpoint")
    add("--pdparams", action="store_true",
        help="also the weights alone, model.pdparams for paddle.load")  # fmt: skip
    add("--onnx", action="store_true",
        help="also inference.onnx, tried in ONNX Runtime (needs the extra onnx)")  # fmt: skip
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, after the saved ones were seen to give the model's outputs."""
    args = build_parser().parse_args(argv)
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.build.model import make_model
    from paddle_aug.config import load_trained_config
    from paddle_aug.evaluation.evaluate import checkpoint_name, checkpoint_place
    from paddle_aug.export.folder import checkpoint_in_words, refuse_other_export
    from paddle_aug.export.make import export_model
    from paddle_aug.export.to_onnx import check_packages
    from paddle_aug.prediction.models import changes_label
    from paddle_aug.runs.checkpoint import arrays_digest, read_trained, trained_weights
    from paddle_aug.runs.layout import EXPORT
    from paddle_aug.runs.ownership import RunStart
    from paddle_aug.weights.into_model import load_model

    arrays, state, folder = read_trained(args.run, args.checkpoint)
    run = RunStart(folder)
    config = load_trained_config(state["config"], where=f"{args.run}: ")
    weights = trained_weights(arrays)
    digest = arrays_digest(weights)
    name = checkpoint_name(args.run, args.checkpoint)
    output = args.output or folder / (EXPORT if name == "best" else f"{EXPORT}_{name}")
    refuse_other_export(output, digest, args.overwrite)
    if args.onnx:
        check_packages()

    if (known := changes_label(config, state)) is not None:
        config = config.model_copy(update={"changes_label": sorted(known)})
    model = make_model(config, len(state["classes"]))
    load_model(model, weights)
    model.eval()
    place = checkpoint_place(state)
    checkpoint = {
        "name": name, "epoch": place["checkpoint_epoch"], "step": place["checkpoint_step"],
    }  # fmt: skip
    made = export_model(
        model, config, state["classes"], checkpoint, digest, run, output,
        overwrite=args.overwrite, weights=args.pdparams, onnx=args.onnx,
    )  # fmt: skip
    tell(
        f"wrote {output}: {', '.join(made.files)}\n"
        f"of the checkpoint {checkpoint_in_words(checkpoint)}; the saved program's outputs "
        f"(probabilities, logits) differ from the model's in float32 by {made.difference:.1e}"
    )
    if made.onnx:
        tell(
            f"ONNX: opset {made.onnx.opset}, batches of any size; outputs in ONNX Runtime differ "
            f"by {made.onnx.difference:.1e}"
        )
    tell("\n".join(_remarks(config, output)))
    return 0


def _remarks(config: "Config", output: Path) -> list[str]:
    """How PaddleX takes the folder, and what other programs cannot repeat."""
    from paddle_aug.evaluation.evaluate import precision
    from paddle_aug.export.paddlex import in_other_pixels, paddlex_name, why_not
    from paddle_aug.export.words import random_steps

    lines = []
    # As evaluate.py and predict.py choose it, unless they are told otherwise.
    as_they_do = config.model_copy(update={"cpu_backend": "auto"})
    if precision(as_they_do, say=lambda line: None) == "bf16":
        lines.append(
            f"note: the run computes in {config.amp} where it can, the program in float32: its "
            "probabilities differ a little from evaluate.py's and predict.py's of the run"
        )
    if reason := why_not(config):
        lines.append(f"note: no inference.yml, so not for PaddleX: {reason}")
    else:
        lines.append(f'PaddleX: create_model("{paddlex_name(config.model)}", model_dir="{output}")')
        if beside := in_other_pixels(config):
            lines.append(f"note: {beside}")
    if random := random_steps(config):
        lines.append(
            f"note: the run's --eval-transforms draw at random ({', '.join(random)}): no other "
            "program can repeat evaluate.py's figures"
        )
    return lines
