"""--overwrite replaces a run's own files and nothing else."""

import json
import shutil
import threading
from pathlib import Path

import pytest
import yaml

from paddle_aug.config import Config
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import locked
from paddle_aug.runs.layout import (
    EVALUATION_FILES,
    EXPORT_FILES,
    RunPaths,
    is_state_name,
    state_name,
)
from paddle_aug.runs.ownership import (
    RunStart,
    is_evaluation,
    is_export,
    is_run,
    refuse_unusable,
    remove_run,
)

EVALUATED = {"classes": [], "confusion": [], "top1": 0.5}
EXPORTED = {"input": {}, "outputs": ["logits"], "classes": [], "model": "LeNet"}


def put(path: Path, text: str = "x") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.fixture
def paths(tmp_path) -> RunPaths:
    """A finished run with two evaluations and an export, and what a kill may have left."""
    paths = RunPaths(tmp_path / "logs", "no")
    options = Config(augment="no").dump()
    for path in (paths.metrics, paths.changes, paths.environment, paths.log, *paths.curves):
        put(path)
    put(paths.config, yaml.safe_dump(options))
    for name in (state_name(2, 0), "best.safetensors", f".{state_name(3, 0)}.77.tmp"):
        put(paths.checkpoints / name)
    put(paths.folder / ".metrics.csv.77.tmp")
    put(paths.folder / ".evaluation.lock", "")
    for folder in ("evaluation", "evaluation_last_train"):
        for name in EVALUATION_FILES:
            put(paths.folder / folder / name, json.dumps(EVALUATED))
    for name in EXPORT_FILES:
        put(paths.folder / "export" / name, json.dumps(EXPORTED))
    return paths


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_run_without_anything_else_goes_whole_but_for_its_mark(paths):
    refuse_unusable(paths, overwrite=True)
    assert remove_run(paths) == []
    assert everything(paths.output) == {"no/config.yaml"}
    assert [path.name for path in paths.output.rglob("*") if path.is_dir()] == ["no"]
    # Interrupted here, it is a run's folder still.
    refuse_unusable(paths, overwrite=True)


# Everything that a user may have put beside a run's files, and that looks like them.
STRANGERS = (
    "no/1.png", "no/notes.txt", "no/.notes.txt.77.tmp", "no/.mine.tmp", "no/best.safetensors",
    "no/checkpoints/mine.safetensors", "no/checkpoints/state-1.safetensors",
    "no/checkpoints/state-00001-000000.safetensors.bak", "no/evaluation/notes.txt",
    "no/evaluation_mine/classes.csv", "no/export/README.md", "no/deep/er/x.csv",
    "no/metrics.csv.old",
    "noAug_accEval.csv", "noAug_mine.npy", "yesAug_accEval.npy", "yes/config.yaml",
)  # fmt: skip


def test_what_else_lies_there_stays_and_is_named(paths):
    for name in STRANGERS:
        put(paths.output / name, "mine")
    (paths.folder / "empty").mkdir()
    named = remove_run(paths)
    assert everything(paths.output) == {*STRANGERS, "no/config.yaml"}
    assert all((paths.output / name).read_text() == "mine" for name in STRANGERS)
    assert sorted(named) == sorted(
        name.removeprefix("no/") for name in STRANGERS if name.startswith("no/")
    )
    assert (paths.folder / "empty").is_dir()


def test_an_evaluation_that_is_being_written_is_waited_for_and_removed(paths):
    folder, removed = paths.folder / "evaluation", []
    waiter = threading.Thread(target=lambda: removed.append(remove_run(paths)))
    with locked(folder):
        waiter.start()
        waiter.join(0.3)
        assert not paths.environment.exists()  # the evaluation is told that the run is gone
        assert waiter.is_alive() and (folder / "evaluation.json").exists()
        put(folder / "classes.csv", "written now")
    waiter.join(10)
    assert removed == [[]] and not folder.exists()


def test_the_start_of_a_run_tells_it_from_the_next_one(paths):
    def start(time: str, *more: str) -> None:
        history = [{"command": "train.py", "time": moment} for moment in (time, *more)]
        put(paths.environment, json.dumps({"history": history}))

    start("2026-01-01 00:00:00")
    run = RunStart(paths.folder)
    run.refuse_replaced()
    start("2026-01-01 00:00:00", "2026-01-02 00:00:00")  # it was resumed
    run.refuse_replaced()
    for replace in (lambda: start("2026-01-02 00:00:00"), paths.environment.unlink):
        replace()
        with pytest.raises(UserError, match="no: another run has taken this place since"):
            run.refuse_replaced()


