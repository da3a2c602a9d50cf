"""All the files of an export, made in a temporary folder and then put in place together."""

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from paddle import nn

from paddle_aug.config import Config
from paddle_aug.core.atomic import write_json, write_text
from paddle_aug.core.folders.lock import locked
from paddle_aug.export import folder as names
from paddle_aug.export.describe import description
from paddle_aug.export.paddlex import inference_yml, why_not
from paddle_aug.export.program import save_program, save_weights, trial_images
from paddle_aug.export.to_onnx import OnnxRecord, save_onnx
from paddle_aug.runs.ownership import RunStart


@dataclass(frozen=True)
class Made:
    """Names of the files, the program's difference from the model, what is said of ONNX."""

    files: list[str]
    difference: float
    onnx: OnnxRecord | None


def export_model(
    model: nn.Layer, config: Config, classes: list[str], checkpoint: dict[str, Any], digest: str,
    run: RunStart, output: Path, *, overwrite: bool = False, weights: bool = False,
    onnx: bool = False,
) -> Made:  # fmt: skip
    """Write the export of a model that is in evaluation into the folder `output`.

    checkpoint, digest: see `describe.description`; run: as it was when the weights were read;
    overwrite: also over an export of other weights; weights, onnx: these forms as well. Raises
    UserError where a form cannot be made or differs from the model, another run has the run's place
    now, or the folder is another's; then nothing is written.
    """
    images = trial_images(config)
    with tempfile.TemporaryDirectory() as temporary:
        made = Path(temporary)
        difference = save_program(model, images, made / names.PROGRAM)
        if weights:
            save_weights(model, made / names.WEIGHTS)
        record = save_onnx(model, images, made / names.ONNX) if onnx else None
        if not why_not(config):
            write_text(made / names.PREPROCESSING, inference_yml(config, classes))
        about = description(config, classes, checkpoint, digest)
        with locked(output, wait=True):
            run.refuse_replaced()
            # Again: another export may have come, and ended, meanwhile.
            names.refuse_other_export(output, digest, overwrite)
            before = names.read_description(output)
            same = before.get("weights") == digest
            if record:
                about["onnx"] = record._asdict()
            elif same and "onnx" in before:  # its file stays
                about["onnx"] = before["onnx"]
            write_json(made / names.DESCRIPTION, about)
            files = {name: made / name for name in names.FILES if (made / name).exists()}
            names.publish(files, output, keep_others=same)
    return Made(sorted(files), difference, record)
