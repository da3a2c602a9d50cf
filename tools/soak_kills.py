#!/usr/bin/env python3
"""Kill training runs with SIGKILL at random moments, resume them, and compare every byte.

Each run, of every mode in turn and with 0, a thread and 2 workers in turn, is killed several times:
half of the kills at a random moment, half while a checkpoint is being written. In the end its
curves, last state and best model must equal those of a run that was never killed. After each kill
no process may be left over, and every finished file must be undamaged.

Runs are processes forked from this one after Paddle was imported; with --exec each is a command of
its own, which takes some seconds longer.

    python tools/soak_kills.py --count 200
"""

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from paddle_aug.core.paddle_import import import_paddle  # noqa: E402

import_paddle()

import cv2  # noqa: E402
import numpy as np  # noqa: E402
import yaml  # noqa: E402

from paddle_aug.config import load_config  # noqa: E402
from paddle_aug.core.errors import UserError, run_command  # noqa: E402
from paddle_aug.modes import AUGMENTS  # noqa: E402
from paddle_aug.runs.checkpoint import load_state  # noqa: E402
from paddle_aug.runs.layout import CURVES, RunPaths, curve_path  # noqa: E402
from paddle_aug.train.fit import fit, resume  # noqa: E402

WORKERS = (0, "thread", 2)
# A state is saved after every step, or only after every epoch.
CHECKPOINT_MINUTES = (1e-9, 10.0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--count", type=int, default=200, help="kills in all (default: 200)")
    parser.add_argument("--epochs", type=int, default=10, help="of each run (default: 10)")
    parser.add_argument("--seed", type=int, default=0, help="of the moments (default: 0)")
    parser.add_argument("--exec", action="store_true", help="start real commands, do not fork")
    parser.add_argument("--backend", default="auto", help="as train.py --cpu-backend")
    parser.add_argument("--modes", default=",".join(AUGMENTS), help="(default: all)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="soak_kills_", ignore_cleanup_errors=True) as name:
        os.environ.setdefault("PADDLE_AUG_CACHE", f"{name}/cache")
        return Soak(Path(name), args).run()


class Soak:
    """Runs all the trainings and counts what happened."""

    def __init__(self, folder: Path, args: argparse.Namespace):
        self.folder = folder
        self.args = args
        self.log = folder / "log.txt"
        self.modes = args.modes.split(",")
        self.rng = random.Random(args.seed)
        self.counts: Counter[str] = Counter()
        self.whole: dict[str, tuple[dict[str, Any], float]] = {}
        self.data = make_images(folder / "data")

    def run(self) -> int:
        started = time.perf_counter()
        number = 0
        while (left := self.args.count - self.counts["kills"]) > 0:
            # A run may end before it was killed as often as planned: further runs make up for it.
            modes_left = max(1, len(self.modes) - number)
            self.one_run(number, min(-(-left // modes_left), 8))
            number += 1
        seconds = time.perf_counter() - started
        shown = ", ".join(f"{count} {what}" for what, count in sorted(self.counts.items()))
        print(f"{shown}; {len(self.whole)} modes; {seconds:.0f} s")
        wrong = self.counts["runs that differ"] + self.counts["left-over processes"]
        return int(wrong + self.counts["damaged files"] > 0)

    def one_run(self, number: int, kills: int) -> None:
        mode = self.modes[number % len(self.modes)]
        expected, duration = self.uninterrupted(mode)
        options = self.options(mode, f"cut{number}", WORKERS[number % 3]) | {
            "checkpoint_minutes": CHECKPOINT_MINUTES[number // 3 % 2]
        }
        run = self.folder / f"cut{number}" / mode
        done = 0
        for _ in range(kills):
            if (done := self.one_kill(options, run, duration)) is None:
                break
        if done is not None:
            self.wait_for(self.launch(options, run))
        self.counts["runs"] += 1
        found = outcome(run)
        differing = [name for name in expected if found.get(name) != expected[name]]
        self.counts["runs that differ"] += bool(differing)
        verdict = f"DIFFERS in {', '.join(differing[:5])}" if differing else "equal"
        print(f"run {number}: {mode}, workers {options['workers']}: {verdict}", flush=True)

    def one_kill(self, options: dict[str, Any], run: Path, duration: float) -> int | None:
        """Start or resume a run and kill it; returns the process, None if the run ended before."""
        before = len(RunPaths.of(run).states())
        process = self.launch(options, run)
        # Half of the kills happen as a checkpoint begins to be written, the first to the sixth one.
        writes = self.rng.randint(1, 6) if self.rng.random() < 0.5 else 0
        until = time.perf_counter() + self.rng.uniform(0, 100 if writes else duration)
        writing = False
        while time.perf_counter() < until and not ended(process):
            was, writing = writing, is_writing(RunPaths.of(run).checkpoints)
            writes -= writing and not was
            if writing and not was and writes == 0:
                break
            time.sleep(0.0003)
        if ended(process):
            return None
        os.kill(process, signal.SIGKILL)
        reap(process)
        self.counts["kills"] += 1
        self.counts["kills while a checkpoint was written"] += any(run.rglob(".*.tmp"))
        self.counts["left-over processes"] += left_over(process)
        self.counts["damaged files"] += damaged_files(run, before)
        return process

    def uninterrupted(self, mode: str) -> tuple[dict[str, Any], float]:
        """The results of a run of the mode that is not killed, and its seconds; made once."""
        if mode not in self.whole:
            options = self.options(mode, "whole", 0)
            start = time.perf_counter()
            self.wait_for(self.launch(options, self.folder / "whole" / mode))
            self.whole[mode] = outcome(self.folder / "whole" / mode), time.perf_counter() - start
        return self.whole[mode]

    def options(self, mode: str, output: str, workers: str | int) -> dict[str, Any]:
        return {
            "data": str(self.data), "augment": mode, "model": "LeNet", "image_size": 32,
            "batch_size": 6, "epochs": self.args.epochs, "lr": 1e-3, "workers": workers, "ema": 0.9,
            "output": str(self.folder / output), "cpu_backend": self.args.backend,
        }  # fmt: skip

    def launch(self, options: dict[str, Any], run: Path) -> int:
        """Start the run, or resume it if it has a state; returns the process's id."""
        resuming = bool(RunPaths.of(run).states())
        self.counts["resumed starts"] += resuming
        resumed = run if resuming else None
        if self.args.exec:
            return execute(options, resumed, self.log)
        process = os.fork()
        if process == 0:
            in_child(options, resumed, self.log)
        return process

    def wait_for(self, process: int) -> None:
        """Wait for a run that is not killed; if it fails, the soak ends."""
        if code := reap(process):
            raise SystemExit(f"a run ended with {code}:\n{self.log.read_text()[-2000:]}")


def execute(options: dict[str, Any], resumed: Path | None, log: Path) -> int:
    """Start train.py as a command."""
    command = [sys.executable, str(ROOT / "train.py")]
    if resumed:
        command += ["--resume", str(resumed)]
    else:
        path = log.with_name("options.yaml")
        path.write_text(yaml.safe_dump(options | {"overwrite": True}))
        command += ["--config", str(path)]
    with log.open("wb") as file:
        return subprocess.Popen(command, stdout=file, stderr=file, start_new_session=True).pid


def in_child(options: dict[str, Any], resumed: Path | None, log: Path) -> None:
    """Do the work of train.py in a forked process; never returns."""
    code = 1
    try:
        os.setsid()
        descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(descriptor, 1)
        os.dup2(descriptor, 2)
        config = load_config(options | {"overwrite": True})
        run_command(lambda: (resume(resumed) if resumed else fit(config)) and 0)
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        sys.stdout.flush()
        os._exit(code)


def make_images(folder: Path) -> Path:
    """Write three class folders of noise, whose brightness depends on the class."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 4), ("test", 2)):
        for label in range(3):
            for number in range(count):
                place = folder / part / f"class{label}" / f"{number}.png"
                place.parent.mkdir(parents=True, exist_ok=True)
                noise = rng.integers(60 * label, 60 * label + 100, (20, 24, 3))
                cv2.imwrite(str(place), noise.astype(np.uint8))
    return folder


def outcome(run: Path) -> dict[str, Any]:
    """Bytes of curves, last state and best model, without the times in them."""
    found: dict[str, Any] = {
        curve: curve_path(run.parent, run.name, curve).read_bytes() for curve in CURVES
    }
    paths = RunPaths.of(run)
    for path in (paths.states()[0], paths.best):
        arrays, state = load_state(path)
        found |= {f"{path.name}: {name}": array.tobytes() for name, array in arrays.items()}
        progress = dict(state.get("progress", {}), seconds=0)
        rows = [*progress.pop("history", []), state.get("row") or {}]
        for row in rows:
            row.pop("seconds", None), row.pop("imagesPerSecond", None)
        found[f"{path.name}: state"] = [progress, rows, state.get("schedule"), state["classes"]]
    return found


def is_writing(folder: Path) -> bool:
    with contextlib.suppress(OSError):  # a new run may be deleting the folder
        return any(name.endswith(".tmp") for name in os.listdir(folder))
    return False


def damaged_files(run: Path, states_before: int) -> int:
    """Finished files that cannot be read, and states that have disappeared."""
    damaged = 0
    states = list(RunPaths.of(run).checkpoints.glob("*.safetensors"))
    for path in states:
        with contextlib.suppress(FileNotFoundError):
            try:
                load_state(path)
            except UserError as error:
                damaged += 1
                print(f"DAMAGED: {error}")
    for path in run.parent.glob("*.npy"):
        try:
            np.load(path, allow_pickle=False)
        except (ValueError, EOFError) as error:
            damaged += 1
            print(f"DAMAGED: {path}: {error}")
    lost = states_before and not any(path.name.startswith("state") for path in states)
    return damaged + int(bool(lost))


def ended(process: int) -> bool:
    """Whether the process has ended, without taking its exit code."""
    return os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG) is not None


def reap(process: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])


def left_over(session: int, patience: float = 3.0) -> int:
    """Processes of the session that are still there after some seconds."""
    until = time.perf_counter() + patience
    while (count := _members(session)) and time.perf_counter() < until:
        time.sleep(0.01)
    return count


def _members(session: int) -> int:
    count = 0
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                fields = (entry / "stat").read_text().rpartition(")")[2].split()
                # The fields are state, parent, group, session; a zombie (state Z) has ended
                # already.
                count += fields[3] == str(session) and fields[0] != "Z"
    return count


if __name__ == "__main__":
    sys.exit(main())
