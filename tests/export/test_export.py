"""The exported files, read with nothing of this project, classify as the run did."""

import json
import shutil
import subprocess

import numpy as np
import paddle
import pytest

from models import build_model
from paddle_aug.__main__ import main
from paddle_aug.build.model import make_model
from paddle_aug.commands.export import _remarks
from paddle_aug.config import load_config
from paddle_aug.core.errors import UserError
from paddle_aug.data.load import load_data
from paddle_aug.data.options import DataOptions
from paddle_aug.export import folder as export_folder
from paddle_aug.export import program
from paddle_aug.export.describe import description
from paddle_aug.runs.checkpoint import load_state, save_state, trained_weights
from paddle_aug.train.fit import fit
from tests.trained_runs import trained_run
from tests.warm_python import warm_python

# What a stranger's program does: Paddle, OpenCV and export.json, nothing of this project.
CLASSIFY = """
import json, sys
import cv2, numpy as np, paddle
folder, images = sys.argv[1:]
about = json.load(open(f"{folder}/export.json"))
given = about["input"]
size = tuple(given["transforms"][0]["Resize"]["size"][::-1])
rows = [cv2.resize(image, size, interpolation=cv2.INTER_LINEAR) for image in np.load(images)]
rows = [cv2.cvtColor(row, cv2.COLOR_RGB2GRAY)[..., None] for row in rows] \\
    if given["colours"] == "gray" else rows
batch = (np.stack(rows) / 255 - given["mean"]) / given["std"]
batch = paddle.to_tensor(batch.transpose(0, 3, 1, 2), "float32")
probabilities, logits = paddle.jit.load(f"{folder}/inference")(batch)
from paddle import inference
predictor = inference.create_predictor(
    inference.Config(f"{folder}/inference.json", f"{folder}/inference.pdiparams"))
(one,) = predictor.run([batch])[:1]
assert np.allclose(one.numpy(), probabilities, atol=1e-5)
assert about["outputs"] == ["probabilities", "logits"]
assert np.allclose(probabilities, paddle.nn.functional.softmax(logits), atol=1e-6)
print(json.dumps([about["classes"][k] for k in probabilities.argmax(-1).tolist()]))
"""


@pytest.mark.parametrize("channels", [3, 1])
def test_an_exported_model_classifies_as_the_run_did(channels, tmp_path, capsys):
    values = {
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 5, "batch_size": 10,
        "epochs": 3, "lr": 1e-3, "augment": "no", "channels": channels, "output": str(tmp_path),
    }  # fmt: skip
    run = fit(load_config(values), say=lambda line: None)
    assert main(["export", str(run), "--checkpoint", "last"]) == 0
    said = capsys.readouterr().out
    assert f"wrote {run}/export_last: export.json, inference.json, inference.pdiparams" in said
    assert "of the checkpoint last, epoch 2;" in said

    _, evaluation = load_data(DataOptions(data="digits", per_class=5))
    images, labels = zip(*(evaluation[index] for index in range(359)), strict=True)
    np.save(tmp_path / "images.npy", np.stack(images))
    command = [*warm_python(), "-c", CLASSIFY]
    command += [str(run / "export_last"), str(tmp_path / "images.npy")]
    result = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    found = np.array(json.loads(result.stdout.splitlines()[-1]))
    truth = np.array(evaluation.classes)[list(labels)]
    accuracy = np.load(tmp_path / "noAug_accEval.npy")[-1]
    # Rounding may turn the one image whose two best logits are equal to the last digit.
    assert (found == truth).mean() == pytest.approx(accuracy, abs=1.5 / 359)


def test_what_evaluation_does_to_an_image_is_told():
    config = load_config({
        "image_size": 24, "channels": 1, "mean": [0.2, 0.4, 0.6], "std": [0.5],
        "eval_transforms": [{"Resize": 30}, {"CenterCrop": 24}],
    })  # fmt: skip
    checkpoint = {"name": "best", "epoch": 4, "step": None}
    told = description(config, ["a", "b"], checkpoint, "12ab")
    resize = {"size": 30, "interpolation": "bilinear", "antialias": True}
    assert told["input"]["transforms"] == [{"Resize": resize}, {"CenterCrop": {"size": [24, 24]}}]
    assert told["input"]["mean"] == [pytest.approx(0.4)] and told["input"]["std"] == [0.5]
    assert told["input"]["shape"] == ["batch", 1, 24, 24]
    assert (told["classes"], told["checkpoint"]) == (["a", "b"], checkpoint)
    assert told["weights"] == "12ab"


def small_images(channels: int = 3) -> np.ndarray:
    return program.trial_images(load_config({"image_size": 32, "channels": channels}))


