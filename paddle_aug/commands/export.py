"""python -m paddle_aug export: a trained model as files that do not need this project."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from paddle_aug.cli.parser import Parser
from paddle_aug.core.program import command
from paddle_aug.core.user_paths import user_path
from paddle_aug.evaluation.options import EvaluationOptions, add_run


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
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files, after the saved ones were seen to give the model's outputs."""
    args = build_parser().parse_args(argv)
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from paddle_aug.build.model import make_model
    from paddle_aug.config import load_trained_config
    from paddle_aug.core.atomic import write_json, write_text
    from paddle_aug.core.folders.lock import locked
    from paddle_aug.evaluation.evaluate import checkpoint_name, checkpoint_place
    from paddle_aug.export import folder as export_folder
    from paddle_aug.export.describe import description
    from paddle_aug.export.paddlex import in_other_pixels, inference_yml, paddlex_name, why_not
    from paddle_aug.export.program import save_program, save_weights, trial_images
    from paddle_aug.export.words import random_steps
    from paddle_aug.runs.checkpoint import read_trained, trained_weights
    from paddle_aug.runs.layout import EXPORT
    from paddle_aug.weights.into_model import load_model

    arrays, state, run = read_trained(args.run, args.checkpoint)
    config = load_trained_config(state["config"], where=f"{args.run}: ")
    weights = trained_weights(arrays)
    digest = export_folder.weights_digest(weights)
    name = checkpoint_name(EvaluationOptions(args.run, args.checkpoint))
    output = args.output or run / (EXPORT if name == "best" else f"{EXPORT}_{name}")
    export_folder.refuse_other_export(output, digest, args.overwrite)

    model = make_model(config, len(state["classes"]))
    load_model(model, weights)
    model.eval()
    place = checkpoint_place(state)
    checkpoint = {
        "name": name, "epoch": place["checkpoint_epoch"], "step": place["checkpoint_step"],
    }  # fmt: skip
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        difference = save_program(model, trial_images(config), made / export_folder.PROGRAM)
        if args.pdparams:
            save_weights(model, made / export_folder.WEIGHTS)
        if not (reason := why_not(config)):
            text = inference_yml(config, state["classes"])
            write_text(made / export_folder.PREPROCESSING, text)
        about = description(config, state["classes"], checkpoint, digest)
        write_json(made / export_folder.DESCRIPTION, about)
        files = {name: made / name for name in export_folder.FILES if (made / name).exists()}
        with locked(output, wait=True):
            # Again: another export may have come, and ended, meanwhile.
            export_folder.refuse_other_export(output, digest, args.overwrite)
            same = export_folder.read_description(output).get("weights") == digest
            export_folder.publish(files, output, keep_others=same)
    print(
        f"wrote {output}: {', '.join(sorted(files))}\n"
        f"of the checkpoint {export_folder.checkpoint_in_words(checkpoint)}; the saved program's "
        f"outputs (probabilities, logits) differ from the run's by {difference:.1e}"
    )
    if reason:
        print(f"note: no inference.yml, so not for PaddleX: {reason}")
    else:
        print(f'PaddleX: create_model("{paddlex_name(config.model)}", model_dir="{output}")')
        if beside := in_other_pixels(config):
            print(f"note: {beside}")
    if random := random_steps(config):
        print(
            f"note: the run's --eval-transforms draw at random ({', '.join(random)}): no other "
            "program can repeat evaluate.py's figures"
        )
    return 0