def test_folders_that_are_linked_are_not_walked_into(paths, tmp_path):
    put(tmp_path / "elsewhere" / "1.png", "mine")
    (paths.folder / "linked").symlink_to(tmp_path / "elsewhere")
    assert remove_run(paths) == ["linked"]
    assert (tmp_path / "elsewhere" / "1.png").read_text() == "mine"


def test_an_earlier_run_is_refused_with_the_ways_out(paths):
    with pytest.raises(UserError, match=r"--resume .*no, replace it with --overwrite, or choose"):
        refuse_unusable(paths, overwrite=False)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    "text",
    [
        None,
        "",
        "augment: no\n",
        "[augment, model, epochs, seed]",
        "a: {",
        "model: x\nepochs: 3\n",
        # of another program, or a few options that a user keeps beside results
        "augment: true\nmodel: resnet50\nepochs: 90\nseed: 1\nlr: 0.1\ndata: x\nbatch_size: 8\n",
    ],
)
def test_a_folder_without_a_runs_mark_is_never_replaced(paths, overwrite, text):
    paths.config.unlink()
    if text is not None:
        put(paths.config, text)
    assert not is_run(paths)
    before = everything(paths.output)
    with pytest.raises(UserError, match="is no run of this program .it has .* choose another"):
        refuse_unusable(paths, overwrite)
    assert everything(paths.output) == before


def test_the_images_of_a_class_are_named_as_what_is_there(tmp_path):
    for number in range(7):
        put(tmp_path / "no" / f"{number}.png")
    with pytest.raises(UserError, match=r"it has 0.png, 1.png, 2.png, 3.png, 4.png and 2 more"):
        refuse_unusable(RunPaths(tmp_path, "no"), overwrite=True)


@pytest.mark.parametrize("overwrite", [False, True])
def test_curves_without_their_run_may_be_anyones(paths, overwrite):
    shutil.rmtree(paths.folder)
    with pytest.raises(UserError, match=r"has noAug_lossTrain.npy, .* but not the run they would"):
        refuse_unusable(paths, overwrite)
    assert all(path.exists() for path in paths.curves)


def test_a_file_in_the_folders_place_is_no_run(tmp_path):
    put(tmp_path / "no")
    with pytest.raises(UserError, match="no: is a file; a run needs a folder"):
        refuse_unusable(RunPaths(tmp_path, "no"), overwrite=True)


def test_an_empty_folder_and_a_killed_runs_remainders_are_no_obstacle(tmp_path):
    paths = RunPaths(tmp_path, "no")
    refuse_unusable(paths, overwrite=False)
    put(paths.folder / ".config.yaml.77.tmp")
    (paths.folder / "checkpoints").mkdir()
    refuse_unusable(paths, overwrite=False)


def test_marks_are_those_that_earlier_versions_wrote_too(tmp_path):
    options = Config(augment="no").dump()
    later = {
        "skip_bad",
        "head_lr_ratio",
        "pairs",
        "mix_draws",
        "folders",
        "class_names",
        "keep_states",
    }
    older = {key: value for key, value in options.items() if key not in later}
    put(tmp_path / "no" / "config.yaml", yaml.safe_dump(older))
    assert is_run(RunPaths(tmp_path, "no"))
    put(tmp_path / "e" / "evaluation.json", json.dumps(EVALUATED))
    put(tmp_path / "x" / "export.json", json.dumps(EXPORTED))
    assert is_evaluation(tmp_path / "e") and not is_evaluation(tmp_path / "x")
    assert is_export(tmp_path / "x") and not is_export(tmp_path / "e")


def test_states_are_listed_newest_first_and_known_by_their_whole_names(paths):
    for place in ((10, 0), (2, 7), (100_000, 0)):
        put(paths.checkpoints / state_name(*place))
    assert [path.name for path in paths.states()] == [
        state_name(*place) for place in ((100_000, 0), (10, 0), (2, 7), (2, 0))
    ]
    for name in (
        "state-1-0.safetensors",
        "state-00001-000000.npz",
        "xstate-00001-000000.safetensors",
    ):
        assert not is_state_name(name)


def test_the_advice_to_continue_a_run_can_be_pasted(tmp_path):
    paths = RunPaths(tmp_path / "my runs", "no")
    put(paths.config, yaml.safe_dump(Config(augment="no").dump()))
    with pytest.raises(UserError) as error:
        refuse_unusable(paths, overwrite=False)
    assert f"continue it with --resume '{tmp_path}/my runs/no', replace it" in str(error.value)
