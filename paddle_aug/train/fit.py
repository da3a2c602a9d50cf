"""Starts or resumes a run: the checks and records before its loop, which is in run.py."""

import shlex
import time
from pathlib import Path
from typing import Any

import paddle
from tqdm.auto import tqdm

from paddle_aug.build.model import describe_gpu
from paddle_aug.config import (
    Config,
    changed_options,
    load_config,
    options_that_are,
    without_effect,
)
from paddle_aug.config.merging import on_top
from paddle_aug.config.other_data import refuse_for_other_data
from paddle_aug.core.errors import UserError
from paddle_aug.core.folders.lock import refuse_if_locked
from paddle_aug.core.own_code import named_by, source_digests
from paddle_aug.core.paddle_import import prepare_environment
from paddle_aug.core.text import Say, counted, first_difference, flag, listed
from paddle_aug.language import translate
from paddle_aug.runs.checkpoint import CheckpointFolder, need, refuse_runs_inside
from paddle_aug.runs.environment import changes_images, describe_environment, differences
from paddle_aug.runs.log import RunLog
from paddle_aug.runs.reading import refuse_missing
from paddle_aug.runs.recorder import Recorder
from paddle_aug.train.distributed import Ranks, start
from paddle_aug.train.engine import Progress
from paddle_aug.train.run import RunLoop, is_over
from paddle_aug.train.setup import Setup, build_setup
from paddle_aug.train.state import restore, taken_by_none, without_state
from paddle_aug.train.visualdl_log import check_visualdl

# Options about where a run is and what it replaced; a resumed run may differ in them.
_PLACE = frozenset({"output", "overwrite"})


def say(line: str) -> None:
    """Print a line above the progress bar, in the user's language."""
    tqdm.write(translate(line))


def fit(config: Config, say: Say = say) -> Path:
    """Train from the start; returns the run's folder.

    Raises UserError where the folder holds a run already (unless config.overwrite), files of no
    run, or a run that is still training, and where data, options or training are at fault;
    Interrupted after SIGINT, SIGTERM or SIGHUP.
    """
    ranks = start()
    say = say if ranks.is_first else _silent
    recorder = Recorder(config.output, config.mode, writes=ranks.is_first)
    # In the guard Paddle numbers parameters from zero, so that their names, the keys of the
    # optimizer's state, are the same in every process.
    with ranks.joined(), paddle.utils.unique_name.guard(), RunLog(say) as log:
        say = log.say
        # Checked before the data are read, and without writing anything, as what follows may fail.
        if ranks.is_first:
            refuse_if_locked(recorder.paths.folder)
        recorder.refuse_unusable(config.overwrite)
        check_visualdl(config)
        for line in without_effect(config):
            say(f"note: {line}")
        setup = build_setup(config, say, ranks)
        environment = _environment(setup)
        environment["history"] = [_history_entry(environment, Progress(), [])]
        with recorder.locked():
            # Checked again: another run may have started and ended while the data were read.
            recorder.refuse_unusable(config.overwrite)
            if others := recorder.remove_existing():
                say(f"note: {recorder.paths.folder}: not of a run, stays: {listed(others)}")
            recorder.write_options(setup.config.dump(), setup.config.difference(), environment)
            if recorder.writes:
                log.open(recorder.paths.log)
            return RunLoop(
                setup=setup, recorder=recorder, progress=Progress(), environment=environment,
                say=say,
            ).go()  # fmt: skip


def resume(
    folder: str | Path, allow_changes: bool = False, changes: dict[str, Any] | None = None,
    say: Say = say,
) -> Path:  # fmt: skip
    """Continue the run in `folder`, on a CPU bit for bit; returns the folder.

    changes: options to change; with allow_changes only. Raises UserError where another process
    trains there, and where the options, the data, the code or the threads are not those the run was
    started with, naming what differs.
    """
    ranks = start()
    folder = Path(folder)
    say = say if ranks.is_first else _silent
    with ranks.joined(), paddle.utils.unique_name.guard(), RunLog(say) as log:
        refuse_missing(folder)
        refuse_runs_inside(folder)
        recorder = Recorder(folder.parent, folder.name, writes=ranks.is_first)
        if not recorder.paths.states():  # raises here: the lock below would leave its file there
            CheckpointFolder(recorder.paths.checkpoints, writes=False).load_newest()
        with recorder.locked():
            if recorder.writes:
                log.open(recorder.paths.log)
            return _resume(recorder, ranks, allow_changes, changes or {}, log.say)


