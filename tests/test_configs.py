"""Every file in configs/ runs for a few steps on a little real data, and suites name real files."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import yaml

from models import build_model
from paddle_aug.command_line import parse_args
from paddle_aug.commands.suite_plan import plan, read_suite
from paddle_aug.config import Config, load_config
from paddle_aug.core.plain_yaml import read_yaml
from paddle_aug.train.fit import fit
from tests.data_sets import photograph_table

ROOT = Path(__file__).parent.parent
FOLDER = ROOT / "configs"
CONFIGS = sorted(path.name for path in FOLDER.glob("*.yaml"))
SUITES = sorted(path.name for path in (FOLDER / "suites").glob("*.yaml"))
# What is made small: the model's input, the work, and the crops of --train-transforms with it.
# The model, its stem and its first weights are the file's own.
SIZE = 32
SMALL = {"batch_size": 3, "max_steps": 2, "epochs": 1, "eval_batch_size": 4, "workers": 0,
         "cpu_backend": "paddle", "cache": False, "eval_per_class": None}  # fmt: skip


@pytest.fixture(scope="module")
def photographs(tmp_path_factory) -> Path:
    """A CSV of 16 real photographs of 4 classes, three of each in the first rows."""
    return photograph_table(tmp_path_factory.mktemp("photographs"), 16, 75, "0123")


def shrunk(transforms: list, ratio: float) -> list:
    """The same transforms with every size in pixels scaled."""
    result = []
    for step in transforms:
        if isinstance(step, dict):
            ((name, value),) = step.items()
            if isinstance(value, int):
                value = round(value * ratio)
            elif isinstance(value, dict) and "size" in value:
                value = {**value, "size": round(value["size"] * ratio)}
            step = {name: value}
        result.append(step)
    return result


def small_version(name: str, data: Path, output: Path) -> dict:
    values = read_yaml(FOLDER / name)
    ratio = SIZE / values["image_size"]
    lists = {
        key: shrunk(values[key], ratio)
        for key in ("train_transforms", "eval_transforms")
        if key in values
    }
    # The digits' evaluation part is large whatever the share.
    gray = {"data": "digits", "eval_batch_size": 360} if values.get("channels") == 1 else {}
    return {**values, **lists, **SMALL, "image_size": SIZE, "data": str(data), "eval_share": 0.2,
            "output": str(output), **gray}  # fmt: skip


def imagenet_weights(values: dict, path: Path) -> Path:
    """A file as those of ImageNet are: 1000 classes, half precision."""
    model = build_model(values["model"], 1000, image_size=SIZE, stem=values.get("stem", "auto"))
    arrays = {key: value.numpy().astype(np.float16) for key, value in model.state_dict().items()}
    np.savez(path, **arrays)
    return path


@pytest.mark.parametrize("name", CONFIGS)
def test_it_runs(name, photographs, tmp_path, monkeypatch):
    # Hundreds of megabytes a checkpoint, which other tests write and read.
    monkeypatch.setattr("paddle_aug.train.run.capture", lambda setup, progress, fixed: ({}, fixed))
    monkeypatch.setattr("paddle_aug.train.run.model_arrays", lambda model: {})
    values = small_version(name, photographs, tmp_path)
    if "weights" in values:
        values["weights"] = str(imagenet_weights(values, tmp_path / "weights.npz"))
    if values.get("oversample"):
        pytest.importorskip("imblearn")
    config = load_config(values)
    lines = []
    run = fit(config, say=lines.append)
    curve = np.load(tmp_path / f"{config.augment}Aug_lossTrain.npy")
    assert curve.shape == (1,)
    assert 0 < curve[0] < 50
    ran, said = read_yaml(run / "config.yaml"), read_yaml(FOLDER / name)
    for key in ("model", "stem", "init"):
        assert ran[key] == said.get(key, Config.model_fields[key].default)
    if "weights" in values:
        made = [line for line in lines if line.startswith("weights of")]
        assert len(made) == 1 and "new head: " in made[0] and "1000" in made[0], made


@pytest.mark.parametrize("name", CONFIGS)
def test_its_header_says_source_published_ours_and_a_command_that_is_understood(name):
    text = (FOLDER / name).read_text(encoding="utf-8")
    for key in ("source", "published", "ours"):
        assert re.search(rf"^# {key}: \S", text, re.M), key
    commands = re.findall(r"^#(?: command:)? +(python .*)$", text, re.M)
    assert commands
    for command in commands:
        if command.startswith("python train.py "):
            arguments = command.split()[2:]
            assert arguments[:2] == ["--config", f"configs/{name}"]
            parse_args(["--config", str(FOLDER / name), *arguments[2:]])


@pytest.mark.parametrize("name", CONFIGS)
def test_its_header_names_the_precision_that_its_results_were_computed_in(name):
    text = (FOLDER / name).read_text(encoding="utf-8").replace("\n#  ", "")
    (ours,) = re.findall(r"^# ours: (.*)$", text, re.M)
    results = re.findall(r"results/(\w+)(?!\w|, once it is run)", ours)
    said = re.findall(r"\b(?:bf16|float32)\b", ours)
    assert len(said) == len(results)
    for precision, result in zip(said, results, strict=True):
        table = (ROOT / "results" / result / "table.md").read_text(encoding="utf-8")
        assert set(re.findall(r"computed by onednn (\w+)", table)) == {precision}


def test_outputs_do_not_meet():
    outputs = [yaml.safe_load((FOLDER / name).read_text())["output"] for name in CONFIGS]
    assert len(set(outputs)) == len(outputs)


def test_data_are_looked_for_where_the_readme_says():
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for name in CONFIGS:
        values = read_yaml(FOLDER / name)
        # own_images.yaml has no data: those are the reader's own.
        for path in (values.get("data", "digits"), values.get("weights", "pretrained")):
            named = path in ("pretrained", "digits")  # by download, and in the libraries
            assert named or f"`{'/'.join(path.split('/')[:2])}" in readme, path


@pytest.mark.parametrize("name", SUITES)
@pytest.mark.parametrize("quick", [False, True])
def test_suites_plan_runs_with_options_that_are_allowed(name, quick):
    suite = read_suite(FOLDER / "suites" / name)
    runs = plan(FOLDER / "suites" / name, suite, quick, {}, Path("logs"))
    assert len(runs) >= 2
    assert len({run.folder for run in runs}) == len(runs)


def test_every_configuration_is_in_a_suite():
    used = {
        Path(entry.config).name
        for name in SUITES
        for entry in read_suite(FOLDER / "suites" / name).runs
    }
    assert used == set(CONFIGS)


# The results that the documents describe; runs of a user may have written others beside them.
DOCUMENTS = ("docs/experiments.md", "README.md", "README_cn.md")
RESULTS = sorted({
    name for document in DOCUMENTS
    for name in re.findall(r"results/(\w+)/table\.md\)", (ROOT / document).read_text("utf-8"))
})  # fmt: skip


@pytest.mark.parametrize("name", RESULTS)
def test_a_result_is_of_the_suite_as_it_stands_and_the_documents_say_the_same(name):
    folder = ROOT / "results" / name
    suite = read_suite(FOLDER / "suites" / f"{folder.name}.yaml")
    text = (folder / "table.md").read_text(encoding="utf-8")
    assert text.splitlines()[0] == f"# {suite.title}"
    with (folder / "table.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    missing = re.search(r"^Not finished: (.*)\.$", text, re.M)
    unfinished = re.findall(r"(?:^|; )(.+?), seed \d+", missing[1]) if missing else []
    labels = {row["label"] for row in rows}
    assert labels | set(unfinished) == {entry.label for entry in suite.runs}
    figures = {
        f"{float(row[key]):.3f}" for row in rows for key in ("accEval", "accEvalStd", "accTrain")
        if row[key]
    }  # fmt: skip
    for document in DOCUMENTS:
        lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
        (line,) = [line for line in lines if f"results/{folder.name}/table.md)" in line]
        said = re.findall(r"\d\.\d{3}", line.rpartition("| [")[2])
        assert said and set(said) <= figures, document