def test_the_trial_images_are_real_and_normalised():
    images = small_images()
    assert images.shape == (3, 3, 32, 32) and images.dtype == np.float32
    assert np.abs(images).max() <= 1 + 1e-6 and images.std() > 0.3
    assert len({image.tobytes() for image in images}) == 3


def test_a_model_with_batch_normalisation_is_saved_for_batches_of_any_size(tmp_path):
    model = build_model("ResNetSmall", 5, 1, 32)
    model.eval()
    images = small_images(1)
    assert program.save_program(model, images, tmp_path / "inference") <= program.TOLERANCE
    saved = paddle.jit.load(str(tmp_path / "inference"))
    logits = saved(paddle.to_tensor(images[:1]))[1].numpy()
    np.testing.assert_allclose(logits, program.outputs_of(model, images[:1])[1], atol=1e-5)


# Whose export it is


def differing(run, **more):
    """Another state of the run, with other weights, as its last checkpoint."""
    arrays, state = load_state(run / "checkpoints" / "best.safetensors")
    arrays = {name: array * np.float32(1.5) for name, array in arrays.items()}
    del state["epoch"]
    state |= {"progress": {"epoch": 8, "step": 3}, **more}
    save_state(run / "checkpoints" / "state-00008-000003.safetensors", arrays, state)


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_last_checkpoint_is_exported_beside_the_best(tmp_path, capsys):
    run = trained_run(tmp_path / "run", ["a", "b"])
    differing(run)
    assert main(["export", str(run)]) == 0
    before = contents(run / "export")
    assert main(["export", str(run), "--checkpoint", "last"]) == 0
    state = str(run / "checkpoints" / "state-00008-000003.safetensors")
    assert main(["export", state]) == 0
    assert contents(run / "export") == before
    assert json.loads(before["export.json"])["checkpoint"]["name"] == "best"
    last = json.loads((run / "export_last" / "export.json").read_text())
    assert last["checkpoint"] == {"name": "last", "epoch": 8, "step": 3}
    named = json.loads((run / "export_state-00008-000003" / "export.json").read_text())
    assert named["weights"] == last["weights"] != json.loads(before["export.json"])["weights"]
    assert "of the checkpoint last, epoch 8 after step 3;" in capsys.readouterr().out