def _resume(
    recorder: Recorder, ranks: Ranks, allow_changes: bool, changes: dict[str, Any], say: Say
) -> Path:
    folder = recorder.paths.folder
    recorder.remove_leftovers()
    arrays, state = _newest_state(recorder, say)
    saved, config = _options(recorder, state, changes, say)
    setup = build_setup(config, say, ranks, fresh=False)
    _refuse_other_classes(folder, state.get("classes", setup.classes), setup.classes)
    environment = _environment(setup)

    options = _changed_options(saved, setup.config)
    surroundings = differences(state["environment"], environment)
    refused = _refused(options)
    if (refused or surroundings) and not allow_changes:
        raise UserError(
            f"{folder}: not the same run any more: " + "; ".join([*refused, *surroundings])
            + "\nuse --allow-changes to go on all the same (not bit for bit)"
        )  # fmt: skip
    if not (options or surroundings) and (names := taken_by_none(setup.trainer, arrays)):
        raise UserError(
            f"{folder}: its optimizer's state is of other parameters ({names[0]}), perhaps as the "
            f"model is made in another way; start a new run with --weights {_quoted(folder)}"
        )
    progress = restore(setup.trainer, arrays, state)
    if is_over(progress, config):
        data = [line for line in surroundings if line.startswith("data.")]
        _refuse_change_of_record(folder, progress, config, [*refused, *data])
        _say_how_it_ended(folder, progress, config, say)
        # Nothing is trained in these surroundings: its record stays that of its training.
        environment, lines = state["environment"], [*options.values()]
    else:
        say(f"resuming {folder} at epoch {progress.epoch}, step {progress.step}")
        lines = [*options.values(), *surroundings]
        environment = _with_history(environment, state["environment"], progress, lines)
    run = RunLoop(
        setup=setup, recorder=recorder, progress=progress, environment=environment, say=say
    )  # fmt: skip
    if lines:
        _say_changes(folder, setup, arrays, lines, say)
        # The state is saved first: the next resume reads the options from it.
        run.save()
        recorder.write_options(setup.config.dump(), setup.config.difference(), environment)
    return run.go()


def _newest_state(recorder: Recorder, say: Say) -> tuple[dict[str, Any], dict[str, Any]]:
    """Arrays and the rest of the newest undamaged state; a warning names damaged ones."""
    checkpoints = CheckpointFolder(recorder.paths.checkpoints, writes=recorder.writes)
    arrays, state, warnings = checkpoints.load_newest()
    for warning in warnings:
        say(f"warning: {warning}; an older state is used")
    need(state, recorder.paths.folder, "config", "environment", "progress", "schedule")
    return arrays, state


def _options(
    recorder: Recorder, state: dict[str, Any], changes: dict[str, Any], say: Say
) -> tuple[dict[str, Any], Config]:
    """The options that the state was saved with, and those with the changes on top; notes name what
    has no effect since."""
    folder = recorder.paths.folder
    # Read as options, which converts those of an earlier version.
    saved = load_config(state["config"], where=f"{folder}: ").dump()
    saved["output"] = str(recorder.paths.output)
    refuse_for_other_data(saved, changes, f"the run {folder}")
    config = load_config(on_top(saved, changes), where=f"{folder}: ")
    for name in ("weights", "init"):
        if getattr(config, name) != saved[name]:
            raise UserError(
                f"{folder}: {flag(name)} is for a new run: the state to go on from has all weights"
            )
    check_visualdl(config)
    known = without_effect(load_config(saved))
    for line in without_effect(config):
        if line not in known:
            say(f"note: {line}")
    return saved, config


def _refused(options: dict[str, str]) -> list[str]:
    """Lines of the changed options that change results. options: see `_changed_options`."""
    # The kind of device is compared in environment.json; its number may differ.
    free = options_that_are("free_on_resume") | {"device"}
    return [line for key, line in options.items() if key.split(".")[0] not in free]


