"""Run folders of earlier versions go on and are compared."""

import numpy as np
import yaml

from paddle_aug.runs.checkpoint import load_state, save_state
from paddle_aug.runs.layout import RunPaths
from paddle_aug.runs.reading import read_run
from paddle_aug.train.fit import resume
from tests.end_to_end.test_train import fit, quiet, tiny


def as_before(options: dict) -> dict:
    """Options as version 0.1.0 saved them."""
    imgaug = {**options["policy"]["imgaug"], "piecewise_points": 4}
    older = {**options, "policy": {**options["policy"], "imgaug": imgaug}, "data": None}
    since = ("keep_states", "pairs", "mix_draws", "encoding", "folders", "class_names")
    return {key: value for key, value in older.items() if key not in since}


def test_a_run_of_an_earlier_version_resumes_and_compares(tmp_path):
    run = fit(tiny(tmp_path, augment="no", epochs=1, max_steps=1), say=quiet)
    paths = RunPaths.of(run)
    arrays, state = load_state(paths.states()[0])
    older = as_before(state["config"])
    environment = {key: value for key, value in state["environment"].items() if key != "history"}
    save_state(paths.states()[0], arrays, {**state, "config": older, "environment": environment})
    paths.config.write_text(yaml.safe_dump(older))

    lines: list[str] = []
    resume(run, say=lines.append)  # the same run: nothing but its form is another
    assert any("all 1 epochs are done already" in line for line in lines)
    resume(run, allow_changes=True, changes={"epochs": 2}, say=quiet)
    assert len(np.load(paths.curves[0])) == 2
    history = load_state(paths.states()[0])[1]["environment"]["history"]
    assert [entry["time"] is None for entry in history] == [True, False]
    assert history[1]["changes"] == ["epochs: was 1, is 2"]
    assert read_run(tmp_path, "no").config["data"] == "digits"