def test_an_export_of_other_weights_is_replaced_only_when_asked(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    differing(run)
    here = ["--output", str(tmp_path / "here")]
    assert main(["export", str(run), "--pdparams", *here]) == 0
    before = contents(tmp_path / "here")
    last = ["export", str(run), "--checkpoint", "last", *here]
    with pytest.raises(UserError) as caught:
        main(last)
    assert str(caught.value) == (
        f"{tmp_path}/here: holds the export of another checkpoint (best, epoch 0): replace it with "
        "--overwrite, or choose another folder with --output"
    )
    assert contents(tmp_path / "here") == before
    assert main([*last, "--overwrite"]) == 0
    after = contents(tmp_path / "here")
    assert json.loads(after["export.json"])["checkpoint"]["name"] == "last"
    # Weights of another checkpoint do not stay beside it.
    assert sorted(after) == [
        "export.json", "inference.json", "inference.pdiparams", "inference.yml",
    ]  # fmt: skip


def test_the_same_weights_are_exported_again_without_asking_and_what_lies_beside_stays(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    assert main(["export", str(run), "--pdparams"]) == 0
    weights = (run / "export" / "model.pdparams").read_bytes()
    (run / "export" / "notes.txt").write_text("mine")
    assert main(["export", str(run)]) == 0
    assert (run / "export" / "model.pdparams").read_bytes() == weights
    assert (run / "export" / "notes.txt").read_text() == "mine"


@pytest.mark.parametrize("text", [None, "", "[1]", "{}", '{"weights": 5, "checkpoint": []}'])
@pytest.mark.parametrize("overwrite", [False, True])
def test_files_that_no_export_left_are_never_replaced(text, overwrite, tmp_path):
    (tmp_path / "inference.json").write_text("mine")
    if text is not None:
        (tmp_path / "export.json").write_text(text)
    with pytest.raises(UserError, match=r"is not an export .* replaced: .*inference\.json;"):
        export_folder.refuse_other_export(tmp_path, "12ab", overwrite)


@pytest.mark.parametrize("more", [{}, {"weights": 5, "checkpoint": []}])
def test_an_export_of_unknown_weights_is_replaced_only_when_asked(more, tmp_path):
    older = {"input": {}, "output": "logits", "classes": ["a"], "model": "LeNet", **more}
    (tmp_path / "model.json").write_text("{}")
    (tmp_path / "export.json").write_text(json.dumps(older))
    with pytest.raises(UserError, match=r"model\.json of unknown weights: replace it with"):
        export_folder.refuse_other_export(tmp_path, "12ab", overwrite=False)
    export_folder.refuse_other_export(tmp_path, "12ab", overwrite=True)


def test_an_export_that_fails_leaves_the_earlier_one_whole(tmp_path, monkeypatch):
    run = trained_run(tmp_path / "run", ["a", "b"])
    assert main(["export", str(run), "--pdparams"]) == 0
    before = contents(run / "export")
    copy, copied = shutil.copyfile, []

    def full(source, target):
        if copied:
            raise OSError(28, "No space left on device")
        copied.append(target)
        return copy(source, target)

    monkeypatch.setattr(export_folder.shutil, "copyfile", full)
    with pytest.raises(UserError, match="No space left on device"):
        main(["export", str(run), "--overwrite"])
    assert contents(run / "export") == before
    monkeypatch.setattr(program, "TOLERANCE", -1.0)
    with pytest.raises(UserError, match="not exported: the saved program's outputs differ"):
        main(["export", str(run), "--overwrite"])
    assert contents(run / "export") == before


@pytest.mark.parametrize(
    ("amp", "device", "told"),
    [("bf16", "cpu", True), ("no", "cpu", False), ("fp16", "gpu:0", False),
     ("bf16", "gpu:0", False)],
)  # fmt: skip
def test_another_precision_than_that_of_evaluations_is_told(
    amp, device, told, tmp_path, monkeypatch
):
    monkeypatch.setattr(paddle.device, "get_device", lambda: device)
    monkeypatch.setattr("paddle_aug.evaluation.evaluate.is_available", lambda amp: None)
    lines = _remarks(load_config({"amp": amp, "cpu_backend": "onednn"}), tmp_path)
    said = "note: the run computes in bf16 where it can, the program in float32: its probabilities"
    assert any(line.startswith(said) for line in lines) is told
    assert any("differ a little" in line for line in lines) is told


def test_a_folder_without_a_run_is_refused(tmp_path):
    with pytest.raises(UserError, match="best.safetensors: no such file"):
        main(["export", str(tmp_path)])


# Weights for paddle.load


@pytest.mark.parametrize("model", ["LeNet", "ResNet18", "GoogLeNetBN"])
def test_pdparams_are_the_runs_weights_for_paddle_load(model, tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b", "c"], model=model)
    assert main(["export", str(run), "--pdparams"]) == 0
    loaded = paddle.load(str(run / "export" / "model.pdparams"))
    config = load_config({"model": model, "image_size": 32})
    paddle.seed(99)
    again = make_model(config, 3)
    missing, unknown = again.set_state_dict(loaded)
    again.eval()
    assert (missing, unknown) == ([], [])
    arrays, _ = load_state(run / "checkpoints" / "best.safetensors")
    for name, array in trained_weights(arrays).items():
        np.testing.assert_array_equal(loaded[name].numpy(), array)
    images = small_images()
    saved = paddle.jit.load(str(run / "export" / "inference"))(paddle.to_tensor(images))
    np.testing.assert_allclose(program.outputs_of(again, images)[1], saved[1].numpy(), atol=1e-4)


def test_a_new_run_starts_from_exported_weights(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    assert main(["export", str(run), "--pdparams"]) == 0
    values = {
        "data": "digits", "model": "LeNet", "image_size": 32, "per_class": 2, "batch_size": 10,
        "epochs": 1, "max_steps": 1, "augment": "no", "output": str(tmp_path),
        "weights": str(run / "export" / "model.pdparams"),
    }  # fmt: skip
    lines = []
    fit(load_config(values), say=lines.append)
    (line,) = [line for line in lines if line.startswith("weights of")]
    assert "10 arrays; new head: classifier.4.weight [84, 10]: is [84, 2]" in line


def test_averaged_weights_are_exported_where_a_run_keeps_some(tmp_path):
    run = trained_run(tmp_path / "run", ["a", "b"])
    best = run / "checkpoints" / "best.safetensors"
    arrays, state = load_state(best)
    averages = {name.replace("model/", "ema/average."): a * 0.5 for name, a in arrays.items()}
    save_state(best, {**arrays, **averages}, state)
    assert main(["export", str(run), "--pdparams"]) == 0
    loaded = paddle.load(str(run / "export" / "model.pdparams"))
    name = "classifier.4.weight"
    np.testing.assert_array_equal(loaded[name].numpy(), averages[f"ema/average.{name}"])