def _refuse_change_of_record(
    folder: Path, progress: Progress, config: Config, lines: list[str]
) -> None:
    """Raise UserError where a run that is over would get other options or data: nothing would be
    trained with them, and evaluate.py would take other data for those of the run."""
    if lines:
        way = "--epochs" if progress.epoch >= config.epochs else "--early-stopping (null: none)"
        raise UserError(
            f"{folder}: training has ended (epoch {progress.epoch} of {config.epochs}), so "
            f"this would change its record only: {'; '.join(lines)}\n"
            f"give a larger {way} to train on"
        )


def _say_how_it_ended(folder: Path, progress: Progress, config: Config, say: Say) -> None:
    if progress.epoch < config.epochs:
        say(f"{folder}: --early-stopping has ended it after {progress.epoch} epochs")
    else:
        say(f"{folder}: all {config.epochs} epochs are done already")


def _say_changes(
    folder: Path, setup: Setup, arrays: dict[str, Any], lines: list[str], say: Say
) -> None:
    """Print what is changed from here on, and what follows from that."""
    say(f"changed from here on: {'; '.join(lines)}")
    if any(changes_images(line) for line in lines):
        say(
            "warning: images that it was trained on may be among those it is evaluated on from "
            "here, and accuracies before and after are of other images, the best epoch's, too; "
            f"a new run with --weights {_quoted(folder)} keeps them apart"
        )
    if anew := without_state(setup.trainer, arrays):
        say(
            f"note: {setup.config.optimizer} begins anew for {counted(anew, 'parameter')}, of "
            "which it has no saved state"
        )


def _quoted(folder: Path) -> str:
    """The folder for a command that can be pasted."""
    return shlex.quote(str(folder))


def _refuse_other_classes(folder: Path, trained: list[str], found: list[str]) -> None:
    """Raise UserError where the data have other classes than the weights, or in another order."""
    if trained == found:
        return
    then, now = map(str, (len(trained), len(found)))
    if then == now:
        then, now = first_difference(trained, found)
    raise UserError(
        f"{folder}: the classes of the data are not those of the run ({then} then, {now} now), and "
        "the model's outputs would be called wrongly; start a new run with --weights "
        f"{_quoted(folder)}"
    )


def _changed_options(saved: dict[str, Any], config: Config) -> dict[str, str]:
    """For each option that differs from the saved one, a line with both values."""
    # For runs of an earlier version without --data the content of the data is compared instead.
    named_since = {"data", "images_root"} if saved["data"] is None else set()
    now = config.dump()
    compared = now.keys() - _PLACE - named_since
    return changed_options({k: saved[k] for k in compared}, {k: now[k] for k in compared}, now)


def _environment(setup: Setup) -> dict[str, Any]:
    processes = setup.ranks.size
    return describe_environment(
        paddle.device.get_device(), setup.data_record, backend=setup.backend,
        busy_cores=prepare_environment()["busy"], gpu=describe_gpu(),
        own_code=source_digests(named_by(setup.config).values()),
        **({"processes": processes} if processes > 1 else {}),
    )  # fmt: skip


def _with_history(
    now: dict[str, Any], before: dict[str, Any], progress: Progress, lines: list[str]
) -> dict[str, Any]:
    """The environment record of a resumed run, with the commands it was given so far.

    lines: what differs from now on; if nothing does, the first command is kept.
    """
    started = {**_history_entry(before, Progress(), []), "time": None}  # by an earlier version
    history = before.get("history")
    history = history if isinstance(history, list) else [started]
    if not lines:
        return {**now, "command": before.get("command"), "history": history}
    return {**now, "history": [*history, _history_entry(now, progress, lines)]}


def _history_entry(
    environment: dict[str, Any], progress: Progress, changes: list[str]
) -> dict[str, Any]:
    """An entry of the history: the command, the epoch and step it starts at, what it changed."""
    return {
        "epoch": progress.epoch, "step": progress.step, "command": environment.get("command"),
        "time": time.strftime("%F %T"), "changes": changes,
    }  # fmt: skip


def _silent(line: str) -> None:
    """Drops the line: only rank 0 prints."""
