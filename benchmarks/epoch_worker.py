"""One contender of epoch.py and scaling.py: trains epochs, or parts of them, on request.

    python benchmarks/epoch_worker.py naive|ours JSON

JSON: options of train.py (for naive: data, image_size, batch_size). A request is {"steps": N,
"eval_steps": M}, null for all; see `serve` in common.py.
"""

import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

Answer = Callable[..., dict[str, Any]]


def main() -> None:
    from benchmarks.common import serve

    kind, options = sys.argv[1], json.loads(sys.argv[2])
    serve(lambda: {"naive": start_naive, "ours": start_ours}[kind](options))


def start_naive(options: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """The SamplePairing article's script; imports nothing that sets threads or memory."""
    import random

    import numpy as np

    from benchmarks import naive_article as article
    from benchmarks.common import Stopwatch
    from benchmarks.memory import peak_megabytes

    random.seed(0)
    np.random.seed(0)
    started = time.perf_counter()
    folder, size, batch = Path(options["data"]), options["image_size"], options["batch_size"]
    labels = np.loadtxt(folder / "Train.txt", dtype=str).reshape(-1, 2)[:, 1].astype(int)
    model, optimizer = article.build(int(labels.max()) + 1, size)
    train = article.data_reader(folder, "train", size, batch, "samplePairing")
    validation = article.data_reader(folder, "validation", size, batch)
    setup_seconds = time.perf_counter() - started

    def answer(steps: int | None, eval_steps: int | None) -> dict[str, Any]:
        clock, start = Stopwatch(), time.perf_counter()
        loss, _ = article.train_epoch(model, optimizer, clock.over(train(), steps), "samplePairing")
        seconds = time.perf_counter() - start
        eval_clock, start = Stopwatch(), time.perf_counter()
        article.validate(model, eval_clock.over(validation(), eval_steps))
        eval_seconds = time.perf_counter() - start
        return {
            "images": clock.images, "seconds": seconds, "waited": clock.waited,
            "eval_images": eval_clock.images, "eval_seconds": eval_seconds,
            "save_seconds": 0.0, "loss": loss, "peak_megabytes": peak_megabytes(),
        }  # fmt: skip

    return {"setup_seconds": setup_seconds, "computes": "paddle"}, answer


def start_ours(options: dict[str, Any]) -> tuple[dict[str, Any], Answer]:
    """Ours as train.py runs it: with its environment, cache, loaders, engine and saving."""
    from paddle_aug.core.paddle_import import import_paddle

    import_paddle()
    from benchmarks.common import Stopwatch
    from benchmarks.memory import peak_megabytes
    from paddle_aug.config import load_config
    from paddle_aug.runs.checkpoint import CheckpointFolder
    from paddle_aug.train.engine import Progress, evaluate, train_one_epoch
    from paddle_aug.train.metrics import TrainingMeters
    from paddle_aug.train.setup import build_setup
    from paddle_aug.train.state import capture, refuse_damage
    from paddle_aug.weights.into_model import model_arrays

    class Timed:
        """A loader that measures the time spent waiting for its batches."""

        def __init__(self, loader: Any, clock: Stopwatch):
            self.loader, self.clock = loader, clock

        def __len__(self) -> int:
            return len(self.loader)

        def epoch(self, epoch: int, first: int = 0) -> Any:
            return self.clock.over(self.loader.epoch(epoch, first))

    # Phases in which every epoch mixes.
    always = {"pairing_start": 0, "pairing_end": 10**6, "pairing_off": 0, "epochs": 10**6}
    started = time.perf_counter()
    setup = build_setup(load_config({**always, **options}), say=lambda line: None)
    setup_seconds = time.perf_counter() - started
    progress = Progress()
    train_loader: Any = setup.train_loader
    eval_loader: Any = setup.eval_loader
    temporary = tempfile.TemporaryDirectory()
    checkpoints = CheckpointFolder(temporary.name)

    def answer(steps: int | None, eval_steps: int | None) -> dict[str, Any]:
        train_loader.max_steps, eval_loader.max_steps = steps, eval_steps
        progress.step, progress.meters = 0, TrainingMeters().state_dict()
        clock, start = Stopwatch(), time.perf_counter()
        timed: Any = Timed(train_loader, clock)
        train_one_epoch(setup.trainer, timed, progress, after_step=lambda: None)
        seconds = time.perf_counter() - start
        eval_clock, start = Stopwatch(), time.perf_counter()
        timed_eval: Any = Timed(eval_loader, eval_clock)
        evaluate(setup.trainer.model, timed_eval)
        eval_seconds = time.perf_counter() - start
        progress.epoch += 1
        start = time.perf_counter()
        # As after an epoch that is better than all before it.
        checkpoints.save_best(model_arrays(setup.trainer.model), {})
        arrays, state = capture(setup.trainer, progress, {})
        refuse_damage(arrays, "the end")
        checkpoints.save(progress.epoch, 0, arrays, state)
        save_seconds = time.perf_counter() - start
        meters = TrainingMeters()
        meters.set_state_dict(progress.meters)
        return {
            "images": clock.images, "seconds": seconds, "waited": clock.waited,
            "eval_images": eval_clock.images, "eval_seconds": eval_seconds,
            "save_seconds": save_seconds, "loss": meters.loss.value,
            "peak_megabytes": peak_megabytes(),
        }  # fmt: skip

    return {"setup_seconds": setup_seconds, "computes": setup.backend}, answer


if __name__ == "__main__":
    main()
