"""What is read of a run beside its curves: options, environment, predictions; also where a suite's
results keep them in one folder with the curves."""

import shutil

import numpy as np
import pytest
import yaml

from paddle_aug.core.errors import UserError
from paddle_aug.runs.reading import read_run, read_runs
from tests.run_folders import ENVIRONMENT, write_run


def in_one_folder(folder, mode="mixup"):
    """As a suite's results: the side files beside the curves."""
    for path in (folder / mode).rglob("*.*"):
        shutil.move(path, folder / path.name)
    shutil.rmtree(folder / mode)
    return folder


def test_environment_and_predictions_of_the_last_state_are_read(tmp_path):
    write_run(tmp_path, "mixup", config={"seed": 3}, environment=ENVIRONMENT, right=[1, 1, 0, 1])
    run = read_run(tmp_path, "mixup")
    assert run.seed == 3 and run.whole_config and run.environment["code"] == "c0de"
    assert run.predictions is not None and run.predictions.accuracy == 0.75


def test_a_folder_of_results_is_read_as_the_runs_own(tmp_path):
    settings = {"config": {"seed": 3}, "environment": ENVIRONMENT, "right": [1, 0], "mixing": [1]}
    write_run(tmp_path, "mixup", epochs=1, **settings)
    before = read_run(tmp_path, "mixup")
    after = read_run(in_one_folder(tmp_path), "mixup")
    assert (after.config, after.environment, after.warnings) == (
        before.config, before.environment, (),
    )  # fmt: skip
    assert after.mixing is not None and after.mixing.tolist() == [True]
    assert after.predictions is not None and after.predictions.accuracy == 0.5


def test_side_files_beside_curves_of_several_modes_belong_to_none(tmp_path):
    write_run(tmp_path, "mixup", config={"seed": 3})
    in_one_folder(tmp_path)
    write_run(tmp_path, "no")
    assert read_run(tmp_path, "mixup").config == {}


def test_changed_options_alone_leave_the_seed_its_default(tmp_path):
    write_run(tmp_path, "mixup")
    (tmp_path / "mixup" / "changes.yaml").write_text(yaml.safe_dump({"lr": 0.1}))
    run = read_run(in_one_folder(tmp_path), "mixup")
    assert run.config == {"augment": "mixup", "seed": 0, "lr": 0.1} and not run.whole_config


def test_without_options_the_seed_is_not_known(tmp_path):
    assert read_run(write_run(tmp_path, "mixup"), "mixup").seed is None


def test_damaged_records_are_warned_of_and_left_out(tmp_path):
    write_run(tmp_path, "mixup", environment=ENVIRONMENT, right=[1])
    place = tmp_path / "mixup"
    (place / "evaluation_last" / "predictions.npz").write_bytes(b"PK")
    for text in ("{", "[1]", "[" * 99_999):
        (place / "environment.json").write_text(text)
        run = read_run(tmp_path, "mixup")
        assert run.environment == {} and run.predictions is None
        assert "environment.json" in run.warnings[0] and "left out" in run.warnings[0]
        assert "predictions.npz: not an .npz of plain arrays: damaged" in run.warnings[1]


def test_a_curve_that_claims_more_than_its_file_has_takes_no_memory(tmp_path):
    write_run(tmp_path, "mixup", epochs=20)
    path = tmp_path / "mixupAug_lossEval.npy"
    whole = path.read_bytes()
    padding = b" " * 14
    path.write_bytes(whole.replace(b"(20,), }" + padding, b"(1000000000000000,), }"))
    assert path.stat().st_size == len(whole)
    with pytest.raises(UserError, match=r"lossEval\.npy: damaged.*claims .* 8,000,000,000,000,000"):
        read_run(tmp_path, "mixup")


def test_a_curve_with_one_changed_byte_in_its_header_is_named_or_read(tmp_path):
    write_run(tmp_path, "mixup", epochs=20)
    path = tmp_path / "mixupAug_lossEval.npy"
    whole, refused = path.read_bytes(), 0
    for place in range(128):
        for value in (0, ord("("), ord("'"), 0xFF):
            path.write_bytes(whole[:place] + bytes([value]) + whole[place + 1 :])
            try:
                assert read_run(tmp_path, "mixup").curves["lossEval"].ndim == 1
            except UserError as error:
                assert "mixupAug_lossEval.npy: " in str(error)
                refused += 1
    assert refused > 200
    np.save(path, np.arange(6.0).reshape(2, 3))
    with pytest.raises(UserError, match=r"expected one number an epoch, found float64 of shape"):
        read_run(tmp_path, "mixup")


def test_options_with_a_key_given_twice_are_warned_of_and_left_out(tmp_path):
    write_run(tmp_path, "mixup", config={"lr": 0.1})
    config = tmp_path / "mixup" / "config.yaml"
    config.write_text(config.read_text("utf-8") + "lr: 0.2\n", encoding="utf-8")
    run = read_run(tmp_path, "mixup")
    assert run.config == {} and len(run.warnings) == 1
    assert "'lr' is given twice" in run.warnings[0] and run.warnings[0].endswith(
        "; the file is left out"
    )


def test_a_run_that_is_named_again_is_no_second_seed(tmp_path):
    write_run(tmp_path / "logs", "mixup", epochs=4)
    (tmp_path / "link").symlink_to(tmp_path / "logs")
    places = [str(tmp_path / name) for name in ("logs", "logs/mixup", "link")]
    (run,) = read_runs(places)
    assert [w for w in run.warnings if "more than once" in w] == [
        f"{tmp_path / name / 'mixup'}: named more than once, taken once"
        for name in ("logs", "link")
    ]
    assert len(read_runs([f"a={places[0]}", f"b={places[0]}"])) == 2
